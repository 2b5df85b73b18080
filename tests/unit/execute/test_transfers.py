"""Sending transfers: written ahead, after cancels and before placements, once, and what each outcome becomes."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from counterpoise.app.clock import ManualClock
from counterpoise.domain.errors import StoreError, VenueError
from counterpoise.domain.numbers import dec
from counterpoise.domain.order import Accepted, NotPlaced, Order, OrderState, PlaceOutcome, Unknown
from counterpoise.domain.plan import Approved, Cancel
from counterpoise.domain.records import Changes
from counterpoise.domain.transfer import Transfer, TransferOutcome, Transferred, TransferState
from counterpoise.execute.executor import Execution, Executor
from counterpoise.record.memory import MemoryStore
from counterpoise.venue.sim import SimExchange
from counterpoise.venue.sim.venue import SimVenue
from tests.build import (
    NOW,
    PORTFOLIO,
    VENUE,
    make_order,
    make_recorded,
    make_transfer,
    make_venue_order,
)

S = TransferState
SECOND = timedelta(seconds=1)


class Bank(SimVenue):
    """Takes a second for every answer, and notes what it was sent and what was stored by then."""

    def __init__(self, store: MemoryStore, clock: ManualClock) -> None:
        super().__init__(VENUE, SimExchange(rules=[], series=[], now=NOW), "nobody")
        self._store, self._clock = store, clock
        self.log: list[str] = []
        self.stored: list[TransferState] = []
        self.answer: TransferOutcome | BaseException = Transferred(id="7")

    async def transfer(self, transfer: Transfer) -> TransferOutcome:
        self.log.append(f"transfer {transfer.id}")
        rows = (await self._store.load(PORTFOLIO, NOW)).transfers
        self.stored += [row.state for row in rows if row.id == transfer.id]
        self._clock.advance(dec(1))
        if isinstance(self.answer, BaseException):
            raise self.answer
        return self.answer

    async def place(self, order: Order) -> PlaceOutcome:
        self.log.append(f"place {order.client_order_id}")
        return Accepted(order=make_venue_order(order))

    async def cancel(self, order: Order) -> Accepted:
        self.log.append(f"cancel {order.client_order_id}")
        return Accepted(order=make_venue_order(order, state=OrderState.CANCELED))


class Desk:
    def __init__(self) -> None:
        self.clock = ManualClock(NOW)
        self.store = MemoryStore()
        self.bank = Bank(self.store, self.clock)
        self.stopping = False

    async def execute(self, *transfers: Transfer, orders: bool = False) -> Execution:
        executor = Executor({VENUE: self.bank}, self.store, self.clock, lambda: not self.stopping)
        resting = make_order(client_order_id="cp0", state=OrderState.OPEN, venue_order_id="v0")
        await self.store.commit(
            Changes(portfolio=PORTFOLIO, record=make_recorded().portfolio, orders=(resting,))
        )
        return await executor.execute(
            Changes(portfolio=PORTFOLIO),
            [Cancel(order=resting, why="superseded")] if orders else (),
            [Approved(order=make_order(client_order_id="cp1"), valid_until=NOW + 30 * SECOND)]
            if orders
            else (),
            transfers,
        )

    async def kept(self) -> list[TransferState]:
        return [row.state for row in (await self.store.load(PORTFOLIO, NOW)).transfers]


@pytest.fixture
def desk() -> Desk:
    return Desk()


async def test_collateral_goes_after_cancels_and_before_what_it_is_for(desk: Desk) -> None:
    await desk.execute(make_transfer(), make_transfer(id="tr2"), orders=True)
    assert desk.bank.log == ["cancel cp0", "transfer tr1", "transfer tr2", "place cp1"]
    assert desk.bank.stored == [S.PENDING, S.PENDING]


@pytest.mark.parametrize(
    ("answer", "state", "reason", "venue_id"),
    [
        (Transferred(id="7"), S.DONE, None, "7"),
        (Transferred(id=None), S.DONE, None, None),
        (NotPlaced(code="-5013", text="too little"), S.REJECTED, "-5013: too little", None),
        (Unknown(text="no reply"), S.UNKNOWN, "no reply", None),
        (VenueError("the line broke"), S.UNKNOWN, "the line broke", None),
    ],
    ids=["done", "done without id", "refused", "unknown", "broken"],
)
async def test_each_outcome_becomes_a_state(
    desk: Desk,
    answer: TransferOutcome | BaseException,
    state: TransferState,
    reason: str | None,
    venue_id: str | None,
) -> None:
    desk.bank.answer = answer
    (moved,) = (await desk.execute(make_transfer())).transfers
    assert (moved.state, moved.reason, moved.venue_id) == (state, reason, venue_id)
    assert moved.updated_at == NOW + SECOND
    # the caller commits it: a crash here leaves the row for the next look
    assert await desk.kept() == [S.PENDING]


@pytest.mark.parametrize("error", [asyncio.CancelledError(), RuntimeError("a bug")])
async def test_a_cancelled_task_and_a_bug_leave_the_row_and_send_nothing_more(
    desk: Desk, error: BaseException
) -> None:
    desk.bank.answer = error
    with pytest.raises(type(error)):
        await desk.execute(make_transfer(), make_transfer(id="tr2"), orders=True)
    assert desk.bank.log == ["cancel cp0", "transfer tr1"]
    assert await desk.kept() == [S.PENDING, S.PENDING]


async def test_nothing_is_sent_once_a_stop_was_asked_for(desk: Desk) -> None:
    desk.stopping = True
    (moved,) = (await desk.execute(make_transfer())).transfers
    assert (moved.state, moved.reason) == (S.REJECTED, "not sent: stopping")
    assert desk.bank.log == []


async def test_nothing_is_sent_too_late(desk: Desk) -> None:
    old = make_transfer(created_at=NOW - timedelta(minutes=1))
    older = make_transfer(id="tr2", created_at=NOW - timedelta(minutes=1))
    first, second = (await desk.execute(old, older)).transfers
    assert (first.state, second.state) == (S.DONE, S.REJECTED)
    assert second.reason == "not sent: too late"
    assert desk.bank.log == ["transfer tr1"]


async def test_a_store_that_refuses_sends_nothing(desk: Desk) -> None:
    with pytest.raises(StoreError):
        await desk.execute(make_transfer(portfolio="other"), orders=True)
    assert desk.bank.log == []
