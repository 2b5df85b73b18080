"""When reports are due, by a wall clock that jumps twice a year."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from counterpoise.domain.reporting import Period, ReportPlan
from counterpoise.report.instants import adopted, due, following, newest, served_at

BERLIN = ZoneInfo("Europe/Berlin")
PLAN = ReportPlan(zone=BERLIN)
DAILY_ONLY = replace(PLAN, told=frozenset({Period.DAILY}))


def utc(month: int, day: int, hour: int, minute: int = 0) -> datetime:
    return datetime(2026, month, day, hour, minute, tzinfo=UTC)


@pytest.mark.parametrize(
    ("now", "at"),
    [
        (utc(3, 28, 6, 59), utc(3, 27, 7)),
        (utc(3, 28, 7), utc(3, 28, 7)),  # 08:00 in winter
        (utc(3, 29, 6), utc(3, 29, 6)),  # the clock has jumped: 08:00 is an hour earlier
        (utc(10, 24, 6), utc(10, 24, 6)),
        (utc(10, 25, 6), utc(10, 24, 6)),
        (utc(10, 25, 7), utc(10, 25, 7)),
    ],
)
def test_eight_in_the_morning_is_so_by_the_clock_on_the_wall(now: datetime, at: datetime) -> None:
    assert newest(DAILY_ONLY, Period.DAILY, now) == at


@pytest.mark.parametrize("clock", [time(2), time(2, 30), time(3), time(0), time(23, 59)])
def test_every_date_has_exactly_one_report_whatever_the_clock_does(clock: time) -> None:
    plan = replace(DAILY_ONLY, daily=clock)
    now, last = datetime(2026, 1, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC)
    served: dict[str, datetime] = served_at(plan, {}, None, now)
    days: Counter[date] = Counter()
    while now < last:
        now += timedelta(minutes=90)
        found = due(plan, served, now)
        while found is not None:
            if found[0] is Period.DAILY:
                days[found[1].astimezone(BERLIN).date()] += 1
            served = served_at(plan, served, found[0], now)
            found = due(plan, served, now)
    assert set(days.values()) == {1}
    assert len(days) in {364, 365}


def test_a_time_that_is_left_out_comes_after_the_jump_and_one_that_comes_twice_the_first_time() -> (
    None
):
    plan = replace(DAILY_ONLY, daily=time(2, 30))
    assert newest(plan, Period.DAILY, utc(3, 29, 12)) == utc(3, 29, 1, 30), "03:30 summer time"
    assert newest(plan, Period.DAILY, utc(10, 25, 12)) == utc(10, 25, 0, 30), "still summer time"


def test_on_its_day_the_weekly_report_takes_the_daily_ones_place() -> None:
    monday = utc(1, 5, 7)
    served = served_at(PLAN, {}, None, monday - timedelta(minutes=1))
    assert due(PLAN, served, monday - timedelta(minutes=1)) is None
    assert due(PLAN, served, monday) == (Period.WEEKLY, monday)
    served = served_at(PLAN, served, Period.WEEKLY, monday)
    assert due(PLAN, served, monday + timedelta(hours=23)) is None
    tuesday = monday + timedelta(days=1)
    assert due(PLAN, served, tuesday) == (Period.DAILY, tuesday)


def test_a_weekly_report_that_is_not_sent_takes_nothings_place() -> None:
    monday = utc(1, 5, 7)
    served = served_at(DAILY_ONLY, {}, None, monday - timedelta(minutes=1))
    assert due(DAILY_ONLY, served, monday) == (Period.WEEKLY, monday), "it begins anew unsent"
    served = served_at(DAILY_ONLY, served, Period.WEEKLY, monday)
    assert due(DAILY_ONLY, served, monday) == (Period.DAILY, monday)


def test_of_what_was_missed_one_report_is_made() -> None:
    served = served_at(PLAN, {}, None, utc(1, 6, 12))
    back = utc(1, 9, 10)
    assert due(PLAN, served, back) == (Period.DAILY, utc(1, 9, 7))
    assert due(PLAN, served_at(PLAN, served, Period.DAILY, back), back) is None
    # a missed weekly one stands for all
    back = utc(1, 28, 10)
    assert due(PLAN, served, back) == (Period.WEEKLY, utc(1, 26, 7))
    assert due(PLAN, served_at(PLAN, served, Period.WEEKLY, back), back) is None


def test_the_next_one_is_the_next_that_is_sent() -> None:
    assert following(PLAN, utc(3, 28, 7)) == utc(3, 29, 6)
    assert following(PLAN, utc(1, 4, 7)) == utc(1, 5, 7)
    weekly = replace(PLAN, told=frozenset({Period.WEEKLY}))
    assert following(weekly, utc(1, 5, 7)) == utc(1, 12, 7)
    assert following(replace(PLAN, told=frozenset()), utc(1, 5, 7)) is None


def test_a_date_that_a_zone_has_left_out_is_not_told_twice() -> None:
    """Samoa had no 30 December 2011: its 08:00 is that of the 31st."""
    plan = ReportPlan(zone=ZoneInfo("Pacific/Apia"), told=frozenset({Period.DAILY}))
    now = datetime(2011, 12, 30, 18, tzinfo=UTC)
    assert newest(plan, Period.DAILY, now) == now
    assert newest(plan, Period.DAILY, now + timedelta(hours=23)) == now
    assert newest(plan, Period.DAILY, now - timedelta(hours=1)) == now - timedelta(days=1)


def test_an_instant_before_the_last_report_is_not_due_even_by_another_plan() -> None:
    """A weekly report of Thursday 14:15 covers that day's 08:00, whatever the config says since."""
    thursday = replace(PLAN, weekday=3, weekly=time(14, 15))
    told = utc(1, 8, 13, 15)
    served = served_at(thursday, {}, None, told - timedelta(days=2))
    assert due(thursday, served, told) == (Period.WEEKLY, told)
    served = served_at(thursday, served, Period.WEEKLY, told)
    assert due(PLAN, served, told + timedelta(minutes=4)) is None
    assert due(PLAN, served, utc(1, 9, 7)) == (Period.DAILY, utc(1, 9, 7))


def test_what_a_new_plan_has_behind_it_counts_as_made_and_what_it_left_alone_does_not() -> None:
    noon = replace(PLAN, daily=time(12))
    friday = utc(1, 9, 12)
    served, plans = adopted(PLAN, {}, {}, utc(1, 8, 12))
    served = served_at(PLAN, served, None, utc(1, 8, 12))
    assert due(noon, served, friday) == (Period.DAILY, utc(1, 9, 11))
    moved, after = adopted(noon, served, plans, friday)
    assert due(noon, moved, friday) is None
    assert moved["weekly"] == served["weekly"], "it is as it was"
    assert adopted(noon, moved, after, utc(1, 9, 13)) == (moved, after)
    # what was missed by an unchanged plan is still made
    assert adopted(PLAN, served, plans, friday) == (served, plans)
    assert due(PLAN, served, friday) == (Period.DAILY, utc(1, 9, 7))


def test_what_is_told_again_begins_with_its_next_instant() -> None:
    off = replace(PLAN, told=frozenset())
    served, plans = adopted(off, served_at(off, {}, None, utc(1, 8, 12)), {}, utc(1, 8, 12))
    back = utc(1, 9, 13, 22)
    served, plans = adopted(PLAN, served, plans, back)
    assert due(PLAN, served, back) is None
    assert due(PLAN, served, utc(1, 10, 7)) == (Period.DAILY, utc(1, 10, 7))
