"""The venue's own books: what it wrote into the account, and how dated futures ended.

Entries are read from where the records end, and a little further back, because a venue may publish them late or
date them before they counted (a deposit is dated when it was first seen). What was stored is not handed out again.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from counterpoise.domain.instrument import Instrument, expiry_of
from counterpoise.domain.ledger import LedgerEntry, Settlement
from counterpoise.domain.records import Recorded
from counterpoise.observe.reading import read
from counterpoise.ports import Venue

#: How much further back than the newest known entry the venue's books are read.
OVERLAP = timedelta(hours=1)

_Keys = frozenset[tuple[str, str, str]]


class LedgerReads:
    """How far the books of each venue were read and stored. A new one begins where the records end."""

    def __init__(self) -> None:
        self._stored: dict[str, tuple[datetime, _Keys]] = {}
        self._unstored: dict[str, tuple[datetime, _Keys]] = {}

    async def read(
        self, name: str, venue: Venue, recorded: Recorded, now: datetime, problems: list[str]
    ) -> tuple[LedgerEntry, ...] | None:
        """Return what may be new in the books of ``venue``, oldest first; None when they were not answered."""
        began = recorded.portfolio.started_at
        since, stored = self._stored.get(name, (began, frozenset()))
        since = max(since, recorded.ledger_at.get(name, began)) - OVERLAP
        self._unstored.pop(name, None)
        entries = await read("ledger", venue.ledger(since), problems)
        if entries is None:
            return None
        self._unstored[name] = (now, frozenset(e.key for e in entries))
        return tuple(e for e in entries if e.key not in stored)

    def stored(self) -> None:
        """Take note that what the last look read is durable."""
        self._stored |= self._unstored
        self._unstored.clear()


def ended(name: str, venue: Venue, recorded: Recorded, now: datetime) -> list[str]:
    """Return the dated futures that may have ended and in which the records still expect a position."""
    expected = {k for k, p in recorded.positions.items() if p.own_qty != 0 or p.baseline_qty != 0}
    # hedges that cross each other hold nothing together, and end all the same
    expected |= {(x.venue, x.symbol) for x in recorded.book.values() if x.qty != 0}
    return [
        symbol
        for where, symbol in sorted(expected)
        if where == name and _may_have_ended(symbol, venue.instruments().get(symbol), now)
    ]


async def read_settlement(
    venue: Venue, symbol: str, found: dict[str, Settlement], problems: list[str]
) -> None:
    """Add to ``found`` how ``symbol`` ended, if ``venue`` tells already."""
    answer = await read(f"settlement of {symbol}", venue.settlement(symbol), problems)
    if answer is not None:
        found[symbol] = answer


def _may_have_ended(symbol: str, listed: Instrument | None, now: datetime) -> bool:
    """Whether ``symbol`` is a dated future that is past its end or trades no more."""
    named = expiry_of(symbol)
    if named is None:
        return False
    if listed is None or not listed.active:
        return True
    return (listed.expiry_at or named) <= now
