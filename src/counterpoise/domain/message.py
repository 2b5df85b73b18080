"""What a sink is given: one message, which carries one committed alert or several of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from counterpoise.domain.categories import Category
from counterpoise.domain.events import Severity


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One message to one sink.

    ``ids``: those of the alerts in it, oldest first, never empty. A message may arrive twice; who must not count an
    alert twice goes by them. ``kind`` is that of the alerts, the category's name where they are of several kinds.
    ``severity`` is the highest of them. ``title`` is a few words, ``text`` whole sentences, several lines where
    several alerts say different things; both tell of repeats by themselves ("x37 in 15 min"), and of times by the
    reader's clock.
    ``since`` and ``at``: when the oldest and the newest was raised (UTC). ``silent``: it shall make no sound.
    ``key`` names the lasting condition that all of them are about, None for events and mixtures; ``cleared`` says
    that it no longer holds. ``data`` are the exact values of the newest one, empty for a mixture.
    """

    ids: tuple[str, ...]
    portfolio: str
    kind: str
    category: Category
    severity: Severity
    title: str
    text: str
    since: datetime
    at: datetime
    silent: bool = False
    key: str | None = None
    cleared: bool = False
    data: Mapping[str, str] = field(default_factory=dict)

    @property
    def count(self) -> int:
        """How many alerts it carries."""
        return len(self.ids)
