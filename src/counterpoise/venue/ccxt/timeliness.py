"""Counts requests that were refused for their time although the clock was measured since the one before.

Questions and orders are counted apart: a line that is slow for orders alone answers questions in time. Refusals of
what was asked together are one: a clock shows only over a while whether it keeps its time.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from counterpoise.domain.untimely import MANY, Untimely
from counterpoise.venue.ccxt.call import CallFailed
from counterpoise.venue.ccxt.endpoints import Endpoint, Scope
from counterpoise.venue.ccxt.faults import CLOCK_CODES

#: Codes from here on down are given once the time of a request was found good.
_JUDGED = -2016
_FORGOTTEN_AFTER = timedelta(hours=1)
#: Refusals nearer to one another are of one and the same look.
_APART = timedelta(seconds=2)

_Key = tuple[Scope, bool]


@dataclass(slots=True)
class _Row:
    times: int
    last: datetime
    #: Whether the clock was measured since the last refusal.
    measured: bool = False


class Timeliness:
    """What one line's answers told of the time of its requests; ``window``: how long a request is good for."""

    def __init__(self, window: timedelta) -> None:
        self._window = window
        self._rows: dict[_Key, _Row] = {}
        #: What was measured since requests have been refused: the newest, the least, the most, and how long it took.
        self._ahead = self._least = self._most = self._took = timedelta(0)
        self._anew = True

    def answered(self, endpoint: Endpoint, failure: CallFailed | None, now: datetime) -> None:
        """Learn from the answer to a signed request."""
        key = (endpoint.scope, "Get" in endpoint.method)
        code = failure.code if failure is not None else None
        if code in CLOCK_CODES:
            row = self._rows.get(key)
            if row is None:
                self._anew = self._anew or not self._rows
                self._rows[key] = _Row(times=1, last=now)
            elif row.measured and now - row.last >= _APART:
                row.times, row.last, row.measured = row.times + 1, now, False
        elif failure is None or (code is not None and code <= _JUDGED):
            self._rows.pop(key, None)

    def found(self, scope: Scope, created_at: datetime | None) -> None:
        """Learn that an order of ours is at the venue since ``created_at`` (its time): a lost answer had said so."""
        row = self._rows.get((scope, False))
        if row is not None and created_at is not None and created_at + self._ahead > row.last:
            del self._rows[scope, False]

    def measured(self, ahead: timedelta, took: timedelta) -> None:
        """Learn that the clock was measured."""
        if self._anew:
            self._least, self._most, self._took, self._anew = ahead, ahead, took, False
        self._ahead, self._took = ahead, max(took, self._took)
        self._least, self._most = min(ahead, self._least), max(ahead, self._most)
        for row in self._rows.values():
            row.measured = True

    def untimely(self, now: datetime) -> Untimely | None:
        """Return the longest row that is no accident, None where there is none."""
        fresh = [
            (row.times, scope, row)
            for (scope, _), row in self._rows.items()
            if row.times >= MANY and now - row.last < _FORGOTTEN_AFTER
        ]
        if not fresh:
            return None
        times, scope, row = max(fresh, key=lambda found: found[0])
        return Untimely(
            api=str(scope),
            times=times,
            last=row.last,
            ahead=self._ahead,
            moved=self._most - self._least,
            took=self._took,
            window=self._window,
        )
