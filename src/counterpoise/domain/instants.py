"""How instants are written: for programs, inside texts, and by a reader's clock. Pure.

A text is written once and read in any zone. So an instant in it is always a date, a time and a mark of UTC
(``2025-04-07 12:00:05Z``), which nothing else looks like; :func:`in_zone` finds it and writes what a reader's clock
says.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, tzinfo

#: The written form. Other marks of UTC and no seconds are read as well: the words of a venue have them.
_WRITTEN = re.compile(
    r"(?<![\w.:+/-])(\d{4}-\d{2}-\d{2})[T ](\d{2}:\d{2}(?::\d{2}(?:\.\d{1,6})?)?)(?:Z| ?UTC|\+00:00)(?!\w|:\d)",
    re.ASCII,
)


def iso(at: datetime) -> str:
    """Return ``at`` as programs read it: ISO 8601 with Z, to the millisecond."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def shown_at(at: datetime) -> str:
    """Return ``at`` as it stands in texts for people: ``2025-04-07 12:00:05Z``, to the second."""
    return at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%SZ")


def in_zone(said: str, zone: tzinfo, now: datetime) -> str:
    """Return ``said`` with every instant in it by the clock of ``zone``, for a reader who knows it is ``now``."""
    return _WRITTEN.sub(lambda found: _read(found, zone, now), said)


def clock_at(at: datetime, zone: tzinfo, now: datetime) -> str:
    """Return ``at`` by the clock of ``zone``: ``14:00 CEST``, on another day than ``now`` ``Mon 7 Apr 14:00 CEST``.

    The zone's name tells summer from winter; the year is told where it is another one, seconds where there are any.
    """
    local, today = at.astimezone(zone), now.astimezone(zone)
    day = ""
    if local.date() != today.date():
        # not %d: no zero before a day; not %a and %b: they go by the machine's language
        day = f"{_DAYS[local.weekday()]} {local.day} {_MONTHS[local.month - 1]} "
        day += f"{local.year} " if local.year != today.year else ""
    seconds = f":{local:%S}" if local.second else ""
    return f"{day}{local:%H:%M}{seconds} {zone_name(local)}"


def short_at(at: datetime, zone: tzinfo) -> str:
    """Return ``at`` by the clock of ``zone`` for a column of a table: ``Mon 07 Apr 14:00``."""
    local = at.astimezone(zone)
    day = f"{_DAYS[local.weekday()]} {local:%d} {_MONTHS[local.month - 1]}"
    return f"{day} {local:%H:%M}"


def zone_name(local: datetime) -> str:
    """Return what the zone of ``local`` is called then: ``CET``, ``UTC``, ``UTC-03`` where it has no letters."""
    name = local.tzname() or "UTC"
    return name if name[:1].isalpha() else f"UTC{name}"


_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = (
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
)  # fmt: skip


def _read(found: re.Match[str], zone: tzinfo, now: datetime) -> str:
    try:
        at = datetime.fromisoformat(f"{found[1]}T{found[2]}").replace(tzinfo=UTC)
        return clock_at(at, zone, now)
    except (ValueError, OverflowError):
        return found[0]  # no such day, or beyond the calendar
