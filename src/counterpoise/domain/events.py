"""What people are told. An alert is committed with the change it speaks of and delivered at least once."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum


class Severity(StrEnum):
    """How loud it is."""

    INFO = "info"
    WARNING = "warning"
    CRITICAL = "critical"

    @property
    def rank(self) -> int:
        """How loud, the higher the louder."""
        return list(Severity).index(self)


#: What ``data`` of an all-clear says of how loud the alarm was that it ends; the store adds it.
WAS = "was"


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """One message. ``key`` names a lasting condition (raised once, cleared once); None for a single event."""

    id: str
    portfolio: str
    kind: str
    severity: Severity
    text: str
    raised_at: datetime
    key: str | None = None
    cleared: bool = False
    data: Mapping[str, str] = field(default_factory=dict)

    @property
    def urgency(self) -> Severity:
        """How loud it is for whoever decides what goes where and when: an all-clear goes the way of its alarm."""
        was = self.data.get(WAS) if self.cleared else None
        return Severity(was) if was in set(Severity) else self.severity


def ending(cleared: Alert, was: Severity | None) -> Alert:
    """Return the all-clear ``cleared`` with how loud its alarm was, None: nobody was told one."""
    return cleared if was is None else replace(cleared, data={**cleared.data, WAS: was.value})


def alert(
    portfolio: str,
    kind: str,
    severity: Severity,
    message: str,
    at: datetime,
    *,
    key: str | None = None,
    cleared: bool = False,
    data: Mapping[str, str] | None = None,
) -> Alert:
    """Return an Alert whose id is a function of its content, so that a repeated cycle makes the same one.

    A venue's words may be in ``message``: half a character (an unpaired surrogate), which nothing can store, is a "?".
    """
    message = message.encode(errors="replace").decode()
    content = "\x1f".join((portfolio, kind, key or "", message, at.isoformat(), str(cleared)))
    return Alert(
        id=hashlib.sha256(content.encode()).hexdigest()[:20],
        portfolio=portfolio,
        kind=kind,
        severity=severity,
        text=message,
        raised_at=at,
        key=key,
        cleared=cleared,
        data=data or {},
    )
