"""How often somebody is heard: so many times within a while, however much is said. Pure but for what it remembers."""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from collections.abc import Hashable
from datetime import datetime, timedelta


class Turns:
    """``most`` turns within any ``within``, for each of those who ask. They have to be few: all are remembered."""

    def __init__(self, most: int, within: timedelta) -> None:
        self._most = most
        self._within = within
        self._taken: defaultdict[Hashable, deque[datetime]] = defaultdict(deque)
        self._refused: Counter[Hashable] = Counter()

    def take(self, who: Hashable, now: datetime) -> int:
        """Return 0 when it is ``who``'s turn, else how often it was not, one after the other, up to now."""
        taken = self._taken[who]
        while taken and not now - self._within < taken[0] <= now:
            taken.popleft()
        if len(taken) < self._most:
            taken.append(now)
            self._refused[who] = 0
            return 0
        self._refused[who] += 1
        return self._refused[who]
