from __future__ import annotations

from pathlib import Path

import pytest

from counterpoise.domain.errors import ConfigError
from counterpoise.record.sql import connect
from counterpoise.record.sql.location import sqlite_path


def test_a_url_names_a_file() -> None:
    assert sqlite_path("sqlite:////var/lib/cp/store.db") == Path("/var/lib/cp/store.db")
    assert sqlite_path("sqlite:///store.db") == Path("store.db")
    assert sqlite_path("sqlite:////srv/100%/a b?.db") == Path("/srv/100%/a b?.db")


@pytest.mark.parametrize(
    "url",
    ["", "store.db", "sqlite://", "sqlite:///", "sqlite:///:memory:", "mysql://u:hunter2@h/d"],
)
def test_what_names_no_file_is_refused_without_repeating_it(url: str) -> None:
    with pytest.raises(ConfigError, match="expected sqlite:////absolute") as refused:
        connect(url)
    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize("scheme", ["postgresql", "postgres"])
def test_postgresql_is_named_as_not_there_yet(scheme: str) -> None:
    with pytest.raises(ConfigError, match="PostgreSQL comes with a later release") as refused:
        connect(f"{scheme}://u:hunter2@host/db")
    assert "hunter2" not in str(refused.value)
