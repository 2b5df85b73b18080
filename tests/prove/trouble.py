"""A venue that goes wrong at chosen requests: what is lost on the way there or back, or happens just before."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from counterpoise.domain.errors import StoreError, VenueError
from counterpoise.domain.order import CancelOutcome, NotPlaced, Order, PlaceOutcome, Unknown
from tests.batched import Batched

#: What becomes of a request: it never arrives, its answer never arrives, or the venue refuses it with a code. Of
#: several orders in one: that one and those after it have no effect, and nothing is answered.
LOST, UNANSWERED, PARTIAL = "lost", "unanswered", "partial"


@dataclass(slots=True)
class Faults:
    """What goes wrong, by the number of the request over all lives (from 0). ``blind``: reads fail meanwhile."""

    places: Mapping[int, str] = field(default_factory=dict)
    cancels: Mapping[int, str] = field(default_factory=dict)
    before_place: Mapping[int, Callable[[], None]] = field(default_factory=dict)
    before_cancel: Mapping[int, Callable[[], None]] = field(default_factory=dict)
    placed: int = 0
    canceled: int = 0
    blind: bool = False
    locked: bool = False
    deaf_sink: bool = False
    #: After an order arrived unanswered the venue hides it for so long, from every question.
    hides: timedelta = timedelta(0)
    hidden: dict[str, datetime] = field(default_factory=dict)


class TroubledVenue(Batched):
    """``inner`` with ``faults``; everything else goes through. Cancels that go together have each its own fate."""

    def __init__(self, inner: Any, faults: Faults) -> None:
        self._inner = inner
        self._faults = faults

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    async def account(self) -> Any:
        """Read, unless reads fail."""
        if self._faults.blind:
            raise VenueError("sim: time-out")
        return await self._inner.account()

    async def open_orders(self, symbols: Any) -> Any:
        """Read, unless reads fail."""
        if self._faults.blind:
            raise VenueError("sim: time-out")
        return tuple(
            o for o in await self._inner.open_orders(symbols) if not self._hides(o.client_order_id)
        )

    async def order(self, symbol: str, client_order_id: str) -> Any:
        """Look one up, unless it is hidden."""
        if self._hides(client_order_id):
            return None
        return await self._inner.order(symbol, client_order_id)

    def _hides(self, client_order_id: str | None) -> bool:
        until = self._faults.hidden.get(client_order_id or "")
        return until is not None and self._inner._exchange.now < until

    async def place(self, order: Order) -> PlaceOutcome:
        """Place, as this one's number says."""
        number, self._faults.placed = self._faults.placed, self._faults.placed + 1
        self._faults.before_place.get(number, _nothing)()
        fate = self._faults.places.get(number)
        if fate == LOST:
            return Unknown(text="time-out")
        if fate not in {None, UNANSWERED}:
            return NotPlaced(code=str(fate), text="as the exchange says")
        outcome: PlaceOutcome = await self._inner.place(order)
        if fate != UNANSWERED:
            return outcome
        if self._faults.hides:
            until = self._inner._exchange.now + self._faults.hides
            self._faults.hidden[order.client_order_id] = until
        return Unknown(text="time-out")

    async def place_batch(self, orders: Sequence[Order]) -> tuple[PlaceOutcome, ...]:
        """Place together: a code is of one order, what gets lost is lost for all of them."""
        first = self._faults.placed
        fates = [self._faults.places.get(first + n) for n in range(len(orders))]
        reach = 0 if LOST in fates else fates.index(PARTIAL) if PARTIAL in fates else len(orders)
        outcomes = tuple([await self.place(order) for order in orders[:reach]])
        self._faults.placed = first + len(orders)
        if not {LOST, PARTIAL, UNANSWERED}.intersection(fates):
            return outcomes
        if self._faults.hides and reach:
            until = self._inner._exchange.now + self._faults.hides
            self._faults.hidden |= {o.client_order_id: until for o in orders[:reach]}
        return (Unknown(text="time-out"),) * len(orders)

    async def cancel(self, order: Order) -> CancelOutcome:
        """Cancel, as this one's number says."""
        number, self._faults.canceled = self._faults.canceled, self._faults.canceled + 1
        self._faults.before_cancel.get(number, _nothing)()
        fate = self._faults.cancels.get(number)
        if fate == LOST:
            return Unknown(text="time-out")
        outcome: CancelOutcome = await self._inner.cancel(order)
        return Unknown(text="time-out") if fate == UNANSWERED else outcome


class TroubledStore:
    """``inner`` that can be locked: then nothing is written."""

    def __init__(self, inner: Any, faults: Faults) -> None:
        self._inner = inner
        self._faults = faults

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    async def commit(self, changes: Any) -> None:
        """Write, unless it is locked."""
        if self._faults.locked:
            raise StoreError("database is locked")
        await self._inner.commit(changes)


class TroubledSink:
    """``inner`` that takes nothing while it is deaf."""

    def __init__(self, inner: Any, faults: Faults) -> None:
        self._inner = inner
        self._faults = faults

    async def deliver(self, message: Any) -> None:
        """Deliver, unless it is deaf."""
        if self._faults.deaf_sink:
            raise ConnectionError("nobody listens")
        await self._inner.deliver(message)


def _nothing() -> None:
    return
