"""How ``status`` shows sinks: what each waits for, and why. From its record and its quiet hours alone."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from counterpoise.domain.instants import clock_at, iso
from counterpoise.domain.records import SinkRecord
from counterpoise.domain.routing import QuietHours

#: Sinks with an address for Apprise, whose names only a secret tells, have their quiet hours under this.
_SERVICES = "notify"


def sink_row(
    sink: SinkRecord, hours: Mapping[str, QuietHours], now: datetime | None, *, running: bool
) -> dict[str, Any]:
    """Return a sink as JSON; ``now`` None: the time is not known.

    ``waits`` says why alerts wait, null when none does: ``stopped`` (nobody is there to tell them), ``failing``,
    ``quiet`` (until ``quiet_until``, ``quiet_until_text`` by the sink's clock), ``turn`` (a message in front of them,
    the rate, a mute).
    """
    kind = sink.name.partition(":")[0]
    quiet = hours.get(sink.name) or (hours.get(_SERVICES) if kind == _SERVICES else None)
    over = quiet.over(now) if quiet is not None and now is not None else None
    waits = _why(sink, running=running, quiet=over is not None)
    until = over if waits == "quiet" else None
    text = None
    if quiet is not None and until is not None and now is not None:
        text = clock_at(until, quiet.zone, now)
    return {
        "sink": sink.name,
        "pending": sink.pending,
        "dead": sink.dead,
        "waits": waits,
        "quiet_until": _when(until),
        "quiet_until_text": text,
        "failures": sink.failures,
        "failing_since": _when(sink.failing_since),
        "last_error": sink.last_error,
        "last_error_at": _when(sink.last_error_at),
        "joined_at": iso(sink.joined_at),
    }


def _why(sink: SinkRecord, *, running: bool, quiet: bool) -> str | None:
    if not sink.pending:
        return None
    if not running:
        return "stopped"
    if sink.failing_since is not None:
        return "failing"
    return "quiet" if quiet else "turn"


def _when(at: datetime | None) -> str | None:
    return iso(at) if at is not None else None
