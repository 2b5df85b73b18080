"""Numbers as a person writes them, for messages."""

from __future__ import annotations

from decimal import Decimal

from counterpoise.domain.numbers import text


def percent(fraction: Decimal) -> str:
    """Return a fraction as people write it: 1.1 -> ``110%``."""
    return f"{text(fraction * 100)}%"
