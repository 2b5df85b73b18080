"""The hedge book as rows: every position a strategy had, from its opening to its close, and what is still open.

A position that is open at the end is valued at the mark that stands then; what of its price PnL is not realised
yet is told beside it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from counterpoise.domain.hedge_book import CENT, ROUNDING, BookLine, ClosedHedge
from counterpoise.domain.instants import iso
from counterpoise.domain.instrument import base_of, is_spot
from counterpoise.domain.numbers import ZERO, quantize, text


@dataclass(frozen=True, slots=True, kw_only=True)
class HedgeRow:
    """One position of one strategy; ``qty`` is its largest size, ``held`` what is open, signed, in base units.

    Money is in quote. ``closed_at`` and ``exit`` are None while it is open; then ``price_pnl`` holds ``unrealized``
    as well (None when no mark is known: ``price_pnl`` is what was realised then). ``net`` = price PnL + funding -
    fees.
    """

    strategy: str
    asset: str
    venue: str
    instrument: str
    opened_at: datetime
    closed_at: datetime | None
    qty: Decimal
    held: Decimal
    entry: Decimal
    exit: Decimal | None
    price_pnl: Decimal
    unrealized: Decimal | None
    funding: Decimal
    fees: Decimal

    @property
    def net(self) -> Decimal:
        """What it brought so far."""
        return self.price_pnl + self.funding - self.fees


def hedge_document(row: HedgeRow) -> dict[str, object]:
    """Return ``row`` as the JSON object of ``hedges --json`` and of a backtest (Decimals as text)."""
    return {
        "strategy": row.strategy,
        "asset": row.asset,
        "venue": row.venue,
        "instrument": row.instrument,
        "opened_at": iso(row.opened_at),
        "closed_at": iso(row.closed_at) if row.closed_at is not None else None,
        "qty": text(row.qty),
        "held": text(row.held),
        "entry": text(row.entry),
        "exit": text(row.exit) if row.exit is not None else None,
        "price_pnl": _money(row.price_pnl),
        "unrealized": _money(row.unrealized) if row.unrealized is not None else None,
        "funding": _money(row.funding),
        "fees": _money(row.fees),
        "net": _money(row.net),
    }


def _money(amount: Decimal) -> str:
    return text(quantize(amount, CENT))


def hedge_rows(
    closed: Iterable[ClosedHedge],
    lines: Iterable[BookLine],
    marks: Mapping[tuple[str, str], Decimal],
) -> tuple[HedgeRow, ...]:
    """Return closed and open futures positions in order of their opening; ``marks`` is (venue, symbol) -> quote."""
    rows = [_closed(c) for c in closed if not is_spot(c.symbol)]
    rows += [
        _open(line, line.opened_at, marks.get((line.venue, line.symbol)))
        for line in lines
        if line.qty != 0 and line.opened_at is not None and not is_spot(line.symbol)
    ]
    return tuple(sorted(rows, key=lambda r: (r.opened_at, r.strategy, r.instrument)))


def _closed(hedge: ClosedHedge) -> HedgeRow:
    return HedgeRow(
        strategy=hedge.strategy,
        asset=base_of(hedge.symbol),
        venue=hedge.venue,
        instrument=hedge.symbol,
        opened_at=hedge.opened_at,
        closed_at=hedge.closed_at,
        qty=hedge.qty,
        held=ZERO,
        entry=hedge.entry,
        exit=hedge.exit,
        price_pnl=hedge.price_pnl,
        unrealized=ZERO,
        funding=hedge.funding,
        fees=hedge.fees,
    )


def _open(line: BookLine, opened_at: datetime, mark: Decimal | None) -> HedgeRow:
    unrealized = line.unrealized(mark) if mark is not None else None
    return HedgeRow(
        strategy=line.strategy,
        asset=base_of(line.symbol),
        venue=line.venue,
        instrument=line.symbol,
        opened_at=opened_at,
        closed_at=None,
        qty=line.peak_qty,
        held=line.qty,
        entry=quantize(line.entry_value / line.entry_qty, CENT, ROUNDING),
        exit=None,
        price_pnl=line.price_pnl + (unrealized if unrealized is not None else ZERO),
        unrealized=unrealized,
        funding=line.funding,
        fees=line.fees,
    )
