from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import timedelta

import pytest

from counterpoise.domain.numbers import dec
from counterpoise.domain.order import MOVES, Fill, Order, OrderState, Side, VenueOrder
from counterpoise.domain.records import Changes, PositionRecord, Recorded
from counterpoise.domain.snapshot import Snapshot
from counterpoise.execute.reconcile import (
    TAKEN_DOWN,
    Reconciled,
    bound,
    orders_to_look_up,
    reconcile,
)
from counterpoise.record.memory import MemoryStore
from tests.build import (
    BTC_PERP,
    NOW,
    PORTFOLIO,
    SOL_PERP,
    VENUE,
    Number,
    make_account,
    make_fill,
    make_order,
    make_recorded,
    make_snapshot,
    make_venue_order,
    make_venue_snapshot,
    with_venue,
)

LATER = NOW + timedelta(minutes=1)
S = OrderState
LIVE = [s for s in S if not s.is_final]
FINAL = [s for s in S if s.is_final]


def look(
    *shown: VenueOrder, positions: Mapping[str, Number] | None = None, **changes: object
) -> Snapshot:
    """A healthy look a minute after the records, with these open orders."""
    snapshot = make_snapshot(
        spot={"BTC": 1}, futures={"USDT": 20_000}, positions=positions, as_of=LATER
    )
    return with_venue(snapshot, open_orders=shown, **changes)


def merged(
    recorded: Recorded,
    snapshot: Snapshot | None = None,
    looked_up: Mapping[str, VenueOrder | None] | None = None,
    absent: Iterable[str] = (),
    fills: Iterable[Fill] = (),
    owners: Iterable[Order] = (),
) -> Reconciled:
    return reconcile(recorded, snapshot or look(), looked_up or {}, absent, fills, owners)


def known(state: OrderState, **changes: object) -> Order:
    """A row whose venue order id is known, as after an accepted placement."""
    made = {"client_order_id": "cp1", "venue_order_id": "v-cp1", "state": state, **changes}
    return make_order(**made)  # type: ignore[arg-type]  # keyword table of one builder


def own(qty: Number, baseline: Number = 0, symbol: str = BTC_PERP) -> PositionRecord:
    return PositionRecord(venue=VENUE, symbol=symbol, baseline_qty=dec(baseline), own_qty=dec(qty))


# --- bound: one report against one row


@pytest.mark.parametrize("state", list(S))
@pytest.mark.parametrize("reported", list(S))
def test_a_report_moves_a_row_only_along_the_table(state: OrderState, reported: OrderState) -> None:
    row = known(state)
    report = make_venue_order(row, state=reported)
    moved = bound(row, report, LATER)
    assert moved.state is (reported if reported in MOVES[state] else state)


def test_a_row_takes_id_state_and_filled_quantity_of_a_report() -> None:
    row = make_order(client_order_id="cp1", state=S.UNKNOWN)
    report = make_venue_order(row, state=S.PARTIALLY_FILLED, filled_qty=dec("0.04"))
    assert bound(row, report, LATER) == replace(
        row,
        state=S.PARTIALLY_FILLED,
        filled_qty=dec("0.04"),
        venue_order_id="v-cp1",
        updated_at=LATER,
    )


@pytest.mark.parametrize("state", [S.PENDING, S.SUBMITTED])
def test_why_an_order_was_sent_is_said_of_what_was_taken(state: S) -> None:
    sent = make_order(client_order_id="cp1", state=state, reason="BTC is cut: margin")
    assert bound(sent, make_venue_order(sent, state=S.OPEN), LATER).reason == "BTC is cut: margin"


@pytest.mark.parametrize("state", [S.REJECTED, S.UNKNOWN])
def test_what_was_said_while_nothing_was_proven_is_not_said_of_what_was_found(state: S) -> None:
    lost = make_order(client_order_id="cp1", state=state, reason="HTTP 502 (ExchangeNotAvailable)")
    for found in (S.OPEN, S.FILLED, S.CANCELED):
        filled = lost.qty if found is S.FILLED else dec(0)
        report = make_venue_order(lost, state=found, filled_qty=filled)
        assert bound(lost, report, LATER).reason == "found at the venue by its id"
    # where nothing was said, and of what was proven before, nothing is made up
    fresh = replace(lost, reason=None)
    assert bound(fresh, make_venue_order(fresh, state=S.OPEN), LATER).reason is None
    leaving = replace(lost, state=S.PENDING_CANCEL, reason="superseded")
    gone = make_venue_order(leaving, state=S.CANCELED)
    assert bound(leaving, gone, LATER).reason == "superseded"


@pytest.mark.parametrize("qty", ["0.3", "0.02"])
def test_a_size_that_somebody_changed_at_the_exchange_is_what_may_fill(qty: str) -> None:
    row = known(S.OPEN, qty="0.1")
    report = replace(make_venue_order(row, state=S.PARTIALLY_FILLED), qty=dec(qty))
    found = bound(row, replace(report, filled_qty=dec("0.01")), LATER)
    assert (found.qty, found.remaining_qty) == (dec(qty), dec(qty) - dec("0.01"))


@pytest.mark.parametrize("state", [S.OPEN, S.UNKNOWN, S.PENDING_CANCEL])
def test_more_filled_than_there_is_of_an_order_is_no_report(state: OrderState) -> None:
    row = known(state, qty="0.1")
    report = make_venue_order(row, state=S.FILLED, filled_qty=dec("0.101"))
    assert bound(row, report, LATER) is row


def test_a_repeated_report_changes_nothing_at_all() -> None:
    row = known(S.PARTIALLY_FILLED, filled_qty=dec("0.04"))
    report = make_venue_order(row, state=S.PARTIALLY_FILLED, filled_qty=dec("0.04"))
    assert bound(row, report, LATER) is row


@pytest.mark.parametrize("state", [S.PARTIALLY_FILLED, S.FILLED, S.CANCELED, S.EXPIRED])
def test_a_late_older_report_takes_nothing_back(state: OrderState) -> None:
    row = known(state, filled_qty=dec("0.04"))
    report = make_venue_order(row, state=S.OPEN, filled_qty=dec("0.01"))
    assert bound(row, report, LATER) is row


@pytest.mark.parametrize("state", [S.CANCELED, S.EXPIRED, S.REJECTED])
def test_the_last_fill_may_arrive_after_the_end(state: OrderState) -> None:
    row = known(state)
    report = make_venue_order(row, state=S.FILLED, filled_qty=row.qty)
    moved = bound(row, report, LATER)
    assert (moved.state, moved.filled_qty) == (S.FILLED, row.qty)


def test_fills_grow_even_when_the_state_may_not_follow() -> None:
    row = known(S.PENDING_CANCEL)
    report = make_venue_order(row, state=S.SUBMITTED, filled_qty=dec("0.02"))
    moved = bound(row, report, LATER)
    assert (moved.state, moved.filled_qty) == (S.PENDING_CANCEL, dec("0.02"))
    assert moved.updated_at == LATER


# --- which rows need a look-up


@pytest.mark.parametrize("state", LIVE)
def test_a_live_row_that_is_not_shown_is_looked_up(state: OrderState) -> None:
    row = known(state)
    assert orders_to_look_up(make_recorded(row), look()) == (row,)
    shown = look(make_venue_order(row))
    assert orders_to_look_up(make_recorded(row), shown) == ()


@pytest.mark.parametrize("state", FINAL)
def test_a_row_that_ended_is_not_looked_up(state: OrderState) -> None:
    assert orders_to_look_up(make_recorded(known(state)), look()) == ()


def test_nothing_is_looked_up_where_open_orders_were_not_answered() -> None:
    recorded = make_recorded(known(S.OPEN))
    unanswered = with_venue(look(), open_orders=None)
    assert orders_to_look_up(recorded, unanswered) == ()
    elsewhere = make_recorded(known(S.OPEN, venue="another"))
    assert orders_to_look_up(elsewhere, look()) == ()


def test_foreign_open_orders_and_those_of_another_venue_hide_nothing() -> None:
    row = known(S.OPEN)
    foreign = make_venue_order(row, client_order_id=None)
    assert orders_to_look_up(make_recorded(row), look(foreign)) == (row,)
    side = make_venue_snapshot(None, {}, [], venue="side", open_orders=(make_venue_order(row),))
    both = replace(look(), venues={**look().venues, "side": side})
    assert orders_to_look_up(make_recorded(row), both) == (row,)


# --- merging rows


@pytest.mark.parametrize("state", LIVE)
def test_what_the_venue_shows_wins_over_the_row(state: OrderState) -> None:
    row = known(state)
    report = make_venue_order(row, state=S.PARTIALLY_FILLED, filled_qty=dec("0.04"))
    seen = merged(make_recorded(row), look(report))
    (order,) = seen.changed
    assert seen.orders == (order,)
    assert (order.state, order.filled_qty, order.updated_at) == (
        S.PARTIALLY_FILLED,
        dec("0.04"),
        LATER,
    )


@pytest.mark.parametrize("end", [S.FILLED, S.CANCELED, S.EXPIRED])
@pytest.mark.parametrize("state", LIVE)
def test_a_look_up_tells_how_an_order_ended(state: OrderState, end: OrderState) -> None:
    row = known(state)
    report = make_venue_order(row, state=end, filled_qty=dec("0.1"))
    (order,) = merged(make_recorded(row), looked_up={"cp1": report}).changed
    assert (order.state, order.filled_qty) == (end, dec("0.1"))


def test_an_open_order_is_believed_before_a_look_up_that_missed_it() -> None:
    row = known(S.OPEN)
    seen = merged(make_recorded(row), look(make_venue_order(row)), {"cp1": None})
    assert seen.orders == (row,)
    assert seen.changed == ()


@pytest.mark.parametrize("state", [s for s in LIVE if s is not S.UNKNOWN])
def test_a_row_that_was_not_found_becomes_unknown(state: OrderState) -> None:
    (order,) = merged(make_recorded(known(state)), looked_up={"cp1": None}).changed
    assert (order.state, order.reason) == (S.UNKNOWN, "not found at the venue")


def test_an_unknown_row_that_was_not_found_again_stays_as_it_is() -> None:
    row = known(S.UNKNOWN, reason="time-out")
    assert merged(make_recorded(row), looked_up={"cp1": None}).changed == ()


@pytest.mark.parametrize("state", LIVE)
def test_a_look_up_without_an_answer_leaves_the_row_alone(state: OrderState) -> None:
    assert merged(make_recorded(known(state))).changed == ()


@pytest.mark.parametrize("state", [S.PENDING, S.SUBMITTED, S.UNKNOWN])
def test_proven_absence_ends_an_unproven_row(state: OrderState) -> None:
    seen = merged(
        make_recorded(known(state, venue_order_id=None)), looked_up={"cp1": None}, absent=["cp1"]
    )
    (order,) = seen.changed
    assert (order.state, order.reason) == (S.REJECTED, "absent")


def test_an_acknowledged_order_that_the_venue_forgot_ended_unfilled() -> None:
    row = known(S.UNKNOWN)
    seen = merged(make_recorded(row), looked_up={"cp1": None}, absent=["cp1"])
    assert [o.state for o in seen.orders] == [S.CANCELED]


def test_absence_is_not_believed_against_a_report_or_of_a_confirmed_row() -> None:
    row = known(S.UNKNOWN)
    shown = merged(make_recorded(row), look(make_venue_order(row)), absent=["cp1"])
    assert shown.orders[0].state is S.OPEN
    confirmed = merged(make_recorded(known(S.OPEN)), looked_up={"cp1": None}, absent=["cp1"])
    assert confirmed.orders[0].state is S.UNKNOWN


@pytest.mark.parametrize("state", FINAL)
def test_a_row_that_ended_is_left_alone(state: OrderState) -> None:
    recorded = make_recorded(known(state))
    assert merged(recorded, looked_up={"cp1": None}, absent=["cp1"]).changed == ()


def test_an_order_believed_absent_that_is_open_after_all_lives_again() -> None:
    # "absent" was wrong: the venue wins, or its fills would be nobody's and the order never cancelled
    row = make_order(client_order_id="cp1", state=S.REJECTED, reason="absent")
    (order,) = merged(make_recorded(row), look(make_venue_order(row))).changed
    assert (order.state, order.venue_order_id) == (S.OPEN, "v-cp1")


@pytest.mark.parametrize("state", [S.CANCELED, S.EXPIRED])
def test_an_order_listed_as_open_after_its_end_counts_until_it_is_not(state: OrderState) -> None:
    """A cancel that was acknowledged and came to nothing, or an old reading: what is shown may fill."""
    row = known(state)
    (order,) = merged(make_recorded(row), look(make_venue_order(row))).changed
    assert order.state is S.OPEN
    # no longer listed, it is looked up, and has ended
    ended = make_venue_order(row, state=S.CANCELED)
    (again,) = merged(make_recorded(order), looked_up={"cp1": ended}).changed
    assert again.state is S.CANCELED


def test_a_filled_order_that_is_still_listed_stays_filled() -> None:
    row = known(S.FILLED, filled_qty=dec("0.1"))
    assert merged(make_recorded(row), look(make_venue_order(row))).changed == ()


# --- fills


def test_fills_of_our_orders_move_the_position_by_their_sign() -> None:
    row = known(S.OPEN)
    fills = (
        make_fill(qty="0.3", trade_id="1", venue_order_id="v-cp1"),
        make_fill(Side.BUY, "0.1", trade_id="2", venue_order_id="v-cp1", filled_at=LATER),
    )
    seen = merged(make_recorded(row, positions=[own("-1", baseline=2)]), fills=fills)
    assert seen.fills == fills
    assert seen.positions == (replace(own("-1.2", baseline=2), last_fill_at=LATER),)


def test_the_newest_fill_is_remembered_whatever_the_order_of_reports() -> None:
    row = known(S.OPEN)
    newest = make_fill(trade_id="2", venue_order_id="v-cp1", filled_at=LATER)
    late = make_fill(trade_id="1", venue_order_id="v-cp1", filled_at=NOW)
    (position,) = merged(make_recorded(row), fills=[newest, late]).positions
    assert position.last_fill_at == LATER
    (again,) = merged(make_recorded(row, positions=[position]), fills=[late]).positions
    assert again.last_fill_at == LATER


def test_foreign_fills_are_not_ours() -> None:
    row = known(S.OPEN)
    foreign = (
        make_fill(venue_order_id="v-of-a-person"),
        make_fill(venue_order_id="v-cp1", venue="another"),
    )
    seen = merged(make_recorded(row), fills=foreign)
    assert (seen.fills, seen.positions) == ((), ())


def test_fills_of_an_order_no_longer_in_sight_are_ours_by_its_owner() -> None:
    ended = known(S.CANCELED)
    fill = make_fill(venue_order_id="v-cp1")
    assert merged(make_recorded(), fills=[fill]).fills == ()
    seen = merged(make_recorded(), fills=[fill], owners=[ended])
    assert seen.fills == (fill,)
    assert seen.positions[0].own_qty == dec("-0.1")
    nameless = make_order(venue_order_id=None)
    assert merged(make_recorded(), fills=[fill], owners=[nameless]).fills == ()


def test_fills_are_ours_by_an_id_that_this_very_look_found() -> None:
    row = make_order(client_order_id="cp1", state=S.UNKNOWN)
    report = make_venue_order(row, state=S.FILLED, filled_qty=row.qty)
    fill = make_fill(venue_order_id="v-cp1")
    seen = merged(make_recorded(row), look(), {"cp1": report}, fills=[fill])
    assert seen.fills == (fill,)


async def test_fills_are_booked_once_however_often_they_are_shown() -> None:
    store = MemoryStore()
    row = known(S.OPEN)
    first = make_recorded(row)
    await store.commit(Changes(portfolio=PORTFOLIO, record=first.portfolio, orders=(row,)))
    shown = (
        make_fill(trade_id="1", venue_order_id="v-cp1"),
        make_fill(trade_id="2", venue_order_id="v-cp1"),
        make_fill(trade_id="1", venue_order_id="v-cp1"),
    )
    for count in (1, 3, 3):
        recorded = await store.load(PORTFOLIO, LATER)
        seen = merged(recorded, fills=await store.unseen_fills(shown[:count]))
        await store.commit(Changes(portfolio=PORTFOLIO, fills=seen.fills, positions=seen.positions))
    recorded = await store.load(PORTFOLIO, LATER)
    assert recorded.positions[VENUE, BTC_PERP].own_qty == dec("-0.2")
    assert [f.trade_id for f in recorded.recent_fills] == ["1", "2"]


# --- fills that the venue has reported and that were not read yet


def test_a_contract_is_held_while_reported_fills_were_not_read() -> None:
    row = known(S.OPEN)
    report = make_venue_order(row, state=S.FILLED, filled_qty=dec("0.1"))
    seen = merged(make_recorded(row), look(), {"cp1": report})
    (why,) = seen.unexplained.values()
    assert why.code == "fills_on_their_way"
    assert (why.numbers["filled"], why.numbers["booked"]) == ("0.1", "0")
    assert set(seen.unexplained) == {(VENUE, BTC_PERP)}
    (order,) = seen.changed
    assert order.awaits_fills


def test_the_fill_that_was_awaited_lets_it_go() -> None:
    row = known(S.FILLED, filled_qty=dec("0.1"))
    part, rest = (make_fill(qty=q, trade_id=q, venue_order_id="v-cp1") for q in ("0.04", "0.06"))
    first = merged(make_recorded(row), look(positions={"BTC": "-0.04"}), fills=[part])
    assert first.orders[0].booked_qty == dec("0.04")
    assert first.unexplained[VENUE, BTC_PERP].code == "fills_on_their_way"
    again = make_recorded(*first.orders, positions=first.positions)
    second = merged(again, look(positions={"BTC": "-0.1"}), fills=[rest])
    assert (second.orders[0].booked_qty, second.orders[0].updated_at) == (dec("0.1"), LATER)
    assert second.unexplained == {}


def test_fills_may_be_read_before_the_report_of_their_order() -> None:
    row = known(S.OPEN)
    fill = make_fill(qty="0.04", venue_order_id="v-cp1")
    seen = merged(make_recorded(row), look(make_venue_order(row)), fills=[fill])
    assert (seen.orders[0].filled_qty, seen.orders[0].booked_qty) == (dec("0.04"), dec("0.04"))


def test_a_late_fill_is_booked_on_an_order_that_is_no_longer_in_sight() -> None:
    ended = known(S.CANCELED, decision_id="older")
    fill = make_fill(qty="0.04", venue_order_id="v-cp1")
    seen = merged(make_recorded(), fills=[fill], owners=[ended])
    assert seen.orders == (), "it is no order of this cycle"
    (row,) = seen.changed
    assert (row.state, row.booked_qty, row.filled_qty) == (S.CANCELED, dec("0.04"), dec("0.04"))


def test_an_order_and_its_owner_row_are_one() -> None:
    row = known(S.OPEN)
    fill = make_fill(qty="0.04", venue_order_id="v-cp1")
    seen = merged(make_recorded(row), fills=[fill], owners=[row])
    assert [o.client_order_id for o in seen.changed] == ["cp1"]
    assert seen.orders[0].booked_qty == dec("0.04")


def test_fills_of_two_orders_are_not_mixed_up() -> None:
    rows = [known(S.OPEN, client_order_id=f"cp{n}", venue_order_id=f"v{n}") for n in (1, 2)]
    fills = [
        make_fill(qty="0.01", trade_id=f"{n}", venue_order_id=f"v{n % 2 + 1}") for n in range(5)
    ]
    seen = merged(make_recorded(*rows), fills=fills)
    assert [o.booked_qty for o in seen.orders] == [dec("0.03"), dec("0.02")]


# --- positions


def test_a_position_that_baseline_and_fills_add_up_to_is_explained() -> None:
    recorded = make_recorded(positions=[own("-0.3", baseline="-0.1")])
    assert merged(recorded, look(positions={"BTC": "-0.4"})).unexplained == {}


@pytest.mark.parametrize(
    ("shown", "records", "symbol", "numbers"),
    [
        ({"BTC": "-0.5"}, [own("-0.3")], BTC_PERP, ("-0.5", "-0.3")),
        ({}, [own("-0.3")], BTC_PERP, ("0", "-0.3")),
        ({"SOL": 7}, [], SOL_PERP, ("7", "0")),
    ],
    ids=["another size", "gone", "nobody's"],
)
def test_any_other_position_is_unexplained(
    shown: dict[str, Number],
    records: list[PositionRecord],
    symbol: str,
    numbers: tuple[str, str],
) -> None:
    seen = merged(make_recorded(positions=records), look(positions=shown))
    (why,) = seen.unexplained.values()
    assert set(seen.unexplained) == {(VENUE, symbol)}
    assert why.code == "position_unexplained"
    assert (why.numbers["position"], why.numbers["expected"]) == numbers


def test_a_fill_of_this_look_explains_the_position_of_this_look() -> None:
    row = known(S.OPEN)
    snapshot = look(positions={"BTC": "-0.1"})
    assert merged(make_recorded(row), snapshot).unexplained
    fill = make_fill(venue_order_id="v-cp1")
    assert merged(make_recorded(row), snapshot, fills=[fill]).unexplained == {}


def test_an_account_that_was_not_answered_explains_and_accuses_nothing() -> None:
    recorded = make_recorded(positions=[own("-0.3")])
    assert merged(recorded, with_venue(look(), account=None)).unexplained == {}


def test_positions_of_another_venue_are_its_own() -> None:
    recorded = make_recorded(positions=[replace(own("-0.3"), venue="side")])
    side = make_venue_snapshot(make_account(positions={"BTC": "-0.3"}), {}, [], venue="side")
    both = replace(look(), venues={**look().venues, "side": side})
    assert merged(recorded, both).unexplained == {}
    assert merged(recorded, look()).unexplained == {}


def test_a_look_that_shows_nothing_new_changes_nothing() -> None:
    row = known(S.OPEN)
    recorded = make_recorded(row, positions=[own("-0.3")])
    seen = merged(recorded, look(make_venue_order(row), positions={"BTC": "-0.3"}))
    assert (seen.changed, seen.fills, seen.positions, seen.unexplained) == ((), (), (), {})
    assert seen.orders == (row,)


@pytest.mark.parametrize("state", [S.OPEN, S.PARTIALLY_FILLED])
def test_an_order_that_nobody_here_took_down_says_how_that_may_be(state: S) -> None:
    row = known(state)
    (ended,) = merged(
        make_recorded(orders=(row,)), looked_up={row.client_order_id: _gone(row)}
    ).orders
    assert (ended.state, ended.reason) == (S.CANCELED, TAKEN_DOWN)


def test_an_order_that_was_taken_down_keeps_why() -> None:
    row = replace(known(S.PENDING_CANCEL), reason="patience")
    (ended,) = merged(
        make_recorded(orders=(row,)), looked_up={row.client_order_id: _gone(row)}
    ).orders
    assert (ended.state, ended.reason) == (S.CANCELED, "patience")


def _gone(row: Order) -> VenueOrder:
    return make_venue_order(row, state=S.CANCELED)
