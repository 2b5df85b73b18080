"""Reading conditions off the scene: does one hold, what in words would make it hold, and when to look again.

Prices are judged anew every cycle and must hold in two (MEANING 12); what time and closed bars say is a fact and
counts at once. A price that is not known and bars that are too few make a reading unknown: it neither holds nor
fails to hold, and breaks the row of whatever was seen once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from counterpoise.domain.bars import Bar, closed_run, last_closed_open
from counterpoise.domain.decision import Wakeups
from counterpoise.domain.indicators import realised_volatility, rolling_high
from counterpoise.domain.numbers import ONE, dec, quantize, text
from counterpoise.domain.reasons import Reason, reason
from counterpoise.domain.scene import Scene
from counterpoise.domain.strategy.conditions import (
    Above,
    Always,
    At,
    Below,
    Calm,
    Drop,
    During,
    Extreme,
    Manual,
    PriceSource,
    Rebound,
    Release,
    Volatility,
    When,
    confirmed,
)

_SHOWN = dec("0.0001")
_UNITS = (("d", timedelta(days=1)), ("h", timedelta(hours=1)), ("m", timedelta(minutes=1)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What one condition says in one cycle. ``holds`` is None while it is not known, and ``says`` tells why.

    ``fact``: it needs no second cycle. ``wakeups`` tell when it may have changed.
    """

    holds: bool | None
    says: Reason
    fact: bool = False
    wakeups: Wakeups = field(default_factory=Wakeups)


def read(
    condition: When | Release, scene: Scene, asset: str, low: Extreme | None = None
) -> Reading:
    """Return what ``condition`` on ``asset`` says; ``low`` is the lowest price since the strategy acted."""
    match condition:
        case Always():
            return Reading(holds=True, fact=True, says=reason("if_always"))
        case Manual():
            return Reading(holds=False, fact=True, says=reason("if_asked"))
        case During() | At():
            return _timed(condition, scene)
        case Above():
            return read_price(scene, asset, condition.source, condition.price, rising=True)
        case Below():
            return read_price(scene, asset, condition.source, condition.price, rising=False)
        case Drop():
            return _dropped(condition, scene, asset)
        case Rebound():
            return _rebounded(condition, scene, asset, low)
        case Volatility() | Calm():
            return _moving(condition, scene, asset)


def read_price(
    scene: Scene,
    asset: str,
    source: PriceSource,
    level: Decimal,
    *,
    rising: bool,
    says: Reason | None = None,
) -> Reading:
    """Return whether the price is at or beyond ``level``: at or above it when ``rising``, else at or below.

    ``says`` is the sentence where "at or above" alone would say too little.
    """
    price = scene.price(asset, source)
    if price is None:
        return unknown_price(asset, source)
    wakeups = Wakeups(above={asset: level}) if rising else Wakeups(below={asset: level})
    if says is None:
        numbers = priced(scene, asset, source) | {"level": text(level)}
        says = reason("if_above", **numbers) if rising else reason("if_below", **numbers)
    return Reading(holds=price >= level if rising else price <= level, says=says, wakeups=wakeups)


def unknown_price(asset: str, source: PriceSource) -> Reading:
    """Return the reading of a price that is not known."""
    says = reason("price_unknown", asset=asset, source=source.value)
    return Reading(holds=None, says=says, wakeups=Wakeups(soon=True))


def passed(reading: Reading) -> Reading:
    """Return the reading of the opposite: that ``reading`` does not hold, which is not known where it is not."""
    return Reading(
        holds=None if reading.holds is None else not reading.holds,
        says=reading.says
        if reading.holds is None
        else reason("if_no_longer", what=reading.says.text),
        fact=reading.fact,
        wakeups=replace(reading.wakeups, above=reading.wakeups.below, below=reading.wakeups.above),
    )


def read_bars(
    scene: Scene, asset: str, interval: timedelta, count: int
) -> tuple[Bar, ...] | Reading:
    """Return the newest ``count`` closed bars, oldest first, or the reading that there are too few."""
    bars = scene.tail(asset, interval, count)
    if bars is not None:
        return bars
    says = reason(
        "warming_up",
        asset=asset,
        have=closed_run(scene.bars.get((asset, interval), ()), interval, scene.now),
        need=count,
        interval=span(interval),
    )
    return Reading(holds=None, says=says, wakeups=next_bar(scene, interval))


def next_bar(scene: Scene, interval: timedelta) -> Wakeups:
    """Return a wake-up for when the bar of ``interval`` that is being traded now closes."""
    return Wakeups(at=last_closed_open(scene.now, interval) + 2 * interval)


def priced(scene: Scene, asset: str, source: PriceSource) -> dict[str, str]:
    """Return the numbers that name a price: ``asset``, ``source``, ``price``."""
    price = scene.price(asset, source)
    return {
        "asset": asset,
        "source": source.value,
        "price": "not known" if price is None else text(price),
    }


def settled(
    readings: Mapping[str, Reading], held: Mapping[str, datetime], now: datetime
) -> tuple[frozenset[str], dict[str, datetime], Wakeups]:
    """Return the names that count now, what to remember of the others, and when to look again.

    Facts count at once; prices once they were there in the cycle before, too.
    """
    holds = {name: r.holds is True for name, r in readings.items() if not r.fact}
    names, remembered = confirmed(held, holds, now)
    wakeups = Wakeups(soon=bool(remembered))
    for each in readings.values():
        wakeups |= each.wakeups
    facts = {name for name, r in readings.items() if r.fact and r.holds}
    return names | facts, remembered, wakeups


def instant(at: datetime) -> str:
    """Return ``at`` as people and programs read it in a reason: UTC, to the second."""
    return at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def span(interval: timedelta) -> str:
    """Return ``interval`` as the config writes it: ``1d``, ``4h``, ``15m``, ``30s``."""
    for unit, size in _UNITS:
        if interval % size == timedelta(0):
            return f"{interval // size}{unit}"
    return f"{interval // timedelta(seconds=1)}s"


def _timed(condition: During | At, scene: Scene) -> Reading:
    if isinstance(condition, At):
        says = reason("if_time", at=instant(condition.at), now=instant(scene.now))
        passed = scene.now >= condition.at
        wakeups = Wakeups() if passed else Wakeups(at=condition.at)
        return Reading(holds=passed, fact=True, says=says, wakeups=wakeups)
    says = reason(
        "if_window",
        start_at=instant(condition.start_at),
        end_at=instant(condition.end_at),
        now=instant(scene.now),
    )
    edges = [at for at in (condition.start_at, condition.end_at) if at > scene.now]
    within = condition.start_at <= scene.now < condition.end_at
    return Reading(holds=within, fact=True, says=says, wakeups=Wakeups(at=min(edges, default=None)))


def _dropped(condition: Drop, scene: Scene, asset: str) -> Reading:
    bars = read_bars(scene, asset, condition.interval, condition.bars)
    if isinstance(bars, Reading):
        return bars
    high = rolling_high(bars)
    level = high * (ONE - condition.size)
    says = reason(
        "if_dropped",
        size=text(condition.size),
        high=text(high),
        lookback=span(condition.interval * condition.bars),
        level=text(level),
        **priced(scene, asset, condition.source),
    )
    reading = read_price(scene, asset, condition.source, level, rising=False, says=says)
    # the next bar may raise the high, or an old one may leave it
    wakeups = reading.wakeups | next_bar(scene, condition.interval)
    return Reading(holds=reading.holds, says=reading.says, wakeups=wakeups)


def _rebounded(condition: Rebound, scene: Scene, asset: str, low: Extreme | None) -> Reading:
    if scene.price(asset, condition.source) is None:
        return unknown_price(asset, condition.source)
    numbers = priced(scene, asset, condition.source)
    if low is None or low.price is None:
        says = reason("no_low_yet", **numbers)
        return Reading(holds=False, says=says, wakeups=Wakeups(soon=True))
    level = low.price * (ONE + condition.size)
    says = reason(
        "if_rebounded",
        size=text(condition.size),
        low=text(low.price),
        level=text(level),
        **numbers,
    )
    reading = read_price(scene, asset, condition.source, level, rising=True, says=says)
    wakeups = reading.wakeups | Wakeups(soon=low.next is not None, below={asset: low.price})
    return Reading(holds=reading.holds, says=reading.says, wakeups=wakeups)


def _moving(condition: Volatility | Calm, scene: Scene, asset: str) -> Reading:
    bars = read_bars(scene, asset, condition.interval, condition.bars)
    if isinstance(bars, Reading):
        return bars
    if any(bar.close <= 0 for bar in bars):
        says = reason("bars_absurd", asset=asset, interval=span(condition.interval))
        return Reading(holds=None, says=says, wakeups=next_bar(scene, condition.interval))
    volatility = realised_volatility(bars, condition.interval)
    limit = condition.above if isinstance(condition, Volatility) else condition.below
    numbers = {
        "asset": asset,
        "volatility_limit": text(limit),
        "bars": str(condition.bars),
        "interval": span(condition.interval),
        "volatility": text(quantize(volatility, _SHOWN)),
    }
    if isinstance(condition, Volatility):
        holds, says = volatility >= limit, reason("if_volatile", **numbers)
    else:
        holds, says = volatility <= limit, reason("if_calm", **numbers)
    return Reading(holds=holds, fact=True, says=says, wakeups=next_bar(scene, condition.interval))
