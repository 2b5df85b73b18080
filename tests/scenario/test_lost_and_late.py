"""What a venue may do to a daemon: answer late, twice, partly, or never. Judged by the exchange's log."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from counterpoise.domain.errors import VenueError
from counterpoise.domain.numbers import ZERO, dec
from counterpoise.domain.order import (
    Accepted,
    CancelOutcome,
    Fill,
    NotPlaced,
    Order,
    OrderState,
    PlaceOutcome,
    Unknown,
    VenueOrder,
)
from counterpoise.domain.policy import ExecutionPolicy, OnForeign, PlausibilityPolicy
from counterpoise.domain.snapshot import Account
from counterpoise.domain.strategy import HedgePolicy
from counterpoise.venue.sim import MarketKind, OrderKind, PlaceRequest, Side, TimeInForce
from tests.batched import Batched, OneByOne
from tests.scenario.test_main_job import HALF, policy_of
from tests.scenario.world import World, line, make_world

ALL = HedgePolicy(id="all", asset="BTC", ratio=dec(1))


class Wrapped(Batched):
    """A venue that does what the world's venue does, but for what a subclass changes."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.inner: Any = world.venue
        self.clock = world.clock
        world.venue = self  # type: ignore[assignment]  # a Venue by __getattr__

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)


def deepest(world: World) -> Decimal:
    """The largest short the account ever had, by the exchange's fills."""
    held = worst = ZERO
    for event in world.events("fill"):
        sign = 1 if event["side"] == "buy" else -1
        held += sign * dec(str(event["qty"]))
        worst = min(worst, held)
    return worst


class LaggingReads(Wrapped):
    """Position and trades are shown two seconds late; the order's own state is not."""

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.seen: list[tuple[Any, Account]] = []

    async def account(self) -> Account:
        account: Account = await self.inner.account()
        self.seen.append((self.clock.now(), account))
        then = self.clock.now() - timedelta(seconds=2)
        old = [a for at, a in self.seen if at <= then] or [self.seen[0][1]]
        return replace(account, positions=old[-1].positions)

    async def fills(self, symbol: str, since: Any) -> tuple[Fill, ...]:
        then = self.clock.now() - timedelta(seconds=2)
        return tuple(f for f in await self.inner.fills(symbol, since) if f.filled_at <= then)


class FilledBeforeTheCancel(LaggingReads):
    """Every cancel comes too late: the order fills in the same moment."""

    async def cancel(self, order: Order) -> CancelOutcome:
        self.inner._exchange.set_price("BTCUSDT", dec(82_000))
        outcome: CancelOutcome = await self.inner.cancel(order)
        self.inner._exchange.set_price("BTCUSDT", dec(80_000))
        return outcome


async def test_a_fill_that_beats_the_cancel_is_not_sold_again_while_reads_lag() -> None:
    world = make_world([80_000, *line(80_000, 79_000, 20), *[79_000] * 200])
    FilledBeforeTheCancel(world)
    await world.run(policy_of(ALL), hours=3)
    assert deepest(world) >= -1, "never more short than coins are held"
    assert world.position() == -1


class OneLookUpFails(Wrapped):
    """The process dies after three placements; later the first look-up by id is not answered."""

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.sent = 0
        self.fail_next_look_up = False

    async def place(self, order: Order) -> PlaceOutcome:
        outcome: PlaceOutcome = await self.inner.place(order)
        self.sent += 1
        if self.sent == 3:
            raise ConnectionError("the process died here")
        return outcome

    async def order(self, symbol: str, client_order_id: str) -> VenueOrder | None:
        if self.fail_next_look_up:
            self.fail_next_look_up = False
            raise VenueError("time-out")
        found: VenueOrder | None = await self.inner.order(symbol, client_order_id)
        return found


async def test_a_fill_older_than_a_booked_one_is_still_found() -> None:
    execution = ExecutionPolicy(rungs=3, spacing=dec("0.004"), patience=timedelta(minutes=60))
    world = make_world([80_000, *line(80_000, 82_000, 40), *[82_000] * 200])
    venue = OneLookUpFails(world)
    policy = policy_of(HALF, execution=execution)
    with pytest.raises(ConnectionError):
        await world.run(policy, hours=1)
    world.clock.advance(dec(45 * 60))  # down while the rungs fill one after the other
    venue.fail_next_look_up = True
    await world.run(policy, hours=3)
    recorded = await world.store.load("p", world.clock.now())
    assert recorded.positions[("sim", "BTC/USDT:USDT")].own_qty == world.position() == dec("-0.5")


async def test_an_order_found_open_is_cancelled_in_the_same_look() -> None:
    world = make_world([80_000, *line(80_000, 79_000, 20), *[79_000] * 200])
    OneLookUpFails(world)
    with pytest.raises(ConnectionError):
        await world.run(policy_of(HALF), hours=1)
    world.clock.advance(dec(180))  # down for longer than patience
    await world.run(policy_of(HALF), hours=3)
    assert world.position() == dec("-0.5")
    assert world.duplicates() == 0


class HidesOpenOrders(Wrapped):
    """For a while neither list nor look-up shows what rests."""

    hide_from: Any = None

    def hidden(self) -> bool:
        return self.hide_from is not None and (
            self.hide_from <= self.clock.now() < self.hide_from + timedelta(minutes=5)
        )

    async def open_orders(self, symbols: Any) -> tuple[VenueOrder, ...]:
        return () if self.hidden() else await self.inner.open_orders(symbols)

    async def order(self, symbol: str, client_order_id: str) -> VenueOrder | None:
        return None if self.hidden() else await self.inner.order(symbol, client_order_id)


async def test_what_was_acknowledged_once_is_never_taken_for_absent() -> None:
    execution = ExecutionPolicy(rungs=3, patience=timedelta(minutes=60))
    world = make_world([80_000] * 3 + line(80_000, 79_000, 20) + [79_000] * 200)
    venue = HidesOpenOrders(world)
    venue.hide_from = world.clock.now() + timedelta(minutes=10)
    await world.run(policy_of(HALF, execution=execution), hours=4)
    assert len({e["client_id"] for e in world.events("place")}) <= 4, "three rungs and the crossing"
    assert deepest(world) == world.position() == dec("-0.5")


async def test_a_position_too_small_for_an_order_does_not_block_the_other_side() -> None:
    world = make_world([45_000] * 200)
    world.exchange.place(
        world.api_key,
        PlaceRequest(
            kind=MarketKind.PERP,
            symbol="BTCUSDT",
            side=Side.BUY,
            order_kind=OrderKind.MARKET,
            qty=dec("0.003"),
            price=None,
            time_in_force=TimeInForce.GTC,
            client_order_id=None,
        ),
    )
    world.exchange.set_price(
        "BTCUSDT", dec(30_000)
    )  # 0.003 is now worth 90, below the minimum of 100
    await world.run(policy_of(HALF, existing={"sim": "adopt:half"}), hours=3)
    assert world.position() == dec("-0.5")


class DelistsWhileReading(Wrapped):
    """The catalogue loses the contract between two reads of one look."""

    gone = False

    def instruments(self) -> Any:
        listed = dict(self.inner.instruments())
        if self.gone:
            listed.pop("BTC/USDT:USDT")
        return listed

    async def account(self) -> Account:
        account: Account = await self.inner.account()
        if world_has_position(account):
            self.gone = True
        return account


def world_has_position(account: Account) -> bool:
    return any(p.qty != 0 for p in account.positions.values())


async def test_a_contract_delisted_in_mid_look_is_no_crash() -> None:
    world = make_world([80_000] * 200)
    DelistsWhileReading(world)
    await world.run(policy_of(HALF), hours=3)
    assert world.reports[-1].summary


class RefusesAll(Wrapped):
    """The venue answers every placement with a refusal."""

    async def place(self, order: Order) -> PlaceOutcome:
        return NotPlaced(code="-2019", text="Margin is insufficient.")


async def test_a_venue_that_takes_no_order_is_told_once() -> None:
    world = make_world([80_000] * 200)
    venue = RefusesAll(world)
    await world.run(policy_of(HALF), hours=2)
    told = [a for r in world.reports for a in r.alerts if a.kind == "rejected"]
    assert [a.cleared for a in told] == [False]
    assert "Margin is insufficient" in told[0].text
    world.venue = venue.inner
    await world.run(policy_of(HALF), hours=2)
    told = [a for r in world.reports for a in r.alerts if a.kind == "rejected"]
    assert [a.cleared for a in told] == [False, True]
    assert world.position() == dec("-0.5")


async def test_a_refusal_is_over_when_nothing_is_wanted_any_more() -> None:
    world = make_world([80_000] * 200)
    RefusesAll(world)
    await world.run(policy_of(HALF), hours=1)
    none = HedgePolicy(id="half", asset="BTC", qty=dec("0.0001"))  # below a lot: nothing
    await world.run(policy_of(none), hours=1)
    told = [a for r in world.reports for a in r.alerts if a.kind == "rejected"]
    assert [a.cleared for a in told] == [False, True]


class NeverCancels(Wrapped):
    """No cancel is ever answered."""

    cancels = 0

    async def cancel(self, order: Order) -> CancelOutcome:
        self.cancels += 1
        return Unknown(text="time-out")


async def test_a_cancel_that_is_never_answered_is_no_hot_loop() -> None:
    world = make_world([80_000, *line(80_000, 79_000, 20), *[79_000] * 200])
    venue = NeverCancels(world)
    cycles = await world.run(policy_of(HALF), hours=4)
    assert cycles < 150
    assert venue.cancels < 400
    assert sum((dec(str(e["qty"])) for e in world.events("place")), ZERO) <= dec("0.5")


class Doubting(Wrapped):
    """Accepts, and says so twice as slowly as it fills: the reply already carries the fill."""

    async def place(self, order: Order) -> PlaceOutcome:
        outcome: PlaceOutcome = await self.inner.place(order)
        if isinstance(outcome, Accepted) and outcome.order.state is OrderState.OPEN:
            return Unknown(text="an answer without an id")
        return outcome


class LostAndHidden(Wrapped):
    """The first answer is lost, and for half a minute no read shows that order (a lagging replica)."""

    lost: Order | None = None

    def hidden(self, client_order_id: str | None) -> bool:
        return (
            self.lost is not None
            and client_order_id == self.lost.client_order_id
            and self.clock.now() < self.lost.created_at + timedelta(seconds=30)
        )

    async def place(self, order: Order) -> PlaceOutcome:
        outcome: PlaceOutcome = await self.inner.place(order)
        if self.lost is None:
            self.lost = order
            return Unknown(text="time-out after it arrived")
        return outcome

    async def open_orders(self, symbols: Any) -> tuple[VenueOrder, ...]:
        return tuple(
            o for o in await self.inner.open_orders(symbols) if not self.hidden(o.client_order_id)
        )

    async def order(self, symbol: str, client_order_id: str) -> VenueOrder | None:
        if self.hidden(client_order_id):
            return None
        found: VenueOrder | None = await self.inner.order(symbol, client_order_id)
        return found


async def test_an_order_without_an_answer_is_not_placed_anew_while_no_read_shows_it() -> None:
    world = make_world([80_000] * 200)
    LostAndHidden(world)
    # patience runs out while the order is hidden: what it covers must not be crossed for
    hasty = ExecutionPolicy(rungs=3, patience=timedelta(seconds=10))
    await world.run(policy_of(HALF, execution=hasty), hours=3)
    assert deepest(world) == world.position() == dec("-0.5")


async def test_replies_without_an_id_are_looked_up_and_kept() -> None:
    world = make_world([80_000] * 200)
    Doubting(world)
    await world.run(policy_of(HALF), hours=3)
    assert world.position() == dec("-0.5")
    assert world.duplicates() == 0


class LostBesideAHand(OneByOne, Wrapped):
    """The first placement never arrives, and at that very moment the account's owner trades the same contract."""

    lost: Order | None = None

    async def place(self, order: Order) -> PlaceOutcome:
        if self.lost is None:
            self.lost = order
            self.world.exchange.place(
                self.world.api_key,
                PlaceRequest(
                    kind=MarketKind.PERP,
                    symbol="BTCUSDT",
                    side=Side.SELL,
                    order_kind=OrderKind.MARKET,
                    qty=dec("0.05"),
                    client_order_id="by-hand",
                ),
            )
            return Unknown(text="time-out")
        outcome: PlaceOutcome = await self.inner.place(order)
        return outcome


@pytest.mark.parametrize("then", list(OnForeign))
async def test_what_a_person_trades_does_not_keep_a_lost_order_unproven(then: OnForeign) -> None:
    world = make_world([80_000] * 200)
    wrapped = LostBesideAHand(world)
    policy = policy_of(HALF, plausibility=PlausibilityPolicy(on_foreign_change=then))
    await world.run(policy, hours=1)
    assert wrapped.lost is not None
    orders = await world.store.orders("p", live_only=False, limit=100)
    row = next(o for o in orders if o.client_order_id == wrapped.lost.client_order_id)
    assert (row.state, row.reason) == (OrderState.REJECTED, "absent")
    # held, it is left to people; accepted, the hedge goes on beside what is not ours
    assert world.position() == (dec("-0.05") if then is OnForeign.HOLD else dec("-0.55"))


class UnheardCancel(Wrapped):
    """The first cancels are acknowledged and come to nothing: their orders work on."""

    def __init__(self, world: World, times: int) -> None:
        super().__init__(world)
        self.left = times

    async def cancel(self, order: Order) -> CancelOutcome:
        if self.left == 0:
            outcome: CancelOutcome = await self.inner.cancel(order)
            return outcome
        self.left -= 1
        (shown,) = [
            o
            for o in await self.inner.open_orders([order.symbol])
            if o.client_order_id == order.client_order_id
        ]
        return Accepted(order=replace(shown, state=OrderState.CANCELED))


@pytest.mark.parametrize("times", [1, 5])
async def test_a_cancel_that_was_acknowledged_and_came_to_nothing_counts_until_it_is_gone(
    times: int,
) -> None:
    """What is still shown open may fill: nothing is placed beside it, and it is taken down again."""
    world = make_world([80_000, *line(80_000, 80_500, 20)], volume="0.1")
    UnheardCancel(world, times)
    quick = ExecutionPolicy(rungs=5, patience=timedelta(minutes=5))
    await world.run(policy_of(HALF, execution=quick), hours=1.5)
    assert world.position() == dec("-0.5")
    assert deepest(world) == dec("-0.5")
    assert world.duplicates() == 0
    recorded = await world.store.load("p", world.clock.now())
    assert all(o.state.is_final for o in recorded.orders)


async def test_so_does_one_of_a_decision_that_has_been_changed_since() -> None:
    """Rows of older decisions are not among those a look begins with: what is shown open brings them back."""
    world = make_world([80_000] * 60, volume="0.01")
    UnheardCancel(world, 1)
    slow = ExecutionPolicy(rungs=5, patience=timedelta(minutes=40))
    await world.run(policy_of(HALF, execution=slow), hours=0.1)
    assert len(world.exchange.orders(world.api_key, MarketKind.PERP, open_only=True)) == 5
    third = replace(HALF, ratio=dec("0.3"))
    quick = ExecutionPolicy(rungs=5, patience=timedelta(minutes=5))
    await world.run(policy_of(third, execution=quick), hours=2)
    assert world.position() == dec("-0.3")
    assert deepest(world) == dec("-0.3")
    recorded = await world.store.load("p", world.clock.now())
    assert all(o.state.is_final for o in recorded.orders)
    assert not world.exchange.orders(world.api_key, MarketKind.PERP, open_only=True)
