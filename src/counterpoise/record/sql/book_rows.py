"""Between the hedge book, the venue's ledger, flows and bars, and their rows.

The columns of these tables are the fields of the values, but for the portfolio, so one pair of functions does for
most of them; a field whose type no column has gets a line of its own.
"""

from __future__ import annotations

from dataclasses import fields
from datetime import timedelta
from typing import Any, TypeVar

from sqlalchemy import Row

from counterpoise.domain.bars import Bar
from counterpoise.domain.hedge_book import BookLine, ClosedHedge, Cross
from counterpoise.domain.ledger import LedgerEntry
from counterpoise.domain.records import BarRow, Flow, WalletRecord

Values = dict[str, Any]

T = TypeVar("T", BookLine, ClosedHedge, Cross, LedgerEntry, WalletRecord, Flow, Bar)


def line_values(portfolio: str, line: BookLine) -> Values:
    """Return the row of ``book_lines``."""
    return {"portfolio": portfolio, **_fields_of(line)}


def line_of(row: Row[Any]) -> BookLine:
    """Return the line of a row of ``book_lines``."""
    return _made(BookLine, row)


def closed_values(portfolio: str, hedge: ClosedHedge) -> Values:
    """Return the row of ``closed_hedges``."""
    return {"portfolio": portfolio, **_fields_of(hedge)}


def closed_of(row: Row[Any]) -> ClosedHedge:
    """Return the hedge of a row of ``closed_hedges``."""
    return _made(ClosedHedge, row)


def cross_values(portfolio: str, cross: Cross) -> Values:
    """Return the row of ``crosses``."""
    return {"portfolio": portfolio, **_fields_of(cross)}


def entry_values(portfolio: str, entry: LedgerEntry) -> Values:
    """Return the row of ``ledger_entries``."""
    return {"portfolio": portfolio, **_fields_of(entry), "kind": entry.kind.value}


def wallet_values(portfolio: str, wallet: WalletRecord) -> Values:
    """Return the row of ``wallets``."""
    return {"portfolio": portfolio, **_fields_of(wallet)}


def wallet_of(row: Row[Any]) -> WalletRecord:
    """Return the record of a row of ``wallets``."""
    return _made(WalletRecord, row)


def flow_values(portfolio: str, flow: Flow) -> Values:
    """Return the row of ``flows``."""
    return {"portfolio": portfolio, **_fields_of(flow)}


def flow_of(row: Row[Any]) -> Flow:
    """Return the flow of a row of ``flows``."""
    return _made(Flow, row)


def bar_values(row: BarRow) -> Values:
    """Return the row of ``bars``."""
    return {
        "venue": row.venue,
        "symbol": row.symbol,
        "interval_s": seconds(row.interval),
        **_fields_of(row.bar),
    }


def bar_of(row: Row[Any]) -> Bar:
    """Return the bar of a row of ``bars``."""
    return _made(Bar, row)


def seconds(interval: timedelta) -> int:
    """Return the key of ``interval`` in ``bars``; venues offer whole seconds."""
    return interval // timedelta(seconds=1)


def _fields_of(part: T) -> Values:
    return {field.name: getattr(part, field.name) for field in fields(part)}


def _made(kind: type[T], row: Row[Any]) -> T:
    stored = row._mapping  # noqa: SLF001  # SQLAlchemy's documented door to a row's columns by name
    return kind(**{field.name: stored[field.name] for field in fields(kind)})
