"""A diagnosis as lines: how each check ended, what was found, what to do."""

from __future__ import annotations

from collections.abc import Iterator
from textwrap import wrap

from counterpoise.app.diagnosis import Check, Result
from counterpoise.app.doctor import Diagnosis
from counterpoise.cli.figures import count
from counterpoise.cli.output import width


def print_diagnosis(diagnosis: Diagnosis) -> None:
    """Print every check, by venue and portfolio, and what they come to."""
    about = None
    for check in diagnosis.checks:
        here = _about(check)
        if here != about and here is not None:
            print(here)
        about = here
        for line in _lines(check):
            print(line)
    print(_sum(diagnosis))


def _about(check: Check) -> str | None:
    if check.portfolio is not None:
        return f"Portfolio {check.portfolio}"
    return f"Venue {check.venue}" if check.venue is not None else None


def _lines(check: Check) -> Iterator[str]:
    """``warn  key       what was found``, wrapped under itself, then the advice."""
    head = f"{check.result.value:<4}  {check.name:<8}  "
    place = f"{check.venue}: " if check.portfolio is not None and check.venue is not None else ""
    room = max(width() - len(head), 20)
    text = wrap(f"{place}{check.text}", room, break_on_hyphens=False) or [""]
    if check.advice is not None:
        text += wrap(f"-> {check.advice}", room, subsequent_indent="   ", break_on_hyphens=False)
    for number, line in enumerate(text):
        yield f"{head if number == 0 else ' ' * len(head)}{line}"


def _sum(diagnosis: Diagnosis) -> str:
    warnings, failures = diagnosis.count(Result.WARN), diagnosis.count(Result.FAIL)
    said = (
        f"{count(len(diagnosis.checks), 'check')}: {count(warnings, 'warning')}, {failures} failed"
    )
    if diagnosis.refused:
        return f"{said}; `counterpoise run` would be refused"
    return f"{said}; nothing was sent or changed"
