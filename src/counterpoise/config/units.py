"""Quantities as people write them: ``5%``, ``5pp``, ``20bps``, ``2m``, ``25000 USDT``.

Units are written, never guessed: a number without its unit is refused, and the refusal names the units that are
expected. Every number becomes a Decimal straight from its source text; no float is ever in between.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

from counterpoise.domain.numbers import BPS, ZERO, dec
from counterpoise.domain.policy import Band
from counterpoise.domain.strategy.conversion import Level

_NUMBER = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d{1,3})?")
_SUFFIXED = re.compile(rf"({_NUMBER.pattern})\s*([A-Za-z%][A-Za-z0-9%.\-]*)?")
_PERCENT = dec("0.01")
_SECONDS = {"ms": dec("0.001"), "s": dec(1), "m": dec(60), "h": dec(3600), "d": dec(86400)}
_LONGEST = timedelta(days=3650)
_HIGHEST_FEE = dec("0.1")
_MAX_DIGITS = 40  # leaves room for products under the process's 60 digits

#: What a YAML scalar may be by the time a unit is read from it.
Scalar = str | Decimal


class Expected(ValueError):
    """A value is not what a key takes. ``expected`` completes "expected ..."; ``hint`` says what to do."""

    def __init__(self, expected: str, hint: str = "") -> None:
        self.expected = expected
        self.hint = hint
        super().__init__(expected)


@dataclass(frozen=True, slots=True, kw_only=True)
class Money:
    """``value`` units of ``asset``, as written."""

    value: Decimal
    asset: str


def is_number(source: str) -> bool:
    """Return whether ``source`` is a plain decimal number (what a YAML number must look like)."""
    return _NUMBER.fullmatch(source) is not None


def number(value: object, expected: str) -> Decimal:
    """Return ``value`` (a YAML number, or text that is one) as a Decimal."""
    if isinstance(value, Decimal):
        return _exact(str(value))
    if isinstance(value, str) and is_number(value.strip()):
        return _exact(value.strip())
    raise Expected(expected)


def _exact(source: str) -> Decimal:
    """Return ``source`` as a Decimal that every later product can carry without rounding."""
    made = dec(source)
    if len(made.as_tuple().digits) > _MAX_DIGITS or abs(made.adjusted()) > _MAX_DIGITS:
        raise Expected(f"a number of at most {_MAX_DIGITS} digits")
    return made


def positive(value: object, expected: str = "a number above 0") -> Decimal:
    """Return ``value`` as a Decimal > 0."""
    made = number(value, expected)
    if made <= 0:
        raise Expected(expected)
    return made


def count(value: object, *, at_least: int = 1) -> int:
    """Return ``value`` as a whole number."""
    expected = f"a whole number of at least {at_least}"
    made = number(value, expected)
    if made != made.to_integral_value() or made < at_least:
        raise Expected(expected)
    return int(made)


def share(value: object, expected: str = "a percentage from 0% to 100%, such as 60%") -> Decimal:
    """Return a percentage from 0 to 100 as a fraction: ``60%`` -> 0.6."""
    made = _with_unit(value, {"%": _PERCENT}, expected, "the unit %")
    if not ZERO <= made <= 1:
        raise Expected(expected)
    return made


def share_above_zero(value: object) -> Decimal:
    """Return a percentage above 0 and up to 100 as a fraction."""
    expected = "a percentage above 0% and up to 100%, such as 60%"
    made = share(value, expected)
    if made == 0:
        raise Expected(expected)
    return made


def part(value: object) -> Decimal:
    """Return a percentage above 0 and below 100 as a fraction: ``10%`` of a price -> 0.1."""
    expected = "a percentage above 0% and below 100%, such as 10%"
    made = _with_unit(value, {"%": _PERCENT}, expected, "the unit %")
    if not ZERO < made < 1:
        raise Expected(expected)
    return made


def rise(value: object) -> Decimal:
    """Return a percentage above 0, which may exceed 100, as a fraction: ``150%`` -> 1.5."""
    expected = "a percentage above 0%, such as 50%"
    made = _with_unit(value, {"%": _PERCENT}, expected, "the unit %")
    if made <= 0:
        raise Expected(expected)
    return made


def price(value: object) -> Decimal:
    """Return a price in the quote as a Decimal > 0."""
    expected = "a price above 0 in the portfolio's quote, such as 90000"
    if isinstance(value, str) and not is_number(value.strip()) and _SUFFIXED.fullmatch(value):
        raise Expected(expected, "write the number alone")
    return positive(value, expected)


def level_above(value: object) -> Level:
    """Return a price, or a percentage above the entry, as a Level."""
    expected = "a price, or a percentage above 0% of the entry, such as 90000 or 20%"
    return _level(value, expected, rise)


def level_below(value: object) -> Level:
    """Return a price, or a percentage below the entry, as a Level."""
    expected = "a price, or a percentage of the entry above 0% and below 100%, such as 90000 or 5%"
    return _level(value, expected, part)


def _level(value: object, expected: str, relative: Callable[[object], Decimal]) -> Level:
    try:
        if isinstance(value, str) and value.strip().endswith("%"):
            return Level(value=relative(value), relative=True)
        return Level(value=price(value))
    except Expected as problem:
        raise Expected(expected, problem.hint) from None


def equity_multiple(value: object) -> Decimal:
    """Return a percentage of equity that may exceed 100 as a fraction: ``200%`` -> 2."""
    expected = "a percentage of equity above 0%, such as 200%"
    made = _with_unit(value, {"%": _PERCENT}, expected, "the unit %")
    if made <= 0:
        raise Expected(expected)
    return made


def band(value: object) -> Band:
    """Return ``5pp`` (percentage points of equity) or ``25%`` (of the sleeve's weight) as a Band."""
    expected = (
        "a band above 0, such as 5pp (percentage points of equity) or 25% (of the sleeve's weight)"
    )
    units = "the unit pp or %"
    source = value if isinstance(value, str) else ""
    size = _with_unit(value, {"pp": _PERCENT, "%": _PERCENT}, expected, units)
    relative = source.strip().endswith("%")
    if size <= 0 or size > 1:
        raise Expected(expected + ", up to 100" if size > 1 else expected)
    return Band(size=size, relative=relative)


def price_distance(value: object) -> Decimal:
    """Return ``20bps`` or ``0.2%`` of a price as a fraction, above 0 and below 1."""
    expected = "a distance in price above 0, such as 20bps or 0.2%"
    made = _with_unit(value, {"bps": BPS, "%": _PERCENT}, expected, "the unit bps or %")
    if made <= 0:
        raise Expected(expected)
    if made >= 1:
        raise Expected(expected + ", below 100%")
    return made


def cost(value: object) -> Decimal:
    """Return ``50bps`` or ``0.5%`` of what is traded or held as a fraction, above 0 and below 1."""
    expected = "a cost above 0, as a part of what is traded or held, such as 50bps or 0.5%"
    made = _with_unit(value, {"bps": BPS, "%": _PERCENT}, expected, "the unit bps or %")
    if not 0 < made < 1:
        raise Expected(expected if made <= 0 else expected + ", below 100%")
    return made


def fee(value: object) -> Decimal:
    """Return ``2bps`` or ``0.02%`` of what is traded as a fraction, from 0 and below 0.1."""
    expected = "a fee from 0bps, such as 2bps or 0.02%"
    made = _with_unit(value, {"bps": BPS, "%": _PERCENT}, expected, "the unit bps or %")
    if not ZERO <= made < _HIGHEST_FEE:
        raise Expected(expected + ", below 10%")
    return made


def duration(value: object, *, at_least: timedelta = timedelta(seconds=1)) -> timedelta:
    """Return ``30s``, ``2m``, ``8h`` or ``1d`` as a timedelta, to the millisecond."""
    shortest = f"{at_least.total_seconds():g}s"
    expected = f"a duration of at least {shortest}, such as 30s, 2m, 8h or 1d"
    seconds = _with_unit(value, _SECONDS, expected, "the unit s, m, h or d")
    if seconds > dec(int(_LONGEST.total_seconds())):
        raise Expected(f"a duration of at most {_LONGEST.days}d")
    made = timedelta(milliseconds=int(seconds * 1000))
    if made < at_least:
        raise Expected(expected)
    return made


def money(value: object) -> Money:
    """Return ``25000 USDT`` as Money; which asset is right is a cross check."""
    expected = "an amount of money with its asset, such as 25000 USDT"
    if isinstance(value, Decimal) or (isinstance(value, str) and is_number(value.strip())):
        raise Expected(expected, "the asset is missing")
    match = _SUFFIXED.fullmatch(value.strip()) if isinstance(value, str) else None
    if match is None or not match[2] or not match[2][0].isalpha() or not match[2].isupper():
        raise Expected(expected)
    made = _exact(match[1])
    if made < 0:
        raise Expected(expected + ", not below 0")
    return Money(value=made, asset=match[2])


def _with_unit(value: object, units: dict[str, Decimal], expected: str, missing: str) -> Decimal:
    """Return the number of ``value`` times the worth of its unit."""
    if isinstance(value, Decimal):
        raise Expected(expected, f"{missing} is missing")
    match = _SUFFIXED.fullmatch(value.strip()) if isinstance(value, str) else None
    if match is None:
        raise Expected(expected)
    if not match[2]:
        raise Expected(expected, f"{missing} is missing")
    if match[2] not in units:
        raise Expected(expected, f"{match[2]} is not {missing}")
    return _exact(match[1]) * units[match[2]]
