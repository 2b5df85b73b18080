"""What operators say, as audited rows: commands, approvals, and a shape that holds for a while.

A command is written by the command line (later by other channels) into the database and picked up by the daemon
at its next cycle; what became of it is written into the same row. Its id is made once by whoever asks, so that the
same row sent twice is one command.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum


class CommandKind(StrEnum):
    """What can be asked."""

    PAUSE = "pause"  # CANCEL_ONLY
    HALT = "halt"  # HALT
    REDUCE_ONLY = "reduce-only"  # REDUCE_ONLY
    RESUME = "resume"  # RUN
    FLATTEN = "flatten"  # close own futures, then CANCEL_ONLY
    START = "start"  # a strategy that ended or was released begins anew
    RELEASE = "release"  # a strategy closes its futures in good order
    CONVERT = "convert"  # a strategy turns its futures into coins
    CANCEL = "cancel"  # a strategy ends and closes its futures
    WITHDRAW = "withdraw"  # words to a strategy that still wait are taken back
    TARGET = "target"  # other sleeve weights for a while, or the config's again
    APPROVE = "approve"
    DENY = "deny"


class CommandState(StrEnum):
    """What became of it."""

    PENDING = "pending"  # not due, or not seen yet
    DONE = "done"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """One thing asked. ``args`` are the kind's own; ``due_at`` is when it takes effect (None: at once).

    ``who`` and ``origin`` tell the person and where it came from; ``answer`` says what was done or why not.
    """

    id: str
    portfolio: str
    kind: CommandKind
    who: str
    origin: str
    asked_at: datetime
    args: Mapping[str, str] = field(default_factory=dict)
    due_at: datetime | None = None
    state: CommandState = CommandState.PENDING
    handled_at: datetime | None = None
    answer: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """An operator's word to one strategy, due in this cycle."""

    kind: CommandKind
    command: str
    at: datetime


class ApprovalState(StrEnum):
    """Where a request stands. All but APPROVED and MOOT keep the cap."""

    WAITING = "waiting"
    APPROVED = "approved"
    DENIED = "denied"
    EXPIRED = "expired"
    MOOT = "moot"  # what was asked about is no longer wanted


@dataclass(frozen=True, slots=True, kw_only=True)
class Approval:
    """May ``strategy`` take its overlay on ``asset`` beyond ``cap`` to ``wanted``? Signed base units."""

    id: str
    portfolio: str
    strategy: str
    asset: str
    cap: Decimal
    wanted: Decimal
    why: str
    asked_at: datetime
    deadline_at: datetime
    state: ApprovalState = ApprovalState.WAITING
    answered_at: datetime | None = None
    answered_by: str = ""

    @property
    def caps(self) -> bool:
        """Whether the overlay must stay within ``cap``."""
        return self.state not in {ApprovalState.APPROVED, ApprovalState.MOOT}


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetOverride:
    """Sleeve weights that hold instead of the config's until ``until_at``; all sleeves are named."""

    weights: Mapping[str, Decimal]
    until_at: datetime


def short_id(*parts: str) -> str:
    """Return eight characters made of ``parts``: enough for a person to type back."""
    return hashlib.sha256("\x1f".join(parts).encode()).hexdigest()[:8]
