"""Whatever becomes of a transfer and its answer: it is sent once, and the record ends as the truth."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from counterpoise.app.aligning import align
from counterpoise.app.clock import ManualClock
from counterpoise.domain.errors import VenueError
from counterpoise.domain.numbers import dec
from counterpoise.domain.order import NotPlaced, Unknown
from counterpoise.domain.records import Changes
from counterpoise.domain.snapshot import Snapshot
from counterpoise.domain.transfer import (
    Purse,
    Transfer,
    TransferOutcome,
    Transferred,
    TransferState,
    VenueTransfer,
)
from counterpoise.execute.absence import Absences
from counterpoise.execute.executor import Executor
from counterpoise.record.memory import MemoryStore
from counterpoise.venue.sim import SimExchange
from counterpoise.venue.sim.venue import SimVenue
from tests.build import (
    NOW,
    PORTFOLIO,
    VENUE,
    make_account,
    make_recorded,
    make_transfer,
    make_venue_snapshot,
    make_venues_snapshot,
)

QTY = dec(5000)


class Crash(Exception):
    """The process dies here."""


class Bank(SimVenue):
    """A venue that does or loses what it is sent, answers as it likes, and publishes late."""

    def __init__(self, clock: ManualClock, *, arrives: bool, answer: str, lag: timedelta) -> None:
        super().__init__(VENUE, SimExchange(rules=[], series=[], now=NOW), "nobody")
        self._clock, self._arrives, self._answer, self._lag = clock, arrives, answer, lag
        self.sent = 0
        self.spot, self.futures = dec(20_000), dec(10_000)
        self.done: list[VenueTransfer] = []

    async def transfer(self, transfer: Transfer) -> TransferOutcome:
        self.sent += 1
        if self._arrives:
            self.spot -= transfer.qty
            self.futures += transfer.qty
            self.done.append(
                VenueTransfer(
                    id="7",
                    asset="USDT",
                    qty=transfer.qty,
                    source=Purse.SPOT,
                    target=Purse.FUTURES,
                    at=self._clock.now(),
                )
            )
        match self._answer:
            case "crash":
                raise Crash
            case "error":
                raise VenueError("the line broke")
            case "unknown":
                return Unknown(text="timed out")
            case _:
                return Transferred(id="7") if self._arrives else NotPlaced(code="-5013", text="no")

    def look(self, noise: tuple[Decimal, Decimal], *, told: bool) -> Snapshot:
        now = self._clock.now()
        shown = tuple(row for row in self.done if now - row.at >= self._lag)
        account = make_account(
            spot={"USDT": self.spot + noise[0]}, futures={"USDT": self.futures + noise[1]}
        )
        seen = make_venue_snapshot(account, {}, transfers=shown if told else None)
        return make_venues_snapshot(seen, as_of=now)


FEW = st.integers(-2499, 2499).map(dec)
LOOK = st.tuples(
    st.integers(1, 120),  # seconds until it
    st.booleans(),  # whether the history is read
    st.tuples(FEW, FEW),  # what else moved
    st.booleans(),  # whether the process was started anew before
)


async def lived(bank: Bank, clock: ManualClock, looks: list[tuple[object, ...]]) -> TransferState:
    store = MemoryStore()
    await store.commit(Changes(portfolio=PORTFOLIO, record=make_recorded().portfolio))
    executor = Executor({VENUE: bank}, store, clock, lambda: True)
    try:
        done = await executor.execute(Changes(portfolio=PORTFOLIO), (), (), (make_transfer(),))
        await store.commit(Changes(portfolio=PORTFOLIO, transfers=done.transfers))
    except Crash:
        pass
    absences = Absences(timedelta(seconds=30))
    # the last three read everything: what is proven then is what counts
    calm = [(120, True, (dec(0), dec(0)), False)] * 3
    for seconds, told, noise, anew in [*looks, *calm]:
        clock.advance(dec(seconds))  # type: ignore[arg-type]  # drawn above
        absences = Absences(timedelta(seconds=30)) if anew else absences
        recorded = await store.load(PORTFOLIO, clock.now())
        snapshot = bank.look(noise, told=told)  # type: ignore[arg-type]  # drawn above
        seen = await align({VENUE: bank}, store, absences, recorded, snapshot, clock)
        assert not [t for t in seen.moved if t in recorded.transfers]
        await store.commit(Changes(portfolio=PORTFOLIO, transfers=seen.moved))
        if bank.done:
            assert seen.transfers[0].state is not TransferState.REJECTED
        else:
            assert seen.transfers[0].state is not TransferState.DONE
    (end,) = (await store.load(PORTFOLIO, clock.now())).transfers
    return end.state


@settings(max_examples=150)
@given(
    arrives=st.booleans(),
    answer=st.sampled_from(["told", "unknown", "error", "crash"]),
    lag_s=st.integers(0, 300),
    looks=st.lists(LOOK, max_size=12),
)
def test_the_record_ends_as_the_truth_and_nothing_is_sent_twice(
    arrives: bool, answer: str, lag_s: int, looks: list[tuple[object, ...]]
) -> None:
    clock = ManualClock(NOW)
    bank = Bank(clock, arrives=arrives, answer=answer, lag=timedelta(seconds=lag_s))
    end = asyncio.run(lived(bank, clock, looks))
    assert end is (TransferState.DONE if arrives else TransferState.REJECTED)
    assert bank.sent == 1


async def test_a_crash_leaves_the_row_that_was_written_ahead() -> None:
    clock = ManualClock(NOW)
    bank = Bank(clock, arrives=True, answer="told", lag=timedelta(0))
    store = MemoryStore()
    await store.commit(Changes(portfolio=PORTFOLIO, record=make_recorded().portfolio))
    executor = Executor({VENUE: bank}, store, clock, lambda: True)
    done = await executor.execute(Changes(portfolio=PORTFOLIO), (), (), (make_transfer(),))
    assert (await rows(store, clock.now())) == (make_transfer(),)
    assert done.transfers == (
        replace(make_transfer(), state=TransferState.DONE, venue_id="7", updated_at=NOW),
    )


async def rows(store: MemoryStore, now: datetime) -> tuple[Transfer, ...]:
    return (await store.load(PORTFOLIO, now)).transfers
