"""The Store port on SQL: one Changes is one transaction, durable when ``commit`` returns."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from counterpoise.domain.order import Fill, Order
from counterpoise.domain.records import Changes, PortfolioRecord, Recorded
from counterpoise.record.rules import check
from counterpoise.record.sql import read
from counterpoise.record.sql.database import Database
from counterpoise.record.sql.settled import settled
from counterpoise.record.sql.write import write


class SqlStore:
    """Portfolios and everything a cycle reads and writes. Opens and closes ``database`` for its siblings."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @settled
    async def open(self) -> None:
        """Connect and check the schema. Raises WrongSchema, StoreError."""
        await self._database.open()

    async def close(self) -> None:
        """Let the database go; safe to call twice."""
        await self._database.close()

    @settled
    async def portfolio(self, portfolio: str) -> PortfolioRecord | None:
        """Return the portfolio's record, None before its first start."""
        async with self._database.read() as connection:
            return await read.read_portfolio(connection, portfolio)

    @settled
    async def load(self, portfolio: str, now: datetime) -> Recorded:
        """Return what a cycle at ``now`` needs. Raises StoreError for one that was never recorded."""
        async with self._database.read() as connection:
            return await read.read_recorded(connection, portfolio, now)

    @settled
    async def unseen_fills(self, fills: Iterable[Fill]) -> tuple[Fill, ...]:
        """Return those of ``fills`` that are not stored yet, in order, each once."""
        unseen: dict[tuple[str, str, str], Fill] = {}
        for fill in fills:
            unseen.setdefault(fill.key, fill)
        if not unseen:
            return ()
        async with self._database.read() as connection:
            known = await read.read_known_fills(connection, unseen.values())
        return tuple(fill for key, fill in unseen.items() if key not in known)

    @settled
    async def owners(self, venue: str, venue_order_ids: Iterable[str]) -> tuple[Order, ...]:
        """Return our orders that carry one of ``venue_order_ids`` at ``venue``, oldest first."""
        async with self._database.read() as connection:
            return await read.read_owners(connection, venue, venue_order_ids)

    @settled
    async def commit(self, changes: Changes) -> None:
        """Write ``changes`` whole or not at all; returns only when it is on disk.

        Raises
        ------
        StoreError
            When the database refuses, or a part belongs to another portfolio or has no exact form.
        IllegalMove
            When an order's stored state may not become the new one.
        """
        if changes.empty:
            return
        check(changes)
        async with self._database.write() as connection:
            await write(connection, changes)

    @settled
    async def orders(self, portfolio: str, *, live_only: bool, limit: int) -> tuple[Order, ...]:
        """Return the newest ``limit`` orders, newest first; ``live_only`` leaves out final ones."""
        async with self._database.read() as connection:
            return await read.read_orders(connection, portfolio, live_only=live_only, limit=limit)
