"""Brings a store's schema up or down, by running the Alembic revisions in ``migrations/``.

A checkout has them at its top, an installed package beside this package. One upgrade is one transaction: a
revision that fails leaves the database as it was. The functions block; a caller in an event loop uses a
thread.
"""

from __future__ import annotations

import os
from io import StringIO
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.util import CommandError
from sqlalchemy import Connection

from counterpoise.domain.errors import StoreError
from counterpoise.record.sql.database import clear_errors, schema_of, sync_connection
from counterpoise.record.sql.location import sqlite_path

_RECORD = Path(__file__).resolve().parents[1]


def script_folder(record: Path = _RECORD) -> Path:
    """Return the folder of the revisions, given the folder of the ``record`` package. Raises StoreError."""
    packaged = record / "migrations"
    # src/counterpoise/record -> the top of a checkout
    checkout = record.parents[2] / "migrations"
    for folder in (packaged, checkout):
        if (folder / "env.py").is_file():
            return folder
    raise StoreError(f"migrations: expected in {packaged} or {checkout}, was in neither")


def upgrade(url: str, revision: str = "head") -> None:
    """Bring the store at ``url`` up to ``revision``, creating the file if needed. Raises StoreError."""
    path = sqlite_path(url)
    if not path.parent.is_dir():
        raise StoreError(f"{path}: no folder {path.parent}")
    with clear_errors(path):
        # it tells what its owner holds: not for everyone to read
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    with sync_connection(path) as connection:
        _run(path, connection, revision, up=True)


def downgrade(url: str, revision: str) -> None:
    """Bring an existing store down to ``revision`` (``base``: no tables, no rows). Raises StoreError."""
    path = _existing(url)
    with sync_connection(path) as connection:
        _run(path, connection, revision, up=False)


def current(url: str) -> str | None:
    """Return the schema revision of the store at ``url``, None for an empty one. Raises StoreError."""
    with sync_connection(_existing(url)) as connection:
        return schema_of(connection)


def _existing(url: str) -> Path:
    path = sqlite_path(url)
    if not path.is_file():
        raise StoreError(f"{path}: no store there yet: `counterpoise run` creates it")
    return path


def _run(path: Path, connection: Connection, revision: str, *, up: bool) -> None:
    config = Config(stdout=StringIO())
    # Alembic reads % as the start of a variable
    config.set_main_option("script_location", str(script_folder()).replace("%", "%%"))
    config.attributes["connection"] = connection
    try:
        (command.upgrade if up else command.downgrade)(config, revision)
    except CommandError as error:
        raise StoreError(f"{path}: {error}") from error
