"""Outcomes that stay unproven: the contract is frozen, people are told, and nothing is sent twice.

Judged by the exchange's log and by the alerts that were committed.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from counterpoise.domain.errors import VenueError
from counterpoise.domain.events import Severity
from counterpoise.domain.numbers import ZERO, dec
from counterpoise.domain.order import (
    CancelOutcome,
    Fill,
    Gone,
    NotPlaced,
    Order,
    OrderState,
    PlaceOutcome,
    Unknown,
    VenueOrder,
)
from counterpoise.domain.policy import ExecutionPolicy, LadderKind
from counterpoise.domain.records import Changes, TradingState
from tests.batched import OneByOne
from tests.scenario.test_lost_and_late import Wrapped, deepest
from tests.scenario.test_main_job import HALF, policy_of
from tests.scenario.world import START, World, line, make_world

MINUTES = 1 / 60


class Hidden(OneByOne, Wrapped):
    """The first order's answer is lost; look-ups are not answered, and no list shows it, until ``until``."""

    def __init__(self, world: World, *, arrives: bool, minutes: float) -> None:
        super().__init__(world)
        self.arrives = arrives
        self.until = START + timedelta(minutes=minutes)
        self.lost: Order | None = None

    @property
    def over(self) -> bool:
        return bool(self.clock.now() >= self.until)

    async def place(self, order: Order) -> PlaceOutcome:
        if self.lost is not None:
            outcome: PlaceOutcome = await self.inner.place(order)
            return outcome
        self.lost = order
        if self.arrives:
            await self.inner.place(order)
        return Unknown(text="time-out")

    async def open_orders(self, symbols: Any) -> tuple[VenueOrder, ...]:
        shown: tuple[VenueOrder, ...] = await self.inner.open_orders(symbols)
        lost = self.lost.client_order_id if self.lost is not None else None
        return tuple(o for o in shown if self.over or o.client_order_id != lost)

    async def order(self, symbol: str, client_order_id: str) -> VenueOrder | None:
        if not self.over:
            raise VenueError("sim: time-out")
        found: VenueOrder | None = await self.inner.order(symbol, client_order_id)
        return found


def told(world: World, kind: str) -> list[tuple[int, Severity, bool]]:
    """Alerts of ``kind``: seconds from the start, severity, whether it is over."""
    return [
        (int((a.raised_at - START).total_seconds()), a.severity, a.cleared)
        for r in world.reports
        for a in r.alerts
        if a.kind == kind
    ]


@pytest.mark.parametrize("arrives", [True, False], ids=["placed", "never arrived"])
@pytest.mark.parametrize("restart_at", [None, 1, 3], ids=["no restart", "before", "after"])
async def test_two_minutes_without_proof_freeze_the_contract_and_call_a_person_once(
    *, arrives: bool, restart_at: int | None
) -> None:
    world = make_world([80_000] * 60)
    Hidden(world, arrives=arrives, minutes=4)
    policy = policy_of(HALF)
    if restart_at is not None:
        await world.run(policy, hours=restart_at * MINUTES)
    await world.run(policy, hours=(4 - (restart_at or 0)) * MINUTES - 1 / 3600)
    assert len(world.events("place")) == arrives, "nothing else is sent on this contract"
    ((when, severity, cleared),) = told(world, "frozen")
    assert (severity, cleared) == (Severity.CRITICAL, False)
    assert 120 <= when <= 130
    assert [(s, c) for _, s, c in told(world, "order")] == [(Severity.WARNING, False)]
    # a venue that answers again settles it, and the hedge is completed once
    await world.run(policy, hours=2)
    assert [c for _, _, c in told(world, "frozen")] == [False, True]
    assert world.position() == deepest(world) == dec("-0.5")
    assert world.duplicates() == 0


async def test_what_is_settled_within_two_minutes_calls_nobody() -> None:
    world = make_world([80_000] * 60)
    Hidden(world, arrives=True, minutes=1.5)
    await world.run(policy_of(HALF), hours=1)
    assert told(world, "frozen") == []
    assert [c for _, _, c in told(world, "order")] == [False, True]
    assert world.position() == deepest(world) == dec("-0.5")


class GoneByFilling(Wrapped):
    """Each cancel finds the order filled: the venue says "no such order", and shows its trades a minute later."""

    lag = timedelta(minutes=1)
    gone = 0

    async def cancel(self, order: Order) -> CancelOutcome:
        self.gone += 1
        self.inner._exchange.set_price("BTCUSDT", dec(str(order.price)) + 50)
        return Gone(text="-2011: Unknown order sent.")

    async def fills(self, symbol: str, since: Any) -> tuple[Fill, ...]:
        then = self.clock.now() - self.lag
        return tuple(f for f in await self.inner.fills(symbol, since) if f.filled_at <= then)

    async def order(self, symbol: str, client_order_id: str) -> VenueOrder | None:
        """The order's own record lags too: it shows what it was before."""
        found: VenueOrder | None = await self.inner.order(symbol, client_order_id)
        if found is None or found.state is not OrderState.FILLED:
            return found
        trades = await self.inner.fills(symbol, START)
        mine = [f for f in trades if f.venue_order_id == found.venue_order_id]
        if any(f.filled_at > self.clock.now() - self.lag for f in mine):
            return replace(found, state=OrderState.CANCELED, filled_qty=ZERO)
        return found


@pytest.mark.parametrize("ladder", [LadderKind.RESTING, LadderKind.TIMED, LadderKind.CHASE])
async def test_a_cancel_that_finds_nothing_is_not_believed_before_fills_were_read(
    ladder: LadderKind,
) -> None:
    closes = [80_000, *line(80_000, 79_000, 3), *[79_000] * 100]
    world = make_world(closes)
    venue = GoneByFilling(world)
    execution = ExecutionPolicy(rungs=3, ladder=ladder, patience=timedelta(minutes=2))
    await world.run(policy_of(HALF, execution=execution), hours=2)
    assert venue.gone
    assert deepest(world) == world.position() == dec("-0.5")
    assert world.duplicates() == 0


class Clinging(Wrapped):
    """No cancel has any effect before ``until``: its answer is lost, or it is refused, and orders are shown open."""

    def __init__(self, world: World, *, refused: bool, minutes: float) -> None:
        super().__init__(world)
        self.refused = refused
        self.until = START + timedelta(minutes=minutes)
        self.asked = 0

    async def cancel(self, order: Order) -> CancelOutcome:
        self.asked += 1
        if self.clock.now() < self.until:
            if self.refused:
                return NotPlaced(code="-1008", text="overloaded")
            return Unknown(text="time-out")
        outcome: CancelOutcome = await self.inner.cancel(order)
        return outcome


@pytest.mark.parametrize("refused", [True, False], ids=["refused", "lost"])
@pytest.mark.parametrize("restart", [True, False], ids=["restarted", "one process"])
async def test_an_order_whose_cancel_has_no_effect_for_two_minutes_calls_a_person_once(
    *, refused: bool, restart: bool
) -> None:
    # it falls away from the sell orders: patience runs out after two minutes, and they have to go
    world = make_world([80_000, *line(80_000, 79_000, 3), *[79_000] * 100])
    venue = Clinging(world, refused=refused, minutes=7)
    execution = ExecutionPolicy(rungs=3, patience=timedelta(minutes=2))
    policy = policy_of(HALF, execution=execution)
    if restart:
        await world.run(policy, hours=3 * MINUTES)
    await world.run(policy, hours=(8 - 3 * restart) * MINUTES)
    assert venue.asked > 60, "asked again at every look"
    assert [(s, c) for _, s, c in told(world, "leaving")] == [
        (Severity.CRITICAL, False),
        (Severity.INFO, True),
    ]
    begun, over = (when for when, _, _ in told(world, "leaving"))
    assert 238 <= begun <= 250
    assert 420 <= over <= 430
    await world.run(policy, hours=1)
    assert world.duplicates() == 0
    assert world.position() == dec("-0.5")


async def test_an_order_that_is_wanted_again_after_its_cancel_failed_leaves_anew_later() -> None:
    world = make_world([80_000, *line(80_000, 79_000, 3), *[79_000] * 100])
    Clinging(world, refused=True, minutes=60)
    policy = policy_of(HALF, execution=ExecutionPolicy(rungs=3, patience=timedelta(hours=3)))

    async def state(lowered: TradingState, minutes: float) -> list[Order]:
        known = await world.store.portfolio("p")
        assert known is not None
        record = replace(known, trading_state=lowered)
        await world.store.commit(Changes(portfolio="p", record=record))
        await world.run(policy, hours=minutes * MINUTES)
        return list(await world.store.orders("p", live_only=True, limit=10))

    await world.run(policy, hours=MINUTES)
    assert all(o.leaving_since is not None for o in await state(TradingState.CANCEL_ONLY, 1.5))
    assert all(o.leaving_since is None for o in await state(TradingState.RUN, 5))
    assert len(await state(TradingState.CANCEL_ONLY, 1.5)) == 3
    assert told(world, "leaving") == [], "neither cancel was asked for two minutes"
