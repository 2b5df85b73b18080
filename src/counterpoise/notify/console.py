"""The sink that is always there: one readable line per alert, in the log or on a text stream.

What a venue wrote may be part of an alert, so control characters (line breaks, terminal escapes) are taken
out: an alert is one line and can neither fake another one nor steer a terminal.
"""

from __future__ import annotations

from datetime import UTC
from typing import TextIO

import structlog

from counterpoise.domain.events import Alert, Severity

_LOG = structlog.get_logger("counterpoise.alerts")


class ConsoleSink:
    """Writes alerts to ``stream``, or through structlog when there is none."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream

    async def deliver(self, alert: Alert) -> None:
        """Write one alert. Raises OSError or ValueError when the stream does not take it."""
        if self._stream is not None:
            self._stream.write(f"{line(alert)}\n")
            self._stream.flush()
            return
        tell = {
            Severity.INFO: _LOG.info,
            Severity.WARNING: _LOG.warning,
            Severity.CRITICAL: _LOG.critical,
        }[alert.severity]
        tell(
            one_line(alert.text),
            portfolio=alert.portfolio,
            kind=alert.kind,
            at=_instant(alert),
            alert_id=alert.id,
            **({"key": alert.key, "cleared": alert.cleared} if alert.key is not None else {}),
        )


def line(alert: Alert) -> str:
    """Return ``alert`` as one line: time (UTC), severity, portfolio, text."""
    severity = alert.severity.value.upper()
    return f"{_instant(alert)}  {severity:<8}  {alert.portfolio}  {one_line(alert.text)}"


def one_line(message: str) -> str:
    """Return ``message`` with every run of blanks and control characters made one space."""
    return " ".join("".join(c if c.isprintable() else " " for c in message).split())


def _instant(alert: Alert) -> str:
    return alert.raised_at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%SZ")
