"""Closed bars for the lookbacks that strategies declare: kept, back-filled, healed; never invented (MEANING 12).

Lives as long as a portfolio's cycle. Back-fills from the store first, then from the venue, and asks the venue again
only when a bar must have closed since. A hole is asked for once more; what the venue never traded stays a hole, and
whoever looks back over it has too few bars.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from counterpoise.domain.bars import Bar, Lookback, last_closed_open
from counterpoise.domain.errors import VenueAuthError, VenueError
from counterpoise.domain.portfolio import Universe
from counterpoise.domain.records import BarRow
from counterpoise.ports import Store, Venue

#: Bars kept beyond the longest lookback, so that a late one does not make the rest too short.
SPARE = 3

#: Venue, unified symbol, interval.
_Key = tuple[str, str, timedelta]


class BarCache:
    """The closed bars of one portfolio. ``store`` is None before there is a database."""

    def __init__(self, lookbacks: tuple[Lookback, ...], store: Store | None) -> None:
        self._lookbacks = lookbacks
        self._store = store
        self._known: dict[_Key, tuple[Bar, ...]] = {}
        self._asked_again: set[tuple[_Key, datetime]] = set()
        self._new: list[BarRow] = []

    async def read(
        self, venues: Mapping[str, Venue], universe: Universe, now: datetime
    ) -> dict[str, list[str]]:
        """Bring every series up to ``now``; returns what could not be read, by venue.

        Raises VenueAuthError, StoreError.
        """
        problems: dict[str, list[str]] = {}
        for look in self._lookbacks:
            listing = universe.barred(look.asset)
            if listing is None or listing.venue not in venues:
                continue
            symbol = listing.instrument.symbol
            key = (listing.venue, symbol, look.interval)
            try:
                await self._update(key, venues[listing.venue], look, now)
            except VenueAuthError:
                raise
            except VenueError as error:
                problems.setdefault(listing.venue, []).append(f"bars of {symbol}: {error}")
        return problems

    def of(self, venue: str) -> dict[tuple[str, timedelta], tuple[Bar, ...]]:
        """Return (symbol, interval) -> closed bars of one venue, oldest first."""
        return {(s, i): bars for (v, s, i), bars in self._known.items() if v == venue}

    def drained(self) -> tuple[BarRow, ...]:
        """Return the bars read since this was asked last, to be stored."""
        rows, self._new = tuple(self._new), []
        return rows

    async def _update(self, key: _Key, venue: Venue, look: Lookback, now: datetime) -> None:
        name, symbol, interval = key
        newest = last_closed_open(now, interval)
        oldest = newest - (look.bars + SPARE - 1) * interval
        if key not in self._known:
            stored = (
                await self._store.bars(name, symbol, interval, oldest)
                if self._store is not None
                else ()
            )
            self._known[key] = tuple(stored)
        known = self._known[key]
        if known and known[-1].open_at >= newest:
            return
        since = max(known[-1].open_at + interval, oldest) if known else oldest
        self._add(key, await venue.bars(symbol, interval, since, newest + interval), oldest)
        await self._heal(key, venue, oldest)

    async def _heal(self, key: _Key, venue: Venue, oldest: datetime) -> None:
        """Ask once for each hole, and for the time before the first bar."""
        _, symbol, interval = key
        bars = self._known[key]
        if not bars:
            return
        starts = [oldest - interval, *(bar.open_at for bar in bars)]
        holes = [
            (before + interval, after.open_at)
            for before, after in zip(starts, bars, strict=False)
            if after.open_at - before > interval
        ]
        for since, until in holes:
            if (key, since) not in self._asked_again:
                self._asked_again.add((key, since))
                self._add(key, await venue.bars(symbol, interval, since, until), oldest)

    def _add(self, key: _Key, bars: tuple[Bar, ...], oldest: datetime) -> None:
        known = {bar.open_at: bar for bar in self._known[key] if bar.open_at >= oldest}
        new = [bar for bar in bars if bar.open_at >= oldest and bar.open_at not in known]
        known |= {bar.open_at: bar for bar in new}
        self._known[key] = tuple(known[at] for at in sorted(known))
        venue, symbol, interval = key
        self._new += [BarRow(venue=venue, symbol=symbol, interval=interval, bar=bar) for bar in new]
        self._asked_again = {asked for asked in self._asked_again if asked[1] >= oldest}
