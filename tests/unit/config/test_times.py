"""Instants, bar lengths and calendars as they are written; calendars are held against APScheduler."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from apscheduler.triggers.cron import CronTrigger
from hypothesis import given, settings
from hypothesis import strategies as st

from counterpoise.config import times
from counterpoise.config.cron import calendar
from counterpoise.config.units import Expected

START = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    "written",
    [
        "2026-03-01T08:00:00Z",
        "2026-03-01T08:00Z",
        "2026-03-01t08:00z",
        "2026-03-01 08:00:00.000 Z",
        "2026-03-01T09:00+01:00",
        "2026-03-01T09:00:00+0100",
        "2026-02-28T22:30-09:30",
    ],
)
def test_an_instant_is_read_whatever_its_offset(written: str) -> None:
    made = times.instant(written)
    assert made == datetime(2026, 3, 1, 8, tzinfo=UTC)
    assert made.tzinfo is UTC


@pytest.mark.parametrize(
    "written",
    [
        "2026-03-01T08:00:00", "2026-03-01", "08:00Z", "2026-3-1T08:00Z", "20260301T080000Z",
        "2026-W09-7T08:00Z", "2026-03-01T8:00Z", "2026-03-01T25:00Z", "2026-02-30T08:00Z",
        "2026-03-01T08:00:00 UTC", "0001-01-01T00:00+01:00", "9999-12-31T23:00-02:00", "٢٠٢٦-03-01T08:00Z",
        "tomorrow", "", None, True, 2026,
    ],
)  # fmt: skip
def test_an_instant_that_may_mean_two_moments_or_none_is_refused(written: object) -> None:
    with pytest.raises(Expected, match="an instant such as"):
        times.instant(written)


def test_every_bar_length_is_read_and_written_alike() -> None:
    for written, length in times.INTERVALS.items():
        assert times.interval(written) == length
        assert times.written_interval(length) == written
    assert times.interval("1440m") == timedelta(days=1)


@pytest.mark.parametrize("written", ["3m", "7h", "2d", "1", "hourly", None])
def test_another_bar_length_is_refused(written: object) -> None:
    with pytest.raises(Expected, match="a bar length"):
        times.interval(written)


GOOD_CALENDARS = {
    "0 8 * * mon": datetime(2026, 1, 5, 8, tzinfo=UTC),
    "0 8 * * MON-Fri": datetime(2026, 1, 1, 8, tzinfo=UTC),
    "  30   6,18 * *  sat,sun ": datetime(2026, 1, 3, 6, 30, tzinfo=UTC),
    "*/15 * * * *": START,
    "5-59/20 3 * * *": datetime(2026, 1, 1, 3, 5, tzinfo=UTC),
    "0 0 1 */3 *": START,
    "0 0 15 feb,aug-oct *": datetime(2026, 2, 15, tzinfo=UTC),
    "0 0 29 2 *": datetime(2028, 2, 29, tzinfo=UTC),
    "0 0 31 1-12 *": datetime(2026, 1, 31, tzinfo=UTC),
    "00 08 01 01 *": datetime(2026, 1, 1, 8, tzinfo=UTC),
    "0 0 * * mon-sun": START,
}


@pytest.mark.parametrize("written", GOOD_CALENDARS)
def test_a_calendar_comes_when_it_should(written: str) -> None:
    trigger = CronTrigger.from_crontab(calendar(written), timezone=UTC)
    assert trigger.get_next_fire_time(None, START) == GOOD_CALENDARS[written]


BAD_CALENDARS = {
    "0 0 * * 1": "numbers are ambiguous",
    "0 0 * * 0-6": "numbers are ambiguous",
    "0 0 * * mon,3": "numbers are ambiguous",
    "0 0 * * */2": "no steps between names",
    "0 0 * * mon-fri/2": "no steps between names",
    "0 0 * * fri-mon": "a range goes upwards",
    "0 0 * * monday": "did you mean mon",
    "0 0 * jan/2 *": "no steps between names",
    "0 0 * dec-feb *": "a range goes upwards",
    "0 0 * 1-mar *": "names or numbers, not both",
    "0 0 1 * mon": "set one of them",
    "0 0 31 feb *": "there is no day",
    "0 0 31 4,6,9,11 *": "there is no day",
    "60 0 * * *": "minute: from 0 to 59",
    "0 24 * * *": "hour: from 0 to 23",
    "0 0 0 * *": "day: from 1 to 31",
    "0 0 * 13 *": "month: from 1 to 12",
    "5/10 * * * *": "a step needs",
    "*/0 * * * *": "a step needs",
    "*/60 * * * *": "a step needs",
    "10-12/5 * * * *": "a step needs",
    "30-10 * * * *": "a range goes upwards",
    "*-5 * * * *": "expected",
    "-5 * * * *": "expected",
    "5, * * * *": "expected",
    "? * * * *": "expected",
    "0 0 L * *": "expected",
    "0 0 last * *": "expected",
    "@daily": "this has 1",
    "0 8 * *": "this has 4",
    "": "this has 0",
}


@pytest.mark.parametrize("written", BAD_CALENDARS)
def test_a_calendar_that_crons_take_differently_is_refused(written: str) -> None:
    with pytest.raises(Expected) as told:
        calendar(written)
    assert BAD_CALENDARS[written] in told.value.hint


def lists_of(part: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.lists(part, min_size=1, max_size=3).map(",".join)


def numbers(least: int, greatest: int) -> st.SearchStrategy[str]:
    number = st.integers(least - 1, greatest + 1).map(str)
    step = st.integers(0, greatest + 1)
    ranged = st.tuples(number, number).map("-".join)
    return lists_of(
        st.one_of(
            st.just("*"),
            number,
            ranged,
            st.tuples(ranged, step).map(lambda both: f"{both[0]}/{both[1]}"),
            step.map(lambda n: f"*/{n}"),
        )
    )


def names(*known: str) -> st.SearchStrategy[str]:
    one = st.sampled_from([*known, "foo"])
    return lists_of(st.one_of(st.just("*"), one, st.tuples(one, one).map("-".join)))


LINES = st.tuples(
    numbers(0, 59),
    numbers(0, 23),
    st.one_of(st.just("*"), numbers(1, 31)),
    st.one_of(numbers(1, 12), names("jan", "feb", "jun", "dec")),
    st.one_of(st.just("*"), names("mon", "tue", "fri", "sun"), numbers(0, 7)),
).map(" ".join)


@settings(max_examples=150)
@given(LINES)
def test_what_is_taken_comes_and_apscheduler_takes_it_too(written: str) -> None:
    try:
        taken = calendar(written)
    except Expected:
        return
    due = CronTrigger.from_crontab(taken, timezone=UTC).get_next_fire_time(None, START)
    assert due is not None


@settings(max_examples=150)
@given(LINES)
def test_what_apscheduler_refuses_is_refused(written: str) -> None:
    try:
        CronTrigger.from_crontab(written, timezone=UTC)
    except ValueError:
        with pytest.raises(Expected):
            calendar(written)
