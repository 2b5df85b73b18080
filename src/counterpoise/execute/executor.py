"""The one write path to a venue: commit the intent, send it once, record what became of it.

The rows of everything that is about to be sent are durable before the first byte leaves (promise 2). Nothing is
ever sent twice from here; what is not proven stays UNKNOWN and is resolved by later looks. Cancels go first, then
transfers (collateral before what it is for), then placements in the plan's order (reductions first). Neighbours of
one kind go in one request where the venue has that and the guards allow it; what is asked before a request (a stop, an
approval's end, what became of earlier rungs) is asked before each.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import groupby

from counterpoise.domain.order import (
    Accepted,
    CancelOutcome,
    Gone,
    NotPlaced,
    Order,
    OrderState,
    PlaceOutcome,
    Side,
    Unknown,
    with_code,
)
from counterpoise.domain.plan import Approved, Cancel
from counterpoise.domain.records import Changes
from counterpoise.domain.transfer import Transfer
from counterpoise.execute.reconcile import bound
from counterpoise.execute.transfers import send
from counterpoise.ports import Clock, Exchange, Store


@dataclass(frozen=True, slots=True, kw_only=True)
class Execution:
    """What became of each order that was cancelled or placed, and of each transfer, in the order they were sent."""

    canceled: tuple[Order, ...] = ()
    placed: tuple[Order, ...] = ()
    transfers: tuple[Transfer, ...] = ()

    @property
    def orders(self) -> tuple[Order, ...]:
        """All orders."""
        return (*self.canceled, *self.placed)


class Executor:
    """Sends approved orders. ``may_send`` is asked before each request to place: no once a stop was asked for."""

    def __init__(
        self,
        venues: Mapping[str, Exchange],
        store: Store,
        clock: Clock,
        may_send: Callable[[], bool],
    ) -> None:
        self._venues = venues
        self._store = store
        self._clock = clock
        self._may_send = may_send

    async def execute(
        self,
        changes: Changes,
        cancels: Sequence[Cancel],
        approved: Sequence[Approved],
        transfers: Sequence[Transfer] = (),
    ) -> Execution:
        """Commit ``changes`` with the rows of ``cancels``, ``approved`` and ``transfers``, then send.

        The caller commits the returned orders and transfers; a crash before that leaves PENDING rows, which the next
        looks resolve. Raises StoreError before anything is sent when the rows cannot be made durable.
        """
        now = self._clock.now()
        leaving = [c.order.leaving(at=now, why=c.why) for c in cancels]
        intents = [a.order for a in approved]
        # in this order: what was just found open is OPEN before it is PENDING_CANCEL, as the table of moves wants
        durable = replace(
            changes,
            orders=(*changes.orders, *leaving, *intents),
            transfers=(*changes.transfers, *transfers),
        )
        if not durable.empty:
            await self._store.commit(durable)
        canceled = await self._cancel_all(leaving)
        moved = [
            await send(self._venues[t.venue], t, self._clock, self._may_send) for t in transfers
        ]
        placed = await self._place_all(approved)
        return Execution(canceled=tuple(canceled), placed=tuple(placed), transfers=tuple(moved))

    async def _cancel_all(self, leaving: Sequence[Order]) -> list[Order]:
        canceled: list[Order] = []
        for (name, symbol), neighbours in groupby(leaving, _where):
            venue, here = self._venues[name], list(neighbours)
            most = venue.batch_limit(symbol).cancel
            for orders in (here[n : n + most] for n in range(0, len(here), most)):
                outcomes: Sequence[CancelOutcome] = (
                    await venue.cancel_batch(orders)
                    if len(orders) > 1
                    else (await venue.cancel(orders[0]),)
                )
                at = self._clock.now()
                rows = zip(orders, outcomes, strict=True)
                canceled += [canceled_as(order, outcome, at) for order, outcome in rows]
        return canceled

    async def _place_all(self, approved: Sequence[Approved]) -> list[Order]:
        placed: list[Order] = []
        while rest := approved[len(placed) :]:
            why = self._withheld(rest[0], placed)
            if why is not None:
                order, now = rest[0].order, self._clock.now()
                placed.append(order.moved(OrderState.REJECTED, at=now, reason=f"not sent: {why}"))
                continue
            placed += await self._place([a.order for a in self._together(rest)])
        return placed

    def _withheld(self, approval: Approved, earlier: Sequence[Order]) -> str | None:
        """Return why an order is not sent now, or None; asked at the moment before its request."""
        if not self._may_send():
            return "stopping"
        if self._clock.now() > approval.valid_until:
            return "approval expired"
        beside = [o for o in earlier if _where(o) == _where(approval.order)]
        if any(o.state is OrderState.UNKNOWN for o in beside):
            return "an earlier rung is unproven"
        if any(o.is_refusal for o in beside):
            # what the venue did not take of one rung it will not take of the next
            return "an earlier rung was refused"
        return None

    def _together(self, rest: Sequence[Approved]) -> Sequence[Approved]:
        """Return what goes in one request with the first of ``rest``: what follows it and is of its kind.

        Never more than the venue takes, nor than each of them may be with.
        """
        first = rest[0].order
        most = self._venues[first.venue].batch_limit(first.symbol).place
        now, count = self._clock.now(), 0
        for approval in rest:
            most = min(most, approval.together)
            if count >= most or _kind(approval.order) != _kind(first) or now > approval.valid_until:
                break
            count += 1
        return rest[: max(count, 1)]

    async def _place(self, orders: Sequence[Order]) -> list[Order]:
        """Send ``orders`` in one request and return what became of each."""
        venue = self._venues[orders[0].venue]
        outcomes: Sequence[PlaceOutcome] = (
            await venue.place_batch(orders) if len(orders) > 1 else (await venue.place(orders[0]),)
        )
        at = self._clock.now()
        return [
            placed_as(order, outcome, at) for order, outcome in zip(orders, outcomes, strict=True)
        ]


def placed_as(order: Order, outcome: PlaceOutcome, at: datetime) -> Order:
    """Return the row of an order that was sent, after its ``outcome``."""
    match outcome:
        case Accepted(order=report):
            return bound(order, report, at)
        case NotPlaced(code=code, text=said):
            return order.moved(OrderState.REJECTED, at=at, reason=with_code(code, said))
        case Unknown(text=said):
            return order.moved(OrderState.UNKNOWN, at=at, reason=said)


def canceled_as(order: Order, outcome: CancelOutcome, at: datetime) -> Order:
    """Return the row of an order whose cancel was sent, after its ``outcome``."""
    match outcome:
        case Accepted(order=report):
            return bound(order, report, at)
        case Gone(text=said):
            # it may have filled: the next look reads it before anyone believes anything
            return replace(order, updated_at=at, reason=f"cancel: {said}")
        case NotPlaced(code=code, text=said):
            # it works on; the next look sees it open and decides anew
            return replace(order, updated_at=at, reason=f"cancel refused: {with_code(code, said)}")
        case Unknown(text=said):
            return replace(order, updated_at=at, reason=f"cancel unproven: {said}")


def _where(order: Order) -> tuple[str, str]:
    return (order.venue, order.symbol)


def _kind(order: Order) -> tuple[str, str, Side, bool]:
    """What may go together: what a venue takes or refuses alike."""
    return (order.venue, order.symbol, order.side, order.reduce_only)
