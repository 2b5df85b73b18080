"""The Store port on SQL: one Changes is one transaction, durable when ``commit`` returns."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from counterpoise.domain.bars import Bar
from counterpoise.domain.hedge_book import ClosedHedge
from counterpoise.domain.ledger import LedgerEntry
from counterpoise.domain.operator import Approval, Command
from counterpoise.domain.order import Fill, Order
from counterpoise.domain.records import Changes, Flow, PortfolioRecord, Recorded
from counterpoise.record.cleaning import Clean, cleaned
from counterpoise.record.rules import check
from counterpoise.record.sql import pauses as kept_pauses
from counterpoise.record.sql import read, read_books
from counterpoise.record.sql.database import Database
from counterpoise.record.sql.write import write


class SqlStore:
    """Portfolios and everything a cycle reads and writes. Opens and closes ``database`` for its siblings.

    ``clean`` takes secrets out of words before they are kept.
    """

    def __init__(self, database: Database, clean: Clean = str) -> None:
        self._database = database
        self._clean = clean

    async def open(self) -> None:
        """Connect and check the schema. Raises WrongSchema, StoreError."""
        await self._database.open()

    async def close(self) -> None:
        """Let the database go; safe to call twice."""
        await self._database.close()

    async def portfolio(self, portfolio: str) -> PortfolioRecord | None:
        """Return the portfolio's record, None before its first start."""
        return await self._database.read(lambda c: read.read_portfolio(c, portfolio))

    async def load(self, portfolio: str, now: datetime) -> Recorded:
        """Return what a cycle at ``now`` needs. Raises StoreError for one that was never recorded."""
        return await self._database.read(lambda c: read.read_recorded(c, portfolio, now))

    async def unseen_fills(self, fills: Iterable[Fill]) -> tuple[Fill, ...]:
        """Return those of ``fills`` that are not stored yet, in order, each once."""
        unseen: dict[tuple[str, str, str], Fill] = {}
        for fill in fills:
            unseen.setdefault(fill.key, fill)
        if not unseen:
            return ()
        known = await self._database.read(lambda c: read.read_known_fills(c, unseen.values()))
        return tuple(fill for key, fill in unseen.items() if key not in known)

    async def fills_of(self, portfolio: str, orders: Iterable[Order]) -> tuple[Fill, ...]:
        """Return the stored fills of ``orders``, oldest first."""
        known = [o.venue_order_id for o in orders if o.venue_order_id is not None]
        return await self._database.read(lambda c: read.read_fills_of(c, portfolio, known))

    async def owners(self, venue: str, venue_order_ids: Iterable[str]) -> tuple[Order, ...]:
        """Return our orders that carry one of ``venue_order_ids`` at ``venue``, oldest first."""
        return await self._database.read(lambda c: read.read_owners(c, venue, venue_order_ids))

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
        clean = cleaned(changes, self._clean)
        await self._database.write(lambda c: write(c, clean))

    async def orders(self, portfolio: str, *, live_only: bool, limit: int) -> tuple[Order, ...]:
        """Return the newest ``limit`` orders, newest first; ``live_only`` leaves out final ones."""
        return await self._database.read(
            lambda c: read.read_orders(c, portfolio, live_only=live_only, limit=limit)
        )

    async def unseen_entries(self, entries: Iterable[LedgerEntry]) -> tuple[LedgerEntry, ...]:
        """Return those of ``entries`` that are not stored yet, in order, each once."""
        unseen: dict[tuple[str, str, str], LedgerEntry] = {}
        for entry in entries:
            unseen.setdefault(entry.key, entry)
        if not unseen:
            return ()
        known = await self._database.read(
            lambda c: read_books.read_known_entries(c, unseen.values())
        )
        return tuple(entry for key, entry in unseen.items() if key not in known)

    async def bars(
        self, venue: str, symbol: str, interval: timedelta, since: datetime
    ) -> tuple[Bar, ...]:
        """Return the stored bars that open at or after ``since``, oldest first."""
        return await self._database.read(
            lambda c: read_books.read_bars(c, venue, symbol, interval, since)
        )

    async def closed_hedges(self, portfolio: str, since: datetime) -> tuple[ClosedHedge, ...]:
        """Return the hedges closed at or after ``since``, oldest first."""
        return await self._database.read(lambda c: read_books.read_closed(c, portfolio, since))

    async def flows(self, portfolio: str, since: datetime) -> tuple[Flow, ...]:
        """Return the deposits and withdrawals at or after ``since``, oldest first."""
        return await self._database.read(lambda c: read_books.read_flows(c, portfolio, since))

    async def commands(self, portfolio: str, limit: int) -> tuple[Command, ...]:
        """Return the newest ``limit`` commands in any state, newest first."""
        return await self._database.read(lambda c: read_books.read_commands(c, portfolio, limit))

    async def approvals(self, portfolio: str, limit: int) -> tuple[Approval, ...]:
        """Return the newest ``limit`` approvals in any state, newest first."""
        return await self._database.read(lambda c: read_books.read_approvals(c, portfolio, limit))

    async def pauses(self, venue: str) -> Mapping[str, datetime]:
        """Return what may not be asked at ``venue`` -> until when."""
        return await self._database.read(lambda c: kept_pauses.read_pauses(c, venue))

    async def keep_pauses(self, venue: str, pauses: Mapping[str, datetime]) -> None:
        """Remember ``pauses``; what is not named stays as it was."""
        if pauses:
            await self._database.write(lambda c: kept_pauses.write_pauses(c, venue, pauses))

    async def all_pauses(self) -> Mapping[tuple[str, str], datetime]:
        """Return (venue, what may not be asked there) -> until when."""
        return await self._database.read(kept_pauses.read_all_pauses)
