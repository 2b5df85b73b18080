"""The venue's state, read: account, quotes, open orders. Every answer is whole or VenueError.

Independent questions go out together; the first failure cancels the rest. A symbol without a price is there
with None fields. Uses the cheapest question for what is asked (see ``endpoints`` for the weights).
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from counterpoise.domain.order import VenueOrder
from counterpoise.domain.snapshot import Account, Quote
from counterpoise.ports import Clock
from counterpoise.venue.ccxt import endpoints as ask
from counterpoise.venue.ccxt import mapping
from counterpoise.venue.ccxt.call import CallFailed
from counterpoise.venue.ccxt.endpoints import Endpoint, Scope
from counterpoise.venue.ccxt.facts import Facts
from counterpoise.venue.ccxt.instruments import Catalogue, Listing
from counterpoise.venue.ccxt.mapping import understood
from counterpoise.venue.ccxt.wire import Wire

Asked = tuple[Endpoint, Mapping[str, str]]
#: More symbols than this in one question make its address too long.
_MOST_NAMED = 100


async def read_account(wire: Wire, clock: Clock, catalogue: Catalogue) -> Account:
    """Read both wallets, positions and settings. Raises VenueError when any of them was not answered.

    Leverage and margin modes of all contracts, and the position mode, are read every time (weight 5 each): a change
    behind our back is found with the next look.
    """
    as_of = clock.now()
    spot, futures, held, config, mode = await _together(
        wire,
        [
            (ask.ACCOUNT[Scope.SPOT], {"omitZeroBalances": "true"}),
            (ask.ACCOUNT[Scope.FUTURES], {}),
            (ask.POSITIONS, {}),
            (ask.SYMBOL_CONFIG, {}),
            (ask.ACCOUNT_CONFIG, {}),
        ],
    )
    with understood("account"):
        leverage = mapping.leverages(config, catalogue)
        modes = mapping.margin_modes(config, catalogue)
        return Account(
            spot=mapping.spot_balances(spot),
            futures=mapping.futures_wallets(futures),
            positions=mapping.positions(held, catalogue, leverage, modes),
            as_of=as_of,
            leverage=leverage,
            margin_modes=modes,
            hedged=mapping.hedged(mode, held),
        )


async def read_quotes(
    wire: Wire, clock: Clock, catalogue: Catalogue, symbols: Iterable[str], facts: Facts
) -> dict[str, Quote]:
    """Read prices of ``symbols``, with what ``facts`` knows beside; unknown ones are there with None fields."""
    wanted = list(dict.fromkeys(symbols))
    listed = {symbol: catalogue.get(symbol) for symbol in wanted}
    # before the prices, so that these are not older than they must be
    await facts.refresh(wire, [listing for listing in listed.values() if listing is not None])
    asked_at = clock.now()
    asked: list[Asked] = []
    kinds: list[tuple[str, Scope]] = []
    for scope, listings in _by_scope(listed.values()).items():
        asked.append(_price_question(ask.BOOK_ONE, ask.BOOK_ALL, scope, listings))
        asked.append(_price_question(ask.LAST_ONE, ask.LAST_ALL, scope, listings))
        kinds += [("book", scope), ("last", scope)]
        if scope is Scope.FUTURES:
            asked.append(_premium_question(listings))
            kinds.append(("premium", scope))
    replies = await _together(wire, asked)
    with understood("quotes"):
        tables = {
            kind: mapping.rows_by_id(reply) for kind, reply in zip(kinds, replies, strict=True)
        }
        return {
            symbol: _quote(symbol, listing, tables, asked_at, facts)
            for symbol, listing in listed.items()
        }


async def read_open_orders(
    wire: Wire, catalogue: Catalogue, symbols: Iterable[str]
) -> tuple[VenueOrder, ...]:
    """Read the open orders of ``symbols``: one question per symbol, or one for all when that is cheaper."""
    listed = {symbol: catalogue.get(symbol) for symbol in symbols}
    asked: list[Asked] = []
    for scope, listings in _by_scope(listed.values()).items():
        one, everything = ask.OPEN_ORDERS_ONE[scope], ask.OPEN_ORDERS_ALL[scope]
        if one.weight * len(listings) < everything.weight:
            asked += [(one, {"symbol": listing.id}) for listing in listings]
        else:
            asked.append((everything, {}))
    replies = await _together(wire, asked)
    found: list[VenueOrder] = []
    with understood("open orders"):
        for (endpoint, _), reply in zip(asked, replies, strict=True):
            for row in mapping.rows(reply):
                symbol = catalogue.symbol(endpoint.scope, row["symbol"])
                if symbol in listed:
                    found.append(mapping.venue_order(symbol, row))
    return tuple(found)


def _by_scope(listings: Iterable[Listing | None]) -> dict[Scope, list[Listing]]:
    grouped: dict[Scope, list[Listing]] = {}
    for listing in listings:
        if listing is not None:
            grouped.setdefault(listing.scope, []).append(listing)
    return grouped


def _by_name(listings: list[Listing]) -> bool:
    """Whether to ask by name: about what trades no more the venue may know nothing, and every price would fail."""
    return all(listing.instrument.active for listing in listings)


def _price_question(
    one: Mapping[Scope, Endpoint],
    everything: Mapping[Scope, Endpoint],
    scope: Scope,
    listings: list[Listing],
) -> Asked:
    if len(listings) == 1 and _by_name(listings):
        return one[scope], {"symbol": listings[0].id}
    if scope is Scope.SPOT and len(listings) <= _MOST_NAMED and _by_name(listings):
        names = json.dumps([listing.id for listing in listings], separators=(",", ":"))
        return everything[scope], {"symbols": names}
    return everything[scope], {}


def _premium_question(listings: list[Listing]) -> Asked:
    if len(listings) == 1 and _by_name(listings):
        return ask.PREMIUM_ONE, {"symbol": listings[0].id}
    return ask.PREMIUM_ALL, {}


def _quote(
    symbol: str,
    listing: Listing | None,
    tables: Mapping[tuple[str, Scope], Mapping[str, Mapping[str, Any]]],
    asked_at: datetime,
    facts: Facts,
) -> Quote:
    if listing is None:
        return mapping.quote(symbol, None, None, asked_at)
    book = tables["book", listing.scope].get(listing.id)
    premium = tables.get(("premium", listing.scope), {}).get(listing.id)
    last = tables["last", listing.scope].get(listing.id, {})
    return replace(
        mapping.quote(symbol, book, premium, asked_at),
        last=mapping.price(last.get("price")),
        funding_interval=facts.funding_interval(listing),
        volume_24h=facts.volume_24h(listing),
    )


async def _together(wire: Wire, asked: list[Asked]) -> list[Any]:
    """Ask all at once; the replies come in the order of the questions. Raises the first failure."""
    task = asyncio.current_task()
    cancelled = task.cancelling() if task is not None else 0
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(wire.ask(endpoint, params)) for endpoint, params in asked]
    except ExceptionGroup as failures:
        # Python before 3.13 leaves the group's own cancellation of this task counted: no order would be sent by it
        while task is not None and task.cancelling() > cancelled:
            task.uncancel()
        first = failures.exceptions[0]
        raise (wire.failed(first) if isinstance(first, CallFailed) else first) from None
    return [task.result() for task in tasks]
