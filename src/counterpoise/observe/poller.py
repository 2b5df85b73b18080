"""One look at every venue of a portfolio.

Reads of one venue run side by side, each failure becomes a named problem and a ``None`` in the snapshot: a part
that was not answered is missing, never empty. Fills are read last and only where something can have happened (a
live order, or a position that the records do not explain), so that they are never older than the positions.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TypeVar

from counterpoise.domain.errors import VenueAuthError, VenueError
from counterpoise.domain.instrument import expiry_of, is_spot
from counterpoise.domain.ledger import Settlement
from counterpoise.domain.numbers import ZERO
from counterpoise.domain.order import Fill, Order
from counterpoise.domain.portfolio import Universe
from counterpoise.domain.records import Recorded
from counterpoise.domain.snapshot import Account, Snapshot, VenueSnapshot
from counterpoise.observe.bars import BarCache
from counterpoise.ports import Clock, Venue

T = TypeVar("T")

#: Fills are read from this long before the newest known one: venues may report them late and out of order.
OVERLAP = timedelta(minutes=1)


async def observe(
    portfolio: str,
    venues: Mapping[str, Venue],
    universe: Universe,
    recorded: Recorded,
    holdings: Mapping[str, Decimal],
    clock: Clock,
    bars: BarCache | None = None,
) -> Snapshot:
    """Return what every venue shows now; ``bars`` keeps the closed bars between looks.

    Raises
    ------
    VenueAuthError
        When a key is not accepted: going on would only lead to a ban.
    """
    cache = bars if bars is not None else BarCache((), None)
    looks = (_venue(name, venue, universe, recorded, clock) for name, venue in venues.items())
    unread, found = await asyncio.gather(
        cache.read(venues, universe, clock.now()), asyncio.gather(*looks)
    )
    seen = [
        replace(v, bars=cache.of(v.venue), problems=(*v.problems, *unread.get(v.venue, ())))
        for v in found
    ]
    return Snapshot(
        portfolio=portfolio,
        as_of=clock.now(),
        venues={v.venue: v for v in seen},
        holdings=holdings,
    )


async def _venue(
    name: str, venue: Venue, universe: Universe, recorded: Recorded, clock: Clock
) -> VenueSnapshot:
    problems: list[str] = []
    watched = [x.instrument.symbol for x in universe.watched if x.venue == name]
    symbols = _traded(name, universe)
    account, quotes, open_orders, ledger, settlements = await asyncio.gather(
        _read("account", venue.account(), problems),
        _read("prices", venue.quotes(watched), problems),
        _read("open orders", venue.open_orders(symbols), problems),
        _read("ledger", venue.ledger(_booked_since(name, recorded)), problems),
        _settlements(name, venue, recorded, clock.now(), problems),
    )
    fills = await _fills(name, venue, symbols, account, recorded, problems)
    return VenueSnapshot(
        venue=name,
        account=account,
        quotes=quotes or {},
        open_orders=open_orders,
        fills=fills,
        instruments=venue.instruments(),
        problems=tuple(problems),
        ledger=ledger,
        settlements=settlements,
    )


def _traded(name: str, universe: Universe) -> list[str]:
    """Pairs and contracts in which something of ours may be or come to be."""
    listings = (*universe.spot.values(), *(x for _, x in universe.contracts))
    return [x.instrument.symbol for x in listings if x.venue == name]


def _booked_since(name: str, recorded: Recorded) -> datetime:
    """From when the venue's own bookings may be unknown."""
    return recorded.ledger_at.get(name, recorded.portfolio.started_at) - OVERLAP


async def _settlements(
    name: str, venue: Venue, recorded: Recorded, now: datetime, problems: list[str]
) -> dict[str, Settlement]:
    """How dated futures that we knew of ended; one that is not told yet is asked for again at the next look."""
    found: dict[str, Settlement] = {}
    for (where, symbol), record in recorded.positions.items():
        expiry = expiry_of(symbol)
        if where != name or expiry is None or expiry > now or record.expected_qty == 0:
            continue
        listed = venue.instruments().get(symbol)
        if listed is not None and listed.expiry_at is not None and listed.expiry_at > now:
            continue
        ended = await _read(f"settlement of {symbol}", venue.settlement(symbol), problems)
        if ended is not None:
            found[symbol] = ended
    return found


async def _fills(
    name: str,
    venue: Venue,
    symbols: list[str],
    account: Account | None,
    recorded: Recorded,
    problems: list[str],
) -> tuple[Fill, ...] | None:
    """All fills of ``symbols`` that may be unknown, or None when any read failed."""
    found: list[Fill] = []
    for symbol in symbols:
        if account is not None and not _may_have_filled(name, symbol, account, recorded):
            continue
        since = _since(name, symbol, account, recorded)
        part = await _read(f"fills of {symbol}", venue.fills(symbol, since), problems)
        if part is None:
            return None
        found += part
    return tuple(found)


def _may_have_filled(name: str, symbol: str, account: Account, recorded: Recorded) -> bool:
    return bool(_in_motion(name, symbol, recorded)) or not _explained(
        name, symbol, account, recorded
    )


def _since(name: str, symbol: str, account: Account | None, recorded: Recorded) -> datetime:
    """From when fills may be unknown.

    Orders that are live, or whose fills were not all read, may have unknown fills from the moment they were made,
    however new the newest known one is (another order's). A position nothing explains asks back to that one.
    """
    known = recorded.positions.get((name, symbol))
    newest = (known.last_fill_at if known is not None else None) or recorded.portfolio.started_at
    made = [o.created_at for o in _in_motion(name, symbol, recorded)]
    explained = account is not None and _explained(name, symbol, account, recorded)
    return min(made if made and explained else [*made, newest]) - OVERLAP


def _in_motion(name: str, symbol: str, recorded: Recorded) -> list[Order]:
    return [
        o for o in recorded.orders if (o.venue, o.symbol) == (name, symbol) and not o.is_settled
    ]


def _explained(name: str, symbol: str, account: Account, recorded: Recorded) -> bool:
    """Whether the position is what the records expect; a wallet of coins is no position to compare with."""
    return is_spot(symbol) or _shown(symbol, account) == _expected(name, symbol, recorded)


def _shown(symbol: str, account: Account) -> Decimal:
    position = account.positions.get(symbol)
    return position.qty if position is not None else ZERO


def _expected(name: str, symbol: str, recorded: Recorded) -> Decimal:
    known = recorded.positions.get((name, symbol))
    return known.expected_qty if known is not None else ZERO


async def _read(what: str, reading: Awaitable[T], problems: list[str]) -> T | None:
    try:
        return await reading
    except VenueAuthError:
        raise
    except VenueError as error:
        problems.append(f"{what}: {error}")
        return None
