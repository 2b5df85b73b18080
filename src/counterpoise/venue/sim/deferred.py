"""What was acknowledged and has not happened yet: an exchange that answers first and acts later.

Some venues acknowledge a request before the matching engine has seen it, and any of them can be slow. What is
deferred happens in market time, in the order in which it was asked for, and may fail then: nobody is told.
"""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from counterpoise.venue.sim.model import SimReject


class Act(Protocol):
    """Something that happens at an instant, or is refused then (SimReject)."""

    def __call__(self, *, at: datetime) -> object:
        """Let it happen."""
        ...


class Deferred:
    """The acts that are still to come, as one stream of instants."""

    def __init__(self) -> None:
        self._acts: list[tuple[datetime, int, Act]] = []
        self._asked = 0

    def add(self, due: datetime, act: Act) -> None:
        """Let ``act`` happen when ``due`` has come."""
        self._asked += 1
        self._acts.append((due, self._asked, act))
        self._acts.sort(key=lambda one: one[:2])

    def next_at(self) -> datetime | None:
        """Return when the next one is due, None while there is none."""
        return self._acts[0][0] if self._acts else None

    def step(self, at: datetime) -> None:
        """Do what is due ``at``; a refusal stands in the truth log."""
        while self._acts and self._acts[0][0] <= at:
            _, _, act = self._acts.pop(0)
            try:
                act(at=at)
            except SimReject:
                continue
