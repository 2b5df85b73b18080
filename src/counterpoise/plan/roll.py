"""Rolling a dated future: from one contract into the next, both legs in one plan, a rung at a time.

The new contract is opened first, by one rung, then as much of the old one is let go as the new one really holds:
together they are never less than the hedge, and never more than one rung above it.
"""

from __future__ import annotations

from decimal import Decimal

from counterpoise.domain.instrument import Instrument
from counterpoise.domain.numbers import ZERO, ceil_step


def legs(total: Decimal, old: Decimal, new: Decimal, rung: Decimal) -> tuple[Decimal, Decimal]:
    """Return the targets of the old and the new contract on the way from one to the other.

    All signed base units but ``rung`` (> 0): ``total`` is the hedge wanted in both together, ``old`` and ``new`` what
    is held of it in each. The old leg never grows, and a leg on the wrong side is closed.
    """
    sign = -1 if total < 0 else 1
    size = abs(total)
    held_old, held_new = max(old * sign, ZERO), max(new * sign, ZERO)
    keep = min(held_old, max(size - held_new, ZERO))
    grow = min(size, max(size - held_old, ZERO) + rung)
    if held_old == 0:
        grow = size
    return keep * sign, max(grow, min(held_new, size)) * sign


def rung_of(total: Decimal, rungs: int, instrument: Instrument, price: Decimal) -> Decimal:
    """Return a tranche of ``total``: its share in lots, at least what the venue trades (both > 0)."""
    least = max(instrument.min_qty, instrument.lot_size)
    if price > 0:
        least = max(least, ceil_step(instrument.min_notional / price, instrument.lot_size))
    return max(ceil_step(abs(total) / rungs, instrument.lot_size), least)
