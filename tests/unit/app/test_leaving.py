"""Leaving a portfolio when the venue or the database does not do its part."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

import pytest
import structlog

from counterpoise.app.leaving import leave
from counterpoise.domain.errors import StoreError, VenueAuthError
from counterpoise.domain.events import Alert, Severity
from counterpoise.domain.numbers import dec
from counterpoise.domain.order import (
    Accepted,
    CancelOutcome,
    Gone,
    NotPlaced,
    Order,
    OrderState,
    Unknown,
)
from counterpoise.domain.policy import ExecutionPolicy, PortfolioPolicy
from counterpoise.domain.records import Changes, PortfolioRecord, PositionRecord, TradingState
from counterpoise.record.memory import MemoryStore
from counterpoise.venue.sim import MarketKind
from counterpoise.venue.sim.venue import SimVenue
from tests.build import BTC_PERP, make_order, make_venue_order
from tests.scenario.world import START, World, make_world
from tests.unit.app.desk import make_app, make_policy

S = OrderState


@pytest.fixture(autouse=True)
def logged() -> Iterator[list[Any]]:
    """What is logged, kept instead of printed."""
    with structlog.testing.capture_logs() as lines:
        yield lines


class FailingStore(MemoryStore):
    """A store that fails where it is told to."""

    def __init__(self) -> None:
        super().__init__()
        self.fails: set[str] = set()

    async def load(self, portfolio: str, now: Any) -> Any:
        if "load" in self.fails:
            raise StoreError("disk I/O error")
        return await super().load(portfolio, now)

    async def commit(self, changes: Changes) -> None:
        if "commit" in self.fails:
            raise StoreError("disk full")
        await super().commit(changes)


class SlowToCancel(SimVenue):
    """What becomes of a cancel is said per client order id; everything else is cancelled."""

    def __init__(self, world: World) -> None:
        super().__init__("sim", world.exchange, world.api_key)
        self.moods: dict[str, str] = {}
        #: How many cancels of an order are met by its mood; the later ones go through.
        self.times = 1_000
        self.pause_s = 5
        self.words = "HTTP 502 (ExchangeNotAvailable): binance DELETE"
        self.asked: list[tuple[datetime, str]] = []
        self.lots: list[int] = []

    async def cancel_batch(self, orders: Sequence[Order]) -> tuple[CancelOutcome, ...]:
        self.lots.append(len(orders))
        return await super().cancel_batch(orders)

    async def cancel(self, order: Order) -> CancelOutcome:
        self.asked.append((self._exchange.now, order.client_order_id))
        tried = sum(id_ == order.client_order_id for _, id_ in self.asked)
        match self.moods.get(order.client_order_id) if tried <= self.times else None:
            case "pause":
                return NotPlaced(
                    code="-1003", text="Too many requests", retry_after_s=dec(self.pause_s)
                )
            case "lost":
                return Unknown(text=self.words)
            case "done_unheard":
                await super().cancel(order)
                return Unknown(text="no answer within 10 s")
            case "hangs":
                await asyncio.Event().wait()
            case "raises":
                raise VenueAuthError("invalid key")
            case "gone":
                return Gone(text="Unknown order sent.")
            case "accepted":
                return Accepted(order=make_venue_order(order))
        return await super().cancel(order)


class Desk:
    """Three orders that rest at the exchange and one whose fate is unknown."""

    def __init__(self, **execution: Any) -> None:
        self.world = make_world([80_000] * 10)
        self.venue = SlowToCancel(self.world)
        self.store = FailingStore()
        self.policy: PortfolioPolicy = make_policy(execution=ExecutionPolicy(**execution))
        self.app = make_app(self.world.clock, {"sim": self.venue}, self.policy)

    async def start(self, *positions: PositionRecord, orders: int = 3, lost: bool = True) -> None:
        await self.venue.open()
        rows = []
        for n in range(orders):
            order = make_order(
                client_order_id=f"cp{n}",
                portfolio="p",
                venue="sim",
                price=81_000 + n,
                created_at=START,
            )
            await self.venue.place(order)
            rows.append(order.moved(S.OPEN, at=START))
        if orders and lost:
            rows.append(
                make_order(client_order_id="cplost", portfolio="p", venue="sim", state=S.UNKNOWN)
            )
        record = PortfolioRecord(
            id="p", trading_state=TradingState.RUN, config_hash="h", started_at=START
        )
        await self.store.commit(
            Changes(portfolio="p", record=record, orders=tuple(rows), positions=positions)
        )

    async def leave(self) -> Alert:
        stopped, *_ = await self.told()
        return stopped

    async def told(self) -> list[Alert]:
        self.left = await leave(self.app, self.store, self.policy)
        await self.store.enrol(["ear"], START)
        return [row.alert for row in await self.store.pending("ear", 0, 10)]

    async def states(self) -> dict[str, OrderState]:
        known = await self.store.orders("p", live_only=False, limit=10)
        return {o.client_order_id: o.state for o in known}

    def working(self) -> int:
        return len(self.world.exchange.orders(self.world.api_key, MarketKind.PERP, open_only=True))


async def test_working_orders_are_taken_down_and_the_rest_is_named() -> None:
    desk = Desk()
    await desk.start(PositionRecord(venue="sim", symbol=BTC_PERP, own_qty=dec("-0.3")))
    told = await desk.leave()
    assert told.text == (
        "Stopped watching p; 3 of 4 working orders were taken down;"
        " 1 may still work and is looked up at the next start;"
        f" hedges stay on: -0.3 {BTC_PERP} as far as fills were read"
    )
    assert desk.working() == 0
    assert await desk.states() == {
        "cp0": S.CANCELED, "cp1": S.CANCELED, "cp2": S.CANCELED, "cplost": S.UNKNOWN,
    }  # fmt: skip


@pytest.mark.parametrize("state", [S.PENDING, S.SUBMITTED, S.UNKNOWN])
async def test_an_unproven_order_that_the_venue_has_is_not_left_to_work_unwatched(
    state: OrderState,
) -> None:
    desk = Desk()
    await desk.start()
    # sent when the stop came, and its answer was not waited for
    order = make_order(client_order_id="cpsent", portfolio="p", venue="sim", state=state)
    await desk.venue.place(order)
    await desk.store.commit(Changes(portfolio="p", orders=(order,)))
    assert "4 of 5 working orders were taken down; 1 may still work" in (await desk.leave()).text
    assert desk.working() == 0
    assert (await desk.states())["cpsent"] is S.CANCELED
    assert (await desk.states())["cplost"] is S.UNKNOWN


async def test_coins_that_were_traded_are_no_hedge_that_stays_on() -> None:
    desk = Desk()
    await desk.start(PositionRecord(venue="sim", symbol="BTC/USDT", own_qty=dec(-1)), orders=0)
    assert (await desk.leave()).text.endswith("no hedge is on")


async def test_nothing_to_leave_is_said_as_well() -> None:
    desk = Desk()
    await desk.start(orders=0)
    assert (await desk.leave()).text == "Stopped watching p; no order was working; no hedge is on"


async def test_orders_stay_where_the_config_says_so() -> None:
    desk = Desk(cancel_on_stop=False)
    await desk.start()
    assert "4 orders keep working, as the config says" in (await desk.leave()).text
    assert desk.working() == 3


async def test_a_venue_that_does_not_answer_holds_up_neither_the_rest_nor_the_stop(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("counterpoise.app.withdrawing.CANCEL_S", 0.05)
    desk = Desk()
    desk.venue.moods = {"cp0": "hangs"}
    await desk.start()
    before = asyncio.all_tasks()
    assert "2 of 4 working orders were taken down; 2 may still work" in (await desk.leave()).text
    assert (await desk.states())["cp0"] is S.OPEN, "nothing is known of it"
    assert asyncio.all_tasks() == before


async def test_halt_sends_no_cancel_at_a_stop_either() -> None:
    desk = Desk()
    await desk.start()
    halted = PortfolioRecord(
        id="p", trading_state=TradingState.HALT, config_hash="h", started_at=START
    )
    await desk.store.commit(Changes(portfolio="p", record=halted))
    told = (await desk.leave()).text
    assert "4 orders keep working: HALT sends nothing, not even a cancel" in told
    assert desk.working() == 3


@pytest.mark.parametrize("mood", ["gone", "accepted"])
async def test_a_cancel_that_did_not_end_its_order_is_not_told_as_done(mood: str) -> None:
    desk = Desk()
    desk.venue.moods = {"cp0": "raises", "cp1": mood}
    await desk.start()
    assert "1 of 4 working orders was taken down; 3 may still work" in (await desk.leave()).text
    assert await desk.states() == {
        "cp0": S.OPEN, "cp1": S.OPEN, "cp2": S.CANCELED, "cplost": S.UNKNOWN,
    }  # fmt: skip


async def test_a_database_that_cannot_be_read_is_told_and_raised(logged: list[Any]) -> None:
    desk = Desk()
    await desk.start()
    desk.store.fails = {"load"}
    with pytest.raises(StoreError, match="disk I/O error"):
        await desk.leave()
    assert [line["event"] for line in logged] == ["left_unseen"]


async def test_a_database_that_cannot_be_written_keeps_no_order_working(logged: list[Any]) -> None:
    desk = Desk()
    await desk.start()
    desk.store.fails = {"commit"}
    with pytest.raises(StoreError, match="disk full"):
        await desk.leave()
    assert desk.working() == 0
    (*_, line) = logged
    assert line["event"] == "left_unrecorded"
    assert "3 of 4 working orders were taken down" in line["message"]


@pytest.mark.parametrize("mood", ["lost", "raises", "gone", "accepted"])
async def test_a_cancel_that_came_to_nothing_is_sent_again_until_the_order_is_gone(
    mood: str,
) -> None:
    desk = Desk()
    desk.venue.moods, desk.venue.times = {"cp0": mood, "cp1": mood}, 3
    await desk.start(lost=False)
    (stopped,) = await desk.told()
    assert "3 of 3 working orders were taken down; no hedge" in stopped.text
    assert (desk.working(), desk.left) == (0, ())
    assert set((await desk.states()).values()) == {S.CANCELED}
    tries = [at - START for at, id_ in desk.venue.asked if id_ == "cp0"]
    waits = [(b - a).total_seconds() for a, b in itertools.pairwise(tries)]
    assert waits == [0.5, 1, 2]
    assert desk.venue.lots == [3, 2], "together, then each by itself, then together again"


async def test_an_order_whose_cancel_was_done_unheard_is_found_gone_and_not_cancelled_again() -> (
    None
):
    desk = Desk()
    desk.venue.moods = {"cp0": "done_unheard"}
    await desk.start(lost=False)
    assert "3 of 3 working orders were taken down" in (await desk.leave()).text
    assert [id_ for _, id_ in desk.venue.asked] == ["cp0", "cp1", "cp2"]


async def test_an_order_that_filled_before_its_cancel_is_told_as_filled() -> None:
    desk = Desk()
    await desk.start(lost=False)
    desk.world.exchange.set_price("BTCUSDT", dec("81000.5"))
    told = (await desk.leave()).text
    assert "2 of 3 working orders were taken down; 1 filled before" in told
    assert (await desk.states())["cp0"] is S.FILLED


async def test_a_pause_that_the_venue_asked_for_is_kept() -> None:
    desk = Desk()
    desk.venue.moods, desk.venue.times = {"cp0": "pause"}, 1
    await desk.start(lost=False)
    assert "3 of 3 working orders" in (await desk.leave()).text
    tries = [at for at, id_ in desk.venue.asked if id_ == "cp0"]
    assert [(b - a).total_seconds() for a, b in itertools.pairwise(tries)] == [5]


async def test_a_pause_that_outlasts_the_stop_is_not_waited_for() -> None:
    desk = Desk()
    desk.venue.moods, desk.venue.pause_s = {"cp0": "pause"}, 60
    await desk.start(lost=False)
    began = desk.world.clock.now()
    _, warned = await desk.told()
    assert desk.world.clock.now() == began
    assert "-1003: Too many requests" in warned.text


async def test_of_a_long_answer_only_the_beginning_is_told() -> None:
    desk = Desk()
    desk.venue.moods = {"cp0": "lost"}
    desk.venue.words = "HTTP 502 " + "x" * 500
    await desk.start(lost=False)
    _, warned = await desk.told()
    assert f"its cancel: HTTP 502 {'x' * 111}...). Look" in warned.text


async def test_what_may_still_work_is_told_as_critical_with_what_to_do(logged: list[Any]) -> None:
    desk = Desk()
    desk.venue.moods = {"cp0": "lost"}
    await desk.start(lost=False)
    began = desk.world.clock.now()
    stopped, warned = await desk.told()
    assert (desk.world.clock.now() - began).total_seconds() <= 14
    assert len([id_ for _, id_ in desk.venue.asked if id_ == "cp0"]) >= 7
    assert "2 of 3 working orders were taken down; 1 may still work and is" in stopped.text
    assert (warned.severity, warned.key) == (Severity.CRITICAL, "left_working")
    assert warned.text == (
        f"Stopped with an order that may still work, watched by nobody: sell 0.1 {BTC_PERP} at sim, id cp0"
        " (the venue on its cancel: HTTP 502 (ExchangeNotAvailable): binance DELETE). Look at the exchange and cancel"
        " by these ids what is open there, or start again: a start looks each of them up first"
    )
    assert [o.client_order_id for o in desk.left] == ["cp0"]
    assert [line["event"] for line in logged] == ["left_working"]
