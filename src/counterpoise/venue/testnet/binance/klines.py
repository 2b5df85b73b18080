"""Candles in Binance's twelve columns, for spot, futures and mark prices.

The recorded series know no quote volume, trade count or taker share: quote volume is shown at the bar's
mean price, half of a bar is shown as taker buys, and the trade count is 1 for a bar with volume. A month
is summed from days here, because its length is no fixed interval.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import groupby
from types import MappingProxyType

from counterpoise.domain.numbers import ZERO, dec
from counterpoise.venue.sim import Candle, SymbolRules
from counterpoise.venue.sim.model import SeriesKind
from counterpoise.venue.testnet.binance.call import Call
from counterpoise.venue.testnet.binance.errors import ApiError
from counterpoise.venue.testnet.binance.formatting import (
    fixed,
    ms,
    price_text,
    qty_text,
    rounded,
)

DAY = timedelta(days=1)
MONTH = "1M"

INTERVALS: Mapping[str, timedelta] = MappingProxyType(
    {
        **{f"{n}m": timedelta(minutes=n) for n in (1, 3, 5, 15, 30)},
        **{f"{n}h": timedelta(hours=n) for n in (1, 2, 4, 6, 8, 12)},
        **{f"{n}d": timedelta(days=n) for n in (1, 3)},
        "1w": timedelta(weeks=1),
    }
)

SPOT_DEFAULT, SPOT_MOST = 500, 1_000
FUTURES_DEFAULT, FUTURES_MOST = 500, 1_500


def spot_klines(call: Call) -> object:
    """GET /api/v3/klines."""
    return _klines(call, "spot", SPOT_DEFAULT, SPOT_MOST)


def futures_klines(call: Call) -> object:
    """GET /fapi/v1/klines."""
    return _klines(call, "perp", FUTURES_DEFAULT, FUTURES_MOST)


def mark_klines(call: Call) -> object:
    """GET /fapi/v1/markPriceKlines: mark prices, volumes "0"."""
    return _klines(call, "mark", FUTURES_DEFAULT, FUTURES_MOST)


def index_klines(call: Call) -> object:
    """GET /fapi/v1/indexPriceKlines: the index is the spot price of the same pair."""
    rule = call.rule_of(call.params.need("pair"))
    rows = _candles(call, "spot", rule, FUTURES_DEFAULT, FUTURES_MOST)
    return [_row(replace(candle, volume=ZERO), width, rule) for candle, width in rows]


def _klines(call: Call, source: SeriesKind, default: int, most: int) -> list[list[object]]:
    rule = call.rule()
    return [
        _row(candle, width, rule) for candle, width in _candles(call, source, rule, default, most)
    ]


def _candles(
    call: Call,
    source: SeriesKind,
    rule: SymbolRules,
    default: int,
    most: int,
) -> Iterable[tuple[Candle, timedelta]]:
    name = call.params.need("interval")
    limit = call.params.limit(default, most)
    start, end = call.span()
    if name == MONTH:
        return _months(call, source, rule.symbol, start, end, limit)
    width = INTERVALS.get(name)
    if width is None:
        raise ApiError(-1120, "Invalid interval.")
    candles = call.exchange.candles(source, rule.symbol, width, start=start, end=end, limit=limit)
    return [(candle, width) for candle in candles]


def _months(
    call: Call,
    source: SeriesKind,
    symbol: str,
    start: datetime | None,
    end: datetime | None,
    limit: int,
) -> list[tuple[Candle, timedelta]]:
    # one month more than asked for: the first one found may be cut
    days = call.exchange.candles(source, symbol, DAY, start=start, end=end, limit=(limit + 1) * 31)
    months = [
        _month(list(group))
        for _, group in groupby(days, key=lambda day: (day.open_at.year, day.open_at.month))
    ]
    if start is None:
        return months[-limit:]
    # a month that began before startTime is cut, and Binance lists bars that open inside the span only
    return [pair for pair in months if pair[0].open_at >= start][:limit]


def _month(days: list[Candle]) -> tuple[Candle, timedelta]:
    first = days[0].open_at.replace(day=1)
    following = (first + 31 * DAY).replace(day=1)
    candle = Candle(
        open_at=first,
        open=days[0].open,
        high=max(day.high for day in days),
        low=min(day.low for day in days),
        close=days[-1].close,
        volume=sum((day.volume for day in days), ZERO),
    )
    return candle, following - first


def _row(candle: Candle, width: timedelta, rule: SymbolRules) -> list[object]:
    quote = quote_volume(candle)
    return [
        ms(candle.open_at),
        price_text(rule, candle.open),
        price_text(rule, candle.high),
        price_text(rule, candle.low),
        price_text(rule, candle.close),
        qty_text(rule, candle.volume),
        ms(candle.open_at + width) - 1,
        rounded(quote, 8),
        int(candle.volume > 0),
        fixed(candle.volume / 2, 8),
        rounded(quote / 2, 8),
        "0",
    ]


def quote_volume(candle: Candle) -> Decimal:
    """Return the quote volume of a bar at the mean of its four prices."""
    return candle.volume * (candle.open + candle.high + candle.low + candle.close) * dec("0.25")
