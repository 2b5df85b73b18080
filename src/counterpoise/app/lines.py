"""A log line for people on a terminal: when, how loud, the sentence, then the few values that help a reader.

What only programs want (ids, keys, the instant of an alert) is left out here and stands in the JSON form. What came
from elsewhere cannot fake a second line nor steer the terminal; only a traceback has lines of its own.
"""

from __future__ import annotations

from collections.abc import Mapping

from structlog.typing import EventDict, WrappedLogger

#: Keys for programs: they stay in the JSON form.
HIDDEN_KEYS = frozenset({"alert_id", "alert_ids", "at", "cleared", "key", "kind"})
_OURS = "counterpoise"
_RESET, _DIM = "\x1b[0m", "\x1b[2m"
_COLOURS: Mapping[str, str] = {
    "debug": _DIM,
    "info": "\x1b[32m",
    "warning": "\x1b[33m",
    "error": "\x1b[31m",
    "critical": "\x1b[1;31m",
}


class Lines:
    """The last processor: turns a redacted event into text."""

    def __init__(self, *, colors: bool) -> None:
        self._colors = colors

    def __call__(self, logger: WrappedLogger, name: str, event: EventDict) -> str:
        """Return the line, and below it a traceback or a stack if there is one."""
        del logger, name
        rest = dict(event)
        below = [str(rest.pop(key)) for key in ("stack", "exception") if rest.get(key)]
        at = str(rest.pop("logged_at", ""))[:19].replace("T", " ")
        level = str(rest.pop("level", "info"))
        said = one_line(str(rest.pop("event", "")))
        source = str(rest.pop("logger", None) or "")
        if source and not source.startswith(_OURS):
            rest["from"] = source
        values = " ".join(
            f"{key}={_value(value)}"
            for key, value in rest.items()
            if key not in HIDDEN_KEYS and value is not None
        )
        parts = [self._in(_DIM, f"{at}Z"), self._in(_COLOURS.get(level, ""), level), said]
        if values:
            parts.append(self._in(_DIM, values))
        return "\n".join([" ".join(parts), *below])

    def _in(self, colour: str, shown: str) -> str:
        return f"{colour}{shown}{_RESET}" if self._colors and colour else shown


def one_line(said: str) -> str:
    """Return ``said`` with every run of blanks and control characters made one space."""
    return " ".join("".join(c if c.isprintable() else " " for c in said).split())


def _value(value: object) -> str:
    shown = one_line(str(value))
    return f'"{shown}"' if " " in shown or not shown else shown
