from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from counterpoise.domain.numbers import ZERO, dec
from counterpoise.domain.order import ABSENT, Order, OrderState
from counterpoise.domain.plan import Plan
from counterpoise.domain.policy import ExecutionPolicy, LadderKind, LimitsPolicy
from counterpoise.plan.case import CROSSING, MAX_ATTEMPTS, SOON
from tests.build import NOW, Number, make_policy
from tests.unit.plan.ladders import Walk, shown

S = OrderState
SLOT = timedelta(seconds=30)


def walk(want: Number, position: Number = 0, limits: Any = None, **changes: Any) -> Walk:
    """Four parts in two minutes."""
    made: dict[str, Any] = {
        "ladder": LadderKind.TIMED, "rungs": 4, "patience": timedelta(minutes=2), **changes
    }  # fmt: skip
    policy = make_policy(
        execution=ExecutionPolicy(**made), limits=limits or LimitsPolicy(max_turnover_24h=dec(100))
    )
    return Walk(policy=policy, want=dec(want), position=dec(position))


def codes(made: Plan) -> list[str]:
    return [h.reason.code for h in made.holds]


def test_parts_come_one_after_the_other() -> None:
    going = walk("-0.4")
    first = going.look()
    assert shown(first.place) == [("GTX", "0.1", "100000.1", 0)]
    assert first.wake_at == NOW + SLOT
    going.fills("0.1")
    between = going.look(seconds=10)
    assert (between.place, between.cancel, between.wake_at) == ((), (), NOW + SLOT)
    going.price = dec(100_500)
    assert shown(going.look(seconds=20).place) == [("GTX", "0.1", "100500.1", 1)]
    going.fills("0.1")
    assert shown(going.look(seconds=30).place) == [("GTX", "0.1", "100500.1", 2)]
    going.fills("0.1")
    assert shown(going.look(seconds=30).place) == [("GTX", "0.1", "100500.1", 3)]
    going.fills("0.1")
    done = going.look(seconds=1)
    assert (done.place, done.cancel, done.holds, done.wake_at) == ((), (), (), None)
    assert going.position == dec("-0.4")


def test_what_a_slot_left_undone_crosses_under_the_cap_when_the_next_begins() -> None:
    going = walk("-0.4")
    going.look()
    going.fills("0.03")
    over = going.look(seconds=30)
    assert [(c.order.rung, c.why) for c in over.cancel] == [(0, "its time is over")]
    assert (over.place, over.wake_at) == ((), NOW + SLOT + SOON)
    assert shown(going.look(seconds=1).place) == [
        ("IOC", "0.07", "99800", CROSSING + 1),
        ("GTX", "0.1", "100000.1", 1),
    ]
    assert going.position == dec("-0.1")
    assert going.look(seconds=1).place == ()


def test_a_crossing_that_finds_nobody_is_left_to_the_next_part() -> None:
    going = walk("-0.4")
    going.venue = lambda o: replace(o, state=S.EXPIRED if o.rung >= CROSSING else S.OPEN)
    going.look()
    going.look(seconds=30)
    assert [o.rung for o in going.look(seconds=1).place] == [CROSSING + 1, 1]
    # once per slot: what did not cross waits for the end of this one
    assert going.look(seconds=1).place == ()
    going.look(seconds=29)
    assert [(o.rung, o.qty) for o in going.look(seconds=1).place] == [
        (CROSSING + 2, dec("0.2")),
        (2, dec("0.1")),
    ]


def test_it_crosses_once_per_slot_also_when_the_part_is_refused() -> None:
    going = walk("-0.4")
    going.look()
    going.look(seconds=30)
    going.venue = lambda o: replace(o, state=S.EXPIRED if o.rung >= CROSSING else S.REJECTED)
    assert [o.rung for o in going.look(seconds=1).place] == [CROSSING + 1, 1]
    assert [o.rung for o in going.look(seconds=1).place] == [1]


def test_a_crossing_that_never_reached_the_venue_was_none() -> None:
    going = walk("-0.4")
    going.look()
    going.look(seconds=30)
    going.venue = lambda o: replace(o, state=S.REJECTED, reason=ABSENT)
    assert [o.rung for o in going.look(seconds=1).place] == [CROSSING + 1, 1]
    again = going.look(seconds=25).place
    assert [(o.rung, o.attempt) for o in again] == [(CROSSING + 1, 1), (1, 1)]


def test_nothing_new_is_placed_before_the_old_part_is_proven_gone() -> None:
    going = walk("-0.4")
    going.look()
    going.look(seconds=30)
    gone = going.recorded.orders[0]
    going.recorded = replace(going.recorded, orders=(replace(gone, state=S.PENDING_CANCEL),))
    waits = going.look(seconds=1)
    assert (waits.place, waits.wake_at) == ((), going.now + SOON)


def test_the_end_crosses_with_all_that_is_missing() -> None:
    going = walk("-0.4")
    going.look()
    going.look(seconds=121)
    last = going.look(seconds=1)
    assert shown(last.place) == [("IOC", "0.4", "99800", CROSSING)]
    assert going.position == dec("-0.4")


def test_a_daemon_that_was_away_catches_up_with_one_crossing() -> None:
    going = walk("-0.4")
    going.look()
    going.look(seconds=95)
    assert [(o.rung, o.qty) for o in going.look(seconds=1).place] == [
        (CROSSING + 3, dec("0.3")),
        (3, dec("0.1")),
    ]


@pytest.mark.parametrize(
    ("want", "parts"),
    [
        pytest.param("-0.4", ["0.1", "0.1", "0.1", "0.1"], id="equal parts"),
        pytest.param("-0.403", ["0.103", "0.1", "0.1", "0.1"], id="the first takes the rest"),
        pytest.param("-0.003", ["0.001", "0.001", "0.001", "0"], id="three lots, three parts"),
        pytest.param("-0.002", ["0.001", "0", "0.001", "0"], id="two parts, evenly over time"),
        pytest.param("-0.001", ["0.001", "0", "0", "0"], id="one part"),
    ],
)
def test_parts_too_small_to_trade_are_merged(want: str, parts: list[str]) -> None:
    going = walk(want)
    seen = []
    for _ in parts:
        placed = going.look(seconds=30 if seen else 0).place
        assert all(o.post_only for o in placed)
        seen.append(sum((o.qty for o in placed), ZERO))
        for order in placed:
            going.fills(order.qty)
    assert seen == [dec(p) for p in parts]


def test_parts_below_the_smallest_notional_are_merged_and_too_little_is_told() -> None:
    going = walk("-0.009")
    going.traded = {"min_notional": dec(250)}
    assert [o.qty for o in going.look().place] == [dec("0.003")]
    little = walk("-0.002")
    little.traded = {"min_notional": dec(250)}
    made = little.look()
    assert (made.place, codes(made), made.wake_at) == ((), ["below_minimum"], None)


def test_a_close_is_reduce_only_and_its_last_small_part_goes_too() -> None:
    going = walk("0", position="-0.004")
    going.traded = {"min_notional": dec(500)}
    made = going.look()
    assert [(o.qty, o.reduce_only) for o in made.place] == [(dec("0.004"), True)]


def test_the_other_side_of_zero_has_its_own_time() -> None:
    going = walk("0.2", position="-0.2")
    for _ in range(4):
        going.look(seconds=30)
        going.fills("0.05")
    assert going.position == 0
    second = going.look(seconds=60)
    assert [(o.qty, o.reduce_only) for o in second.place] == [(dec("0.05"), False)]


def test_a_part_that_is_refused_is_priced_anew_with_a_bound() -> None:
    """The market runs away from the order each time it arrives."""
    going = walk("-0.4", every=timedelta(minutes=5))

    def runs_away(order: Order) -> Order:
        going.price -= 50
        crosses = order.rung >= CROSSING
        return replace(order, state=S.EXPIRED if crosses else S.REJECTED, reason="-5022: taken")

    going.venue = runs_away
    for attempt in range(MAX_ATTEMPTS):
        placed = going.look(seconds=1).place
        assert [(o.rung, o.attempt) for o in placed] == [(0, attempt)]
    waits = going.look(seconds=1)
    assert (waits.place, codes(waits)) == ((), ["rungs_refused"])
    assert len({o.client_order_id for o in going.recorded.orders}) == MAX_ATTEMPTS


def test_an_order_is_no_larger_than_the_largest_and_no_rung_lives_twice() -> None:
    going = walk("-0.4", limits=LimitsPolicy(max_order_notional=dec(5_000)))
    for _ in range(3):
        going.look(seconds=1)
    assert [(o.rung, o.qty < dec("0.05")) for o in going.live] == [(0, True)]


@pytest.mark.parametrize("fill", ["0", "0.013", "0.1"])
def test_never_more_is_open_than_missing(fill: str) -> None:
    going = walk("-0.4")
    for _ in range(40):
        going.look(seconds=7)
        for order in list(going.live):
            going.fills(min(dec(fill), order.remaining_qty), going.live.index(order))
        still: Decimal = sum((o.remaining_qty for o in going.live), ZERO)
        assert still <= dec("0.4") + going.position
    assert going.position == dec("-0.4")
    assert not going.live
