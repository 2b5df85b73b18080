"""How a message reads on a phone: a head line, its sentences, when it was, and by which id it is found again.

Control characters are taken out and lines kept. Pure.
"""

from __future__ import annotations

from datetime import datetime, tzinfo

from counterpoise.domain.events import Severity
from counterpoise.domain.instants import zone_name
from counterpoise.domain.message import Message

_LOUD = {Severity.INFO: "", Severity.WARNING: "Warning: ", Severity.CRITICAL: "CRITICAL: "}


def head(message: Message) -> str:
    """Return the head line: ``CRITICAL: Venue main does not answer``; what is over is not shouted."""
    loud = "" if message.cleared else _LOUD[message.severity]
    return plain(f"{loud}{message.title}").replace("\n", " ")


def foot(message: Message, zone: tzinfo) -> str:
    """Return when it was, by the clock of ``zone``, and its id: ``2025-04-07 14:00 CEST, id 3f2a, and 36 more``."""
    more = f", and {message.count - 1} more" if message.count > 1 else ""
    return f"{_clock(message.at, zone)}, id {message.ids[0]}{more}"


def plain(said: str) -> str:
    """Return ``said`` without control characters, unpaired surrogates and empty lines at its ends; lines stay."""
    kept = "".join(c if c.isprintable() or c == "\n" else " " for c in said)
    return kept.strip()


def cut(said: str, longest: int) -> str:
    """Return ``said`` in at most ``longest`` UTF-16 units, as Telegram counts; what is left out is told."""
    if units(said) <= longest:
        return said
    note = "\n(cut: the whole text is in the journal)"
    room, kept = longest - units(note), 0
    for char in said:
        room -= units(char)
        if room < 0:
            break
        kept += 1
    return f"{said[:kept].rstrip()}{note}"


def units(said: str) -> int:
    """Return the length of ``said`` in UTF-16 units."""
    return len(said) + sum(ord(c) > 0xFFFF for c in said)


def _clock(at: datetime, zone: tzinfo) -> str:
    local = at.astimezone(zone)
    return f"{local:%Y-%m-%d %H:%M} {zone_name(local)}"
