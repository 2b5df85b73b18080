"""Copies and measures a store while a daemon writes to it, through SQLite's online backup.

A plain file copy of a database in use is torn (its newest rows live in the ``-wal`` file). The copy is made
beside its destination, checked, synced and only then renamed, so a file under the asked name is always whole.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import func, select

from counterpoise.domain.errors import StoreError
from counterpoise.record.sql.database import clear_errors
from counterpoise.record.sql.location import sqlite_path
from counterpoise.record.sql.tables import METADATA


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreSize:
    """Bytes on disk (database and write-ahead log) and rows per table."""

    path: Path
    database_bytes: int
    wal_bytes: int
    rows: Mapping[str, int]


def backup(url: str, destination: Path) -> None:
    """Copy the store at ``url`` to ``destination``, which must not exist. Raises StoreError."""
    source = sqlite_path(url)
    if destination.exists():
        raise StoreError(
            f"{destination}: expected a file that does not exist yet, was one that does"
        )
    if not destination.absolute().parent.is_dir():
        raise StoreError(
            f"{destination}: expected a folder that exists, was {destination.parent}, which does not:"
            " make it first"
        )
    partial = destination.with_name(destination.name + ".partial")
    with clear_errors(destination):
        partial.unlink(missing_ok=True)
        # the copy holds positions and balances: for its owner only, like the store
        os.close(os.open(partial, os.O_CREAT | os.O_EXCL, 0o600))
    try:
        with (
            clear_errors(source),
            closing(_existing(source)) as live,
            closing(sqlite3.connect(partial)) as copy,
        ):
            live.backup(copy)
            # one file, no -wal beside it
            copy.execute("PRAGMA journal_mode=DELETE")
            verdict = copy.execute("PRAGMA quick_check").fetchone()[0]
        if verdict != "ok":
            raise StoreError(f"{source}: damaged, its copy does not pass a check: {verdict}")
        with clear_errors(destination):
            _sync(partial)
            partial.rename(destination)
            _sync(destination.parent)
    finally:
        partial.unlink(missing_ok=True)


def size(url: str) -> StoreSize:
    """Return how big the store at ``url`` is. Raises StoreError."""
    path = sqlite_path(url)
    with closing(_existing(path)) as connection, clear_errors(path):
        found = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        present = {name for (name,) in found}
        counted = {
            table.name: int(
                connection.execute(str(select(func.count()).select_from(table))).fetchone()[0]
            )
            for table in METADATA.sorted_tables
            if table.name in present
        }
        wal = path.with_name(path.name + "-wal")
        return StoreSize(
            path=path,
            database_bytes=path.stat().st_size,
            wal_bytes=wal.stat().st_size if wal.exists() else 0,
            rows=counted,
        )


def _existing(path: Path) -> sqlite3.Connection:
    """Open ``path`` without creating it."""
    if not path.is_file():
        raise StoreError(f"{path}: no store there yet: `counterpoise run` creates it")
    with clear_errors(path):
        return sqlite3.connect(f"{path.absolute().as_uri()}?mode=rw", uri=True)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
