from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from counterpoise.decide.guards.limits import review
from counterpoise.domain.instants import shown_at
from counterpoise.domain.numbers import dec, text
from counterpoise.domain.order import ABSENT, Order, OrderState, OrderType, Side, TimeInForce
from counterpoise.domain.plan import Plan
from counterpoise.domain.policy import ExecutionPolicy, LimitsPolicy, PortfolioPolicy
from counterpoise.domain.reasons import Reason, reason
from counterpoise.domain.records import Recorded
from counterpoise.domain.snapshot import Snapshot
from counterpoise.plan.case import CROSSING, MAX_ATTEMPTS, SOON, Guarded
from counterpoise.plan.ids import client_order_id, decision_id
from counterpoise.plan.planner import plan
from tests.build import (
    BTC_PERP,
    NOW,
    PORTFOLIO,
    SOL_PERP,
    VENUE,
    Number,
    make_instrument,
    make_order,
    make_policy,
    make_recorded,
    make_snapshot,
    make_view,
    make_want,
    with_quote,
    with_venue,
)
from tests.unit.plan.ladders import Walk

BUY, SELL = Side.BUY, Side.SELL
S = OrderState
PATIENCE = timedelta(minutes=2)
POLICY = make_policy(
    execution=ExecutionPolicy(
        rungs=3, spacing=dec("0.001"), patience=PATIENCE, max_slippage=dec("0.002")
    )
)
NO_REASONS: Mapping[tuple[str, str], Reason] = {}


def world(position: Number = 0, at: datetime = NOW, **changes: Any) -> Snapshot:
    return make_snapshot(
        spot={"BTC": 5},
        futures={"USDT": 1_000_000},
        positions={"BTC": position},
        as_of=at,
        **changes,
    )


def planned(
    want: Number,
    snapshot: Snapshot | None = None,
    recorded: Recorded | None = None,
    policy: PortfolioPolicy = POLICY,
    unexplained: Mapping[tuple[str, str], Reason] = NO_REASONS,
) -> Plan:
    return plan(
        (make_want(want),), snapshot or world(), recorded or make_recorded(), policy, unexplained
    )


def after(
    first: Plan, state: OrderState = S.OPEN, recorded: Recorded | None = None, **changes: Any
) -> Recorded:
    """The records once ``first`` is committed and every placement of it is in ``state``."""
    known = recorded or make_recorded()
    placed = tuple(replace(o, state=state, **changes) for o in first.place)
    targets = {**known.targets, **{(t.venue, t.symbol): t for t in first.targets}}
    return replace(known, orders=(*known.orders, *placed), targets=targets)


def shown(orders: tuple[Order, ...]) -> list[tuple[str, str, str, int]]:
    """Side, quantity, price and rung of each order, nearest rung first."""
    return [
        (o.side.value, text(o.qty), text(o.price or dec(0)), o.rung)
        for o in sorted(orders, key=lambda o: o.rung)
    ]


def held(made: Plan) -> list[str]:
    return [h.reason.code for h in made.holds]


# --- the first look ---


def test_a_missing_position_becomes_a_ladder_of_post_only_orders() -> None:
    made = planned("-0.3")
    assert shown(made.place) == [
        ("sell", "0.1", "100000.1", 0),
        ("sell", "0.1", "100100.2", 1),
        ("sell", "0.1", "100200.2", 2),
    ]
    for order in made.place:
        assert order.post_only
        assert not order.reduce_only
        assert (order.type, order.state, order.attempt) == (OrderType.LIMIT, S.PENDING, 0)
        assert (order.portfolio, order.venue, order.symbol) == (PORTFOLIO, VENUE, BTC_PERP)
        assert order.created_at == order.updated_at == NOW
        assert order.filled_qty == 0
    assert (made.cancel, made.keep, made.holds) == ((), (), ())
    assert made.wake_at == NOW + PATIENCE


def test_ids_are_made_before_anything_is_sent_and_follow_from_the_decision() -> None:
    made = planned("-0.3")
    decision = decision_id(PORTFOLIO, VENUE, BTC_PERP, dec("-0.3"), NOW)
    (target,) = made.targets
    assert (target.decision_id, target.decided_at, target.qty) == (decision, NOW, dec("-0.3"))
    for order in made.place:
        assert order.decision_id == decision
        assert order.client_order_id == client_order_id(
            f"{PORTFOLIO}/{VENUE}", decision, order.rung, 0
        )
    assert len({o.client_order_id for o in made.place}) == 3
    assert planned("-0.3") == made


def test_a_position_that_is_there_needs_nothing() -> None:
    made = planned("-0.3", world("-0.3"))
    assert (made.place, made.cancel, made.holds, made.wake_at) == ((), (), (), None)
    assert made.targets[0].qty == dec("-0.3")


@pytest.mark.parametrize(
    ("position", "want", "side", "qty", "reduce_only"),
    [
        pytest.param("0", "-0.3", SELL, "0.3", False, id="opening a short"),
        pytest.param("0", "0.3", BUY, "0.3", False, id="opening a long"),
        pytest.param("-0.1", "-0.3", SELL, "0.2", False, id="a larger short"),
        pytest.param("-0.3", "-0.1", BUY, "0.2", True, id="a smaller short"),
        pytest.param("-0.3", "0", BUY, "0.3", True, id="closing a short"),
        pytest.param("0.3", "0.1", SELL, "0.2", True, id="a smaller long"),
        pytest.param("-0.3", "0.2", BUY, "0.3", True, id="from short to long stops at zero"),
        pytest.param("0.3", "-0.2", SELL, "0.3", True, id="from long to short stops at zero"),
    ],
)
def test_only_what_is_missing_is_placed_and_a_sign_never_changes_at_once(
    position: str, want: str, side: Side, qty: str, reduce_only: bool
) -> None:
    made = planned(want, world(position))
    assert {o.side for o in made.place} == {side}
    assert sum(o.qty for o in made.place) == dec(qty)
    assert {o.reduce_only for o in made.place} == {reduce_only}


def test_the_other_side_of_zero_is_opened_under_the_same_decision() -> None:
    first = planned("0.2", world("-0.3"))
    recorded = after(first, S.FILLED)
    second = planned("0.2", world(0, NOW + SOON), recorded)
    assert second.targets == first.targets
    assert sum(o.qty for o in second.place) == dec("0.2")
    assert {o.reduce_only for o in second.place} == {False}
    used = {o.client_order_id for o in first.place}
    assert not used & {o.client_order_id for o in second.place}
    assert {o.attempt for o in second.place} == {1}


def test_patience_begins_anew_on_the_other_side_of_zero() -> None:
    going = Walk(policy=POLICY, want=dec("0.2"), position=dec("-0.3"))
    going.look()
    closed = going.look(seconds=PATIENCE.total_seconds() - 1)
    assert (closed.place, len(closed.keep)) == ((), 3)
    for _ in closed.keep:
        going.fills(going.live[0].qty, 0)
    opening = going.look(seconds=2)
    assert {o.time_in_force for o in opening.place} == {TimeInForce.GTX}
    assert opening.wake_at == going.now + PATIENCE
    assert going.look(seconds=PATIENCE.total_seconds() - 1).cancel == ()
    assert len(going.look(seconds=1).cancel) == len(opening.place)


# --- a repeated look ---


def test_a_second_look_at_the_same_thing_places_nothing() -> None:
    first = planned("-0.3")
    again = planned("-0.3", world(0, NOW + timedelta(seconds=30)), after(first))
    assert (again.place, again.cancel, again.holds) == ((), (), ())
    assert [o.client_order_id for o in again.keep] == [o.client_order_id for o in first.place]
    assert again.targets == first.targets
    assert again.wake_at == NOW + PATIENCE


def test_moving_prices_move_no_rung() -> None:
    """A rung rests where it was placed until patience ends: chasing costs queue positions."""
    first = planned("-0.3")
    dearer = with_quote(world(), BTC_PERP, bid=dec(101_000), ask=dec(101_001), mark=dec(101_000))
    again = planned("-0.3", dearer, after(first))
    assert (again.place, again.cancel) == ((), ())


def test_what_was_filled_is_not_placed_again() -> None:
    first = planned("-0.3")
    orders = list(after(first).orders)
    orders[0] = replace(orders[0], state=S.FILLED, filled_qty=orders[0].qty)
    again = planned("-0.3", world("-0.1"), replace(after(first), orders=tuple(orders)))
    assert (again.place, again.cancel) == ((), ())
    assert len(again.keep) == 2


def test_a_partial_fill_leaves_the_rest_resting() -> None:
    first = planned("-0.3")
    orders = list(after(first).orders)
    orders[0] = replace(orders[0], state=S.PARTIALLY_FILLED, filled_qty=dec("0.04"))
    again = planned("-0.3", world("-0.04"), replace(after(first), orders=tuple(orders)))
    assert (again.place, again.cancel) == ((), ())


def test_a_rejected_rung_is_placed_again_with_a_new_name() -> None:
    first = planned("-0.3")
    orders = list(after(first).orders)
    orders[1] = replace(orders[1], state=S.REJECTED)
    again = planned("-0.3", world(), replace(after(first), orders=tuple(orders)))
    assert shown(again.place) == [("sell", "0.1", "100100.2", 1)]
    assert again.place[0].attempt == 1
    assert again.place[0].client_order_id not in {o.client_order_id for o in first.place}
    assert len(again.keep) == 2


def test_a_decision_changes_its_id_only_with_its_target() -> None:
    first = planned("-0.3")
    later = NOW + timedelta(seconds=30)
    recorded = after(first)
    assert planned("-0.300", world("-0.1", later), recorded).targets == first.targets
    other = planned("-0.4", world(0, later), recorded).targets[0]
    assert other.decision_id != first.targets[0].decision_id
    assert other.decided_at == later
    # and back again: the old name belongs to the old orders
    back = planned("-0.3", world(0, later), replace(recorded, targets={(VENUE, BTC_PERP): other}))
    assert back.targets[0].decision_id != first.targets[0].decision_id


# --- more open than missing ---


@pytest.mark.parametrize(
    ("position", "why"),
    [
        pytest.param("0", None, id="as much open as missing is kept"),
        pytest.param("-0.001", "more open than missing", id="a lot too much open is cancelled"),
        pytest.param("-0.3", "wrong side", id="nothing missing: no side is right"),
        pytest.param("-0.4", "wrong side", id="the other side missing: all of it is cancelled"),
    ],
)
def test_what_is_open_never_exceeds_what_is_missing(position: str, why: str | None) -> None:
    first = planned("-0.3")
    again = planned("-0.3", world(position), after(first))
    assert again.place == ()
    assert [c.why for c in again.cancel] == [why] * (3 if why else 0)
    assert len(again.keep) == (0 if why else 3)
    assert again.wake_at == NOW + (SOON if why else PATIENCE)


def test_only_the_wrong_side_is_cancelled_where_the_right_side_rests_too() -> None:
    first = planned("-0.3")
    recorded = after(first)
    wrong = replace(recorded.orders[0], side=BUY, client_order_id="cp-wrong")
    again = planned("-0.3", world(), replace(recorded, orders=(*recorded.orders, wrong)))
    assert [(c.order.client_order_id, c.why) for c in again.cancel] == [("cp-wrong", "wrong side")]
    assert again.place == ()


def test_an_order_of_the_wrong_side_is_cancelled_even_where_less_is_open_than_missing() -> None:
    first = planned("-0.3")
    recorded = after(first)
    wrong = replace(recorded.orders[0], side=BUY)
    again = planned("-0.3", world(), replace(recorded, orders=(wrong,)))
    assert [(c.order, c.why) for c in again.cancel] == [(wrong, "wrong side")]
    assert again.place == ()


# --- outcomes that are not proven, positions that are not explained ---


@pytest.mark.parametrize("state", [S.PENDING, S.SUBMITTED, S.UNKNOWN])
def test_nothing_is_placed_beside_an_unproven_order(state: OrderState) -> None:
    first = planned("-0.3")
    recorded = after(first)
    orders = (replace(recorded.orders[0], state=state), *recorded.orders[1:2])
    made = planned("-0.3", world(), replace(recorded, orders=orders))
    assert (made.place, made.cancel, held(made)) == ((), (), ["unproven_order"])
    assert made.keep == orders
    assert made.wake_at == NOW + SOON


def test_an_unproven_order_of_an_older_decision_is_not_cancelled_but_its_proven_rungs_are() -> None:
    first = planned("-0.3")
    recorded = after(first)
    orders = (replace(recorded.orders[0], state=S.UNKNOWN), *recorded.orders[1:])
    made = planned("-0.4", world(), replace(recorded, orders=orders))
    assert (made.place, held(made)) == ((), ["unproven_order"])
    assert [c.order for c in made.cancel] == list(orders[1:])
    assert made.keep == orders[:1]


def test_an_unproven_order_elsewhere_stops_nothing_here() -> None:
    elsewhere = make_order(symbol=SOL_PERP, state=S.UNKNOWN)
    other_venue = make_order(venue="other", state=S.UNKNOWN)
    made = planned("-0.3", world(), make_recorded(elsewhere, other_venue))
    assert len(made.place) == 3
    assert made.holds == ()


def test_nothing_is_placed_on_a_position_that_is_not_explained() -> None:
    why = reason("position_unexplained", symbol=BTC_PERP, position="-0.2", expected="0")
    first = planned("-0.3")
    made = planned("-0.3", world("-0.2"), after(first), unexplained={(VENUE, BTC_PERP): why})
    assert (made.place, made.cancel) == ((), ())
    assert [h.reason for h in made.holds] == [why]
    assert len(made.keep) == 3
    assert made.wake_at == NOW + SOON


def test_an_unexplained_position_elsewhere_stops_nothing_here() -> None:
    why = reason("position_unexplained", symbol=SOL_PERP, position="1", expected="0")
    assert len(planned("-0.3", unexplained={(VENUE, SOL_PERP): why}).place) == 3


# --- an older decision ---


def test_orders_of_an_older_decision_go_first() -> None:
    recorded = after(planned("-0.3"))
    made = planned("-0.4", world(), recorded)
    assert [c.order for c in made.cancel] == list(recorded.orders)
    assert {c.why for c in made.cancel} == {"superseded"}
    assert (made.place, made.keep, held(made)) == ((), (), ["waiting_for_cancel"])
    assert made.wake_at == NOW + SOON


def test_nothing_new_is_sent_until_the_old_orders_are_gone() -> None:
    """A cancel on its way has cancelled nothing: placing beside it could fill both."""
    recorded = after(planned("-0.3"), S.PENDING_CANCEL)
    second = planned("-0.4", world(), recorded)
    assert (second.place, held(second)) == ((), ["waiting_for_cancel"])
    gone = tuple(replace(o, state=S.CANCELED) for o in recorded.orders)
    third = planned("-0.4", world(), replace(recorded, orders=gone))
    assert sum(o.qty for o in third.place) == dec("0.4")
    assert {o.attempt for o in third.place} == {0}


def test_a_contract_that_is_halted_gets_nothing_but_keeps_what_rests() -> None:
    halted = {
        s: replace(i, active=s != BTC_PERP) for s, i in world().venues[VENUE].instruments.items()
    }
    snapshot = with_venue(world(), instruments=halted)
    made = planned("-0.3", snapshot)
    assert (made.place, held(made)) == ((), ["instrument_inactive"])
    resting = planned("-0.3", snapshot, after(planned("-0.3")))
    assert (len(resting.keep), resting.cancel) == (3, ())


# --- what was not read is not zero ---


def test_without_an_account_nothing_is_planned() -> None:
    """Read as a position of zero, it would be opened a second time."""
    made = planned("-0.3", with_venue(world("-0.3"), account=None))
    assert made == Plan()


def test_without_a_price_nothing_is_planned() -> None:
    assert planned("-0.3", with_venue(world(), quotes={})) == Plan()


# --- minima ---


def test_less_than_the_venue_trades_is_left_and_said() -> None:
    made = planned("-0.0005")
    assert (made.place, held(made), made.wake_at) == ((), ["below_minimum"], None)
    assert made.holds[0].reason.text == (
        "the missing 0.0005 BTC is less than the venue trades: at least 0.001 BTC"
    )


def test_of_two_minima_the_one_that_bites_is_told() -> None:
    made = planned("-0.004", costly(world()))
    assert made.holds[0].reason.text == (
        "the missing 0.004 BTC is less than the venue trades: at least 500 USDT in value"
    )


def test_rungs_below_the_minima_are_merged() -> None:
    assert shown(planned("-0.002").place) == [
        ("sell", "0.001", "100000.1", 0),
        ("sell", "0.001", "100100.2", 1),
    ]


@pytest.mark.parametrize(
    ("position", "want", "qty", "said"),
    [
        pytest.param("-0.004", "0", "0.004", [], id="a close may be small: all of it at once"),
        pytest.param("0.004", "0", "0.004", [], id="a long as well"),
        pytest.param("-0.004", "0.2", "0.004", [], id="and on the way through zero"),
        pytest.param("-0.006", "-0.002", "0", ["below_minimum"], id="a smaller short may not"),
        pytest.param("0", "-0.004", "0", ["below_minimum"], id="an opening may not"),
        pytest.param("-0.004", "-0.008", "0", ["below_minimum"], id="an addition may not"),
        pytest.param(
            "-0.0045", "0", "0", ["below_minimum"], id="nor what would leave less than a lot behind"
        ),
        pytest.param("-0.0005", "0", "0", ["below_minimum"], id="nor what is less than a lot"),
    ],
)
def test_a_position_below_the_smallest_notional_can_be_left(
    position: str, want: str, qty: str, said: list[str]
) -> None:
    """Contracts of at least 500 USDT, and 400 are left: without the exemption they stay forever."""
    snapshot = costly(world(position))
    made = planned(want, snapshot)
    assert [text(o.qty) for o in made.place] == ([qty] if qty != "0" else [])
    assert held(made) == said
    assert all(o.reduce_only for o in made.place)
    # and the same when patience has run out on it
    if made.place:
        over = planned(want, costly(waited(made, 120, position)), after(made, S.CANCELED))
        assert [(text(o.qty), o.rung, o.reduce_only) for o in over.place] == [(qty, CROSSING, True)]


def costly(snapshot: Snapshot) -> Snapshot:
    """The same with a smallest notional of 500."""
    listed = snapshot.venues[VENUE].instruments
    contract = replace(listed[BTC_PERP], min_notional=dec(500))
    return with_venue(snapshot, instruments={**listed, BTC_PERP: contract})


def test_only_the_order_that_ends_the_position_may_be_small() -> None:
    """0.005 of 0.009 rests; the 0.004 beside it would not end the position, so the venue refuses it."""
    snapshot = costly(world("-0.009"))
    first = planned("0", snapshot)
    assert [text(o.qty) for o in first.place] == ["0.009"]
    recorded = after(first)
    resting = replace(recorded.orders[0], qty=dec("0.005"))
    again = planned("0", snapshot, replace(recorded, orders=(resting,)))
    assert (again.place, again.keep) == ((), (resting,))


def test_a_close_that_the_largest_order_cuts_is_no_close() -> None:
    limited = replace(POLICY, limits=LimitsPolicy(max_order_notional=dec(450)))
    snapshot = costly(world("-0.009"))
    first = planned("0", snapshot, policy=limited)
    assert (first.place, held(first)) == ((), ["below_minimum"])
    begun = after(planned("0", snapshot), S.CANCELED)
    over = planned("0", costly(world("-0.009", NOW + PATIENCE)), begun, limited)
    assert (over.place, held(over)) == ((), ["below_minimum"])


# --- patience ---


def waited(first: Plan, seconds: float, position: Number = 0, **changes: Any) -> Snapshot:
    return world(position, first.targets[0].decided_at + timedelta(seconds=seconds), **changes)


def test_resting_orders_are_left_alone_until_patience_has_run_out() -> None:
    first = planned("-0.3")
    almost = planned("-0.3", waited(first, 119.999), after(first))
    assert (almost.cancel, len(almost.keep)) == ((), 3)
    over = planned("-0.3", waited(first, 120), after(first))
    assert {c.why for c in over.cancel} == {"patience"}
    assert (len(over.cancel), over.place) == (3, ())
    assert over.wake_at == NOW + PATIENCE + SOON


@pytest.mark.parametrize(
    ("want", "expected"),
    [
        pytest.param("-0.3", ("sell", "0.2", "99800", CROSSING), id="a sell, 0.2 % under the mark"),
        pytest.param("0.3", ("buy", "0.2", "100200", CROSSING), id="a buy, 0.2 % over the mark"),
    ],
)
def test_then_what_is_missing_crosses_under_a_price_cap(
    want: str, expected: tuple[str, str, str, int]
) -> None:
    first = planned(want)
    part = dec("0.1").copy_sign(dec(want))
    crossing = planned(want, waited(first, 121, part), after(first, S.CANCELED))
    assert shown(crossing.place) == [expected]
    (order,) = crossing.place
    assert order.time_in_force is TimeInForce.IOC
    assert not order.post_only
    assert order.decision_id == first.targets[0].decision_id
    assert crossing.wake_at == NOW + timedelta(seconds=121) + PATIENCE


def crossed(first: Plan, seconds: float, state: OrderState = S.EXPIRED) -> Recorded:
    """Records after the ladder was cancelled and one crossing order, sent then, came to nothing."""
    canceled = after(first, S.CANCELED)
    made = planned(text(first.targets[0].qty), waited(first, seconds), canceled)
    assert [o.rung for o in made.place] == [CROSSING]
    return after(made, state, canceled)


def test_it_crosses_once_per_patience() -> None:
    first = planned("-0.3")
    recorded = crossed(first, 120)
    waiting = planned("-0.3", waited(first, 239.999), recorded)
    assert (waiting.place, waiting.holds) == ((), ())
    assert waiting.wake_at == NOW + PATIENCE * 2
    again = planned("-0.3", waited(first, 240), recorded)
    assert shown(again.place) == [("sell", "0.3", "99800", CROSSING)]
    assert again.place[0].attempt == 1
    assert again.place[0].client_order_id not in {o.client_order_id for o in recorded.orders}


def test_a_crossing_order_that_never_reached_the_venue_is_not_waited_for() -> None:
    first = planned("-0.3")
    gone = crossed(first, 120, S.REJECTED)
    lost = [replace(o, reason=ABSENT) if o.rung == CROSSING else o for o in gone.orders]
    again = planned("-0.3", waited(first, 150), replace(gone, orders=tuple(lost)))
    assert [(o.rung, o.attempt) for o in again.place] == [(CROSSING, 1)]
    refused = planned("-0.3", waited(first, 150), gone)
    assert (refused.place, refused.wake_at) == ((), NOW + PATIENCE * 2)


def test_it_goes_on_crossing_once_per_patience() -> None:
    first = planned("-0.3")
    once = crossed(first, 120)
    twice = after(planned("-0.3", waited(first, 240), once), S.EXPIRED, once)
    waiting = planned("-0.3", waited(first, 359), twice)
    assert (waiting.place, waiting.wake_at) == ((), NOW + PATIENCE * 3)
    assert [o.attempt for o in planned("-0.3", waited(first, 360), twice).place] == [2]


def test_a_crossing_order_follows_the_mark_of_its_own_moment() -> None:
    first = planned("-0.3")
    cheaper = with_quote(waited(first, 240), BTC_PERP, mark=dec(90_000), bid=dec(89_999))
    (order,) = planned("-0.3", cheaper, crossed(first, 120)).place
    assert order.price == dec(89_820)


def test_without_a_mark_it_crosses_under_the_mid_and_without_both_it_waits() -> None:
    first = planned("-0.3")
    recorded = after(first, S.CANCELED)
    middle = with_quote(waited(first, 120), BTC_PERP, mark=None)
    assert shown(planned("-0.3", middle, recorded).place) == [("sell", "0.3", "99800", CROSSING)]
    blind = with_quote(middle, BTC_PERP, bid=None)
    made = planned("-0.3", blind, recorded)
    assert (made.place, held(made)) == ((), ["not_valued"])


def test_a_crossing_order_that_still_lives_is_cancelled_before_the_next() -> None:
    first = planned("-0.3")
    made = planned("-0.3", waited(first, 240), crossed(first, 120, S.OPEN))
    assert [(c.order.rung, c.why) for c in made.cancel] == [(CROSSING, "patience")]
    assert made.place == ()


def test_a_crossing_order_is_no_larger_than_the_largest_order() -> None:
    limited = replace(POLICY, limits=LimitsPolicy(max_order_notional=dec(10_000)))
    first = planned("-0.3", policy=limited)
    assert sum(o.qty for o in first.place) == dec("0.099") * 3
    made = planned("-0.3", waited(first, 120), after(first, S.CANCELED), limited)
    assert [o.qty for o in made.place] == [dec("0.1")]


def test_a_rest_below_the_minima_is_not_crossed() -> None:
    first = planned("-0.3")
    made = planned("-0.3", waited(first, 120, "-0.2995"), after(first, S.CANCELED))
    assert (made.place, held(made), made.wake_at) == ((), ["below_minimum"], None)


def test_when_all_was_filled_patience_has_nothing_to_do() -> None:
    first = planned("-0.3")
    made = planned("-0.3", waited(first, 120, "-0.3"), after(first, S.FILLED))
    assert (made.place, made.cancel, made.holds, made.wake_at) == ((), (), (), None)


def test_patience_runs_from_the_first_order_of_the_decision_not_from_the_last() -> None:
    first = planned("-0.3")
    rejected = after(first, S.REJECTED)
    second = planned("-0.3", waited(first, 60), rejected)
    assert {o.attempt for o in second.place} == {1}
    assert second.wake_at == NOW + PATIENCE
    over = planned("-0.3", waited(first, 120), after(second, S.OPEN, rejected))
    assert {c.why for c in over.cancel} == {"patience"}


def test_patience_of_an_older_decision_does_not_count() -> None:
    old = after(planned("-0.3"), S.CANCELED)
    made = planned("-0.4", world(0, NOW + PATIENCE * 5), old)
    assert {o.time_in_force for o in made.place} == {TimeInForce.GTX}


def test_patience_of_the_other_side_does_not_count() -> None:
    """The same decision, but what was sold before is now to be bought: that side has only begun."""
    first = planned("-0.3")
    sold = tuple(replace(o, side=BUY) for o in after(first, S.CANCELED).orders)
    made = planned("-0.3", waited(first, 500), replace(after(first), orders=sold))
    assert {o.time_in_force for o in made.place} == {TimeInForce.GTX}


def test_a_rung_that_is_always_refused_waits_for_patience_and_says_so() -> None:
    """Post-only rejects in a fast market: five tries each, then only crossing helps."""
    first = planned("-0.3")
    recorded = after(first, S.REJECTED)
    for tries in range(2, MAX_ATTEMPTS + 1):
        made = planned("-0.3", waited(first, tries), recorded)
        assert {o.attempt for o in made.place} == {tries - 1}
        recorded = after(made, S.REJECTED, recorded)
    assert len({o.client_order_id for o in recorded.orders}) == MAX_ATTEMPTS * 3
    waiting = planned("-0.3", waited(first, 30), recorded)
    assert (waiting.place, held(waiting)) == ((), ["rungs_refused"])
    assert waiting.wake_at == NOW + PATIENCE
    over = planned("-0.3", waited(first, 120), recorded)
    assert shown(over.place) == [("sell", "0.3", "99800", CROSSING)]


def test_what_was_refused_is_told_with_its_reason_and_when_it_is_tried_again() -> None:
    first, said = planned("-0.3"), "-1021: Timestamp for this request is outside of the recvWindow."
    recorded = after(first, S.REJECTED, reason=said)
    for tries in range(2, MAX_ATTEMPTS + 1):
        made = planned("-0.3", waited(first, tries), recorded)
        recorded = after(made, S.REJECTED, recorded, reason=said)
    (told,) = planned("-0.3", waited(first, 30), recorded).holds
    until = NOW + PATIENCE
    for part in ("did not take the order to sell 0.1 BTC", said, f"again at {shown_at(until)}"):
        assert part in told.reason.text
    crossed = after(
        planned("-0.3", waited(first, 120), recorded), S.REJECTED, recorded, reason=said
    )
    waits = planned("-0.3", waited(first, 150), crossed)
    assert held(waits) == ["order_refused"]
    assert waits.wake_at == NOW + 2 * PATIENCE
    assert f"again at {shown_at(waits.wake_at)}" in waits.holds[0].reason.text


def test_rungs_that_were_used_up_are_no_matter_once_all_is_filled() -> None:
    recorded = after(planned("-0.3"), S.FILLED)
    for _ in range(MAX_ATTEMPTS - 1):
        recorded = after(planned("-0.3", world(), recorded), S.FILLED, recorded)
    assert held(planned("-0.3", world(), recorded)) == ["rungs_refused"]
    done = planned("-0.3", world("-0.3"), recorded)
    assert (done.place, done.holds, done.wake_at) == ((), (), None)


# --- several contracts ---


def test_reductions_come_first_then_the_larger_orders() -> None:
    snapshot = make_snapshot(
        {"BTC": 100_000, "SOL": 100, "ETH": 2000},
        positions={"SOL": -50},
        instruments=[
            make_instrument(s)
            for s in (BTC_PERP, SOL_PERP, "ETH/USDT:USDT", "BTC/USDT", "SOL/USDT", "ETH/USDT")
        ],
    )
    wants = (make_want("-0.01"), make_want("-2", "ETH/USDT:USDT"), make_want(-20, SOL_PERP))
    one = replace(POLICY, execution=replace(POLICY.execution, rungs=1))
    made = plan(wants, snapshot, make_recorded(), one, {})
    assert [o.symbol for o in made.place] == [SOL_PERP, "ETH/USDT:USDT", BTC_PERP]
    assert [o.reduce_only for o in made.place] == [True, False, False]
    assert {t.symbol for t in made.targets} == {BTC_PERP, SOL_PERP, "ETH/USDT:USDT"}


def test_within_a_ladder_the_rung_nearest_to_the_market_goes_first() -> None:
    wants = (make_want("-0.3"), make_want(-600, SOL_PERP), make_want("-0.5"))
    made = plan(wants[:2], world(), make_recorded(), POLICY, {})
    assert [(o.symbol, o.rung) for o in made.place] == [
        *((SOL_PERP, rung) for rung in range(3)),
        *((BTC_PERP, rung) for rung in range(3)),
    ]
    made = plan((wants[1], wants[2]), world(), make_recorded(), POLICY, {})
    assert [o.rung for o in made.place] == [0, 1, 2] * 2
    assert made.place[0].symbol == SOL_PERP


def test_the_larger_ladder_is_the_one_worth_more() -> None:
    wants = (make_want(-400, SOL_PERP), make_want("-0.5"))
    made = plan(wants, world(), make_recorded(), POLICY, {})
    assert [o.symbol for o in made.place] == [BTC_PERP] * 3 + [SOL_PERP] * 3


def test_ladders_of_one_size_go_by_name() -> None:
    prices = {"BTC": 100, "SOL": 100}
    snapshot = make_snapshot(prices, futures={"USDT": 1000})
    wants = (make_want(-3, SOL_PERP), make_want(-3))
    made = plan(wants, snapshot, make_recorded(), POLICY, {})
    assert [o.symbol for o in made.place] == [BTC_PERP] * 3 + [SOL_PERP] * 3


def test_a_target_keeps_the_words_it_was_set_with() -> None:
    want = replace(make_want("-0.3"), why="hedge 100 %")
    first = plan((want,), world(), make_recorded(), POLICY, {})
    assert first.targets[0].why == "hedge 100 %"
    again = plan((replace(want, why="still"),), world(), after(first), POLICY, {})
    assert again.targets == first.targets
    other = plan((replace(want, qty=dec(-1), why="more"),), world(), after(first), POLICY, {})
    assert other.targets[0].why == "more"


def test_the_earliest_contract_says_when_to_look_again() -> None:
    wants = (make_want("-0.3"), make_want(0, SOL_PERP))
    old = make_order(symbol=SOL_PERP, state=S.OPEN)
    made = plan(wants, world(), make_recorded(old), POLICY, {})
    assert made.wake_at == NOW + SOON
    assert (len(made.place), len(made.cancel)) == (3, 1)
    assert plan((), world(), make_recorded(), POLICY, {}) == Plan()


# --- the guard lets pass what the planner makes ---


@pytest.mark.parametrize("want", ["-0.9", "0.9"])
@pytest.mark.parametrize("mark", [99_000, 100_000, 101_000])
def test_what_is_planned_under_the_largest_order_passes_the_guard(want: str, mark: int) -> None:
    limits = LimitsPolicy(max_order_notional=dec(10_000))
    policy = replace(POLICY, limits=limits)
    snapshot = with_quote(world(), BTC_PERP, mark=dec(mark))
    made = planned(want, snapshot, policy=policy)
    assert len(made.place) == 3
    view = make_view(snapshot, policy)
    approved, refused = review(made.place, snapshot, make_recorded(), policy, view)
    assert (len(approved), refused) == (3, ())
    later = with_quote(waited(made, 120), BTC_PERP, mark=dec(mark))
    over = planned(want, later, after(made, S.CANCELED), policy)
    approved, refused = review(over.place, snapshot, make_recorded(), policy, view)
    assert (len(approved), refused) == (1, ())


def test_quantities_are_positive_and_sides_carry_the_sign() -> None:
    for position, want in [("0", "-1"), ("0", "1"), ("-1", "1"), ("1", "-1")]:
        assert all(o.qty > Decimal(0) for o in planned(want, world(position)).place)


def test_what_is_placed_has_patience_only_if_it_is_sent() -> None:
    first = planned(-1)
    assert first.place
    assert (first.wake_at, first.wake_unsent_at) == (NOW + PATIENCE, None)
    one = replace(first, place=first.place[:1])
    later = planned(-1, world(at=NOW + timedelta(seconds=30)), after(one))
    assert later.place, "the other rungs"
    assert later.wake_at == later.wake_unsent_at == NOW + PATIENCE, "one rests already"


# --- what a guard shrinks ---


def shrunk(want: Number, position: Number, *orders: Order, urgent: bool = False) -> Plan:
    guard = Guarded(guard="margin", max_slippage=dec("0.01"), urgent=urgent)
    return plan(
        (make_want(want),),
        world(position),
        make_recorded(*orders),
        POLICY,
        NO_REASONS,
        {(VENUE, BTC_PERP): guard},
    )


@pytest.mark.parametrize("state", [S.UNKNOWN, S.OPEN])
@pytest.mark.parametrize("urgent", [True, False])
def test_a_guard_leaves_out_what_may_still_fill_beside_it(state: OrderState, urgent: bool) -> None:
    older = make_order(
        decision_id="older", side=BUY, qty=dec("0.3"), reduce_only=True, rung=0, state=state
    )
    # beside 1 that is foreign, 1 of ours: reduce-only stops at zero, so it does not protect the foreign one
    made = shrunk(-1, -2, older, urgent=urgent)
    assert sum(o.qty for o in made.place) == dec("0.7")
    assert all(o.reduce_only and o.guard == "margin" for o in made.place)


def test_a_guard_that_closes_everything_leaves_nothing_for_later() -> None:
    older = make_order(
        decision_id="older", side=BUY, qty=dec("0.3"), reduce_only=True, rung=0, state=S.OPEN
    )
    assert sum(o.qty for o in shrunk(0, -2, older, urgent=True).place) == 2
