"""The settings that make a commit safe, and what happens when SQLite itself refuses: with real refusals."""

from __future__ import annotations

import asyncio
import sqlite3
import types
from collections.abc import AsyncIterator, Generator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from counterpoise.domain.errors import StoreError
from counterpoise.domain.events import Severity, alert
from counterpoise.domain.records import (
    Changes,
    JournalRow,
    PortfolioRecord,
    PositionRecord,
    TradingState,
)
from counterpoise.record.sql.database import Database
from counterpoise.record.sql.outbox import SqlOutbox
from counterpoise.record.sql.read import cycle_orders, cycle_transfers, own_fills
from counterpoise.record.sql.store import SqlStore

NOW = datetime(2025, 4, 7, tzinfo=UTC)
RECORD = PortfolioRecord(
    id="treasury", trading_state=TradingState.RUN, config_hash="c0ffee", started_at=NOW
)
START = Changes(portfolio="treasury", record=RECORD)


@pytest.fixture
async def database(store_path: Path) -> AsyncIterator[Database]:
    database = Database(f"sqlite:///{store_path}", busy_timeout_s=Decimal("0.01"))
    await database.open()
    yield database
    await database.close()


@pytest.fixture
def store(database: Database) -> SqlStore:
    return SqlStore(database)


@types.coroutine
def one_turn() -> Generator[None, None, None]:
    """Let the event loop go round once."""
    yield


def beside(path: Path) -> list[str]:
    return sorted(file.name for file in path.parent.iterdir())


def a_position(qty: int) -> Changes:
    position = PositionRecord(venue="main", symbol="BTC/USDT:USDT", own_qty=Decimal(qty))
    return Changes(portfolio="treasury", positions=(position,))


async def scalar(connection: AsyncConnection, sql: str) -> Any:
    return (await connection.execute(text(sql))).scalar_one()


async def test_every_connection_is_set_up_for_safety(database: Database) -> None:
    async def pragmas(connection: AsyncConnection) -> dict[str, object]:
        names = ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        return {name: await scalar(connection, f"PRAGMA {name}") for name in names}

    # synchronous 2 is FULL
    safe = {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "busy_timeout": 10}
    assert await database.read(pragmas) == safe
    assert await database.write(pragmas) == safe


async def test_readers_see_one_state_and_do_not_wait_for_a_writer(
    database: Database, store: SqlStore
) -> None:
    await store.commit(START)
    count = "SELECT count(*) FROM positions"

    async def before_and_after(connection: AsyncConnection) -> tuple[int, int]:
        before = await scalar(connection, count)
        await store.commit(a_position(1))
        return before, await scalar(connection, count)

    assert await database.read(before_and_after) == (0, 0)
    assert await database.read(lambda c: scalar(c, count)) == 1


async def test_a_writing_transaction_holds_the_lock_before_it_reads(database: Database) -> None:
    elsewhere = sqlite3.connect(database.path, isolation_level=None, timeout=0)

    async def lock_elsewhere(connection: AsyncConnection) -> None:
        elsewhere.execute("BEGIN IMMEDIATE")

    with pytest.raises(StoreError, match="locked"):
        await database.write(lock_elsewhere)
    await database.read(lock_elsewhere)
    elsewhere.close()


async def test_a_writer_elsewhere_is_a_store_error_and_nothing_is_written(
    store: SqlStore, store_path: Path
) -> None:
    await store.commit(START)
    elsewhere = sqlite3.connect(store_path, isolation_level=None)
    elsewhere.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreError, match=r"store\.db: database is locked"):
        await store.commit(a_position(1))
    # reading goes on
    assert (await store.load("treasury", NOW)).positions == {}
    elsewhere.rollback()
    elsewhere.close()
    await store.commit(a_position(1))
    assert len((await store.load("treasury", NOW)).positions) == 1


async def test_a_full_disk_is_a_store_error_and_nothing_is_written(
    database: Database, store: SqlStore
) -> None:
    await store.commit(START)
    pages = await database.read(lambda c: scalar(c, "PRAGMA page_count"))
    # a limit of the connection, of which there is one as long as nobody works beside this test
    await database.read(lambda c: c.execute(text(f"PRAGMA max_page_count={pages}")))
    big = JournalRow(
        portfolio="treasury", cycle_id="c1", at=NOW, summary="", document={"x": "y" * 100_000}
    )
    both = Changes(portfolio="treasury", positions=a_position(1).positions, journal=big)
    with pytest.raises(StoreError, match=r"store\.db: database or disk is full"):
        await store.commit(both)
    assert (await store.load("treasury", NOW)).positions == {}
    await store.commit(a_position(2))
    assert len((await store.load("treasury", NOW)).positions) == 1


async def test_a_file_that_is_no_database_is_a_store_error(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("dear diary, " * 1000)
    store = SqlStore(Database(f"sqlite:///{path}"))
    with pytest.raises(StoreError, match=r"notes\.txt: file is not a database"):
        await store.open()
    await store.close()
    assert path.read_text().startswith("dear diary")


async def test_a_store_in_a_folder_that_is_gone_is_a_store_error(tmp_path: Path) -> None:
    store = SqlStore(Database(f"sqlite:///{tmp_path}/none/store.db"))
    with pytest.raises(StoreError, match="no tables there yet"):
        await store.open()
    await store.close()


async def test_an_error_names_no_value_of_a_row(database: Database) -> None:
    insert = text("INSERT INTO strategies VALUES ('nobody', :secret, 'k', '{}')")
    with pytest.raises(StoreError) as refused:
        await database.write(lambda c: c.execute(insert, {"secret": "hunter2"}))
    assert "FOREIGN KEY constraint failed (IntegrityError)" in str(refused.value)
    assert "hunter2" not in f"{refused.value!r} {refused.value.__cause__!r}"


async def test_a_commit_that_is_cancelled_in_the_queue_is_never_made(
    database: Database, store: SqlStore
) -> None:
    await store.commit(START)

    async def cancel_another(connection: AsyncConnection) -> None:
        waiting = asyncio.create_task(store.commit(a_position(1)))
        await one_turn()
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting

    await database.write(cancel_another)
    assert (await store.load("treasury", NOW)).positions == {}
    await store.commit(a_position(2))
    assert len((await store.load("treasury", NOW)).positions) == 1


@pytest.mark.parametrize("steps", [0, 1, 3, 10, 30, 100, 300, 1000, 3000])
async def test_a_commit_cancelled_at_any_step_is_whole_or_nothing(
    database: Database, store: SqlStore, steps: int
) -> None:
    await store.commit(START)
    row = JournalRow(portfolio="treasury", cycle_id="c1", at=NOW, summary="", document={})
    both = Changes(portfolio="treasury", positions=a_position(1).positions, journal=row)
    task = asyncio.create_task(store.commit(both))
    for _ in range(steps):
        await one_turn()
    task.cancel()
    await asyncio.wait([task])
    positions = len((await store.load("treasury", NOW)).positions)
    rows = await database.read(lambda c: scalar(c, "SELECT count(*) FROM journal"))
    assert positions == rows
    # and its connection holds no lock
    await store.commit(a_position(2))
    assert len((await store.load("treasury", NOW)).positions) == 1


async def test_writers_of_one_process_take_turns(database: Database, store: SqlStore) -> None:
    await store.commit(START)
    outbox = SqlOutbox(database)
    await outbox.enrol(["ear"], NOW)
    alerts = [alert("treasury", "k", Severity.INFO, f"{n}", NOW) for n in range(30)]
    # with a busy timeout of 10 ms these would fail if they raced for SQLite's lock
    await asyncio.gather(
        *(store.commit(Changes(portfolio="treasury", alerts=(a,))) for a in alerts),
        *(outbox.failed("ear", "no", NOW) for _ in range(1, 30)),
    )
    (ear,) = await outbox.sinks()
    assert ear.failures == 29
    assert (await outbox.counts())["pending"] == 30


async def test_closing_twice_is_fine_and_leaves_one_file(database: Database) -> None:
    await database.close()
    await database.close()
    assert beside(database.path) == ["store.db"]


@pytest.mark.parametrize(
    "query",
    [cycle_orders("treasury"), own_fills("treasury", NOW), cycle_transfers("treasury", NOW)],
)
async def test_what_a_cycle_loads_is_found_by_indexes(
    database: Database, query: Select[Any]
) -> None:
    async def plan(connection: AsyncConnection) -> list[str]:
        sql = query.compile(dialect=connection.dialect, compile_kwargs={"literal_binds": True})
        return [row.detail for row in await connection.execute(text(f"EXPLAIN QUERY PLAN {sql}"))]

    steps = await database.read(plan)
    assert any("USING INDEX" in step for step in steps)
    assert not [step for step in steps if step.startswith("SCAN")], steps
