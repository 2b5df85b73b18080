"""Calendars: the five fields of a cron line, read strictly, in UTC.

Only what every cron understands alike is taken. Weekday numbers are not (0 is Sunday to some and Monday to
others), nor is a day of the month together with a weekday (some take either, some want both). APScheduler, which
runs the line, is imported in ``app`` only; a test holds this grammar against it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from counterpoise.config.problems import nearest
from counterpoise.config.units import Expected

EXPECTED = (
    "a calendar in five fields (minute hour day month weekday, in UTC), such as '0 8 * * mon'"
)
_WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_LONGEST_DAY = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_FORMS = "expected *, a value, a range a-b, or several with commas"
_STEPS = "a step needs * or a range that is longer than the step, as in */15 or 8-18/2"
_PART = re.compile(
    r"(?P<first>\*|[a-z]+|[0-9]{1,3})(?:-(?P<last>[a-z]+|[0-9]{1,3}))?(?:/(?P<step>[0-9]{1,3}))?"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Field:
    """One field: its least and greatest number, and names for numbers; ``numbers`` says whether those may be used."""

    name: str
    least: int
    greatest: int
    names: Mapping[str, int] = field(default_factory=dict)
    numbers: bool = True


_FIELDS = (
    _Field(name="minute", least=0, greatest=59),
    _Field(name="hour", least=0, greatest=23),
    _Field(name="day", least=1, greatest=31),
    _Field(name="month", least=1, greatest=12, names={m: i for i, m in enumerate(_MONTHS, 1)}),
    _Field(
        name="weekday",
        least=0,
        greatest=6,
        names={d: i for i, d in enumerate(_WEEKDAYS)},
        numbers=False,
    ),
)


def calendar(value: object) -> str:
    """Return a calendar in small letters and single spaces."""
    if not isinstance(value, str):
        raise Expected(EXPECTED)
    written = value.casefold().split()
    if len(written) != len(_FIELDS):
        raise Expected(EXPECTED, f"this has {len(written)}")
    chosen = {kind.name: _numbers(kind, text) for kind, text in zip(_FIELDS, written, strict=True)}
    days, weekdays = chosen["day"], chosen["weekday"]
    if len(days) < 31 and len(weekdays) < 7:
        why = "some crons take a day and a weekday as either, some as both: set one of them to *"
        raise Expected(EXPECTED, why)
    if min(days) > max(_LONGEST_DAY[month - 1] for month in chosen["month"]):
        raise Expected(EXPECTED, f"there is no day {min(days)} in month {written[3]}")
    return " ".join(written)


def _numbers(kind: _Field, text: str) -> frozenset[int]:
    """Return the numbers that the field ``text`` lets through."""
    found: set[int] = set()
    for part in text.split(","):
        match = _PART.fullmatch(part)
        if match is None:
            raise _bad(kind, _FORMS)
        found |= _part(kind, match)
    return frozenset(found)


def _part(kind: _Field, match: re.Match[str]) -> set[int]:
    first, last = match["first"], match["last"]
    if first == "*":
        low, high = kind.least, kind.greatest
    else:
        low = _number(kind, first)
        high = low if last is None else _number(kind, last)
    if (first == "*" and last is not None) or low > high:
        raise _bad(kind, "a range goes upwards, as in mon-fri or 1-5" if low > high else _FORMS)
    if last is not None and first.isdigit() is not last.isdigit():
        raise _bad(kind, "a range has names or numbers, not both")
    if match["step"] is None:
        return set(range(low, high + 1))
    step = int(match["step"])
    named = not kind.numbers or first.isalpha()
    if named or (first != "*" and last is None) or not 0 < step <= high - low:
        raise _bad(kind, "no steps between names, list them" if named else _STEPS)
    return set(range(low, high + 1, step))


def _number(kind: _Field, text: str) -> int:
    if text in kind.names:
        return kind.names[text]
    if text.isalpha():
        near = nearest(text, kind.names)
        raise _bad(kind, f"did you mean {near}?" if near else _FORMS)
    if not kind.numbers:
        raise _bad(kind, "numbers are ambiguous, write names: mon, tue, wed, thu, fri, sat, sun")
    number = int(text)
    if not kind.least <= number <= kind.greatest:
        raise _bad(kind, f"from {kind.least} to {kind.greatest}")
    return number


def _bad(kind: _Field, why: str) -> Expected:
    return Expected(EXPECTED, f"{kind.name}: {why}")
