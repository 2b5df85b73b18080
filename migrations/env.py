"""What Alembic runs: the revisions, on a connection that ``counterpoise.record.sql.migrate`` opened.

The transaction is the caller's: all revisions of one upgrade are committed together or not at all.
"""

from __future__ import annotations

from alembic import context

from counterpoise.record.sql.tables import METADATA

connection = context.config.attributes.get("connection")
if connection is None:
    raise SystemExit("expected a connection: run `counterpoise db upgrade`, not alembic itself")

context.configure(
    connection=connection,
    target_metadata=METADATA,
    compare_type=True,
    # SQLite cannot alter a column: Alembic copies the table instead
    render_as_batch=True,
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()
