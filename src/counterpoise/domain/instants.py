"""How instants are written: for programs, and inside what people read. Always UTC. Pure."""

from __future__ import annotations

from datetime import UTC, datetime


def iso(at: datetime) -> str:
    """Return ``at`` as programs read it: ISO 8601 with Z, to the millisecond."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def shown_at(at: datetime) -> str:
    """Return ``at`` as it stands in texts for people: ``2025-04-07 14:00:05Z``, to the second."""
    return at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%SZ")
