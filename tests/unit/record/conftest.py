from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from counterpoise.record.sql.migrate import upgrade


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("template") / "empty.db"
    upgrade(f"sqlite:///{path}")
    return path


@pytest.fixture
def store_path(tmp_path: Path, empty_database: Path) -> Path:
    """A database with the tables and no rows."""
    path = tmp_path / "store.db"
    shutil.copy(empty_database, path)
    return path
