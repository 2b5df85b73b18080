"""Lost answers and dead processes in the middle of a conversion or a roll: they end where undisturbed ones end."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest

from counterpoise.domain.numbers import ZERO, dec
from counterpoise.domain.operator import CommandKind
from counterpoise.domain.order import Order, PlaceOutcome, Unknown
from counterpoise.domain.policy import ExecutionPolicy
from counterpoise.domain.strategy import HedgePolicy
from counterpoise.ports import Venue
from tests.batched import Batched
from tests.scenario.stage import Stage, make_shape, make_stage
from tests.scenario.test_worked_tactics import DERISK, shape_60, told

MODES = ["lost before", "lost after", "die before", "die after"]


class Died(Exception):
    """The process ended here."""


class Flaky(Batched):
    """A venue whose answer to one placement gets lost: before it arrives, after, or with the process."""

    def __init__(self, inner: Venue, plan: list[str]) -> None:
        self._inner = inner
        self._plan = plan

    def __getattr__(self, name: str) -> object:
        return getattr(self._inner, name)

    async def place(self, order: Order) -> PlaceOutcome:
        mode = self._plan.pop(0) if self._plan else "fine"
        if mode == "die before":
            raise Died
        if mode == "lost before":
            return Unknown(text="time-out before it arrived")
        outcome = await self._inner.place(order)
        if mode == "die after":
            raise Died
        return Unknown(text="time-out after it arrived") if mode == "lost after" else outcome


def disturbed(stage: Stage, mode: str, nth: int) -> None:
    """From now on the ``nth`` placement goes wrong."""
    plan = ["fine"] * nth + [mode]
    stage.wrap = lambda venue: Flaky(venue, plan)  # type: ignore[assignment,return-value]  # a Venue by __getattr__


async def run_through(stage: Stage, policy: object, hours: float) -> None:
    """Run, and start again when the process dies."""
    try:
        await stage.run(policy, hours)  # type: ignore[arg-type]  # a portfolio policy
    except Died:
        await stage.run(policy, hours)  # type: ignore[arg-type]  # a portfolio policy


async def holds(stage: Stage, asset: str = "BTC") -> None:
    """The book is the exchange, to the last lot, and nothing was sent twice."""
    recorded = await stage.recorded()
    lines = await stage.lines(asset)
    assert sum((x.qty for x in lines.values()), ZERO) == stage.position(asset)
    own = sum(
        (p.own_qty for (_, s), p in recorded.positions.items() if s.startswith(f"{asset}/USDT:")),
        ZERO,
    )
    assert own == stage.position(asset)
    assert stage.duplicates() == 0
    assert not [o for o in recorded.orders if not o.state.is_final]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("nth", [0, 1, 2, 3, 5, 8])
async def test_a_conversion_ends_the_same_whatever_got_lost(mode: str, nth: int) -> None:
    stage = make_stage({"BTC": 1000}, {"BTC": 80, "USDT": 8_000}, futures=12_000)
    policy = shape_60(DERISK)
    await stage.run(policy, hours=2)
    stage.fall("BTC", -20)
    await told(stage, CommandKind.CONVERT, "less")
    disturbed(stage, mode, nth)
    await run_through(stage, policy, hours=8)
    assert stage.position() == 0
    assert stage.coins("BTC") == Decimal("65.99985"), "52,800 at 800, less the ticks of the short"
    coins = await stage.lines(coins=True)
    assert coins["less"].qty == stage.coins("BTC") - 80
    await holds(stage)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("nth", [0, 1, 3, 6])
async def test_a_roll_ends_the_same_whatever_got_lost(mode: str, nth: int) -> None:
    execution = ExecutionPolicy(
        rungs=3, spacing=ZERO, patience=timedelta(minutes=1), roll_before=timedelta(days=2)
    )
    policy = make_shape(HedgePolicy(id="full", asset="BTC", ratio=dec(1)), execution=execution)
    stage = make_stage(
        {"BTC": 100_000},
        {"BTC": 1},
        futures=60_000,
        funding="0.00001",
        days=8,
        bar=timedelta(hours=1),
        every=timedelta(hours=1),
        dated={"BTCUSDT_260110": "0.5"},
    )
    await stage.clock.sleep(dec(2 * 3600))
    await stage.run(policy, hours=3)
    await stage.run(policy, hours=3 * 24 - 2)
    view = stage.exchange.account(stage.api_key)
    assert {p.symbol: p.qty for p in view.positions if p.qty} == {"BTCUSDT_260110": -1}
    disturbed(stage, mode, nth)
    await run_through(stage, policy, hours=30)
    view = stage.exchange.account(stage.api_key)
    assert {p.symbol: p.qty for p in view.positions if p.qty} == {"BTCUSDT": -1}
    await holds(stage)
