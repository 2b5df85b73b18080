"""What is on disk after a process died, and after the disk refused a commit at its very end."""

from __future__ import annotations

import signal
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from counterpoise.record.sql import connect

PRELUDE = """
import asyncio, os, resource, signal, sys
from datetime import UTC, datetime
from decimal import Decimal
from counterpoise.domain.errors import StoreError
from counterpoise.domain.records import Changes, PortfolioRecord, PositionRecord, TradingState
from counterpoise.record.sql import connect

NOW = datetime(2025, 4, 7, tzinfo=UTC)
RECORD = PortfolioRecord(
    id="treasury", trading_state=TradingState.RUN, config_hash="c0ffee", started_at=NOW
)
record = connect(sys.argv[1])

def positions(count):
    return Changes(
        portfolio="treasury",
        positions=tuple(
            PositionRecord(venue="main", symbol=f"S{n}", own_qty=Decimal("0.123456789012345678"))
            for n in range(count)
        ),
    )
"""

KILLED_AFTER_COMMIT = """
async def main():
    await record.store.open()
    await record.store.commit(Changes(portfolio="treasury", record=RECORD))
    await record.store.commit(positions(3))
    os.kill(os.getpid(), signal.SIGKILL)
asyncio.run(main())
"""

KILLED_BEFORE_COMMIT = """
from counterpoise.record.sql.write import write
async def main():
    await record.store.open()
    await record.store.commit(Changes(portfolio="treasury", record=RECORD))
    async def write_and_die(connection):
        await write(connection, positions(3))
        os.kill(os.getpid(), signal.SIGKILL)
    await record.store._database.write(write_and_die)
asyncio.run(main())
"""

#: A file size limit makes the write of the commit itself fail: the rows before it only touch memory.
DISK_REFUSES_COMMIT = """
async def main():
    await record.store.open()
    await record.store.commit(Changes(portfolio="treasury", record=RECORD))
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (os.path.getsize(sys.argv[1][10:] + "-wal"), hard))
    try:
        await record.store.commit(positions(3))
    except StoreError as error:
        refused = str(error)
    else:
        raise SystemExit("expected the commit to fail")
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    left = len((await record.store.load("treasury", NOW)).positions)
    await record.store.commit(positions(1))
    after = len((await record.store.load("treasury", NOW)).positions)
    await record.store.close()
    print(left, after, refused)
asyncio.run(main())
"""


def run(script: str, path: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", PRELUDE + script, f"sqlite:///{path}"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize(("script", "found"), [(KILLED_AFTER_COMMIT, 3), (KILLED_BEFORE_COMMIT, 0)])
async def test_a_kill_keeps_what_was_committed_and_nothing_else(
    store_path: Path, script: str, found: int
) -> None:
    killed = run(script, store_path)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    record = connect(f"sqlite:///{store_path}")
    await record.store.open()
    recorded = await record.store.load("treasury", datetime(2025, 4, 7, tzinfo=UTC))
    await record.store.close()
    assert len(recorded.positions) == found


def test_a_commit_the_disk_refuses_leaves_nothing_and_the_store_goes_on(store_path: Path) -> None:
    done = run(DISK_REFUSES_COMMIT, store_path)
    assert done.returncode == 0, done.stderr
    left, after, refused = done.stdout.split(maxsplit=2)
    assert (left, after) == ("0", "1")
    assert "store.db: " in refused
    assert "disk" in refused
