"""Instants as operators type them: ``2026-03-01T08:00Z``, or from now on: ``4h``."""

from __future__ import annotations

from datetime import datetime

from counterpoise.config import times, units
from counterpoise.config.units import Expected
from counterpoise.domain.errors import ConfigError
from counterpoise.domain.instants import shown_at


def resolved(option: str, written: str, now: datetime) -> datetime:
    """Return the instant that ``written`` means at ``now``.

    Raises
    ------
    ConfigError
        When it means none, or one that is over.
    """
    expected = f"{option}: expected an instant to come such as 2026-03-01T08:00Z, or a time from now such as 4h"
    try:
        return now + units.duration(written)
    except Expected:
        pass
    try:
        at = times.instant(written)
    except Expected as problem:
        hint = f"; {problem.hint}" if problem.hint else ""
        raise ConfigError([f"{expected}, was {written!r}{hint}"]) from None
    if at <= now:
        raise ConfigError([f"{expected}, was {written!r}: it is {shown_at(now)} already"])
    return at
