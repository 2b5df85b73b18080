from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from counterpoise.app.judge import Judgement, judge
from counterpoise.decide.agreed import beyond
from counterpoise.decide.approvals import Terms, is_asked, reviewed
from counterpoise.decide.combine import granted_of
from counterpoise.domain.decision import Decision
from counterpoise.domain.numbers import dec
from counterpoise.domain.operator import Approval, ApprovalState
from counterpoise.domain.policy import ApprovePolicy, PortfolioPolicy
from counterpoise.domain.reasons import reason
from counterpoise.domain.records import Flow, StrategyRecord
from counterpoise.domain.scene import Held
from counterpoise.domain.strategy import (
    DriftPolicy,
    HedgePolicy,
    HedgeState,
    StrategyState,
    to_document,
    with_overlays,
)
from counterpoise.domain.strategy.hedge import HedgePhase
from tests.build import (
    NOW,
    PORTFOLIO,
    VENUE,
    Number,
    make_policy,
    make_recorded,
    make_scene,
    make_snapshot,
    make_universe,
)

A = ApprovalState
HOUR = timedelta(hours=1)
FULL = HedgePolicy(id="full", asset="BTC", ratio=dec(1))
ASKS = make_policy(
    FULL, DriftPolicy(id="shape"), approve=ApprovePolicy(deposits=True, deadline=4 * HOUR)
)


def deposit(qty: Number = 1, id_: str = "f1", asset: str = "BTC") -> Flow:
    return Flow(id=id_, venue=VENUE, asset=asset, qty=dec(qty), at=NOW, source="ledger")


def wish(overlay: Number, previous: Number = "-0.5", strategy: str = "full") -> Decision:
    return Decision(
        strategy=strategy, kind="hedge", asset="BTC", overlay=dec(overlay), previous=dec(previous),
        reason=reason("nothing_held", asset="BTC"),
    )  # fmt: skip


def request(state: ApprovalState = A.WAITING, **changes: Any) -> Approval:
    made = Approval(
        id="a1", portfolio=PORTFOLIO, strategy="full", asset="BTC", cap=dec("-0.5"),
        wanted=dec(-1), why="1 BTC came in at sim", asked_at=NOW - HOUR, deadline_at=NOW + HOUR, state=state,
    )  # fmt: skip
    return replace(made, **changes)


def review(
    *known: Approval,
    flows: Sequence[Flow] = (),
    wishes: Sequence[Decision] | None = (),
    states: Mapping[str, StrategyState] | None = None,
    policy: PortfolioPolicy = ASKS,
) -> tuple[Approval, ...]:
    return reviewed(known, flows, wishes, states or {}, policy, NOW)


def test_a_hedge_that_grows_on_a_deposit_is_held_to_what_it_had() -> None:
    (made,) = review(flows=[deposit()], wishes=[wish(-1)])
    assert made.state is A.WAITING
    assert (made.strategy, made.asset, made.cap, made.wanted) == (
        "full",
        "BTC",
        dec("-0.5"),
        dec(-1),
    )
    assert (made.asked_at, made.deadline_at) == (NOW, NOW + 4 * HOUR)
    assert made.why == f"1 BTC came in at {VENUE}"
    # a look that is repeated after a crash makes the same request
    assert review(flows=[deposit()], wishes=[wish(-1)]) == (made,)


@pytest.mark.parametrize(
    ("flows", "wishes", "policy"),
    [
        ([], [wish(-1)], ASKS),
        ([deposit(-1)], [wish(-1)], ASKS),
        ([deposit(asset="SOL")], [wish(-1)], ASKS),
        ([deposit()], [wish("-0.5")], ASKS),
        ([deposit()], [wish("-0.2")], ASKS),
        ([deposit()], [wish(0)], ASKS),
        ([deposit()], [wish(-1)], replace(ASKS, approve=ApprovePolicy())),
    ],
    ids=["no flow", "withdrawal", "another asset", "same", "smaller", "closed", "not configured"],
)
def test_nobody_is_asked_without_need(
    flows: list[Flow], wishes: list[Decision], policy: PortfolioPolicy
) -> None:
    assert review(flows=flows, wishes=wishes, policy=policy) == ()


def test_an_overlay_that_changes_sides_grows() -> None:
    (made,) = review(flows=[deposit()], wishes=[wish("0.1")])
    assert (made.cap, made.wanted) == (dec("-0.5"), dec("0.1"))


def test_each_strategy_that_grows_is_asked_about() -> None:
    made = review(
        flows=[deposit(), deposit(2, "f2")],
        wishes=[wish(-1), wish("0.4", "0.1", "shape"), wish("-0.1", "-0.1", "other")],
    )
    assert {a.strategy: a.cap for a in made} == {"full": dec("-0.5"), "shape": dec("0.1")}
    assert len({a.id for a in made}) == 2
    assert {a.why for a in made} == {f"3 BTC came in at {VENUE}"}


# --- approve.plans


def planned(least: Number, *known: Approval, wishes: Sequence[Decision]) -> tuple[Approval, ...]:
    """What is asked where a person wants to hear of more than ``least``; BTC is at 100,000."""
    policy = replace(ASKS, approve=ApprovePolicy(plans=dec(least), deadline=4 * HOUR))
    return reviewed(known, (), wishes, {}, policy, NOW, Terms(prices={"BTC": dec(100_000)}))


@pytest.mark.parametrize(
    ("previous", "overlay"),
    [(0, "-0.5"), (0, "0.5"), ("-0.5", "-0.6"), ("-0.5", "0.1"), ("0.5", "-0.1")],
    ids=["opens short", "opens long", "grows", "turns long", "turns short"],
)
def test_what_opens_grows_or_turns_is_asked_about(previous: Number, overlay: Number) -> None:
    (made,) = planned(0, wishes=[wish(overlay, previous)])
    assert (made.state, made.cap, made.wanted) == (A.WAITING, dec(previous), dec(overlay))
    assert made.why == wish(overlay, previous).reason.text
    assert made.deadline_at == NOW + 4 * HOUR
    # a look that is repeated after a crash makes the same request
    assert planned(0, wishes=[wish(overlay, previous)]) == (made,)


@pytest.mark.parametrize(
    ("previous", "overlay"), [("-0.5", "-0.5"), ("-0.5", "-0.2"), ("-0.5", 0), ("0.5", "0.1")]
)
def test_what_stays_or_shrinks_is_not(previous: Number, overlay: Number) -> None:
    assert planned(0, wishes=[wish(overlay, previous)]) == ()


@pytest.mark.parametrize(
    ("previous", "overlay", "asked"),
    [
        (0, "-0.1", False),  # 10,000
        (0, "-0.101", True),
        ("-3", "-3.1", False),
        ("-3", "-3.2", True),
        ("0.5", "-0.05", False),  # 5,000 beyond nothing: what is closed does not count
        ("0.5", "-0.2", True),
    ],
)
def test_above_an_amount_is_what_is_added_at_the_price(
    previous: Number, overlay: Number, *, asked: bool
) -> None:
    assert bool(planned(10_000, wishes=[wish(overlay, previous)])) is asked


def test_without_a_price_a_person_is_asked() -> None:
    policy = replace(ASKS, approve=ApprovePolicy(plans=dec(10_000)))
    (made,) = reviewed((), (), [wish("-0.001", 0)], {}, policy, NOW)
    assert made.state is A.WAITING


@pytest.mark.parametrize("state", [A.DENIED, A.EXPIRED])
@pytest.mark.parametrize(("overlay", "asked"), [(-1, False), ("-1.04", False), ("-1.2", True)])
def test_a_no_stands_until_clearly_more_is_wanted(
    state: ApprovalState, overlay: Number, *, asked: bool
) -> None:
    refused = request(state)  # from -0.5 to -1
    made = {a.id: a for a in planned(0, refused, wishes=[wish(overlay, previous=-1)])}
    assert bool(made) is asked
    if asked:
        assert made.pop("a1").state is A.MOOT
        (anew,) = made.values()
        assert (anew.state, anew.cap, anew.wanted) == (A.WAITING, dec("-0.5"), dec("-1.2"))


def test_one_that_waits_is_not_joined_by_another() -> None:
    assert planned(0, request(), wishes=[wish("-1.01", previous=-1)]) == ()


def test_a_deposit_and_a_plan_in_one_look_are_one_request() -> None:
    policy = replace(ASKS, approve=ApprovePolicy(plans=dec(0), deposits=True))
    made = reviewed(
        (), [deposit()], [wish(-1)], {}, policy, NOW, Terms(prices={"BTC": dec(100_000)})
    )
    assert [a.why for a in made] == [f"1 BTC came in at {VENUE}"]


@pytest.mark.parametrize("state", [A.WAITING, A.DENIED, A.EXPIRED])
def test_a_later_deposit_asks_anew_under_the_same_cap(state: ApprovalState) -> None:
    after = {
        a.id: a
        for a in review(
            request(state), flows=[deposit(1, "f2")], wishes=[wish("-1.5", previous=-1)]
        )
    }
    assert after.pop("a1").state is A.MOOT
    (made,) = after.values()
    assert (made.state, made.cap, made.wanted) == (A.WAITING, dec("-0.5"), dec("-1.5"))


def test_nobody_answers_in_time() -> None:
    waits = request(deadline_at=NOW + timedelta(microseconds=1))
    assert review(waits, wishes=[wish(-1, -1)]) == ()
    (late,) = review(replace(waits, deadline_at=NOW), wishes=[wish(-1, -1)])
    assert (late.state, late.answered_at) == (A.EXPIRED, NOW)
    # told once; also where nothing is decided
    assert review(late, wishes=[wish(-1, -1)]) == ()
    assert review(replace(waits, deadline_at=NOW), wishes=None) == (late,)


@pytest.mark.parametrize("state", [A.WAITING, A.DENIED, A.EXPIRED])
@pytest.mark.parametrize("overlay", ["-0.5", "-0.1", "0"])
def test_what_is_wanted_no_more_is_moot(state: ApprovalState, overlay: str) -> None:
    (gone,) = review(request(state), wishes=[wish(overlay, -1)])
    assert gone.state is A.MOOT


@pytest.mark.parametrize("state", [A.DENIED, A.EXPIRED])
def test_what_was_denied_stays_capped_while_it_is_wanted(state: ApprovalState) -> None:
    assert review(request(state), wishes=[wish(-1, -1)]) == ()
    # a strategy that says nothing in this cycle has not given up its wish
    assert review(request(state), wishes=[]) == ()
    assert review(request(state), wishes=None) == ()


def test_a_strategy_that_is_gone_asks_for_nothing() -> None:
    (gone,) = review(request(strategy="removed"), wishes=[])
    assert gone.state is A.MOOT


def test_a_deposit_in_a_cycle_that_decides_nothing_is_not_forgotten() -> None:
    states = {"full": with_overlays(HedgeState(), {"BTC": dec("-0.5")})}
    made = review(flows=[deposit()], wishes=None, states=states)
    assert {a.strategy: (a.cap, a.wanted) for a in made} == {
        "full": (dec("-0.5"), dec("-0.5")),
        "shape": (dec(0), dec(0)),
    }
    assert not any(is_asked(a) for a in made)
    # a hold that lasts longer than the deadline is nobody's silence
    later = [replace(a, deadline_at=NOW) for a in made]
    assert review(*later, wishes=None) == ()
    full, shape = review(*later, wishes=[wish(-1), wish(0, 0, "shape")])
    assert (full.state, full.wanted, full.deadline_at) == (A.WAITING, dec(-1), NOW + 4 * HOUR)
    assert is_asked(full)
    assert shape.state is A.MOOT


@given(st.decimals(-9, 9, places=2), st.decimals(-9, 9, places=2))
def test_within_the_cap_is_between_it_and_zero(wanted: Any, cap: Any) -> None:
    inside = abs(wanted) <= abs(cap) and wanted * cap >= 0
    assert beyond(wanted, cap) is not inside


# --- in the judge: the request caps from the very cycle that makes it


def judged(
    *known: Approval, flows: tuple[Flow, ...] = (), spot: Number = 1, previous: Number = "-0.5"
) -> Judgement:
    """A full hedge of what is held; it wanted ``previous`` before."""
    policy = make_policy(FULL, approve=ASKS.approve)
    snapshot = make_snapshot(spot={"BTC": spot}, futures={"USDT": 200_000})
    state = with_overlays(HedgeState(phase=HedgePhase.ON), {"BTC": dec(previous)})
    record = StrategyRecord(id="full", kind="hedge", document=to_document(state))
    recorded = make_recorded(strategies={"full": record}, approvals=known)
    universe = make_universe(policy, snapshot)
    return judge(snapshot, recorded, policy, universe, {}, flows=flows)


def given_of(judgement: Judgement) -> Any:
    assert judgement.decisions is not None
    (decision,) = judgement.decisions.decisions
    return decision.granted


def test_without_a_flow_it_follows_what_is_held() -> None:
    assert given_of(judged()) == -1
    assert judged().approvals == ()


def test_with_a_deposit_it_waits_where_it_was() -> None:
    found = judged(flows=(deposit("0.5"),))
    assert given_of(found) == dec("-0.5")
    (made,) = found.approvals
    assert made.wanted == -1
    assert {n.code for n in found.decisions.notes} == {"awaits_approval"}  # type: ignore[union-attr]  # decided
    assert sum(a.order.qty for a in found.approved) == dec("0.5")


def test_it_goes_on_waiting_and_moves_once_it_may() -> None:
    (made,) = judged(flows=(deposit("0.5"),)).approvals
    assert given_of(judged(made, previous=-1)) == dec("-0.5")
    assert given_of(judged(replace(made, state=A.DENIED), previous=-1)) == dec("-0.5")
    assert given_of(judged(replace(made, state=A.APPROVED), previous=-1)) == -1


def test_a_withdrawal_cuts_without_asking() -> None:
    found = judged(flows=(deposit(-1),), spot="0.3")
    assert (given_of(found), found.approvals) == (dec("-0.3"), ())


def test_a_cycle_that_decides_nothing_keeps_the_deposit_in_mind() -> None:
    policy = make_policy(FULL, approve=ASKS.approve)
    snapshot = make_snapshot(spot={"BTC": 1}, futures={"USDT": 200_000}, as_of=NOW)
    late = replace(snapshot, as_of=NOW + HOUR)
    found = judge(
        late, make_recorded(), policy, make_universe(policy, snapshot), {}, flows=(deposit(),)
    )
    assert found.held
    assert [a.cap for a in found.approvals] == [0]


# --- the legs of a drift offset each other


@pytest.mark.parametrize(
    ("had", "pending", "wanted", "granted"),
    [
        pytest.param(2, 1, 5, 3, id="no further than it was given"),
        pytest.param(2, 1, 1, 1, id="letting go never waits"),
        pytest.param(-2, 0, 3, 0, id="to nothing before the other side"),
    ],
)
@pytest.mark.parametrize("state", [A.WAITING, A.DENIED])
def test_another_leg_grows_no_further_before_the_answer(
    state: ApprovalState, had: Number, pending: Number, wanted: Number, granted: Number
) -> None:
    snapshot = make_snapshot(
        {"BTC": 100_000, "SOL": 100}, spot={"BTC": 1, "SOL": 90}, futures={"USDT": 200_000}
    )
    held = {("shape", "SOL"): Held(futures=dec(had), pending=dec(pending))}
    scene = replace(make_scene(snapshot, make_policy()), held=held)
    legs = [
        replace(wish(-1, 0, "shape"), kind="drift"),
        replace(wish(wanted, 0, "shape"), kind="drift", asset="SOL"),
        replace(wish(4, 0, "other"), kind="dip_buy", asset="SOL"),
    ]
    asked = request(state, strategy="shape", cap=dec(0))
    found, notes = granted_of(legs, scene, {}, (asked,))
    free = state is A.DENIED
    assert [d.granted for d in found] == [0, dec(wanted) if free else dec(granted), 4]
    held_back = not free and wanted != granted
    assert [n.code for n in notes] == ["awaits_approval"] + ["awaits_other_leg"] * held_back


# --- a yes is said to a size


def test_what_wants_much_more_by_now_asks_anew() -> None:
    after = {a.id: a for a in review(request(), wishes=[wish("-1.2", -1)])}
    assert after.pop("a1").state is A.MOOT
    (made,) = after.values()
    assert (made.state, made.cap, made.wanted) == (A.WAITING, dec("-0.5"), dec("-1.2"))
    assert (made.asked_at, made.deadline_at) == (NOW, NOW + 4 * HOUR)
    assert made.why == "1 BTC came in at sim, and more is wanted by now"
    # a look that is repeated after a crash makes the same request
    assert {a.id for a in review(request(), wishes=[wish("-1.2", -1)])} == {"a1", made.id}
    # nor does it grow longer each time
    (_, again) = review(made, wishes=[wish(-2, -1)])
    assert again.why == made.why


@pytest.mark.parametrize("overlay", ["-0.7", "-1", "-1.04", "-1.05"])
def test_what_wants_little_more_or_less_goes_on_waiting(overlay: str) -> None:
    assert review(request(), wishes=[wish(overlay, -1)]) == ()


@pytest.mark.parametrize("state", [A.DENIED, A.EXPIRED])
def test_what_was_denied_is_not_asked_again_because_it_grows(state: ApprovalState) -> None:
    assert review(request(state), wishes=[wish(-3, -1)]) == ()


def test_what_wants_the_other_side_by_now_asks_anew() -> None:
    after = {a.id: a for a in review(request(), wishes=[wish("0.3", -1)])}
    assert after.pop("a1").state is A.MOOT
    (made,) = after.values()
    assert (made.cap, made.wanted) == (dec("-0.5"), dec("0.3"))
