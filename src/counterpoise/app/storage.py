"""Opening the database: one writer at a time, and only on the schema this version knows."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass

from counterpoise.config.settings import Settings
from counterpoise.domain.errors import SafetyRefusal
from counterpoise.domain.leaks import Leaks
from counterpoise.ports import Journal, Outbox, Records
from counterpoise.record.sql import migrate
from counterpoise.record.sql.database import Database
from counterpoise.record.sql.journal import SqlJournal
from counterpoise.record.sql.location import sqlite_path
from counterpoise.record.sql.lock import FileLease
from counterpoise.record.sql.outbox import SqlOutbox
from counterpoise.record.sql.store import SqlStore


@dataclass(frozen=True, slots=True, kw_only=True)
class Storage:
    """The doors to one open database."""

    store: Records
    journal: Journal
    outbox: Outbox


async def open_storage(
    settings: Settings, stack: AsyncExitStack, *, migrate_to_head: bool
) -> Storage:
    """Become the one writer of the store and open it; ``stack`` gives both back.

    A database that does not exist yet is made. One of an older schema is brought up only with
    ``migrate_to_head``: a person should have a backup first. Raises SafetyRefusal when another process writes
    to it, WrongSchema, StoreError.
    """
    url = settings.store_url
    lease = FileLease(url)
    if not await lease.acquire():
        holder = f" (process {lease.holder})" if lease.holder is not None else ""
        raise SafetyRefusal(
            f"{sqlite_path(url)}: another Counterpoise{holder} is running on this database;"
            " two writers would trade twice"
        )
    stack.push_async_callback(lease.release)
    if migrate_to_head or not sqlite_path(url).exists():
        await asyncio.to_thread(migrate.upgrade, url)
    return await _opened(url, stack, Leaks(settings.secrets).cleaned)


async def open_storage_if_any(settings: Settings, stack: AsyncExitStack) -> Records | None:
    """Open an existing database for reading, beside whoever writes to it; None when there is none yet."""
    if not sqlite_path(settings.store_url).exists():
        return None
    return (await _opened(settings.store_url, stack)).store


async def _opened(url: str, stack: AsyncExitStack, clean: Callable[[str], str] = str) -> Storage:
    database = Database(url)
    store = SqlStore(database, clean)
    stack.push_async_callback(store.close)
    await store.open()
    return Storage(store=store, journal=SqlJournal(database), outbox=SqlOutbox(database))
