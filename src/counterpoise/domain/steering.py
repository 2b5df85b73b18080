"""What an operator's word makes of a portfolio's record: trading states, flattening, an override (MEANING 19).

Only a person raises a trading state, and only through here. Everything is idempotent: a word that changes nothing
says so. Pure: the command line shows with it what will be, the daemon does it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal

from counterpoise.domain.instants import shown_at
from counterpoise.domain.numbers import ONE, ZERO, dec, quantize, text
from counterpoise.domain.operator import Command, CommandKind, TargetOverride
from counterpoise.domain.records import PortfolioRecord, TradingState

#: Kinds that set a trading state, and which.
STATES: Mapping[CommandKind, TradingState] = {
    CommandKind.PAUSE: TradingState.CANCEL_ONLY,
    CommandKind.HALT: TradingState.HALT,
    CommandKind.REDUCE_ONLY: TradingState.REDUCE_ONLY,
    CommandKind.RESUME: TradingState.RUN,
}
#: Kinds that change the portfolio's record.
STEERING = frozenset({*STATES, CommandKind.FLATTEN, CommandKind.TARGET})
#: Kinds that speak to one strategy.
ASKS = frozenset({CommandKind.START, CommandKind.RELEASE, CommandKind.CONVERT, CommandKind.CANCEL})
#: Kinds of strategy that end in coins and can be told to begin.
CONVERTS = frozenset({"derisk", "dip_buy", "drift"})
#: Kinds of strategy that are over once they are closed; the others stand, and open again when trading resumes.
ONE_SHOT = frozenset({"profit_ladder", "scale_in", "dip_buy", "derisk"})

_WEIGHT = "weight:"
_UNTIL = "until"
#: The args of a TARGET command that lets the config's weights hold again.
CLEAR_ARGS: Mapping[str, str] = {"clear": "yes"}
_POINTS = dec("0.01")


@dataclass(frozen=True, slots=True, kw_only=True)
class Steered:
    """The record after a word, what is to be said about it, and whether it was refused (then nothing changed)."""

    record: PortfolioRecord
    answer: str
    refused: bool = False


def steered(
    record: PortfolioRecord,
    command: Command,
    now: datetime,
    sleeves: Collection[str] | None = None,
) -> Steered:
    """Return what ``command``, one of :data:`STEERING`, makes of ``record``.

    ``sleeves`` are the ids that are configured, None where they are not known.
    """
    if command.kind is CommandKind.FLATTEN:
        return _flattening(record)
    if command.kind is CommandKind.TARGET:
        return _overridden(record, command, now, sleeves)
    state = STATES[command.kind]
    if record.trading_state is state and not record.flattening:
        return Steered(record=record, answer=f"already {state.value}: nothing changed")
    answer = (
        f"stays {state.value}"
        if record.trading_state is state
        else f"trading state {record.trading_state.value} -> {state.value}"
    )
    if record.flattening:
        answer += "; no longer closing own futures"
    return Steered(record=replace(record, trading_state=state, flattening=False), answer=answer)


def _flattening(record: PortfolioRecord) -> Steered:
    if record.trading_state is TradingState.HALT:
        refusal = "HALT sends nothing: resume or pause first"
        return Steered(record=record, answer=refusal, refused=True)
    if record.flattening:
        return Steered(record=record, answer="already closing own futures: nothing changed")
    return Steered(
        # what is closed on the way may not be opened again, whatever happens meanwhile
        record=replace(record, trading_state=TradingState.REDUCE_ONLY, flattening=True),
        answer="closing own futures, then CANCEL_ONLY",
    )


def _overridden(
    record: PortfolioRecord, command: Command, now: datetime, sleeves: Collection[str] | None
) -> Steered:
    if command.args == CLEAR_ARGS:
        if record.override is None:
            return Steered(record=record, answer="already so: the config's weights hold")
        return Steered(
            record=replace(record, override=None),
            answer="the config's weights hold again: "
            f"{_shown_override(record.override)} is taken back",
        )
    try:
        override = override_in(command.args)
    except ValueError as error:
        return Steered(record=record, answer=str(error), refused=True)
    if sleeves is not None and set(override.weights) != set(sleeves):
        wrong = (
            f"expected weights of {', '.join(sorted(sleeves))}, was {', '.join(override.weights)}"
        )
        return Steered(record=record, answer=wrong, refused=True)
    if override.until_at <= now:
        past = f"it was to hold until {shown_at(override.until_at)}, which is over"
        return Steered(record=record, answer=past, refused=True)
    shown = ", ".join(f"{s} {shown_weight(w)}" for s, w in override.weights.items())
    answer = f"until {shown_at(override.until_at)} sleeves weigh {shown}"
    if record.override == override:
        return Steered(record=record, answer=f"already so: {answer}")
    if record.override is not None:
        answer += f" (instead of {_shown_override(record.override)})"
    return Steered(record=replace(record, override=override), answer=answer)


def _shown_override(override: TargetOverride) -> str:
    shown = ", ".join(f"{s} {shown_weight(w)}" for s, w in override.weights.items())
    return f"{shown} until {shown_at(override.until_at)}"


def is_meant(withdrawal: Command, word: Command) -> bool:
    """Return whether ``withdrawal`` takes ``word`` back: one of :data:`ASKS`, of its strategy, named or any."""
    if word.args.get("strategy") != withdrawal.args.get("strategy"):
        return False
    return withdrawal.args.get("word", word.id) == word.id


def override_args(override: TargetOverride) -> dict[str, str]:
    """Return the args of a TARGET command."""
    weights = {f"{_WEIGHT}{sleeve}": text(weight) for sleeve, weight in override.weights.items()}
    return {**weights, _UNTIL: override.until_at.astimezone(UTC).isoformat()}


def override_in(args: Mapping[str, str]) -> TargetOverride:
    """Return what :func:`override_args` wrote.

    Raises
    ------
    ValueError
        When it is not that, or weights are below 0 or do not add up to 1.
    """
    weights = {k.removeprefix(_WEIGHT): dec(v) for k, v in args.items() if k.startswith(_WEIGHT)}
    until = datetime.fromisoformat(args.get(_UNTIL, ""))
    if until.utcoffset() is None:
        raise ValueError(f"expected an instant with its offset, was {args[_UNTIL]!r}")
    if sum(weights.values(), ZERO) != ONE or min(weights.values(), default=ZERO) < 0:
        raise ValueError(f"expected weights that add up to 100 %, was {weights}")
    return TargetOverride(weights=weights, until_at=until)


def shown_weight(weight: Decimal) -> str:
    """Return ``0.125`` as ``12.5 %``."""
    return f"{text(quantize(weight * 100, _POINTS))} %"
