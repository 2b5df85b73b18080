from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from counterpoise.app.cycle_report import CycleReport
from counterpoise.app.pace import EARLY_LOOKS, FASTEST, LONGEST, QUICK_LOOKS, Pace
from counterpoise.domain.order import OrderState
from tests.build import NOW, make_fill, make_order
from tests.unit.app.reports import make_report

QUARTER = timedelta(minutes=15)
SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)


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


def stuck(state: OrderState, client_order_id: str = "cp1") -> CycleReport:
    order = make_order(state=state, client_order_id=client_order_id)
    return make_report(wake_at=NOW, results=(order,))


@pytest.mark.parametrize(
    "state", [OrderState.UNKNOWN, OrderState.PENDING_CANCEL, OrderState.CANCELED]
)
def test_the_same_of_the_same_order_again_is_no_news(state: OrderState) -> None:
    pace = Pace(QUARTER)
    impatient_looks(pace, QUICK_LOOKS + 5)
    assert pace.next_look(stuck(state), NOW) == NOW + FASTEST
    for _ in range(QUICK_LOOKS + 3):
        pace.next_look(stuck(state), NOW)
    assert pace.next_look(stuck(state), NOW) == NOW + LONGEST
    assert pace.next_look(stuck(state, "cp2"), NOW) == NOW + FASTEST, "another one is"


def test_refusals_are_no_news_however_many() -> None:
    pace = Pace(QUARTER)
    impatient_looks(pace, QUICK_LOOKS + 5)
    for name in ("cp1", "cp2"):
        assert pace.next_look(stuck(OrderState.REJECTED, name), NOW) == NOW + LONGEST


def looks_of(pace: Pace, lasting: timedelta, took: timedelta) -> list[datetime]:
    """When looks begin that each take a while and each ask for another after a second, as a frozen contract does."""
    looks = [NOW]
    while looks[-1] < NOW + lasting:
        looks.append(pace.next_look(asks_for(looks[-1] + SECOND), looks[-1] + took))
    return looks


#: What a look at one hedged asset costs, and what the futures API allows in a minute.
LOOK_WEIGHT, MINUTE_WEIGHT = 80, 2400


@pytest.mark.parametrize("poll_s", [5, 10, 30, 60])
@pytest.mark.parametrize("took_ms", [0, 170, 400, 900])
def test_an_hour_of_an_unexplained_position_costs_a_share_of_the_budget(
    poll_s: int, took_ms: int
) -> None:
    looks = looks_of(Pace(poll_s * SECOND), timedelta(hours=1), timedelta(milliseconds=took_ms))
    per_minute = [
        sum(NOW + n * MINUTE <= at < NOW + (n + 1) * MINUTE for at in looks) for n in range(60)
    ]
    spent = [count * LOOK_WEIGHT / MINUTE_WEIGHT for count in per_minute]
    assert spent[0] <= 0.75
    assert max(spent[1:]) <= 0.5
    # the schedule's own looks, and the first minutes
    assert sum(spent) / 60 <= max(0.25, 60 / poll_s * LOOK_WEIGHT / MINUTE_WEIGHT) + 0.01


def test_what_lasts_is_still_looked_up_three_times_in_a_minute() -> None:
    """A fault that ends after an hour: what it left is proven within a minute (three look-ups, 2 s apart)."""
    looks = looks_of(Pace(30 * SECOND), timedelta(hours=2), timedelta(milliseconds=400))
    for before, third in zip(looks, looks[3:], strict=False):
        assert third - before <= timedelta(seconds=46)
