"""Read closed bars, all pages, exactly as the venue prints them.

A page is what opens first at or after its start, so the next one begins after its newest bar; a page that brings
nothing new is an error, never an endless loop. Which bars are closed is judged by the venue's time, not by ours:
the bar that is still being traded is in its answers as well.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any

from counterpoise.domain.bars import Bar
from counterpoise.domain.errors import VenueError
from counterpoise.domain.numbers import dec
from counterpoise.venue.ccxt import endpoints as ask
from counterpoise.venue.ccxt.instants import from_ms, to_ms
from counterpoise.venue.ccxt.instruments import Listing
from counterpoise.venue.ccxt.mapping import understood
from counterpoise.venue.ccxt.wire import Wire

#: Binance's names; a month has no fixed length and is not offered.
INTERVALS: Mapping[timedelta, str] = MappingProxyType(
    {
        **{timedelta(minutes=n): f"{n}m" for n in (1, 3, 5, 15, 30)},
        **{timedelta(hours=n): f"{n}h" for n in (1, 2, 4, 6, 8, 12)},
        **{timedelta(days=n): f"{n}d" for n in (1, 3)},
        timedelta(weeks=1): "1w",
    }
)
#: Bars of one answer: the most that both APIs give, and the most of what costs least per bar on futures.
LIMIT = 1000
_MS = timedelta(milliseconds=1)


async def bars_between(
    wire: Wire, listing: Listing, interval: timedelta, since: datetime, until: datetime
) -> tuple[Bar, ...]:
    """Return the closed bars that open in [``since``, ``until``), oldest first. Raises VenueError."""
    name = INTERVALS.get(interval)
    if name is None:
        known = ", ".join(INTERVALS.values())
        raise VenueError(
            f"{listing.instrument.symbol}: expected bars of {known}, was {interval}",
            retryable=False,
        )
    width_ms = interval // _MS
    # both ends are opens: the first at or after ``since``, the last before ``until`` that is closed by now
    first_ms = -((from_ms(0) - since) // _MS)
    last_ms = min(to_ms(until - timedelta(microseconds=1)), to_ms(wire.venue_now()) - width_ms)
    found: dict[int, Bar] = {}
    while first_ms <= last_ms:
        limit = min((last_ms - first_ms) // width_ms + 1, LIMIT)
        params = {
            "symbol": listing.id,
            "interval": name,
            "startTime": str(first_ms),
            "endTime": str(last_ms),
            "limit": str(limit),
        }
        reply = await wire.read(ask.klines(listing.scope, limit), params)
        with understood("klines"):
            page = [bar(row) for row in _rows(reply)]
        found.update((to_ms(each.open_at), each) for each in page)
        if len(page) < limit:
            break
        newest_ms = max(to_ms(each.open_at) for each in page)
        if newest_ms < first_ms:
            raise VenueError(
                f"klines: expected bars from {from_ms(first_ms)} on, was {from_ms(newest_ms)}"
            )
        first_ms = newest_ms + width_ms
    return tuple(
        each
        for open_ms, each in sorted(found.items())
        if since <= each.open_at < until and open_ms <= last_ms
    )


def bar(row: Any) -> Bar:
    """Map one row of twelve columns. Raises TypeError or ValueError for another one."""
    open_ms, opened, high, low, close, volume = row[:6]
    if isinstance(open_ms, bool) or not isinstance(open_ms, int):
        raise TypeError(f"expected when a bar opened, was {open_ms!r}")
    return Bar(
        open_at=from_ms(open_ms),
        open=dec(opened),
        high=dec(high),
        low=dec(low),
        close=dec(close),
        volume=dec(volume),
    )


def _rows(reply: Any) -> list[Any]:
    if not isinstance(reply, list):
        raise TypeError(f"expected a list of bars, was {type(reply).__name__}")
    return reply
