from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta

import pytest

from counterpoise.app.clock import ManualClock
from counterpoise.domain.errors import StoreError
from counterpoise.domain.numbers import dec
from counterpoise.domain.order import (
    Accepted,
    BatchLimit,
    CancelOutcome,
    Gone,
    NotPlaced,
    Order,
    OrderState,
    PlaceOutcome,
    Side,
    Unknown,
)
from counterpoise.domain.plan import Approved, Cancel
from counterpoise.domain.records import Changes, PositionRecord
from counterpoise.execute.executor import Execution, Executor
from counterpoise.record.memory import MemoryStore
from counterpoise.venue.sim import SimExchange
from counterpoise.venue.sim.venue import SimVenue
from tests.build import (
    BTC_PERP,
    NOW,
    PORTFOLIO,
    SOL_PERP,
    VENUE,
    make_order,
    make_recorded,
    make_venue_order,
)

S = OrderState
ANSWERED_AT = NOW + timedelta(seconds=1)


class RecordingStore(MemoryStore):
    """A memory store that writes down each commit in ``log``, and may be out of order."""

    def __init__(self, log: list[str]) -> None:
        super().__init__()
        self._log = log
        self.broken = False

    async def commit(self, changes: Changes) -> None:
        if self.broken:
            raise StoreError("disk full")
        await super().commit(changes)
        self._log.append("commit")


class RecordingVenue(SimVenue):
    """A venue that takes a second for every answer, and writes down what it was sent and what was on disk then.

    ``answers`` says per client order id what to answer; everything else is accepted.
    """

    def __init__(self, log: list[str], store: MemoryStore, clock: ManualClock) -> None:
        super().__init__(VENUE, SimExchange(rules=[], series=[], now=NOW), "nobody")
        self._log = log
        self._store = store
        self._clock = clock
        self.answers: dict[str, PlaceOutcome | CancelOutcome] = {}
        self.on_disk: dict[str, OrderState] = {}
        self.on_place: Callable[[], None] = lambda: None
        self.limit = BatchLimit()

    async def _sent(self, verb: str, order: Order) -> None:
        self._log.append(f"{verb} {order.client_order_id}")
        rows = await self._store.orders(PORTFOLIO, live_only=False, limit=100)
        self.on_disk |= {
            o.client_order_id: o.state for o in rows if o.client_order_id == order.client_order_id
        }
        self._clock.advance(dec(1))

    async def place(self, order: Order) -> PlaceOutcome:
        await self._sent("place", order)
        self.on_place()
        answer = self.answers.get(order.client_order_id)
        assert not isinstance(answer, Gone)
        return answer or Accepted(order=make_venue_order(order))

    async def cancel(self, order: Order) -> CancelOutcome:
        await self._sent("cancel", order)
        answer = self.answers.get(order.client_order_id)
        return answer or Accepted(order=make_venue_order(order, state=S.CANCELED))

    def batch_limit(self, symbol: str) -> BatchLimit:
        return self.limit

    async def place_batch(self, orders: Sequence[Order]) -> tuple[PlaceOutcome, ...]:
        self._log.append(f"{len(orders)} together")
        return await super().place_batch(orders)

    async def cancel_batch(self, orders: Sequence[Order]) -> tuple[CancelOutcome, ...]:
        self._log.append(f"{len(orders)} cancels together")
        return await super().cancel_batch(orders)


class Desk:
    """An executor over the two recorders; ``log`` is what happened, in order."""

    def __init__(self) -> None:
        self.log: list[str] = []
        self.clock = ManualClock(NOW)
        self.store = RecordingStore(self.log)
        self.venue = RecordingVenue(self.log, self.store, self.clock)
        self.stopping = False
        self.executor = Executor(
            {VENUE: self.venue}, self.store, self.clock, lambda: not self.stopping
        )

    async def start(self, *orders: Order) -> None:
        record = make_recorded().portfolio
        await self.store.commit(Changes(portfolio=PORTFOLIO, record=record, orders=orders))
        self.log.clear()

    async def execute(
        self,
        place: Sequence[Order | Approved] = (),
        cancel: Sequence[Order] = (),
        **changes: object,
    ) -> Execution:
        return await self.executor.execute(
            Changes(portfolio=PORTFOLIO, **changes),  # type: ignore[arg-type]  # keyword table
            [Cancel(order=o, why="superseded") for o in cancel],
            [o if isinstance(o, Approved) else approved(o) for o in place],
        )

    async def rows(self) -> Mapping[str, OrderState]:
        known = await self.store.orders(PORTFOLIO, live_only=False, limit=100)
        return {o.client_order_id: o.state for o in known}


@pytest.fixture
async def desk() -> Desk:
    made = Desk()
    await made.start(*(resting(f"cpo{n}") for n in range(3)))
    return made


def intent(number: int, **changes: object) -> Order:
    made = {"client_order_id": f"cp{number}", "rung": number, **changes}
    return make_order(**made)  # type: ignore[arg-type]  # keyword table of one builder


def resting(client_order_id: str) -> Order:
    return make_order(
        client_order_id=client_order_id, state=S.OPEN, venue_order_id=f"v-{client_order_id}"
    )


def approved(order: Order, seconds: int = 30) -> Approved:
    return Approved(order=order, valid_until=NOW + timedelta(seconds=seconds))


# --- write ahead


async def test_every_row_is_on_disk_before_the_first_byte_is_sent(desk: Desk) -> None:
    position = PositionRecord(venue=VENUE, symbol=BTC_PERP, own_qty=dec("-0.1"))
    await desk.execute([intent(1), intent(2)], [resting("cpo1")], positions=(position,))
    assert desk.log == ["commit", "cancel cpo1", "place cp1", "place cp2"]
    assert desk.venue.on_disk == {
        "cpo1": S.PENDING_CANCEL,
        "cp1": S.PENDING,
        "cp2": S.PENDING,
    }
    recorded = await desk.store.load(PORTFOLIO, NOW)
    assert recorded.positions[VENUE, BTC_PERP] == position


async def test_what_became_of_the_orders_is_left_to_the_caller_to_commit(desk: Desk) -> None:
    done = await desk.execute([intent(1)], [resting("cpo1")])
    assert [o.state for o in done.orders] == [S.CANCELED, S.OPEN]
    # a crash here leaves rows that the next look resolves by their ids
    assert (await desk.rows())["cp1"] is S.PENDING
    assert (await desk.rows())["cpo1"] is S.PENDING_CANCEL


async def test_a_store_that_refuses_sends_nothing(desk: Desk) -> None:
    desk.store.broken = True
    with pytest.raises(StoreError, match="disk full"):
        await desk.execute([intent(1)], [resting("cpo1")])
    assert desk.log == []


async def test_what_was_seen_of_an_order_and_its_cancel_are_one_row(desk: Desk) -> None:
    seen = resting("cpo1").moved(S.PARTIALLY_FILLED, at=NOW)
    await desk.execute(cancel=[seen], orders=(seen,))
    assert desk.log == ["commit", "cancel cpo1"]
    assert desk.venue.on_disk == {"cpo1": S.PENDING_CANCEL}


@pytest.mark.parametrize("state", [S.PENDING, S.SUBMITTED, S.UNKNOWN])
async def test_an_order_that_was_just_found_open_can_be_cancelled_at_once(state: S) -> None:
    desk = Desk()
    row = make_order(client_order_id="cp1", state=state)
    await desk.start(row)
    found = row.moved(S.OPEN, at=NOW)
    done = await desk.execute(cancel=[found], orders=(found,))
    assert desk.log == ["commit", "cancel cp1"]
    assert [o.state for o in done.canceled] == [S.CANCELED]


async def test_nothing_to_do_touches_neither_store_nor_venue(desk: Desk) -> None:
    assert (await desk.execute()).orders == ()
    assert desk.log == []


async def test_news_without_orders_is_committed_and_nothing_is_sent(desk: Desk) -> None:
    position = PositionRecord(venue=VENUE, symbol=BTC_PERP, own_qty=dec("-0.1"))
    assert (await desk.execute(positions=(position,))).orders == ()
    assert desk.log == ["commit"]


async def test_each_order_goes_to_its_own_venue() -> None:
    log: list[str] = []
    clock, store = ManualClock(NOW), RecordingStore(log)
    record = make_recorded().portfolio
    await store.commit(Changes(portfolio=PORTFOLIO, record=record))
    here, there = (RecordingVenue(log, store, clock) for _ in range(2))
    executor = Executor({VENUE: here, "side": there}, store, clock, lambda: True)
    order = intent(1, venue="side")
    await executor.execute(Changes(portfolio=PORTFOLIO), (), [approved(order)])
    assert (set(here.on_disk), set(there.on_disk)) == (set(), {"cp1"})


# --- the order of things


async def test_cancels_go_before_placements_and_both_as_planned(desk: Desk) -> None:
    done = await desk.execute(
        [intent(2), intent(1)], [resting("cpo2"), resting("cpo0"), resting("cpo1")]
    )
    assert desk.log[1:] == ["cancel cpo2", "cancel cpo0", "cancel cpo1", "place cp2", "place cp1"]
    assert [o.client_order_id for o in done.canceled] == ["cpo2", "cpo0", "cpo1"]
    assert [o.client_order_id for o in done.placed] == ["cp2", "cp1"]
    assert done.orders == (*done.canceled, *done.placed)


# --- what came back


async def test_an_accepted_order_carries_the_venues_id_and_the_instant_of_the_answer(
    desk: Desk,
) -> None:
    (order,) = (await desk.execute([intent(1)])).placed
    assert (order.state, order.venue_order_id) == (S.OPEN, "v-cp1")
    assert (order.created_at, order.updated_at) == (NOW, ANSWERED_AT)


async def test_a_proven_refusal_ends_the_order_with_the_venues_words(desk: Desk) -> None:
    desk.venue.answers["cp1"] = NotPlaced(code="-2019", text="Margin is insufficient.")
    done = await desk.execute([intent(1), intent(2), intent(3, symbol=SOL_PERP)])
    assert [o.state for o in done.placed] == [S.REJECTED, S.REJECTED, S.OPEN]
    assert done.placed[1].reason == "not sent: an earlier rung was refused"
    assert not done.placed[1].is_refusal
    assert done.placed[0].reason == "-2019: Margin is insufficient."
    assert done.placed[0].updated_at == ANSWERED_AT


async def test_a_lost_answer_leaves_the_order_unknown_and_is_never_sent_again(desk: Desk) -> None:
    desk.venue.answers["cp1"] = Unknown(text="time-out")
    (order,) = (await desk.execute([intent(1)])).placed
    assert (order.state, order.reason, order.venue_order_id) == (S.UNKNOWN, "time-out", None)
    assert desk.log.count("place cp1") == 1


async def test_an_unproven_rung_stops_the_rest_of_its_symbol_only(desk: Desk) -> None:
    desk.venue.answers["cp2"] = Unknown(text="time-out")
    done = await desk.execute(
        [
            intent(1),
            intent(2),
            intent(3),
            intent(4, symbol=SOL_PERP),
            intent(5),
        ]
    )
    assert [o.state for o in done.placed] == [S.OPEN, S.UNKNOWN, S.REJECTED, S.OPEN, S.REJECTED]
    assert desk.log[1:] == ["place cp1", "place cp2", "place cp4"]
    assert done.placed[2].reason == "not sent: an earlier rung is unproven"


async def test_a_cancelled_order_is_ended(desk: Desk) -> None:
    (order,) = (await desk.execute(cancel=[resting("cpo1")])).canceled
    assert (order.state, order.reason, order.updated_at) == (S.CANCELED, "superseded", ANSWERED_AT)


async def test_a_cancel_that_lost_to_the_fill_is_a_fill(desk: Desk) -> None:
    order = resting("cpo1")
    desk.venue.answers["cpo1"] = Accepted(
        order=make_venue_order(order, state=S.FILLED, filled_qty=order.qty)
    )
    (ended,) = (await desk.execute(cancel=[order])).canceled
    assert (ended.state, ended.filled_qty) == (S.FILLED, order.qty)


async def test_a_cancel_that_finds_nothing_keeps_the_order_live_until_it_was_read(
    desk: Desk,
) -> None:
    desk.venue.answers["cpo1"] = Gone(text="Unknown order sent.")
    (order,) = (await desk.execute(cancel=[resting("cpo1")])).canceled
    assert order.state is S.PENDING_CANCEL
    assert not order.state.is_final
    assert order.remaining_qty == order.qty, "it counts at full size"
    assert order.reason == "cancel: Unknown order sent."
    assert order.updated_at == ANSWERED_AT


async def test_a_cancel_without_an_answer_keeps_the_order_live(desk: Desk) -> None:
    desk.venue.answers["cpo1"] = Unknown(text="time-out")
    (order,) = (await desk.execute(cancel=[resting("cpo1")])).canceled
    assert (order.state, order.reason) == (S.PENDING_CANCEL, "cancel unproven: time-out")


async def test_a_refused_cancel_keeps_the_order_live(desk: Desk) -> None:
    desk.venue.answers["cpo1"] = NotPlaced(code="-1021", text="-1021 Timestamp.")
    (order,) = (await desk.execute(cancel=[resting("cpo1")])).canceled
    assert (order.state, order.remaining_qty) == (S.PENDING_CANCEL, order.qty)
    assert order.reason == "cancel refused: -1021: Timestamp."


async def test_a_cancel_may_be_tried_again(desk: Desk) -> None:
    desk.venue.answers["cpo1"] = Unknown(text="time-out")
    (order,) = (await desk.execute(cancel=[resting("cpo1")])).canceled
    del desk.venue.answers["cpo1"]
    (order,) = (await desk.execute(cancel=[order])).canceled
    assert order.state is S.CANCELED


# --- what is not sent


async def test_after_a_stop_cancels_go_out_and_placements_do_not(desk: Desk) -> None:
    desk.stopping = True
    done = await desk.execute([intent(1)], [resting("cpo1")])
    assert desk.log == ["commit", "cancel cpo1"]
    (order,) = done.placed
    assert (order.state, order.reason) == (S.REJECTED, "not sent: stopping")


async def test_a_stop_between_two_rungs_stops_the_second(desk: Desk) -> None:
    def stop() -> None:
        desk.stopping = True

    desk.venue.on_place = stop
    done = await desk.execute([intent(1), intent(2)])
    assert desk.log == ["commit", "place cp1"]
    assert [o.state for o in done.placed] == [S.OPEN, S.REJECTED]


async def test_an_approval_that_ran_out_is_not_sent(desk: Desk) -> None:
    # each placement takes a second: the third is asked for one second after its approval ended
    done = await desk.execute([approved(intent(n), seconds=1) for n in (1, 2, 3)])
    assert desk.log == ["commit", "place cp1", "place cp2"], "valid until the instant itself"
    assert [o.state for o in done.placed] == [S.OPEN, S.OPEN, S.REJECTED]
    assert done.placed[2].reason == "not sent: approval expired"
    assert done.placed[2].updated_at == NOW + timedelta(seconds=2)


# --- several in one request


def kin(number: int, together: int = 3, seconds: int = 30, **changes: object) -> Approved:
    """An approval of an order that may go with others."""
    valid_until = NOW + timedelta(seconds=seconds)
    return Approved(order=intent(number, **changes), valid_until=valid_until, together=together)


@pytest.fixture
async def wide(desk: Desk) -> Desk:
    """A desk at a venue that takes five orders in one request."""
    desk.venue.limit = BatchLimit(place=5, cancel=10)
    return desk


def sent(desk: Desk) -> list[str]:
    """What was sent together, and what alone, without the commit."""
    return [line.removeprefix("place ") for line in desk.log[1:]]


async def test_neighbours_of_a_kind_go_together_as_far_as_they_may(wide: Desk) -> None:
    done = await wide.execute([kin(n) for n in range(1, 6)])
    assert sent(wide) == ["3 together", "cp1", "cp2", "cp3", "2 together", "cp4", "cp5"]
    assert [o.state for o in done.placed] == [S.OPEN] * 5
    assert set(wide.venue.on_disk.values()) == {S.PENDING}, "every row was on disk before"


async def test_no_more_go_together_than_the_venue_takes(wide: Desk) -> None:
    wide.venue.limit = BatchLimit(place=2)
    await wide.execute([kin(n) for n in range(1, 4)])
    assert sent(wide) == ["2 together", "cp1", "cp2", "cp3"]


async def test_one_that_may_only_go_alone_does(wide: Desk) -> None:
    await wide.execute([kin(1), kin(2, together=1), kin(3), kin(4)])
    assert sent(wide) == ["cp1", "cp2", "2 together", "cp3", "cp4"]


@pytest.mark.parametrize("other", [{"side": Side.BUY}, {"reduce_only": True}, {"symbol": SOL_PERP}])
async def test_what_is_of_another_kind_begins_a_request_of_its_own(
    wide: Desk, other: dict[str, object]
) -> None:
    await wide.execute([kin(1), kin(2), kin(3, **other), kin(4)])
    assert sent(wide) == ["2 together", "cp1", "cp2", "cp3", "cp4"]


async def test_after_an_unproven_one_of_a_request_nothing_more_of_its_contract_is_sent(
    wide: Desk,
) -> None:
    wide.venue.answers["cp2"] = Unknown(text="time-out")
    orders = [kin(1), kin(2), kin(3), kin(4), kin(5), kin(6, symbol=SOL_PERP)]
    done = await wide.execute(orders)
    assert sent(wide) == ["3 together", "cp1", "cp2", "cp3", "cp6"]
    assert [o.state for o in done.placed] == [S.OPEN, S.UNKNOWN, S.OPEN, *[S.REJECTED] * 2, S.OPEN]
    assert done.placed[3].reason == "not sent: an earlier rung is unproven"


async def test_after_a_refused_one_of_a_request_nothing_more_of_its_contract_is_sent(
    wide: Desk,
) -> None:
    for name in ("cp1", "cp2", "cp3"):
        wide.venue.answers[name] = NotPlaced(code="-2019", text="Margin is insufficient.")
    done = await wide.execute([kin(n) for n in range(1, 6)])
    assert sent(wide) == ["3 together", "cp1", "cp2", "cp3"]
    assert sum(o.is_refusal for o in done.placed) == 3
    assert done.placed[3].reason == "not sent: an earlier rung was refused"


async def test_a_stop_is_heeded_between_two_requests(wide: Desk) -> None:
    def stop() -> None:
        wide.stopping = True

    wide.venue.on_place = stop
    done = await wide.execute([kin(n) for n in range(1, 6)])
    assert sent(wide) == ["3 together", "cp1", "cp2", "cp3"]
    assert [o.reason for o in done.placed[3:]] == ["not sent: stopping"] * 2


async def test_an_approval_that_ran_out_goes_with_no_request(wide: Desk) -> None:
    done = await wide.execute([kin(1), kin(2, seconds=-1), kin(3), kin(4, seconds=2)])
    # the first took a second, as each does
    assert sent(wide) == ["cp1", "2 together", "cp3", "cp4"]
    assert done.placed[1].reason == "not sent: approval expired"
    assert [o.client_order_id for o in done.placed] == ["cp1", "cp2", "cp3", "cp4"]


async def test_cancels_of_one_contract_go_together(wide: Desk) -> None:
    wide.venue.limit = BatchLimit(cancel=2)
    elsewhere = make_order(client_order_id="cpo9", symbol=SOL_PERP, state=S.OPEN)
    await wide.start(*(resting(f"cpo{n}") for n in range(3)), elsewhere)
    wide.venue.answers["cpo1"] = Gone(text="Unknown order sent.")
    done = await wide.execute(cancel=[*(resting(f"cpo{n}") for n in range(3)), elsewhere])
    assert wide.log == [
        "commit",
        "2 cancels together",
        *("cancel cpo0", "cancel cpo1"),
        "cancel cpo2",
        "cancel cpo9",
    ]
    assert [o.state for o in done.canceled] == [S.CANCELED, S.PENDING_CANCEL, *[S.CANCELED] * 2]
