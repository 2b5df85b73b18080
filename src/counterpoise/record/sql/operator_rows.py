"""Between what operators say (commands, approvals, an override of the shape) and its rows."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Row

from counterpoise.domain.numbers import dec
from counterpoise.domain.operator import (
    Approval,
    ApprovalState,
    Command,
    CommandKind,
    CommandState,
    TargetOverride,
)
from counterpoise.record.exact import (
    decimal_text,
    document,
    document_text,
    instant,
    instant_text,
)

Values = dict[str, Any]


def command_values(command: Command) -> Values:
    """Return the row of ``commands``. Raises StoreError for args that are no JSON."""
    return {
        "id": command.id,
        "portfolio": command.portfolio,
        "kind": command.kind.value,
        "who": command.who,
        "origin": command.origin,
        "asked_at": command.asked_at,
        "args": document_text(command.args, f"command {command.id}"),
        "due_at": command.due_at,
        "state": command.state.value,
        "handled_at": command.handled_at,
        "answer": command.answer,
    }


def command_of(row: Row[Any]) -> Command:
    """Return the command of a row of ``commands``."""
    return Command(
        id=row.id,
        portfolio=row.portfolio,
        kind=CommandKind(row.kind),
        who=row.who,
        origin=row.origin,
        asked_at=row.asked_at,
        args={key: str(value) for key, value in document(row.args).items()},
        due_at=row.due_at,
        state=CommandState(row.state),
        handled_at=row.handled_at,
        answer=row.answer,
    )


def approval_values(approval: Approval) -> Values:
    """Return the row of ``approvals``."""
    return {
        "id": approval.id,
        "portfolio": approval.portfolio,
        "strategy": approval.strategy,
        "asset": approval.asset,
        "cap": approval.cap,
        "wanted": approval.wanted,
        "why": approval.why,
        "asked_at": approval.asked_at,
        "deadline_at": approval.deadline_at,
        "state": approval.state.value,
        "answered_at": approval.answered_at,
        "answered_by": approval.answered_by,
    }


def approval_of(row: Row[Any]) -> Approval:
    """Return the approval of a row of ``approvals``."""
    return Approval(
        id=row.id,
        portfolio=row.portfolio,
        strategy=row.strategy,
        asset=row.asset,
        cap=row.cap,
        wanted=row.wanted,
        why=row.why,
        asked_at=row.asked_at,
        deadline_at=row.deadline_at,
        state=ApprovalState(row.state),
        answered_at=row.answered_at,
        answered_by=row.answered_by,
    )


def override_text(override: TargetOverride | None) -> str | None:
    """Return the column ``portfolios.override``: JSON, or null for none."""
    if override is None:
        return None
    weights = {sleeve: decimal_text(weight) for sleeve, weight in override.weights.items()}
    return document_text(
        {"weights": weights, "until_at": instant_text(override.until_at)}, "override"
    )


def override_of(written: str | None) -> TargetOverride | None:
    """Return the override that :func:`override_text` wrote."""
    if written is None:
        return None
    found = document(written)
    weights = found["weights"]
    if not isinstance(weights, dict):
        raise TypeError(f"override: expected weights per sleeve, was {weights!r}")
    return TargetOverride(
        weights={str(sleeve): dec(str(weight)) for sleeve, weight in weights.items()},
        until_at=instant(str(found["until_at"])),
    )
