"""Changing a database's schema: only as its one writer, never under a running daemon."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from counterpoise.domain.errors import SafetyRefusal
from counterpoise.record.sql import migrate
from counterpoise.record.sql.location import sqlite_path
from counterpoise.record.sql.lock import FileLease


async def upgrade(url: str) -> str | None:
    """Bring the schema up to this version, creating the database if needed; return the revision.

    Raises
    ------
    SafetyRefusal
        When a daemon runs on the database.
    StoreError
        When the database cannot be changed.
    """
    async with _as_writer(url):
        await asyncio.to_thread(migrate.upgrade, url)
        return await asyncio.to_thread(migrate.current, url)


async def downgrade(url: str, revision: str) -> str | None:
    """Take the schema down to ``revision``; return where it is now. Raises like :func:`upgrade`."""
    async with _as_writer(url):
        await asyncio.to_thread(migrate.downgrade, url, revision)
        return await asyncio.to_thread(migrate.current, url)


@asynccontextmanager
async def _as_writer(url: str) -> AsyncIterator[None]:
    lease = FileLease(url)
    if not await lease.acquire():
        who = f"process {lease.holder}" if lease.holder is not None else "another process"
        raise SafetyRefusal(f"{sqlite_path(url)}: {who} is running on this database: stop it first")
    try:
        yield
    finally:
        await lease.release()
