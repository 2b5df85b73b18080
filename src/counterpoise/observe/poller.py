"""One look at every venue of a portfolio.

Reads of one venue run side by side, each failure becomes a named problem and a ``None`` in the snapshot: a part
that was not answered is missing, never empty. Fills are read last and only where something can have happened (a
live order, or a position that the records do not explain), so that they are never older than the positions.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TypeVar

from counterpoise.domain.errors import VenueAuthError, VenueError
from counterpoise.domain.instrument import is_spot
from counterpoise.domain.numbers import ZERO
from counterpoise.domain.order import Fill, Order
from counterpoise.domain.portfolio import Listing, Universe
from counterpoise.domain.records import Recorded
from counterpoise.domain.snapshot import Account, Snapshot, VenueSnapshot
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
) -> Snapshot:
    """Return what every venue shows now.

    Raises
    ------
    VenueAuthError
        When a key is not accepted: going on would only lead to a ban.
    """
    seen = await asyncio.gather(
        *(_venue(name, venue, universe, recorded) for name, venue in venues.items())
    )
    return Snapshot(
        portfolio=portfolio,
        as_of=clock.now(),
        venues={v.venue: v for v in seen},
        holdings=holdings,
    )


async def _venue(name: str, venue: Venue, universe: Universe, recorded: Recorded) -> VenueSnapshot:
    problems: list[str] = []
    futures = _symbols(name, universe.futures)
    coins = _symbols(name, universe.spot)
    symbols = coins + futures
    account, quotes, open_orders = await asyncio.gather(
        _read("account", venue.account(), problems),
        _read("prices", venue.quotes(symbols), problems),
        _read("open orders", venue.open_orders(symbols), problems),
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
    )


def _symbols(name: str, listings: Mapping[str, Listing]) -> list[str]:
    return [x.instrument.symbol for x in listings.values() if x.venue == name]


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
