"""How soon to look again: at the schedule's next instant, or before it when a cycle asks.

A cycle that asks to look again at once, again and again, without anything changing, is slowed down: a venue must
not be hammered because one order stays unproven.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal

from counterpoise.app.cycle_report import CycleReport
from counterpoise.app.schedule import Schedule
from counterpoise.domain.order import Order, OrderState

#: Never look more often than this.
FASTEST = timedelta(seconds=1)
#: So many early looks in a row that changed nothing come at once; then the pause grows.
QUICK_LOOKS = 5
#: The longest pause between early looks: short enough to settle an unproven order within a minute or two.
LONGEST = timedelta(seconds=5)
#: After so many early looks that changed nothing only the schedule counts, and of a schedule that promises to notice
#: within a minute so much: what a long fault left behind is proven by three look-ups within a minute after its end.
EARLY_LOOKS = 60
AT_LENGTH = timedelta(seconds=15)
_WITHIN = timedelta(minutes=1)

_Deed = tuple[str, OrderState, Decimal]

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
        #: What the last look did.
        self._done: frozenset[_Deed] = frozenset()

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
        if self._is_news(report):
            self._idle = 0
        if report.wake_at is None or (report.wake_at >= regular and report.wake_at > now + FASTEST):
            self._idle = 0
            return regular
        # also where the schedule comes first: that it does changes nothing either
        self._idle += 1
        pause = min(LONGEST, FASTEST * (1 << min(max(self._idle - QUICK_LOOKS, 0), 10)))
        if self._idle > EARLY_LOOKS:
            pause = AT_LENGTH if self.every <= _WITHIN else self.every
        return min(regular, max(report.wake_at, now + pause))

    def _is_news(self, report: CycleReport) -> bool:
        """Whether something happened that the look before it did not show as well."""
        before, self._done = self._done, frozenset(map(_deed, filter(_counts, report.results)))
        return bool(report.fills) or not self._done <= before


def _deed(order: Order) -> _Deed:
    return order.client_order_id, order.state, order.filled_qty


def _counts(order: Order) -> bool:
    """Whether it may be new: a placement that was refused is tried under ever new names."""
    return order.state is not OrderState.REJECTED
