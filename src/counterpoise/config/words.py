"""Numbers and durations as a person writes them in a config, for messages."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

from counterpoise.domain.numbers import dec, text

_UNITS = {
    "d": timedelta(days=1),
    "h": timedelta(hours=1),
    "m": timedelta(minutes=1),
    "s": timedelta(seconds=1),
}


def percent(fraction: Decimal) -> str:
    """Return a fraction as people write it: 1.1 -> ``110%``."""
    return f"{text(fraction * 100)}%"


def duration(length: timedelta) -> str:
    """Return a duration as people write it, in the largest unit that it is a whole number of: ``90m``, ``30d``."""
    for unit, one in _UNITS.items():
        if length >= one and length % one == timedelta(0):
            return f"{length // one}{unit}"
    return f"{text(dec(length // timedelta(milliseconds=1)) / 1000)}s"
