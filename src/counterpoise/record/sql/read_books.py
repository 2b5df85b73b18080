"""Reads what lies beside a cycle's own rows: bars, the ledger, flows, closed hedges, and what operators said."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from counterpoise.domain.bars import Bar
from counterpoise.domain.hedge_book import ClosedHedge
from counterpoise.domain.ledger import LedgerEntry
from counterpoise.domain.operator import Approval, Command
from counterpoise.domain.records import Flow
from counterpoise.record.sql import book_rows, operator_rows, tables
from counterpoise.record.sql.write import chunks


async def read_known_entries(
    connection: AsyncConnection, entries: Iterable[LedgerEntry]
) -> set[tuple[str, str, str]]:
    """Return the keys of those of ``entries`` that are stored."""
    c = tables.ledger_entries.c
    asked: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
    for entry in entries:
        asked[entry.venue, entry.kind.value].append(entry.id)
    known: set[tuple[str, str, str]] = set()
    for (venue, kind), entry_ids in asked.items():
        for ids in chunks(entry_ids):
            found = await connection.execute(
                select(c.id).where(c.venue == venue, c.kind == kind, c.id.in_(ids))
            )
            known |= {(venue, kind, row.id) for row in found}
    return known


async def read_bars(
    connection: AsyncConnection, venue: str, symbol: str, interval: timedelta, since: datetime
) -> tuple[Bar, ...]:
    """Return the stored bars that open at or after ``since``, oldest first."""
    c = tables.bars.c
    found = await connection.execute(
        select(tables.bars)
        .where(
            c.venue == venue,
            c.symbol == symbol,
            c.interval_s == book_rows.seconds(interval),
            c.open_at >= since,
        )
        .order_by(c.open_at)
    )
    return tuple(book_rows.bar_of(row) for row in found)


async def read_closed(
    connection: AsyncConnection, name: str, since: datetime
) -> tuple[ClosedHedge, ...]:
    """Return the hedges closed at or after ``since``, oldest first."""
    c = tables.closed_hedges.c
    found = await connection.execute(
        select(tables.closed_hedges)
        .where(c.portfolio == name, c.closed_at >= since)
        .order_by(c.closed_at, c.strategy, c.venue, c.symbol, c.opened_at)
    )
    return tuple(book_rows.closed_of(row) for row in found)


async def read_flows(connection: AsyncConnection, name: str, since: datetime) -> tuple[Flow, ...]:
    """Return the deposits and withdrawals at or after ``since``, oldest first."""
    c = tables.flows.c
    found = await connection.execute(
        select(tables.flows).where(c.portfolio == name, c.at >= since).order_by(c.at, c.id)
    )
    return tuple(book_rows.flow_of(row) for row in found)


async def read_commands(connection: AsyncConnection, name: str, limit: int) -> tuple[Command, ...]:
    """Return the newest ``limit`` commands in any state, newest first."""
    c = tables.commands.c
    newest = select(tables.commands).where(c.portfolio == name)
    found = await connection.execute(newest.order_by(c.asked_at.desc(), c.id.desc()).limit(limit))
    return tuple(operator_rows.command_of(row) for row in found)


async def read_approvals(
    connection: AsyncConnection, name: str, limit: int
) -> tuple[Approval, ...]:
    """Return the newest ``limit`` approvals in any state, newest first."""
    c = tables.approvals.c
    newest = select(tables.approvals).where(c.portfolio == name)
    found = await connection.execute(newest.order_by(c.asked_at.desc(), c.id.desc()).limit(limit))
    return tuple(operator_rows.approval_of(row) for row in found)
