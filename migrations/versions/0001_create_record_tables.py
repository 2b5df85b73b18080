"""Create the tables of the store: portfolios, wishes, orders, fills, alerts and the journal.

Revision ID: 0001
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

# exact on both: text on SQLite, whose NUMERIC is a float and whose times have no zone
DECIMAL = sa.Text().with_variant(sa.Numeric(), "postgresql")
INSTANT = sa.Text().with_variant(sa.DateTime(timezone=True), "postgresql")


def upgrade() -> None:
    _create_wishes()
    _create_orders_and_fills()
    _create_alerts_and_journal()


def downgrade() -> None:
    for table in (
        "journal",
        "alert_state",
        "alerts",
        "fills",
        "orders",
        "positions",
        "targets",
        "strategies",
        "portfolios",
    ):
        op.drop_table(table)


def _portfolio(*, key: bool = False) -> sa.Column[str]:
    return sa.Column(
        "portfolio", sa.Text, sa.ForeignKey("portfolios.id"), nullable=False, primary_key=key
    )


def _create_wishes() -> None:
    op.create_table(
        "portfolios",
        sa.Column("id", sa.Text, primary_key=True, nullable=False),
        sa.Column("trading_state", sa.Text, nullable=False),
        sa.Column("config_hash", sa.Text, nullable=False),
        sa.Column("started_at", INSTANT, nullable=False),
    )
    op.create_table(
        "strategies",
        _portfolio(key=True),
        sa.Column("id", sa.Text, primary_key=True, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("document", sa.Text, nullable=False),
    )
    op.create_table(
        "targets",
        _portfolio(key=True),
        sa.Column("venue", sa.Text, primary_key=True, nullable=False),
        sa.Column("symbol", sa.Text, primary_key=True, nullable=False),
        sa.Column("asset", sa.Text, nullable=False),
        sa.Column("qty", DECIMAL, nullable=False),
        sa.Column("decision_id", sa.Text, nullable=False),
        sa.Column("decided_at", INSTANT, nullable=False),
        sa.Column("why", sa.Text, nullable=False),
    )
    op.create_table(
        "positions",
        _portfolio(key=True),
        sa.Column("venue", sa.Text, primary_key=True, nullable=False),
        sa.Column("symbol", sa.Text, primary_key=True, nullable=False),
        sa.Column("baseline_qty", DECIMAL, nullable=False),
        sa.Column("own_qty", DECIMAL, nullable=False),
        sa.Column("last_fill_at", INSTANT),
    )


def _create_orders_and_fills() -> None:
    op.create_table(
        "orders",
        sa.Column("client_order_id", sa.Text, primary_key=True, nullable=False),
        _portfolio(),
        sa.Column("venue", sa.Text, nullable=False),
        sa.Column("symbol", sa.Text, nullable=False),
        sa.Column("side", sa.Text, nullable=False),
        sa.Column("type", sa.Text, nullable=False),
        sa.Column("time_in_force", sa.Text, nullable=False),
        sa.Column("qty", DECIMAL, nullable=False),
        sa.Column("price", DECIMAL),
        sa.Column("reduce_only", sa.Boolean, nullable=False),
        sa.Column("decision_id", sa.Text, nullable=False),
        sa.Column("rung", sa.Integer, nullable=False),
        sa.Column("attempt", sa.Integer, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("updated_at", INSTANT, nullable=False),
        sa.Column("venue_order_id", sa.Text),
        sa.Column("filled_qty", DECIMAL, nullable=False),
        sa.Column("booked_qty", DECIMAL, nullable=False),
        sa.Column("awaits_fills", sa.Boolean, nullable=False),
        sa.Column("reason", sa.Text),
    )
    op.create_index("ix_orders_state", "orders", ["portfolio", "state"])
    op.create_index("ix_orders_decision", "orders", ["portfolio", "decision_id"])
    op.create_index("ix_orders_created", "orders", ["portfolio", "created_at"])
    op.create_index("ix_orders_venue_order", "orders", ["venue", "symbol", "venue_order_id"])
    op.create_table(
        "fills",
        sa.Column("venue", sa.Text, primary_key=True, nullable=False),
        sa.Column("symbol", sa.Text, primary_key=True, nullable=False),
        sa.Column("trade_id", sa.Text, primary_key=True, nullable=False),
        _portfolio(),
        sa.Column("venue_order_id", sa.Text, nullable=False),
        sa.Column("side", sa.Text, nullable=False),
        sa.Column("qty", DECIMAL, nullable=False),
        sa.Column("price", DECIMAL, nullable=False),
        sa.Column("fee", DECIMAL, nullable=False),
        sa.Column("fee_asset", sa.Text),
        sa.Column("maker", sa.Boolean),
        sa.Column("filled_at", INSTANT, nullable=False),
    )
    op.create_index("ix_fills_filled", "fills", ["portfolio", "filled_at"])


def _create_alerts_and_journal() -> None:
    op.create_table(
        "alerts",
        sa.Column("seq", sa.Integer, primary_key=True, autoincrement=True, nullable=False),
        sa.Column("id", sa.Text, nullable=False, unique=True),
        _portfolio(),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("severity", sa.Text, nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("raised_at", INSTANT, nullable=False),
        sa.Column("key", sa.Text),
        sa.Column("cleared", sa.Boolean, nullable=False),
        sa.Column("data", sa.Text, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False, server_default=sa.text("0")),
        sa.Column("last_error", sa.Text),
        sa.Column("delivered_at", INSTANT),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "ix_alerts_undelivered", "alerts", ["seq"], sqlite_where=sa.text("delivered_at IS NULL")
    )
    op.create_table(
        "alert_state",
        _portfolio(key=True),
        sa.Column("key", sa.Text, primary_key=True, nullable=False),
        sa.Column("alert_id", sa.Text, nullable=False),
        sa.Column("raised_at", INSTANT, nullable=False),
    )
    op.create_table(
        "journal",
        sa.Column("seq", sa.Integer, primary_key=True, autoincrement=True, nullable=False),
        sa.Column("cycle_id", sa.Text, nullable=False, unique=True),
        _portfolio(),
        sa.Column("at", INSTANT, nullable=False),
        sa.Column("summary", sa.Text, nullable=False),
        sa.Column("document", sa.Text, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_journal_portfolio", "journal", ["portfolio", "seq"])
