from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from counterpoise.app.cycle_report import CycleReport
from counterpoise.app.pace import EARLY_LOOKS, FASTEST, LONGEST, QUICK_LOOKS, Pace
from counterpoise.domain.order import OrderState
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
    pauses = impatient_looks(Pace(QUARTER), EARLY_LOOKS + 5)
    assert set(pauses[:QUICK_LOOKS]) == {FASTEST}
    assert pauses[QUICK_LOOKS : QUICK_LOOKS + 2] == [2 * FASTEST, 4 * FASTEST]
    assert set(pauses[QUICK_LOOKS + 2 : EARLY_LOOKS]) == {LONGEST}
    assert set(pauses[EARLY_LOOKS:]) == {QUARTER}, "never later than the schedule"


def test_a_schedule_quicker_than_the_pause_wins() -> None:
    assert set(impatient_looks(Pace(2 * SECOND), 30)) == {FASTEST, 2 * SECOND}


@pytest.mark.parametrize(
    "news",
    [{"results": (make_order(),)}, {"fills": (make_fill(),)}],
    ids=["an order", "a fill"],
)
def test_something_that_happened_makes_it_quick_again(news: dict[str, object]) -> None:
    pace = Pace(QUARTER)
    assert impatient_looks(pace, QUICK_LOOKS + 5)[-1] > FASTEST
    moved = make_report(wake_at=NOW, **news)
    assert pace.next_look(moved, NOW) == NOW + FASTEST
    assert set(impatient_looks(pace, QUICK_LOOKS - 1)) == {FASTEST}


def test_a_regular_look_makes_it_quick_again() -> None:
    pace = Pace(QUARTER)
    impatient_looks(pace, QUICK_LOOKS + 5)
    pace.next_look(asks_for(None), NOW)
    assert set(impatient_looks(pace, QUICK_LOOKS)) == {FASTEST}


@pytest.mark.parametrize(
    "state", [OrderState.REJECTED, OrderState.UNKNOWN, OrderState.PENDING_CANCEL]
)
def test_what_the_venue_did_not_do_is_no_news(state: OrderState) -> None:
    pace = Pace(QUARTER)
    impatient_looks(pace, QUICK_LOOKS + 5)
    stuck = make_report(wake_at=NOW, results=(make_order(state=state),))
    assert pace.next_look(stuck, NOW) == NOW + LONGEST
