"""Taking orders down at a stop: again and again until each is proven gone, or the time is over.

A cancel may get lost, be refused, or find nothing; none of it says that the order works no more. So after every cancel
that does not prove an end the order is looked up, and what has not ended is cancelled again after a pause.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any, TypeVar

from counterpoise.app.build import App
from counterpoise.domain.errors import VenueError
from counterpoise.domain.numbers import ZERO, dec
from counterpoise.domain.order import (
    Accepted,
    CancelOutcome,
    Gone,
    NotPlaced,
    Order,
    OrderState,
    Unknown,
    VenueOrder,
    with_code,
)
from counterpoise.execute.reconcile import bound
from counterpoise.ports import Clock, Exchange

_T = TypeVar("_T")

#: Pauses between attempts in seconds; the last of them stays.
PAUSES = (dec("0.5"), dec(1), dec(2))
#: How long a venue may take to answer a cancel, and a look-up, before it counts as unanswered.
CANCEL_S = 4
LOOK_S = 2
#: With less time than that left there is no use in another attempt.
LEAST_S = dec("0.5")


@dataclass(frozen=True, slots=True, kw_only=True)
class Withdrawn:
    """What is known of one order after the last attempt: its row, and what the venue said of its cancel."""

    order: Order
    said: str = "no answer"

    @property
    def ended(self) -> bool:
        """Whether it is proven that it works no more."""
        return self.order.state.is_final


async def withdraw(app: App, orders: Sequence[Order], seconds: float) -> list[Withdrawn]:
    """Cancel ``orders`` until each has ended, for at most ``seconds``, venues side by side. Never raises for a venue.

    Time passes by the app's clock (a local testnet's market moves in the pauses) and by the loop's, whichever is
    sooner. A pause that a venue asked for is kept; one that outlasts the time ends the attempts there.
    """
    by_venue = groupby(sorted(orders, key=_where), key=lambda o: o.venue)
    parts = [
        _Attempts(app.venues[venue], app.clock, seconds).run(list(here)) for venue, here in by_venue
    ]
    return [row for rows in await asyncio.gather(*parts) for row in rows]


class _Attempts:
    """The attempts at one venue."""

    def __init__(self, venue: Exchange, clock: Clock, seconds: float) -> None:
        self._venue = venue
        self._clock = clock
        self._seconds = seconds
        self._began = clock.now()
        self._until = asyncio.get_running_loop().time() + seconds

    async def run(self, orders: list[Order]) -> list[Withdrawn]:
        rows = {o.client_order_id: Withdrawn(order=o) for o in orders}
        attempt = 0
        while left := [r for r in rows.values() if not r.ended]:
            outcomes = await self._cancel([r.order for r in left], batched=attempt % 2 == 0)
            after = [_judged(r, outcomes[r.order.client_order_id], self._clock) for r in left]
            looked = await asyncio.gather(*(self._looked(r) for r in after))
            rows |= {r.order.client_order_id: r for r in looked}
            asked = [o.retry_after_s or ZERO for o in outcomes.values() if isinstance(o, NotPlaced)]
            pause = max(PAUSES[min(attempt, len(PAUSES) - 1)], *asked, ZERO)
            # the last row has nothing to wait for
            if all(r.ended for r in rows.values()) or pause + LEAST_S >= self._left_s():
                break
            try:
                await _answer(self._clock.sleep(pause), self._left_s())
            except VenueError:
                break  # a local testnet that is gone: so is its clock
            attempt += 1
        return list(rows.values())

    def _left_s(self) -> float:
        passed = (self._clock.now() - self._began).total_seconds()
        return min(self._seconds - passed, self._until - asyncio.get_running_loop().time())

    async def _cancel(self, orders: list[Order], *, batched: bool) -> dict[str, CancelOutcome]:
        """Ask once for each; every other time one by one, so that one endpoint that fails does not bar the other."""
        lots: list[list[Order]] = []
        for (_, symbol), neighbours in groupby(orders, _where):
            here = list(neighbours)
            most = self._venue.batch_limit(symbol).cancel if batched else 1
            lots += [here[n : n + most] for n in range(0, len(here), most)]
        answers = await asyncio.gather(*(self._cancel_lot(lot) for lot in lots))
        return {
            order.client_order_id: outcome
            for lot, outcomes in zip(lots, answers, strict=True)
            for order, outcome in zip(lot, outcomes, strict=True)
        }

    async def _cancel_lot(self, lot: list[Order]) -> Sequence[CancelOutcome]:
        within = min(CANCEL_S, max(self._left_s(), 0))
        try:
            if len(lot) > 1:
                return await _answer(self._venue.cancel_batch(lot), within)
            return (await _answer(self._venue.cancel(lot[0]), within),)
        except TimeoutError:
            return (Unknown(text="no answer in time"),) * len(lot)
        except Exception as error:  # noqa: BLE001 - whatever breaks, the others are to go
            return (Unknown(text=str(error) or type(error).__name__),) * len(lot)

    async def _looked(self, row: Withdrawn) -> Withdrawn:
        """``row`` with what a look-up says of it; no answer, and not found, prove nothing."""
        if row.ended:
            return row
        order = row.order
        try:
            found = await _answer(
                self._venue.order(order.symbol, order.client_order_id),
                min(LOOK_S, max(self._left_s(), 0)),
            )
        except (VenueError, TimeoutError):
            return row
        if found is None:
            return replace(row, said=f"{row.said}; not found by its id")
        return replace(row, order=_shown(row.order, found, self._clock))


def _judged(row: Withdrawn, outcome: CancelOutcome, clock: Clock) -> Withdrawn:
    match outcome:
        case Accepted(order=report):
            after = _shown(row.order, report, clock)
            return Withdrawn(order=after, said=f"it was accepted, and left {after.state.value}")
        case NotPlaced(code=code, text=said):
            return replace(row, said=with_code(code, said))
        case Gone(text=said) | Unknown(text=said):
            return replace(row, said=said)


def _shown(order: Order, report: VenueOrder, clock: Clock) -> Order:
    """``order`` as the venue shows it; that it is cancelled is our doing."""
    after = bound(order, report, clock.now())
    return replace(after, reason="stopping") if after.state is OrderState.CANCELED else after


async def _answer(asked: Coroutine[Any, Any, _T], seconds: float) -> _T:
    """Return what ``asked`` returns, or raise TimeoutError; what is cut off may still say what is proven."""
    task = asyncio.create_task(asked)
    try:
        await asyncio.wait({task}, timeout=seconds)
        if not task.done():
            task.cancel()
            await asyncio.wait({task})
    finally:
        task.cancel()
    if task.cancelled():
        raise TimeoutError
    return task.result()


def _where(order: Order) -> tuple[str, str]:
    return (order.venue, order.symbol)
