"""What is kept: the rows of the store as values, and one change set that is committed as a whole.

:class:`Changes` is the unit of truth: strategy states, targets, orders, fills, alerts and the journal row of one
step go in together or not at all, so that a crash never leaves a wish without its orders or an order without
its alert.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum

from counterpoise.domain.bars import Bar
from counterpoise.domain.events import Alert
from counterpoise.domain.hedge_book import BookLine, ClosedHedge, Cross, LineKey
from counterpoise.domain.ledger import LedgerEntry
from counterpoise.domain.numbers import ZERO
from counterpoise.domain.operator import Approval, Command, TargetOverride
from counterpoise.domain.order import Fill, Order, Side
from counterpoise.domain.plan import Target
from counterpoise.domain.transfer import Transfer


class TradingState(StrEnum):
    """What may be sent (MEANING 19); only a person raises it again."""

    RUN = "RUN"
    REDUCE_ONLY = "REDUCE_ONLY"
    CANCEL_ONLY = "CANCEL_ONLY"
    HALT = "HALT"


@dataclass(frozen=True, slots=True, kw_only=True)
class PortfolioRecord:
    """A portfolio as the store knows it. ``started_at`` is the first start; fills are read from there on.

    ``flattening``: an operator wants all own futures closed; then the state becomes CANCEL_ONLY. ``override``: other
    sleeve weights for a while.
    """

    id: str
    trading_state: TradingState
    config_hash: str
    started_at: datetime
    flattening: bool = False
    override: TargetOverride | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StrategyRecord:
    """The persisted document of one strategy."""

    id: str
    kind: str
    document: Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class GuardRecord:
    """The persisted document of one guard: its step, and since when."""

    id: str
    document: Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class PositionRecord:
    """What explains a venue's position: ``baseline_qty`` (foreign, never traded) + ``own_qty`` (our fills)."""

    venue: str
    symbol: str
    baseline_qty: Decimal = ZERO
    own_qty: Decimal = ZERO
    last_fill_at: datetime | None = None

    @property
    def expected_qty(self) -> Decimal:
        """The position the venue must show once all fills were read."""
        return self.baseline_qty + self.own_qty


@dataclass(frozen=True, slots=True, kw_only=True)
class WalletRecord:
    """What a venue must hold of ``asset`` in all wallets together, as far as everything booked explains it.

    Spot total + futures wallet balance (without unrealised PnL), in the asset. ``as_of`` is the read it was true at.
    """

    venue: str
    asset: str
    qty: Decimal
    as_of: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Flow:
    """A deposit (> 0) or withdrawal (< 0) of ``asset``: a balance change that nothing of ours explains (MEANING 11).

    ``price`` values it (quote per unit; None: the asset is not priced here). ``source`` says what confirmed it:
    ``ledger`` (the venue's own books) or ``looks`` (several equal healthy reads).
    """

    id: str
    venue: str
    asset: str
    qty: Decimal
    at: datetime
    source: str
    price: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BarRow:
    """A closed bar of one instrument, as it is kept."""

    venue: str
    symbol: str
    interval: timedelta
    bar: Bar


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalRow:
    """One cycle: ``document`` is its whole report as JSON, ``summary`` one line."""

    portfolio: str
    cycle_id: str
    at: datetime
    summary: str
    document: Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """One order that was placed lately; ``rejected``: the venue did not take it, and that was not to be expected."""

    at: datetime
    rejected: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """An order that the venue did not take lately, and that was not to be expected. ``why``: its code and words."""

    at: datetime
    venue: str
    symbol: str
    side: Side
    reduce_only: bool
    why: str

    @property
    def code(self) -> str:
        """The venue's code."""
        return self.why.partition(":")[0].strip()


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """Everything persisted that a cycle needs.

    ``orders`` holds every order that is not final or whose fills were not all read, and every order of a current
    target's decision, oldest first.
    ``recent_fills`` are our fills of the last 24 h; ``placed_at`` tells the orders of the last minute, ``placed_24h``
    how many the last 24 h had, ``tried`` what became of those of the last 20 minutes, oldest first,
    ``refusals`` those of the last hour that the venue did not take.
    ``raised`` are the keys of alerts not cleared. ``book`` holds every line of the hedge book; ``commands`` those
    still pending, oldest first; ``approvals`` those that wait or cap; ``wallets`` is (venue, asset) -> what is
    explained; ``ledger_at`` venue -> instant of its newest booked entry.
    ``guards`` is guard id -> its document. ``transfers`` are those not proven yet and those of the last 24 h.
    """

    portfolio: PortfolioRecord
    strategies: Mapping[str, StrategyRecord]
    targets: Mapping[tuple[str, str], Target]
    positions: Mapping[tuple[str, str], PositionRecord]
    orders: tuple[Order, ...]
    recent_fills: tuple[Fill, ...] = ()
    placed_at: tuple[datetime, ...] = ()
    placed_24h: int = 0
    tried: tuple[Tried, ...] = ()
    refusals: tuple[Refusal, ...] = ()
    raised: frozenset[str] = frozenset()
    book: Mapping[LineKey, BookLine] = field(default_factory=dict)
    commands: tuple[Command, ...] = ()
    approvals: tuple[Approval, ...] = ()
    wallets: Mapping[tuple[str, str], WalletRecord] = field(default_factory=dict)
    ledger_at: Mapping[str, datetime] = field(default_factory=dict)
    guards: Mapping[str, GuardRecord] = field(default_factory=dict)
    transfers: tuple[Transfer, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """One transaction for one portfolio.

    Orders and the like are written whole (insert or replace by key); fills, ledger entries, flows and bars already
    known are left alone. A book line that is flat and wants nothing is kept: it tells of the last position.
    """

    portfolio: str
    record: PortfolioRecord | None = None
    strategies: tuple[StrategyRecord, ...] = ()
    targets: tuple[Target, ...] = ()
    positions: tuple[PositionRecord, ...] = ()
    orders: tuple[Order, ...] = ()
    fills: tuple[Fill, ...] = ()
    alerts: tuple[Alert, ...] = ()
    book: tuple[BookLine, ...] = ()
    closed: tuple[ClosedHedge, ...] = ()
    crosses: tuple[Cross, ...] = ()
    ledger: tuple[LedgerEntry, ...] = ()
    wallets: tuple[WalletRecord, ...] = ()
    flows: tuple[Flow, ...] = ()
    commands: tuple[Command, ...] = ()
    approvals: tuple[Approval, ...] = ()
    bars: tuple[BarRow, ...] = ()
    guards: tuple[GuardRecord, ...] = ()
    transfers: tuple[Transfer, ...] = ()
    journal: JournalRow | None = field(default=None)

    @property
    def empty(self) -> bool:
        """Whether there is nothing to write."""
        return not (
            self.record or self.strategies or self.targets or self.positions
            or self.orders or self.fills or self.alerts or self.book or self.closed
            or self.crosses or self.ledger or self.wallets or self.flows or self.commands
            or self.approvals or self.bars or self.guards or self.transfers
            or self.journal
        )  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboxRow:
    """An alert in the outbox; ``seq`` is the order of commits."""

    seq: int
    alert: Alert


class Handed(StrEnum):
    """How a sink was done with an alert."""

    TAKEN = "taken"  # it has it
    OFF = "off"  # it shall not have it
    DEAD = "dead"  # it refuses it; kept and counted


@dataclass(frozen=True, slots=True, kw_only=True)
class SinkRecord:
    """How a sink stands: ``pending`` alerts it waits for, ``dead`` ones it was given up for.

    ``failures``: attempts in a row that failed; ``failing_since``: when the first of them did, None while it takes
    what it gets. ``last_error`` stays after that, with its instant.
    """

    name: str
    joined_at: datetime
    pending: int = 0
    dead: int = 0
    failures: int = 0
    failing_since: datetime | None = None
    last_error: str | None = None
    last_error_at: datetime | None = None
