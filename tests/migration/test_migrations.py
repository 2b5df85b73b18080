"""The revisions build exactly the tables the code uses, and a store of another schema is refused."""

from __future__ import annotations

import asyncio
import re
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from counterpoise.domain.errors import StoreError, WrongSchema
from counterpoise.domain.records import PortfolioRecord, Recorded, TradingState
from counterpoise.record.sql import connect
from counterpoise.record.sql.database import sync_connection
from counterpoise.record.sql.migrate import current, downgrade, script_folder, upgrade
from counterpoise.record.sql.tables import METADATA, SCHEMA


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "store.db"


@pytest.fixture
def url(path: Path) -> str:
    return f"sqlite:///{path}"


def revisions() -> ScriptDirectory:
    config = Config()
    config.set_main_option("script_location", str(script_folder()))
    return ScriptDirectory.from_config(config)


async def opened(url: str) -> None:
    store = connect(url).store
    try:
        await store.open()
    finally:
        await store.close()


def schema_sql(path: Path) -> list[Any]:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(
            "SELECT type, name, sql FROM sqlite_master WHERE name != 'sqlite_sequence' ORDER BY name"
        ).fetchall()


def test_up_down_and_up_again_give_the_same_schema(url: str, path: Path) -> None:
    upgrade(url)
    assert current(url) == SCHEMA
    first = schema_sql(path)
    downgrade(url, "base")
    assert current(url) is None
    assert [name for _, name, _ in schema_sql(path) if "alembic" not in name] == []
    upgrade(url)
    assert schema_sql(path) == first


def test_an_upgrade_of_the_newest_changes_nothing(url: str, path: Path) -> None:
    upgrade(url)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(
            "INSERT INTO portfolios (id, trading_state, config_hash, started_at)"
            " VALUES ('p', 'RUN', 'c', '2025-01-01T00:00:00Z')"
        )
        connection.commit()
    upgrade(url)
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT count(*) FROM portfolios").fetchone() == (1,)


ROWS_OF_0001 = """
INSERT INTO portfolios VALUES ('p', 'HALT', 'c0ffee', '2025-01-01T00:00:00.000000Z');
INSERT INTO strategies VALUES ('p', 's', 'hedge', '{"overlays":{"BTC":"-0.1"}}');
INSERT INTO targets VALUES ('p', 'main', 'BTC/USDT:USDT', 'BTC', '-0.1', 'd', '2025-01-01T00:00:00.000000Z', '');
INSERT INTO positions VALUES ('p', 'main', 'BTC/USDT:USDT', '0', '-0.1', NULL);
INSERT INTO journal VALUES (1, 'c', 'p', '2025-01-01T00:00:00.000000Z', 'held', '{}');
"""


def test_a_store_of_0001_keeps_its_rows_up_and_down(url: str, path: Path) -> None:
    def rows() -> list[list[Any]]:
        with closing(sqlite3.connect(path)) as connection:
            return [
                connection.execute(
                    f"SELECT {columns} FROM {table}"  # noqa: S608  # names of this file
                ).fetchall()
                for table, columns in {
                    "portfolios": "id, trading_state, config_hash, started_at",
                    **dict.fromkeys(("strategies", "targets", "positions", "journal"), "*"),
                }.items()
            ]

    upgrade(url, "0001")
    first = schema_sql(path)
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(ROWS_OF_0001)
    before = rows()
    upgrade(url)
    assert rows() == before
    assert asyncio.run(loaded(url)).portfolio == PortfolioRecord(
        id="p",
        trading_state=TradingState.HALT,
        config_hash="c0ffee",
        started_at=datetime(2025, 1, 1, tzinfo=UTC),
    )
    downgrade(url, "0001")
    assert schema_sql(path) == first
    assert rows() == before


ROWS_OF_0002 = """
INSERT INTO portfolios VALUES ('p', 'RUN', 'c0ffee', '2025-01-01T00:00:00.000000Z', 1, NULL);
INSERT INTO orders VALUES (
  'cp1', 'p', 'main', 'BTC/USDT:USDT', 'sell', 'limit', 'GTX', '0.10', '60000.5', 0, 'd', 0, 1, 'OPEN',
  '2025-01-01T00:00:00.000000Z', '2025-01-01T00:00:01.000000Z', 'v1', '0.05', '0.05', 0, NULL);
INSERT INTO book_lines VALUES (
  'p', 'h', 'main', 'BTC/USDT:USDT', '-0.1', '-0.05', '-3000', NULL, '0.05', '3000', '0.05', '0', '0', '0', '0', '0');
INSERT INTO ledger_entries VALUES (
  'main', 'funding', '1', 'p', 'USDT', '0.5', '2025-01-01T00:00:00.000000Z', 'BTC/USDT:USDT');
"""
KEPT_OF_0002 = {
    "orders": "client_order_id, portfolio, qty, price, state, venue_order_id, filled_qty, reason",
    "book_lines": "strategy, portfolio, venue, symbol, wanted, qty, cost, opened_at, funding, fees",
    **dict.fromkeys(("portfolios", "ledger_entries"), "*"),
}


def test_a_store_of_0002_keeps_its_rows_up_and_down(url: str, path: Path) -> None:
    def rows() -> list[list[Any]]:
        with closing(sqlite3.connect(path)) as connection:
            return [
                connection.execute(
                    f"SELECT {columns} FROM {table}"  # noqa: S608  # names of this file
                ).fetchall()
                for table, columns in KEPT_OF_0002.items()
            ]

    upgrade(url, "0002")
    first = schema_sql(path)
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(ROWS_OF_0002)
    before = rows()
    upgrade(url)
    assert rows() == before
    found = asyncio.run(loaded(url))
    (order,) = found.orders
    assert (order.client_order_id, order.guard, str(order.qty)) == ("cp1", None, "0.10")
    assert (found.guards, found.transfers) == ({}, ())
    assert found.portfolio.flattening
    downgrade(url, "0002")
    assert schema_sql(path) == first
    assert rows() == before
    assert all(before)


def test_going_back_drops_only_what_0003_brought(url: str, path: Path) -> None:
    """A guard's order stays an order; who wanted it, transfers and guards are gone."""
    upgrade(url, "0003")
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(
            ROWS_OF_0002.replace(
                "0, NULL);\nINSERT INTO book", "0, NULL, 'margin');\nINSERT INTO book"
            )
        )
        connection.execute("INSERT INTO guards VALUES ('p', 'margin', '{}')")
        connection.commit()
    upgrade(url)
    loads = asyncio.run(loaded(url))
    assert loads.orders[0].guard == "margin"
    (line,) = loads.book.values()
    assert (line.hour, line.hour_qty) == (None, None), "as if it had not changed since"
    downgrade(url, "0002")
    upgrade(url)
    found = asyncio.run(loaded(url))
    assert [(o.client_order_id, o.guard) for o in found.orders] == [("cp1", None)]
    assert found.guards == {}


async def loaded(url: str) -> Recorded:
    store = connect(url).store
    await store.open()
    try:
        return await store.load("p", datetime(2025, 1, 2, tzinfo=UTC))
    finally:
        await store.close()


def test_the_revisions_build_what_the_tables_say(url: str, path: Path) -> None:
    upgrade(url)
    with sync_connection(path) as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, METADATA) == []


def test_the_revisions_build_it_to_the_letter(url: str, path: Path, tmp_path: Path) -> None:
    """Alembic does not compare everything (AUTOINCREMENT, partial indexes): the DDL itself does."""
    upgrade(url)
    with sync_connection(tmp_path / "model.db") as connection:
        METADATA.create_all(connection)

    def normal(file: Path) -> set[tuple[str, str, str]]:
        return {
            (kind, name, re.sub(r"\s+", " ", sql or ""))
            for kind, name, sql in schema_sql(file)
            if "alembic" not in name
        }

    assert normal(path) == normal(tmp_path / "model.db")


def test_revisions_are_numbered_in_one_line_up_to_the_schema_of_the_tables() -> None:
    script = revisions()
    found = [revision.revision for revision in script.walk_revisions()][::-1]
    assert found == [f"{n:04}" for n in range(1, len(found) + 1)]
    assert script.get_heads() == [SCHEMA]
    for revision in script.walk_revisions():
        assert Path(revision.path).name.startswith(f"{revision.revision}_")


def test_an_upgrade_that_fails_leaves_the_store_as_it_was(url: str, path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        # in the way of a later table of the first revision
        connection.execute("CREATE TABLE journal (x)")
    before = schema_sql(path)
    with pytest.raises(StoreError, match="table journal already exists"):
        upgrade(url)
    assert schema_sql(path) == before


@pytest.mark.parametrize("state", ["absent", "empty", "downgraded"])
def test_a_store_without_tables_is_refused_with_the_way_out(
    url: str, path: Path, state: str
) -> None:
    if state == "empty":
        path.touch()
    if state == "downgraded":
        upgrade(url)
        downgrade(url, "base")
    with pytest.raises(WrongSchema, match=r"no tables.*counterpoise db upgrade.*run --migrate"):
        asyncio.run(opened(url))
    assert path.exists() == (state != "absent")


@pytest.mark.parametrize(
    ("revision", "told"),
    [
        (
            "0000",
            rf"expected schema {SCHEMA}, was 0000 of an older version.*counterpoise db upgrade",
        ),
        ("9999", rf"expected schema {SCHEMA}, was 9999 of a newer version: install that version"),
    ],
)
def test_a_store_of_another_version_is_refused_with_the_way_out(
    url: str, path: Path, revision: str, told: str
) -> None:
    upgrade(url)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("UPDATE alembic_version SET version_num = ?", (revision,))
        connection.commit()
    with pytest.raises(WrongSchema, match=told):
        asyncio.run(opened(url))


def test_a_newer_store_is_never_touched_by_an_older_upgrade(url: str, path: Path) -> None:
    upgrade(url)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
        connection.commit()
    with pytest.raises(StoreError, match="9999"):
        upgrade(url)
    assert current(url) == "9999"


def test_a_store_that_is_not_there(url: str, tmp_path: Path) -> None:
    for ask in (lambda: downgrade(url, "base"), lambda: current(url)):
        with pytest.raises(StoreError, match="no store there"):
            ask()
    with pytest.raises(StoreError, match="no folder"):
        upgrade(f"sqlite:///{tmp_path}/none/store.db")
    assert list(tmp_path.iterdir()) == []


def test_a_new_store_is_for_its_owner_only(url: str, path: Path) -> None:
    upgrade(url)
    assert path.stat().st_mode & 0o777 == 0o600


def test_the_revisions_are_found_in_a_checkout_and_in_an_installed_package(tmp_path: Path) -> None:
    record = tmp_path / "src" / "counterpoise" / "record"
    record.mkdir(parents=True)
    with pytest.raises(StoreError, match=r"expected in .*, was in neither"):
        script_folder(record)
    checkout, packaged = tmp_path / "migrations", record / "migrations"
    for folder in (checkout, packaged):
        folder.mkdir()
        (folder / "env.py").touch()
        assert script_folder(record) == folder
