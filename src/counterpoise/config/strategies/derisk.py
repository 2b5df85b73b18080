"""``derisk`` in the file: shape, what must fit, policy."""

from __future__ import annotations

from typing import Literal

from pydantic import ConfigDict, Field

from counterpoise.config import units
from counterpoise.config.draft import PortfolioDraft
from counterpoise.config.fields import Identifier, Share
from counterpoise.config.problems import nearest
from counterpoise.config.section import Section
from counterpoise.config.shape import Shape, exactly_one
from counterpoise.config.strategies import convert
from counterpoise.domain.policy import Sleeve
from counterpoise.domain.strategy import DeriskPolicy
from counterpoise.domain.strategy.conditions import PriceSource
from counterpoise.domain.strategy.conversion import ConvertMode, ConvertPolicy
from counterpoise.domain.strategy.derisk import Retarget


class DeriskConvertModel(convert.ConvertShape):
    """When and how fast coins take over from the short."""

    mode: ConvertMode = Field(
        default=ConvertMode.AT_ONCE,
        description="at_once (default): rung after rung; gradual: a tranche every so often",
    )
    price: PriceSource = Field(
        default=PriceSource.MARK, description="which price is meant: mark (default) or last"
    )


class DeriskModel(Shape):
    """Bring a sleeve, or all crypto, down to a weight: short at once, sell coins later."""

    model_config = ConfigDict(json_schema_extra=exactly_one("sleeve", "crypto"))

    kind: Literal["derisk"]
    id: Identifier = Field(description="a name of your choice, unique in the portfolio")
    sleeve: Identifier | None = Field(
        default=None, description="the sleeve to bring down: core; or crypto"
    )
    crypto: bool | None = Field(
        default=None, strict=True, description="true: everything but the quote; or sleeve"
    )
    target: Share = Field(description="the weight to come down to, of equity: 60%")
    convert: DeriskConvertModel | None = Field(
        default=None,
        description="when coins take over: {at: ...}, {above: 20%}, {below: 20%}, {on_command: true}"
        " (default), or several of them",
    )
    retarget: Retarget = Field(
        default=Retarget.NEVER,
        description="never (default): the short keeps its size; band: sized anew when the weight"
        " leaves the sleeve's band around the target (5pp for all crypto)",
    )


def check(derisk: Section, portfolio: PortfolioDraft) -> None:
    """Complain of what cannot be meant."""
    which = derisk.one_of(("sleeve", "crypto"), "sleeve (such as core) or crypto: true")
    traded = [a for a in portfolio.assets if a != portfolio.quote]
    if which == "crypto" and not derisk.is_true("crypto"):
        derisk.complain(("crypto",), "true", hint="name a sleeve instead")
    name = derisk.word("sleeve") if which == "sleeve" else None
    if name is not None:
        traded = _check_sleeve(derisk, portfolio, name)
        _check_band(derisk, portfolio, name)
    convert.check(derisk.at("convert"), "mode", one_asset=len(traded) <= 1)


def _check_sleeve(derisk: Section, portfolio: PortfolioDraft, name: str) -> list[str]:
    """Return the assets of the sleeve that can be sold short."""
    if name not in portfolio.sleeves:
        near = nearest(name, portfolio.sleeves)
        expected = f"a sleeve of this portfolio ({', '.join(portfolio.sleeves)})"
        derisk.complain(("sleeve",), expected, hint=f"did you mean {near!r}?" if near else "")
        return []
    traded = [a for a in portfolio.sleeves[name].assets if a != portfolio.quote]
    if not traded and portfolio.quote is not None:
        derisk.complain(("sleeve",), "a sleeve that holds more than the quote")
    return traded


def _check_band(derisk: Section, portfolio: PortfolioDraft, name: str) -> None:
    """Complain of a short that should follow a band that is not there, or is nothing around the target."""
    if derisk.word("retarget") != Retarget.BAND or name not in portfolio.sleeves:
        return
    sleeve = Section(document=derisk.document, path=portfolio.sleeves[name].path)
    band, target = portfolio.sleeves[name].band, derisk.read(units.share, "target")
    if not sleeve.has("band"):
        derisk.complain(("retarget",), f"a band of sleeve {name!r} to follow", hint="add band: 5pp")
    elif band is not None and band.relative and target == 0:
        expected = f"a band of sleeve {name!r} in pp, as a percentage of a target of 0% is nothing"
        derisk.complain(("retarget",), expected)


def policy(model: DeriskModel, sleeves: tuple[Sleeve, ...], quote: str) -> DeriskPolicy:
    """Return what the strategy is asked for; ``sleeves`` are all of the portfolio's."""
    meant = [s for s in sleeves if model.sleeve is None or s.id == model.sleeve]
    return DeriskPolicy(
        id=model.id,
        target=model.target,
        assets=tuple(a for sleeve in meant for a in sleeve.assets if a != quote),
        sleeve=model.sleeve,
        convert=_convert(model.convert),
        retarget=model.retarget,
    )


def _convert(model: DeriskConvertModel | None) -> ConvertPolicy:
    if model is None:
        return ConvertPolicy()
    return convert.policy(model, model.mode, model.price)
