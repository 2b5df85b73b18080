"""When a perpetual charges funding, and at which rate.

The instants are those of the recorded series, whatever their spacing. The rate of the next instant is in the
recording but not yet in the world: only past rates are ever shown.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import pairwise

from counterpoise.venue.sim.model import FundingRate, FundingSeries


class FundingSchedule:
    """The funding instants of one perpetual with a cursor: rates before it are past.

    Raises
    ------
    ValueError
        When the instants are not strictly increasing.
    """

    def __init__(self, series: FundingSeries | None, now: datetime) -> None:
        self._rates = series.rates if series is not None else ()
        self._instants = [rate.at for rate in self._rates]
        for before, after in pairwise(self._instants):
            if after <= before:
                name = f"funding {series.symbol if series is not None else ''}"
                raise ValueError(f"{name}: expected an instant after {before}, was {after}")
        self._cursor = bisect_right(self._instants, now)

    def next_at(self) -> datetime | None:
        """Return the next instant, None when none is recorded."""
        return self._instants[self._cursor] if self._cursor < len(self._instants) else None

    def interval(self) -> timedelta | None:
        """Return the time between the last instant and the next (the last two at the end); None with fewer."""
        first = max(min(self._cursor, len(self._instants) - 1) - 1, 0)
        pair = self._instants[first : first + 2]
        return pair[1] - pair[0] if len(pair) == 2 else None

    def step(self) -> Decimal:
        """Pass the next instant. Returns the rate charged at it."""
        self._cursor += 1
        return self._rates[self._cursor - 1].rate

    def last_rate(self) -> Decimal | None:
        """Return the rate charged last, None before the first."""
        return self._rates[self._cursor - 1].rate if self._cursor else None

    def history(
        self, start: datetime | None, end: datetime | None, limit: int
    ) -> list[FundingRate]:
        """Return past rates with start <= at <= end, oldest first.

        With ``start`` the first ``limit`` of them, else the last.
        """
        low = bisect_left(self._instants, start) if start is not None else 0
        high = min(self._cursor, bisect_right(self._instants, end) if end else self._cursor)
        rates = list(self._rates[low:high])
        count = max(min(limit, len(rates)), 0)
        return rates[:count] if start is not None else rates[len(rates) - count :]
