"""Closed bars of one market at one interval: the past that strategies may use, exactly as it was recorded.

A coarser interval is put together from complete sets of recorded bars only: where the market was halted the bar is
missing, never filled forward, and a bar that is still forming is not there. What closed once never changes, so
everything is put together once and then found by bisection, however often it is asked for.
"""

from __future__ import annotations

from bisect import bisect_left
from datetime import datetime, timedelta

from counterpoise.domain.bars import Bar
from counterpoise.domain.numbers import ZERO
from counterpoise.venue.sim.history import bucket_of
from counterpoise.venue.sim.model import Candle
from counterpoise.venue.sim.track import PriceTrack


class ClosedBars:
    """The closed bars of ``track`` at ``interval``. Raises ValueError for one that its own does not divide."""

    def __init__(self, track: PriceTrack, interval: timedelta) -> None:
        if interval < track.interval or interval % track.interval:
            raise ValueError(f"expected bars of a multiple of {track.interval}, was {interval}")
        self._track = track
        self._interval = interval
        self._each = interval // track.interval
        self._read = 0
        self._opens: list[datetime] = []
        self._bars: list[Bar] = []

    def between(self, since: datetime, until: datetime) -> tuple[Bar, ...]:
        """Return the bars that open in [``since``, ``until``), oldest first."""
        self._catch_up()
        low = bisect_left(self._opens, since)
        return tuple(self._bars[low : bisect_left(self._opens, until, lo=low)])

    def _catch_up(self) -> None:
        """Put together what closed since the last time; a set of which bars are still to come waits."""
        track = self._track
        while self._read < track.cursor:
            opened, end = self._set_at(self._read)
            if end > track.cursor:
                return
            candles = [track.candle(index) for index in range(self._read, end)]
            self._read = end
            whole = len(candles) == self._each and candles[0].open_at == opened
            if whole and candles[-1].open_at + track.interval == opened + self._interval:
                self._opens.append(opened)
                self._bars.append(_merged(candles))

    def _set_at(self, index: int) -> tuple[datetime, int]:
        """Return when the bar opens that recorded bar ``index`` is part of, and the index after its last part."""
        opens = self._track.opens
        if self._each == 1:
            return opens[index], index + 1
        opened = bucket_of(opens[index], self._interval)
        return opened, bisect_left(opens, opened + self._interval, lo=index)


def _merged(candles: list[Candle]) -> Bar:
    first, last = candles[0], candles[-1]
    alone = len(candles) == 1
    return Bar(
        open_at=first.open_at,
        open=first.open,
        high=first.high if alone else max(candle.high for candle in candles),
        low=first.low if alone else min(candle.low for candle in candles),
        close=last.close,
        volume=first.volume if alone else sum((candle.volume for candle in candles), ZERO),
    )
