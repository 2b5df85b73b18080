"""What a conversion must not go on through: a pair that left its contract, and an asset that is net short."""

from __future__ import annotations

from decimal import Decimal

from counterpoise.app.cycle_report import CycleReport
from counterpoise.domain.numbers import dec
from counterpoise.domain.operator import CommandKind
from counterpoise.domain.policy import PlausibilityPolicy
from counterpoise.domain.portfolio import PortfolioView
from counterpoise.venue.sim import MarketKind, Wallet
from tests.scenario.stage import Stage, make_stage
from tests.scenario.test_worked_tactics import DERISK, shape_60, told


async def converting() -> Stage:
    """80 coins with a short of 20 at 800, a conversion asked for, one rung sold."""
    stage = make_stage({"BTC": 1000}, {"BTC": 80, "USDT": 8_000}, futures=12_000)
    await stage.run(shape_60(DERISK), hours=2)
    stage.fall("BTC", -20)
    await told(stage, CommandKind.CONVERT, "less")
    while stage.coins("BTC") == 80:
        await stage.run(shape_60(DERISK), hours=0)
        await stage.clock.sleep(dec(5))
    return stage


async def test_coins_are_not_sold_while_their_pair_has_left_the_contract() -> None:
    """Spot alone falls by half: selling there and buying futures back at 800 would give the difference away.

    Such prices are not believed either, by default; here they are.
    """
    policy = shape_60(DERISK, plausibility=PlausibilityPolicy(max_disagreement=dec(9)))
    stage = await converting()
    stage.exchange.set_price("BTCUSDT", dec(400), MarketKind.SPOT)
    before = stage.coins("BTC")
    await stage.run(policy, hours=3)
    assert before - stage.coins("BTC") <= dec("2.8"), "what was under way, and no more"
    decided = stage.last.decisions
    assert decided is not None
    assert decided.decisions[0].reason.code == "convert_apart"
    assert [a for r in stage.reports for a in r.alerts if "convert_apart" in (a.key or "")]
    stage.exchange.set_price("BTCUSDT", dec(800), MarketKind.SPOT)
    await stage.run(policy, hours=4)
    assert stage.position() == 0
    assert abs(stage.coins("BTC") - 66) < dec("0.01")


async def test_coins_are_not_sold_on_while_the_asset_is_net_short() -> None:
    """The owner takes coins away in the middle: the short is cut before another coin is sold."""
    stage = await converting()
    lowest: list[Decimal] = []

    def look(report: CycleReport) -> None:
        if isinstance(report.view, PortfolioView):
            lowest.append(report.view.assets["BTC"].exposure_qty)

    taken = stage.coins("BTC") - 15
    stage.exchange.withdraw(stage.api_key, Wallet.SPOT, "BTC", taken)
    at_once = stage.coins("BTC") + stage.position()
    assert at_once < 0
    stage.watch = look
    await stage.run(shape_60(DERISK), hours=4)
    assert min(lowest) >= at_once, "not a coin more net short than the withdrawal made it"
    assert stage.coins("BTC") + stage.position() >= 0
    assert stage.duplicates() == 0
