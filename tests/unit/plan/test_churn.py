from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from counterpoise.domain.numbers import dec
from counterpoise.domain.order import OrderState
from counterpoise.domain.plan import Plan
from counterpoise.domain.policy import ExecutionPolicy, LadderKind, LimitsPolicy
from tests.build import make_policy
from tests.unit.plan.ladders import Walk

#: The smallest order is worth 250 USDT: 0.003 BTC at 100,000.
COARSE = {"min_notional": dec(250)}


def walk(want: str, position: str = "0", **execution: Any) -> Walk:
    """A resting ladder that has begun to work."""
    policy = make_policy(
        execution=ExecutionPolicy(rungs=3, **execution),
        limits=LimitsPolicy(max_turnover_24h=dec(100)),
    )
    going = Walk(policy=policy, want=dec(want), position=dec(position), traded=COARSE)
    going.look()
    return going


def superseded(going: Walk, want: str) -> bool:
    """Whether the wish takes the working orders down; if not, it is said why."""
    going.want = dec(want)
    made = going.look(seconds=1)
    waits = [h.reason.code for h in made.holds] == ["change_unworthy"]
    assert waits is (not made.cancel)
    return bool(made.cancel)


@pytest.mark.parametrize(
    ("start", "want", "acts"),
    [
        pytest.param("-0.3", "-0.302", False, id="growth that no order can be sent for"),
        pytest.param("-0.3", "-0.303", True, id="growth by the smallest order"),
        pytest.param("-0.3", "-0.298", False, id="a cut that no order can be sent for"),
        pytest.param("-0.3", "-0.297", True, id="a cut by the smallest order"),
        pytest.param("0.3", "0.302", False, id="a long that grows by too little"),
        pytest.param("0.3", "0.297", True, id="a long that is cut"),
        pytest.param("-20", "-20.009", False, id="growth worth less than 5 bps of what is left"),
        pytest.param("-20", "-20.01", True, id="growth worth just as much"),
        pytest.param("-20", "-19.997", True, id="a cut never waits for its cost"),
        pytest.param("-0.3", "0", True, id="the end"),
        pytest.param("-0.003", "0", True, id="the end of the smallest"),
        pytest.param("-0.003", "0.001", True, id="the other side of zero"),
    ],
)
def test_a_working_ladder_is_superseded_by_what_is_worth_it(
    start: str, want: str, *, acts: bool
) -> None:
    assert superseded(walk(start), want) is acts


def test_the_cost_is_that_of_what_is_left_to_do() -> None:
    going = walk("-20")
    going.fills(going.live[0].qty, 0)
    going.fills(going.live[0].qty, 0)
    assert going.position < -13
    # a third is left: 5 bps of it are 0.0033
    assert superseded(going, "-20.004")


def test_once_the_ladder_is_done_the_newest_wish_counts() -> None:
    going = walk("-0.3")
    assert not superseded(going, "-0.302")
    for _ in range(3):
        going.fills(going.live[0].qty, 0)
    assert going.position == dec("-0.3")
    done = going.look(seconds=1)
    assert [h.reason.code for h in done.holds] == ["below_minimum"]
    assert done.targets[0].qty == dec("-0.302")
    going.want = dec("-0.303")
    assert sum(o.qty for o in going.look(seconds=1).place) == dec("0.003")


def test_small_changes_do_not_add_up_unseen() -> None:
    going = walk("-0.3")
    assert not superseded(going, "-0.301")
    assert not superseded(going, "-0.302")
    assert superseded(going, "-0.303")


def test_a_timed_ladder_between_two_parts_still_works() -> None:
    going = walk("-0.3", ladder=LadderKind.TIMED, patience=timedelta(minutes=3))
    going.fills(going.live[0].qty)
    going.want = dec("-0.302")
    made = going.look(seconds=1)
    assert not going.live
    assert [h.reason.code for h in made.holds] == ["change_unworthy"]
    assert [o.rung for o in going.look(seconds=60).place] == [1]


def test_what_a_guard_wants_is_never_too_little() -> None:
    going = walk("-0.3")
    going.guarded = True
    going.want = dec("-0.299")
    assert going.look(seconds=1).cancel


def test_orders_of_an_unproven_outcome_are_left_alone_all_the_same() -> None:
    going = walk("-0.3")
    going.ends(going.live[0], OrderState.UNKNOWN)
    going.want = dec("-0.302")
    made: Plan = going.look(seconds=1)
    assert (made.cancel, made.place) == ((), ())
