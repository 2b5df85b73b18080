"""The tables. A change here needs a new revision in ``migrations/`` and a new :data:`SCHEMA`.

Every row belongs to a portfolio, but for ``bars``, which are the market's, and ``sinks`` and ``deliveries``.
``alerts`` is the outbox: its rows are committed with the change they speak of. ``alert_state`` says which lasting
conditions are raised, so that alerts may be pruned.
"""

from __future__ import annotations

from sqlalchemy import (
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    false,
    text,
)

from counterpoise.record.sql.types import ExactDecimal, Instant

#: The Alembic revision these tables belong to.
SCHEMA = "0007"

METADATA = MetaData()


def _portfolio(*, key: bool = False) -> Column[str]:
    return Column("portfolio", Text, ForeignKey("portfolios.id"), nullable=False, primary_key=key)


portfolios = Table(
    "portfolios",
    METADATA,
    Column("id", Text, primary_key=True, nullable=False),
    Column("trading_state", Text, nullable=False),
    Column("config_hash", Text, nullable=False),
    Column("started_at", Instant, nullable=False),
    Column("flattening", Boolean, nullable=False, server_default=false()),
    # JSON: weights per sleeve and until when; null is none
    Column("override", Text),
)

strategies = Table(
    "strategies",
    METADATA,
    _portfolio(key=True),
    Column("id", Text, primary_key=True, nullable=False),
    Column("kind", Text, nullable=False),
    Column("document", Text, nullable=False),
)

targets = Table(
    "targets",
    METADATA,
    _portfolio(key=True),
    Column("venue", Text, primary_key=True, nullable=False),
    Column("symbol", Text, primary_key=True, nullable=False),
    Column("asset", Text, nullable=False),
    Column("qty", ExactDecimal, nullable=False),
    Column("decision_id", Text, nullable=False),
    Column("decided_at", Instant, nullable=False),
    Column("why", Text, nullable=False),
)

positions = Table(
    "positions",
    METADATA,
    _portfolio(key=True),
    Column("venue", Text, primary_key=True, nullable=False),
    Column("symbol", Text, primary_key=True, nullable=False),
    Column("baseline_qty", ExactDecimal, nullable=False),
    Column("own_qty", ExactDecimal, nullable=False),
    Column("last_fill_at", Instant),
)

orders = Table(
    "orders",
    METADATA,
    Column("client_order_id", Text, primary_key=True, nullable=False),
    _portfolio(),
    Column("venue", Text, nullable=False),
    Column("symbol", Text, nullable=False),
    Column("side", Text, nullable=False),
    Column("type", Text, nullable=False),
    Column("time_in_force", Text, nullable=False),
    Column("qty", ExactDecimal, nullable=False),
    Column("price", ExactDecimal),
    Column("reduce_only", Boolean, nullable=False),
    Column("decision_id", Text, nullable=False),
    Column("rung", Integer, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("state", Text, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("updated_at", Instant, nullable=False),
    Column("venue_order_id", Text),
    Column("filled_qty", ExactDecimal, nullable=False),
    Column("booked_qty", ExactDecimal, nullable=False),
    # whether the two differ: SQL never compares Decimals
    Column("awaits_fills", Boolean, nullable=False),
    Column("reason", Text),
    # null: a strategy wants it
    Column("guard", Text),
    Column("leaving_since", Instant),
    Index("ix_orders_state", "portfolio", "state"),
    Index("ix_orders_decision", "portfolio", "decision_id"),
    Index("ix_orders_created", "portfolio", "created_at"),
    Index("ix_orders_venue_order", "venue", "symbol", "venue_order_id"),
)

fills = Table(
    "fills",
    METADATA,
    Column("venue", Text, primary_key=True, nullable=False),
    Column("symbol", Text, primary_key=True, nullable=False),
    Column("trade_id", Text, primary_key=True, nullable=False),
    _portfolio(),
    Column("venue_order_id", Text, nullable=False),
    Column("side", Text, nullable=False),
    Column("qty", ExactDecimal, nullable=False),
    Column("price", ExactDecimal, nullable=False),
    Column("fee", ExactDecimal, nullable=False),
    Column("fee_asset", Text),
    Column("maker", Boolean),
    Column("filled_at", Instant, nullable=False),
    Index("ix_fills_filled", "portfolio", "filled_at"),
)

alerts = Table(
    "alerts",
    METADATA,
    Column("seq", Integer, primary_key=True, autoincrement=True, nullable=False),
    Column("id", Text, nullable=False, unique=True),
    _portfolio(),
    Column("kind", Text, nullable=False),
    Column("severity", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("raised_at", Instant, nullable=False),
    Column("key", Text),
    Column("cleared", Boolean, nullable=False),
    Column("data", Text, nullable=False),
    # of schema 0006, when all sinks failed together; nothing reads them any more
    Column("attempts", Integer, nullable=False, server_default=text("0")),
    Column("last_error", Text),
    # when the last sink was done with it
    Column("delivered_at", Instant),
    Index("ix_alerts_undelivered", "seq", sqlite_where=text("delivered_at IS NULL")),
    sqlite_autoincrement=True,  # a seq is never used twice, not even after pruning
)

sinks = Table(
    "sinks",
    METADATA,
    Column("name", Text, primary_key=True, nullable=False),
    Column("joined_at", Instant, nullable=False),
    # it is done with every alert up to this one
    Column("done_seq", Integer, nullable=False),
    Column("failures", Integer, nullable=False, server_default=text("0")),
    Column("failing_since", Instant),
    Column("last_error", Text),
    Column("last_error_at", Instant),
)

# what a sink is done with beyond that; what it was given up for stays
deliveries = Table(
    "deliveries",
    METADATA,
    Column("sink", Text, ForeignKey("sinks.name"), nullable=False, primary_key=True),
    Column("seq", Integer, ForeignKey("alerts.seq"), nullable=False, primary_key=True),
    Column("how", Text, nullable=False),
    Column("at", Instant, nullable=False),
)

alert_state = Table(
    "alert_state",
    METADATA,
    _portfolio(key=True),
    Column("key", Text, primary_key=True, nullable=False),
    Column("alert_id", Text, nullable=False),
    Column("raised_at", Instant, nullable=False),
)

journal = Table(
    "journal",
    METADATA,
    Column("seq", Integer, primary_key=True, autoincrement=True, nullable=False),
    Column("cycle_id", Text, nullable=False, unique=True),
    _portfolio(),
    Column("at", Instant, nullable=False),
    Column("summary", Text, nullable=False),
    Column("document", Text, nullable=False),
    Index("ix_journal_portfolio", "portfolio", "seq"),
    sqlite_autoincrement=True,
)

book_lines = Table(
    "book_lines",
    METADATA,
    _portfolio(key=True),
    Column("strategy", Text, primary_key=True, nullable=False),
    Column("venue", Text, primary_key=True, nullable=False),
    Column("symbol", Text, primary_key=True, nullable=False),
    Column("wanted", ExactDecimal, nullable=False),
    Column("qty", ExactDecimal, nullable=False),
    Column("cost", ExactDecimal, nullable=False),
    Column("opened_at", Instant),
    Column("peak_qty", ExactDecimal, nullable=False),
    Column("entry_value", ExactDecimal, nullable=False),
    Column("entry_qty", ExactDecimal, nullable=False),
    Column("exit_value", ExactDecimal, nullable=False),
    Column("exit_qty", ExactDecimal, nullable=False),
    Column("price_pnl", ExactDecimal, nullable=False),
    Column("funding", ExactDecimal, nullable=False),
    Column("fees", ExactDecimal, nullable=False),
    Column("hour", Instant),
    Column("hour_qty", ExactDecimal),
)

closed_hedges = Table(
    "closed_hedges",
    METADATA,
    _portfolio(key=True),
    Column("strategy", Text, primary_key=True, nullable=False),
    Column("venue", Text, primary_key=True, nullable=False),
    Column("symbol", Text, primary_key=True, nullable=False),
    Column("closed_at", Instant, primary_key=True, nullable=False),
    # part of the key: a position may be turned round and closed again within one instant
    Column("opened_at", Instant, primary_key=True, nullable=False),
    Column("qty", ExactDecimal, nullable=False),
    Column("entry", ExactDecimal, nullable=False),
    Column("exit", ExactDecimal, nullable=False),
    Column("price_pnl", ExactDecimal, nullable=False),
    Column("funding", ExactDecimal, nullable=False),
    Column("fees", ExactDecimal, nullable=False),
    Index("ix_closed_hedges_closed", "portfolio", "closed_at"),
)

crosses = Table(
    "crosses",
    METADATA,
    _portfolio(key=True),
    Column("at", Instant, primary_key=True, nullable=False),
    Column("venue", Text, primary_key=True, nullable=False),
    Column("symbol", Text, primary_key=True, nullable=False),
    Column("buyer", Text, primary_key=True, nullable=False),
    Column("seller", Text, primary_key=True, nullable=False),
    Column("qty", ExactDecimal, nullable=False),
    Column("price", ExactDecimal, nullable=False),
)

ledger_entries = Table(
    "ledger_entries",
    METADATA,
    Column("venue", Text, primary_key=True, nullable=False),
    Column("kind", Text, primary_key=True, nullable=False),
    Column("id", Text, primary_key=True, nullable=False),
    _portfolio(),
    Column("asset", Text, nullable=False),
    Column("qty", ExactDecimal, nullable=False),
    Column("at", Instant, nullable=False),
    Column("symbol", Text),
    Index("ix_ledger_entries_at", "portfolio", "venue", "at"),
)

wallets = Table(
    "wallets",
    METADATA,
    _portfolio(key=True),
    Column("venue", Text, primary_key=True, nullable=False),
    Column("asset", Text, primary_key=True, nullable=False),
    Column("qty", ExactDecimal, nullable=False),
    Column("as_of", Instant, nullable=False),
)

flows = Table(
    "flows",
    METADATA,
    Column("id", Text, primary_key=True, nullable=False),
    _portfolio(),
    Column("venue", Text, nullable=False),
    Column("asset", Text, nullable=False),
    Column("qty", ExactDecimal, nullable=False),
    Column("at", Instant, nullable=False),
    Column("source", Text, nullable=False),
    Column("price", ExactDecimal),
    Index("ix_flows_at", "portfolio", "at"),
)

commands = Table(
    "commands",
    METADATA,
    Column("id", Text, primary_key=True, nullable=False),
    _portfolio(),
    Column("kind", Text, nullable=False),
    Column("who", Text, nullable=False),
    Column("origin", Text, nullable=False),
    Column("asked_at", Instant, nullable=False),
    Column("args", Text, nullable=False),
    Column("due_at", Instant),
    Column("state", Text, nullable=False),
    Column("handled_at", Instant),
    Column("answer", Text, nullable=False),
    Index("ix_commands_state", "portfolio", "state"),
    Index("ix_commands_asked", "portfolio", "asked_at"),
)

approvals = Table(
    "approvals",
    METADATA,
    Column("id", Text, primary_key=True, nullable=False),
    _portfolio(),
    Column("strategy", Text, nullable=False),
    Column("asset", Text, nullable=False),
    Column("cap", ExactDecimal, nullable=False),
    Column("wanted", ExactDecimal, nullable=False),
    Column("why", Text, nullable=False),
    Column("asked_at", Instant, nullable=False),
    Column("deadline_at", Instant, nullable=False),
    Column("state", Text, nullable=False),
    Column("answered_at", Instant),
    Column("answered_by", Text, nullable=False),
    Index("ix_approvals_state", "portfolio", "state"),
    Index("ix_approvals_asked", "portfolio", "asked_at"),
)

guards = Table(
    "guards",
    METADATA,
    _portfolio(key=True),
    Column("id", Text, primary_key=True, nullable=False),
    Column("document", Text, nullable=False),
)

transfers = Table(
    "transfers",
    METADATA,
    Column("id", Text, primary_key=True, nullable=False),
    _portfolio(),
    Column("venue", Text, nullable=False),
    Column("asset", Text, nullable=False),
    Column("qty", ExactDecimal, nullable=False),
    Column("source", Text, nullable=False),
    Column("target", Text, nullable=False),
    Column("symbol", Text),
    Column("state", Text, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("updated_at", Instant, nullable=False),
    Column("source_before", ExactDecimal, nullable=False),
    Column("target_before", ExactDecimal, nullable=False),
    Column("why", Text, nullable=False),
    Column("venue_id", Text),
    Column("reason", Text),
    Index("ix_transfers_state", "portfolio", "state"),
    Index("ix_transfers_updated", "portfolio", "updated_at"),
)

pauses = Table(
    "pauses",
    METADATA,
    Column("venue", Text, primary_key=True, nullable=False),
    Column("api", Text, primary_key=True, nullable=False),
    Column("until", Instant, nullable=False),
)

bars = Table(
    "bars",
    METADATA,
    Column("venue", Text, primary_key=True, nullable=False),
    Column("symbol", Text, primary_key=True, nullable=False),
    Column("interval_s", Integer, primary_key=True, nullable=False),
    Column("open_at", Instant, primary_key=True, nullable=False),
    Column("open", ExactDecimal, nullable=False),
    Column("high", ExactDecimal, nullable=False),
    Column("low", ExactDecimal, nullable=False),
    Column("close", ExactDecimal, nullable=False),
    Column("volume", ExactDecimal, nullable=False),
)
