"""The Journal port on SQL. Rows are written by the store's commits; here they are only read."""

from __future__ import annotations

from sqlalchemy import select

from counterpoise.domain.records import JournalRow
from counterpoise.record.sql import tables
from counterpoise.record.sql.database import Database
from counterpoise.record.sql.rows import journal_row_of

_JOURNAL = tables.journal


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
