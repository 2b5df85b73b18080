"""Orders and cancels on their way to the venue: each is sent once, and what is proven of it is a value.

Nothing here waits for an order's budget (NotPlaced with ``retry_after_s`` instead), sends anything twice, or raises for
an answer. A cancellation that arrives meanwhile is held back for the outcome, Unknown (or NotPlaced, when nothing had
left), and goes on at the caller's next await; until then nothing more is placed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import partial

from counterpoise.domain.errors import VenueError
from counterpoise.domain.order import (
    ALONE,
    Accepted,
    BatchLimit,
    CancelOutcome,
    NotPlaced,
    Order,
    PlaceOutcome,
    Unknown,
    VenueOrder,
)
from counterpoise.venue.ccxt import batches, outcome
from counterpoise.venue.ccxt import endpoints as ask
from counterpoise.venue.ccxt.call import Call, CallFailed
from counterpoise.venue.ccxt.endpoints import Scope
from counterpoise.venue.ccxt.instruments import Listing
from counterpoise.venue.ccxt.limiter import Limiter
from counterpoise.venue.ccxt.orders import order_params
from counterpoise.venue.ccxt.origins import Origins
from counterpoise.venue.ccxt.wire import Wire

LIMITED = "limited"
_BATCH = BatchLimit(place=ask.MOST_PLACED, cancel=ask.MOST_CANCELED)


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderDesk:
    """The order endpoints of one account. ``look_up`` asks for an order by symbol and client id."""

    wire: Wire
    limiter: Limiter
    listing: Callable[[str], Listing | None]
    origins: Origins
    look_up: Callable[[str, str], Awaitable[VenueOrder | None]]

    async def place(self, order: Order) -> PlaceOutcome:
        """Send one order once and return what is proven about it."""
        if is_cancelled():
            return _not_sent("the task was cancelled")
        listing = self.listing(order.symbol)
        if listing is None:
            return _not_sent(f"{order.symbol} is not listed")
        try:
            params = order_params(order, listing)
        except ValueError as error:
            return _not_sent(str(error))
        endpoint = ask.PLACE[listing.scope]
        delay_s = self.limiter.order_delay_s(listing.scope, endpoint.weight)
        if delay_s > 0:
            return limited(listing.scope, delay_s)
        call = Call(endpoint=endpoint, params=params)
        try:
            judged: PlaceOutcome | outcome.Duplicate = outcome.judge_reply(
                order, listing, await self.wire.send(call)
            )
        except CallFailed as failure:
            judged = outcome.judge_failure(failure)
        except asyncio.CancelledError:
            cancel_at_next_await()
            return outcome.judge_cancelled_task(call)
        return await self._concluded(order, listing, judged)

    async def cancel(self, order: Order) -> CancelOutcome:
        """Cancel one order by our id, once."""
        listing = self.listing(order.symbol)
        if listing is None:
            return Unknown(text=f"not sent: {order.symbol} is not listed")
        call = Call(
            endpoint=ask.CANCEL[listing.scope],
            params={"symbol": listing.id, "origClientOrderId": order.client_order_id},
        )
        try:
            return outcome.judge_cancel_reply(order, await self.wire.cancel(call), listing)
        except CallFailed as failure:
            return outcome.judge_cancel_failure(failure)
        except VenueError as error:
            return _not_sent(f"not sent: {error}")
        except asyncio.CancelledError:
            cancel_at_next_await()
            return Unknown(text="cancelled while waiting for the venue's answer")

    async def place_batch(self, orders: Sequence[Order]) -> tuple[PlaceOutcome, ...]:
        """Send ``orders`` of one contract once, in one request; one outcome each, in their order.

        One that the venue cannot express is not sent; the others go without it.
        """
        if is_cancelled():
            return (_not_sent("the task was cancelled"),) * len(orders)
        listing, why = self._one_contract(orders, ask.MOST_PLACED)
        if listing is None:
            return (_not_sent(why),) * len(orders)
        judged: dict[str, PlaceOutcome] = {}
        rows: list[tuple[Order, dict[str, str]]] = []
        for order in orders:
            try:
                rows.append((order, order_params(order, listing)))
            except ValueError as error:
                judged[order.client_order_id] = _not_sent(str(error))
        if len(rows) == 1:
            ((order, _),) = rows
            judged[order.client_order_id] = await self.place(order)
        elif rows:
            judged |= await self._sent(listing, rows)
        return tuple(judged[order.client_order_id] for order in orders)

    async def _sent(
        self, listing: Listing, rows: Sequence[tuple[Order, dict[str, str]]]
    ) -> dict[str, PlaceOutcome]:
        """Send ``rows`` in one request, all or, without budget, none; outcomes by client id."""
        orders, endpoint = [order for order, _ in rows], ask.PLACE_BATCH
        delay_s = self.limiter.order_delay_s(endpoint.scope, endpoint.weight, len(rows))
        if delay_s > 0:
            return {o.client_order_id: limited(endpoint.scope, delay_s) for o in orders}
        call = Call(endpoint=endpoint, params={"batchOrders": [params for _, params in rows]})
        judged: Sequence[PlaceOutcome | outcome.Duplicate]
        try:
            reply = await self.wire.send(call)
            refused = partial(self.wire.refused_one, endpoint)
            judged = batches.judge_placed(orders, listing, reply, refused)
        except CallFailed as failure:
            judged = [outcome.judge_failure(failure)] * len(orders)
        except asyncio.CancelledError:
            cancel_at_next_await()
            judged = [outcome.judge_cancelled_task(call)] * len(orders)
        return {
            order.client_order_id: await self._concluded(order, listing, one)
            for order, one in zip(orders, judged, strict=True)
        }

    async def cancel_batch(self, orders: Sequence[Order]) -> tuple[CancelOutcome, ...]:
        """Cancel ``orders`` of one contract by our ids, once, in one request; one outcome each, in their order."""
        listing, why = self._one_contract(orders, ask.MOST_CANCELED)
        if listing is None:
            return (Unknown(text=f"not sent: {why}"),) * len(orders)
        endpoint = ask.CANCEL_BATCH
        ids = [order.client_order_id for order in orders]
        call = Call(endpoint=endpoint, params={"symbol": listing.id, "origClientOrderIdList": ids})
        try:
            reply = await self.wire.cancel(call)
            refused = partial(self.wire.refused_one, endpoint)
            return tuple(batches.judge_canceled(orders, listing, reply, refused))
        except CallFailed as failure:
            return (outcome.judge_cancel_failure(failure),) * len(orders)
        except VenueError as error:
            return (_not_sent(f"not sent: {error}"),) * len(orders)
        except asyncio.CancelledError:
            cancel_at_next_await()
            return (Unknown(text="cancelled while waiting for the venue's answer"),) * len(orders)

    def _one_contract(self, orders: Sequence[Order], most: int) -> tuple[Listing | None, str]:
        """Return the listing that all of ``orders`` are of, or why they cannot go in one request."""
        symbols = {order.symbol for order in orders}
        if len(symbols) != 1 or len({order.client_order_id for order in orders}) != len(orders):
            return None, "expected different orders of one contract in a batch"
        (symbol,) = symbols
        listing = self.listing(symbol)
        if listing is None:
            return None, f"{symbol} is not listed"
        if len(orders) > most or batch_limit_of(listing) == ALONE:
            return None, f"{symbol}: expected a contract and at most {most} orders in a batch"
        return listing, ""

    async def _concluded(
        self, order: Order, listing: Listing, judged: PlaceOutcome | outcome.Duplicate
    ) -> PlaceOutcome:
        """Look up what was placed before, and remember whose an accepted order is."""
        if isinstance(judged, outcome.Duplicate):
            return await self._placed_before(order, judged)
        if isinstance(judged, Accepted):
            self.origins.learn(listing, judged.order)
        return judged

    async def _placed_before(self, order: Order, duplicate: outcome.Duplicate) -> PlaceOutcome:
        """A duplicate id is proof that the order was placed; find out what became of it."""
        try:
            found = await self.look_up(order.symbol, order.client_order_id)
        except VenueError as error:
            return Unknown(text=f"{duplicate.text}; looking it up failed: {error}")
        except asyncio.CancelledError:
            cancel_at_next_await()
            return Unknown(text=duplicate.text)
        if found is None or (found.side, found.qty) != (order.side, order.qty):
            return Unknown(text=f"{duplicate.text}; it was not found by its id as it was sent")
        return Accepted(order=found)


def batch_limit_of(listing: Listing | None) -> BatchLimit:
    """Return how many orders go in one request: of a contract several, of a pair one.

    ccxt writes the symbols of a batch unescaped into the signed text, so one with other letters goes alone.
    """
    if listing is None or listing.scope is not Scope.FUTURES or not listing.id.isascii():
        return ALONE
    return _BATCH


def limited(scope: Scope, delay_s: Decimal) -> NotPlaced:
    """Return what becomes of an order for which there is no budget."""
    return NotPlaced(
        code=LIMITED,
        text=f"{scope}: no order budget for {delay_s} s: nothing was sent",
        retry_after_s=delay_s,
    )


def is_cancelled() -> bool:
    """Whether the running task is being cancelled."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def cancel_at_next_await() -> None:
    """Give back a cancellation that was caught, without counting it twice."""
    task = asyncio.current_task()
    if task is not None and task.cancelling() > 0:
        task.cancel()
        task.uncancel()


def _not_sent(text: str) -> NotPlaced:
    return NotPlaced(code=outcome.NOT_SENT, text=text)
