"""Aligning our records with what the venue shows. Pure: reports in, changed rows out.

Venue reports win over records, fills are booked once by trade id, and a row that the venue does not show is
UNKNOWN until its absence is proven (``execute/absence``): "not found" on one endpoint is no proof.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal

from counterpoise.domain.hedge_book import Booked
from counterpoise.domain.instrument import expiry_of, is_spot
from counterpoise.domain.ledger import LedgerEntry
from counterpoise.domain.numbers import ZERO, text
from counterpoise.domain.order import ABSENT, MOVES, Fill, Order, OrderState, VenueOrder
from counterpoise.domain.reasons import Reason, reason
from counterpoise.domain.records import Flow, PositionRecord, Recorded, WalletRecord
from counterpoise.domain.snapshot import Snapshot, VenueSnapshot
from counterpoise.domain.transfer import Transfer
from counterpoise.execute.booking import booked
from counterpoise.execute.forced import taken


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconciled:
    """What the look changed. ``orders`` are all rows as they are now, ``changed`` those that differ.

    ``entries`` are the venues' own bookings that are new; ``booked`` the hedge book after fills and entries;
    ``flows`` deposits and withdrawals that are confirmed by it, ``wallets`` the balances that change on record.
    ``transfers`` are all as they are now, ``moved`` those of them that the look proved something about.
    ``forced``: contracts of which the venue itself traded some away; ``accepted``: contracts whose change,
    explained by nothing, is taken as it is, and why.
    """

    orders: tuple[Order, ...]
    changed: tuple[Order, ...]
    fills: tuple[Fill, ...]
    positions: tuple[PositionRecord, ...]
    unexplained: Mapping[tuple[str, str], Reason]
    entries: tuple[LedgerEntry, ...] = ()
    booked: Booked = field(default_factory=lambda: Booked(lines={}))
    flows: tuple[Flow, ...] = ()
    wallets: tuple[WalletRecord, ...] = ()
    transfers: tuple[Transfer, ...] = ()
    moved: tuple[Transfer, ...] = ()
    forced: Mapping[tuple[str, str], Reason] = field(default_factory=dict)
    accepted: Mapping[tuple[str, str], Reason] = field(default_factory=dict)


def orders_to_look_up(recorded: Recorded, snapshot: Snapshot) -> tuple[Order, ...]:
    """Return live rows that the venue's open orders do not show: each needs a look-up by its id."""
    shown = _open_by_id(snapshot)
    return tuple(
        o
        for o in recorded.orders
        if not o.state.is_final
        and (o.venue, o.client_order_id) not in shown
        and o.venue in snapshot.venues
        and snapshot.venues[o.venue].open_orders is not None
    )


def reconcile(
    recorded: Recorded,
    snapshot: Snapshot,
    looked_up: Mapping[str, VenueOrder | None],
    absent: Iterable[str],
    new_fills: Iterable[Fill],
    owners: Iterable[Order],
    *,
    entries: Iterable[LedgerEntry] = (),
    strategies: Iterable[str] = (),
) -> Reconciled:
    """Merge what was seen into the records.

    ``looked_up`` is client order id -> report (None: not found), ``absent`` the ids whose absence is proven,
    ``new_fills`` fills not stored yet, ``owners`` our orders that carry one of their venue order ids, ``entries``
    bookings of the venues not stored yet, ``strategies`` the ids that are configured. Transfers are settled apart.
    """
    now = snapshot.as_of
    shown = _open_by_id(snapshot)
    proven_absent = set(absent)
    orders: list[Order] = []
    changed: list[Order] = []
    known = {o.client_order_id for o in recorded.orders}
    elder = [o for o in owners if o.client_order_id not in known]
    merged = [_merge(row, shown, looked_up, proven_absent, now) for row in recorded.orders]
    ours = {(o.venue, o.venue_order_id) for o in (*merged, *elder) if o.venue_order_id is not None}
    found = tuple(new_fills)
    traded = tuple(f for f in found if (f.venue, f.venue_order_id) in ours)
    by_venue = taken(
        _booked(recorded.positions, traded), snapshot, (f for f in found if f not in traded)
    )
    own_fills = (*traded, *by_venue.fills)
    forced = by_venue.why
    for row, order in zip((*recorded.orders, *elder), (*merged, *elder), strict=True):
        with_fills = _with_fills(order, own_fills, now)
        if row.client_order_id in known:
            orders.append(with_fills)
        if with_fills != row:
            changed.append(with_fills)
    positions = _booked(recorded.positions, own_fills)
    for key, qty in by_venue.foreign.items():
        positions[key] = replace(positions[key], baseline_qty=positions[key].baseline_qty + qty)
    positions = _settled(positions, snapshot)
    new_entries = tuple(entries)
    changed_positions = tuple(p for k, p in positions.items() if recorded.positions.get(k) != p)
    return Reconciled(
        orders=tuple(orders),
        changed=tuple(changed),
        fills=own_fills,
        positions=changed_positions,
        unexplained={**forced, **_unexplained(positions, snapshot), **_awaited(orders)},
        entries=new_entries,
        booked=booked(recorded.book, positions, snapshot, own_fills, new_entries, strategies),
        transfers=recorded.transfers,
        forced=forced,
        # what was not ours moved without a fill of ours, and is told all the same
        accepted={k: why for k, why in forced.items() if k not in {f.key[:2] for f in own_fills}},
    )


def bound(row: Order, report: VenueOrder, at: datetime) -> Order:
    """Return ``row`` with the venue's id, state and filled quantity.

    A state the table does not allow keeps the row's own (a late, older report); filled quantity never shrinks. A size
    that somebody changed at the exchange counts: what may still fill follows from it. A report of more fills than
    there is size is garbled and changes nothing.
    """
    if report.filled_qty > report.qty:
        return row
    state = row.state
    # a report that knows of fewer fills was made before an end that we know of
    older = row.state.is_final and report.filled_qty < row.filled_qty
    if report.state is state or (report.state in MOVES[state] and not older):
        state = report.state
    filled = max(row.filled_qty, report.filled_qty)
    qty = max(report.qty, filled)
    told = (state, qty, filled, report.venue_order_id)
    if told == (row.state, row.qty, row.filled_qty, row.venue_order_id):
        return row
    return replace(
        row,
        reason=_proven(row, state),
        state=state,
        qty=qty,
        filled_qty=filled,
        venue_order_id=report.venue_order_id,
        updated_at=at,
    )


#: What is said of an order whose answer was lost, once it is known; with what state it was found stands beside it.
FOUND = "found at the venue by its id"


def _proven(row: Order, state: OrderState) -> str | None:
    """The reason of ``row`` in ``state``: what was said of a lost answer holds no longer; why it was sent does."""
    doubted = row.state in {OrderState.UNKNOWN, OrderState.REJECTED}
    return FOUND if row.reason is not None and doubted and state is not row.state else row.reason


_WORKING = frozenset({OrderState.OPEN, OrderState.PARTIALLY_FILLED})
#: Why an order ended that nobody here is on record as having taken down.
TAKEN_DOWN = "found canceled at the venue: by hand, by its countdown (dead_man), or at a stop"


def _merge(
    row: Order,
    shown: Mapping[tuple[str, str], VenueOrder],
    looked_up: Mapping[str, VenueOrder | None],
    absent: set[str],
    now: datetime,
) -> Order:
    report = shown.get((row.venue, row.client_order_id))
    if row.state.is_final:
        # shown open after all: "absent" was wrong, and the venue wins; other ends stay
        return bound(row, report, now) if report is not None else row
    report = report or looked_up.get(row.client_order_id)
    if report is not None:
        found = bound(row, report, now)
        unasked = row.state in _WORKING and found.state is OrderState.CANCELED
        return replace(found, reason=TAKEN_DOWN) if unasked else found
    if row.client_order_id in absent and row.state.is_unproven:
        if row.venue_order_id is not None:
            return row.moved(OrderState.CANCELED, at=now, reason="ended and forgotten by the venue")
        return row.moved(OrderState.REJECTED, at=now, reason=ABSENT)
    if row.client_order_id in looked_up and row.state is not OrderState.UNKNOWN:
        return row.moved(OrderState.UNKNOWN, at=now, reason="not found at the venue")
    return row


def _with_fills(order: Order, own_fills: tuple[Fill, ...], now: datetime) -> Order:
    """``order`` with the fills of this look booked; what is booked is also filled."""
    new = sum(
        (
            f.qty
            for f in own_fills
            if (f.venue, f.venue_order_id) == (order.venue, order.venue_order_id)
        ),
        ZERO,
    )
    if new == 0:
        return order
    booked = order.booked_qty + new
    return replace(
        order, booked_qty=booked, filled_qty=max(order.filled_qty, booked), updated_at=now
    )


def _awaited(orders: Iterable[Order]) -> dict[tuple[str, str], Reason]:
    """Contracts with an order whose fills were reported but not read: their position may be old as well."""
    return {
        (o.venue, o.symbol): reason(
            "fills_on_their_way",
            symbol=o.symbol,
            filled=text(o.filled_qty),
            booked=text(o.booked_qty),
        )
        for o in orders
        if o.awaits_fills
    }


def _open_by_id(snapshot: Snapshot) -> dict[tuple[str, str], VenueOrder]:
    return {
        (name, order.client_order_id): order
        for name, seen in snapshot.venues.items()
        for order in seen.open_orders or ()
        if order.client_order_id is not None
    }


def _booked(
    before: Mapping[tuple[str, str], PositionRecord], own_fills: Iterable[Fill]
) -> dict[tuple[str, str], PositionRecord]:
    positions = dict(before)
    for fill in own_fills:
        key = (fill.venue, fill.symbol)
        known = positions.get(key, PositionRecord(venue=fill.venue, symbol=fill.symbol))
        newest = max(known.last_fill_at or fill.filled_at, fill.filled_at)
        positions[key] = replace(known, own_qty=known.own_qty + fill.net_qty, last_fill_at=newest)
    return positions


def _expired(symbol: str, seen: VenueSnapshot, now: datetime) -> bool:
    """Whether ``symbol`` is a dated future past its end, as far as its listing or its name tells."""
    listed = seen.instruments.get(symbol)
    expiry = listed.expiry_at if listed is not None else expiry_of(symbol)
    return expiry is not None and expiry <= now


def _settled(
    positions: dict[tuple[str, str], PositionRecord], snapshot: Snapshot
) -> dict[tuple[str, str], PositionRecord]:
    """Dated futures that expired hold nothing any more, foreign quantity included: expected, not unexplained."""
    for venue, seen in snapshot.venues.items():
        for symbol in seen.settlements:
            known = positions.get((venue, symbol))
            if known is not None and (seen.account is None or symbol not in seen.account.positions):
                positions[venue, symbol] = replace(known, own_qty=ZERO, baseline_qty=ZERO)
    return positions


def _unexplained(
    positions: Mapping[tuple[str, str], PositionRecord], snapshot: Snapshot
) -> dict[tuple[str, str], Reason]:
    """Futures whose shown position differs from baseline + our fills."""
    found: dict[tuple[str, str], Reason] = {}
    for name, seen in snapshot.venues.items():
        if seen.account is None:
            continue
        known = {s for v, s in positions if v == name and not is_spot(s)}
        for symbol in known | set(seen.account.positions):
            position = seen.account.positions.get(symbol)
            qty: Decimal = position.qty if position is not None else ZERO
            record = positions.get((name, symbol))
            expected = record.expected_qty if record is not None else ZERO
            if qty != expected and qty == 0 and _expired(symbol, seen, snapshot.as_of):
                found[(name, symbol)] = reason("settling", symbol=symbol, expected=text(expected))
            elif qty != expected:
                found[(name, symbol)] = reason(
                    "position_unexplained",
                    symbol=symbol,
                    position=text(qty),
                    expected=text(expected),
                )
    return found
