"""The doors between the pure core and the world. Everything that does I/O implements one of these.

A port speaks ``domain`` types only. Reads raise :class:`~counterpoise.domain.errors.VenueError` or
:class:`~counterpoise.domain.errors.StoreError`; an order never raises for what a venue answered: its outcome is a
value, because a lost answer is not a refusal.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Protocol

from counterpoise.domain.access import KeyRights
from counterpoise.domain.bars import Bar
from counterpoise.domain.control import Answer, Question, Speaker, Weighed, Word
from counterpoise.domain.hedge_book import ClosedHedge
from counterpoise.domain.instrument import Instrument
from counterpoise.domain.ledger import LedgerEntry, Settlement
from counterpoise.domain.margin import Tiers
from counterpoise.domain.message import Message
from counterpoise.domain.operator import Approval, Command
from counterpoise.domain.order import (
    BatchLimit,
    CancelOutcome,
    Fill,
    Order,
    PlaceOutcome,
    VenueOrder,
)
from counterpoise.domain.records import (
    Changes,
    Flow,
    Handed,
    JournalRow,
    OutboxRow,
    PortfolioRecord,
    Recorded,
    SinkRecord,
)
from counterpoise.domain.snapshot import Account, MarginMode, Quote
from counterpoise.domain.transfer import Transfer, TransferOutcome, VenueTransfer
from counterpoise.domain.untimely import Untimely


class Clock(Protocol):
    """The only clock. For a ``local`` venue with ``clock: venue`` its time is market time."""

    def now(self) -> datetime:
        """Return the present instant, aware UTC."""
        ...

    async def sleep(self, seconds: Decimal) -> None:
        """Let ``seconds`` (>= 0) of this clock's time pass."""
        ...


class Venue(Protocol):
    """One exchange account: what can be traded, what is held, and the only way to send an order."""

    @property
    def id(self) -> str:
        """The venue's id in the config."""
        ...

    async def open(self) -> None:
        """Connect and load what can be traded. Raises VenueError, VenueAuthError."""
        ...

    async def close(self) -> None:
        """Let every connection go; safe to call twice."""
        ...

    def instruments(self) -> Mapping[str, Instrument]:
        """Return what can be traded, by unified symbol, as of the last load."""
        ...

    async def account(self) -> Account:
        """Read spot wallet, futures wallet and positions. A wallet that was not answered raises VenueError."""
        ...

    async def quotes(self, symbols: Iterable[str]) -> Mapping[str, Quote]:
        """Read prices of ``symbols``; a symbol without a price is present with None fields, never zero."""
        ...

    async def open_orders(self, symbols: Iterable[str]) -> tuple[VenueOrder, ...]:
        """Read all open orders (ours and foreign) of ``symbols``."""
        ...

    async def order(self, symbol: str, client_order_id: str) -> VenueOrder | None:
        """Look an order up by our id. None means this endpoint did not find it, which is no proof of absence."""
        ...

    async def fills(self, symbol: str, since: datetime) -> tuple[Fill, ...]:
        """Read this account's executions of ``symbol`` at or after ``since``, oldest first, all pages."""
        ...

    async def bars(
        self, symbol: str, interval: timedelta, since: datetime, until: datetime
    ) -> tuple[Bar, ...]:
        """Read closed bars that open in [``since``, ``until``), oldest first, all pages; what was never traded lacks.

        Raises VenueError for an unknown symbol and for an interval the venue does not offer (not retryable).
        """
        ...

    async def ledger(self, since: datetime) -> tuple[LedgerEntry, ...]:
        """Read what the venue booked into this account at or after ``since``, oldest first, all pages."""
        ...

    async def settlement(self, symbol: str) -> Settlement | None:
        """Return how a dated future ended; None while it is not known. It may be listed no more."""
        ...

    async def place(self, order: Order) -> PlaceOutcome:
        """Send one order once. Never retries; never raises for an answer; a cancelled task is Unknown."""
        ...

    async def cancel(self, order: Order) -> CancelOutcome:
        """Cancel one order by our id, once."""
        ...


class Batches(Protocol):
    """Several orders of one contract in one request, where the venue has that. Each has an outcome of its own."""

    def batch_limit(self, symbol: str) -> BatchLimit:
        """Return how many orders of ``symbol`` may go in one request; 1 where there is no such request."""
        ...

    async def place_batch(self, orders: Sequence[Order]) -> tuple[PlaceOutcome, ...]:
        """Send ``orders`` (all of one symbol, within the limit) once, in one request; one outcome each, in order.

        As for ``place``: never retries, never raises for an answer; of a cancelled task each is Unknown or NotPlaced.
        """
        ...

    async def cancel_batch(self, orders: Sequence[Order]) -> tuple[CancelOutcome, ...]:
        """Cancel ``orders`` (all of one symbol, within the limit) by our ids, once; one outcome each, in order."""
        ...


class Treasury(Protocol):
    """The same account as collateral: what margin it asks for, the moves that are not orders, what our key may do."""

    async def margin_tiers(self, symbols: Iterable[str]) -> Mapping[str, Tiers]:
        """Return the margin tables of ``symbols``; one that is not known is absent. Raises VenueError."""
        ...

    async def transfer(self, transfer: Transfer) -> TransferOutcome:
        """Send one transfer once; as for ``place``: never retries, never raises for an answer."""
        ...

    async def transfers(self, since: datetime) -> tuple[VenueTransfer, ...]:
        """Read moves between the account's wallets at or after ``since``, oldest first, all pages."""
        ...

    async def restore(self, symbol: str, leverage: Decimal | None, mode: MarginMode | None) -> None:
        """Set leverage and margin mode of a contract (None: leave it). Raises VenueError when it is not done."""
        ...

    async def countdown(self, symbols: Iterable[str], after: timedelta | None) -> None:
        """Ask the venue to cancel all orders of ``symbols`` ``after`` a while unless asked again; None disarms.

        Raises VenueError; not retryable where the venue does not offer it.
        """
        ...

    async def clock_ahead(self) -> timedelta | None:
        """Measure how far our clock is ahead of the venue's (< 0: behind); None where its time is ours.

        Raises VenueError.
        """
        ...

    def untimely(self) -> Untimely | None:
        """Return the requests that are refused for their time again and again; None: they are taken. Asks nothing."""
        ...

    async def rights(self) -> KeyRights | None:
        """Return what the key may do; None where the venue does not tell. Raises VenueError."""
        ...


class Exchange(Venue, Batches, Treasury, Protocol):
    """One exchange account in full."""


class Store(Protocol):
    """The database. One :class:`Changes` is one transaction."""

    async def open(self) -> None:
        """Connect and check the schema. Raises WrongSchema, StoreError."""
        ...

    async def close(self) -> None:
        """Let the database go; safe to call twice."""
        ...

    async def portfolio(self, portfolio: str) -> PortfolioRecord | None:
        """Return the portfolio's record, None before its first start."""
        ...

    async def load(self, portfolio: str, now: datetime) -> Recorded:
        """Return what a cycle at ``now`` needs. Raises StoreError for a portfolio that was never recorded."""
        ...

    async def unseen_fills(self, fills: Iterable[Fill]) -> tuple[Fill, ...]:
        """Return those of ``fills`` that are not stored yet, in order."""
        ...

    async def owners(self, venue: str, venue_order_ids: Iterable[str]) -> tuple[Order, ...]:
        """Return our orders that carry one of ``venue_order_ids`` at ``venue``: whose fills are ours."""
        ...

    async def commit(self, changes: Changes) -> None:
        """Write ``changes`` whole or not at all; returns only when it is durable."""
        ...

    async def orders(self, portfolio: str, *, live_only: bool, limit: int) -> tuple[Order, ...]:
        """Return the newest ``limit`` orders, newest first; ``live_only`` leaves out final ones."""
        ...

    async def unseen_entries(self, entries: Iterable[LedgerEntry]) -> tuple[LedgerEntry, ...]:
        """Return those of ``entries`` that are not stored yet, in order."""
        ...

    async def bars(
        self, venue: str, symbol: str, interval: timedelta, since: datetime
    ) -> tuple[Bar, ...]:
        """Return the stored bars that open at or after ``since``, oldest first."""
        ...

    async def closed_hedges(self, portfolio: str, since: datetime) -> tuple[ClosedHedge, ...]:
        """Return the hedges closed at or after ``since``, oldest first."""
        ...

    async def flows(self, portfolio: str, since: datetime) -> tuple[Flow, ...]:
        """Return the deposits and withdrawals at or after ``since``, oldest first."""
        ...

    async def commands(self, portfolio: str, limit: int) -> tuple[Command, ...]:
        """Return the newest ``limit`` commands in any state, newest first."""
        ...

    async def approvals(self, portfolio: str, limit: int) -> tuple[Approval, ...]:
        """Return the newest ``limit`` approvals in any state, newest first."""
        ...


class Pauses(Protocol):
    """For how long venues want not to be asked; kept, because who is killed in a pause must not ask when it starts."""

    async def pauses(self, venue: str) -> Mapping[str, datetime]:
        """Return what may not be asked at ``venue`` (in its own words) -> until when. Raises StoreError."""
        ...

    async def keep_pauses(self, venue: str, pauses: Mapping[str, datetime]) -> None:
        """Remember ``pauses``, durable when it returns; what is not named stays as it was. Raises StoreError."""
        ...


class Records(Store, Pauses, Protocol):
    """The database in full."""


class Journal(Protocol):
    """What happened, cycle by cycle."""

    async def last(self, portfolio: str, limit: int) -> tuple[JournalRow, ...]:
        """Return the newest ``limit`` rows, newest first."""
        ...

    async def row(self, cycle_id: str) -> JournalRow | None:
        """Return one cycle's row."""
        ...


class Outbox(Protocol):
    """Alerts committed, and which sink has had which of them.

    An alert is done with once every sink is; what a sink was done with out of order is kept until then only.
    """

    async def enrol(self, sinks: Iterable[str], at: datetime) -> None:
        """Make ``sinks`` (by name) those that are told from now on.

        The very first ones get all that was not delivered yet, one that joins others gets what is committed after
        ``at`` only. One no longer named is forgotten, and holds nothing back. Repeating it changes nothing.
        """
        ...

    async def pending(self, sink: str, after: int, limit: int) -> tuple[OutboxRow, ...]:
        """Return what ``sink`` was not done with, with a seq above ``after``, oldest first."""
        ...

    async def settled(
        self, sink: str, seqs: Iterable[int], how: Handed, at: datetime, error: str | None = None
    ) -> None:
        """Record that ``sink`` is done with these alerts; TAKEN ends its failures. The first word on one stays.

        ``error`` is why it was given up for them.
        """
        ...

    async def failed(self, sink: str, error: str, at: datetime) -> None:
        """Count a failed attempt of ``sink``."""
        ...

    async def counts(self) -> Mapping[str, int]:
        """Return ``{"pending": n, "dead": n}``: alerts some sink waits for, and those some sink was given up for."""
        ...

    async def sinks(self) -> tuple[SinkRecord, ...]:
        """Return how every enrolled sink stands, by name."""
        ...


class Sink(Protocol):
    """Somewhere alerts go."""

    async def deliver(self, message: Message) -> None:
        """Deliver one message; returns only when it has arrived. It may be cancelled when it takes too long.

        Raises
        ------
        SinkBusy
            When the other side asks to be left alone for a while: nothing is sent to it before.
        SinkRefusal
            When this message will never be taken.
        Exception
            Whatever else is raised: it may not have arrived, and is sent again after a pause that grows.
        """
        ...


class Lease(Protocol):
    """The right to write for a set of accounts; held by one process at a time."""

    async def acquire(self) -> bool:
        """Return whether this process is now the writer."""
        ...

    async def release(self) -> None:
        """Give the right back; safe to call twice."""
        ...


class Control(Protocol):
    """What people far away may ask and say; the database answers and takes it, as from the command line.

    All but ``hush`` raise ConfigError for what does not fit, SafetyRefusal where the state forbids it, StoreError.
    """

    async def tell(self, question: Question) -> Answer:
        """Return what is asked for; nothing is changed."""
        ...

    async def weigh(self, word: Word, speaker: Speaker) -> Weighed:
        """Return what ``word`` would do if it were said now; nothing is changed."""
        ...

    async def say(self, word: Word, speaker: Speaker) -> Answer:
        """Write ``word`` down as one audited row for the trading loop; the same ``speaker.id`` is one row."""
        ...

    def hush(self, sink: str, seconds: int) -> Answer:
        """Hold back what is not critical at ``sink`` for ``seconds``, 0 to end that. Kept in memory only."""
        ...
