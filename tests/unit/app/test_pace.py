from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from counterpoise.app.cycle_report import CycleReport
from counterpoise.app.pace import FASTEST, PATIENT_LOOKS, Pace
from tests.build import NOW, make_fill, make_order
from tests.unit.app.reports import make_report

QUARTER = timedelta(minutes=15)
SECOND = timedelta(seconds=1)


def asks_for(wake_at: datetime | None) -> CycleReport:
    return make_report(wake_at=wake_at)


def impatient_looks(pace: Pace, count: int, now: datetime = NOW) -> list[timedelta]:
    """How long the pause is before each of ``count`` looks that all want to look again at once."""
    return [pace.next_look(asks_for(now), now) - now for _ in range(count)]


def test_without_a_wish_the_next_look_is_the_regular_one() -> None:
    assert Pace(QUARTER).next_look(asks_for(None), NOW) == NOW + QUARTER
    assert Pace(QUARTER).next_look(asks_for(None), NOW + SECOND) == NOW + QUARTER


def test_a_wish_before_the_regular_look_is_granted() -> None:
    wish = NOW + timedelta(minutes=4)
    assert Pace(QUARTER).next_look(asks_for(wish), NOW) == wish


@pytest.mark.parametrize("after", [QUARTER, QUARTER + SECOND, timedelta(days=1)])
def test_a_wish_at_or_after_the_regular_look_changes_nothing(after: timedelta) -> None:
    assert Pace(QUARTER).next_look(asks_for(NOW + after), NOW) == NOW + QUARTER


def test_a_wish_in_the_past_or_at_once_waits_the_shortest_pause() -> None:
    assert Pace(QUARTER).next_look(asks_for(NOW - QUARTER), NOW) == NOW + FASTEST
    assert Pace(QUARTER).next_look(asks_for(NOW), NOW) == NOW + FASTEST


def test_looks_that_change_nothing_slow_down_and_end_at_the_regular_pace() -> None:
    pauses = impatient_looks(Pace(QUARTER), PATIENT_LOOKS + 15)
    assert set(pauses[:PATIENT_LOOKS]) == {FASTEST}
    slower = pauses[PATIENT_LOOKS:]
    assert slower[:9] == [FASTEST * 2**n for n in range(1, 10)]
    assert set(slower[10:]) == {QUARTER}, "never later than the schedule"


def test_the_pause_stops_growing() -> None:
    pauses = impatient_looks(Pace(timedelta(days=1)), PATIENT_LOOKS + 2_000)
    assert pauses[-1] == FASTEST * 2**10


@pytest.mark.parametrize(
    "news",
    [{"results": (make_order(),)}, {"fills": (make_fill(),)}],
    ids=["an order", "a fill"],
)
def test_something_that_happened_makes_it_quick_again(news: dict[str, object]) -> None:
    pace = Pace(QUARTER)
    assert impatient_looks(pace, PATIENT_LOOKS + 5)[-1] > FASTEST
    moved = make_report(wake_at=NOW, **news)
    assert pace.next_look(moved, NOW) == NOW + FASTEST
    assert set(impatient_looks(pace, PATIENT_LOOKS - 1)) == {FASTEST}


def test_a_regular_look_makes_it_quick_again() -> None:
    pace = Pace(QUARTER)
    impatient_looks(pace, PATIENT_LOOKS + 5)
    pace.next_look(asks_for(None), NOW)
    assert set(impatient_looks(pace, PATIENT_LOOKS)) == {FASTEST}
