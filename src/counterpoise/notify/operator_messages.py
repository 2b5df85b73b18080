"""What alerts say about people's words: what was asked and came of it, and what waits for an answer."""

from __future__ import annotations

from datetime import datetime

from counterpoise.domain.events import Alert, Severity, alert
from counterpoise.domain.instants import shown_at
from counterpoise.domain.numbers import significant, text
from counterpoise.domain.operator import Approval, Command, CommandKind, CommandState

#: Words after which less is done than before: louder than the others.
_LOUD = frozenset({CommandKind.HALT, CommandKind.FLATTEN})


def command_heeded(command: Command, at: datetime) -> Alert:
    """Return the alert for a command that was done or refused; its ``answer`` says what became of it."""
    about = command.args.get("strategy") or command.args.get("approval")
    what = f"{command.kind.value} {about}" if about else command.kind.value
    refused = command.state is CommandState.REFUSED
    loud = refused or command.kind in _LOUD
    return alert(
        command.portfolio,
        "operator",
        Severity.WARNING if loud else Severity.INFO,
        f"{command.who} ({command.origin}): {what}{' refused' if refused else ''}: {command.answer}",
        at,
        data={
            "command": command.id,
            "kind": command.kind.value,
            "who": command.who,
            "origin": command.origin,
            "asked_at": command.asked_at.isoformat(),
            "state": command.state.value,
        },
    )


def override_ended(portfolio: str, until: datetime, at: datetime) -> Alert:
    """Return the alert that the config's sleeve weights hold again."""
    message = f"The override of the sleeve weights ended at {shown_at(until)}: the config's weights hold again"
    data = {"state": "override_ended"}
    return alert(portfolio, "operator", Severity.INFO, message, at, data=data)


def flattened(portfolio: str, at: datetime) -> Alert:
    """Return the alert that own futures are closed and nothing is traded any more."""
    message = (
        "Own futures are closed and no order of ours works: CANCEL_ONLY now."
        " `counterpoise resume` lets strategies act again"
    )
    data = {"state": "flattened"}
    return alert(portfolio, "operator", Severity.WARNING, message, at, data=data)


#: What ``data`` says of a request that can be answered.
ASKS = "asks"


def approval_asked(approval: Approval, at: datetime, outlook: str | None = None) -> Alert:
    """Return the alert that asks for an approval, with the two commands to type and what a yes would lead to."""
    cap, wanted = text(significant(approval.cap)), text(significant(approval.wanted))
    message = (
        f"{approval.strategy} would take its futures on {approval.asset} from {cap} to"
        f" {wanted}: {approval.why}.{f' {outlook}.' if outlook else ''} It stays at {cap} until someone answers:"
        f" `counterpoise approve {approval.id}` or `counterpoise deny {approval.id}`,"
        f" by {shown_at(approval.deadline_at)}; no answer counts as no"
    )
    return alert(
        approval.portfolio,
        "approval",
        Severity.WARNING,
        message,
        at,
        data=_request(approval, ASKS),
    )


def approval_expired(approval: Approval, at: datetime) -> Alert:
    """Return the alert that nobody answered in time."""
    message = (
        f"Nobody answered request {approval.id} by {shown_at(approval.deadline_at)}: {approval.strategy} stays at"
        f" {text(significant(approval.cap))} {approval.asset} in futures."
        f" `counterpoise strategy start {approval.strategy}` lifts that limit"
    )
    return alert(
        approval.portfolio,
        "approval",
        Severity.WARNING,
        message,
        at,
        data=_request(approval, "expired"),
    )


def _request(approval: Approval, state: str) -> dict[str, str]:
    return {
        "approval": approval.id,
        "state": state,
        "strategy": approval.strategy,
        "asset": approval.asset,
    }
