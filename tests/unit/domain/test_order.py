from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from itertools import product

import pytest

from counterpoise.domain.errors import IllegalMove
from counterpoise.domain.numbers import dec
from counterpoise.domain.order import MOVES, OrderState, Side, TimeInForce, is_refusal, with_code
from tests.build import NOW, make_fill, make_order

S = OrderState
LATER = NOW + timedelta(seconds=1)


@pytest.mark.parametrize(
    ("before", "after"), [(a, b) for a, b in product(S, S) if a is b or b in MOVES[a]]
)
def test_a_legal_move_is_made(before: OrderState, after: OrderState) -> None:
    moved = make_order(state=before).moved(after, at=LATER)
    assert (moved.state, moved.updated_at, moved.created_at) == (after, LATER, NOW)


@pytest.mark.parametrize(
    ("before", "after"), [(a, b) for a, b in product(S, S) if a is not b and b not in MOVES[a]]
)
def test_an_illegal_move_raises(before: OrderState, after: OrderState) -> None:
    order = make_order(state=before)
    with pytest.raises(IllegalMove, match=f"{before} may not become {after}"):
        order.moved(after, at=LATER)
    assert order.state is before


def test_the_table_has_a_row_per_state_and_forty_nine_legal_moves() -> None:
    """A changed count is a changed lifecycle: look at every store and every report before agreeing."""
    assert set(MOVES) == set(S)
    assert sum(len(after) for after in MOVES.values()) == 49
    assert all(before not in after for before, after in MOVES.items())


def test_every_state_is_reachable_from_pending() -> None:
    reached = {S.PENDING}
    while more := {b for a in reached for b in MOVES[a]} - reached:
        reached |= more
    assert reached == set(S)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param(S.CANCELED, S.FILLED, id="the cancel was acknowledged, then the fill came"),
        pytest.param(S.EXPIRED, S.FILLED, id="expired was reported before its fills"),
        pytest.param(S.PENDING_CANCEL, S.OPEN, id="the cancel was refused"),
        pytest.param(S.PENDING_CANCEL, S.FILLED, id="the fill won the race"),
        pytest.param(S.SUBMITTED, S.FILLED, id="filled before it was ever seen open"),
        pytest.param(S.SUBMITTED, S.UNKNOWN, id="the answer was lost"),
        pytest.param(S.REJECTED, S.OPEN, id="absent was wrong: the venue wins"),
        pytest.param(S.PENDING, S.FILLED, id="found filled after a crash before the record"),
        pytest.param(S.UNKNOWN, S.REJECTED, id="proven absent"),
    ],
)
def test_moves_that_happen_in_the_real_world_are_legal(
    before: OrderState, after: OrderState
) -> None:
    assert after in MOVES[before]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param(S.FILLED, S.OPEN, id="a filled order never rests again"),
        pytest.param(S.FILLED, S.CANCELED, id="a filled order cannot be canceled"),
        pytest.param(S.UNKNOWN, S.PENDING, id="an unknown order is never made unsent"),
        pytest.param(S.UNKNOWN, S.SUBMITTED, id="an unknown order is never sent again"),
        pytest.param(S.OPEN, S.SUBMITTED, id="an open order is never sent again"),
        pytest.param(S.PARTIALLY_FILLED, S.OPEN, id="fills are not taken back"),
        pytest.param(S.PARTIALLY_FILLED, S.REJECTED, id="what filled was not rejected"),
    ],
)
def test_moves_that_would_hide_or_repeat_an_order_are_illegal(
    before: OrderState, after: OrderState
) -> None:
    assert after not in MOVES[before]


def test_each_state_is_either_final_or_live_and_three_are_unproven() -> None:
    assert {s for s in S if s.is_final} == {S.FILLED, S.CANCELED, S.REJECTED, S.EXPIRED}
    assert {s for s in S if s.is_unproven} == {S.PENDING, S.SUBMITTED, S.UNKNOWN}


def test_a_move_keeps_its_reason_until_another_is_given() -> None:
    order = make_order(state=S.OPEN).moved(S.PENDING_CANCEL, at=NOW, reason="patience")
    assert order.moved(S.CANCELED, at=LATER).reason == "patience"
    assert order.moved(S.OPEN, at=LATER, reason="refused").reason == "refused"


@pytest.mark.parametrize(
    ("state", "remaining"),
    [
        pytest.param(S.PENDING, "1", id="unsent counts at full size"),
        pytest.param(S.UNKNOWN, "1", id="unproven counts at full size"),
        pytest.param(S.OPEN, "1", id="open counts at full size"),
        pytest.param(S.PENDING_CANCEL, "1", id="a cancel on its way has cancelled nothing"),
        pytest.param(S.CANCELED, "0", id="canceled has nothing left"),
        pytest.param(S.REJECTED, "0", id="rejected has nothing left"),
    ],
)
def test_what_may_still_fill(state: OrderState, remaining: str) -> None:
    assert make_order(qty=1, state=state).remaining_qty == dec(remaining)


def test_a_partial_fill_leaves_the_rest() -> None:
    order = make_order(qty=1, filled_qty=dec("0.3"), state=S.PARTIALLY_FILLED)
    assert order.remaining_qty == dec("0.7")


@pytest.mark.parametrize(
    ("filled", "booked", "awaits"),
    [
        pytest.param("0.3", "0", True, id="reported and not read yet"),
        pytest.param("0.3", "0.2", True, id="read in part"),
        pytest.param("0.3", "0.3", False, id="read to the last"),
        pytest.param("0", "0", False, id="nothing to read"),
        pytest.param("0.2", "0.3", False, id="fills that were read before the report"),
    ],
)
def test_an_order_awaits_fills_that_were_reported_and_not_booked(
    filled: str, booked: str, awaits: bool
) -> None:
    order = make_order(qty=1, filled_qty=dec(filled), booked_qty=dec(booked))
    assert order.awaits_fills is awaits


def test_only_gtx_is_post_only() -> None:
    assert {t for t in TimeInForce if make_order(time_in_force=t).post_only} == {TimeInForce.GTX}


def test_a_fill_is_signed_by_its_side_and_known_by_venue_symbol_and_trade() -> None:
    sold, bought = make_fill(Side.SELL, "0.2"), make_fill(Side.BUY, "0.2")
    assert (sold.signed_qty, bought.signed_qty) == (dec("-0.2"), dec("0.2"))
    assert sold.key == ("main", "BTC/USDT:USDT", "1")


def test_a_cancel_that_is_asked_for_again_began_with_the_first() -> None:
    order, later = make_order(state=S.OPEN), NOW + timedelta(minutes=3)
    first = order.leaving(at=NOW, why="patience")
    assert (first.state, first.leaving_since, first.reason) == (S.PENDING_CANCEL, NOW, "patience")
    found = replace(first, state=S.OPEN, updated_at=later)
    again = found.leaving(at=later, why="stopping")
    assert (again.leaving_since, again.updated_at) == (NOW, later)
    assert found.wanted_again.leaving(at=later, why="superseded").leaving_since == later
    with pytest.raises(IllegalMove):
        make_order(state=S.FILLED).leaving(at=NOW, why="too late")


@pytest.mark.parametrize(
    "said",
    ["Order would immediately match and take.", "-2010 Order would immediately match and take."],
)
def test_a_code_stands_once_before_its_words(said: str) -> None:
    why = with_code("-2010", said)
    assert why == "-2010: Order would immediately match and take."
    assert not is_refusal(OrderState.REJECTED, why)
