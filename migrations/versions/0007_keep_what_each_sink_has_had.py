"""Keep for each sink which alerts it is done with, and how it fails: a crash repeats nothing to the others.

What an older version had given up on is tried again by the first sink that joins. Its columns stay in ``alerts``,
unused, so that a store goes back to 0006 as it was.

Revision ID: 0007
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

# exact on both: text on SQLite, whose times have no zone
INSTANT = sa.Text().with_variant(sa.DateTime(timezone=True), "postgresql")


def upgrade() -> None:
    op.create_table(
        "sinks",
        sa.Column("name", sa.Text, primary_key=True, nullable=False),
        sa.Column("joined_at", INSTANT, nullable=False),
        sa.Column("done_seq", sa.Integer, nullable=False),
        sa.Column("failures", sa.Integer, nullable=False, server_default=sa.text("0")),
        sa.Column("failing_since", INSTANT),
        sa.Column("last_error", sa.Text),
        sa.Column("last_error_at", INSTANT),
    )
    op.create_table(
        "deliveries",
        sa.Column("sink", sa.Text, sa.ForeignKey("sinks.name"), nullable=False, primary_key=True),
        sa.Column("seq", sa.Integer, sa.ForeignKey("alerts.seq"), nullable=False, primary_key=True),
        sa.Column("how", sa.Text, nullable=False),
        sa.Column("at", INSTANT, nullable=False),
    )


def downgrade() -> None:
    op.drop_table("deliveries")
    op.drop_table("sinks")
