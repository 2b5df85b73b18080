"""Keep what a line of the hedge book held when the hour of its last change began: funding is split by that.

Nothing that is stored changes: a line of 0003 does not know it, and counts as unchanged since.

Revision ID: 0004
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

# exact on both: text on SQLite, whose NUMERIC is a float and whose times have no zone
DECIMAL = sa.Text().with_variant(sa.Numeric(), "postgresql")
INSTANT = sa.Text().with_variant(sa.DateTime(timezone=True), "postgresql")


def upgrade() -> None:
    op.add_column("book_lines", sa.Column("hour", INSTANT))
    op.add_column("book_lines", sa.Column("hour_qty", DECIMAL))


def downgrade() -> None:
    op.drop_column("book_lines", "hour_qty")
    op.drop_column("book_lines", "hour")
