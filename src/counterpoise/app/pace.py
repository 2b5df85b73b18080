"""How soon to look again: at the schedule's next instant, or before it when a cycle asks.

A cycle that asks to look again at once, again and again, without anything changing, is slowed down: a venue must
not be hammered because one order stays unproven.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from counterpoise.app.cycle_report import CycleReport
from counterpoise.app.schedule import Schedule

#: Never look more often than this.
FASTEST = timedelta(seconds=1)
#: So many early looks in a row without an order or a fill are answered at once; then the pause doubles.
PATIENT_LOOKS = 90


class Pace:
    """Turns reports into the instant of the next look of one portfolio."""

    def __init__(self, every: timedelta) -> None:
        self._schedule = Schedule(every)
        self._idle = 0

    def next_look(self, report: CycleReport, now: datetime) -> datetime:
        """Return when to look next, after ``now``."""
        regular = self._schedule.next_after(now)
        if report.results or report.fills:
            self._idle = 0
        if report.wake_at is None or report.wake_at >= regular:
            self._idle = 0
            return regular
        self._idle += 1
        pause = FASTEST
        if self._idle > PATIENT_LOOKS:
            pause = FASTEST * 2 ** min(self._idle - PATIENT_LOOKS, 10)
        return min(regular, max(report.wake_at, now + pause))
