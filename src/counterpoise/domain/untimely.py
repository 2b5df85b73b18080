"""Requests that a venue refuses for their time, again and again: whether a clock or the line is to blame. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from counterpoise.domain.numbers import dec, text
from counterpoise.domain.reasons import Reason, reason

#: So many refusals in a row, the clock measured anew between them, are no accident.
MANY = 3
#: After so long one more order may be tried, where questions are taken and orders were not.
TRIED_AGAIN_AFTER = timedelta(minutes=1)
#: A clock that moves by more between two measurements keeps no time.
_STEADY = timedelta(seconds=1)
_MILLISECOND = timedelta(milliseconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Untimely:
    """A row of such refusals in one API; ``last``: the newest.

    ``ahead``: how far our clock is ahead of the venue's (< 0: behind) as it was measured last, ``moved``: by how much
    measurements since the row began differ; ``took``: how long the venue's time was waited for at most; ``window``:
    how long a request is good for.
    """

    api: str
    times: int
    last: datetime
    ahead: timedelta
    moved: timedelta
    took: timedelta
    window: timedelta

    def blocks(self, now: datetime) -> bool:
        """Whether nothing that adds may be tried."""
        return now - self.last < TRIED_AGAIN_AFTER

    def why(self, venue: str) -> Reason:
        """Return what is told of it."""
        numbers = {
            "venue": f"{venue} ({self.api})",
            "times": self.times,
            "ahead": f"{seconds(abs(self.ahead))} s {'behind' if self.ahead < timedelta(0) else 'ahead'}",
            "moved": seconds(self.moved),
            "took": seconds(self.took),
            "window": seconds(self.window),
        }
        # what comes over a slow line measures no clock
        if self.took * 2 >= self.window:
            return reason("untimely_line", **numbers)
        if self.moved > _STEADY:
            return reason("untimely_clock", **numbers)
        return reason("untimely", **numbers)


def seconds(span: timedelta) -> str:
    """Return ``span`` in seconds to the millisecond."""
    return text(dec(span // _MILLISECOND) / 1000)
