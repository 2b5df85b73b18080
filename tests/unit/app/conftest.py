from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from counterpoise.record.sql.migrate import upgrade
from tests.unit.app.desk import DaemonDesk, NewDesk, make_desk


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database of this version without rows, to be copied."""
    path = tmp_path_factory.mktemp("template") / "empty.db"
    upgrade(f"sqlite:///{path}")
    return path


@pytest.fixture
async def new_desk(database: Path) -> AsyncIterator[NewDesk]:
    """Make a daemon on this database; its connections are closed in the end."""
    async with AsyncExitStack() as stack:

        async def make(*policies: Any, **options: Any) -> DaemonDesk:
            return await make_desk(database, stack, *policies, **options)

        yield make


@pytest.fixture
def database(migrated: Path, tmp_path: Path) -> Path:
    """An empty database of this version."""
    path = tmp_path / "run.db"
    shutil.copy(migrated, path)
    return path
