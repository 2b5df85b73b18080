"""A venue that goes wrong at chosen requests: what is lost on the way there or back, or happens just before."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from counterpoise.domain.errors import StoreError, VenueError
from counterpoise.domain.order import CancelOutcome, NotPlaced, Order, PlaceOutcome, Unknown

#: What becomes of a request: it never arrives, its answer never arrives, or the venue refuses it with a code.
LOST, UNANSWERED = "lost", "unanswered"


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


class TroubledVenue:
    """``inner`` with ``faults``; everything else goes through."""

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
        return await self._inner.open_orders(symbols)

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
        return Unknown(text="time-out") if fate == UNANSWERED else outcome

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


def _nothing() -> None:
    return
