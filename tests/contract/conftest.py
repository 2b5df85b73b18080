"""The store fixtures of the contract suites."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from counterpoise.domain.records import Changes
from counterpoise.ports import Journal, Outbox, Store
from counterpoise.record.memory import MemoryStore
from counterpoise.record.sql import connect
from counterpoise.record.sql.migrate import upgrade
from tests.contract.stores import Kept, a_record


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("template") / "empty.db"
    upgrade(f"sqlite:///{path}")
    return path


@pytest.fixture(params=["memory", "sql"])
async def kept(
    request: pytest.FixtureRequest, tmp_path: Path, empty_database: Path
) -> AsyncIterator[Kept]:
    memory = MemoryStore()
    path = tmp_path / "store.db"
    shutil.copy(empty_database, path)

    def reopen() -> tuple[Store, Journal, Outbox]:
        if request.param == "memory":
            return memory, memory, memory
        record = connect(f"sqlite:///{path}")
        return record.store, record.journal, record.outbox

    kept = Kept(*reopen(), reopen)
    await kept.store.open()
    yield kept
    await kept.store.close()


@pytest.fixture
async def started(kept: Kept) -> Kept:
    """A store that knows the portfolio ``treasury``."""
    await kept.store.commit(Changes(portfolio="treasury", record=a_record()))
    return kept
