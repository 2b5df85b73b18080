from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from counterpoise.domain.numbers import dec
from counterpoise.domain.strategy.conditions import Extreme, confirmed, highest, lowest
from tests.build import NOW

CYCLE = timedelta(seconds=30)


def rows_of(*looks: bool | None) -> list[bool]:
    """Whether ``below`` counts after each of ``looks`` (None: not known), one a cycle."""
    held: dict[str, datetime] = {}
    found = []
    for i, look in enumerate(looks):
        names, held = confirmed(held, {"below": look is True}, NOW + i * CYCLE)
        found.append("below" in names)
    return found


@pytest.mark.parametrize(
    ("looks", "counts"),
    [
        pytest.param([True], [False], id="once is a wick"),
        pytest.param([True, True], [False, True], id="twice in a row counts"),
        pytest.param([True, True, True], [False, True, True], id="and goes on to count"),
        pytest.param([True, False, True], [False] * 3, id="a row that was broken begins anew"),
        pytest.param([True, None, True], [False] * 3, id="not known is not seen"),
        pytest.param([False, False], [False, False], id="what does not hold never counts"),
        pytest.param(
            [True, True, False], [False, True, False], id="it counts no longer than it holds"
        ),
    ],
)
def test_a_condition_counts_from_its_second_cycle_in_a_row(
    looks: list[bool | None], counts: list[bool]
) -> None:
    assert rows_of(*looks) == counts


def test_one_cycle_looked_at_twice_counts_once() -> None:
    _, held = confirmed({}, {"below": True}, NOW)
    names, again = confirmed(held, {"below": True}, NOW)
    assert names == frozenset()
    assert again == held


def test_names_do_not_lend_each_other_their_rows() -> None:
    _, held = confirmed({}, {"above": True, "below": False}, NOW)
    names, held = confirmed(held, {"above": False, "below": True}, NOW + CYCLE)
    assert (names, held) == (frozenset(), {"below": NOW + CYCLE})


def test_what_is_no_longer_asked_about_is_forgotten() -> None:
    names, held = confirmed({"old": NOW}, {"new": True}, NOW + CYCLE)
    assert (names, held) == (frozenset(), {"new": NOW + CYCLE})


def test_a_row_that_goes_on_is_remembered_by_its_first_cycle() -> None:
    """So the remembered state does not change from cycle to cycle while nothing does."""
    _, held = confirmed({"below": NOW}, {"below": True}, NOW + 5 * CYCLE)
    assert held == {"below": NOW}


def highs(*prices: int | None) -> list[int | None]:
    """The confirmed high after each price."""
    extreme, found = Extreme(), []
    for i, price in enumerate(prices):
        seen = None if price is None else dec(price)
        extreme = highest(extreme, seen, NOW + i * CYCLE)
        found.append(None if extreme.price is None else int(extreme.price))
    return found


@pytest.mark.parametrize(
    ("prices", "confirmed_highs"),
    [
        pytest.param([100], [None], id="one look confirms nothing"),
        pytest.param([100, 100], [None, 100], id="two alike do"),
        pytest.param([100, 103, 110], [None, 100, 103], id="of two the less extreme"),
        pytest.param([100, 100, 999, 101], [None, 100, 100, 101], id="a wick does not count"),
        pytest.param([100, 100, 999, 90], [None, 100, 100, 100], id="nor lowers what was known"),
        pytest.param(
            [100, 100, 110, None, 110], [None, 100, 100, 100, 100], id="a gap parts a row"
        ),
        pytest.param([None, None], [None, None], id="nothing known"),
    ],
)
def test_a_high_needs_two_cycles(
    prices: list[int | None], confirmed_highs: list[int | None]
) -> None:
    assert highs(*prices) == confirmed_highs


@given(st.lists(st.integers(1, 1000), min_size=1, max_size=30))
def test_a_confirmed_high_is_the_highest_that_two_neighbours_reached(prices: Sequence[int]) -> None:
    pairs = [min(pair) for pair in pairwise(prices)]
    assert highs(*prices)[-1] == (max(pairs) if pairs else None)


@given(st.lists(st.integers(1, 1000) | st.none(), max_size=30))
def test_a_low_is_a_high_in_the_mirror(prices: Sequence[int | None]) -> None:
    high = low = Extreme()
    for i, price in enumerate(prices):
        at = NOW + i * CYCLE
        high = highest(high, None if price is None else dec(price), at)
        low = lowest(low, None if price is None else dec(-price), at)
    assert high.price == (None if low.price is None else -low.price)


@given(st.lists(st.integers(1, 1000), min_size=1, max_size=10))
def test_one_cycle_looked_at_twice_moves_no_extreme(prices: Sequence[int]) -> None:
    extreme = Extreme()
    for i, price in enumerate(prices):
        extreme = highest(extreme, dec(price), NOW + i * CYCLE)
        assert highest(extreme, dec(price), NOW + i * CYCLE) == extreme


def test_an_extreme_comes_to_rest_while_the_price_does() -> None:
    extreme = Extreme()
    for i in range(3):
        extreme = highest(extreme, dec(100), NOW + i * CYCLE)
    assert extreme == Extreme(price=dec(100))
