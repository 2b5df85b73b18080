from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest

from counterpoise.domain.numbers import dec
from counterpoise.domain.order import Order, OrderState
from counterpoise.domain.plan import Plan
from counterpoise.domain.policy import ExecutionPolicy, LadderKind, LimitsPolicy
from counterpoise.plan.case import CROSSING, MAX_ATTEMPTS, SOON
from tests.build import NOW, Number, make_policy
from tests.unit.plan.ladders import Walk, shown

S = OrderState
EVERY = timedelta(seconds=5)


def walk(want: Number, position: Number = 0, limits: Any = None, **changes: Any) -> Walk:
    """A chase over two minutes, priced anew at most every 5 s when the market left by more than 2 bps."""
    made: dict[str, Any] = {"ladder": LadderKind.CHASE, **changes}
    policy = make_policy(
        execution=ExecutionPolicy(**made), limits=limits or LimitsPolicy(max_turnover_24h=dec(100))
    )
    return Walk(policy=policy, want=dec(want), position=dec(position))


def codes(made: Plan) -> list[str]:
    return [h.reason.code for h in made.holds]


@pytest.mark.parametrize(
    ("want", "price"), [("-0.4", "100000.1"), ("0.4", "99999.9")], ids=["sell", "buy"]
)
def test_one_order_stands_at_the_best_price_of_its_side(want: str, price: str) -> None:
    going = walk(want)
    made = going.look()
    assert shown(made.place) == [("GTX", "0.4", price, 0)]
    assert made.wake_at == NOW + EVERY
    again = going.look(seconds=5)
    assert (again.place, again.cancel) == ((), ())
    assert len(again.keep) == 1


@pytest.mark.parametrize(
    ("want", "to", "follows"),
    [
        pytest.param("-0.4", 99_979, True, id="a sell that is 2.1 bps behind"),
        pytest.param("-0.4", 99_981, False, id="a sell that is 1.9 bps behind"),
        pytest.param("0.4", 100_021, True, id="a buy that is 2.1 bps behind"),
        pytest.param("0.4", 100_019, False, id="a buy that is 1.9 bps behind"),
        pytest.param("-0.4", 100_100, False, id="a market that comes nearer is let in"),
    ],
)
def test_it_follows_a_market_that_left(want: str, to: int, follows: bool) -> None:
    going = walk(want)
    going.look()
    going.price = dec(to)
    made = going.look(seconds=5)
    assert [c.why for c in made.cancel] == (["the market left"] if follows else [])
    assert made.place == ()
    placed = going.look(seconds=1).place
    touch = dec(to) + (dec("0.1") if want.startswith("-") else -dec("0.1"))
    assert [(o.price, o.attempt) for o in placed] == ([(touch, 1)] if follows else [])


def test_it_is_priced_anew_once_per_pause_at_most() -> None:
    going = walk("-0.4")
    for _ in range(60):
        going.price -= 30
        going.look(seconds=1)
    times = [o.created_at for o in going.recorded.orders]
    gaps = [b - a for a, b in pairwise(times)]
    assert min(gaps) >= EVERY
    assert len(times) >= 10


def test_an_order_stands_for_its_pause_before_it_is_taken_down() -> None:
    going = walk("-0.4")
    going.look()
    going.price = dec(99_900)
    early = going.look(seconds=4)
    assert (early.cancel, early.wake_at) == ((), NOW + EVERY)
    assert going.look(seconds=1).cancel


def test_the_old_order_is_proven_gone_before_the_new_one_is_placed() -> None:
    going = walk("-0.4")
    going.look()
    going.price = dec(99_900)
    going.look(seconds=5)
    gone = going.recorded.orders[0]
    going.recorded = replace(going.recorded, orders=(replace(gone, state=S.PENDING_CANCEL),))
    waits = going.look(seconds=1)
    assert (waits.place, waits.cancel) == ((), ())
    assert waits.wake_at is not None
    going.ends(going.live[0], S.CANCELED)
    assert shown(going.look(seconds=1).place) == [("GTX", "0.4", "99900.1", 0)]


def test_only_the_rest_is_placed_anew() -> None:
    going = walk("-0.4")
    going.look()
    going.fills("0.15")
    going.price = dec(99_900)
    going.look(seconds=5)
    assert shown(going.look(seconds=1).place) == [("GTX", "0.25", "99900.1", 0)]


def test_a_rest_that_could_not_be_placed_anew_stays_where_it_is() -> None:
    going = walk("-0.004")
    going.traded = {"min_notional": dec(250)}
    going.look()
    going.fills("0.003")
    going.price = dec(99_000)
    made = going.look(seconds=5)
    assert (made.cancel, len(made.keep)) == ((), 1)


@pytest.mark.parametrize(
    ("want", "quote", "price"),
    [
        pytest.param("0.4", {"bid": dec(100_500), "ask": dec(100_501)}, "100200", id="buy"),
        pytest.param("-0.4", {"bid": dec(99_400), "ask": dec(99_401)}, "99800", id="sell"),
    ],
)
def test_it_never_stands_beyond_the_cap(want: str, quote: dict[str, Any], price: str) -> None:
    """The book is 50 bps beyond the mark, the cap 20."""
    assert [o.price for o in walk(want).look(**quote).place] == [dec(price)]


def test_what_the_cap_has_passed_is_taken_down_at_once() -> None:
    going = walk("0.4")
    going.look()
    going.price = dec(99_000)
    assert len(going.look(seconds=1).cancel) == 1


def test_when_patience_has_run_out_it_crosses_under_the_cap() -> None:
    going = walk("-0.4")
    going.look()
    over = going.look(seconds=120)
    assert ([c.why for c in over.cancel], over.place) == (["patience"], ())
    assert shown(going.look(seconds=1).place) == [("IOC", "0.4", "99800", CROSSING)]
    done = going.look(seconds=1)
    assert (going.position, done.place, done.holds) == (dec("-0.4"), (), ())


def test_patience_is_looked_at_in_time() -> None:
    going = walk("-0.4")
    going.look()
    assert going.look(seconds=118).wake_at == NOW + timedelta(minutes=2)
    never = walk("-0.4")
    never.look()
    never.price = dec(99_000)
    assert never.look(seconds=100).wake_at == never.now + SOON


def test_refused_prices_are_tried_anew_with_a_bound() -> None:
    """The market runs away: each order would have taken when it arrives."""
    going = walk("-0.4")

    def runs_away(order: Order) -> Order:
        if order.rung == CROSSING:
            return replace(order, state=S.FILLED, filled_qty=order.qty)
        going.price -= 100
        return replace(order, state=S.REJECTED, reason="-5022: would take")

    going.venue = runs_away
    for _ in range(100):
        going.look(seconds=1)
    tries = going.recorded.orders
    assert [o.attempt for o in tries] == list(range(MAX_ATTEMPTS))
    assert codes(going.look(seconds=1)) == ["rungs_refused"]
    going.look(seconds=25)
    assert going.position == dec("-0.4")
    assert len(going.recorded.orders) == MAX_ATTEMPTS + 1


def test_cancelled_orders_are_no_refusals() -> None:
    going = walk("-0.4")
    for _ in range(100):
        going.price -= 30
        going.look(seconds=1)
    assert len(going.recorded.orders) > 2 * MAX_ATTEMPTS
    assert len(going.live) <= 1


def test_orders_within_the_largest_follow_each_other() -> None:
    going = walk("-0.1", limits=LimitsPolicy(max_order_notional=dec(5_000)))
    going.look()
    first = going.live[0].qty
    going.fills(first)
    assert going.look(seconds=1).place == ()
    assert sum((o.qty for o in going.look(seconds=4).place), dec(0)) == first


def test_too_little_is_told_and_without_a_price_nothing_is_placed() -> None:
    little = walk("-0.0004")
    assert codes(little.look()) == ["below_minimum"]
    blind = walk("-0.4").look(bid=None, ask=None, mark=None)
    assert (blind.place, codes(blind)) == ((), ["not_valued"])


def test_a_close_is_reduce_only() -> None:
    made = walk("0", position="-0.4").look()
    assert [(o.qty, o.reduce_only, o.side.value) for o in made.place] == [(dec("0.4"), True, "buy")]
