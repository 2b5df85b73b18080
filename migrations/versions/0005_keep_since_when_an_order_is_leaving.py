"""Keep when an order's cancel was asked for first: asking again at every look must not hide how long it takes.

Nothing that is stored changes: of an order of 0004 it is not known, and counts from its next cancel.

Revision ID: 0005
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

INSTANT = sa.Text().with_variant(sa.DateTime(timezone=True), "postgresql")


def upgrade() -> None:
    op.add_column("orders", sa.Column("leaving_since", INSTANT))


def downgrade() -> None:
    op.drop_column("orders", "leaving_since")
