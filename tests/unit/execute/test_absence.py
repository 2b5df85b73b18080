from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from counterpoise.domain.numbers import dec
from counterpoise.domain.order import OrderState, Side
from counterpoise.execute.absence import (
    FORGOTTEN_AFTER,
    LOOKUPS,
    RECV_WINDOW,
    SKEW_MARGIN,
    SPACING,
    VENUE_TIMEOUT,
    Absences,
    earliest_absence,
    others_explain,
)
from tests.build import NOW, make_fill, make_order

APPROVAL = timedelta(seconds=30)
TICK = timedelta(microseconds=1)
#: The last instant at which a request sent under this approval could still be accepted.
LAST_ACCEPT = NOW + APPROVAL + RECV_WINDOW + VENUE_TIMEOUT
LATE = LAST_ACCEPT + timedelta(minutes=1)
ORDER = make_order(state=OrderState.UNKNOWN, created_at=NOW)
ID = ORDER.client_order_id


def after_looks(*instants: datetime) -> Absences:
    """What is known after answered look-ups at ``instants`` that found nothing."""
    absences = Absences(APPROVAL)
    for instant in instants:
        absences.missed(ID, instant)
    return absences


def spaced(count: int, start: datetime = LAST_ACCEPT + TICK, by: timedelta = SPACING) -> Absences:
    return after_looks(*(start + by * n for n in range(count)))


def test_it_is_proven_when_every_condition_holds() -> None:
    assert spaced(LOOKUPS).proven(ORDER, LATE, position_explained=True)


@pytest.mark.parametrize("state", [OrderState.PENDING, OrderState.SUBMITTED, OrderState.UNKNOWN])
def test_any_unproven_state_can_be_proven_absent(state: OrderState) -> None:
    order = make_order(state=state, created_at=NOW)
    assert spaced(LOOKUPS).proven(order, LATE, position_explained=True)


def test_the_earliest_instant_that_is_told_is_the_one_at_which_it_can_be_proven() -> None:
    asked = spaced(LOOKUPS)
    earliest = earliest_absence(ORDER, APPROVAL)
    assert not asked.proven(ORDER, earliest, position_explained=True)
    assert asked.proven(ORDER, earliest + TICK, position_explained=True)
    known = replace(ORDER, venue_order_id="v1")
    assert earliest_absence(known, APPROVAL) == NOW + FORGOTTEN_AFTER


# --- each condition that is missing is enough to say no


@pytest.mark.parametrize("state", [s for s in OrderState if not s.is_unproven])
def test_an_order_the_venue_has_confirmed_is_never_absent(state: OrderState) -> None:
    order = make_order(state=state, created_at=NOW)
    assert not spaced(LOOKUPS).proven(order, LATE, position_explained=True)


def test_an_order_the_venue_once_acknowledged_is_never_absent() -> None:
    order = make_order(state=OrderState.UNKNOWN, created_at=NOW, venue_order_id="v1")
    assert not spaced(LOOKUPS).proven(order, LATE, position_explained=True)


def test_it_is_not_proven_while_the_request_may_still_arrive() -> None:
    # three misses, each after the last acceptance: only the margin for clock skew is not over
    by = SKEW_MARGIN / (LOOKUPS - 1) - TICK
    assert by >= SPACING
    absences = spaced(LOOKUPS, by=by)
    over = LAST_ACCEPT + SKEW_MARGIN
    assert not absences.proven(ORDER, over, position_explained=True)
    assert absences.proven(ORDER, over + TICK, position_explained=True)


def test_it_is_not_proven_by_too_few_looks() -> None:
    for count in range(LOOKUPS):
        assert not spaced(count).proven(ORDER, LATE, position_explained=True)


def test_it_is_not_proven_by_looks_from_before_the_request_was_over() -> None:
    early = [LAST_ACCEPT - SPACING * n for n in range(20, -1, -1)]
    assert not after_looks(*early).proven(ORDER, LATE, position_explained=True)
    late = [LAST_ACCEPT + SPACING * n for n in range(1, LOOKUPS)]
    assert not after_looks(*early, *late).proven(ORDER, LATE, position_explained=True)
    one_more = LAST_ACCEPT + SPACING * LOOKUPS
    assert after_looks(*early, *late, one_more).proven(ORDER, LATE, position_explained=True)


def test_it_is_not_proven_by_looks_in_one_burst() -> None:
    burst = [LAST_ACCEPT + TICK * n for n in range(1, 50)]
    assert not after_looks(*burst).proven(ORDER, LATE, position_explained=True)
    assert not spaced(50, by=SPACING / 50).proven(ORDER, LATE, position_explained=True)
    # the gap counts from the last look that counted: a denser row still adds up
    assert spaced(9, by=SPACING / 2).proven(ORDER, LATE, position_explained=True)


def test_it_is_not_proven_while_the_position_is_unexplained() -> None:
    assert not spaced(LOOKUPS).proven(ORDER, LATE, position_explained=False)


# --- what starts the count anew


def test_a_find_forgets_every_miss() -> None:
    absences = spaced(LOOKUPS)
    absences.found(ID)
    assert not absences.proven(ORDER, LATE, position_explained=True)
    absences.found(ID)  # and may come twice


def test_a_restart_counts_anew() -> None:
    assert spaced(LOOKUPS).proven(ORDER, LATE, position_explained=True)
    assert not Absences(APPROVAL).proven(ORDER, LATE, position_explained=True)


def test_misses_of_one_order_say_nothing_of_another() -> None:
    other = make_order(client_order_id="cp-other", state=OrderState.UNKNOWN, created_at=NOW)
    assert not spaced(LOOKUPS).proven(other, LATE, position_explained=True)


def test_an_order_with_a_later_birth_needs_later_looks() -> None:
    younger = make_order(state=OrderState.UNKNOWN, created_at=NOW + timedelta(seconds=10))
    assert not spaced(LOOKUPS).proven(younger, LATE, position_explained=True)


def test_a_longer_approval_takes_longer_to_disprove() -> None:
    absences = Absences(APPROVAL + timedelta(minutes=1))
    for n in range(LOOKUPS):
        absences.missed(ID, LAST_ACCEPT + SPACING * (n + 1))
    assert not absences.proven(ORDER, LATE, position_explained=True)


@pytest.mark.parametrize(("days", "proven"), [(2, False), (4, True)])
def test_an_acknowledged_order_is_forgotten_only_after_days(days: int, proven: bool) -> None:
    absences = Absences(APPROVAL)
    order = make_order(state=OrderState.UNKNOWN, venue_order_id="77", created_at=NOW)
    later = NOW + timedelta(days=days)
    for number in range(LOOKUPS):
        absences.missed(order.client_order_id, later + number * SPACING)
    now = later + LOOKUPS * SPACING
    assert absences.proven(order, now, position_explained=True) is proven


def test_orders_of_others_explain_what_their_newest_trades_add_up_to() -> None:
    hand = make_fill(Side.SELL, "0.05", client_order_id="by-hand")
    earlier = make_fill(Side.BUY, "0.3", client_order_id="by-hand-0")
    assert others_explain(dec("-0.05"), [earlier, hand])
    assert others_explain(dec("0.25"), [earlier, hand])
    assert not others_explain(dec("-0.04"), [earlier, hand])
    assert not others_explain(dec("0.3"), [earlier, hand])
    assert not others_explain(dec("-0.05"), [])


def test_a_trade_whose_order_has_no_name_explains_nothing() -> None:
    hand = make_fill(Side.SELL, "0.05", client_order_id="by-hand")
    assert not others_explain(dec("-0.05"), [replace(hand, client_order_id=None), hand])
