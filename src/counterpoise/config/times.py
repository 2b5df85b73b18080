"""Instants, bar intervals and look-back windows as people write them.

An instant says its offset: a time without one is another moment on every machine, so it is refused.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, time, timedelta, tzinfo
from zoneinfo import ZoneInfo, available_timezones

from counterpoise.config import units
from counterpoise.config.problems import nearest, one_of
from counterpoise.config.section import Section
from counterpoise.config.units import Expected

_INSTANT = re.compile(
    r"(?P<day>\d{4}-\d{2}-\d{2})(?:[Tt ](?P<time>\d{2}:\d{2}(?::\d{2}(?:\.\d{1,6})?)?)"
    r"\s?(?P<zone>[Zz]|[+-]\d{2}:?\d{2})?)?",
    re.ASCII,
)
_CLOCK_TIME = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)", re.ASCII)
_MINUTE, _HOUR = timedelta(minutes=1), timedelta(hours=1)

#: Lengths of bar that venues keep.
INTERVALS: Mapping[str, timedelta] = {
    "1m": _MINUTE,
    "5m": 5 * _MINUTE,
    "15m": 15 * _MINUTE,
    "30m": 30 * _MINUTE,
    "1h": _HOUR,
    "2h": 2 * _HOUR,
    "4h": 4 * _HOUR,
    "6h": 6 * _HOUR,
    "8h": 8 * _HOUR,
    "12h": 12 * _HOUR,
    "1d": 24 * _HOUR,
}
DEFAULT_INTERVAL = _HOUR
#: A look-back is fetched from the venue at every start; more bars than this take too long.
MAX_BARS = 5000


def instant(value: object) -> datetime:
    """Return an ISO 8601 instant with its offset as an aware datetime in UTC."""
    expected = "an instant such as 2026-03-01T08:00:00Z"
    match = _INSTANT.fullmatch(value.strip()) if isinstance(value, str) else None
    if match is None:
        raise Expected(expected)
    if match["time"] is None:
        raise Expected(expected, f"write the time too: {match['day']}T00:00Z")
    if match["zone"] is None:
        raise Expected(expected, "write Z for UTC, or an offset such as +02:00")
    try:
        made = datetime.fromisoformat(f"{match['day']}T{match['time']}{match['zone'].upper()}")
        return made.astimezone(UTC)
    except (ValueError, OverflowError):
        raise Expected(expected, "there is no such moment") from None


def clock_time(value: object) -> time:
    """Return a time of day such as ``22:00``."""
    match = _CLOCK_TIME.fullmatch(value.strip()) if isinstance(value, str) else None
    if match is None:
        raise Expected("a time of day from 00:00 to 23:59, such as 22:00")
    return time(int(match[1]), int(match[2]))


def zone(value: object) -> tzinfo:
    """Return a time zone by its name in the tz database."""
    known = available_timezones()
    if isinstance(value, str) and value in known:
        return ZoneInfo(value)
    near = nearest(value, sorted(known)) if isinstance(value, str) else None
    raise Expected("a time zone such as Europe/Berlin", f"did you mean {near!r}?" if near else "")


def interval(value: object) -> timedelta:
    """Return the length of a bar that venues keep."""
    expected = f"a bar length ({one_of(INTERVALS)})"
    try:
        made = units.duration(value)
    except Expected as problem:
        raise Expected(expected, problem.hint) from None
    if made not in INTERVALS.values():
        raise Expected(expected)
    return made


def bar_count(value: object) -> int:
    """Return a number of bars to look back."""
    made = units.count(value, at_least=2)
    if made >= MAX_BARS:
        raise Expected(f"a whole number below {MAX_BARS}", "take a longer interval")
    return made


def written_interval(length: timedelta) -> str:
    """Return a bar length as people write it."""
    return next(name for name, known in INTERVALS.items() if known == length)


def check_window(section: Section, beside: Section | None = None) -> None:
    """Complain of a ``window`` that is no whole number of bars of ``interval``, or of too few or too many.

    Either may be left out where ``beside`` has it.
    """
    if not section.written("window", "interval"):
        return
    place, window = _told(section, beside, "window", units.duration)
    _, length = _told(section, beside, "interval", interval)
    if not any(part.has("interval") for part in (section, beside) if part is not None):
        length = DEFAULT_INTERVAL
    if window is None or length is None:
        return
    key = "window" if place is section else "interval"
    named = written_interval(length)
    which = f"bars of {named}" if key == "window" else "bars in the window of when"
    if window % length:
        section.complain((key,), f"a whole number of {which}")
    elif window // length < 2:
        section.complain((key,), f"at least 2 {which}")
    elif window // length > MAX_BARS:
        section.complain((key,), f"at most {MAX_BARS} {which}", hint="take a longer interval")


def _told(
    section: Section, beside: Section | None, key: str, reader: Callable[[object], timedelta]
) -> tuple[Section, timedelta | None]:
    """Return where ``key`` stands, ``section`` before ``beside``, and what it says."""
    place = section if section.has(key) or beside is None else beside
    return place, place.read(reader, key)
