"""What passed between a daemon and its world, as the world saw it: reads, commits, requests and their fates.

The exchange's truth log says what took effect. This says the rest that a judge needs: what never arrived, what a
decision rested on, and what the database had taken before something was sent.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Literal

What = Literal["look", "read", "commit", "place", "cancel", "state", "wire"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One thing that happened. ``ok``: it was answered (a read), durable (a commit), or what became of a request.

    ``name``: the endpoint of a read, the client id of a request, the trading state. ``fate``: ``placed``, or why not.
    ``told``: what the daemon was last told the contract is worth, ``equity`` what the account was worth (quote).
    ``asked``: an operator's word came in with a trading state. ``pause``: what a reply on the
    wire asked for, whose status is its ``fate`` and whose API its ``symbol``.
    """

    what: What
    at: datetime
    name: str = ""
    ok: bool = True
    symbol: str = ""
    fate: str = ""
    told: Decimal | None = None
    price: Decimal | None = None
    qty: Decimal | None = None
    reduces: bool = False
    equity: Decimal | None = None
    asked: bool = False
    pause: timedelta | None = None


@dataclass(slots=True)
class Trace:
    """The entries of a run, oldest first."""

    entries: list[Entry] = field(default_factory=list)

    def note(self, what: What, at: datetime, **rest: object) -> None:
        """Write an entry down."""
        self.entries.append(Entry(what=what, at=at, **rest))  # type: ignore[arg-type]  # fields by name

    def of(self, *kinds: What) -> list[Entry]:
        """Return the entries of some kinds."""
        return [e for e in self.entries if e.what in kinds]
