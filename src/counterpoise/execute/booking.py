"""Booking a look into the hedge book: own fills, funding and settlements, in the order in which they happened.

Pure. Whatever happens, the lines of a contract add up to our own quantity in it: what they do not explain (a hedge
that was adopted, handed over, or opened by an older version) is booked at the mark.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from decimal import Decimal

from counterpoise.domain.book_payments import funded, settled
from counterpoise.domain.hedge_book import (
    CENT,
    Booked,
    BookLine,
    Execution,
    LineKey,
    executed,
)
from counterpoise.domain.instrument import base_of, is_spot, quote_of
from counterpoise.domain.ledger import EntryKind, LedgerEntry
from counterpoise.domain.numbers import ZERO
from counterpoise.domain.order import Fill
from counterpoise.domain.records import PositionRecord
from counterpoise.domain.snapshot import Snapshot

_Contract = tuple[str, str]


def booked(
    lines: Mapping[LineKey, BookLine],
    positions: Mapping[_Contract, PositionRecord],
    snapshot: Snapshot,
    fills: Iterable[Fill],
    entries: Iterable[LedgerEntry],
    strategies: Iterable[str],
) -> Booked:
    """Return the hedge book after this look.

    ``positions`` are the records after the look, ``fills`` our newly booked ones, ``entries`` what the venues booked
    that is new to us, ``strategies`` the ids that are configured: a line of another is let go first.
    """
    events: list[tuple[datetime, int, Fill | LedgerEntry]] = [
        *((f.filled_at, 0, f) for f in fills),
        *((e.at, 1, e) for e in entries if e.kind is EntryKind.FUNDING and e.symbol is not None),
    ]
    book = Booked(lines=lines)
    for _, _, event in sorted(events, key=lambda e: e[:2]):
        book = _after(book, event, positions, snapshot)
    for venue, seen in snapshot.venues.items():
        for settlement in seen.settlements.values():
            if seen.account is not None and settlement.symbol in seen.account.positions:
                continue  # the account is older than the expiry: booked when it shows it gone
            contract = (venue, settlement.symbol)
            book = book.then(settled(book.lines, contract, settlement.price, settlement.at))
    return _balanced(book, positions, snapshot, frozenset(strategies))


def _after(
    book: Booked,
    event: Fill | LedgerEntry,
    positions: Mapping[_Contract, PositionRecord],
    snapshot: Snapshot,
) -> Booked:
    if isinstance(event, Fill):
        return book.then(executed(book.lines, _execution(event, snapshot)))
    contract = (event.venue, event.symbol or "")
    known = positions.get(contract)
    foreign = known.baseline_qty if known is not None else ZERO
    return book.then(funded(book.lines, contract, event.qty, foreign, event.at))


def _execution(fill: Fill, snapshot: Snapshot) -> Execution:
    return Execution(
        venue=fill.venue,
        symbol=fill.symbol,
        qty=fill.net_qty,
        value=fill.signed_qty * fill.price,
        fee=_fee(fill, snapshot),
        at=fill.filled_at,
        lot=_lot(snapshot, (fill.venue, fill.symbol)),
    )


def _fee(fill: Fill, snapshot: Snapshot) -> Decimal:
    """The fee in quote; what was paid in the coin bought is in the net quantity already.

    Another fee asset (a venue's own coin) counts at its price where that is read here, else not at all: it is told
    with the fill, and it is no part of this portfolio's equity.
    """
    if fill.fee_asset == quote_of(fill.symbol):
        return fill.fee
    if is_spot(fill.symbol) and fill.fee_asset == base_of(fill.symbol):
        return ZERO
    quotes = snapshot.venues[fill.venue].quotes
    quote = quotes.get(f"{fill.fee_asset}/{quote_of(fill.symbol)}")
    price = quote.fair if quote is not None else None
    return fill.fee * price if price is not None else ZERO


def _lot(snapshot: Snapshot, contract: _Contract) -> Decimal:
    instrument = snapshot.venues[contract[0]].instruments.get(contract[1])
    if instrument is None or is_spot(contract[1]):
        return CENT  # what is bought net of its fee is on no lot
    return instrument.lot_size


def _balanced(
    book: Booked,
    positions: Mapping[_Contract, PositionRecord],
    snapshot: Snapshot,
    strategies: frozenset[str],
) -> Booked:
    """Make the lines of every contract add up to our own quantity."""
    for contract, record in positions.items():
        mine = {k: x for k, x in book.lines.items() if k[1:] == contract}
        missing = record.own_qty - sum((x.qty for x in mine.values()), ZERO)
        mark = _mark(snapshot, contract)
        if is_spot(contract[1]) or missing == 0 or mark is None:
            continue
        for part, lines in _leaving_first(missing, mine, strategies):
            execution = Execution(
                venue=contract[0],
                symbol=contract[1],
                qty=part,
                value=part * mark,
                fee=ZERO,
                at=snapshot.as_of,
                lot=_lot(snapshot, contract),
            )
            after = executed(lines, execution)
            merged = {**book.lines, **after.lines}
            book = book.then(replace(after, lines=merged))
    return book


def _leaving_first(
    missing: Decimal, mine: Mapping[LineKey, BookLine], strategies: frozenset[str]
) -> list[tuple[Decimal, dict[LineKey, BookLine]]]:
    """Split ``missing``: first to lines of strategies that are no longer configured, as far as it closes them."""
    parts: list[tuple[Decimal, dict[LineKey, BookLine]]] = []
    for key, line in mine.items():
        if key[0] in strategies or line.qty == 0 or (line.qty > 0) is (missing > 0):
            continue
        part = min(max(missing, -abs(line.qty)), abs(line.qty))
        if part != 0:
            parts.append((part, {key: line}))
            missing -= part
    if missing != 0:
        rest = {k: x for k, x in mine.items() if not any(k in lines for _, lines in parts)}
        parts.append((missing, rest))
    return parts


def _mark(snapshot: Snapshot, contract: _Contract) -> Decimal | None:
    seen = snapshot.venues.get(contract[0])
    if seen is None:
        return None
    quote = seen.quotes.get(contract[1])
    if quote is not None and quote.fair is not None:
        return quote.fair
    held = seen.account.positions.get(contract[1]) if seen.account is not None else None
    return held.mark_price if held is not None else None
