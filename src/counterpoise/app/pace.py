"""How soon to look again: at the schedule's next instant, or before it when a cycle asks.

A cycle that asks to look again at once, again and again, without anything changing, is slowed down: a venue must
not be hammered because one order stays unproven.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from counterpoise.app.cycle_report import CycleReport
from counterpoise.app.schedule import Schedule
from counterpoise.domain.order import Order, OrderState

#: Never look more often than this.
FASTEST = timedelta(seconds=1)
#: So many early looks in a row that changed nothing come at once; then the pause grows.
QUICK_LOOKS = 5
#: The longest pause between early looks: short enough to settle an unproven order within a minute or two.
LONGEST = timedelta(seconds=5)
#: After so many early looks that changed nothing only the schedule counts.
EARLY_LOOKS = 60

#: A look that has not ended after so many of its intervals is late, and not before so long (wall time).
LATE_LOOKS = 3
LATE = timedelta(seconds=20)


def late_after(every: timedelta) -> timedelta:
    """Return after how long (wall time) a look that is due ``every`` so often is late."""
    return max(LATE_LOOKS * every, LATE)


class Pace:
    """Turns reports into the instant of the next look of one portfolio."""

    def __init__(self, every: timedelta) -> None:
        self._schedule = Schedule(every)
        self._idle = 0

    @property
    def every(self) -> timedelta:
        """How often looks are due."""
        return self._schedule.every

    def next_regular(self, now: datetime) -> datetime:
        """Return the schedule's next instant after ``now``."""
        return self._schedule.next_after(now)

    def next_look(self, report: CycleReport, now: datetime) -> datetime:
        """Return when to look next, after ``now``."""
        regular = self._schedule.next_after(now)
        if report.fills or any(_moved(order) for order in report.results):
            self._idle = 0
        if report.wake_at is None or report.wake_at >= regular:
            self._idle = 0
            return regular
        self._idle += 1
        if self._idle > EARLY_LOOKS:
            return regular
        pause = min(LONGEST, FASTEST * (1 << min(max(self._idle - QUICK_LOOKS, 0), 10)))
        return min(regular, max(report.wake_at, now + pause))


def _moved(order: Order) -> bool:
    """Whether the venue took part: a refused placement or an unanswered request changed nothing."""
    return order.state not in {
        OrderState.REJECTED,
        OrderState.UNKNOWN,
        OrderState.PENDING_CANCEL,
    }
