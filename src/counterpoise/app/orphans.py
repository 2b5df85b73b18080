"""Orders and positions that nobody looks after: ours by their form, but without a row or without a place.

An order whose id has our form and that the database does not know comes from a lost or another database. It may
fill at any time, so nothing is sent on its contract: a start is refused, a running look holds and tells.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from counterpoise.domain.carried import strays_of
from counterpoise.domain.errors import SafetyRefusal
from counterpoise.domain.numbers import text
from counterpoise.domain.order import VenueOrder
from counterpoise.domain.policy import PortfolioPolicy
from counterpoise.domain.portfolio import Contract, Universe
from counterpoise.domain.reasons import Reason, reason
from counterpoise.domain.records import Recorded
from counterpoise.domain.snapshot import Snapshot
from counterpoise.plan.ids import is_own
from counterpoise.ports import Store, Venue

_MANY = 10_000  # more working orders than any limit allows

Orphan = tuple[str, VenueOrder]


async def unattended(
    policy: PortfolioPolicy,
    snapshot: Snapshot,
    recorded: Recorded,
    universe: Universe,
    store: Store | None,
) -> dict[Contract, Reason]:
    """Return why nothing may be sent per contract: orphan orders, and what we carry outside ``universe``.

    Raises StoreError.
    """
    found: dict[Contract, Reason] = {
        contract: reason("no_instrument", asset=asset, quote=policy.quote)
        for contract, asset in strays_of(recorded, universe).items()
    }
    shown = {name: seen.open_orders or () for name, seen in snapshot.venues.items()}
    known = {o.client_order_id for o in recorded.orders}
    orphans = await orphans_of(policy.id, shown, known, store)
    for venue, symbol in {(venue, order.symbol) for venue, order in orphans}:
        names = [_named(o) for v, o in orphans if (v, o.symbol) == (venue, symbol)]
        found[venue, symbol] = reason("orphan_order", orders=", ".join(names), venue=venue)
    return found


async def refuse_orphans(
    policy: PortfolioPolicy, venues: Mapping[str, Venue], universe: Universe, store: Store | None
) -> None:
    """Refuse to start beside open orders of our form that ``store`` does not know.

    Raises SafetyRefusal, VenueError, VenueAuthError, StoreError.
    """
    shown: dict[str, Sequence[VenueOrder]] = {}
    for name in policy.venues:
        symbols = [x.instrument.symbol for x in universe.watched if x.venue == name]
        shown[name] = await venues[name].open_orders(symbols) if symbols else ()
    orphans = await orphans_of(policy.id, shown, set(), store)
    if orphans:
        named = ", ".join(f"{_named(order)} at {venue}" for venue, order in orphans)
        raise SafetyRefusal(
            f"portfolio {policy.id}: found open orders that look like ours but that this database does not know:"
            f" {named}. They may fill at any time. Cancel them at the exchange, or restore the database they were"
            " recorded in, then start again"
        )


async def orphans_of(
    portfolio: str,
    shown: Mapping[str, Sequence[VenueOrder]],
    known: set[str],
    store: Store | None,
) -> tuple[Orphan, ...]:
    """Return open orders (by venue) whose id has our form and that neither ``known`` nor ``store`` has."""
    suspects = [
        (venue, order)
        for venue, orders in shown.items()
        for order in orders
        if is_own(order.client_order_id) and order.client_order_id not in known
    ]
    if not suspects or store is None:
        return tuple(suspects)
    # read now: a daemon beside us may have recorded them since, and a final row of an old decision is a row too
    rows = list(await store.orders(portfolio, live_only=True, limit=_MANY))
    for venue in {venue for venue, _ in suspects}:
        rows += await store.owners(venue, [o.venue_order_id for v, o in suspects if v == venue])
    recorded = {(row.venue, row.client_order_id) for row in rows}
    return tuple((v, o) for v, o in suspects if (v, o.client_order_id) not in recorded)


def _named(order: VenueOrder) -> str:
    left = text(order.qty - order.filled_qty)
    return f"{order.side.value} {left} {order.symbol} ({order.client_order_id})"
