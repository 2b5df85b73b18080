"""``scale_in`` in the file: shape, what must fit, policy."""

from __future__ import annotations

from typing import Literal

from pydantic import ConfigDict, Field

from counterpoise.config import times, units
from counterpoise.config.fields import Asset, Bars, Identifier, Interval, Price, Quantity, Rise
from counterpoise.config.section import Section
from counterpoise.config.shape import Shape, at_most_one, exactly_one
from counterpoise.domain.numbers import text
from counterpoise.domain.strategy import ScaleInPolicy
from counterpoise.domain.strategy.conditions import PriceSource
from counterpoise.domain.strategy.scale_in import Commit, Confirm, Entry, OnInvalid


class EntryModel(Shape):
    """The first tranche."""

    model_config = ConfigDict(json_schema_extra=at_most_one("above", "below"))

    qty: Quantity = Field(description="a quantity in units of the asset: 0.5")
    above: Price | None = Field(default=None, description="not before this price: 3100")
    below: Price | None = Field(default=None, description="not above this price: 2900")


class ConfirmModel(Shape):
    """The second tranche: the price came back from a support and broke a resistance."""

    qty: Quantity = Field(description="a quantity in units of the asset: 1")
    bounce: Rise = Field(description="so far above the support, after touching it: 2%")
    support: Price = Field(description="the price that held: 2950")
    resistance: Price = Field(description="the price to break: 3050")


class CommitModel(Shape):
    """The rest: the trend is there."""

    model_config = ConfigDict(json_schema_extra=exactly_one("new_high", "average"))

    to: Quantity = Field(description="the whole position, in units of the asset: 3")
    new_high: Bars | None = Field(
        default=None, description="a close above the highest of so many bars: 20; or average"
    )
    average: Bars | None = Field(
        default=None, description="a rising average of so many closes: 20; or new_high"
    )
    interval: Interval | None = Field(default=None, description="the length of a bar; default 1h")


class TranchesModel(Shape):
    """In order."""

    entry: EntryModel = Field(description="the first: {qty: 0.5}, {qty: 0.5, below: 2900}")
    confirm: ConfirmModel | None = Field(
        default=None,
        description="the second: {qty: 1, bounce: 2%, support: 2950, resistance: 3050}",
    )
    commit: CommitModel | None = Field(
        default=None, description="the rest: {to: 3, new_high: 20, interval: 1h}"
    )


class ScaleInModel(Shape):
    """Build a long in tranches that each need a stronger reason."""

    kind: Literal["scale_in"]
    id: Identifier = Field(description="a name of your choice, unique in the portfolio")
    asset: Asset = Field(description="the asset to go long in, such as ETH")
    tranches: TranchesModel = Field(
        description="entry, confirm and commit, such as {entry: {qty: 0.5}}"
    )
    invalidate: Price = Field(description="the price at or below which it was wrong: 2850")
    on_invalid: OnInvalid = Field(
        default=OnInvalid.CLOSE,
        description="close (default), or hedge: turn it into a short against the coins held",
    )
    add_to_loser: bool = Field(
        default=False,
        strict=True,
        description="true: add a tranche even below the entry; default false",
    )
    price: PriceSource = Field(
        default=PriceSource.MARK, description="which price is meant: mark (default) or last"
    )


def check(strategy: Section) -> None:
    """Complain of what cannot be meant."""
    entry, confirm = strategy.at("tranches", "entry"), strategy.at("tranches", "confirm")
    invalidate = strategy.read(units.price, "invalidate")
    entry.one_of(("above", "below"), "", needed=False)
    support = confirm.read(units.price, "support")
    resistance = confirm.read(units.price, "resistance")
    if support is not None and resistance is not None and resistance <= support:
        confirm.complain(("resistance",), f"a price above the support, {text(support)}")
    for part, key in ((entry, "above"), (entry, "below"), (confirm, "support")):
        price = part.read(units.price, key)
        if price is not None and invalidate is not None and invalidate >= price:
            what = "the support" if key == "support" else "the entry"
            strategy.complain(("invalidate",), f"a price below {what}, {text(price)}")
    _check_commit(strategy, entry, confirm)


def _check_commit(strategy: Section, entry: Section, confirm: Section) -> None:
    commit = strategy.at("tranches", "commit")
    if not strategy.is_mapping("tranches", "commit"):
        return
    missing = "new_high (bars, such as 20) or average (bars, such as 20)"
    commit.one_of(("new_high", "average"), missing)
    whole = commit.read(units.positive, "to")
    first = entry.read(units.positive, "qty")
    second = confirm.read(units.positive, "qty")
    if first is None or (second is None and confirm.has("qty")) or whole is None:
        return
    before = first if second is None else first + second
    if whole <= before:
        commit.complain(("to",), f"more than the {text(before)} of the tranches before it")


def policy(model: ScaleInModel) -> ScaleInPolicy:
    """Return what the strategy is asked for."""
    entry, confirm, commit = model.tranches.entry, model.tranches.confirm, model.tranches.commit
    return ScaleInPolicy(
        id=model.id,
        asset=model.asset,
        entry=Entry(qty=entry.qty, above=entry.above, below=entry.below),
        confirm=None
        if confirm is None
        else Confirm(
            qty=confirm.qty,
            support=confirm.support,
            bounce=confirm.bounce,
            resistance=confirm.resistance,
        ),
        commit=None
        if commit is None
        else Commit(
            to=commit.to,
            interval=commit.interval or times.DEFAULT_INTERVAL,
            high_bars=commit.new_high,
            average_bars=commit.average,
        ),
        invalidate=model.invalidate,
        on_invalid=model.on_invalid,
        add_to_loser=model.add_to_loser,
        source=model.price,
    )
