"""Keep what guards remember, transfers between wallets, and which guard an order serves.

Nothing that is stored changes: an order of 0002 is one that a strategy wanted.

Revision ID: 0003
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

# exact on both: text on SQLite, whose NUMERIC is a float and whose times have no zone
DECIMAL = sa.Text().with_variant(sa.Numeric(), "postgresql")
INSTANT = sa.Text().with_variant(sa.DateTime(timezone=True), "postgresql")


def upgrade() -> None:
    # added in place: copying the table would drop one that is large and in use
    op.add_column("orders", sa.Column("guard", sa.Text))
    op.create_table(
        "guards",
        _portfolio(key=True),
        sa.Column("id", sa.Text, primary_key=True, nullable=False),
        sa.Column("document", sa.Text, nullable=False),
    )
    op.create_table(
        "transfers",
        sa.Column("id", sa.Text, primary_key=True, nullable=False),
        _portfolio(),
        sa.Column("venue", sa.Text, nullable=False),
        sa.Column("asset", sa.Text, nullable=False),
        sa.Column("qty", DECIMAL, nullable=False),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("target", sa.Text, nullable=False),
        sa.Column("symbol", sa.Text),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("updated_at", INSTANT, nullable=False),
        sa.Column("source_before", DECIMAL, nullable=False),
        sa.Column("target_before", DECIMAL, nullable=False),
        sa.Column("why", sa.Text, nullable=False),
        sa.Column("venue_id", sa.Text),
        sa.Column("reason", sa.Text),
    )
    op.create_index("ix_transfers_state", "transfers", ["portfolio", "state"])
    op.create_index("ix_transfers_updated", "transfers", ["portfolio", "updated_at"])


def downgrade() -> None:
    op.drop_table("transfers")
    op.drop_table("guards")
    op.drop_column("orders", "guard")


def _portfolio(*, key: bool = False) -> sa.Column[str]:
    return sa.Column(
        "portfolio", sa.Text, sa.ForeignKey("portfolios.id"), nullable=False, primary_key=key
    )
