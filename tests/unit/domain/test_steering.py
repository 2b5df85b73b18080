from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from counterpoise.domain.numbers import dec
from counterpoise.domain.operator import Command, CommandKind, TargetOverride
from counterpoise.domain.records import PortfolioRecord, TradingState
from counterpoise.domain.steering import (
    ASKS,
    STATES,
    STEERING,
    override_args,
    override_in,
    steered,
)

NOW = datetime(2025, 6, 2, 12, tzinfo=UTC)
S = TradingState


def record(state: TradingState = S.RUN, *, flattening: bool = False) -> PortfolioRecord:
    return PortfolioRecord(
        id="p", trading_state=state, config_hash="h", started_at=NOW, flattening=flattening
    )


def word(kind: CommandKind, **args: str) -> Command:
    return Command(
        id="c", portfolio="p", kind=kind, who="ada", origin="cli@desk", asked_at=NOW, args=args
    )


@pytest.mark.parametrize("before", S)
@pytest.mark.parametrize("kind", STATES)
def test_a_state_word_sets_its_state_whatever_was(before: TradingState, kind: CommandKind) -> None:
    step = steered(record(before), word(kind), NOW)
    assert not step.refused
    assert step.record == record(STATES[kind])
    changed = before is not STATES[kind]
    assert step.answer == (
        f"trading state {before} -> {STATES[kind]}"
        if changed
        else f"already {before}: nothing changed"
    )


@pytest.mark.parametrize("kind", STATES)
def test_the_last_word_ends_flattening(kind: CommandKind) -> None:
    step = steered(record(S.REDUCE_ONLY, flattening=True), word(kind), NOW)
    assert step.record == record(STATES[kind])
    assert step.answer.endswith("; no longer closing own futures")


@pytest.mark.parametrize("before", [S.RUN, S.REDUCE_ONLY, S.CANCEL_ONLY])
def test_flatten_only_lets_positions_shrink(before: TradingState) -> None:
    step = steered(record(before), word(CommandKind.FLATTEN), NOW)
    assert step.record == record(S.REDUCE_ONLY, flattening=True)
    again = steered(step.record, word(CommandKind.FLATTEN), NOW)
    assert again.record == step.record
    assert again.answer == "already closing own futures: nothing changed"


def test_flatten_in_halt_is_refused() -> None:
    step = steered(record(S.HALT), word(CommandKind.FLATTEN), NOW)
    assert (step.refused, step.record) == (True, record(S.HALT))
    assert step.answer == "HALT sends nothing: resume or pause first"


OVERRIDE = TargetOverride(
    weights={"core": dec("0.125"), "buffer": dec("0.875")}, until_at=NOW + timedelta(hours=4)
)


def test_an_override_comes_back_from_its_args() -> None:
    args = override_args(OVERRIDE)
    assert all(isinstance(value, str) for value in args.values())
    assert override_in(args) == OVERRIDE


def test_other_weights_for_a_while() -> None:
    command = replace(word(CommandKind.TARGET), args=override_args(OVERRIDE))
    step = steered(record(), command, NOW, {"core", "buffer"})
    assert step.record == replace(record(), override=OVERRIDE)
    assert step.answer == "until 2025-06-02 16:00:00Z sleeves weigh core 12.5 %, buffer 87.5 %"
    again = steered(step.record, command, NOW, {"core", "buffer"})
    assert again.record == step.record
    assert again.answer.startswith("already so: ")


@pytest.mark.parametrize(
    ("args", "why"),
    [
        ({}, "isoformat"),
        ({"weight:core": "1", "until": "soon"}, "isoformat"),
        ({"weight:core": "1", "until": "2025-06-02T16:00:00"}, "offset"),
        ({"weight:core": "x", "until": "2025-06-02T16:00:00+00:00"}, "expected a number"),
        ({"weight:core": "0.9", "until": "2025-06-02T16:00:00+00:00"}, "add up to 100 %"),
        (
            {"weight:core": "1.1", "weight:b": "-0.1", "until": "2025-06-02T16:00:00+00:00"},
            "add up to 100 %",
        ),
        ({"weight:core": "1", "until": "2025-06-02T12:00:00+00:00"}, "which is over"),
        ({"weight:cor": "1", "until": "2025-06-02T16:00:00+00:00"}, "expected weights of core"),
    ],
)
def test_an_override_that_does_not_fit_is_refused(args: dict[str, str], why: str) -> None:
    step = steered(record(), word(CommandKind.TARGET, **args), NOW, {"core"})
    assert (step.refused, step.record) == (True, record())
    assert why in step.answer


def test_every_kind_belongs_somewhere() -> None:
    rest = {CommandKind.APPROVE, CommandKind.DENY, CommandKind.WITHDRAW}
    assert STEERING | ASKS | rest == set(CommandKind)
    assert not STEERING & ASKS
