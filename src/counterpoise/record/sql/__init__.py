"""The store in a database: SQLAlchemy Core over SQLite, one process writing.

:func:`connect` gives the three ports on one database. ``migrate``, ``backup`` and ``lock`` are what the
command line needs beside them. Everything here speaks SQL and nothing else does.
"""

from __future__ import annotations

from dataclasses import dataclass

from counterpoise.record.sql.database import Database
from counterpoise.record.sql.journal import SqlJournal
from counterpoise.record.sql.outbox import SqlOutbox
from counterpoise.record.sql.store import SqlStore

__all__ = ["SqlRecord", "connect"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SqlRecord:
    """Store, Journal and Outbox on one database; opening and closing the store does it for all three."""

    store: SqlStore
    journal: SqlJournal
    outbox: SqlOutbox


def connect(url: str) -> SqlRecord:
    """Return the ports on the store at ``url``; nothing is touched before ``store.open()``.

    Raises
    ------
    ConfigError
        For a URL that names no store this version can use.
    """
    database = Database(url)
    return SqlRecord(
        store=SqlStore(database), journal=SqlJournal(database), outbox=SqlOutbox(database)
    )
