from __future__ import annotations

import sqlite3
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from counterpoise.domain.errors import StoreError
from counterpoise.domain.records import Changes, PortfolioRecord, PositionRecord, TradingState
from counterpoise.record.sql import SqlRecord, connect
from counterpoise.record.sql.backup import backup, size

NOW = datetime(2025, 4, 7, tzinfo=UTC)


async def running(path: Path) -> SqlRecord:
    """A store in use: its rows are in the write-ahead log only."""
    record = connect(f"sqlite:///{path}")
    await record.store.open()
    await record.store.commit(
        Changes(
            portfolio="treasury",
            record=PortfolioRecord(
                id="treasury", trading_state=TradingState.RUN, config_hash="c", started_at=NOW
            ),
            positions=(PositionRecord(venue="main", symbol="S", own_qty=Decimal("0.1")),),
        )
    )
    return record


def private_and_alone(path: Path) -> bool:
    return path.stat().st_mode & 0o777 == 0o600 and list(path.parent.glob(f"{path.name}*")) == [
        path
    ]


async def test_a_copy_of_a_store_in_use_is_whole_and_opens(
    store_path: Path, tmp_path: Path
) -> None:
    record = await running(store_path)
    copy = tmp_path / "copy.db"
    backup(f"sqlite:///{store_path}", copy)
    await record.store.close()

    assert private_and_alone(copy)
    restored = connect(f"sqlite:///{copy}")
    await restored.store.open()
    recorded = await restored.store.load("treasury", NOW)
    await restored.store.close()
    assert recorded.positions["main", "S"].own_qty == Decimal("0.1")


async def test_a_store_that_is_closed_is_copied_too(store_path: Path, tmp_path: Path) -> None:
    await (await running(store_path)).store.close()
    backup(f"sqlite:///{store_path}", tmp_path / "copy.db")
    assert size(f"sqlite:///{tmp_path}/copy.db").rows["positions"] == 1


def test_nothing_is_overwritten(store_path: Path, tmp_path: Path) -> None:
    (tmp_path / "copy.db").write_text("mine")
    with pytest.raises(StoreError, match=r"copy\.db: expected a file that does not exist yet"):
        backup(f"sqlite:///{store_path}", tmp_path / "copy.db")
    assert (tmp_path / "copy.db").read_text() == "mine"


def test_a_copy_that_cannot_be_made_leaves_nothing(store_path: Path, tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="expected a folder that exists"):
        backup(f"sqlite:///{store_path}", tmp_path / "none" / "copy.db")
    with pytest.raises(StoreError, match="no store there"):
        backup(f"sqlite:///{tmp_path}/none.db", tmp_path / "copy.db")
    (tmp_path / "torn.db").write_bytes(store_path.read_bytes()[:5000])
    with pytest.raises(StoreError, match=r"torn\.db: "):
        backup(f"sqlite:///{tmp_path}/torn.db", tmp_path / "copy.db")
    assert not list(tmp_path.glob("copy.db*"))


async def test_size_counts_bytes_and_rows(store_path: Path) -> None:
    record = await running(store_path)
    found = size(f"sqlite:///{store_path}")
    await record.store.close()
    assert found.database_bytes == size(f"sqlite:///{store_path}").database_bytes > 0
    assert found.wal_bytes > 0
    assert found.rows["positions"] == 1
    assert found.rows["orders"] == 0
    assert size(f"sqlite:///{store_path}").wal_bytes == 0


def test_size_of_what_is_no_store(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="no store there"):
        size(f"sqlite:///{tmp_path}/none.db")
    sqlite3.connect(tmp_path / "other.db").close()
    assert size(f"sqlite:///{tmp_path}/other.db").rows == {}
