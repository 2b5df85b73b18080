from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from counterpoise.app.schedule import Schedule

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
EVERY = [timedelta(seconds=1), timedelta(seconds=30), timedelta(minutes=15)]


def at(clock: str, day: str = "2026-01-05") -> datetime:
    return datetime.fromisoformat(f"{day}T{clock}+00:00")


@pytest.mark.parametrize(
    ("every_s", "now", "due"),
    [
        (900, "12:00:00", "12:15:00"),
        (900, "12:07:31", "12:15:00"),
        (900, "12:14:59.999999", "12:15:00"),
        (900, "12:00:00.000001", "12:15:00"),
        (30, "12:00:00", "12:00:30"),
        (30, "12:00:29.5", "12:00:30"),
        (30, "12:00:31", "12:01:00"),
        (1, "12:00:00", "12:00:01"),
        (1, "12:00:00.25", "12:00:01"),
    ],
)
def test_the_next_instant_is_the_next_multiple_since_the_epoch(
    every_s: int, now: str, due: str
) -> None:
    assert Schedule(timedelta(seconds=every_s)).next_after(at(now)) == at(due)


@given(
    now=st.integers(0, 20 * 366 * 86_400 * 10**6).map(
        lambda us: datetime(2020, 1, 1, tzinfo=UTC) + timedelta(microseconds=us)
    ),
    every=st.sampled_from([*EVERY, timedelta(seconds=7), timedelta(hours=8)]),
)
def test_instants_are_aligned_to_the_epoch_wherever_one_asks_from(
    now: datetime, every: timedelta
) -> None:
    due = Schedule(every).next_after(now)
    assert now < due <= now + every
    assert (due - EPOCH) % every == timedelta(0)
    assert due.tzinfo is UTC


@pytest.mark.parametrize("every", EVERY)
def test_a_restarted_daemon_looks_at_the_same_instants(every: timedelta) -> None:
    running, restarted = Schedule(every), Schedule(every)
    due = running.next_after(at("23:59:58"))
    for _ in range(5):
        # asked somewhere between two instants: what came before does not matter
        assert restarted.next_after(due + every / 3) == running.next_after(due)
        due = running.next_after(due)


@pytest.mark.parametrize("day", ["2026-03-29", "2026-10-25"])
def test_the_days_on_which_europe_moves_its_clocks_have_96_quarters(day: str) -> None:
    schedule = Schedule(timedelta(minutes=15))
    due = start = at("00:00:00", day)
    looks = 0
    while due < start + timedelta(days=1):
        following = schedule.next_after(due)
        assert following - due == timedelta(minutes=15)
        due, looks = following, looks + 1
    assert looks == 96
