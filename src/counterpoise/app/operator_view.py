"""What operators said and what waits for their answer, as JSON: part of ``plan``, ``status`` and the journal."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from counterpoise.decide.approvals import is_asked
from counterpoise.domain.instants import iso
from counterpoise.domain.numbers import dec, text
from counterpoise.domain.operator import Approval, Command
from counterpoise.domain.records import PortfolioRecord, Recorded


def operator_rows(
    record: PortfolioRecord, commands: Iterable[Command], approvals: Iterable[Approval]
) -> dict[str, object]:
    """Return ``flattening``, ``override`` (null: none), ``commands`` and ``approvals``."""
    override = record.override
    return {
        "flattening": record.flattening,
        "override": {
            "weights": {sleeve: text(weight) for sleeve, weight in override.weights.items()},
            "until": iso(override.until_at),
        }
        if override is not None
        else None,
        "commands": [command_row(command) for command in commands],
        # one that does not know yet what is wanted asks nobody anything
        "approvals": [approval_row(a) for a in approvals if is_asked(a)],
    }


def command_row(command: Command) -> dict[str, object]:
    """Return one command; ``at`` is when it takes effect, null for at once."""
    return {
        "id": command.id,
        "portfolio": command.portfolio,
        "kind": command.kind.value,
        "args": dict(command.args),
        "who": command.who,
        "origin": command.origin,
        "asked_at": iso(command.asked_at),
        "at": iso(command.due_at) if command.due_at is not None else None,
        "state": command.state.value,
        "handled_at": iso(command.handled_at) if command.handled_at is not None else None,
        "answer": command.answer,
    }


def approval_row(approval: Approval) -> dict[str, object]:
    """Return one request; quantities are signed base units."""
    return {
        "id": approval.id,
        "strategy": approval.strategy,
        "asset": approval.asset,
        "cap": text(approval.cap),
        "wanted": text(approval.wanted),
        "why": approval.why,
        "asked_at": iso(approval.asked_at),
        "deadline_at": iso(approval.deadline_at),
        "state": approval.state.value,
    }


def strategy_row(
    portfolio: str,
    strategy: str,
    kind: str,
    recorded: Recorded | None,
    document: Mapping[str, object],
) -> dict[str, object]:
    """Return one strategy as ``strategy list`` tells it; ``document`` is the newest journaled cycle's."""
    stored = recorded.strategies.get(strategy) if recorded is not None else None
    state = stored.document if stored is not None and stored.kind == kind else None
    decided = document.get("decisions")
    reasons = [
        str(d.get("text"))
        for d in (decided if isinstance(decided, list) else [])
        if isinstance(d, dict) and d.get("strategy") == strategy
    ]
    commands = recorded.commands if recorded is not None else ()
    return {
        "portfolio": portfolio,
        "id": strategy,
        "kind": kind,
        "phase": _phase(state) if state is not None else None,
        "overlays": state.get("overlays", {}) if state is not None else {},
        "reasons": list(dict.fromkeys(reasons)),
        "commands": [command_row(c) for c in commands if c.args.get("strategy") == strategy],
    }


def _phase(state: Mapping[str, object]) -> object:
    """Where a strategy is in its life; of one that has no phases, what it does tells it."""
    if "phase" in state:
        return state["phase"]
    if state.get("stopped"):
        return "stopped"
    if state.get("conversion"):
        return "converting"
    overlays = state.get("overlays")
    wishes = overlays.values() if isinstance(overlays, Mapping) else ()
    return "active" if any(dec(str(qty)) != 0 for qty in wishes) else "waiting"
