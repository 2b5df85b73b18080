"""When to look: APScheduler's triggers say when a cycle is due; they never run one.

A trigger is asked with :meth:`get_next_fire_time`, which is pure, so the same schedule drives wall time, a local
testnet's market time and a replay. Instants are aligned to the epoch: a restarted daemon looks at the same moments
as one that never stopped.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from apscheduler.triggers.interval import IntervalTrigger

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Schedule:
    """The regular instants of one portfolio's cycle."""

    def __init__(self, every: timedelta) -> None:
        self.every = every
        self._trigger = IntervalTrigger(
            seconds=int(every.total_seconds()), start_date=_EPOCH, timezone=UTC
        )

    def next_after(self, now: datetime) -> datetime:
        """Return the first regular instant strictly after ``now``."""
        # without a previous instant the trigger counts from its start, which is what keeps it aligned
        due: datetime | None = self._trigger.get_next_fire_time(
            None, now + timedelta(microseconds=1)
        )
        if due is None:  # an interval without an end always has a next instant
            raise ValueError("the interval trigger ended")
        return due.astimezone(UTC)
