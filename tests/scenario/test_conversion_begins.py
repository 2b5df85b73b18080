"""A conversion that is asked for while the strategy's own futures are still being filled (MEANING 14)."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from counterpoise.app.cycle_report import CycleReport
from counterpoise.domain.numbers import ZERO, dec
from counterpoise.domain.operator import CommandKind
from counterpoise.domain.order import CancelOutcome, Order
from counterpoise.domain.policy import ExecutionPolicy, LimitsPolicy, PortfolioPolicy
from counterpoise.domain.portfolio import PortfolioView
from counterpoise.domain.strategy import DipBuyPolicy
from counterpoise.domain.strategy.conversion import ConvertPolicy
from counterpoise.domain.strategy.drift import Legs
from counterpoise.ports import Venue
from counterpoise.venue.sim import MarketKind
from tests.batched import Batched
from tests.scenario.stage import Stage, make_shape, make_stage
from tests.scenario.test_worked_drift import drifted, drifting
from tests.scenario.test_worked_tactics import DERISK, near, shape_60, told


def paced(policy: PortfolioPolicy, rungs: int) -> PortfolioPolicy:
    execution = ExecutionPolicy(rungs=rungs, spacing=ZERO, patience=timedelta(minutes=1))
    return replace(policy, execution=execution)


async def asked_after(stage: Stage, policy: PortfolioPolicy, cycles: int, strategy: str) -> None:
    """Let the hedge begin, then ask for coins after so many looks at it."""
    for _ in range(cycles):
        await stage.run(policy, hours=0)
        await stage.clock.sleep(dec(20))
    await told(stage, CommandKind.CONVERT, strategy)


def exposures(stage: Stage, asset: str) -> list[Decimal]:
    """The effective exposure at every look from now on."""
    seen: list[Decimal] = []

    def look(report: CycleReport) -> None:
        if isinstance(report.view, PortfolioView):
            seen.append(report.view.assets[asset].exposure_qty)

    stage.watch = look
    return seen


class FillsFirst(Batched):
    """A venue that fills what rests before the first cancellation of it arrives."""

    def __init__(self, inner: Venue, stage: Stage, asset: str, percent: int) -> None:
        self._inner = inner
        self._stage = stage
        self._asset = asset
        self._percent = percent
        self._filled = False

    def __getattr__(self, name: str) -> object:
        return getattr(self._inner, name)

    async def cancel(self, order: Order) -> CancelOutcome:
        if not self._filled and ":" in order.symbol:
            self._filled = True
            book = self._stage.exchange.book(MarketKind.PERP, f"{self._asset}USDT")
            before = book.last
            self._stage.fall(self._asset, self._percent)
            self._stage.price(**{self._asset: before})
        return await self._inner.cancel(order)


@pytest.mark.parametrize("rungs", [1, 2, 5])
@pytest.mark.parametrize("cycles", [1, 2, 3, 5])
@pytest.mark.parametrize("filled", [True, False])
async def test_derisk_asked_while_its_short_is_filling(
    rungs: int, cycles: int, filled: bool
) -> None:
    """80 coins, 20 to go: whatever the short has got to, exposure ends at 60 and leads by a rung at most."""
    stage = make_stage({"BTC": 1000}, {"BTC": 80, "USDT": 8_000}, futures=12_000)
    policy = paced(shape_60(DERISK), rungs)
    await asked_after(stage, policy, cycles, "less")
    if filled:
        stage.wrap = lambda venue: FillsFirst(venue, stage, "BTC", 1)  # type: ignore[assignment,return-value]  # a Venue by __getattr__
    seen = exposures(stage, "BTC")
    await stage.run(policy, hours=6)
    assert max(seen) <= 80
    assert min(seen) >= 60 - dec(20) / rungs
    assert stage.position() == 0
    assert near(stage.coins("BTC"), 60, "0.01")


@pytest.mark.parametrize("cycles", [1, 3])
async def test_drift_asked_while_its_futures_are_filling(cycles: int) -> None:
    """300 ETH to 200 and 50 BTC to 60: the short of ETH fills just as coins are to be sold."""
    stage = drifted()
    policy = drifting(Legs.BOTH)
    await asked_after(stage, policy, cycles, "shape")
    stage.wrap = lambda venue: FillsFirst(venue, stage, "ETH", 1)  # type: ignore[assignment,return-value]  # a Venue by __getattr__
    eth, both = exposures(stage, "ETH"), stage.watch
    btc = exposures(stage, "BTC")
    also = stage.watch
    stage.watch = lambda report: (both(report), also(report))[0]
    await stage.run(policy, hours=8)
    assert min(eth) >= 200 - 20 - 1
    assert max(eth) <= 300
    assert min(btc) >= 50
    assert max(btc) <= 60 + 2 + dec("0.1")
    assert (stage.position("ETH"), stage.position("BTC")) == (0, 0)
    assert near(stage.coins("ETH"), 200, "0.2")


@pytest.mark.parametrize("cycles", [1, 3])
async def test_dip_buy_asked_while_its_long_is_filling(cycles: int) -> None:
    """A long of 20 fills just as coins are to be bought in its place: exposure is never 20 + 20."""
    dip = DipBuyPolicy(
        id="dip",
        asset="BTC",
        drop=dec("0.1"),
        interval=timedelta(minutes=15),
        bars=4,
        qty=dec(20),
        exit=ConvertPolicy(on_command=True),
    )
    stage = make_stage({"BTC": 1000}, {"BTC": 40, "USDT": 40_000}, futures=20_000)
    policy = paced(make_shape(dip, shape={"core": (60, ["BTC"]), "buffer": (40, ["USDT"])}), 5)
    await stage.run(policy, hours=2)
    stage.fall("BTC", -15)
    while not [e for e in stage.events("place") if e["market"] == "perp"]:
        await stage.run(policy, hours=0)
        await stage.clock.sleep(dec(20))
    assert stage.position() == 0
    await asked_after(stage, policy, cycles - 1, "dip")
    stage.wrap = lambda venue: FillsFirst(venue, stage, "BTC", -1)  # type: ignore[assignment,return-value]  # a Venue by __getattr__
    seen = exposures(stage, "BTC")
    await stage.run(policy, hours=8)
    assert min(seen) >= 40
    assert max(seen) <= 60 + 4 + dec("0.1")
    assert stage.position() == 0
    assert near(stage.coins("BTC"), 60, "0.1")


async def test_what_limits_refuse_is_not_waited_for() -> None:
    """A short that may never be placed keeps no coins from being sold."""
    stage = make_stage({"BTC": 1000}, {"BTC": 80, "USDT": 8_000}, futures=12_000)
    limits = LimitsPolicy(max_turnover_24h=dec(100), max_leverage=dec("0.01"))
    policy = replace(shape_60(DERISK), limits=limits)
    await stage.run(policy, hours=1)
    assert stage.position() > -20
    await told(stage, CommandKind.CONVERT, "less")
    seen = exposures(stage, "BTC")
    await stage.run(policy, hours=6)
    assert min(seen) >= 60 - 4
    assert max(seen) <= 80
    assert near(stage.coins("BTC"), 60, "0.01")
    assert stage.position() == 0
