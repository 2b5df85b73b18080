"""What one cycle does with unanswered questions; the exchange is the simulated one, only its answers get lost."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from counterpoise.app.cycle import Cycle
from counterpoise.app.cycle_report import CycleReport
from counterpoise.app.waking import SOON
from counterpoise.domain.errors import StoreError, VenueAuthError, VenueError
from counterpoise.domain.instants import iso
from counterpoise.domain.numbers import dec
from counterpoise.domain.order import Fill, Order, OrderState, VenueOrder
from counterpoise.domain.policy import PortfolioPolicy, Sleeve
from counterpoise.domain.records import Changes, PortfolioRecord, TradingState
from counterpoise.domain.snapshot import Account
from counterpoise.domain.strategy import HedgePolicy
from counterpoise.domain.transfer import Purse, Transfer, TransferState
from counterpoise.venue.sim import MarketKind, OrderKind, PlaceRequest, Side, TimeInForce
from counterpoise.venue.sim.venue import SimVenue
from tests.build import BTC_PERP, make_order, make_sleeve, make_transfer, make_venue_order
from tests.scenario.world import START, World, make_world

S = OrderState
HALF = HedgePolicy(id="half", asset="BTC", ratio=dec("0.5"))


class HardOfHearing(SimVenue):
    """The simulated venue, but answers named in ``lost`` do not arrive."""

    def __init__(self, world: World) -> None:
        super().__init__("sim", world.exchange, world.api_key)
        self.lost: dict[str, VenueError] = {}
        self.phantoms: tuple[VenueOrder, ...] = ()
        self.found: VenueOrder | None = None
        self.lookups = 0
        self.nameless = False

    def _hear(self, what: str) -> None:
        if what in self.lost:
            raise self.lost[what]

    async def account(self) -> Account:
        self._hear("account")
        return await super().account()

    async def open_orders(self, symbols: Iterable[str]) -> tuple[VenueOrder, ...]:
        self._hear("open orders")
        return (*await super().open_orders(symbols), *self.phantoms)

    async def fills(self, symbol: str, since: datetime) -> tuple[Fill, ...]:
        found = await super().fills(symbol, since)
        return tuple(replace(f, client_order_id=None) for f in found) if self.nameless else found

    async def order(self, symbol: str, client_order_id: str) -> VenueOrder | None:
        self.lookups += 1
        self._hear("order")
        return self.found or await super().order(symbol, client_order_id)


def policy() -> PortfolioPolicy:
    sleeves: tuple[Sleeve, ...] = (
        make_sleeve("core", "0.8", {"BTC": 1}),
        make_sleeve("buffer", "0.2", {"USDT": 1}),
    )
    return PortfolioPolicy(
        id="p", venues=("sim",), quote="USDT", sleeves=sleeves, strategies=(HALF,)
    )


class Desk:
    """A portfolio with one order whose fate is unknown, two days after it was made."""

    def __init__(self, *, age: timedelta = timedelta(days=2)) -> None:
        self.world = make_world([80_000] * 100)
        self.venue = HardOfHearing(self.world)
        self.order = make_order(
            client_order_id="cplost",
            portfolio="p",
            venue="sim",
            decision_id="older",
            state=S.UNKNOWN,
            created_at=START - age,
            updated_at=START - age,
        )

    async def start(self) -> None:
        await self.venue.open()
        record = PortfolioRecord(
            id="p", trading_state=TradingState.RUN, config_hash="h", started_at=START
        )
        await self.world.store.commit(Changes(portfolio="p", record=record, orders=(self.order,)))
        self.restart()

    def restart(self) -> None:
        self.cycle = Cycle(policy(), {"sim": self.venue}, self.world.store, self.world.clock)

    async def look(self, times: int = 1, every: timedelta = timedelta(seconds=2)) -> CycleReport:
        for _ in range(times):
            self.world.clock.advance(dec(int(every.total_seconds())))
            report = await self.cycle.run()
        return report

    async def fate(self) -> OrderState:
        (row,) = (o for o in await self._orders() if o.client_order_id == "cplost")
        return row.state

    async def _orders(self) -> tuple[Order, ...]:
        return await self.world.store.orders("p", live_only=False, limit=100)

    def short_by_hand(self, qty: str) -> None:
        self.world.exchange.place(
            self.world.api_key,
            PlaceRequest(
                kind=MarketKind.PERP, symbol="BTCUSDT", side=Side.SELL, order_kind=OrderKind.MARKET,
                qty=dec(qty), price=None, time_in_force=TimeInForce.GTC, client_order_id=None,
            ),
        )  # fmt: skip


@pytest.fixture
async def desk() -> Desk:
    made = Desk()
    await made.start()
    return made


# --- when "not found" becomes "absent"


async def test_three_spaced_looks_prove_that_an_order_never_arrived(desk: Desk) -> None:
    await desk.look(2)
    assert await desk.fate() is S.UNKNOWN
    assert not desk.world.events("place"), "nothing is sent on this contract before that"
    report = await desk.look()
    assert await desk.fate() is S.REJECTED
    assert report.approved, "and then it goes on at once"


async def test_looks_close_together_prove_nothing(desk: Desk) -> None:
    for _ in range(10):
        await desk.cycle.run()
    assert await desk.fate() is S.UNKNOWN


async def test_an_order_that_may_still_arrive_is_not_absent() -> None:
    desk = Desk(age=timedelta(0))
    await desk.start()
    await desk.look(20)
    assert await desk.fate() is S.UNKNOWN
    await desk.look(20)
    assert await desk.fate() is S.REJECTED


async def test_a_restart_starts_counting_anew(desk: Desk) -> None:
    await desk.look(2)
    desk.restart()
    await desk.look(2)
    assert await desk.fate() is S.UNKNOWN
    await desk.look()
    assert await desk.fate() is S.REJECTED


async def test_a_look_up_without_an_answer_proves_nothing(desk: Desk) -> None:
    desk.venue.lost["order"] = VenueError("time-out")
    await desk.look(10)
    assert desk.venue.lookups == 10
    assert await desk.fate() is S.UNKNOWN


async def test_without_the_list_of_open_orders_nothing_is_proven(desk: Desk) -> None:
    desk.venue.lost["open orders"] = VenueError("time-out")
    report = await desk.look(10)
    assert report.held
    assert await desk.fate() is S.UNKNOWN


async def test_an_order_among_the_open_ones_is_there_whatever_the_look_up_says(desk: Desk) -> None:
    desk.venue.phantoms = (make_venue_order(desk.order),)
    await desk.look(10)
    assert desk.venue.lookups == 0
    assert await desk.fate() in {S.OPEN, S.PENDING_CANCEL}


async def test_an_unexplained_position_proves_that_something_arrived(desk: Desk) -> None:
    """Where the venue does not tell whose order it was."""
    desk.venue.nameless = True
    desk.short_by_hand("0.1")
    await desk.look(10)
    assert await desk.fate() is S.UNKNOWN


async def test_a_trade_with_another_client_id_is_a_persons_and_not_the_lost_order(
    desk: Desk,
) -> None:
    desk.short_by_hand("0.1")
    await desk.look(10)
    assert await desk.fate() is S.REJECTED


async def test_without_the_account_the_position_explains_nothing(desk: Desk) -> None:
    # the order may have filled: its position is not there to be seen
    desk.short_by_hand("0.1")
    desk.venue.lost["account"] = VenueError("time-out")
    await desk.look(10)
    assert await desk.fate() is S.UNKNOWN


async def test_a_find_between_misses_starts_the_count_anew(desk: Desk) -> None:
    await desk.look(2)
    report = make_venue_order(desk.order)
    desk.venue.phantoms = (report,)
    await desk.look()
    desk.venue.phantoms = ()
    await desk.look(2)
    assert await desk.fate() is S.UNKNOWN


async def test_a_look_up_that_finds_it_starts_the_count_anew(desk: Desk) -> None:
    await desk.look(2)
    desk.venue.found = make_venue_order(desk.order)
    await desk.look()
    desk.venue.found = None
    await desk.look(5)
    assert await desk.fate() is S.UNKNOWN, "it was acknowledged once: it exists"


# --- failures that are not hidden


async def test_a_key_that_is_not_accepted_ends_the_cycle(desk: Desk) -> None:
    for what in ("account", "order"):
        desk.venue.lost = {what: VenueAuthError("invalid key")}
        with pytest.raises(VenueAuthError):
            await desk.look()


async def test_a_portfolio_that_was_never_started_has_no_cycle() -> None:
    world = make_world([80_000] * 10)
    await world.venue.open()
    with pytest.raises(StoreError, match="never recorded"):
        await world.cycle(policy()).run()


# --- what a cycle leaves behind


async def test_a_cycle_is_one_row_of_the_journal_with_its_whole_report(desk: Desk) -> None:
    report = await desk.look(3)
    (row,) = await desk.world.store.last("p", 1)
    assert (row.cycle_id, row.at, row.summary) == (report.cycle_id, report.as_of, report.summary)
    assert row.document["orders"]
    assert [o.state for o in report.results] == [S.OPEN] * len(report.approved)
    assert report.wake_at == report.as_of + policy().execution.patience


async def test_an_unproven_order_is_looked_at_again_soon(desk: Desk) -> None:
    report = await desk.look()
    assert report.wake_at == report.as_of + SOON


async def test_a_report_names_what_is_unproven_and_what_would_end_it(desk: Desk) -> None:
    (row,) = (await desk.look()).unproven
    made = START - timedelta(days=2)
    assert (row["id"], row["side"], row["qty"]) == ("cplost", "sell", "0.1")
    assert row["since"] == iso(made)
    # approval 30 s, signature 5 s, the venue's time-out 10 s, skew 5 s
    assert row["absent_from"] == iso(made + timedelta(seconds=50))
    assert row["called_at"] == iso(made + timedelta(minutes=2))


async def test_what_is_asked_for_is_known_before_it_is_sent(desk: Desk) -> None:
    await desk.look(3)
    recorded = await desk.world.store.load("p", desk.world.clock.now())
    assert recorded.strategies["half"].document["overlays"] == {"BTC": "-0.5"}
    assert recorded.targets["sim", BTC_PERP].qty == dec("-0.5")
    placed = {e["client_id"] for e in desk.world.events("place")}
    assert placed == {o.client_order_id for o in recorded.orders}


# --- transfers


class Moving:
    """A portfolio with a transfer of 5,000 USDT that a crash left behind; it arrived, or never left."""

    def __init__(self, *, arrived: bool) -> None:
        self.world = make_world([80_000] * 100)
        self.arrived = arrived
        self.venue = HardOfHearing(self.world)
        self.cycle = Cycle(policy(), {"sim": self.venue}, self.world.store, self.world.clock)

    async def start(self) -> None:
        await self.venue.open()
        account = await self.venue.account()
        source, target = (account.purse(p, "USDT") for p in (Purse.FUTURES, Purse.SPOT))
        row = make_transfer(
            portfolio="p",
            venue="sim",
            source=Purse.FUTURES,
            target=Purse.SPOT,
            created_at=START,
            updated_at=START,
            source_before=source,
            target_before=target,
        )
        record = PortfolioRecord(
            id="p", trading_state=TradingState.RUN, config_hash="h", started_at=START
        )
        await self.world.store.commit(Changes(portfolio="p", record=record, transfers=(row,)))
        if self.arrived:
            await self.venue.transfer(row)

    async def look(self, seconds: int) -> Transfer:
        self.world.clock.advance(dec(seconds))
        await self.cycle.run()
        (row,) = (await self.world.store.load("p", self.world.clock.now())).transfers
        return row


async def test_a_transfer_that_arrived_before_a_crash_is_done_with_the_next_look() -> None:
    moving = Moving(arrived=True)
    await moving.start()
    row = await moving.look(1)
    assert (row.state, row.venue_id) == (TransferState.DONE, "1")
    assert len(moving.world.events("transfer")) == 1


async def test_a_transfer_that_never_left_is_absent_after_a_while_and_not_sent_again() -> None:
    moving = Moving(arrived=False)
    await moving.start()
    states = [(await moving.look(30)).state for _ in range(7)]
    assert states == [TransferState.UNKNOWN] * 6 + [TransferState.REJECTED]
    assert not moving.world.events("transfer")
