"""One SQLite database: connections set up for safety, transactions, and every failure as a StoreError.

Settings of each connection, and why:

- ``journal_mode=WAL``: ``status`` and ``journal`` read while the daemon writes.
- ``synchronous=FULL``: an order's intent must survive a power cut before its first byte is sent. In WAL mode
  the default NORMAL only syncs at checkpoints, so the last commits could vanish while the orders they
  announce live on at the venue. FULL syncs every commit (about a millisecond or two on an SSD).
- ``foreign_keys=ON``: SQLite ignores them otherwise.
- ``busy_timeout``: another process may hold the write lock for a moment (a backup, ``db upgrade``).

A writing transaction begins with ``BEGIN IMMEDIATE``: what it reads first (order states, known alerts)
cannot change before it writes, and a lock conflict shows at its start, when nothing is written yet.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import URL, Connection, Engine, create_engine, event, inspect, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine
from sqlalchemy.pool import NullPool

from counterpoise.domain.errors import StoreError, WrongSchema
from counterpoise.record.sql.location import sqlite_path
from counterpoise.record.sql.settle import settle
from counterpoise.record.sql.tables import SCHEMA

BUSY_TIMEOUT_S = Decimal(5)

R = TypeVar("R")

_IMMEDIATE = "counterpoise_immediate"


class Database:
    """The connections of one process to one store. Raises ConfigError for a URL that names none."""

    def __init__(self, url: str, *, busy_timeout_s: Decimal = BUSY_TIMEOUT_S) -> None:
        self.url = url
        self.path = sqlite_path(url)
        self._engine = create_async_engine(
            URL.create("sqlite+aiosqlite", database=str(self.path)), **_options(busy_timeout_s)
        )
        _set_up(self._engine.sync_engine, busy_timeout_s)
        # writers of this process queue here, in order, instead of polling SQLite's lock
        self._writing = asyncio.Lock()

    async def open(self) -> None:
        """Connect and check the schema; never creates a file. Raises WrongSchema, StoreError."""
        if not self.path.exists():
            raise wrong_schema(self.path, None)
        mode, found = await self.read(_mode_and_schema)
        if mode != "wal":
            raise StoreError(f"{self.path}: expected journal_mode wal, was {mode}")
        if found != SCHEMA:
            raise wrong_schema(self.path, found)

    async def close(self) -> None:
        """Let every connection go; safe to call twice."""
        await self._engine.dispose()

    async def read(self, work: Callable[[AsyncConnection], Awaitable[R]]) -> R:
        """Return what ``work`` makes of one state of the database. Raises StoreError."""
        return await settle(self._run(work, immediate=False))

    async def write(self, work: Callable[[AsyncConnection], Awaitable[R]]) -> R:
        """Run ``work`` in a writing transaction; it is on disk when this returns.

        Any exception rolls everything back. A cancellation is answered when the transaction is over: whole
        or undone. Raises StoreError for what the database itself refuses.
        """
        async with self._writing:
            return await settle(self._run(work, immediate=True))

    async def _run(self, work: Callable[[AsyncConnection], Awaitable[R]], *, immediate: bool) -> R:
        with clear_errors(self.path):
            async with self._engine.connect() as connection:
                await connection.execution_options(**{_IMMEDIATE: immediate})
                async with connection.begin():
                    return await work(connection)


@contextmanager
def sync_connection(
    path: Path, *, busy_timeout_s: Decimal = BUSY_TIMEOUT_S
) -> Iterator[Connection]:
    """Give a blocking connection inside one writing transaction, for migrations. Raises StoreError."""
    engine = create_engine(
        URL.create("sqlite+pysqlite", database=str(path)),
        poolclass=NullPool,
        **_options(busy_timeout_s),
    )
    _set_up(engine, busy_timeout_s)
    with clear_errors(path):
        try:
            with engine.connect() as connection:
                connection.execution_options(**{_IMMEDIATE: True})
                with connection.begin():
                    yield connection
        finally:
            engine.dispose()


async def _mode_and_schema(connection: AsyncConnection) -> tuple[str, str | None]:
    mode = (await connection.execute(text("PRAGMA journal_mode"))).scalar_one()
    return mode, await connection.run_sync(schema_of)


def schema_of(connection: Connection) -> str | None:
    """Return the schema revision of the database, None when it has none."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one_or_none()


def wrong_schema(path: Path, found: str | None) -> WrongSchema:
    """Return the error that says what to do about schema ``found``; revisions are numbered in order."""
    upgrade = "run `counterpoise db upgrade`, or start with `counterpoise run --migrate`"
    if found is None:
        return WrongSchema(f"{path}: no tables there yet: {upgrade}")
    if found < SCHEMA:
        return WrongSchema(
            f"{path}: expected schema {SCHEMA}, was {found} of an older version:"
            f" copy it with `counterpoise db backup`, then {upgrade}"
        )
    return WrongSchema(
        f"{path}: expected schema {SCHEMA}, was {found} of a newer version:"
        " install that version, or go back to a backup of this store"
    )


@contextmanager
def clear_errors(path: Path) -> Iterator[None]:
    """Turn every error of the database below into a StoreError that names the file, never a value."""
    try:
        yield
    except (SQLAlchemyError, sqlite3.Error, OSError) as error:
        # the text of an SQLAlchemy error carries the statement; its cause is what people need
        cause = getattr(error, "orig", None) or error
        told = str(cause).partition("\n")[0]
        raise StoreError(f"{path}: {told} ({type(cause).__name__})") from error


def _options(busy_timeout_s: Decimal) -> dict[str, Any]:
    return {
        # None: SQLAlchemy begins transactions, the driver does not; see _begin
        "connect_args": {"isolation_level": None, "timeout": float(busy_timeout_s)},
        "hide_parameters": True,
    }


def _set_up(engine: Engine, busy_timeout_s: Decimal) -> None:
    def on_connect(connection: Any, record: object) -> None:
        del record
        cursor = connection.cursor()
        try:
            cursor.execute(f"PRAGMA busy_timeout={int(busy_timeout_s * 1000)}")
            cursor.execute("PRAGMA journal_mode=WAL")
            cursor.execute("PRAGMA synchronous=FULL")
            cursor.execute("PRAGMA foreign_keys=ON")
        finally:
            cursor.close()

    event.listen(engine, "connect", on_connect)
    event.listen(engine, "begin", _begin)


def _begin(connection: Connection) -> None:
    immediate = connection.get_execution_options().get(_IMMEDIATE, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if immediate else "BEGIN")
