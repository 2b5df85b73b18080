"""``hedge`` in the file: shape, what must fit, policy."""

from __future__ import annotations

from typing import Literal

from pydantic import ConfigDict, Field

from counterpoise.config import fields, units
from counterpoise.config.draft import PortfolioDraft
from counterpoise.config.fields import (
    Asset,
    Duration,
    Identifier,
    Interval,
    Multiple,
    Part,
    Quantity,
    Rise,
)
from counterpoise.config.lookback import check_window
from counterpoise.config.section import Section
from counterpoise.config.shape import Shape, exactly_one, given
from counterpoise.config.strategies import conditions
from counterpoise.config.strategies.conditions import ReleaseForm, WhenForm
from counterpoise.domain.numbers import ONE
from counterpoise.domain.strategy import HedgePolicy
from counterpoise.domain.strategy.hedge import Cross, HedgeSide


class CrossModel(Shape):
    """The futures of another asset to hedge with; guards.basis must allow it."""

    by: Asset = Field(description="the asset whose futures are held, such as ETH")
    beta: Multiple | None = Field(
        default=None,
        description="how much more is held in value: 1.2; default measured on closed bars",
    )
    window: Duration | None = Field(default=None, description="of closed bars; default 60d")
    interval: Interval | None = Field(default=None, description="of those bars; default 1d")
    band: Part | None = Field(
        default=None, description="how far its size may be off before it is traded; default 10%"
    )


class HedgeModel(Shape):
    """Hold futures against an asset, always or while a condition holds."""

    model_config = ConfigDict(json_schema_extra=exactly_one("ratio", "qty"))

    kind: Literal["hedge"]
    id: Identifier = Field(description="a name of your choice, unique in the portfolio")
    asset: Asset = Field(description="the asset to hedge, such as BTC")
    ratio: Rise | None = Field(default=None, description="the part of the holding: 50%; or qty")
    qty: Quantity | None = Field(
        default=None, description="a quantity in units of the asset; or ratio"
    )
    side: HedgeSide = Field(
        default=HedgeSide.SHORT,
        description="short (default) protects what is held; long adds to it",
    )
    when: WhenForm = Field(
        default="always",
        description="always (default), or a condition: {window: {from, until}}, {above: 100000},"
        " {below: 80000}, {drop: 10%, window: 30d} or {volatility: 80%, window: 7d}",
    )
    release: ReleaseForm | None = Field(
        default=None,
        description="manual, or what ends it: {at: ...}, {above: ...}, {below: ...}, {rebound: 10%}"
        " or {calm: 60%}",
    )
    cross: CrossModel | None = Field(
        default=None, description="hedge with the futures of another asset: {by: ETH}"
    )


def check(hedge: Section, portfolio: PortfolioDraft) -> None:
    """Complain of what cannot be meant."""
    hedge.one_of(("ratio", "qty"), "ratio (such as 50%) or qty (in units of the asset)")
    ratio = hedge.read(units.rise, "ratio")
    long = hedge.word("side") == HedgeSide.LONG
    if ratio is not None and ratio > ONE and not long and not portfolio.allow_net_short:
        expected = "a percentage above 0% and up to 100%, such as 60%"
        hint = "a short of more than is held needs allow_net_short: true"
        hedge.complain(("ratio",), expected, hint=hint)
    conditions.check(hedge)
    if hedge.has("cross"):
        _check_cross(hedge, portfolio)


def _check_cross(hedge: Section, portfolio: PortfolioDraft) -> None:
    """It is allowed, its asset is another one of a sleeve, and its window tells something."""
    cross, basis = (
        hedge.at("cross"),
        Section(document=hedge.document, path=(*portfolio.path, "guards", "basis")),
    )
    if not basis.is_true("allow_cross") or basis.is_false("act"):
        expected = "no cross hedge, as guards.basis does not allow one"
        hint = "its futures may move otherwise than what it hedges; if you want that, add to the portfolio"
        cross.document.complain_of_key(
            cross.path,
            expected,
            was="'cross'",
            hint=f"{hint} guards: {{basis: {{allow_cross: true}}}}",
        )
    by, own = cross.read(fields.asset, "by"), hedge.read(fields.asset, "asset")
    traded = [a for a in portfolio.assets if a != portfolio.quote]
    if by is not None and traded and (by not in traded or by == own):
        others = ", ".join(a for a in traded if a != own) or "none so far"
        hint = f"a sleeve of weight 0% will do: {{weight: 0%, assets: {{{by}: 100%}}, band: 5pp}}"
        cross.complain(
            ("by",),
            f"another asset of a sleeve and not the quote ({others})",
            hint="" if by == own else hint,
        )
    usual = Cross(by="")
    check_window(cross, usual.window, usual.interval)


def policy(model: HedgeModel) -> HedgePolicy:
    """Return what the strategy is asked for."""
    return HedgePolicy(
        id=model.id,
        asset=model.asset,
        ratio=model.ratio,
        qty=model.qty,
        side=model.side,
        when=conditions.when_of(model.when),
        release=conditions.release_of(model.release, model.when),
        cross=_cross(model.cross),
    )


def _cross(model: CrossModel | None) -> Cross | None:
    if model is None:
        return None
    written = {
        "beta": model.beta,
        "window": model.window,
        "interval": model.interval,
        "band": model.band,
    }
    return Cross(by=model.by, **given(**written))
