"""Worked examples S6 and S7: drift through futures, settled in coins."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from counterpoise.app.cycle_report import CycleReport
from counterpoise.domain.numbers import dec
from counterpoise.domain.operator import CommandKind, TargetOverride
from counterpoise.domain.policy import PortfolioPolicy
from counterpoise.domain.portfolio import PortfolioView
from counterpoise.domain.records import Changes
from counterpoise.domain.strategy import DriftPolicy
from counterpoise.domain.strategy.drift import Legs, SettleMode, SettlePolicy, TradeTo
from tests.scenario.stage import REAL_FEES, Stage, make_shape, make_stage
from tests.scenario.test_worked_tactics import near, told

SHAPE = {"core": (60, ["BTC"]), "satellite": (20, ["ETH"]), "buffer": (20, ["USDT"])}


def drifting(legs: Legs, settle: SettlePolicy | None = None) -> PortfolioPolicy:
    settling = settle or SettlePolicy(mode=SettleMode.FUTURES_FIRST)
    return make_shape(DriftPolicy(id="shape", legs=legs, settle=settling), shape=SHAPE)


def drifted(**world: object) -> Stage:
    """60/20/20 drifted to 50/30/20 (in thousands: 50 BTC at 1,000, 300 ETH at 100)."""
    return make_stage(
        {"BTC": 1000, "ETH": 100},
        {"BTC": 50, "ETH": 300, "USDT": 8_000},
        futures=12_000,
        **world,  # type: ignore[arg-type]  # keyword table
    )


def coins(stage: Stage, eth: object = 100) -> dict[str, Decimal]:
    """Spot weights in percent of equity, from the exchange alone."""
    values = {"BTC": stage.coins("BTC") * 1000, "ETH": stage.coins("ETH") * dec(str(eth))}
    return {a: (v / stage.equity * 100).quantize(dec("0.01")) for a, v in values.items()}


async def test_s6_overweight_legs_short_the_satellite_alone() -> None:
    stage = drifted()
    await stage.run(drifting(Legs.OVERWEIGHT), hours=2)
    assert (stage.position("ETH"), stage.position("BTC")) == (-100, 0), "10 % of equity"
    weights = stage.weights()
    assert [near(weights[a], w, "0.01") for a, w in (("BTC", 50), ("ETH", 20), ("USDT", 30))]
    assert stage.last.within_band


@pytest.mark.parametrize(
    ("move", "sold", "bought"),
    [
        pytest.param(0, 10_000, 10_000, id="unchanged: 60/20/20 in coins"),
        pytest.param(-20, 4_800, 7_600, id="satellite -20 %: sell 4.8, buy core 7.6"),
        pytest.param(20, 15_200, 12_400, id="satellite +20 %: sell 15.2, buy core 12.4"),
    ],
)
async def test_s6_settling_brings_the_coins_to_the_shape(move: int, sold: int, bought: int) -> None:
    stage = drifted()
    policy = drifting(Legs.OVERWEIGHT)
    await stage.run(policy, hours=2)
    stage.fall("ETH", move)
    eth = dec(100 + move)
    await told(stage, CommandKind.CONVERT, "shape")
    await stage.run(policy, hours=8)
    assert (stage.position("ETH"), stage.position("BTC")) == (0, 0)
    assert near((300 - stage.coins("ETH")) * eth, sold, 20)
    assert near((stage.coins("BTC") - 50) * 1000, bought, 30)
    found = coins(stage, eth)
    assert near(found["BTC"], 60, "0.05")
    assert near(found["ETH"], 20, "0.05")
    assert stage.duplicates() == 0
    assert not stage.events("reject")


async def test_s6_with_fees_costs_just_those() -> None:
    stage = drifted(fees=REAL_FEES)
    policy = drifting(Legs.OVERWEIGHT)
    start = stage.equity
    await stage.run(policy, hours=2)
    await told(stage, CommandKind.CONVERT, "shape")
    await stage.run(policy, hours=8)
    # futures in and out of 10,000, coins 10,000 sold and bought: four times 5 bps, and three
    # crossings of 100 ETH at a cent, which is 1 bp of a price of 100
    assert near(start - stage.equity, 20 + 3, "0.5")
    assert near(coins(stage)["BTC"], 60, "0.1")


async def test_s6_a_deadline_settles_by_itself() -> None:
    settle = SettlePolicy(mode=SettleMode.FUTURES_FIRST, deadline=timedelta(hours=6))
    stage = drifted()
    policy = drifting(Legs.OVERWEIGHT, settle)
    await stage.run(policy, hours=5)
    assert stage.coins("ETH") == 300
    await stage.run(policy, hours=10)
    assert stage.position("ETH") == 0
    assert near(coins(stage)["ETH"], 20, "0.05")


async def test_s7_both_legs_go_through_futures_and_are_then_settled() -> None:
    stage = drifted()
    policy = drifting(Legs.BOTH)
    await stage.run(policy, hours=2)
    assert (stage.position("ETH"), stage.position("BTC")) == (-100, 10)
    weights = stage.weights()
    assert all(near(weights[a], w, "0.01") for a, w in (("BTC", 60), ("ETH", 20), ("USDT", 20)))
    await told(stage, CommandKind.CONVERT, "shape")
    await stage.run(policy, hours=8)
    assert (stage.position("ETH"), stage.position("BTC")) == (0, 0)
    found = coins(stage)
    assert near(found["BTC"], 60, "0.05")
    assert near(found["ETH"], 20, "0.05")


async def test_settle_spot_moves_coins_themselves() -> None:
    stage = drifted()
    policy = drifting(Legs.BOTH, SettlePolicy(mode=SettleMode.SPOT))
    await stage.run(policy, hours=8)
    assert (stage.position("ETH"), stage.position("BTC")) == (0, 0)
    assert near(coins(stage)["BTC"], 60, "0.05")
    assert not [e for e in stage.events("place") if e["market"] == "perp"]


@pytest.mark.parametrize(
    ("trade_to", "eth", "btc"), [(TradeTo.HALF, 25, 55), (TradeTo.INNER, 23, 57)]
)
@pytest.mark.parametrize("legs", [Legs.BOTH, Legs.OVERWEIGHT])
async def test_settling_goes_as_far_as_the_futures_went(
    trade_to: TradeTo, eth: object, btc: object, legs: Legs
) -> None:
    """30 % satellite and 50 % core, half-way (or to the inner band): coins end there too, and no further."""
    stage = drifted()
    (drift,) = drifting(legs).strategies
    assert isinstance(drift, DriftPolicy)
    policy = make_shape(replace(drift, trade_to=trade_to), shape=SHAPE, band="0.06")
    await stage.run(policy, hours=2)
    assert near(stage.weights()["ETH"], eth, "0.01")
    await told(stage, CommandKind.CONVERT, "shape")
    await stage.run(policy, hours=8)
    assert (stage.position("ETH"), stage.position("BTC")) == (0, 0)
    assert near(coins(stage)["ETH"], eth, "0.05")
    assert near(coins(stage)["BTC"], btc, "0.05")


async def test_what_a_calendar_brought_to_the_target_is_settled_there() -> None:
    """Half-way is how far the band goes; the calendar went all the way, and coins do not go back."""
    stage = drifted()
    (drift,) = drifting(Legs.BOTH).strategies
    assert isinstance(drift, DriftPolicy)
    drift = replace(drift, trade_to=TradeTo.HALF, calendar="0 1 * * *")
    policy = make_shape(drift, shape=SHAPE)
    await stage.run(policy, hours=2)
    assert near(stage.weights()["ETH"], 20, "0.01")
    await told(stage, CommandKind.CONVERT, "shape")
    await stage.run(policy, hours=8)
    assert near(coins(stage)["ETH"], 20, "0.05")


@pytest.mark.parametrize("mode", [SettleMode.FUTURES_FIRST, SettleMode.SPOT])
async def test_a_target_set_while_coins_move_is_followed(mode: SettleMode) -> None:
    """On the way to 60/20/20 an operator asks for 70/10/20: coins end there, through no detour."""
    stage = drifted()
    policy = drifting(Legs.BOTH, SettlePolicy(mode=mode))
    if mode is SettleMode.FUTURES_FIRST:
        await stage.run(policy, hours=2)
        await told(stage, CommandKind.CONVERT, "shape")
    while stage.coins("ETH") == 300:
        await stage.run(policy, hours=0)
        await stage.clock.sleep(dec(20))
    assert stage.coins("BTC") < 59, "still on its way"
    weights = {"core": dec("0.7"), "satellite": dec("0.1"), "buffer": dec("0.2")}
    recorded = await stage.recorded()
    override = TargetOverride(weights=weights, until_at=stage.clock.now() + timedelta(days=2))
    await stage.say(Changes(portfolio="p", record=replace(recorded.portfolio, override=override)))
    seen: list[Decimal] = []

    def look(report: CycleReport) -> None:
        if isinstance(report.view, PortfolioView):
            seen.append(report.view.assets["ETH"].exposure_qty)

    stage.watch = look
    await stage.run(policy, hours=8)
    assert (stage.position("ETH"), stage.position("BTC")) == (0, 0)
    assert near(coins(stage)["ETH"], 10, "0.05")
    assert near(coins(stage)["BTC"], 70, "0.05")
    assert min(seen) >= 100 - 25
