"""What ``counterpoise doctor`` found: one check per line, and what follows for a start."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum


class Result(StrEnum):
    """How a check ended: nothing to do, worth knowing, or something that has to be settled."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One check: ``text`` says in a sentence what was found, ``advice`` what to do about it (None: nothing).

    ``refuses``: ``run`` would be refused for it; ``misconfigured``: ``run`` would call the config bad.
    """

    name: str
    result: Result
    text: str
    advice: str | None = None
    venue: str | None = None
    portfolio: str | None = None
    refuses: bool = False
    misconfigured: bool = False

    @property
    def row(self) -> dict[str, str | None]:
        """The check as JSON."""
        return {
            "name": self.name,
            "venue": self.venue,
            "portfolio": self.portfolio,
            "result": self.result.value,
            "text": self.text,
            "advice": self.advice,
        }


def fine(name: str, text: str) -> Check:
    """Return a check that found nothing to do."""
    return Check(name=name, result=Result.OK, text=text)


def warned(name: str, text: str, advice: str | None = None) -> Check:
    """Return a check that found something worth knowing."""
    return Check(name=name, result=Result.WARN, text=text, advice=advice)


def failed(name: str, text: str, advice: str | None = None) -> Check:
    """Return a check that found something that has to be settled."""
    return Check(name=name, result=Result.FAIL, text=text, advice=advice)


def refused(name: str, said: str) -> Check:
    """Return what a start would be refused for; the first sentence of ``said`` says what was found."""
    text, _, advice = said.partition(". ")
    found = failed(name, text.rstrip("."), advice or None)
    return replace(found, refuses=True)


def at_venue(venue: str, checks: Iterable[Check]) -> list[Check]:
    """Return ``checks`` as those of a venue."""
    return [replace(check, venue=venue) for check in checks]


def of_portfolio(portfolio: str, checks: Iterable[Check]) -> list[Check]:
    """Return ``checks`` as those of a portfolio."""
    return [replace(check, portfolio=portfolio) for check in checks]
