"""How a command fails: what is told on stderr, and the exit code (CONTRACTS.md).

0 done, 1 failed, 2 bad usage or config, 3 refused by a safety check. An expected error is told in a line, never
as a traceback; an unexpected one is a bug, and its traceback goes through the redactor first.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from counterpoise.domain.errors import (
    ConfigError,
    CounterpoiseError,
    SafetyRefusal,
    VenueError,
    VenueRefusal,
    WrongSchema,
)

FAILED = 1
BAD_INPUT = 2
REFUSED = 3


def exit_code(error: Exception) -> int:
    """Return the exit code for ``error``."""
    if isinstance(error, ConfigError):
        return BAD_INPUT
    if isinstance(error, SafetyRefusal | VenueRefusal | WrongSchema):
        return REFUSED
    return FAILED


def lines(error: Exception) -> list[str]:
    """Return what to tell of ``error``, without secrets."""
    if isinstance(error, ConfigError):
        count = len(error.problems)
        return [
            *error.problems,
            f"{count} problem{'s' if count != 1 else ''}; nothing was sent or changed",
        ]
    if isinstance(error, SafetyRefusal | VenueRefusal):
        return [
            *(f"refused: {line}" for line in str(error).splitlines()),
            "nothing was sent or changed",
        ]
    if isinstance(error, VenueError):
        return [f"error: {_redacted(str(error))}"]
    if isinstance(error, CounterpoiseError):
        return [f"error: {error}"]
    return _traceback(error)


def tell(error: Exception) -> None:
    """Print ``error`` on stderr."""
    for line in lines(error):
        print(line, file=sys.stderr)


def wants_json(arguments: Sequence[str]) -> bool:
    """Return whether the command line asks for JSON on stdout; ``--json FILE`` of a backtest does not."""
    if "backtest" not in arguments:
        return "--json" in arguments
    pairs = zip(arguments, [*arguments[1:], ""], strict=True)
    return "--json=-" in arguments or ("--json", "-") in pairs


def document(told: Sequence[str], code: int) -> dict[str, object]:
    """Return the one object that stands on stdout where a command that was to print one failed."""
    return {"error": {"exit_code": code, "text": told[0] if told else "", "lines": list(told)}}


def _traceback(error: Exception) -> list[str]:
    import traceback

    told = "".join(traceback.format_exception(error)).rstrip()
    return [_redacted(told), "this is a bug in counterpoise: please report it with these lines"]


def _redacted(told: str) -> str:
    from counterpoise.app.logs import redactor

    return redactor.text(told)
