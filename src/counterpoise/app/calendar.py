"""Calendars of strategies: the newest instant of a cron expression that has come.

APScheduler's trigger does the calendar; nothing is scheduled. What a strategy does with an instant is its own: it
remembers the newest it acted upon, so that one missed while the daemon was down is caught up with once.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import lru_cache

from apscheduler.triggers.cron import CronTrigger

from counterpoise.domain.policy import PortfolioPolicy
from counterpoise.domain.strategy import DriftPolicy

#: How far back an instant is looked for: longer than a year, for a day that comes once in it.
_FARTHEST = timedelta(days=400)


def due_instants(policy: PortfolioPolicy, now: datetime) -> Mapping[str, datetime]:
    """Return strategy -> the newest instant of its calendar at or before ``now``."""
    found: dict[str, datetime] = {}
    for strategy in policy.strategies:
        if isinstance(strategy, DriftPolicy) and strategy.calendar is not None:
            instant = newest(strategy.calendar, now)
            if instant is not None:
                found[strategy.id] = instant
    return found


def next_instant(policy: PortfolioPolicy, now: datetime) -> datetime | None:
    """Return when the next calendar of ``policy`` is due, after ``now``; None without one."""
    return min(next_instants(policy, now).values(), default=None)


def next_instants(policy: PortfolioPolicy, now: datetime) -> Mapping[str, datetime]:
    """Return strategy -> the next instant of its calendar, after ``now``."""
    found: dict[str, datetime] = {}
    for strategy in policy.strategies:
        if isinstance(strategy, DriftPolicy) and strategy.calendar:
            at = _next(strategy.calendar, now + timedelta(microseconds=1))
            if at is not None:
                found[strategy.id] = at
    return found


def newest(cron: str, now: datetime) -> datetime | None:
    """Return the newest instant of ``cron`` (five fields, UTC) at or before ``now``; None within 400 days."""
    # a trigger only looks ahead: look from farther and farther back until there is one before now
    span = timedelta(minutes=1)
    while True:
        at = _next(cron, now - span)
        if at is not None and at <= now:
            break
        if span >= _FARTHEST:
            return None
        span = min(span * 2, _FARTHEST)
    while True:
        later = _next(cron, at + timedelta(microseconds=1))
        if later is None or later > now:
            return at
        at = later


def _next(cron: str, since: datetime) -> datetime | None:
    """The first instant at or after ``since``."""
    at: datetime | None = _trigger(cron).get_next_fire_time(None, since)
    return at.astimezone(UTC) if at is not None else None


@lru_cache(maxsize=64)
def _trigger(cron: str) -> CronTrigger:
    return CronTrigger.from_crontab(cron, timezone=UTC)
