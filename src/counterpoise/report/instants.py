"""When reports are due, by the clock on a wall: one a day and one a week, whatever that clock does.

A time that does not exist (the hour that summer time leaves out) comes when the clock has jumped over it; one that
comes twice counts the first time. On its day the weekly report takes the daily one's place. Pure.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, timedelta

from counterpoise.domain.reporting import Period, ReportPlan

_DAY = timedelta(days=1)
#: Days around today among which the newest and the next lie, dates that a zone has left out included.
_AROUND = {Period.DAILY: 3, Period.WEEKLY: 9}


def newest(plan: ReportPlan, period: Period, now: datetime) -> datetime:
    """Return the newest instant of ``period`` at or before ``now``, in UTC."""
    return max(at for at in _instants(plan, period, now) if at <= now)


def following(plan: ReportPlan, now: datetime) -> datetime | None:
    """Return the next instant after ``now`` at which a report is sent; None where none ever is."""
    found = [at for period in plan.told for at in _instants(plan, period, now) if at > now]
    return min(found, default=None)


def due(
    plan: ReportPlan, served: Mapping[str, datetime], now: datetime
) -> tuple[Period, datetime] | None:
    """Return the report that is due and its instant: the newest alone, however many were missed.

    A weekly one that was missed stands for the daily ones since.
    """
    for period in (Period.WEEKLY, Period.DAILY):
        at = newest(plan, period, now)
        known = served.get(period.value)
        if known is None or known < at:
            return period, at
    return None


def served_at(
    plan: ReportPlan, served: Mapping[str, datetime], period: Period | None, now: datetime
) -> dict[str, datetime]:
    """Return ``served`` once a report of ``period`` was made; None: both kinds count as made.

    Every instant until ``now`` is then answered, also one that another plan would have had there.
    """
    done = settled(plan, period) if period is not None else frozenset(Period)
    return {**served, **{each.value: now for each in done}}


def adopted(
    plan: ReportPlan, served: Mapping[str, datetime], plans: Mapping[str, str], now: datetime
) -> tuple[Mapping[str, datetime], Mapping[str, str]]:
    """Return ``served`` and ``plans`` (by which each kind was due) for ``plan``.

    A kind that was due by another one, or was not sent, begins with its next instant: it is not late for what came
    before. One whose plan was never kept counts as unchanged.
    """
    known = {period.value: _written(plan, period) for period in Period}
    new = [period for period, written in known.items() if plans.get(period, written) != written]
    return {**served, **dict.fromkeys(new, now)}, known


def settled(plan: ReportPlan, period: Period) -> frozenset[Period]:
    """Return the kinds that a report of ``period`` stands for: a weekly one that is sent is the day's as well."""
    instead = period is Period.WEEKLY and period in plan.told
    return frozenset(Period) if instead else frozenset({period})


def _written(plan: ReportPlan, period: Period) -> str:
    """By what a kind is due; empty where it is not sent."""
    if period not in plan.told:
        return ""
    if period is Period.WEEKLY:
        return f"{plan.weekday} {plan.weekly} {plan.zone}"
    but = f" but {plan.weekday}" if Period.WEEKLY in plan.told else ""
    return f"{plan.daily}{but} {plan.zone}"


def _instants(plan: ReportPlan, period: Period, now: datetime) -> Iterator[datetime]:
    today = now.astimezone(plan.zone).date()
    around = _AROUND[period]
    for offset in range(-around, around + 1):
        day = today + offset * _DAY
        weekly = day.weekday() == plan.weekday
        if weekly if period is Period.WEEKLY else not (weekly and Period.WEEKLY in plan.told):
            yield _at(plan, period, day)


def _at(plan: ReportPlan, period: Period, day: date) -> datetime:
    clock = plan.weekly if period is Period.WEEKLY else plan.daily
    # fold 0: the first of two, and in a gap the offset from before it, which lies behind the jump
    return datetime.combine(day, clock, tzinfo=plan.zone).astimezone(UTC)
