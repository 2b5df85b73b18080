"""One suite for every place where pauses are kept."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path

import pytest

from counterpoise.ports import Pauses
from counterpoise.record.memory import MemoryStore
from counterpoise.record.sql import connect
from counterpoise.record.sql.migrate import upgrade
from tests.contract.stores import NOW

Reopen = Callable[[], Awaitable[Pauses]]
SOON, LATE = NOW + timedelta(seconds=40), NOW + timedelta(days=3)


@pytest.fixture(params=["memory", "sqlite"])
def reopened(request: pytest.FixtureRequest, tmp_path: Path) -> Reopen:
    """A way to come to the same rows as a new process does."""
    memory, url = MemoryStore(), f"sqlite:///{tmp_path / 'store.db'}"
    if request.param == "sqlite":
        upgrade(url)

    async def reopen() -> Pauses:
        if request.param == "memory":
            return memory
        store = connect(url).store
        await store.open()
        return store

    return reopen


async def test_what_a_process_was_told_the_next_one_knows(reopened: Reopen) -> None:
    first = await reopened()
    assert await first.pauses("main") == {}
    await first.keep_pauses("main", {"live/futures": SOON, "live/spot": SOON})
    await first.keep_pauses("side", {"live/futures": LATE})
    await first.keep_pauses("main", {"live/futures": LATE})
    await first.keep_pauses("main", {})
    second = await reopened()
    assert await second.pauses("main") == {"live/futures": LATE, "live/spot": SOON}
    assert await second.pauses("side") == {"live/futures": LATE}
    for store in (first, second):
        await store.close()  # type: ignore[attr-defined]  # both are stores as well
