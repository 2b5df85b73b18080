"""Where nothing may be added: what is asked for is refused, what works is taken down, and what closes goes on."""

from __future__ import annotations

from dataclasses import replace

import pytest

from counterpoise.decide.guards.limits import review
from counterpoise.decide.guards.margin import guard_margin
from counterpoise.decide.guards.trading_state import restrained
from counterpoise.domain.numbers import dec
from counterpoise.domain.order import Order, OrderState, Side
from counterpoise.domain.plan import NOTHING
from counterpoise.domain.policy import MarginPolicy
from tests.build import VENUE, make_order, make_policy, make_view
from tests.unit.decide.guards.test_margin import book, world

# survival alone would let everything pass: the stop has to do it
POLICY = make_policy(margin=MarginPolicy(survive=dec("0.01"), transfers=False))
ADDS = make_order(qty="0.001", price=100_000)
CLOSES = replace(ADDS, client_order_id="closes", side=Side.BUY, reduce_only=True)
COINS = replace(ADDS, client_order_id="coins", symbol="BTC/USDT")


@pytest.mark.parametrize(("futures", "stopped"), [(20_400, True), (20_600, False)])
def test_an_order_that_adds_is_refused_below_the_level_and_not_above(
    futures: int, stopped: bool
) -> None:
    snapshot = world(futures)
    margin = guard_margin(snapshot, book(), POLICY)
    _, refused = review([ADDS], snapshot, book(), POLICY, make_view(snapshot, POLICY), margin)
    assert ("margin_stops_adding" in [r.reason.code for r in refused]) is stopped


def test_what_works_is_taken_down_but_for_what_closes_and_coins() -> None:
    snapshot = world(15_000)
    working = [replace(o, state=OrderState.OPEN) for o in (ADDS, CLOSES, COINS)]
    recorded = replace(book(), orders=tuple(working))
    margin = guard_margin(snapshot, recorded, POLICY)
    assert set(margin.stops) == {(VENUE, "USDT")}
    view = make_view(snapshot, POLICY)
    going = restrained(NOTHING, snapshot, recorded, view, margin.stops)
    assert [_id(c.order) for c in going.cancel] == [_id(ADDS)]


def test_an_unproven_one_waits_until_it_is_found() -> None:
    snapshot = world(15_000)
    recorded = replace(book(), orders=(replace(ADDS, state=OrderState.UNKNOWN),))
    margin = guard_margin(snapshot, recorded, POLICY)
    view = make_view(snapshot, POLICY)
    assert restrained(NOTHING, snapshot, recorded, view, margin.stops).cancel == ()


def _id(order: Order) -> str:
    return order.client_order_id
