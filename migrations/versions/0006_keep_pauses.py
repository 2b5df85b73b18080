"""Keep until when venues want not to be asked: a process that is killed in a pause must not ask at its next start.

Nothing that is stored changes.

Revision ID: 0006
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

INSTANT = sa.Text().with_variant(sa.DateTime(timezone=True), "postgresql")


def upgrade() -> None:
    op.create_table(
        "pauses",
        sa.Column("venue", sa.Text(), primary_key=True, nullable=False),
        sa.Column("api", sa.Text(), primary_key=True, nullable=False),
        sa.Column("until", INSTANT, nullable=False),
    )


def downgrade() -> None:
    op.drop_table("pauses")
