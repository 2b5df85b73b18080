from __future__ import annotations

from counterpoise.domain.numbers import ZERO, dec
from counterpoise.report.backtest import breaches, per_second


def test_a_stretch_outside_the_band_counts_once() -> None:
    assert breaches([]) == 0
    assert breaches([True, True]) == 0
    assert breaches([False]) == 1
    assert breaches([True, False, False, True, False]) == 2


def test_what_took_no_time_has_no_speed() -> None:
    assert per_second(100, ZERO) == 0
    assert per_second(100, dec("0.3")) == dec("333.3")
