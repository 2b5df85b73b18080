from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from counterpoise.domain.numbers import dec
from counterpoise.report.curve import Point, performance

START = datetime(2024, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)


def curve(*equities: int | str) -> list[Point]:
    return [Point(START + n * DAY, dec(e)) for n, e in enumerate(equities)]


def test_return_and_drawdown_follow_from_equity() -> None:
    made = performance(curve(100, 120, 90, 108), ())
    assert (made.start, made.end) == (100, 108)
    assert made.total_return == dec("0.08")
    assert made.max_drawdown == dec("0.25"), "from 120 to 90"


def test_a_deposit_is_no_profit_and_a_withdrawal_no_loss() -> None:
    # +10 %, then 890 come in, then +10 %; then 550 leave, and equity stands still
    flows = [(START + 2 * DAY, dec(890)), (START + 4 * DAY, dec(-550))]
    made = performance(curve(100, 110, 1000, 1100, 550), flows)
    assert made.total_return == dec("0.21")
    assert made.max_drawdown == 0


def test_a_flow_before_the_first_point_is_part_of_the_start() -> None:
    made = performance(curve(100, 100), [(START, dec(50)), (START - DAY, dec(7))])
    assert made.total_return == 0


def test_volatility_is_realised_and_annual() -> None:
    # 365 days of +1 % and -1 % in turn: root of the sum of 365 x 0.0001
    made = [dec(100)]
    for n in range(365):
        made.append(made[-1] * (dec("1.01") if n % 2 else dec("0.99")))
    points = [Point(START + n * DAY, e) for n, e in enumerate(made)]
    volatility = performance(points, ()).volatility
    assert volatility is not None
    assert abs(volatility - Decimal("0.0365").sqrt()) < dec("1e-7")


def test_one_point_has_no_volatility_and_none_is_refused() -> None:
    made = performance(curve(100), ())
    assert (made.total_return, made.max_drawdown, made.volatility) == (0, 0, None)
    with pytest.raises(ValueError, match="at least one point"):
        performance([], ())


def test_equity_that_was_gone_relates_to_nothing() -> None:
    made = performance(curve(100, 0, 50), ())
    assert (made.start, made.end) == (100, 50)
    assert made.total_return is None
    assert made.max_drawdown is None
    assert made.volatility is None


def test_equity_that_ends_at_nothing_lost_everything() -> None:
    made = performance(curve(100, -5), ())
    assert made.total_return == dec("-1.05")
    assert made.max_drawdown == dec("1.05")


def test_the_lowest_margin_is_told_with_its_instant() -> None:
    points = [
        Point(START + n * DAY, dec(100), margin)
        for n, margin in enumerate((dec(5), dec(-3), None, dec(-3), dec(9)))
    ]
    lowest = performance(points, ()).lowest_margin
    assert lowest is not None
    assert (lowest.margin, lowest.at) == (-3, START + DAY)
    assert performance(curve(1, 2), ()).lowest_margin is None
