"""Who made the orders behind the trades of a futures account: ours, somebody else's, or the venue itself.

Binance's trades carry an order id and no client id, and its own orders (liquidation, auto-deleveraging, settlement of
what it delists) are known by their client ids alone ("User Data Streams": ORDER_TRADE_UPDATE). What this process sent,
or saw among the open orders, is known already; of another order the client id is asked for by its number, weight 1,
and once, because it never changes. Only where the venue does not find the order by its number its list of forced
orders is read (weight 20).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from counterpoise.domain.order import Fill, Forced, VenueOrder
from counterpoise.venue.ccxt import endpoints as ask
from counterpoise.venue.ccxt.call import CallFailed
from counterpoise.venue.ccxt.endpoints import Scope
from counterpoise.venue.ccxt.faults import is_not_found
from counterpoise.venue.ccxt.instants import to_ms
from counterpoise.venue.ccxt.instruments import Listing
from counterpoise.venue.ccxt.mapping import rows, understood, venue_order_id
from counterpoise.venue.ccxt.wire import Wire

#: How the client ids of the venue's own orders begin.
PREFIXES: Mapping[str, Forced] = {
    "autoclose-": Forced.LIQUIDATION,
    "adl_autoclose": Forced.DELEVERAGING,
    "settlement_autoclose-": Forced.SETTLEMENT,
}
#: So many orders of a contract are asked for in one read, the newest first; the others at the next.
MOST_ASKED = 20
#: How soon to ask again for an order the venue did not find anywhere.
AGAIN_AFTER = timedelta(minutes=1)
#: So many orders are remembered; those learnt first are forgotten first, and asked for again if need be.
MOST_KNOWN = 10_000
#: The list of forced orders is read from this long before the oldest trade in question.
_OVERLAP = timedelta(minutes=1)
_SPAN = timedelta(days=6)

_Key = tuple[str, str]


def forced_by(client_order_id: str | None) -> Forced | None:
    """Return why the venue made the order of this client id; None for an order of anyone else."""
    name = client_order_id or ""
    return next((kind for begin, kind in PREFIXES.items() if name.startswith(begin)), None)


class Origins:
    """What is known of the orders of one futures account. Lives as long as the connection."""

    def __init__(self) -> None:
        #: Client ids of orders by their numbers.
        self._known: dict[_Key, str] = {}
        self._missed: dict[_Key, datetime] = {}

    def learn(self, listing: Listing, order: VenueOrder) -> None:
        """Take note of an order whose client id was told."""
        if listing.scope is Scope.FUTURES and order.client_order_id is not None:
            self._keep((listing.id, order.venue_order_id), order.client_order_id)

    async def marked(
        self, wire: Wire, listing: Listing, fills: Iterable[Fill], now: datetime
    ) -> tuple[Fill, ...]:
        """Return ``fills`` of one contract with the client ids of their orders, and marked what the venue made itself.

        Raises VenueError.

        The end of a dated future is expected, and told by its settlement price: its trade is not marked.
        """
        made = tuple(fills)
        await self._ask(wire, listing, made, now)
        names = [self._known.get(_key(listing, f)) for f in made]
        kinds = [forced_by(name) for name in names]
        if listing.instrument.expiry_at is not None:
            kinds = [None if kind is Forced.SETTLEMENT else kind for kind in kinds]
        return tuple(
            replace(f, forced=kind, client_order_id=name)
            for f, kind, name in zip(made, kinds, names, strict=True)
        )

    async def _ask(
        self, wire: Wire, listing: Listing, made: tuple[Fill, ...], now: datetime
    ) -> None:
        unknown = {_key(listing, f): f for f in made if _key(listing, f) not in self._known}
        # the newest are those that may have moved the position
        due = [k for k in reversed(unknown) if now >= self._missed.get(k, now)][:MOST_ASKED]
        absent: dict[_Key, Fill] = {}
        for key in due:
            try:
                row = await wire.ask(
                    ask.ORDER[Scope.FUTURES], {"symbol": listing.id, "orderId": key[1]}
                )
            except CallFailed as failure:
                if not is_not_found(Scope.FUTURES, failure.raw):
                    raise wire.failed(failure) from None
                absent[key] = unknown[key]
                continue
            with understood("order"):
                if venue_order_id(row) != key[1]:
                    raise ValueError(f"expected order {key[1]}, was {row['orderId']}")
                self._keep(key, str(row["clientOrderId"]))
        if absent:
            await self._read_forced(wire, listing, absent.values())
            self._missed |= {k: now + AGAIN_AFTER for k in absent if k not in self._known}

    async def _read_forced(self, wire: Wire, listing: Listing, fills: Iterable[Fill]) -> None:
        times = [f.filled_at for f in fills]
        params = {
            "symbol": listing.id,
            # a question reaches over seven days at most
            "startTime": str(to_ms(max(min(times), max(times) - _SPAN) - _OVERLAP)),
            "endTime": str(to_ms(max(times) + _OVERLAP)),
            "limit": "100",
        }
        reply = await wire.read(ask.FORCE_ORDERS, params)
        with understood("forced orders"):
            for row in rows(reply):
                key = (row["symbol"], venue_order_id(row))
                self._keep(key, str(row["clientOrderId"]))

    def _keep(self, key: _Key, name: str) -> None:
        self._known[key] = name
        self._missed.pop(key, None)
        while len(self._known) > MOST_KNOWN:
            del self._known[next(iter(self._known))]


def _key(listing: Listing, fill: Fill) -> _Key:
    return (listing.id, fill.venue_order_id)
