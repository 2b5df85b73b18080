"""Instants as Binance writes them: whole milliseconds since 1970, and no float on the way."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_UNTIL_MS = re.compile(r"\buntil (\d{13})\b")
_MS = timedelta(milliseconds=1)


def to_ms(at: datetime) -> int:
    """Return ``at`` in milliseconds, cut downwards."""
    return (at - _EPOCH) // _MS


def from_ms(ms: int) -> datetime:
    """Return the instant ``ms`` after 1970, aware UTC."""
    return _EPOCH + ms * _MS


def readable(words: str) -> str:
    """Return a venue's ``words`` with an instant that something lasts until as people write it."""
    return _UNTIL_MS.sub(
        lambda found: f"until {from_ms(int(found[1])):%Y-%m-%d %H:%M:%S} UTC", words
    )
