"""Closed bars of the lookbacks that strategies declare, kept as long as the process lives (MEANING 12).

Filled from the store, then from the venue; after that the venue is asked only when another bar must have closed, so
that a look costs nothing in between. Nothing is invented: a bar that the venue does not have, though it was asked
twice, was never traded and stays a gap.
"""

from __future__ import annotations

from collections.abc import Awaitable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise

from counterpoise.domain.bars import Bar, Lookback, last_closed_open
from counterpoise.domain.portfolio import Universe
from counterpoise.domain.records import BarRow
from counterpoise.observe.reading import read
from counterpoise.ports import Store, Venue

#: Bars kept beyond what is asked for: the newest may be one behind.
SPARE = 2
#: How often a hole is asked for before it counts as never traded.
TIMES = 2
#: The longest pause between two questions for the same missing bar.
LONGEST = timedelta(minutes=10)
#: Spans asked for in one look, at most.
_SPANS = 3

#: Venue, unified symbol, interval.
Key = tuple[str, str, timedelta]
#: Opens of missing bars: from, and up to (excluded).
_Span = tuple[datetime, datetime]


@dataclass(slots=True)
class _Series:
    """The bars of one instrument and interval, oldest first, and what is known of the missing ones.

    ``holes`` lie between bars. ``asked``: a hole, by the bar after it -> how often it was asked for. The newest
    missing bars are asked for at every look at first, then after ever longer pauses.
    """

    interval: timedelta
    bars: tuple[Bar, ...] = ()
    holes: tuple[_Span, ...] = ()
    loaded: bool = False
    asked: dict[datetime, int] = field(default_factory=dict)
    problem: str | None = None
    _newest_asked: datetime | None = None
    _first_at: datetime | None = None
    _last_at: datetime | None = None

    def missing(self, first: datetime, now: datetime) -> list[_Span]:
        """Return the spans to ask for at ``now`` so that every closed bar from ``first`` on is there."""
        last = last_closed_open(now, self.interval)
        asks = self._asks_again(last, now)
        if self.problem is not None and not asks:
            return []  # the venue failed us: it is left alone for a while
        found: list[_Span] = []
        after = max(self.bars[-1].open_at + self.interval, first) if self.bars else first
        if after <= last and asks:
            found.append((after, last + self.interval))
        found += [hole for hole in self._gaps(first) if self.asked.get(hole[1], 0) < TIMES]
        return found[:_SPANS]

    def note_asked(self, now: datetime) -> None:
        """Remember that the newest bars were asked for at ``now``."""
        last = last_closed_open(now, self.interval)
        if self._newest_asked != last or self._first_at is None:
            self._newest_asked, self._first_at = last, now
        self._last_at = now

    def add(self, bars: Iterable[Bar], first: datetime) -> list[Bar]:
        """Take in ``bars``, let go what opens before ``first``; return those that were not known."""
        new = sorted({b.open_at: b for b in bars}.values(), key=lambda b: b.open_at)
        if new and (not self.bars or new[0].open_at > self.bars[-1].open_at):
            self.holes += _between((*self.bars[-1:], *new), self.interval)
            self.bars += tuple(new)
        elif new:
            known = {b.open_at for b in self.bars}
            new = [b for b in new if b.open_at not in known]
            self.bars = tuple(sorted((*self.bars, *new), key=lambda b: b.open_at))
            self.holes = _between(self.bars, self.interval)
        old = next((n for n, b in enumerate(self.bars) if b.open_at >= first), len(self.bars))
        if old:
            self.bars = self.bars[old:]
            self.holes = tuple(h for h in self.holes if self.bars and h[1] > self.bars[0].open_at)
        return new

    def note_holes(self, span: _Span, first: datetime) -> None:
        """Remember that what is still missing in ``span`` was asked for."""
        gaps = self._gaps(first)
        for since, until in gaps:
            if since < span[1] and until > span[0]:
                self.asked[until] = self.asked.get(until, 0) + 1
        left = {until for _, until in gaps}
        self.asked = {until: times for until, times in self.asked.items() if until in left}

    def _gaps(self, first: datetime) -> tuple[_Span, ...]:
        """The holes, and what is missing before the oldest bar."""
        if self.bars and self.bars[0].open_at > first:
            return ((first, self.bars[0].open_at), *self.holes)
        return self.holes

    def _asks_again(self, last: datetime, now: datetime) -> bool:
        """Whether a bar that did not come is due to be asked for: after twice the time it was asked for already."""
        if self._newest_asked != last or self._first_at is None or self._last_at is None:
            return True
        patience = min(
            2 * (self._last_at - self._first_at), self._last_at - self._first_at + LONGEST
        )
        return now > self._last_at and now - self._first_at >= patience


def _between(bars: tuple[Bar, ...], interval: timedelta) -> tuple[_Span, ...]:
    return tuple(
        (older.open_at + interval, newer.open_at)
        for older, newer in pairwise(bars)
        if newer.open_at - older.open_at > interval
    )


class BarCache:
    """The bars of one portfolio. ``store`` is None before there is a database."""

    def __init__(self, lookbacks: Iterable[Lookback], store: Store | None) -> None:
        self._lookbacks = tuple(lookbacks)
        self._store = store
        self._series: dict[Key, _Series] = {}
        self._rows: list[BarRow] = []

    @property
    def new(self) -> tuple[BarRow, ...]:
        """Bars that came from a venue and are not stored yet."""
        return tuple(self._rows)

    def stored(self) -> None:
        """Take note that what :attr:`new` gave is durable."""
        self._rows.clear()

    def questions(
        self, name: str, venue: Venue, universe: Universe, now: datetime
    ) -> list[Awaitable[None]]:
        """Return what to await so that :meth:`of` is up to date: nothing unless a bar is missing.

        Awaiting raises VenueAuthError, StoreError; any other failed read is a problem that :meth:`of` names.
        """
        wanted = self._wanted(name, universe)
        self._series = {k: s for k, s in self._series.items() if k[0] != name or k in wanted}
        asked: list[Awaitable[None]] = []
        for key, count in wanted.items():
            series = self._series.setdefault(key, _Series(interval=key[2]))
            first = last_closed_open(now, key[2]) - (count - 1) * key[2]
            if not series.loaded or series.missing(first, now):
                asked.append(self._filled(series, key, venue, first, now))
        return asked

    def of(
        self, name: str, universe: Universe, problems: list[str]
    ) -> dict[tuple[str, timedelta], tuple[Bar, ...]]:
        """Return (symbol, interval) -> closed bars of one venue; a failed read stays a problem until one succeeds."""
        found = {key: self._series[key] for key in self._wanted(name, universe)}
        problems += [s.problem for s in found.values() if s.problem is not None]
        return {(symbol, interval): s.bars for (_, symbol, interval), s in found.items()}

    def _wanted(self, name: str, universe: Universe) -> dict[Key, int]:
        """What to have of one venue: key -> how many bars."""
        wanted: dict[Key, int] = {}
        for asked in self._lookbacks:
            coin = universe.spot.get(asked.asset)
            listing = coin if asked.coin else universe.barred(asked.asset)
            if listing is not None and listing.venue == name:
                key = (name, listing.instrument.symbol, asked.interval)
                wanted[key] = max(wanted.get(key, 0), asked.bars + SPARE)
        return wanted

    async def _filled(
        self, series: _Series, key: Key, venue: Venue, first: datetime, now: datetime
    ) -> None:
        """Bring one series up to date."""
        name, symbol, interval = key
        last = last_closed_open(now, interval)
        if not series.loaded:
            if self._store is not None:
                series.add(await self._store.bars(name, symbol, interval, first), first)
            series.loaded = True
        for span in series.missing(first, now):
            if span[1] > last:
                series.note_asked(now)
            problems: list[str] = []
            asking = venue.bars(symbol, interval, *span)
            bars = await read(f"bars of {symbol}", asking, problems)
            series.problem = next(iter(problems), None)
            if bars is None:
                series.note_asked(now)
                return
            closed = [b for b in bars if span[0] <= b.open_at < span[1]]  # none that still forms
            for bar in series.add(closed, first):
                self._rows.append(BarRow(venue=name, symbol=symbol, interval=interval, bar=bar))
            series.note_holes(span, first)
