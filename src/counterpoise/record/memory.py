"""The store of replays and tests: everything in this process, nothing kept when it ends.

One object is Store, Journal and Outbox. It is as strict as a database (same checks, same atomic commits,
documents kept as the JSON they would become), so that a mistake shows in the fast tests. A commit checks
everything first and only then writes: nothing in the writing part can fail. What a cycle loads is indexed,
so that a long replay stays linear.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import islice

from counterpoise.domain.bars import Bar
from counterpoise.domain.events import Alert, ending
from counterpoise.domain.hedge_book import ClosedHedge
from counterpoise.domain.ledger import LedgerEntry
from counterpoise.domain.operator import Approval, Command
from counterpoise.domain.order import Fill, Order
from counterpoise.domain.records import (
    BarRow,
    Changes,
    Flow,
    JournalRow,
    PortfolioRecord,
    Recorded,
    Refusal,
    StrategyRecord,
    Tried,
)
from counterpoise.domain.transfer import Transfer
from counterpoise.record.exact import document, document_text
from counterpoise.record.memory_outbox import MemoryOutbox
from counterpoise.record.memory_rows import Dated, PortfolioRows, asked_key
from counterpoise.record.rules import (
    BARS_KEPT,
    PLACED,
    RECENT,
    REFUSED,
    TRIED,
    check,
    check_moves,
    check_owner,
    check_transfers,
    never_recorded,
    order_age_key,
    other_portfolios_cycle,
)

#: Greater than every (instant, key) of the same instant: bisect with it leaves that instant out.
_LAST = (chr(0x10FFFF),)


class MemoryStore(MemoryOutbox):
    """Store, Journal and Outbox in memory. Closing it keeps its rows: it stands for the disk as well."""

    def __init__(self) -> None:
        super().__init__()
        self._books: dict[str, PortfolioRows] = {}
        self._orders: dict[str, Order] = {}
        self._fills: dict[tuple[str, ...], Fill] = {}
        self._by_venue_id: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
        self._entries: dict[tuple[str, str, str], LedgerEntry] = {}
        self._transfers: dict[str, Transfer] = {}
        self._flow_ids: set[str] = set()
        self._said: dict[str, str] = {}
        self._asked: dict[str, str] = {}
        self._bars: defaultdict[tuple[str, str, timedelta], Dated[Bar]] = defaultdict(Dated)
        self._cycles: dict[str, str] = {}
        self._pauses: dict[tuple[str, str], datetime] = {}

    async def open(self) -> None:
        """Nothing to connect to."""

    async def close(self) -> None:
        """Nothing to let go."""

    async def pauses(self, venue: str) -> Mapping[str, datetime]:
        """Return what may not be asked at ``venue`` -> until when."""
        return {api: until for (name, api), until in self._pauses.items() if name == venue}

    async def keep_pauses(self, venue: str, pauses: Mapping[str, datetime]) -> None:
        """Remember ``pauses``; what is not named stays as it was."""
        self._pauses |= {(venue, api): until for api, until in pauses.items()}

    async def portfolio(self, portfolio: str) -> PortfolioRecord | None:
        """Return the portfolio's record, None before its first start."""
        book = self._books.get(portfolio)
        return None if book is None else book.record

    async def load(self, portfolio: str, now: datetime) -> Recorded:
        """Return what a cycle at ``now`` needs. Raises StoreError for one that was never recorded."""
        book = self._books.get(portfolio)
        if book is None:
            raise never_recorded(portfolio)
        wanted = set(book.live).union(
            *(book.by_decision.get(t.decision_id, ()) for t in book.targets.values())
        )
        recent = book.filled[bisect_right(book.filled, (now - RECENT, _LAST)) :]
        placed = book.placed[bisect_right(book.placed, (now - PLACED, _LAST)) :]
        fills = (self._fills[key] for _, key in recent)
        return Recorded(
            portfolio=book.record,
            strategies={
                id_: StrategyRecord(id=id_, kind=kind, document=document(written))
                for id_, (kind, written) in book.strategies.items()
            },
            targets=dict(book.targets),
            positions=dict(book.positions),
            orders=tuple(sorted((self._orders[id_] for id_ in wanted), key=order_age_key)),
            recent_fills=tuple(
                f for f in fills if (f.venue, f.symbol, f.venue_order_id) in book.own
            ),
            placed_at=tuple(at for at, _ in placed),
            placed_24h=len(book.placed) - bisect_right(book.placed, (now - RECENT, _LAST)),
            tried=tuple(
                Tried(at=at, rejected=self._orders[id_].is_refusal)
                for at, (id_,) in book.placed[bisect_right(book.placed, (now - TRIED, _LAST)) :]
            ),
            refusals=tuple(
                Refusal(
                    at=at,
                    venue=order.venue,
                    symbol=order.symbol,
                    side=order.side,
                    reduce_only=order.reduce_only,
                    why=order.reason or "",
                )
                for at, (id_,) in book.placed[bisect_right(book.placed, (now - REFUSED, _LAST)) :]
                if (order := self._orders[id_]).is_refusal
            ),
            raised=frozenset(book.raised),
            book=dict(book.lines),
            commands=tuple(sorted((book.said[id_] for id_ in book.unheard), key=asked_key)),
            approvals=tuple(sorted((book.asked[id_] for id_ in book.capping), key=asked_key)),
            wallets=dict(book.wallets),
            ledger_at=dict(book.ledger_at),
            guards=book.remembered_guards(),
            transfers=book.transfers_at(now),
        )

    async def unseen_fills(self, fills: Iterable[Fill]) -> tuple[Fill, ...]:
        """Return those of ``fills`` that are not stored yet, in order, each once."""
        unseen: dict[tuple[str, str, str], Fill] = {}
        for fill in fills:
            if fill.key not in self._fills:
                unseen.setdefault(fill.key, fill)
        return tuple(unseen.values())

    async def owners(self, venue: str, venue_order_ids: Iterable[str]) -> tuple[Order, ...]:
        """Return our orders that carry one of ``venue_order_ids`` at ``venue``, oldest first."""
        ids = {
            id_ for asked in venue_order_ids for id_ in self._by_venue_id.get((venue, asked), ())
        }
        return tuple(sorted((self._orders[id_] for id_ in ids), key=order_age_key))

    async def commit(self, changes: Changes) -> None:
        """Write ``changes`` whole or not at all. Raises StoreError, IllegalMove."""
        if changes.empty:
            return
        check(changes)
        if changes.record is None and changes.portfolio not in self._books:
            raise never_recorded(changes.portfolio)
        stored = {o.client_order_id: self._orders.get(o.client_order_id) for o in changes.orders}
        check_moves(
            {id_: (o.portfolio, o.state) for id_, o in stored.items() if o is not None},
            changes.orders,
        )
        documents = {
            s.id: document_text(s.document, f"strategy {s.id}") for s in changes.strategies
        }
        guards = {g.id: document_text(g.document, f"guard {g.id}") for g in changes.guards}
        moved = [self._transfers[t.id] for t in changes.transfers if t.id in self._transfers]
        check_transfers({t.id: (t.portfolio, t.state) for t in moved}, changes.transfers)
        check_owner("command", _owners(self._said, changes.commands), changes.portfolio)
        check_owner("approval", _owners(self._asked, changes.approvals), changes.portfolio)
        row = changes.journal
        report = document_text(row.document, f"journal row {row.cycle_id}") if row else ""
        if row and self._cycles.get(row.cycle_id, row.portfolio) != row.portfolio:
            raise other_portfolios_cycle(row)

        # from here on nothing can fail
        if changes.record is not None:
            self._books.setdefault(
                changes.portfolio, PortfolioRows(changes.record)
            ).record = changes.record
        book = self._books[changes.portfolio]
        book.strategies |= {s.id: (s.kind, documents[s.id]) for s in changes.strategies}
        book.guards |= guards
        self._transfers |= {t.id: t for t in changes.transfers}
        book.transfers |= {t.id: t for t in changes.transfers}
        book.targets |= {(t.venue, t.symbol): t for t in changes.targets}
        book.positions |= {(p.venue, p.symbol): p for p in changes.positions}
        for order in changes.orders:
            self._put_order(book, order)
        for fill in changes.fills:
            if fill.key not in self._fills:
                self._fills[fill.key] = fill
                insort(book.filled, (fill.filled_at, fill.key))
        self._put_books(book, changes)
        book.put_said(changes)
        self._said |= {c.id: c.portfolio for c in changes.commands}
        self._asked |= {a.id: a.portfolio for a in changes.approvals}
        self._put_bars(changes.bars)
        self._put_alerts(book, changes.alerts)
        if row is not None:
            self._cycles[row.cycle_id] = row.portfolio
            book.journal[row.cycle_id] = (row, report)

    async def orders(self, portfolio: str, *, live_only: bool, limit: int) -> tuple[Order, ...]:
        """Return the newest ``limit`` orders, newest first; ``live_only`` leaves out final ones."""
        found = (o for o in self._orders.values() if o.portfolio == portfolio)
        kept = (o for o in found if not (live_only and o.state.is_final))
        return tuple(sorted(kept, key=order_age_key, reverse=True)[:limit])

    async def unseen_entries(self, entries: Iterable[LedgerEntry]) -> tuple[LedgerEntry, ...]:
        """Return those of ``entries`` that are not stored yet, in order, each once."""
        unseen: dict[tuple[str, str, str], LedgerEntry] = {}
        for entry in entries:
            if entry.key not in self._entries:
                unseen.setdefault(entry.key, entry)
        return tuple(unseen.values())

    async def bars(
        self, venue: str, symbol: str, interval: timedelta, since: datetime
    ) -> tuple[Bar, ...]:
        """Return the stored bars that open at or after ``since``, oldest first."""
        series = self._bars.get((venue, symbol, interval))
        return () if series is None else series.since(since)

    async def closed_hedges(self, portfolio: str, since: datetime) -> tuple[ClosedHedge, ...]:
        """Return the hedges closed at or after ``since``, oldest first."""
        book = self._books.get(portfolio)
        return () if book is None else book.closed.since(since)

    async def flows(self, portfolio: str, since: datetime) -> tuple[Flow, ...]:
        """Return the deposits and withdrawals at or after ``since``, oldest first."""
        book = self._books.get(portfolio)
        return () if book is None else book.flows.since(since)

    async def commands(self, portfolio: str, limit: int) -> tuple[Command, ...]:
        """Return the newest ``limit`` commands in any state, newest first."""
        book = self._books.get(portfolio)
        kept = book.said.values() if book else ()
        return tuple(sorted(kept, key=asked_key, reverse=True)[:limit])

    async def approvals(self, portfolio: str, limit: int) -> tuple[Approval, ...]:
        """Return the newest ``limit`` approvals in any state, newest first."""
        book = self._books.get(portfolio)
        kept = book.asked.values() if book else ()
        return tuple(sorted(kept, key=asked_key, reverse=True)[:limit])

    async def last(self, portfolio: str, limit: int) -> tuple[JournalRow, ...]:
        """Return the newest ``limit`` journal rows, newest first."""
        book = self._books.get(portfolio)
        kept = reversed(book.journal.values()) if book else ()
        return tuple(_journal_row(row, report) for row, report in islice(kept, limit))

    async def row(self, cycle_id: str) -> JournalRow | None:
        """Return one cycle's journal row."""
        portfolio = self._cycles.get(cycle_id)
        if portfolio is None:
            return None
        return _journal_row(*self._books[portfolio].journal[cycle_id])

    def _put_order(self, book: PortfolioRows, order: Order) -> None:
        id_ = order.client_order_id
        old = self._orders.get(id_)
        if old is not None:
            book.by_decision[old.decision_id].discard(id_)
            if old.created_at != order.created_at:
                book.placed.remove((old.created_at, (id_,)))
        if old is None or old.created_at != order.created_at:
            insort(book.placed, (order.created_at, (id_,)))
        self._orders[id_] = order
        book.by_decision[order.decision_id].add(id_)
        if order.venue_order_id is not None:
            book.own.add((order.venue, order.symbol, order.venue_order_id))
            self._by_venue_id[order.venue, order.venue_order_id].add(id_)
        if order.state.is_final and not order.awaits_fills:
            book.live.discard(id_)
        else:
            book.live.add(id_)

    def _put_books(self, book: PortfolioRows, changes: Changes) -> None:
        """Write what the hedge book and the venue's ledger brought; their ids are known in the whole store."""
        entries = [e for e in changes.ledger if e.key not in self._entries]
        self._entries |= {e.key: e for e in entries}
        flows = {f.id: f for f in reversed(changes.flows) if f.id not in self._flow_ids}
        self._flow_ids |= flows.keys()
        book.put_books(changes, entries, reversed(flows.values()))

    def _put_bars(self, rows: Iterable[BarRow]) -> None:
        newest: dict[tuple[str, str, timedelta], datetime] = {}
        for row in rows:
            key = (row.venue, row.symbol, row.interval)
            self._bars[key].add(row.bar.open_at, (), row.bar)
            newest[key] = max(newest.get(key, row.bar.open_at), row.bar.open_at)
        for key, at in newest.items():
            self._bars[key].drop_before(at - BARS_KEPT)

    def _put_alerts(self, book: PortfolioRows, alerts: Iterable[Alert]) -> None:
        for alert in alerts:
            key = alert.key
            was = book.raised.get(key) if key is not None else None
            if not self._add_alert(ending(alert, was) if alert.cleared else alert) or key is None:
                continue
            if alert.cleared:
                book.raised.pop(key, None)
            elif was is None or alert.severity.rank >= was.rank:
                book.raised[key] = alert.severity


def _journal_row(row: JournalRow, report: str) -> JournalRow:
    return replace(row, document=document(report))


def _owners(
    stored: Mapping[str, str], said: Iterable[Command] | Iterable[Approval]
) -> Mapping[str, str]:
    return {part.id: stored[part.id] for part in said if part.id in stored}
