"""Slow figures beside the prices: how often a contract is funded, and how much of it is traded in a day.

They change by the hour, not by the second, so they are asked for once in a while and never stand in the way of
prices: a question that fails leaves what was known, for two hours at most, and after that nothing. What is not
known is None, never zero and never a guess.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from counterpoise.domain.errors import VenueError
from counterpoise.domain.instrument import InstrumentKind
from counterpoise.domain.numbers import dec
from counterpoise.ports import Clock
from counterpoise.venue.ccxt import endpoints as ask
from counterpoise.venue.ccxt.call import CallFailed
from counterpoise.venue.ccxt.endpoints import Endpoint, Scope
from counterpoise.venue.ccxt.instruments import Listing
from counterpoise.venue.ccxt.mapping import NOT_UNDERSTOOD, figure, rows_by_id
from counterpoise.venue.ccxt.wire import Wire

#: What the venue does not list is funded this often (Binance, "Get Funding Rate Info").
USUAL_INTERVAL = timedelta(hours=8)
ASK_INTERVALS_EVERY = timedelta(minutes=30)
#: Of 24 hours, a twenty-fourth is exchanged meanwhile.
ASK_VOLUMES_EVERY = timedelta(hours=1)
#: How long a figure is believed that could not be read again.
BELIEVED_FOR = timedelta(hours=2)
_PAUSE = timedelta(minutes=1)
#: Spot answers this many symbols for the price of one; more contracts than that are cheaper to ask for all at once.
_MOST_NAMED = 20
_MOST_SINGLE = 40

Asked = tuple[Endpoint, Mapping[str, str]]


@dataclass(frozen=True, slots=True)
class _Known:
    """A figure and when it was read; None in place of what the venue did not tell."""

    value: Decimal | None
    at: datetime


class Facts:
    """What is known of one venue's contracts."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._volumes: dict[tuple[Scope, str], _Known] = {}
        self._intervals: Mapping[str, timedelta] = {}
        self._intervals_at: datetime | None = None
        self._failed_at: datetime | None = None

    def funding_interval(self, listing: Listing) -> timedelta | None:
        """Return the time between two fundings of a perpetual; None for others, and while it is not known."""
        perpetual = listing.instrument.kind is InstrumentKind.PERPETUAL
        if not perpetual or not self._fresh(self._intervals_at, BELIEVED_FOR):
            return None
        return self._intervals.get(listing.id, USUAL_INTERVAL)

    def volume_24h(self, listing: Listing) -> Decimal | None:
        """Return what was traded in 24 h, in quote; None while it is not known."""
        known = self._volumes.get((listing.scope, listing.id))
        return known.value if known is not None and self._fresh(known.at, BELIEVED_FOR) else None

    async def refresh(self, wire: Wire, listings: Iterable[Listing]) -> None:
        """Ask for what is too old. Never raises for what the venue answers, or does not."""
        if self._fresh(self._failed_at, _PAUSE):
            return
        wanted = [listing for listing in listings if listing.instrument.active]
        perpetual = any(x.instrument.kind is InstrumentKind.PERPETUAL for x in wanted)
        asked: list[Asked] = []
        if perpetual and not self._fresh(self._intervals_at, ASK_INTERVALS_EVERY):
            asked.append((ask.FUNDING_INFO, {}))
        old = [x for x in wanted if not self._fresh(self._volume_at(x), ASK_VOLUMES_EVERY)]
        for scope in (Scope.SPOT, Scope.FUTURES):
            asked += _volume_questions(scope, [x.id for x in old if x.scope is scope])
        for (endpoint, _), reply in zip(
            asked, await asyncio.gather(*(_answer(wire, a) for a in asked)), strict=True
        ):
            self._learn(endpoint, reply)
        # what was asked for and is not among the answers is not asked for again at once
        for listing in old:
            at = self._volume_at(listing)
            if not self._fresh(at, ASK_VOLUMES_EVERY) and not self._fresh(self._failed_at, _PAUSE):
                self._volumes[listing.scope, listing.id] = _Known(None, self._clock.now())

    def _learn(self, endpoint: Endpoint, reply: Any) -> None:
        now = self._clock.now()
        try:
            if endpoint is ask.FUNDING_INFO:
                self._intervals, self._intervals_at = _intervals(reply), now
                return
            for venue_id, row in rows_by_id(reply).items():
                self._volumes[endpoint.scope, venue_id] = _Known(figure(row["quoteVolume"]), now)
        except NOT_UNDERSTOOD:
            self._failed_at = now

    def _volume_at(self, listing: Listing) -> datetime | None:
        known = self._volumes.get((listing.scope, listing.id))
        return None if known is None else known.at

    def _fresh(self, at: datetime | None, span: timedelta) -> bool:
        return at is not None and self._clock.now() - at < span


def _volume_questions(scope: Scope, ids: list[str]) -> list[Asked]:
    if scope is Scope.FUTURES:
        if len(ids) >= _MOST_SINGLE:
            return [(ask.TICKERS, {})]
        return [(ask.TICKER[scope], {"symbol": each}) for each in ids]
    chunks = [ids[n : n + _MOST_NAMED] for n in range(0, len(ids), _MOST_NAMED)]
    return [
        (ask.TICKER[scope], {"symbols": json.dumps(chunk, separators=(",", ":"))})
        for chunk in chunks
    ]


async def _answer(wire: Wire, asked: Asked) -> Any:
    """Return the reply, None for a failure."""
    try:
        return await wire.ask(*asked)
    except (CallFailed, VenueError):
        return None


def _intervals(reply: Any) -> dict[str, timedelta]:
    found: dict[str, timedelta] = {}
    for row in reply:
        hours = dec(row["fundingIntervalHours"])
        if hours <= 0:
            raise ValueError(f"expected hours above 0, was {hours}")
        found[row["symbol"]] = timedelta(minutes=int(hours * 60))
    return found
