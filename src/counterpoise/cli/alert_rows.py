"""How ``status`` shows alerts: nothing while all of them arrive, else which sink has not what, and why."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from counterpoise.cli.figures import moment
from counterpoise.cli.output import say

_WHY = {
    "stopped": "told by the next run",
    "turn": "each in its turn",
}


def print_alerts(alerts: Mapping[str, Any]) -> None:
    """Print what is not delivered, and every sink that waits, fails or was given up on."""
    if alerts["pending"] or alerts["dead"]:
        say(f"Alerts not delivered: {alerts['pending']} waiting, {alerts['dead']} given up.")
    for sink in alerts["sinks"]:
        if sink["failing_since"] is not None or sink["dead"] or sink["waits"] is not None:
            say(_line(sink))


def _line(sink: Mapping[str, Any]) -> str:
    parts = [f"{sink['pending']} waiting"]
    if sink["waits"] == "quiet":
        parts.append(f"quiet until {sink['quiet_until_text']}")
    elif sink["waits"] in _WHY:
        parts.append(_WHY[sink["waits"]])
    if sink["dead"]:
        parts.append(f"{sink['dead']} given up")
    if sink["failing_since"] is not None:
        times = f"{sink['failures']} times in a row" if sink["failures"] > 1 else "once"
        parts.append(f"failed {times}, since {moment(sink['failing_since'])}")
    last = f"; last error at {moment(sink['last_error_at'])}: {sink['last_error']}"
    return f"Sink {sink['sink']}: {', '.join(parts)}{last if sink['last_error'] else ''}"
