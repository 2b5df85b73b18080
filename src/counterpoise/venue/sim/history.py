"""What a market shows of its past: candles of any coarser interval, and the last 24 hours.

Only closed bars and the forming one, never the future. The forming bar is flat at the price that stands, for its
high, low and volume are not known before it closes.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from counterpoise.domain.numbers import ZERO
from counterpoise.venue.sim.model import Candle, Ticker24h
from counterpoise.venue.sim.track import PriceTrack

# a Monday: weekly bars start on Mondays, and every shorter interval that divides a day is aligned as well
_ANCHOR = datetime(1970, 1, 5, tzinfo=UTC)
_DAY = timedelta(hours=24)


def candles(
    track: PriceTrack,
    interval: timedelta,
    *,
    now: datetime,
    start: datetime | None,
    end: datetime | None,
    limit: int,
) -> list[Candle]:
    """Return bars of ``interval`` that open from ``start`` to ``end`` (both included), oldest first.

    With ``start`` the first ``limit`` of them, else the last. An interval that is finer than what is recorded, or
    no multiple of it, has no bars.
    """
    if limit <= 0 or interval < track.interval or interval % track.interval:
        return []
    last = now if end is None else min(end, now)
    if start is not None:
        low = bisect_left(track.opens, _bucket_after(start, interval))
        groups = _grouped(_ascending(track, low, now), interval)
        found: list[Candle] = []
        for bucket, bars in groups:
            if bucket > last or len(found) == limit:
                break
            found.append(_merged(bucket, bars))
        return found
    return _latest(track, interval, now, last, limit)


def _latest(
    track: PriceTrack, interval: timedelta, now: datetime, last: datetime, limit: int
) -> list[Candle]:
    high = bisect_left(track.opens, bucket_of(last, interval) + interval)
    found: list[Candle] = []
    for bucket, bars in _grouped(_descending(track, high, now), interval):
        if len(found) == limit:
            break
        found.append(_merged(bucket, bars[::-1]))
    return found[::-1]


def bucket_of(at: datetime, interval: timedelta) -> datetime:
    """Return when the bar of ``interval`` opens that ``at`` lies in."""
    return _ANCHOR + (at - _ANCHOR) // interval * interval


def _bucket_after(at: datetime, interval: timedelta) -> datetime:
    bucket = bucket_of(at, interval)
    return bucket if bucket == at else bucket + interval


def _ascending(track: PriceTrack, low: int, now: datetime) -> Iterator[Candle]:
    for index in range(low, track.cursor):
        yield track.candle(index)
    forming = track.forming(now)
    if forming is not None and low <= track.cursor:
        yield forming


def _descending(track: PriceTrack, high: int, now: datetime) -> Iterator[Candle]:
    forming = track.forming(now)
    if forming is not None and high > track.cursor:
        yield forming
    for index in range(min(high, track.cursor) - 1, -1, -1):
        yield track.candle(index)


def _grouped(
    bars: Iterable[Candle], interval: timedelta
) -> Iterator[tuple[datetime, list[Candle]]]:
    """Yield neighbours that open in the same bucket, lazily."""
    current: list[Candle] = []
    bucket = _ANCHOR
    for bar in bars:
        of_bar = bucket_of(bar.open_at, interval)
        if current and of_bar != bucket:
            yield bucket, current
            current = []
        bucket = of_bar
        current.append(bar)
    if current:
        yield bucket, current


def _merged(bucket: datetime, bars: list[Candle]) -> Candle:
    if len(bars) == 1 and bars[0].open_at == bucket:
        return bars[0]
    return Candle(
        bucket,
        bars[0].open,
        max(bar.high for bar in bars),
        min(bar.low for bar in bars),
        bars[-1].close,
        sum((bar.volume for bar in bars), ZERO),
    )


class DayTurnover:
    """What a market traded in the last 24 hours, in quote: the ticker's figure, without adding up a day each time."""

    def __init__(self, track: PriceTrack) -> None:
        self._track = track
        self._low = self._high = 0
        self._sum = ZERO

    def at(self, now: datetime) -> Decimal:
        """Return the turnover of the bars that closed in the 24 hours before ``now``, which never runs back."""
        track = self._track
        low = bisect_right(track.closes, now - _DAY, lo=self._low, hi=track.cursor)
        gone = [track.candle(index) for index in range(self._low, min(low, self._high))]
        new = [track.candle(index) for index in range(max(self._high, low), track.cursor)]
        self._sum += _turnover(new) - _turnover(gone)
        self._low, self._high = low, track.cursor
        return self._sum


def ticker(track: PriceTrack, now: datetime) -> Ticker24h:
    """Return the figures of the bars that closed in the last 24 hours; flat at the last price without any."""
    low = bisect_right(track.closes, now - _DAY, hi=track.cursor)
    bars = [track.candle(index) for index in range(low, track.cursor)]
    last = track.last
    return Ticker24h(
        open=bars[0].open if bars else last,
        high=max((bar.high for bar in bars), default=last),
        low=min((bar.low for bar in bars), default=last),
        last=last,
        volume=sum((bar.volume for bar in bars), ZERO),
        quote_volume=_turnover(bars),
        open_at=now - _DAY,
        close_at=now,
        trades=len(bars),
    )


def _turnover(bars: list[Candle]) -> Decimal:
    # recorded candles carry no turnover: the middle of the bar is the fairest price for its volume
    return sum((bar.volume * (bar.high + bar.low) / 2 for bar in bars), ZERO)
