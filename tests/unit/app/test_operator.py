from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from counterpoise.app.operator import answered, heeded
from counterpoise.domain.events import Severity
from counterpoise.domain.numbers import dec
from counterpoise.domain.operator import (
    Approval,
    ApprovalState,
    Command,
    CommandKind,
    CommandState,
    TargetOverride,
)
from counterpoise.domain.order import OrderState
from counterpoise.domain.records import PositionRecord, Recorded, TradingState
from counterpoise.domain.standing import Standing, standing_of
from counterpoise.domain.strategy import DeriskPolicy, DriftPolicy, HedgePolicy, ProfitLadderPolicy
from counterpoise.domain.strategy.profit_ladder import LadderTarget
from tests.build import BTC_PERP, NOW, PORTFOLIO, VENUE, make_order, make_policy, make_recorded

HALF = HedgePolicy(id="half", asset="BTC", ratio=dec("0.5"))
LADDER = ProfitLadderPolicy(
    id="out", asset="BTC", targets=(LadderTarget(price=dec(90_000), add=dec("0.25")),)
)
DERISK = DeriskPolicy(id="less", target=dec("0.6"), assets=("BTC", "SOL"))
POLICY = make_policy(HALF, LADDER, DriftPolicy(id="shape"), DERISK)
HOUR = timedelta(hours=1)


def word(kind: CommandKind, id_: str = "c1", **changes: Any) -> Command:
    made = Command(
        id=id_, portfolio=PORTFOLIO, kind=kind, who="ada", origin="cli@desk", asked_at=NOW
    )
    return replace(made, **changes)


def to(strategy: str, kind: CommandKind, id_: str = "c1", **changes: Any) -> Command:
    return word(kind, id_, args={"strategy": strategy}, **changes)


def request(state: ApprovalState = ApprovalState.WAITING, id_: str = "a1") -> Approval:
    return Approval(
        id=id_, portfolio=PORTFOLIO, strategy="half", asset="BTC", cap=dec("-0.5"), wanted=dec(-1),
        why="a deposit of 1 BTC", asked_at=NOW, deadline_at=NOW + HOUR, state=state,
    )  # fmt: skip


def known(*commands: Command, flattening: bool = False, **changes: Any) -> Recorded:
    made = make_recorded(commands=commands, **changes)
    return replace(made, portfolio=replace(made.portfolio, flattening=flattening))


def test_nothing_said_changes_nothing() -> None:
    recorded = known()
    told = heeded(recorded, POLICY, NOW)
    assert told.recorded == recorded
    assert told.record is None
    assert (told.commands, told.approvals, told.alerts) == ((), (), ())


def test_a_repeated_cycle_comes_to_the_same() -> None:
    recorded = known(word(CommandKind.FLATTEN), to("half", CommandKind.RELEASE, "c2"))
    assert heeded(recorded, POLICY, NOW) == heeded(recorded, POLICY, NOW)


def test_flattening_ends_the_strategies_that_are_over_once_closed() -> None:
    told = heeded(known(word(CommandKind.FLATTEN)), POLICY, NOW)
    assert told.record is not None
    assert told.record.flattening
    done, *endings = told.commands
    assert (done.kind, done.state) == (CommandKind.FLATTEN, CommandState.DONE)
    assert {c.args["strategy"] for c in endings} == {"out", "less"}
    assert {(c.kind, c.state) for c in endings} == {(CommandKind.CANCEL, CommandState.PENDING)}
    assert len({c.id for c in told.commands}) == 3
    # this cycle passes them on already; one that decides nothing leaves them waiting
    assert told.recorded.commands == tuple(endings)
    assert answered(told.recorded.commands, None, NOW) == ()
    # said twice it is one ending
    assert heeded(known(word(CommandKind.FLATTEN)), POLICY, NOW + HOUR).commands[1].id == (
        endings[0].id
    )


@pytest.mark.parametrize(
    ("changes", "over"),
    [
        ({}, True),
        ({"positions": [PositionRecord(venue=VENUE, symbol=BTC_PERP, own_qty=dec("-0.1"))]}, False),
        ({"positions": [PositionRecord(venue=VENUE, symbol=BTC_PERP, baseline_qty=dec(1))]}, True),
        ({"positions": [PositionRecord(venue=VENUE, symbol="BTC/USDT", own_qty=dec(1))]}, True),
        ({"orders": (make_order(state=OrderState.UNKNOWN),)}, False),
        ({"orders": (make_order(state=OrderState.FILLED, filled_qty=dec("0.1")),)}, False),
        ({"orders": (make_order(state=OrderState.CANCELED),)}, True),
    ],
    ids=["flat", "held", "foreign", "coins", "unproven", "fills unread", "canceled"],
)
def test_flattening_is_over_when_nothing_of_ours_is_on_or_may_come(
    changes: dict[str, Any], *, over: bool
) -> None:
    recorded = known(flattening=True, state=TradingState.REDUCE_ONLY, **changes)
    told = heeded(recorded, POLICY, NOW)
    after = told.recorded.portfolio
    assert after.flattening is not over
    assert after.trading_state is (TradingState.CANCEL_ONLY if over else TradingState.REDUCE_ONLY)
    assert len(told.alerts) == over


def test_an_override_ends_at_its_instant() -> None:
    override = TargetOverride(weights={"core": dec(1)}, until_at=NOW)
    recorded = known()
    recorded = replace(recorded, portfolio=replace(recorded.portfolio, override=override))
    just_before = heeded(recorded, POLICY, NOW - timedelta(microseconds=1))
    assert (just_before.record, just_before.alerts) == (None, ())
    ended = heeded(recorded, POLICY, NOW)
    assert ended.record is not None
    assert ended.record.override is None
    assert len(ended.alerts) == 1


def test_what_is_not_due_waits() -> None:
    command = word(CommandKind.PAUSE, due_at=NOW + HOUR)
    told = heeded(known(command), POLICY, NOW)
    assert (told.record, told.commands, told.later) == (None, (), (command,))
    assert told.recorded.commands == ()
    due = heeded(known(command), POLICY, NOW + HOUR)
    assert due.recorded.portfolio.trading_state is TradingState.CANCEL_ONLY


def test_a_word_to_a_strategy_is_passed_on_and_not_ticked_off() -> None:
    command = to("half", CommandKind.RELEASE)
    told = heeded(known(command), POLICY, NOW)
    assert told.recorded.commands == (command,)
    assert (told.commands, told.alerts) == ((), ())


@pytest.mark.parametrize(
    ("command", "flattening", "why"),
    [
        (to("haft", CommandKind.CANCEL), False, "there is no strategy haft in the config"),
        (word(CommandKind.START), False, "there is no strategy "),
        (to("half", CommandKind.CONVERT), False, "a hedge has no coins to convert into"),
        (to("out", CommandKind.CONVERT), False, "a profit_ladder has no coins"),
        (to("half", CommandKind.START), True, "own futures are being closed: resume first"),
        (to("less", CommandKind.CONVERT), True, "own futures are being closed: resume first"),
        (word(CommandKind.APPROVE, args={"approval": "zz"}), False, "there is no request zz"),
    ],
)
def test_a_word_that_comes_to_nothing_is_refused_and_told(
    command: Command, why: str, *, flattening: bool
) -> None:
    held = [PositionRecord(venue=VENUE, symbol=BTC_PERP, own_qty=dec("-0.1"))]
    told = heeded(known(command, flattening=flattening, positions=held), POLICY, NOW)
    (done,) = told.commands
    assert (done.state, done.handled_at) == (CommandState.REFUSED, NOW)
    assert why in done.answer
    assert told.recorded.commands == ()
    (alert,) = told.alerts
    assert alert.severity is Severity.WARNING
    assert done.answer in alert.text


@pytest.mark.parametrize(
    ("kind", "state", "caps"),
    [
        (CommandKind.APPROVE, ApprovalState.APPROVED, False),
        (CommandKind.DENY, ApprovalState.DENIED, True),
    ],
)
def test_a_request_is_answered(kind: CommandKind, state: ApprovalState, *, caps: bool) -> None:
    recorded = known(word(kind, args={"approval": "a1"}), approvals=(request(),))
    # what was said in time counts although the look that heeds it comes a little late
    told = heeded(recorded, POLICY, NOW + HOUR + timedelta(minutes=5))
    (approval,) = told.approvals
    assert (approval.state, approval.answered_by) == (state, "ada")
    assert told.recorded.approvals == ((approval,) if caps else ())
    assert told.commands[0].state is CommandState.DONE


def test_a_yes_that_is_read_long_after_the_deadline_trades_nothing() -> None:
    """A daemon that was down for hours would trade by a yes that was said to another market."""
    recorded = known(word(CommandKind.APPROVE, args={"approval": "a1"}), approvals=(request(),))
    told = heeded(recorded, POLICY, NOW + 2 * HOUR)
    assert told.recorded.approvals == (request(),), "which the look then ends"
    assert told.commands[0].state is CommandState.REFUSED
    assert told.commands[0].answer == (
        "request a1 ended at 2025-06-02 13:00:00Z, long before this was read: nothing is done"
    )


@pytest.mark.parametrize("state", [ApprovalState.DENIED, ApprovalState.EXPIRED])
def test_a_request_that_is_settled_is_not_answered_again(state: ApprovalState) -> None:
    recorded = known(
        word(CommandKind.APPROVE, args={"approval": "a1"}), approvals=(request(state),)
    )
    told = heeded(recorded, POLICY, NOW)
    assert (told.approvals, told.commands[0].state) == ((), CommandState.REFUSED)
    assert told.commands[0].answer == f"request a1 is {state.value} already"


def test_starting_a_strategy_lifts_what_was_denied_and_leaves_what_waits() -> None:
    waits, other = request(id_="a2"), replace(request(ApprovalState.DENIED, "a4"), strategy="out")
    denied, expired = request(ApprovalState.DENIED), request(ApprovalState.EXPIRED, "a3")
    recorded = known(to("half", CommandKind.START), approvals=(denied, waits, expired, other))
    told = heeded(recorded, POLICY, NOW)
    assert {a.id: a.state for a in told.approvals} == {
        "a1": ApprovalState.MOOT,
        "a3": ApprovalState.MOOT,
    }
    assert told.recorded.approvals == (waits, other)


def test_who_said_what_from_where_and_when_is_told() -> None:
    (alert,) = heeded(known(word(CommandKind.HALT)), POLICY, NOW).alerts
    assert alert.text == "ada (cli@desk): halt: trading state RUN -> HALT"
    assert alert.severity is Severity.WARNING
    assert alert.data["command"] == "c1"
    assert alert.data["asked_at"] == NOW.isoformat()


# --- since when and why the state holds


def test_who_lowered_the_state_and_when_is_kept_and_repeating_it_changes_nothing() -> None:
    told = heeded(known(word(CommandKind.PAUSE)), POLICY, NOW)
    assert standing_of(told.recorded) == Standing(
        state="CANCEL_ONLY", since=NOW, why="ada (cli@desk) asked for pause", by="ada"
    )
    assert [g.id for g in told.guards] == ["trading_state"]
    again = replace(told.recorded, commands=(word(CommandKind.PAUSE, "c2", who="bob"),))
    assert heeded(again, POLICY, NOW + HOUR).guards == ()


def test_the_end_of_a_flattening_says_whose_it_was() -> None:
    closing = heeded(known(word(CommandKind.FLATTEN)), POLICY, NOW).recorded
    ended = heeded(replace(closing, commands=()), POLICY, NOW + HOUR).recorded
    found = standing_of(ended)
    assert found is not None
    assert (found.state, found.since, found.by) == ("CANCEL_ONLY", NOW + HOUR, "ada")


def test_what_was_kept_of_another_state_is_not_believed() -> None:
    paused = heeded(known(word(CommandKind.PAUSE)), POLICY, NOW).recorded
    halted = replace(paused.portfolio, trading_state=TradingState.HALT)
    assert standing_of(replace(paused, portfolio=halted)) is None
