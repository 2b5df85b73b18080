"""The Outbox port on SQL. Alerts come in with the store's commits; here they are read and ticked off."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from sqlalchemy import func, select, update

from counterpoise.domain.records import DEAD_AFTER, OutboxRow
from counterpoise.record.sql import tables
from counterpoise.record.sql.database import Database
from counterpoise.record.sql.rows import outbox_row_of
from counterpoise.record.sql.settled import settled
from counterpoise.record.sql.write import chunks

_ALERTS = tables.alerts
_UNDELIVERED = _ALERTS.c.delivered_at.is_(None)


class SqlOutbox:
    """Alerts committed and not yet delivered; a delivered row stays, with the instant."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @settled
    async def pending(self, limit: int) -> tuple[OutboxRow, ...]:
        """Return undelivered rows that are not dead, oldest first."""
        query = select(_ALERTS).where(_UNDELIVERED, _ALERTS.c.attempts < DEAD_AFTER)
        async with self._database.read() as connection:
            oldest = await connection.execute(query.order_by(_ALERTS.c.seq).limit(limit))
            return tuple(outbox_row_of(row) for row in oldest)

    @settled
    async def delivered(self, seqs: Iterable[int], at: datetime) -> None:
        """Mark rows as delivered; the first instant stays."""
        wanted = list(seqs)
        if not wanted:
            return
        async with self._database.write() as connection:
            for some in chunks(wanted):
                await connection.execute(
                    update(_ALERTS)
                    .where(_ALERTS.c.seq.in_(some), _UNDELIVERED)
                    .values(delivered_at=at)
                )

    @settled
    async def failed(self, seq: int, error: str) -> None:
        """Count a failed attempt."""
        async with self._database.write() as connection:
            await connection.execute(
                update(_ALERTS)
                .where(_ALERTS.c.seq == seq, _UNDELIVERED)
                .values(attempts=_ALERTS.c.attempts + 1, last_error=error)
            )

    @settled
    async def counts(self) -> Mapping[str, int]:
        """Return ``{"pending": n, "dead": n}``."""
        dead = (_ALERTS.c.attempts >= DEAD_AFTER).label("dead")
        query = select(dead, func.count().label("rows")).where(_UNDELIVERED).group_by(dead)
        async with self._database.read() as connection:
            found = {bool(row.dead): int(row.rows) for row in await connection.execute(query)}
        return {"pending": found.get(False, 0), "dead": found.get(True, 0)}
