"""Read all executions since an instant, without a gap and without an endless loop.

Binance answers at most 1000 trades of one window (24 h spot, 7 days futures), and whether a full answer starts at
the oldest or the newest is not the same everywhere. So a full window is halved until every part is not full;
a single full millisecond is read on by trade id. Each step shortens the window or raises the id, so it ends.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from counterpoise.domain.errors import VenueError
from counterpoise.venue.ccxt import endpoints as ask
from counterpoise.venue.ccxt.endpoints import Scope
from counterpoise.venue.ccxt.instants import to_ms
from counterpoise.venue.ccxt.wire import Wire

LIMIT = 1000
_MS = timedelta(milliseconds=1)
_SPAN_MS = {
    Scope.SPOT: timedelta(hours=24) // _MS,
    Scope.FUTURES: timedelta(days=7) // _MS,
}
#: Futures answers for the last six months only (documented); asking for more would be refused for ever.
_REACH = {Scope.FUTURES: timedelta(days=179)}

Row = Mapping[str, Any]


async def trades_since(
    wire: Wire, scope: Scope, venue_id: str, since: datetime, now: datetime
) -> list[Row]:
    """Return the raw trades at or after ``since``, each once, oldest first. Raises VenueError.

    On futures ``since`` reaches back 179 days at most.
    """
    reach = _REACH.get(scope)
    span_ms = _SPAN_MS[scope]
    start_ms = to_ms(since if reach is None else max(since, now - reach))
    found: dict[int, Row] = {}
    while start_ms <= to_ms(now):
        # the end may lie ahead: a trade made while we ask belongs to this answer
        for row in await _window(wire, scope, venue_id, start_ms, start_ms + span_ms - 1):
            found[int(row["id"])] = row
        start_ms += span_ms
    return sorted(found.values(), key=lambda row: (int(row["time"]), int(row["id"])))


async def _window(wire: Wire, scope: Scope, venue_id: str, start_ms: int, end_ms: int) -> list[Row]:
    """Return all trades of [start_ms, end_ms]."""
    rows = await _page(
        wire, scope, {"symbol": venue_id, "startTime": str(start_ms), "endTime": str(end_ms)}
    )
    if len(rows) < LIMIT:
        return rows
    if start_ms == end_ms:
        return rows + await _by_id(wire, scope, venue_id, rows, end_ms)
    middle_ms = (start_ms + end_ms) // 2
    older = await _window(wire, scope, venue_id, start_ms, middle_ms)
    return older + await _window(wire, scope, venue_id, middle_ms + 1, end_ms)


async def _by_id(
    wire: Wire, scope: Scope, venue_id: str, rows: list[Row], end_ms: int
) -> list[Row]:
    """Read on after a millisecond that holds more trades than one answer."""
    more: list[Row] = []
    last = max(int(row["id"]) for row in rows)
    while True:
        page = await _page(wire, scope, {"symbol": venue_id, "fromId": str(last + 1)})
        more += [row for row in page if int(row["time"]) == end_ms]
        newest = max((int(row["id"]) for row in page), default=last)
        if len(page) < LIMIT or newest <= last or any(int(row["time"]) > end_ms for row in page):
            return more
        last = newest


async def _page(wire: Wire, scope: Scope, params: Mapping[str, str]) -> list[Row]:
    reply = await wire.read(ask.TRADES[scope], {**params, "limit": str(LIMIT)})
    if not isinstance(reply, list):
        raise VenueError(f"{scope}: expected a list of trades, was {type(reply).__name__}")
    return reply
