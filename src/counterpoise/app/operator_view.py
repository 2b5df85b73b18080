"""What operators said and what waits for their answer, as JSON: part of ``plan``, ``status`` and the journal."""

from __future__ import annotations

from collections.abc import Iterable

from counterpoise.app.cycle_report import iso
from counterpoise.domain.numbers import text
from counterpoise.domain.operator import Approval, Command
from counterpoise.domain.records import PortfolioRecord


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
        "approvals": [approval_row(approval) for approval in approvals],
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
