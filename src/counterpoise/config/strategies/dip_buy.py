"""``dip_buy`` in the file: shape, what must fit, policy."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from counterpoise.config import times, units
from counterpoise.config.fields import (
    Asset,
    Duration,
    Identifier,
    Interval,
    LevelBelow,
    Multiple,
    Part,
    Price,
    Quantity,
    Rise,
)
from counterpoise.config.section import Section
from counterpoise.config.shape import Shape, exactly_one, given
from counterpoise.config.strategies import convert
from counterpoise.domain.numbers import text
from counterpoise.domain.strategy import DipBuyPolicy
from counterpoise.domain.strategy.conditions import PriceSource
from counterpoise.domain.strategy.conversion import ConvertMode, ConvertPolicy, Level
from counterpoise.domain.strategy.dip_buy import TakeProfit


class TakeProfitModel(Shape):
    """Close the long with a profit."""

    model_config = ConfigDict(json_schema_extra=exactly_one("gain", "above"))

    mode: Literal["take_profit"] = Field(description="take_profit: close it with a profit")
    gain: Rise | None = Field(default=None, description="so far above the entry: 10%; or above")
    above: Price | None = Field(default=None, description="at or above this price: 3300; or gain")
    buy_spot: bool = Field(
        default=False, strict=True, description="true: buy coins with the profit; default false"
    )


class ConvertExitModel(convert.ConvertShape):
    """Turn the long into coins; at once when none of at, above, below and on_command is given."""

    mode: Literal["convert"] = Field(description="convert: turn the long into coins")
    pace: ConvertMode = Field(
        default=ConvertMode.AT_ONCE,
        description="at_once (default): rung after rung; gradual: a tranche every so often",
    )


Exit = Annotated[TakeProfitModel | ConvertExitModel, Field(discriminator="mode")]


class DipBuyModel(Shape):
    """Buy a dip with futures, then take the profit or turn them into coins."""

    model_config = ConfigDict(json_schema_extra=exactly_one("qty", "to"))

    kind: Literal["dip_buy"]
    id: Identifier = Field(description="a name of your choice, unique in the portfolio")
    asset: Asset = Field(description="the asset to buy, such as ETH")
    drop: Part = Field(description="how far below the highest price of the window: 10%")
    window: Duration = Field(description="how far to look back: 30d")
    interval: Interval | None = Field(
        default=None, description="the bars of the window; default 1h"
    )
    qty: Quantity | None = Field(
        default=None, description="how much to buy, in units of the asset: 2; or to"
    )
    to: Quantity | None = Field(
        default=None, description="up to this exposure, coins included: 12; or qty"
    )
    exit: Exit = Field(
        description="how it ends: {mode: take_profit, gain: 10%} or {mode: convert, above: 10%}"
    )
    stop: LevelBelow | None = Field(
        default=None, description="close at or below this price, or so far below the entry: 5%"
    )
    max_leverage: Multiple | None = Field(
        default=None, description="the most it may buy, in times of equity; default 1"
    )
    price: PriceSource = Field(
        default=PriceSource.MARK, description="which price is meant: mark (default) or last"
    )


def check(dip: Section) -> None:
    """Complain of what cannot be meant."""
    dip.one_of(("qty", "to"), "qty (how much to buy) or to (up to which exposure)")
    times.check_window(dip)
    leave, mode = dip.at("exit"), dip.word("exit", "mode")
    stop = dip.read(units.level_below, "stop")
    if mode == "take_profit":
        leave.one_of(("gain", "above"), "gain (such as 10%) or above (a price)")
        target = leave.read(units.price, "above")
        if target is not None and stop is not None and not stop.relative and stop.value >= target:
            dip.complain(("stop",), f"a price below the exit, {text(target)}")
    elif mode == "convert":
        convert.check(leave, "pace", one_asset=True)
        below = leave.read(units.level_below, "below")
        if below is not None and stop is not None and _never(below, stop):
            leave.complain(("below",), "a level above the stop, which closes the long")
        above = leave.read(units.level_above, "above")
        if above is not None and stop is not None and _crossed(above, stop):
            dip.complain(("stop",), f"a price below the exit, {text(above.value)}")


def _never(below: Level, stop: Level) -> bool:
    """Whether the stop comes before ``below``: both prices, or both percentages below the entry."""
    if below.relative is not stop.relative:
        return False
    return below.value >= stop.value if below.relative else below.value <= stop.value


def _crossed(above: Level, stop: Level) -> bool:
    return not above.relative and not stop.relative and stop.value >= above.value


def policy(model: DipBuyModel) -> DipBuyPolicy:
    """Return what the strategy is asked for."""
    length = model.interval or times.DEFAULT_INTERVAL
    return DipBuyPolicy(
        id=model.id,
        asset=model.asset,
        drop=model.drop,
        interval=length,
        bars=model.window // length,
        qty=model.qty,
        to=model.to,
        exit=_exit(model.exit),
        stop=model.stop,
        source=model.price,
        **given(max_leverage=model.max_leverage),
    )


def _exit(model: TakeProfitModel | ConvertExitModel) -> TakeProfit | ConvertPolicy:
    if isinstance(model, ConvertExitModel):
        return convert.policy(model, model.pace)
    if model.gain is not None:
        return TakeProfit(level=Level(value=model.gain, relative=True), buy_spot=model.buy_spot)
    if model.above is None:
        raise TypeError("an exit without a level must have told a problem")
    return TakeProfit(level=Level(value=model.above), buy_spot=model.buy_spot)
