"""One price through time: recorded bars, a cursor into them, and the price that stands now.

A track knows the future (the bars after the cursor) and never shows it: everything it returns lies at or before
the last step. A gap between bars is a halt, from the close before it to the open after it; the price of a halted
track stands. A jump (:meth:`PriceTrack.jump`) moves the whole rest of the track by the same factor, so that a
shock given by hand lasts.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from datetime import datetime, timedelta
from decimal import Decimal

from counterpoise.domain.numbers import ONE, ZERO, nearest_step
from counterpoise.venue.sim.model import Candle, Series


class PriceTrack:
    """The bars of one series with a cursor: bars before ``cursor`` are closed.

    Raises
    ------
    ValueError
        When the series is empty, or its bars are out of order or overlap.
    """

    def __init__(self, series: Series, tick_size: Decimal, now: datetime) -> None:
        self.interval: timedelta = series.interval
        self._raw = series.candles
        self._tick = tick_size
        self._shifts: list[tuple[datetime, Decimal]] = []
        self.opens = [bar.open_at for bar in series.candles]
        self.closes = [at + series.interval for at in self.opens]
        self._check(series)
        self.cursor = bisect_right(self.closes, now)
        self.halted = self._waits_for_bar(now)
        self.last: Decimal = self._standing_price()

    def _check(self, series: Series) -> None:
        name = f"{series.kind} {series.symbol}"
        if not self._raw:
            raise ValueError(f"{name}: expected at least one bar, was none")
        for close, after in zip(self.closes, self.opens[1:], strict=False):
            if after < close:
                raise ValueError(f"{name}: expected a bar at or after {close}, was {after}")

    def _gap_before(self, index: int) -> bool:
        if index >= len(self._raw):
            return False
        return index > 0 and self.opens[index] > self.closes[index - 1]

    def _waits_for_bar(self, now: datetime) -> bool:
        if self.cursor >= len(self._raw) or now >= self.opens[self.cursor]:
            return False
        return self.cursor == 0 or self._gap_before(self.cursor)

    def _standing_price(self) -> Decimal:
        if self.cursor == 0 or (self._gap_before(self.cursor) and not self.halted):
            return self._raw[self.cursor].open
        return self._raw[self.cursor - 1].close

    @property
    def recording(self) -> tuple[object, ...]:
        """What of the track never changes: its bars, their opens and closes."""
        return self._raw, self.opens, self.closes

    @property
    def end(self) -> datetime:
        """The close of the last bar."""
        return self.closes[-1]

    @property
    def begun(self) -> bool:
        """Whether the first bar has opened; before it there is no price, only the future's."""
        return self.cursor > 0 or not self.halted

    @property
    def last_bar(self) -> Candle:
        """The last closed bar; before the first close, the first bar."""
        return self.candle(max(self.cursor - 1, 0))

    @property
    def coming(self) -> Candle | None:
        """The bar that the next step closes: for the step itself only, nobody else knows it yet."""
        return None if self.cursor >= len(self._raw) else self.candle(self.cursor)

    def next_at(self) -> datetime | None:
        """Return when the next step is due: a reopening or a bar's close; None after the last bar."""
        if self.cursor >= len(self._raw):
            return None
        return self.opens[self.cursor] if self.halted else self.closes[self.cursor]

    def step(self) -> Candle | None:
        """Take the step that is due. Returns the bar that closed, or None when the market reopened."""
        bar = self.candle(self.cursor)
        if self.halted:
            self.halted = False
            self.last = bar.open
            return None
        self.cursor += 1
        self.last = bar.close
        self.halted = self._gap_before(self.cursor)
        return bar

    def jump(self, price: Decimal, at: datetime, *, value: Decimal | None = None) -> None:
        """Let the price be ``price`` from ``at`` on; later bars keep their moves, relative to it.

        ``value`` is the price it jumps from where that is not ``last`` (a mark between its own steps).
        """
        factor = (self._shifts[-1][1] if self._shifts else ONE) * price / (value or self.last)
        self._shifts.append((at, factor))
        self.last = price

    def candle(self, index: int) -> Candle:
        """Return bar ``index`` as the market saw it: with every jump that came before its close."""
        bar = self._raw[index]
        if not self._shifts:
            return bar
        place = bisect_left(self._shifts, self.closes[index], key=lambda shift: shift[0])
        return self._scaled(bar, self._shifts[place - 1][1]) if place else bar

    def _scaled(self, bar: Candle, factor: Decimal) -> Candle:
        def scale(price: Decimal) -> Decimal:
            return max(nearest_step(price * factor, self._tick), self._tick)

        return Candle(
            bar.open_at,
            scale(bar.open),
            scale(bar.high),
            scale(bar.low),
            scale(bar.close),
            bar.volume,
        )

    def price_at(self, at: datetime) -> Decimal | None:
        """Return the close of the last bar closed at or before ``at`` (<= now), None before the first."""
        index = bisect_right(self.closes, at, hi=self.cursor)
        return self.candle(index - 1).close if index else None

    def opening_at(self, at: datetime) -> Decimal | None:
        """Return the open of the forming bar when it opens exactly ``at``, else None."""
        if self.cursor < len(self._raw) and self.opens[self.cursor] == at:
            return self.candle(self.cursor).open
        return None

    def forming(self, now: datetime) -> Candle | None:
        """Return the bar that is not closed yet, as far as it is known: flat at the standing price, no volume."""
        if self.cursor >= len(self._raw) or now < self.opens[self.cursor]:
            return None
        return Candle(self.opens[self.cursor], self.last, self.last, self.last, self.last, ZERO)
