"""The Outbox port on SQL. Alerts come in with the store's commits; here they are read and ticked off."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from counterpoise.domain.records import DEAD_AFTER, OutboxRow
from counterpoise.record.sql import tables
from counterpoise.record.sql.database import Database
from counterpoise.record.sql.rows import outbox_row_of
from counterpoise.record.sql.write import chunks

_ALERTS = tables.alerts
_UNDELIVERED = _ALERTS.c.delivered_at.is_(None)


class SqlOutbox:
    """Alerts committed and not yet delivered; a delivered row stays, with the instant."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def pending(self, limit: int) -> tuple[OutboxRow, ...]:
        """Return undelivered rows that are not dead, oldest first."""
        query = select(_ALERTS).where(_UNDELIVERED, _ALERTS.c.attempts < DEAD_AFTER)
        oldest = query.order_by(_ALERTS.c.seq).limit(limit)
        found = await self._database.read(lambda c: c.execute(oldest))
        return tuple(outbox_row_of(row) for row in found)

    async def delivered(self, seqs: Iterable[int], at: datetime) -> None:
        """Mark rows as delivered; the first instant stays."""
        wanted = list(seqs)
        if not wanted:
            return

        async def mark(connection: AsyncConnection) -> None:
            for some in chunks(wanted):
                rows = update(_ALERTS).where(_ALERTS.c.seq.in_(some), _UNDELIVERED)
                await connection.execute(rows.values(delivered_at=at))

        await self._database.write(mark)

    async def failed(self, seq: int, error: str) -> None:
        """Count a failed attempt."""
        row = update(_ALERTS).where(_ALERTS.c.seq == seq, _UNDELIVERED)
        counted = row.values(attempts=_ALERTS.c.attempts + 1, last_error=error)
        await self._database.write(lambda c: c.execute(counted))

    async def counts(self) -> Mapping[str, int]:
        """Return ``{"pending": n, "dead": n}``."""
        dead = (_ALERTS.c.attempts >= DEAD_AFTER).label("dead")
        query = select(dead, func.count().label("rows")).where(_UNDELIVERED).group_by(dead)
        rows = await self._database.read(lambda c: c.execute(query))
        found = {bool(row.dead): int(row.rows) for row in rows}
        return {"pending": found.get(False, 0), "dead": found.get(True, 0)}
