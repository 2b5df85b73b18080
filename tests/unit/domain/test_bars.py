from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from counterpoise.domain.bars import Bar, closed_run, closed_tail, last_closed_open
from counterpoise.domain.numbers import ONE
from tests.build import NOW

HOUR = timedelta(hours=1)


def bars_of(*hours: int) -> tuple[Bar, ...]:
    """Bars that opened so many hours before noon."""
    return tuple(Bar(open_at=NOW - h * HOUR, open=ONE, high=ONE, low=ONE, close=ONE) for h in hours)


@pytest.mark.parametrize(
    ("at", "hours"),
    [
        pytest.param(NOW, 1, id="on the hour the bar before has just closed"),
        pytest.param(NOW + timedelta(minutes=59), 1, id="until the hour is over"),
        pytest.param(NOW - timedelta(seconds=1), 2, id="a second before it had not"),
    ],
)
def test_the_newest_closed_bar_is_the_one_whose_interval_is_over(at: datetime, hours: int) -> None:
    assert last_closed_open(at, HOUR) == NOW - hours * HOUR


@pytest.mark.parametrize(
    ("hours", "run"),
    [
        pytest.param([], 0, id="none"),
        pytest.param([3, 2, 1], 3, id="up to the last closed"),
        pytest.param([4, 3, 2], 3, id="the last closed is still on its way"),
        pytest.param([5, 4, 3], 0, id="older than that is too old"),
        pytest.param([5, 4, 2, 1], 2, id="a hole ends the run"),
        pytest.param([4, 3, 3, 2, 1], 3, id="a bar that is there twice ends it too"),
    ],
)
def test_a_run_is_the_newest_bars_without_a_gap(hours: list[int], run: int) -> None:
    assert closed_run(bars_of(*hours), HOUR, NOW) == run


@given(st.lists(st.integers(1, 12), max_size=12, unique=True))
def test_a_run_is_as_long_as_the_longest_tail(hours: list[int]) -> None:
    bars = bars_of(*sorted(hours, reverse=True))
    run = closed_run(bars, HOUR, NOW)
    tail = closed_tail(bars, HOUR, NOW, run)
    assert tail == (bars[-run:] if run else None)
    assert closed_tail(bars, HOUR, NOW, run + 1) is None
