"""``hedge`` in the file: shape, what must fit, policy."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from counterpoise.config import units
from counterpoise.config.draft import PortfolioDraft
from counterpoise.config.fields import Asset, Identifier, Later, Quantity, Rise
from counterpoise.config.section import Section
from counterpoise.config.shape import Shape, exactly_one
from counterpoise.config.strategies import conditions
from counterpoise.config.strategies.conditions import ReleaseForm, WhenForm
from counterpoise.domain.numbers import ONE
from counterpoise.domain.strategy import HedgePolicy
from counterpoise.domain.strategy.hedge import HedgeSide


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
    cross: Annotated[None, Later("cross hedges come with a later version")] = None


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
    )
