"""Worked examples S2 to S6: ladders, tranches, conversions, on the simulated exchange with real fills.

Figures are those of the paper, to within the cents that crossing a spread of two ticks costs; each is run again
with fees of 2/5 bps and real funding, and the difference is what those cost.
"""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest

from counterpoise.app.cycle_report import CycleReport
from counterpoise.domain.numbers import ZERO, dec
from counterpoise.domain.operator import Command, CommandKind
from counterpoise.domain.policy import PortfolioPolicy
from counterpoise.domain.portfolio import PortfolioView
from counterpoise.domain.records import Changes
from counterpoise.domain.strategy import (
    DeriskPolicy,
    DipBuyPolicy,
    ProfitLadderPolicy,
    ScaleInPolicy,
)
from counterpoise.domain.strategy.conversion import ConvertPolicy, Level
from counterpoise.domain.strategy.dip_buy import TakeProfit
from counterpoise.domain.strategy.profit_ladder import LadderEnd, LadderTarget
from counterpoise.domain.strategy.scale_in import Commit, Confirm, Entry, OnInvalid
from tests.scenario.stage import NO_FEES, REAL_FEES, Stage, make_shape, make_stage

QUARTER = timedelta(minutes=15)
ETH_SHAPE = {"core": (60, ["ETH"]), "buffer": (40, ["USDT"])}


def near(found: Decimal, expected: object, by: object = "0.1") -> bool:
    return abs(found - dec(str(expected))) <= dec(str(by))


async def told(stage: Stage, kind: CommandKind, strategy: str) -> None:
    """An operator's word to a strategy."""
    now = stage.clock.now()
    command = Command(
        id=f"{kind.value}-{now.isoformat()}",
        portfolio="p",
        kind=kind,
        who="ann",
        origin="test",
        asked_at=now,
        args={"strategy": strategy},
    )
    await stage.say(Changes(portfolio="p", commands=(command,)))


# --- S2: tranches that each need a stronger reason ---


def scale_in(on_invalid: OnInvalid = OnInvalid.CLOSE) -> ScaleInPolicy:
    return ScaleInPolicy(
        id="in",
        asset="ETH",
        entry=Entry(qty=dec("0.5")),
        confirm=Confirm(qty=dec(1), support=dec(3000), bounce=dec("0.02"), resistance=dec(3050)),
        commit=Commit(to=dec(3), interval=QUARTER, high_bars=8),
        invalidate=dec(2900),
        on_invalid=on_invalid,
    )


async def test_s2_half_then_one_and_a_half_then_three() -> None:
    policy = make_shape(scale_in(), shape=ETH_SHAPE)
    stage = make_stage({"ETH": 3000}, {"ETH": 10, "USDT": 10_000}, futures=10_000)
    await stage.run(policy, hours=3)
    assert stage.position("ETH") == dec("0.5")
    stage.price(ETH=3061)  # 2 % off the support and above the resistance
    await stage.run(policy, hours=2)
    assert stage.position("ETH") == dec("1.5")
    stage.price(ETH=3100)  # a close above every high of the last eight bars
    await stage.run(policy, hours=2)
    assert stage.position("ETH") == dec(3)
    assert stage.coins("ETH") == 10
    assert stage.duplicates() == 0


@pytest.mark.parametrize(
    ("on_invalid", "overlay"),
    [(OnInvalid.CLOSE, "0"), (OnInvalid.HEDGE, "-0.5")],
)
async def test_s2_what_proves_wrong_is_closed_or_deliberately_turned(
    on_invalid: OnInvalid, overlay: str
) -> None:
    policy = make_shape(scale_in(on_invalid), shape=ETH_SHAPE)
    stage = make_stage({"ETH": 3000}, {"ETH": 10, "USDT": 10_000}, futures=10_000)
    await stage.run(policy, hours=2)
    stage.fall("ETH", -5)
    await stage.run(policy, hours=2)
    assert stage.position("ETH") == dec(overlay)
    (closed,) = await stage.closed()
    assert near(closed.price_pnl, -75), "half an ETH, 5 % of 3,000"


# --- S3: a ladder of shorts in a rally ---


async def test_s3_a_quarter_then_forty_percent_of_the_live_spot() -> None:
    """Cost 60,000, up 50 %: A at 90,000 (25 %), B at 100,000 (15 %)."""
    ladder = ProfitLadderPolicy(
        id="out",
        asset="BTC",
        targets=(
            LadderTarget(price=dec(90_000), add=dec("0.25"), gain=dec("0.5")),
            LadderTarget(price=dec(100_000), add=dec("0.15")),
        ),
        end=LadderEnd(trail=dec("0.15")),
    )
    policy = make_shape(ladder)
    stage = make_stage({"BTC": 80_000}, {"BTC": 2, "USDT": 20_000}, futures=60_000)
    await stage.run(policy, hours=1)
    assert stage.position() == 0
    stage.price(BTC=90_000)
    await stage.run(policy, hours=2)
    assert stage.position() == dec("-0.5"), "25 % of 2"
    at_a = stage.equity
    stage.fall("BTC", -10)
    await stage.run(policy, hours=1)
    lost = 2 * dec(9_000)
    earned = stage.equity - at_a + lost
    assert near(earned, 2 * 90_000 * dec("0.025"), 1), "2.5 % of the spot value at A"
    stage.price(BTC=100_000)
    await stage.run(policy, hours=2)
    assert stage.position() == dec("-0.8"), "40 % of 2"
    stage.fall("BTC", -16)
    await stage.run(policy, hours=2)
    assert stage.position() == 0, "the rally is over"
    assert stage.coins("BTC") == 2, "spot unchanged"


# --- S4: hedge first, convert later ---

DERISK = DeriskPolicy(
    id="less",
    target=dec("0.6"),
    assets=("BTC",),
    convert=ConvertPolicy(on_command=True),
)


def shape_60(*strategies: DeriskPolicy, **changes: object) -> PortfolioPolicy:
    return make_shape(
        *strategies, shape={"core": (60, ["BTC"]), "buffer": (40, ["USDT"])}, **changes
    )


@pytest.mark.parametrize(
    ("move", "equity", "traded", "crypto", "quote"),
    [
        pytest.param(0, 100_000, -20_000, 60_000, 40_000, id="unchanged: sell 20"),
        pytest.param(-20, 88_000, -11_200, 52_800, 35_200, id="-20 %: sell 11.2"),
        pytest.param(20, 112_000, -28_800, 67_200, 44_800, id="+20 %: sell 28.8"),
        pytest.param(-50, 70_000, 2_000, 42_000, 28_000, id="-50 %: buy 2.0 from the profit"),
    ],
)
async def test_s4_derisk_shorts_at_once_and_converts_later(
    move: int, equity: int, traded: int, crypto: int, quote: int
) -> None:
    """Equity 100: 80 crypto, 20 quote (in thousands, BTC at 1,000: 80 coins)."""
    stage = make_stage({"BTC": 1000}, {"BTC": 80, "USDT": 8_000}, futures=12_000)
    policy = shape_60(DERISK)
    await stage.run(policy, hours=2)
    assert stage.position() == -20, "20 % of equity, 25 % of the crypto held"
    assert near(stage.weights()["BTC"], 60, "0.01")
    stage.fall("BTC", move)
    await stage.run(policy, hours=1)
    assert near(stage.equity, equity, 2)
    price = dec(1000) * (100 + move) / 100
    exposures: list[Decimal] = []
    stage.watch = lambda report: exposures.append(_exposure(report, "BTC"))
    before = stage.coins("BTC")
    await told(stage, CommandKind.CONVERT, "less")
    await stage.run(policy, hours=6)
    assert stage.position() == 0, "no futures left in any branch"
    assert near((stage.coins("BTC") - before) * price, traded, 3)
    assert near(stage.coins("BTC") * price, crypto, 5)
    assert near(stage.equity - stage.coins("BTC") * price, quote, 5)
    assert strayed(exposures) <= max(abs(stage.coins("BTC") - before) / 5, dec(0)) + dec("0.002")
    assert stage.duplicates() == 0
    assert not stage.events("reject")


def strayed(exposures: list[Decimal]) -> Decimal:
    """How far exposure ever went against its own way, or outside where it began and ended (MEANING 14)."""
    way = 1 if exposures[-1] >= exposures[0] else -1
    low, high = min(exposures[0], exposures[-1]), max(exposures[0], exposures[-1])
    outside = max((max(low - e, e - high) for e in exposures), default=ZERO)
    furthest, back = exposures[0], ZERO
    for exposure in exposures:
        back = max(back, (furthest - exposure) * way)
        furthest = max(furthest * way, exposure * way) * way
    return max(outside, back)


async def test_s4_the_direction_of_the_spot_trade_follows_the_arithmetic() -> None:
    """Buying starts below -45.45 %: on either side of it the conversion goes another way."""
    for move, sells in ((dec("-45"), True), (dec("-46"), False)):
        stage = make_stage({"BTC": 1000}, {"BTC": 80, "USDT": 8_000}, futures=12_000)
        policy = shape_60(DERISK)
        await stage.run(policy, hours=2)
        stage.fall("BTC", move)
        await told(stage, CommandKind.CONVERT, "less")
        await stage.run(policy, hours=6)
        assert (stage.coins("BTC") < 80) is sells
        assert stage.position() == 0


async def test_s4_with_fees_and_funding_costs_just_those() -> None:
    stage = make_stage(
        {"BTC": 1000},
        {"BTC": 80, "USDT": 8_000},
        futures=12_000,
        fees=REAL_FEES,
        funding="0.0001",
    )
    policy = shape_60(DERISK)
    start = stage.equity
    await stage.run(policy, hours=25)
    (line,) = (await stage.lines()).values()
    assert near(line.funding, "6.0", "0.01"), "three instants of +0.01 % on 20,000, received"
    await told(stage, CommandKind.CONVERT, "less")
    await stage.run(policy, hours=6)
    assert stage.position() == 0
    cost = start - stage.equity
    # futures in and out at 5 bps of 20,000 each, coins at 5 bps of 20,000, less the funding
    assert near(cost, 10 + 10 + 10 - 6, "1")


# --- S5: buy a dip with futures ---


def dip(exit_: TakeProfit | ConvertPolicy) -> DipBuyPolicy:
    return DipBuyPolicy(
        id="dip",
        asset="ETH",
        drop=dec("0.1"),
        interval=QUARTER,
        bars=8,
        to=dec(12),
        exit=exit_,
    )


async def dipped(
    exit_: TakeProfit | ConvertPolicy, **world: object
) -> tuple[Stage, PortfolioPolicy]:
    policy = make_shape(dip(exit_), shape=ETH_SHAPE)
    given: dict[str, object] = {"fees": NO_FEES, "usdt": 10_000, **world}
    stage = make_stage(
        {"ETH": 3000},
        {"ETH": 10, "USDT": given["usdt"]},
        futures=5_000,
        fees=given["fees"],  # type: ignore[arg-type]  # keyword table
    )
    await stage.run(policy, hours=3)
    assert stage.position("ETH") == 0
    stage.fall("ETH", -10)
    await stage.run(policy, hours=0.75)
    return stage, policy


async def test_s5_take_profit_ends_flat_with_the_profit_in_quote() -> None:
    stage, policy = await dipped(TakeProfit(level=Level(value=dec("0.1"), relative=True)))
    assert stage.position("ETH") == 2, "12 ETH effective"
    stage.fall("ETH", "10.1")
    await stage.run(policy, hours=2)
    assert stage.position("ETH") == 0
    assert stage.coins("ETH") == 10
    (closed,) = await stage.closed()
    assert near(closed.price_pnl, 2 * 2700 * dec("0.101"), 1)


async def test_s5_convert_ends_with_twelve_coins_and_no_futures() -> None:
    stage, policy = await dipped(ConvertPolicy(on_command=True))
    await told(stage, CommandKind.CONVERT, "dip")
    exposures: list[Decimal] = []
    stage.watch = lambda report: exposures.append(_exposure(report, "ETH"))
    await stage.run(policy, hours=4)
    assert (stage.coins("ETH"), stage.position("ETH")) == (12, 0)
    assert all(abs(e - 12) <= dec("0.4") for e in exposures), "within one rung throughout"


async def test_s5_a_fee_paid_in_the_coin_leaves_a_little_less() -> None:
    stage, policy = await dipped(ConvertPolicy(on_command=True), fees=REAL_FEES)
    await told(stage, CommandKind.CONVERT, "dip")
    await stage.run(policy, hours=4)
    assert stage.position("ETH") == 0
    assert near(stage.coins("ETH"), "11.999", "0.00101")


async def test_s5_with_too_little_free_quote_it_converts_partly_and_waits() -> None:
    stage, policy = await dipped(ConvertPolicy(on_command=True), usdt=3_000)
    await told(stage, CommandKind.CONVERT, "dip")
    exposures: list[Decimal] = []
    stage.watch = lambda report: exposures.append(_exposure(report, "ETH"))
    await stage.run(policy, hours=4)
    assert 10 < stage.coins("ETH") < 12
    assert near(stage.coins("ETH") + stage.position("ETH"), 12, "0.002")
    assert all(abs(e - 12) <= dec("0.4") for e in exposures)
    decided = stage.last.decisions
    assert decided is not None
    assert any(w.code == "convert_quote_short" for d in decided.decisions for w in d.waits_for)
    alerts = [a for r in stage.reports for a in r.alerts if a.kind == "waits"]
    assert not alerts[-1].cleared, "asked for"
    assert "needs" in alerts[-1].text
    placed, told_before = len(stage.events("place")), len(alerts)
    await stage.run(policy, hours=2)
    assert len(stage.events("place")) == placed, "it waits"
    after = [a for r in stage.reports for a in r.alerts if a.kind == "waits"]
    assert len(after) == told_before, "and asks no more"


def _exposure(report: CycleReport, asset: str) -> Decimal:
    assert isinstance(report.view, PortfolioView), report.view
    return report.view.assets[asset].exposure_qty
