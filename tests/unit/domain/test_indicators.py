from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from counterpoise.domain.bars import Bar
from counterpoise.domain.indicators import moving_average, realised_volatility, rolling_high
from counterpoise.domain.numbers import dec
from tests.build import NOW, Number

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


def closes(*prices: Number) -> tuple[Bar, ...]:
    """Hourly bars with these closes, a high one above and a low one below."""
    return tuple(
        Bar(open_at=NOW + i * HOUR, open=dec(p), high=dec(p) + 1, low=dec(p) - 1, close=dec(p))
        for i, p in enumerate(prices)
    )


def test_the_rolling_high_is_the_highest_high_not_the_highest_close() -> None:
    assert rolling_high(closes(10, 30, 20)) == 31


def test_the_moving_average_is_the_mean_of_the_closes() -> None:
    assert moving_average(closes(10, 11, 15)) == 12


def test_volatility_agrees_with_a_sum_done_by_hand() -> None:
    """Closes 100, 110, 99: returns ln 1.1 = 0.0953102, ln 0.9 = -0.1053605; mean -0.0050252.

    Deviations +-0.1003353, squares add up to 0.0201343, over n - 1 = 1 that is 0.0201343; the root is 0.1418956
    a day, times sqrt(365) = 19.1049732 makes 2.7109.
    """
    volatility = realised_volatility(closes(100, 110, 99), DAY)
    assert abs(volatility - dec("2.7109")) < dec("0.0001")


def test_a_year_has_as_many_hours_as_it_has() -> None:
    """The same closes an hour apart instead of a day move sqrt(24) times as much a year."""
    bars = closes(100, 103, 99, 104)
    ratio = realised_volatility(bars, HOUR) / realised_volatility(bars, DAY)
    assert abs(ratio - dec(24).sqrt()) < dec("1e-20")


def test_a_steady_climb_is_no_volatility() -> None:
    """The sample's own mean is taken out: 10 % up each bar deviates from itself by nothing."""
    assert realised_volatility(closes(100, 110, 121, "133.1"), HOUR) < dec("1e-20")


@given(st.lists(st.integers(1, 10**7), min_size=3, max_size=30))
def test_volatility_is_what_floats_say_but_for_their_last_digits(prices: Sequence[int]) -> None:
    logs = [math.log(b / a) for a, b in pairwise(prices)]
    mean = math.fsum(logs) / len(logs)
    deviation = math.sqrt(math.fsum((u - mean) ** 2 for u in logs) / (len(logs) - 1))
    found = float(realised_volatility(closes(*prices), HOUR))
    assert math.isclose(found, deviation * math.sqrt(365 * 24), rel_tol=1e-9, abs_tol=1e-9)


@pytest.mark.parametrize("count", [0, 1, 2])
def test_two_closes_have_no_volatility(count: int) -> None:
    with pytest.raises(ValueError, match=f"expected at least 3 bars, was {count}"):
        realised_volatility(closes(*range(1, count + 1)), HOUR)


@pytest.mark.parametrize("indicator", [rolling_high, moving_average])
def test_no_bars_are_an_error_not_a_zero(indicator: object) -> None:
    assert callable(indicator)
    with pytest.raises(ValueError, match="expected at least 1 bars, was 0"):
        indicator(())
