"""Limits through the real cycle: lost equity, deposits and withdrawals, a venue that takes nothing."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from itertools import pairwise

import pytest

from counterpoise.domain.numbers import dec
from counterpoise.domain.operator import Command, CommandKind
from counterpoise.domain.order import NotPlaced, Order, PlaceOutcome
from counterpoise.domain.policy import (
    DrawdownPolicy,
    ExecutionPolicy,
    LimitsPolicy,
    PortfolioPolicy,
)
from counterpoise.domain.records import Changes, TradingState
from counterpoise.domain.strategy import HedgePolicy
from counterpoise.ports import Venue
from counterpoise.venue.sim import Wallet
from tests.batched import Batched
from tests.scenario.stage import Stage, make_shape, make_stage

TIERS = DrawdownPolicy(slow=dec("0.1"), reduce_only=dec("0.2"), cancel_only=dec("0.3"))
OPEN = LimitsPolicy(max_turnover_24h=dec(100), max_leverage=dec(10))
HALF = HedgePolicy(id="half", asset="BTC", ratio=dec("0.5"))
LITTLE = HedgePolicy(id="half", asset="BTC", ratio=dec("0.01"))
FULL = HedgePolicy(id="half", asset="BTC", ratio=dec(1))


def shape(hedge: HedgePolicy = HALF, **limits: object) -> PortfolioPolicy:
    made = {"drawdown": TIERS, **limits}
    return make_shape(hedge, limits=replace(OPEN, **made), allow_net_short=True)  # type: ignore[arg-type]  # keyword table


def stage_of(coins: object = 10) -> Stage:
    """10 BTC at 1,000 and 10,000 USDT of collateral."""
    return make_stage({"BTC": 1000}, {"BTC": coins, "USDT": 1000}, futures=10_000)


def told(stage: Stage, kind: str) -> list[str]:
    return [a.text for r in stage.reports for a in r.alerts if a.kind == kind]


def raised(stage: Stage) -> list[str]:
    return [
        a.key or "" for r in stage.reports for a in r.alerts if (a.key or "").startswith("drawdown")
    ]


async def resume(stage: Stage) -> None:
    command = Command(
        id=f"resume-{stage.clock.now().isoformat()}",
        portfolio="p",
        kind=CommandKind.RESUME,
        who="ann",
        origin="test",
        asked_at=stage.clock.now(),
        args={},
    )
    await stage.say(Changes(portfolio="p", commands=(command,)))


async def test_lost_equity_lowers_the_state_once_and_a_resume_measures_anew() -> None:
    stage, policy = stage_of(), shape(LITTLE)
    await stage.run(policy, hours=1)
    assert stage.last.drawdown.high == 21_000
    stage.fall("BTC", -40)
    await stage.run(policy, hours=1)
    assert stage.last.state is TradingState.RUN, "18.9 %: slow, and nothing more"
    assert raised(stage) == ["drawdown:slow"]
    stage.fall("BTC", -10)
    await stage.run(policy, hours=2)
    assert stage.last.state is TradingState.REDUCE_ONLY
    assert (await stage.recorded()).portfolio.trading_state is TradingState.REDUCE_ONLY
    (said,) = told(stage, "state_lowered")
    assert "REDUCE_ONLY" in said
    assert "the limit is 20 %" in said
    assert "drawdown:reduce_only" in raised(stage)
    stage.fall("BTC", 100)
    await stage.run(policy, hours=1)
    assert stage.last.state is TradingState.REDUCE_ONLY, "only a person raises it"
    stage.fall("BTC", -50)
    await resume(stage)
    await stage.run(policy, hours=2)
    assert stage.last.state is TradingState.RUN
    assert stage.last.drawdown.depth == 0
    assert len(told(stage, "state_lowered")) == 1


async def test_a_deposit_or_withdrawal_is_no_drawdown() -> None:
    stage, policy = stage_of(), shape()
    await stage.run(policy, hours=1)
    stage.exchange.withdraw(stage.api_key, Wallet.SPOT, "BTC", dec("4.5"))
    await stage.run(policy, hours=1)
    assert stage.equity < 17_000, "a fifth and more went out"
    stage.exchange.deposit(stage.api_key, Wallet.FUTURES, "USDT", dec(50_000))
    await stage.run(policy, hours=1)
    stage.exchange.withdraw(stage.api_key, Wallet.FUTURES, "USDT", dec(55_000))
    await stage.run(policy, hours=1)
    assert stage.last.state is TradingState.RUN
    assert stage.last.drawdown.depth is not None
    assert stage.last.drawdown.depth < dec("0.001")
    assert raised(stage) == []


async def test_the_same_fall_without_a_flow_is_one() -> None:
    stage, policy = stage_of(), shape()
    await stage.run(policy, hours=1)
    stage.fall("BTC", -70)
    await stage.run(policy, hours=1)
    assert raised(stage) != []


async def test_orders_that_add_are_halved_while_slow() -> None:
    sizes = {}
    for tiers in (None, TIERS):
        stage = stage_of()
        await stage.run(shape(LITTLE, drawdown=tiers), hours=1)
        stage.fall("BTC", -25)
        await stage.run(shape(LITTLE, drawdown=tiers), hours=1)
        before = len(stage.events("place"))
        await stage.run(shape(drawdown=tiers), hours=4)
        placed = stage.events("place")[before:]
        sizes[tiers] = max(dec(str(e["qty"])) for e in placed)
        assert abs(stage.position() + 5) < dec("0.01"), "slower, and all the same"
    assert sizes[TIERS] == sizes[None] / 2


class Refusing(Batched):
    """A venue that takes no order while ``on``."""

    def __init__(self, inner: Venue) -> None:
        self._inner = inner
        self.on = True
        self.asked: list[datetime] = []

    def __getattr__(self, name: str) -> object:
        return getattr(self._inner, name)

    async def place(self, order: Order) -> PlaceOutcome:
        if self.on:
            self.asked.append(order.created_at)
            # never for the same reason three times: that would leave the contract alone by itself
            return NotPlaced(code=f"-{9000 + len(self.asked)}", text="Margin is insufficient.")
        return await self._inner.place(order)


async def test_a_venue_that_takes_nothing_is_not_asked_without_end() -> None:
    """Nothing is added until ten minutes have passed without a refusal; people are told once."""
    stage = stage_of()
    stage.every = timedelta(minutes=1)
    made: list[Refusing] = []

    def wrap(venue: Venue) -> Venue:
        made.append(Refusing(venue))
        return made[-1]  # type: ignore[return-value]  # a Venue by __getattr__

    stage.wrap = wrap
    policy = shape(FULL, drawdown=None, max_rejects=6)
    await stage.run(policy, hours=1)
    asked = made[0].asked
    assert len(asked) >= 6
    bursts = [b - a for a, b in pairwise(asked) if b - a > timedelta(minutes=2)]
    assert bursts, "it is tried again"
    assert min(bursts) >= timedelta(minutes=10)
    assert len(asked) <= 12 * 6, "and not without end"
    key = "refused:BTC/USDT:USDT:max_rejects"
    said = [a for r in stage.reports for a in r.alerts if a.key == key]
    assert said
    assert "did not take" in said[0].text
    stage.wrap = lambda venue: venue
    await stage.run(policy, hours=1)
    assert stage.position() == -10
    said = [a for r in stage.reports for a in r.alerts if a.key == key]
    assert said[-1].cleared


class RefusingAlike(Refusing):
    """A venue that takes no order, for the same reason always."""

    async def place(self, order: Order) -> PlaceOutcome:
        self.asked.append(order.created_at)
        return NotPlaced(code="-2019", text="Margin is insufficient.")


@pytest.mark.parametrize("rungs", [1, 2, 3, 4, 5, 8])
async def test_however_many_go_together_three_may_be_refused_in_an_hour(rungs: int) -> None:
    """A request with several orders may be refused whole: what is asked of the venue is bounded all the same."""
    stage = stage_of()
    stage.every = timedelta(minutes=1)
    made: list[RefusingAlike] = []

    def wrap(venue: Venue) -> Venue:
        made.append(RefusingAlike(venue))
        return made[-1]  # type: ignore[return-value]  # a Venue by __getattr__

    stage.wrap = wrap
    policy = replace(shape(FULL, drawdown=None), execution=ExecutionPolicy(rungs=rungs))
    await stage.run(policy, hours=0.9)
    assert sum(len(venue.asked) for venue in made) == 3
