"""The Journal port on SQL. Rows are written by the store's commits; here they are only read."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from counterpoise.domain.records import JournalRow
from counterpoise.record.sql import tables
from counterpoise.record.sql.database import Database
from counterpoise.record.sql.rows import journal_row_of

_JOURNAL = tables.journal
_ORDERS, _ALERTS = tables.orders, tables.alerts


class SqlJournal:
    """What happened, cycle by cycle, in the order of commits."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def last(self, portfolio: str, limit: int) -> tuple[JournalRow, ...]:
        """Return the newest ``limit`` rows, newest first."""
        query = select(_JOURNAL).where(_JOURNAL.c.portfolio == portfolio)
        newest = query.order_by(_JOURNAL.c.seq.desc()).limit(limit)
        found = await self._database.read(lambda c: c.execute(newest))
        return tuple(journal_row_of(row) for row in found)

    async def row(self, cycle_id: str) -> JournalRow | None:
        """Return one cycle's row."""
        query = select(_JOURNAL).where(_JOURNAL.c.cycle_id == cycle_id)
        row = (await self._database.read(lambda c: c.execute(query))).first()
        return None if row is None else journal_row_of(row)

    async def behind(self, id_: str) -> JournalRow | None:
        """Return the cycle behind a decision (its first order, or its target) or behind an alert, by their ids."""
        found = await self._database.read(lambda c: _when(c, id_))
        if found is None:
            return None
        portfolio, at = found
        query = select(_JOURNAL).where(_JOURNAL.c.portfolio == portfolio, _JOURNAL.c.at <= at)
        newest = query.order_by(_JOURNAL.c.seq.desc()).limit(1)
        row = (await self._database.read(lambda c: c.execute(newest))).first()
        return None if row is None else journal_row_of(row)


async def _when(connection: AsyncConnection, id_: str) -> tuple[str, datetime] | None:
    """Which portfolio an id is of, and when what it names came about."""
    target = tables.targets.c
    for query in (
        select(target.portfolio, target.decided_at).where(target.decision_id == id_),
        select(_ORDERS.c.portfolio, func.min(_ORDERS.c.created_at))
        .where(_ORDERS.c.decision_id == id_)
        .group_by(_ORDERS.c.portfolio),
        select(_ALERTS.c.portfolio, _ALERTS.c.raised_at).where(_ALERTS.c.id == id_),
    ):
        row = (await connection.execute(query)).first()
        if row is not None:
            return row[0], row[1]
    return None
