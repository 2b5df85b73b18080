"""The backtest on small recorded markets whose outcome can be worked out by hand."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from counterpoise.app.backtest import Backtest, BacktestOptions, prepare, run, written
from counterpoise.app.cycle_report import CycleReport
from counterpoise.domain.errors import CounterpoiseError
from counterpoise.domain.numbers import dec
from counterpoise.domain.policy import Band, PortfolioPolicy, Sleeve
from counterpoise.domain.strategy import HedgePolicy
from counterpoise.report.backtest import BacktestReport
from counterpoise.venue.sim import Fees, Wallet
from tests.recordings import HOUR, START, write_funding, write_market, write_series

POLL = timedelta(seconds=30)
FREE = Fees(spot_maker=dec(0), spot_taker=dec(0), perp_maker=dec(0), perp_taker=dec(0))
BALANCE = "BTC=1,USDT@futures=50000"


def policy(*strategies: HedgePolicy, **changes: Any) -> PortfolioPolicy:
    sleeves = (
        Sleeve(id="core", weight=dec("0.6"), assets={"BTC": dec(1)}, band=Band(size=dec("0.05"))),
        Sleeve(id="cash", weight=dec("0.4"), assets={"USDT": dec(1)}, band=Band(size=dec(1))),
    )
    made = PortfolioPolicy(
        id="p", venues=("main",), quote="USDT", sleeves=sleeves, strategies=strategies
    )
    return replace(made, **changes)


ALL = HedgePolicy(id="all", asset="BTC", ratio=dec(1))


def prepared(folder: Path, *strategies: HedgePolicy, **options: Any) -> Backtest:
    asked = {"balance": BALANCE, "fees": FREE, **options}
    return prepare(policy(*strategies), POLL, BacktestOptions(data=folder, **asked))


async def outcome(ready: Backtest) -> BacktestReport:
    return await run(ready, lambda _: None)


async def test_nothing_but_holding_is_the_market_itself(tmp_path: Path) -> None:
    write_market(tmp_path, "BTCUSDT", [50_000] * 6 + [40_000] * 6 + [60_000] * 12)
    made = await outcome(prepared(tmp_path))
    assert (made.equity.start, made.equity.end) == (100_000, 110_000)
    assert made.equity.total_return == dec("0.1")
    assert made.equity.max_drawdown == dec("0.1")
    assert (made.trading.orders, made.trading.fills, made.band_breaches) == (0, 0, 0)
    assert made.bars == 48
    assert made.hedges == ()


async def test_a_full_hedge_stands_still_while_the_market_falls(tmp_path: Path) -> None:
    write_market(tmp_path, "BTCUSDT", [50_000] * 6 + [40_000] * 18)
    made = await outcome(prepared(tmp_path, ALL))
    assert made.equity.total_return is not None
    assert abs(made.equity.total_return) < dec("0.0001"), "but for ticks of spread"
    (hedge,) = made.hedges
    assert (hedge.strategy, hedge.asset, hedge.qty, hedge.closed_at) == ("all", "BTC", -1, None)
    assert hedge.unrealized is not None
    assert abs(hedge.unrealized - 10_000) < 10
    assert made.trading.futures_turnover == sum(
        (abs(h.qty) * h.entry for h in made.hedges), Decimal(0)
    )


async def test_the_lowest_margin_is_known_though_no_look_was_there(tmp_path: Path) -> None:
    write_market(tmp_path, "BTCUSDT", [50_000] * 6 + [95_000] * 3 + [50_000] * 15)
    ready = prepared(tmp_path, ALL)
    # nobody guards it: what the margin guard would do at 95,000 is to look
    left_alone = replace(ready, policy=replace(ready.policy, margin=None))
    lowest = (await outcome(left_alone)).equity.lowest_margin
    assert lowest is not None
    assert lowest.margin is not None
    assert abs(lowest.margin - (50_000 - 45_000)) < 10
    assert lowest.at == START + 7 * HOUR


async def test_fees_are_the_exchanges_and_cost_equity(tmp_path: Path) -> None:
    write_market(tmp_path, "BTCUSDT", [50_000] * 24)
    free = await outcome(prepared(tmp_path, ALL))
    dear = await outcome(
        prepared(tmp_path, ALL, fees=replace(FREE, perp_maker=dec("0.01"), perp_taker=dec("0.01")))
    )
    assert dear.trading.fees == dear.trading.futures_turnover * dec("0.01")
    assert free.equity.end - dear.equity.end == dear.trading.fees
    assert free.hash != dear.hash


async def test_funding_is_paid_unless_it_is_off(tmp_path: Path) -> None:
    write_market(tmp_path, "BTCUSDT", [50_000] * 24)
    write_funding(tmp_path, "BTCUSDT", ["0.001", "0.001"])
    paid = await outcome(prepared(tmp_path, ALL))
    off = await outcome(prepared(tmp_path, ALL, funding=False))
    assert paid.trading.funding == 100, "a short of 1 BTC receives 0.1 % of 50,000 twice"
    assert off.trading.funding == 0
    assert paid.equity.end - off.equity.end == 100


async def test_the_same_again_has_the_same_hash_and_every_option_counts(tmp_path: Path) -> None:
    write_market(tmp_path, "BTCUSDT", [50_000] * 6 + [45_000] * 18)
    first = await outcome(prepared(tmp_path, ALL))
    again = await outcome(prepared(tmp_path, ALL))
    assert first.hash == again.hash
    half = HedgePolicy(id="all", asset="BTC", ratio=dec("0.5"))
    others = [
        prepared(tmp_path, half),
        prepared(tmp_path, ALL, balance="BTC=2,USDT@futures=50000"),
        prepared(tmp_path, ALL, end=START + 20 * HOUR),
        prepared(tmp_path, ALL, fees=Fees()),
    ]
    hashes = [(await outcome(other)).hash for other in others]
    assert len({first.hash, *hashes}) == 5


async def test_other_candles_give_another_hash(tmp_path: Path) -> None:
    write_market(tmp_path, "BTCUSDT", [50_000] * 24)
    first = await outcome(prepared(tmp_path))
    write_market(tmp_path, "BTCUSDT", [50_000] * 23 + [50_001])
    assert (await outcome(prepared(tmp_path))).hash != first.hash


async def test_without_a_balance_it_has_the_sleeves_shape(tmp_path: Path) -> None:
    write_market(tmp_path, "BTCUSDT", [50_000] * 24)
    ready = prepared(tmp_path, balance=None)
    assert written(ready.balance) == "BTC=1.2,USDT=20000,USDT@futures=20000"
    same = await outcome(prepared(tmp_path, balance=written(ready.balance)))
    assert (await outcome(ready)).hash == same.hash


async def test_coins_held_elsewhere_are_part_of_the_shape(tmp_path: Path) -> None:
    write_market(tmp_path, "BTCUSDT", [50_000] * 24)
    ready = prepare(
        policy(holdings={"BTC": dec("0.5")}), POLL, BacktestOptions(data=tmp_path, fees=FREE)
    )
    assert ready.balance[Wallet.SPOT, "BTC"] == dec("0.7")
    assert (await outcome(ready)).equity.start == 100_000


async def test_a_future_that_lists_later_is_hedged_from_then_on(tmp_path: Path) -> None:
    write_series(tmp_path, "spot", "BTCUSDT", [50_000] * 48)
    write_series(tmp_path, "perp", "BTCUSDT", [50_000] * 28, start=START + 20 * HOUR)
    (hedge,) = (await outcome(prepared(tmp_path, ALL))).hedges
    assert START + 20 * HOUR <= hedge.opened_at < START + 21 * HOUR


async def test_nothing_is_sent_while_spot_is_halted(tmp_path: Path) -> None:
    closes = [50_000] * 10 + [None] * 5 + [50_000] * 33
    write_series(tmp_path, "spot", "BTCUSDT", closes)
    write_series(tmp_path, "perp", "BTCUSDT", [50_000] * 48)
    ready = prepared(tmp_path, ALL, start=START + 11 * HOUR)
    made = await outcome(ready)
    placed = [e["at"] for e in ready.exchange.log.after(0) if e["event"] == "place"]
    reopens = int((START + 15 * HOUR).timestamp() * 1000)
    assert placed
    assert min(int(str(at)) for at in placed) >= reopens
    assert made.equity.start == 100_000, "the first look that could value it"


async def test_a_portfolio_that_is_never_valued_says_so(tmp_path: Path) -> None:
    write_series(tmp_path, "spot", "BTCUSDT", [50_000, 50_000, *[None] * 20, 50_000])
    ready = prepared(tmp_path, start=START + 3 * HOUR, end=START + 9 * HOUR)
    with pytest.raises(CounterpoiseError, match="never had a value: bid and ask of BTC/USDT"):
        await outcome(ready)


async def test_progress_is_told_in_market_time(tmp_path: Path) -> None:
    write_market(tmp_path, "BTCUSDT", [50_000] * 5)
    seen: list[CycleReport] = []
    await run(prepared(tmp_path), seen.append, every_look=True)
    assert [report.as_of for report in seen] == [START + n * HOUR for n in range(6)]


def test_looks_are_no_closer_than_the_bars_and_no_closer_than_the_poll(tmp_path: Path) -> None:
    write_market(tmp_path, "BTCUSDT", [50_000] * 5)
    options = BacktestOptions(data=tmp_path)
    assert prepare(policy(), POLL, options).every == HOUR
    assert prepare(policy(), timedelta(hours=4), options).every == timedelta(hours=4)


@pytest.mark.parametrize(
    ("balance", "told"),
    [
        ("BTC=1,DOGE=5", r"--balance: expected assets .* spot wallet \(BTC, USDT\), was DOGE"),
        ("BTC@futures=1", r"futures wallet \(USDT\), was BTC@futures"),
        ("BTC", "--balance: expected ASSET=QTY"),
        ("BTC=-1", "--balance: expected a quantity >= 0"),
        ("BTC=0", "--balance: expected at least one quantity above 0"),
        ("", "--balance: expected at least one quantity above 0"),
        ("BTC=0.000000001", "at most 8 places"),
    ],
)
def test_a_bad_balance_is_refused(tmp_path: Path, balance: str, told: str) -> None:
    write_market(tmp_path, "BTCUSDT", [50_000] * 5)
    with pytest.raises(ValueError, match=told):
        prepared(tmp_path, balance=balance)


def test_what_a_reader_should_know_is_noted(tmp_path: Path) -> None:
    write_market(tmp_path, "BTCUSDT", [50_000] * 5)
    ready = prepare(
        policy(ALL, venues=("main", "other")),
        POLL,
        BacktestOptions(data=tmp_path, balance="BTC=1"),
    )
    assert ready.policy.venues == ("main",)
    assert ready.notes == (
        "BTC has no funding rates here: none is paid",
        "everything is traded on main: a backtest has one venue",
        "the futures wallet is empty: hedges need margin, USDT@futures=...",
    )
