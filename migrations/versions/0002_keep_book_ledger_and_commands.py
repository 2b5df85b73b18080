"""Keep the hedge book, the venue's ledger, flows, bars, and what operators said.

Nothing that is stored changes: a portfolio of 0001 is one that is not being flattened and has no override.

Revision ID: 0002
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

# exact on both: text on SQLite, whose NUMERIC is a float and whose times have no zone
DECIMAL = sa.Text().with_variant(sa.Numeric(), "postgresql")
INSTANT = sa.Text().with_variant(sa.DateTime(timezone=True), "postgresql")


def upgrade() -> None:
    # added in place: copying the table would drop one that every other table refers to
    op.add_column(
        "portfolios",
        sa.Column("flattening", sa.Boolean, nullable=False, server_default=sa.false()),
    )
    op.add_column("portfolios", sa.Column("override", sa.Text))
    _create_book()
    _create_ledger()
    _create_operator()
    _create_bars()


def downgrade() -> None:
    for table in (
        "bars",
        "approvals",
        "commands",
        "flows",
        "wallets",
        "ledger_entries",
        "crosses",
        "closed_hedges",
        "book_lines",
    ):
        op.drop_table(table)
    op.drop_column("portfolios", "override")
    op.drop_column("portfolios", "flattening")


def _portfolio(*, key: bool = False) -> sa.Column[str]:
    return sa.Column(
        "portfolio", sa.Text, sa.ForeignKey("portfolios.id"), nullable=False, primary_key=key
    )


def _create_book() -> None:
    op.create_table(
        "book_lines",
        _portfolio(key=True),
        sa.Column("strategy", sa.Text, primary_key=True, nullable=False),
        sa.Column("venue", sa.Text, primary_key=True, nullable=False),
        sa.Column("symbol", sa.Text, primary_key=True, nullable=False),
        sa.Column("wanted", DECIMAL, nullable=False),
        sa.Column("qty", DECIMAL, nullable=False),
        sa.Column("cost", DECIMAL, nullable=False),
        sa.Column("opened_at", INSTANT),
        sa.Column("peak_qty", DECIMAL, nullable=False),
        sa.Column("entry_value", DECIMAL, nullable=False),
        sa.Column("entry_qty", DECIMAL, nullable=False),
        sa.Column("exit_value", DECIMAL, nullable=False),
        sa.Column("exit_qty", DECIMAL, nullable=False),
        sa.Column("price_pnl", DECIMAL, nullable=False),
        sa.Column("funding", DECIMAL, nullable=False),
        sa.Column("fees", DECIMAL, nullable=False),
    )
    op.create_table(
        "closed_hedges",
        _portfolio(key=True),
        sa.Column("strategy", sa.Text, primary_key=True, nullable=False),
        sa.Column("venue", sa.Text, primary_key=True, nullable=False),
        sa.Column("symbol", sa.Text, primary_key=True, nullable=False),
        sa.Column("closed_at", INSTANT, primary_key=True, nullable=False),
        sa.Column("opened_at", INSTANT, primary_key=True, nullable=False),
        sa.Column("qty", DECIMAL, nullable=False),
        sa.Column("entry", DECIMAL, nullable=False),
        sa.Column("exit", DECIMAL, nullable=False),
        sa.Column("price_pnl", DECIMAL, nullable=False),
        sa.Column("funding", DECIMAL, nullable=False),
        sa.Column("fees", DECIMAL, nullable=False),
    )
    op.create_index("ix_closed_hedges_closed", "closed_hedges", ["portfolio", "closed_at"])
    op.create_table(
        "crosses",
        _portfolio(key=True),
        sa.Column("at", INSTANT, primary_key=True, nullable=False),
        sa.Column("venue", sa.Text, primary_key=True, nullable=False),
        sa.Column("symbol", sa.Text, primary_key=True, nullable=False),
        sa.Column("buyer", sa.Text, primary_key=True, nullable=False),
        sa.Column("seller", sa.Text, primary_key=True, nullable=False),
        sa.Column("qty", DECIMAL, nullable=False),
        sa.Column("price", DECIMAL, nullable=False),
    )


def _create_ledger() -> None:
    op.create_table(
        "ledger_entries",
        sa.Column("venue", sa.Text, primary_key=True, nullable=False),
        sa.Column("kind", sa.Text, primary_key=True, nullable=False),
        sa.Column("id", sa.Text, primary_key=True, nullable=False),
        _portfolio(),
        sa.Column("asset", sa.Text, nullable=False),
        sa.Column("qty", DECIMAL, nullable=False),
        sa.Column("at", INSTANT, nullable=False),
        sa.Column("symbol", sa.Text),
    )
    op.create_index("ix_ledger_entries_at", "ledger_entries", ["portfolio", "venue", "at"])
    op.create_table(
        "wallets",
        _portfolio(key=True),
        sa.Column("venue", sa.Text, primary_key=True, nullable=False),
        sa.Column("asset", sa.Text, primary_key=True, nullable=False),
        sa.Column("qty", DECIMAL, nullable=False),
        sa.Column("as_of", INSTANT, nullable=False),
    )
    op.create_table(
        "flows",
        sa.Column("id", sa.Text, primary_key=True, nullable=False),
        _portfolio(),
        sa.Column("venue", sa.Text, nullable=False),
        sa.Column("asset", sa.Text, nullable=False),
        sa.Column("qty", DECIMAL, nullable=False),
        sa.Column("at", INSTANT, nullable=False),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("price", DECIMAL),
    )
    op.create_index("ix_flows_at", "flows", ["portfolio", "at"])


def _create_operator() -> None:
    op.create_table(
        "commands",
        sa.Column("id", sa.Text, primary_key=True, nullable=False),
        _portfolio(),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("who", sa.Text, nullable=False),
        sa.Column("origin", sa.Text, nullable=False),
        sa.Column("asked_at", INSTANT, nullable=False),
        sa.Column("args", sa.Text, nullable=False),
        sa.Column("due_at", INSTANT),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("handled_at", INSTANT),
        sa.Column("answer", sa.Text, nullable=False),
    )
    op.create_index("ix_commands_state", "commands", ["portfolio", "state"])
    op.create_index("ix_commands_asked", "commands", ["portfolio", "asked_at"])
    op.create_table(
        "approvals",
        sa.Column("id", sa.Text, primary_key=True, nullable=False),
        _portfolio(),
        sa.Column("strategy", sa.Text, nullable=False),
        sa.Column("asset", sa.Text, nullable=False),
        sa.Column("cap", DECIMAL, nullable=False),
        sa.Column("wanted", DECIMAL, nullable=False),
        sa.Column("why", sa.Text, nullable=False),
        sa.Column("asked_at", INSTANT, nullable=False),
        sa.Column("deadline_at", INSTANT, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("answered_at", INSTANT),
        sa.Column("answered_by", sa.Text, nullable=False),
    )
    op.create_index("ix_approvals_state", "approvals", ["portfolio", "state"])
    op.create_index("ix_approvals_asked", "approvals", ["portfolio", "asked_at"])


def _create_bars() -> None:
    op.create_table(
        "bars",
        sa.Column("venue", sa.Text, primary_key=True, nullable=False),
        sa.Column("symbol", sa.Text, primary_key=True, nullable=False),
        sa.Column("interval_s", sa.Integer, primary_key=True, nullable=False),
        sa.Column("open_at", INSTANT, primary_key=True, nullable=False),
        sa.Column("open", DECIMAL, nullable=False),
        sa.Column("high", DECIMAL, nullable=False),
        sa.Column("low", DECIMAL, nullable=False),
        sa.Column("close", DECIMAL, nullable=False),
        sa.Column("volume", DECIMAL, nullable=False),
    )
