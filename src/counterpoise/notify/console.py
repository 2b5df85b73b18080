"""The sink that is always there: one readable line per message, in the log or on a text stream.

What a venue wrote may be part of a message, so control characters (line breaks, terminal escapes) are taken
out: a message is one line and can neither fake another one nor steer a terminal.
"""

from __future__ import annotations

from typing import TextIO

import structlog

from counterpoise.domain.events import Severity
from counterpoise.domain.instants import shown_at
from counterpoise.domain.message import Message

_LOG = structlog.get_logger("counterpoise.alerts")


class ConsoleSink:
    """Writes messages to ``stream``, or through structlog when there is none."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream

    async def deliver(self, message: Message) -> None:
        """Write one message. Raises OSError or ValueError when the stream does not take it."""
        if self._stream is not None:
            self._stream.write(f"{line(message)}\n")
            self._stream.flush()
            return
        tell = {
            Severity.INFO: _LOG.info,
            Severity.WARNING: _LOG.warning,
            Severity.CRITICAL: _LOG.critical,
        }[message.severity]
        tell(
            one_line(message.text),
            portfolio=message.portfolio,
            kind=message.kind,
            at=shown_at(message.at),
            **({"alert_id": message.ids[0]} if message.count == 1 else {"alert_ids": message.ids}),
            **({"key": message.key, "cleared": message.cleared} if message.key is not None else {}),
        )


def line(message: Message) -> str:
    """Return ``message`` as one line: time (UTC), severity, portfolio, text."""
    severity = message.severity.value.upper()
    return f"{shown_at(message.at)}  {severity:<8}  {message.portfolio}  {one_line(message.text)}"


def one_line(said: str) -> str:
    """Return ``said`` with every run of blanks and control characters made one space."""
    return " ".join("".join(c if c.isprintable() else " " for c in said).split())
