"""Aligning the records with a look: ask for what the look did not show, and book what is new. Only reads.

Used by the cycle, which commits the result, and by ``plan``, which shows what would follow from it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace

from counterpoise.domain.errors import VenueAuthError, VenueError
from counterpoise.domain.ledger import LedgerEntry
from counterpoise.domain.numbers import ZERO
from counterpoise.domain.order import Fill, Order, VenueOrder
from counterpoise.domain.portfolio import Contract
from counterpoise.domain.reasons import Reason
from counterpoise.domain.records import PositionRecord, Recorded
from counterpoise.domain.snapshot import Snapshot
from counterpoise.execute.absence import Absences, others_explain
from counterpoise.execute.reconcile import Reconciled, orders_to_look_up, reconcile
from counterpoise.execute.settling import missing_from, settled
from counterpoise.plan.ids import is_own
from counterpoise.ports import Clock, Store, Venue


async def align(
    venues: Mapping[str, Venue],
    store: Store | None,
    absences: Absences,
    recorded: Recorded,
    snapshot: Snapshot,
    clock: Clock,
    strategies: Collection[str] = (),
) -> Reconciled:
    """Look up what is not shown, find new fills and their orders, and prove absences.

    ``store`` is None before there is a database: then every fill is new and none is ours. ``strategies`` are the
    configured ids. Raises VenueAuthError,
    StoreError; a look-up that is not answered proves nothing and leaves its row as it is.
    """
    for seen in snapshot.venues.values():
        for shown in seen.open_orders or ():
            absences.found(shown.client_order_id or "")
    recorded = await _reopened(store, recorded, snapshot)
    pending = orders_to_look_up(recorded, snapshot)
    looked_up = await _look_up(venues, absences, pending, clock)
    fills = [f for seen in snapshot.venues.values() for f in seen.fills or ()]
    new = await store.unseen_fills(fills) if store is not None else tuple(fills)
    owners = [o for v in venues for o in await _owners(store, v, new)]
    entries = await _new_entries(store, snapshot, recorded)
    missing = absences.missing(missing_from(snapshot, recorded.transfers), snapshot.as_of)

    def merged(absent: Collection[str]) -> Reconciled:
        return reconcile(
            recorded,
            snapshot,
            looked_up,
            absent,
            new,
            owners,
            entries=entries,
            strategies=strategies,
        )

    first = merged(())
    others = _of_others(new, first, owners)
    absent = [
        o.client_order_id
        for o in pending
        if looked_up.get(o.client_order_id, o) is None
        and absences.proven(
            o,
            snapshot.as_of,
            position_explained=_explained(o, snapshot, recorded, first, others),
        )
    ]
    merged_in = merged(absent) if absent else first
    transfers = settled(recorded.transfers, snapshot, missing)
    moved = tuple(t for t, b in zip(transfers, recorded.transfers, strict=True) if t != b)
    return replace(merged_in, transfers=transfers, moved=moved)


def _explained(
    order: Order,
    snapshot: Snapshot,
    recorded: Recorded,
    seen: Reconciled,
    others: Sequence[Fill],
) -> bool:
    """Whether the position of its contract is what it would be without ``order``.

    A person who trades beside an order that got lost must not keep it unproven for ever: what they traded counts.
    """
    contract = (order.venue, order.symbol)
    account = snapshot.venues[order.venue].account
    if account is None:
        # an account that was not answered explains nothing
        return False
    why = seen.unexplained.get(contract)
    if why is None or why.code != "position_unexplained":
        return why is None
    known = next((p for p in seen.positions if (p.venue, p.symbol) == contract), None)
    known = known or recorded.positions.get(contract)
    held = account.positions.get(order.symbol)
    missing = (held.qty if held is not None else ZERO) - (
        known.expected_qty if known is not None else ZERO
    )
    here = [f for f in others if (f.venue, f.symbol) == contract]
    lost = any(f.client_order_id == order.client_order_id for f in here)
    return not lost and others_explain(missing, here)


def _of_others(new: Iterable[Fill], seen: Reconciled, owners: Iterable[Order]) -> tuple[Fill, ...]:
    """Those of ``new`` fills that belong to no order of ours, oldest first."""
    ours = {(o.venue, o.venue_order_id) for o in (*seen.orders, *owners)}
    found = (f for f in new if (f.venue, f.venue_order_id) not in ours)
    return tuple(sorted(found, key=lambda f: (f.filled_at, len(f.trade_id), f.trade_id)))


async def _reopened(store: Store | None, recorded: Recorded, snapshot: Snapshot) -> Recorded:
    """``recorded`` with rows that had ended and are shown open all the same: the venue wins, and they count again."""
    known = {o.client_order_id for o in recorded.orders}
    found: list[Order] = []
    for venue, seen in snapshot.venues.items():
        shown = {
            o.client_order_id: o.venue_order_id
            for o in seen.open_orders or ()
            if is_own(o.client_order_id) and o.client_order_id not in known
        }
        if shown and store is not None:
            # a number is the venue's, and may be given again in another of its markets
            rows = await store.owners(venue, shown.values())
            found += [row for row in rows if row.client_order_id in shown]
    mine = [row for row in found if row.portfolio == recorded.portfolio.id]
    return replace(recorded, orders=(*recorded.orders, *mine)) if mine else recorded


async def _new_entries(
    store: Store | None, snapshot: Snapshot, recorded: Recorded
) -> tuple[LedgerEntry, ...]:
    """What the venues booked since the portfolio's first start and is not stored yet."""
    started = recorded.portfolio.started_at
    shown = [e for seen in snapshot.venues.values() for e in seen.ledger or () if e.at >= started]
    return await store.unseen_entries(shown) if store is not None and shown else tuple(shown)


async def _look_up(
    venues: Mapping[str, Venue], absences: Absences, pending: tuple[Order, ...], clock: Clock
) -> dict[str, VenueOrder | None]:
    looked_up: dict[str, VenueOrder | None] = {}
    for order in pending:
        try:
            found = await venues[order.venue].order(order.symbol, order.client_order_id)
        except VenueAuthError:
            raise
        except VenueError:
            continue
        looked_up[order.client_order_id] = found
        if found is None:
            absences.missed(order.client_order_id, clock.now())
        else:
            absences.found(order.client_order_id)
    return looked_up


async def _owners(store: Store | None, venue: str, fills: tuple[Fill, ...]) -> tuple[Order, ...]:
    ids = sorted({f.venue_order_id for f in fills if f.venue == venue})
    return await store.owners(venue, ids) if ids and store is not None else ()


def after(recorded: Recorded, seen: Reconciled) -> Recorded:
    """Return the records as the look leaves them."""
    return replace(
        recorded,
        orders=seen.orders,
        positions={
            **recorded.positions,
            **{(p.venue, p.symbol): p for p in seen.positions},
        },
        recent_fills=(*recorded.recent_fills, *seen.fills),
        book=seen.booked.lines,
        transfers=seen.transfers,
    )


def with_accepted(
    seen: Reconciled, positions: Collection[PositionRecord], why: Mapping[Contract, Reason]
) -> Reconciled:
    """Return what the look changed with ``positions`` taken as they are, although nothing explains them."""
    merged = {(p.venue, p.symbol): p for p in (*seen.positions, *positions)}
    return replace(seen, positions=tuple(merged.values()), accepted={**seen.accepted, **why})
