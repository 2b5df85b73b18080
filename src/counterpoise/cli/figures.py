"""Figures as people read them: percentages, money with thin groups, ages. Text in, text out; nothing is a float."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import ROUND_HALF_EVEN, Decimal

from counterpoise.domain.instants import short_at, shown_at
from counterpoise.domain.numbers import dec, significant

UNKNOWN = "-"
_TENTH, _CENT = dec("0.1"), dec("0.01")


def percent(fraction: object) -> str:
    """Return ``"0.4983"`` as ``49.8 %``; what is unknown as ``-``."""
    number = _number(fraction)
    if number is None:
        return UNKNOWN
    return f"{(number * 100).quantize(_TENTH, rounding=ROUND_HALF_EVEN)} %"


def points(fraction: object) -> str:
    """Return a band ``"0.05"`` as ``±5.0 pp``."""
    number = _number(fraction)
    if number is None or number >= 1:
        return UNKNOWN
    return f"±{(number * 100).quantize(_TENTH, rounding=ROUND_HALF_EVEN)} pp"


def money(amount: object, asset: str = "") -> str:
    """Return ``"1234567.891"`` as ``1,234,567.89``, with its asset when there is one."""
    number = _number(amount)
    if number is None:
        return UNKNOWN
    shown = f"{number.quantize(_CENT, rounding=ROUND_HALF_EVEN):,}"
    return f"{shown} {asset}" if asset else shown


def quantity(qty: object) -> str:
    """Return a quantity or a price with at most 8 significant digits, without trailing zeros; whole digits stay."""
    number = _number(qty)
    if number is None:
        return UNKNOWN
    number = significant(number)
    return f"{number.normalize():,f}" if number else "0"


def count(number: int, thing: str) -> str:
    """Return ``1 fill``, ``2 fills``, ``1,200 fills``."""
    return f"{number:,} {thing}{'' if number == 1 else 's'}"


def moment(at: object, *, short: bool = False) -> str:
    """Return ``2026-01-08T13:00:05.250Z`` as ``2026-01-08 13:00:05Z``; for a column in UTC ``Thu 08 Jan 13:00``."""
    if not isinstance(at, str) or len(at) < 19:
        return UNKNOWN
    instant = datetime.fromisoformat(at)
    return short_at(instant, UTC) if short else shown_at(instant)


def age(seconds: object) -> str:
    """Return ``"93"`` as ``1m 33s``."""
    number = _number(seconds)
    if number is None:
        return UNKNOWN
    whole = int(number)
    days, rest = divmod(whole, 86400)
    hours, rest = divmod(rest, 3600)
    minutes, left = divmod(rest, 60)
    parts = [(days, "d"), (hours, "h"), (minutes, "m"), (left, "s")]
    shown = [f"{count}{unit}" for count, unit in parts if count]
    return " ".join(shown[:2]) or "0s"


def _number(value: object) -> Decimal | None:
    if isinstance(value, str | int | Decimal) and not isinstance(value, bool):
        return dec(value)
    return None
