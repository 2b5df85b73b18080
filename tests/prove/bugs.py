"""Bugs that others have shipped, put into the product one at a time: each must be caught, or a stage proves nothing.

A bug is a patch of one function for the time of a run. ``hunted_in``: the cases that must catch it, by scenario and
points of death; a death given as text is the first point of that name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from counterpoise.app import aligning, cycle, leaving
from counterpoise.domain.order import Accepted, Fill, Gone, NotPlaced, Order, OrderState, Unknown
from counterpoise.domain.records import Handed
from counterpoise.execute import absence, executor, reconcile
from counterpoise.notify.lane import Lane
from counterpoise.plan import case, crossing, ids, ladder, planner
from counterpoise.plan.ids import is_own
from counterpoise.record.memory import MemoryStore
from counterpoise.venue.sim import MarketKind
from counterpoise.venue.sim.venue import SimVenue
from tests.prove import crash
from tests.prove.trouble import TroubledVenue

Undo = tuple[Any, str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bug:
    """One bug. ``plant`` changes the product and returns what was changed."""

    name: str
    plant: Callable[[], list[Undo]]
    hunted_in: tuple[tuple[str, tuple[int | str, ...]], ...]

    @property
    def command(self) -> str:
        """What shows it again."""
        return f"python -m tests.prove bugs --bug '{self.name}'"


def caught(bug: Bug) -> tuple[str, ...]:
    """Return what the hunt found, empty when the bug got away."""
    with planted(bug):
        for scenario, deaths in bug.hunted_in:
            outcome = crash.run(crash.Case(scenario=scenario))
            if deaths and not outcome.complaints:
                points = outcome.points
                numbers = tuple(d if isinstance(d, int) else points.index(d) for d in deaths)
                outcome = crash.run(crash.Case(scenario=scenario, deaths=numbers))
            if outcome.complaints:
                return outcome.complaints
    return ()


@contextmanager
def planted(bug: Bug) -> Iterator[None]:
    """Within: the product has the bug."""
    undo = bug.plant()
    try:
        yield
    finally:
        for owner, name, was in reversed(undo):
            setattr(owner, name, was)


def _set(owner: Any, name: str, new: Any) -> Undo:
    was = owner.__dict__[name] if isinstance(owner, type) else getattr(owner, name)
    setattr(owner, name, new)
    return owner, name, was


BUGS: dict[str, Bug] = {}


def _bug(
    name: str, *hunted_in: tuple[str, tuple[int | str, ...]]
) -> Callable[[Callable[[], list[Undo]]], None]:
    def known(plant: Callable[[], list[Undo]]) -> None:
        BUGS[name] = Bug(name=name, plant=plant, hunted_in=hunted_in)

    return known


@_bug("a time-out is taken for a no", ("unknown but placed", ()))
def _timeout_is_no() -> list[Undo]:
    real = executor.placed_as

    def placed_as(order: Order, outcome: Any, at: Any) -> Order:
        if isinstance(outcome, Unknown):
            # a new decision would find the contract free
            return replace(order, state=OrderState.REJECTED, reason="time-out")
        return real(order, outcome, at)

    def blind(row: Order, *_args: Any) -> Order:
        return row if row.state is OrderState.REJECTED else merge(row, *_args)

    merge = reconcile._merge
    return [_set(executor, "placed_as", placed_as), _set(reconcile, "_merge", blind)]


@_bug("a time-out is taken for a yes", ("unknown and lost", ()))
def _timeout_is_yes() -> list[Undo]:
    real = executor.placed_as

    def placed_as(order: Order, outcome: Any, at: Any) -> Order:
        if isinstance(outcome, Unknown):
            return replace(order, state=OrderState.OPEN)
        return real(order, outcome, at)

    return [
        _set(executor, "placed_as", placed_as),
        _set(aligning, "orders_to_look_up", lambda *_args: ()),
    ]


@_bug("an order is sent again after a time-out", ("unknown but placed", ()))
def _sent_again() -> list[Undo]:
    real = TroubledVenue.place

    async def place(self: Any, order: Order) -> Any:
        outcome = await real(self, order)
        if isinstance(outcome, Unknown):
            again = replace(order, client_order_id=order.client_order_id[:-1] + "a")
            outcome = await real(self, again)
            if isinstance(outcome, Accepted):
                shown = replace(outcome.order, client_order_id=order.client_order_id)
                return Accepted(order=shown)
        return outcome

    return [_set(TroubledVenue, "place", place)]


@_bug("rows are written after sending", ("ladder of five", ("venue.place after",)))
def _written_after() -> list[Undo]:
    real = executor.Executor.execute

    async def execute(
        self: Any, changes: Any, cancels: Any, approved: Any, transfers: Any = ()
    ) -> Any:
        placed = [await self._venues[a.order.venue].place(a.order) for a in approved]
        rows = [
            reconcile.bound(a.order, p.order, a.order.created_at)
            for a, p in zip(approved, placed, strict=True)
            if isinstance(p, Accepted)
        ]
        await self._store.commit(
            replace(changes, orders=(*changes.orders, *(a.order for a in approved)))
        )
        rest = await real(self, replace(changes, orders=tuple(rows)), cancels, (), transfers)
        return replace(rest, placed=tuple(rows))

    return [_set(executor.Executor, "execute", execute)]


@_bug("not found once is absent", ("unknown and slow to show", ()))
def _absent_at_once() -> list[Undo]:
    def proven(self: Any, order: Order, now: Any, *, position_explained: bool) -> bool:
        return order.state.is_unproven

    merge = reconcile._merge

    def final(row: Order, *args: Any) -> Order:
        return row if row.state.is_final else merge(row, *args)

    return [_set(absence.Absences, "proven", proven), _set(reconcile, "_merge", final)]


@_bug("unproven orders do not count", ("unknown and slow to show", ()))
def _unproven_uncounted() -> list[Undo]:
    real = planner._step

    def step(case: Any, unexplained: Any) -> Any:
        orders = tuple(o for o in case.orders if not o.state.is_unproven)
        return real(replace(case, orders=orders), unexplained)

    return [_set(planner, "_step", step)]


@_bug("working orders do not count", ("ladder of five", ()))
def _working_uncounted() -> list[Undo]:
    real = planner._ladder

    def blind(case: Any) -> Any:
        final = tuple(replace(o, state=OrderState.CANCELED) for o in case.orders)
        return real(replace(case, orders=final))

    return [_set(planner, "_ladder", blind)]


@_bug("fills are booked each time they are read", ("ladder of five", ()))
def _fills_again() -> list[Undo]:
    async def unseen(self: Any, fills: Any) -> tuple[Fill, ...]:
        return tuple(fills)

    return [_set(MemoryStore, "unseen_fills", unseen)]


@_bug("a partial fill is booked as the whole order", ("partial fill then reprice", ()))
def _partial_is_whole() -> list[Undo]:
    real = reconcile._with_fills

    def whole(order: Order, own_fills: Any, now: Any) -> Order:
        after = real(order, own_fills, now)
        if after.booked_qty == order.booked_qty:
            return after
        return replace(after, booked_qty=after.qty, filled_qty=after.qty)

    return [_set(reconcile, "_with_fills", whole)]


@_bug("a sale is booked as a purchase", ("ladder of five", ()))
def _wrong_sign() -> list[Undo]:
    signed = property(lambda self: -self.qty * self.side.sign)
    return [_set(Fill, "signed_qty", signed)]


@_bug("a cancel that finds nothing is a cancel done", ("fill during cancel", ()))
def _gone_is_canceled() -> list[Undo]:
    real = executor.canceled_as

    def canceled_as(order: Order, outcome: Any, at: Any) -> Order:
        if isinstance(outcome, Gone):
            return replace(order, state=OrderState.REJECTED, updated_at=at, venue_order_id=None)
        return real(order, outcome, at)

    return [_set(executor, "canceled_as", canceled_as)]


@_bug(
    "alerts are ticked off before they are delivered", ("ladder of five", ("ear.deliver before",))
)
def _ticked_first() -> list[Undo]:
    real = Lane._deliver

    async def deliver(self: Any, batch: Any) -> Any:
        await self.outbox.settled(self.name, batch.seqs, Handed.TAKEN, self.clock.now())
        return await real(self, batch)

    return [_set(Lane, "_deliver", deliver)]


@_bug("an alert that nobody took is given up", ("nobody listens", ()))
def _given_up() -> list[Undo]:
    real = Lane._deliver

    async def deliver(self: Any, batch: Any) -> None:
        await real(self, batch)

    return [_set(Lane, "_deliver", deliver)]


@_bug(
    "every attempt has the same client id",
    ("post only reject", ()),
    ("partial fill then reprice", ()),
)
def _one_id() -> list[Undo]:
    real = ids.client_order_id

    def same(account: str, decision: str, rung: int, attempt: int) -> str:
        return real(account, decision, 0, 0)

    return [_set(case, "client_order_id", same)]


@_bug("a new decision at every look", ("ladder of five", ()), ("sign flip", ()))
def _restless() -> list[Undo]:
    real = planner._target

    def target(want: Any, recorded: Any, policy: Any, now: Any) -> Any:
        return real(want, replace(recorded, targets={}), policy, now)

    return [_set(planner, "_target", target)]


@_bug("quantities go through a float", ("residue below minimum", ()), ("fee in coin", ()))
def _floats() -> list[Undo]:
    real = ladder._shares

    def shares(total: Decimal, *args: Any) -> list[Decimal]:
        return [Decimal(float(q) / 3 * 3.0000001) for q in real(total, *args)]

    return [_set(ladder, "_shares", shares)]


@_bug("lots are rounded up", ("residue below minimum", ()))
def _rounded_up() -> list[Undo]:
    from counterpoise.decide.strategies import hedge
    from counterpoise.domain.numbers import ceil_step, floor_step

    def away(value: Decimal, step: Decimal) -> Decimal:
        return ceil_step(value, step) if value >= 0 else floor_step(value, step)

    return [_set(hedge, "shrink_step", away)]


@_bug("crossing begins while rungs still rest", ("partial fill then reprice", ()))
def _crosses_beside() -> list[Undo]:
    real = planner.impatient

    def impatient(case: Any, side: Any, pause: Any) -> Any:
        ended = tuple(
            o if o.state.is_final else replace(o, state=OrderState.CANCELED) for o in case.orders
        )
        return real(replace(case, orders=ended), side, pause)

    return [_set(planner, "impatient", impatient)]


@_bug("a stop leaves its orders at work", ("stopped in mid ladder", ()))
def _stop_leaves() -> list[Undo]:
    async def nothing(app: Any, orders: Any, seconds: Any) -> list[Order]:
        return []

    return [_set(leaving, "withdraw", nothing)]


@_bug(
    "open orders are not asked for by their ids",
    ("start with unknown placed", ()),
    ("unknown and lost", ()),
)
def _never_looked_up() -> list[Undo]:
    return [_set(aligning, "orders_to_look_up", lambda *_args: ())]


@_bug("an open order at the start is not adopted", ("start with own order", ()))
def _not_adopted() -> list[Undo]:
    merge = reconcile._merge

    def blind(row: Order, shown: Any, *args: Any) -> Order:
        return (
            merge(row, {}, *args) if row.state is OrderState.PENDING else merge(row, shown, *args)
        )

    def pending_is_gone(self: Any, order: Order, now: Any, *, position_explained: bool) -> bool:
        return order.state is OrderState.PENDING

    return [
        _set(reconcile, "_merge", blind),
        _set(aligning, "orders_to_look_up", lambda *_args: ()),
    ]


@_bug("a position that was not read is flat", ("blind for a while", ()))
def _unread_is_flat() -> list[Undo]:
    async def account(self: Any) -> Any:
        real = await self._inner.account()
        return replace(real, positions={}) if self._faults.blind else real

    def explained(*_args: Any) -> dict[Any, Any]:
        return {}

    async def orders(self: Any, symbols: Any) -> Any:
        return await self._inner.open_orders(symbols)

    return [
        _set(TroubledVenue, "account", account),
        _set(TroubledVenue, "open_orders", orders),
        _set(reconcile, "_unexplained", explained),
    ]


@_bug("foreign orders are taken down too", ("start with foreign order", ()))
def _foreign_cancelled() -> list[Undo]:
    real = cycle.Cycle.run

    async def run(self: Any) -> Any:
        report = await real(self)
        venue = self._venues["sim"]
        exchange, key = venue._exchange, venue._api_key
        for order in exchange.orders(key, MarketKind.PERP, open_only=True):
            if not is_own(order.client_order_id):
                exchange.cancel(key, MarketKind.PERP, order.symbol, order_id=order.order_id)
        return report

    return [_set(cycle.Cycle, "run", run)]


@_bug("funding that is received is booked as paid", ("funding ticks", ()))
def _funding_sign() -> list[Undo]:
    real = SimVenue.ledger

    async def ledger(self: Any, since: Any) -> Any:
        return tuple(replace(e, qty=-e.qty) for e in await real(self, since))

    return [_set(SimVenue, "ledger", ledger)]


@_bug("what is superseded stays at work", ("cancel and replace", ()))
def _never_cancelled() -> list[Undo]:
    return [_set(planner, "cancels_of", lambda *_args: ())]


@_bug("a close is not reduce-only", ("reduce only close", ()))
def _close_may_turn() -> list[Undo]:
    real = planner.order_of

    def order(*args: Any) -> Order:
        return replace(real(*args), reduce_only=False)

    return [_set(planner, "order_of", order), _set(crossing, "order_of", order)]


@_bug("a refusal is tried again for ever", ("delisted in mid ladder", ()))
def _hot_loop() -> list[Undo]:
    from counterpoise.decide.guards import limits

    return [_set(limits, "quarantine_refusal", lambda *_args, **_kwargs: None)]


@_bug("an error while reading is no reason to stop", ("database locked", ()))
def _commit_ignored() -> list[Undo]:
    from tests.prove.trouble import TroubledStore

    async def commit(self: Any, changes: Any) -> None:
        if not self._faults.locked:
            await self._inner.commit(changes)

    return [_set(TroubledStore, "commit", commit)]


@_bug("a refusal of one order of a batch is taken for all of it", ("one of a batch refused", ()))
def _refused_whole() -> list[Undo]:
    real = TroubledVenue.place_batch

    async def place_batch(self: Any, orders: Any) -> Any:
        outcomes = await real(self, orders)
        refused = next((o for o in outcomes if isinstance(o, NotPlaced)), None)
        return outcomes if refused is None else (refused,) * len(outcomes)

    merge = reconcile._merge

    def final(row: Order, *args: Any) -> Order:
        return row if row.state is OrderState.REJECTED else merge(row, *args)

    return [_set(TroubledVenue, "place_batch", place_batch), _set(reconcile, "_merge", final)]


@_bug(
    "the outcomes of a batch are given to its orders in another order",
    ("one of a batch refused", ()),
)
def _by_position() -> list[Undo]:
    real = TroubledVenue.place_batch

    async def place_batch(self: Any, orders: Any) -> Any:
        return tuple(reversed(await real(self, orders)))

    return [_set(TroubledVenue, "place_batch", place_batch)]


@_bug("a batch that got lost in part is taken for lost", ("part of a batch done", ()))
def _part_is_nothing() -> list[Undo]:
    real = TroubledVenue.place_batch

    async def place_batch(self: Any, orders: Any) -> Any:
        outcomes = await real(self, orders)
        return tuple(
            NotPlaced(code="-1001", text="time-out") if isinstance(o, Unknown) else o
            for o in outcomes
        )

    merge = reconcile._merge

    def final(row: Order, *args: Any) -> Order:
        return row if row.state is OrderState.REJECTED else merge(row, *args)

    return [_set(TroubledVenue, "place_batch", place_batch), _set(reconcile, "_merge", final)]
