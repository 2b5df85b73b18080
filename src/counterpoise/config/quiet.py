"""Quiet hours of every sink as far as they can be told without a secret: for commands that only read the database."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, tzinfo

from counterpoise.config import times
from counterpoise.config.alerts import SINKS
from counterpoise.config.outlets import chat
from counterpoise.config.section import Section
from counterpoise.domain.routing import QuietHours


def quiet_hours(alerts: Section) -> Mapping[str, QuietHours]:
    """Return the quiet hours by sink, ``notify`` standing for all of its kind; a sink without any is not in it.

    Addresses for Apprise give their sinks their names and are credentials: where not all of them have the same hours
    none is told. What does not fit is left out, as if it were not there.
    """
    zone = alerts.read(times.zone, "zone") or UTC
    general = _hours(alerts, zone)
    found: dict[str, QuietHours | None] = {}
    for name in SINKS:
        if name == "log" or alerts.is_mapping(name):
            own = _own(alerts.at(name), None if name == "log" else general, zone)
            found |= dict.fromkeys(_names(alerts, name), own)
    services = {_own(item, general, zone) for item in alerts.items("notify")}
    if len(services) == 1:
        found["notify"] = services.pop()
    return {name: hours for name, hours in found.items() if hours is not None}


def _names(alerts: Section, name: str) -> list[str]:
    """A bot is a sink for each of its chats."""
    if name != "telegram":
        return [name]
    chats = [item.read(chat) for item in alerts.items("telegram", "chats")]
    return [f"telegram:{one}" for one in chats if one is not None]


def _own(part: Section, general: QuietHours | None, zone: tzinfo) -> QuietHours | None:
    return _hours(part, zone) if part.has("quiet") else general


def _hours(part: Section, zone: tzinfo) -> QuietHours | None:
    start = part.read(times.clock_time, "quiet", "from")
    end = part.read(times.clock_time, "quiet", "to")
    if start is None or end is None:
        return None
    return QuietHours(start=start, end=end, zone=zone)
