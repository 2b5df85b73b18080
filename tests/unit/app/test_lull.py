"""What is left out of a replay, and that leaving it out changes nothing."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from counterpoise.app.backtest import BacktestOptions, prepare, run
from counterpoise.app.cycle_report import CycleReport
from counterpoise.domain.numbers import dec
from counterpoise.domain.policy import Band, PortfolioPolicy, Sleeve
from counterpoise.domain.strategy import DriftPolicy, HedgePolicy, StrategyPolicy
from counterpoise.domain.strategy.conditions import Above, Below
from counterpoise.report.backtest import BacktestReport
from tests.recordings import HOUR, START, write_funding, write_market, write_series

BALANCE = "BTC=1,USDT=10000,USDT@futures=40000"
DRIFT = DriftPolicy(id="shape")
BELOW = HedgePolicy(
    id="below",
    asset="BTC",
    ratio=dec("0.5"),
    when=Below(price=dec(45_000)),
    release=Above(price=dec(52_000)),
)
ALWAYS = HedgePolicy(id="always", asset="BTC", ratio=dec("0.5"))


def policy(*strategies: StrategyPolicy) -> PortfolioPolicy:
    sleeves = (
        Sleeve(id="core", weight=dec("0.5"), assets={"BTC": dec(1)}, band=Band(size=dec("0.05"))),
        Sleeve(id="cash", weight=dec("0.5"), assets={"USDT": dec(1)}, band=Band(size=dec(1))),
    )
    return PortfolioPolicy(
        id="p", venues=("main",), quote="USDT", sleeves=sleeves, strategies=strategies
    )


async def looks(
    folder: Path, *strategies: StrategyPolicy, every_look: bool = False
) -> tuple[list[datetime], BacktestReport]:
    ready = prepare(
        policy(*strategies),
        timedelta(seconds=30),
        BacktestOptions(data=folder, balance=BALANCE),
    )
    seen: list[CycleReport] = []
    report = await run(ready, seen.append, every_look=every_look)
    return [each.as_of for each in seen], report


def hours(at: list[datetime]) -> list[int]:
    """The whole hours since the start that were looked at."""
    return [(a - START) // HOUR for a in at if not (a - START) % HOUR]


async def test_where_nobody_wants_anything_there_is_a_first_and_a_last_look(tmp_path: Path) -> None:
    write_market(tmp_path, "BTCUSDT", [50_000] * 20 + [10_000] * 20)
    assert hours((await looks(tmp_path))[0]) == [0, 40]


async def test_a_level_that_is_reached_is_looked_at_and_seen_twice(tmp_path: Path) -> None:
    # 44,900 stands from the close of the bar that opens at hour 20 on
    write_market(tmp_path, "BTCUSDT", [50_000] * 20 + [44_900] * 20)
    found = hours((await looks(tmp_path, BELOW))[0])
    assert found[0] == 0
    assert not {n for n in found if 2 < n < 21}
    assert {21, 22} <= set(found)


async def test_a_spot_that_runs_away_from_its_future_is_looked_at(tmp_path: Path) -> None:
    write_series(tmp_path, "spot", "BTCUSDT", [50_000] * 20 + [44_000] * 20)
    write_series(tmp_path, "perp", "BTCUSDT", [50_000] * 40)
    assert 21 in hours((await looks(tmp_path, BELOW))[0])


async def test_funding_of_a_position_is_looked_at(tmp_path: Path) -> None:
    write_market(tmp_path, "BTCUSDT", [50_000] * 40)
    write_funding(tmp_path, "BTCUSDT", ["0.0001"] * 4)
    assert {8, 16, 24, 32} <= set(hours((await looks(tmp_path, ALWAYS))[0]))
    assert not {8, 16, 24, 32} & set(hours((await looks(tmp_path, BELOW))[0])), "no position"


async def test_a_halt_is_looked_at_from_its_beginning_to_its_end(tmp_path: Path) -> None:
    halted: Sequence[int | None] = [50_000] * 10 + [None] * 3 + [50_000] * 30
    write_series(tmp_path, "spot", "BTCUSDT", halted)
    write_series(tmp_path, "perp", "BTCUSDT", [50_000] * 43)
    found = hours((await looks(tmp_path, BELOW))[0])
    assert {10, 11, 12, 13} <= set(found)
    assert not {3, 4, 5, 6, 7, 16, 17, 18} & set(found)


async def test_a_new_market_is_looked_at(tmp_path: Path) -> None:
    write_series(tmp_path, "spot", "BTCUSDT", [50_000] * 40)
    write_series(tmp_path, "perp", "BTCUSDT", [50_000] * 20, start=START + 20 * HOUR)
    assert hours((await looks(tmp_path))[0]) == [0, 20, 40]


async def test_equity_is_known_at_every_bar_all_the_same(tmp_path: Path) -> None:
    write_market(tmp_path, "BTCUSDT", [50_000] * 10 + [45_500] * 10 + [50_000] * 10)
    at, left_out = await looks(tmp_path, ALWAYS)
    all_of_them, whole = await looks(tmp_path, ALWAYS, every_look=True)
    assert len(at) < len(all_of_them)
    assert left_out.equity == whole.equity
    assert whole.equity.max_drawdown is not None
    assert whole.equity.max_drawdown > dec("0.02"), "half of 9 % of half of it"


STEPS = st.lists(st.integers(min_value=-80, max_value=80), min_size=30, max_size=90)


@pytest.mark.parametrize(
    "strategies", [(DRIFT,), (BELOW,), (BELOW, DRIFT)], ids=["drift", "hedge", "both"]
)
@given(steps=STEPS)
@settings(
    max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)
async def test_on_any_path_leaving_looks_out_changes_nothing(
    tmp_path: Path, strategies: tuple[StrategyPolicy, ...], steps: list[int]
) -> None:
    closes = [Decimal(50_000)]
    for step in steps:
        closes.append((closes[-1] * (1000 + step) / 1000).quantize(dec("0.1")))
    write_market(tmp_path, "BTCUSDT", closes)
    write_funding(tmp_path, "BTCUSDT", ["0.0003", "-0.0002", "0.0001"])
    _, short = await looks(tmp_path, *strategies)
    _, long = await looks(tmp_path, *strategies, every_look=True)
    assert short.hash == long.hash
    assert short.equity == long.equity
    assert short.hedges == long.hedges
    assert short.band_breaches == long.band_breaches
    assert short.cycles <= long.cycles


async def test_prices_that_could_matter_to_margin_are_looked_at(tmp_path: Path) -> None:
    # 40,000 behind a short of 1 BTC: a third of the way up at 67,000, and no strategy cares about that
    write_market(tmp_path, "BTCUSDT", [50_000] * 6 + [60_000] * 6 + [69_000] * 6 + [69_500] * 6)
    whole = HedgePolicy(id="whole", asset="BTC", ratio=dec(1))
    seen, report = await looks(tmp_path, whole)
    assert not set(range(1, 13)) & set(hours(seen)), "far enough away: left out"
    assert 13 in hours(seen), "when the bar of 69,000 has closed"
    every, same = await looks(tmp_path, whole, every_look=True)
    assert len(every) > len(seen)
    assert report.hash == same.hash
