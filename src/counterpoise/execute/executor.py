"""The one write path to a venue: commit the intent, send it once, record what became of it.

The rows of everything that is about to be sent are durable before the first byte leaves (promise 2). Nothing is
ever sent twice from here; what is not proven stays UNKNOWN and is resolved by later looks. Cancels go first, then
transfers (collateral before what it is for), then placements in the plan's order (reductions first).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from counterpoise.domain.order import (
    Accepted,
    CancelOutcome,
    Gone,
    NotPlaced,
    Order,
    OrderState,
    PlaceOutcome,
    Unknown,
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
    """Sends approved orders. ``may_send`` is asked before each placement: it says no once a stop was asked for."""

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
        canceled = [await self._cancel(order) for order in leaving]
        moved = [
            await send(self._venues[t.venue], t, self._clock, self._may_send) for t in transfers
        ]
        placed: list[Order] = []
        for approval in approved:
            placed.append(await self._place(approval, placed))
        return Execution(canceled=tuple(canceled), placed=tuple(placed), transfers=tuple(moved))

    async def _cancel(self, order: Order) -> Order:
        outcome: CancelOutcome = await self._venues[order.venue].cancel(order)
        at = self._clock.now()
        match outcome:
            case Accepted(order=report):
                return bound(order, report, at)
            case Gone(text=said):
                # it may have filled: the next look reads it before anyone believes anything
                return replace(order, updated_at=at, reason=f"cancel: {said}")
            case NotPlaced(code=code, text=said):
                # it works on; the next look sees it open and decides anew
                return replace(order, updated_at=at, reason=f"cancel refused: {code}: {said}")
            case Unknown(text=said):
                return replace(order, updated_at=at, reason=f"cancel unproven: {said}")

    async def _place(self, approval: Approved, earlier: Sequence[Order]) -> Order:
        order, now = approval.order, self._clock.now()
        if not self._may_send():
            return order.moved(OrderState.REJECTED, at=now, reason="not sent: stopping")
        if now > approval.valid_until:
            return order.moved(OrderState.REJECTED, at=now, reason="not sent: approval expired")
        beside = [o for o in earlier if (o.venue, o.symbol) == (order.venue, order.symbol)]
        if any(o.state is OrderState.UNKNOWN for o in beside):
            return order.moved(
                OrderState.REJECTED, at=now, reason="not sent: an earlier rung is unproven"
            )
        if any(o.is_refusal for o in beside):
            # what the venue did not take of one rung it will not take of the next
            return order.moved(
                OrderState.REJECTED, at=now, reason="not sent: an earlier rung was refused"
            )
        outcome: PlaceOutcome = await self._venues[order.venue].place(order)
        at = self._clock.now()
        match outcome:
            case Accepted(order=report):
                return bound(order, report, at)
            case NotPlaced(code=code, text=said):
                return order.moved(OrderState.REJECTED, at=at, reason=f"{code}: {said}")
            case Unknown(text=said):
                return order.moved(OrderState.UNKNOWN, at=at, reason=said)
