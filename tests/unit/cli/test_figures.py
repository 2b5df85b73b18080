from __future__ import annotations

from decimal import Decimal

import pytest

from counterpoise.cli import figures


@pytest.mark.parametrize(
    ("shown", "value", "expected"),
    [
        (figures.percent, "0.49834", "49.8 %"),
        (figures.percent, "-0.1", "-10.0 %"),
        (figures.percent, None, "-"),
        (figures.points, "0.05", "±5.0 pp"),
        (figures.points, "1", "-"),
        (figures.points, None, "-"),
        (figures.money, "1234567.891", "1,234,567.89"),
        (figures.money, Decimal(5), "5.00"),
        (figures.money, None, "-"),
        (figures.quantity, "0.12345678901234567890", "0.12345679"),
        (figures.quantity, "1234.50", "1,234.5"),
        (figures.quantity, "1234567890.5", "1,234,567,890"),
        (figures.quantity, "-0.00001234567891", "-0.000012345679"),
        (figures.quantity, "0.000", "0"),
        (figures.quantity, None, "-"),
        (figures.moment, "2026-01-08T13:00:05.250Z", "2026-01-08 13:00:05Z"),
        (figures.moment, None, "-"),
        (figures.age, "93.5", "1m 33s"),
        (figures.age, "0.2", "0s"),
        (figures.age, "90061", "1d 1h"),
        (figures.age, None, "-"),
    ],
)
def test_a_figure_reads_well(shown: object, value: object, expected: str) -> None:
    assert callable(shown)
    assert shown(value) == expected


def test_a_moment_may_be_short() -> None:
    assert figures.moment("2026-01-08T13:00:05.250Z", short=True) == "Thu 08 Jan 13:00"


@pytest.mark.parametrize(
    ("number", "expected"), [(0, "0 fills"), (1, "1 fill"), (2, "2 fills"), (1200, "1,200 fills")]
)
def test_one_is_one_and_many_are_many(number: int, expected: str) -> None:
    assert figures.count(number, "fill") == expected


def test_money_names_its_asset() -> None:
    assert figures.money("1", "USDT") == "1.00 USDT"
    assert figures.money(None, "USDT") == "-"
