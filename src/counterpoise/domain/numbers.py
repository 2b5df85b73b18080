"""Exact numbers: the one way a Decimal is made, rounded, split and printed.

Everything that is money, a price, a quantity or a rate is a ``Decimal`` built by :func:`dec`. A float never
becomes money by accident: ``dec(0.1)`` raises. Rounding always names its direction, because the right direction
depends on who gains from it (a short must not grow by rounding, a price cap must not widen).
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import (
    ROUND_CEILING,
    ROUND_FLOOR,
    ROUND_HALF_EVEN,
    Decimal,
    InvalidOperation,
)

ZERO = Decimal(0)
ONE = Decimal(1)
BPS = Decimal("0.0001")

#: Precision of every decimal context in every process and thread (``counterpoise/__init__`` sets it).
PRECISION = 60


def dec(value: str | int | Decimal) -> Decimal:
    """Return ``value`` as an exact, finite Decimal.

    Raises
    ------
    TypeError
        For a float or any other type: a float has lost digits before it came here.
    ValueError
        For text that is no number, and for NaN or infinity.
    """
    if isinstance(value, bool) or not isinstance(value, str | int | Decimal):
        raise TypeError(f"expected str, int or Decimal, was {type(value).__name__} {value!r}")
    try:
        number = Decimal(value)
    except InvalidOperation:
        raise ValueError(f"expected a number, was {value!r}") from None
    if not number.is_finite():
        raise ValueError(f"expected a finite number, was {value!r}")
    return number


def text(value: Decimal) -> str:
    """Return the one text form used in rows, hashes and JSON: no exponent, no trailing zeros, no ``-0``."""
    if value == 0:
        return "0"
    return format(value.normalize(), "f")


def floor_step(value: Decimal, step: Decimal) -> Decimal:
    """Return the greatest multiple of ``step`` (> 0) that is <= ``value``."""
    return (value / step).to_integral_value(rounding=ROUND_FLOOR) * step


def ceil_step(value: Decimal, step: Decimal) -> Decimal:
    """Return the smallest multiple of ``step`` (> 0) that is >= ``value``."""
    return (value / step).to_integral_value(rounding=ROUND_CEILING) * step


def shrink_step(value: Decimal, step: Decimal) -> Decimal:
    """Return ``value`` cut towards zero to a multiple of ``step`` (> 0)."""
    return floor_step(value, step) if value >= 0 else ceil_step(value, step)


def nearest_step(value: Decimal, step: Decimal) -> Decimal:
    """Return the multiple of ``step`` (> 0) nearest to ``value``; halves go to the even multiple."""
    return (value / step).to_integral_value(rounding=ROUND_HALF_EVEN) * step


def significant(value: Decimal, digits: int = 8) -> Decimal:
    """Return ``value`` with at most ``digits`` significant digits, for people to read; whole digits are kept."""
    if not value.is_finite() or value == 0:
        return value
    places = max(digits - 1 - value.adjusted(), 0)
    exponent = value.as_tuple().exponent
    if not isinstance(exponent, int) or -exponent <= places:
        return value
    return value.quantize(ONE.scaleb(-places), rounding=ROUND_HALF_EVEN)


def quantize(value: Decimal, quantum: Decimal, rounding: str = ROUND_HALF_EVEN) -> Decimal:
    """Return ``value`` rounded to ``quantum`` (for example ``Decimal("1e-8")``)."""
    return value.quantize(quantum, rounding=rounding)


def split(total: Decimal, weights: Mapping[str, Decimal], quantum: Decimal) -> dict[str, Decimal]:
    """Split ``total`` by positive ``weights`` into multiples of ``quantum`` that add up to ``total`` exactly.

    Shares are cut towards zero; what remains goes to the largest weight (the first of them by key).
    """
    whole = sum(weights.values(), ZERO)
    if whole <= 0:
        raise ValueError(f"expected weights that add up to more than 0, was {text(whole)}")
    shares = {key: shrink_step(total * weight / whole, quantum) for key, weight in weights.items()}
    largest = min(weights, key=lambda key: (-weights[key], key))
    shares[largest] += total - sum(shares.values(), ZERO)
    return shares


def counted(number: int, what: str) -> str:
    """Return ``number`` and the noun ``what``, which takes an s unless there is one of it."""
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
