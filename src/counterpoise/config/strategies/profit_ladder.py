"""``profit_ladder`` in the file: shape, what must fit, policy. A ``gain`` becomes a price here."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import ConfigDict, Discriminator, Field, Tag

from counterpoise.config import fields, units
from counterpoise.config.draft import PortfolioDraft
from counterpoise.config.fields import (
    Asset,
    Identifier,
    Instant,
    LevelBelow,
    ManualWord,
    Part,
    Price,
    Rise,
    ShareAboveZero,
)
from counterpoise.config.section import Section
from counterpoise.config.shape import Shape, exactly_one, word_or_mapping
from counterpoise.config.words import percent
from counterpoise.domain.numbers import ONE, ZERO, text
from counterpoise.domain.strategy import ProfitLadderPolicy
from counterpoise.domain.strategy.conditions import PriceSource
from counterpoise.domain.strategy.conversion import Level
from counterpoise.domain.strategy.profit_ladder import LadderEnd, LadderTarget


class TargetModel(Shape):
    """A price at which another part of the holding is sold short."""

    model_config = ConfigDict(json_schema_extra=exactly_one("price", "gain"))

    price: Price | None = Field(default=None, description="the price: 90000; or gain")
    gain: Rise | None = Field(
        default=None, description="so far above the portfolio's cost_basis: 50%; or price"
    )
    add: ShareAboveZero = Field(description="the part of the holding to add to the short: 25%")


class EndModel(Shape):
    """When the rally is over: whichever comes first."""

    trail: Part | None = Field(
        default=None, description="so far below the highest price of the rally: 10%"
    )
    below: Price | None = Field(default=None, description="at or below this price: 80000")
    at: Instant | None = Field(default=None, description="at this instant: 2026-12-31T00:00:00Z")


EndForm = Annotated[
    Annotated[EndModel, Tag("mapping")] | Annotated[ManualWord, Tag("word")],
    Discriminator(word_or_mapping),
]


class ProfitLadderModel(Shape):
    """Scale out of a rally with shorts; the coins stay."""

    kind: Literal["profit_ladder"]
    id: Identifier = Field(description="a name of your choice, unique in the portfolio")
    asset: Asset = Field(description="the asset to scale out of, such as BTC")
    targets: list[TargetModel] = Field(
        min_length=1,
        description="prices upwards: [{price: 90000, add: 25%}, {price: 100000, add: 15%}]",
    )
    end: EndForm = Field(
        default="manual",
        description="when its shorts are closed: manual (default), or {trail: 10%}, {below: 80000},"
        " {at: ...}, or several of them",
    )
    rearm: LevelBelow | None = Field(
        default=None,
        description="an ended ladder starts anew at or below this: a price, or 5% (below the"
        " lowest target); default: only by command",
    )
    price: PriceSource = Field(
        default=PriceSource.MARK, description="which price is meant: mark (default) or last"
    )


def check(ladder: Section, portfolio: PortfolioDraft) -> None:
    """Complain of what cannot be meant."""
    asset = ladder.read(fields.asset, "asset")
    targets = ladder.items("targets")
    prices = [_check_target(target, portfolio, asset) for target in targets]
    _check_ascending(targets, prices)
    adds = [target.read(units.share_above_zero, "add") for target in targets]
    known = [add for add in adds if add is not None]
    total = sum(known, ZERO)
    if total > ONE:
        was = f"{percent(total)} ({' + '.join(percent(add) for add in known)})"
        hint = f"take {percent(total - ONE)} away"
        ladder.complain(("targets",), "parts that come to at most 100%", was=was, hint=hint)
    if ladder.is_mapping("end") and not ladder.at("end").written("trail", "below", "at"):
        ladder.complain(("end",), "at least one of trail, below and at, or manual")
    lowest = min((price for price in prices if price is not None), default=None)
    if lowest is not None:
        _check_below(ladder, lowest)


def _check_target(target: Section, portfolio: PortfolioDraft, asset: str | None) -> Decimal | None:
    """Return the target's price, None when it cannot be known."""
    which = target.one_of(("price", "gain"), "price (such as 90000) or gain (such as 50%)")
    if which == "gain" and asset is not None and asset not in portfolio.cost_basis:
        target.complain(
            ("gain",),
            f"a gain over what {asset} has cost",
            was="a gain over nothing",
            hint=f"add cost_basis: {{{asset}: <what one has cost>}} to the portfolio",
        )
    if which == "price":
        return target.read(units.price, "price")
    gain = target.read(units.rise, "gain") if which == "gain" else None
    cost = portfolio.cost_basis.get(asset) if asset is not None else None
    return None if gain is None or cost is None else _gained(cost, gain)


def _gained(cost: Decimal, gain: Decimal) -> Decimal:
    return cost * (ONE + gain)


def _check_ascending(targets: tuple[Section, ...], prices: list[Decimal | None]) -> None:
    before: Decimal | None = None
    for target, price in zip(targets, prices, strict=True):
        if price is None:
            continue
        if before is not None and price <= before:
            key = "gain" if target.has("gain") else "price"
            was = f"{text(price)}" if key == "gain" else None
            expected = f"targets that ascend: more than {text(before)} here"
            target.complain((key,), expected, was=was)
        before = price if before is None else max(before, price)


def _check_below(ladder: Section, lowest: Decimal) -> None:
    """Complain of an end or a new beginning that would come with the first target."""
    below = ladder.read(units.price, "end", "below")
    if below is not None and below >= lowest:
        ladder.complain(("end", "below"), f"a price below the lowest target, {text(lowest)}")
    rearm = ladder.read(units.level_below, "rearm")
    if rearm is not None and _price(rearm, lowest) >= lowest:
        ladder.complain(("rearm",), f"a price below the lowest target, {text(lowest)}")


def _price(level: Level, lowest: Decimal) -> Decimal:
    return lowest * (ONE - level.value) if level.relative else level.value


def policy(model: ProfitLadderModel, cost_basis: Mapping[str, Decimal]) -> ProfitLadderPolicy:
    """Return what the strategy is asked for; ``cost_basis`` is in quote per unit of an asset."""
    targets = tuple(_target(target, cost_basis.get(model.asset)) for target in model.targets)
    end = model.end
    return ProfitLadderPolicy(
        id=model.id,
        asset=model.asset,
        targets=targets,
        end=LadderEnd(trail=end.trail, below=end.below, at=end.at)
        if isinstance(end, EndModel)
        else LadderEnd(),
        rearm=None if model.rearm is None else _price(model.rearm, targets[0].price),
        source=model.price,
    )


def _target(model: TargetModel, cost: Decimal | None) -> LadderTarget:
    price = model.price
    if price is None:
        if cost is None or model.gain is None:
            raise TypeError("a target without a price must have told a problem")
        price = _gained(cost, model.gain)
    return LadderTarget(price=price, add=model.add, gain=model.gain)
