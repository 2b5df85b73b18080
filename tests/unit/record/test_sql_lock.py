from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import pytest

from counterpoise.domain.errors import StoreError
from counterpoise.record.sql.lock import FileLease

HOLDER = """
import asyncio, sys
from counterpoise.record.sql.lock import FileLease
lease = FileLease(sys.argv[1])
print(asyncio.run(lease.acquire()), flush=True)
sys.stdin.readline()
"""


async def test_one_holds_it_and_the_other_learns_who(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/store.db"
    first, second = FileLease(url), FileLease(url)
    assert first.holder is None
    assert await first.acquire()
    assert await first.acquire()
    assert not await second.acquire()
    assert second.holder == os.getpid()
    assert second.path == tmp_path / "store.db.lock"

    await first.release()
    await first.release()
    assert second.holder is None
    assert await second.acquire()
    await second.release()


def test_another_process_holds_it_until_it_dies(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/store.db"
    lease = FileLease(url)
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, url],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "True\n"
        assert not asyncio.run(lease.acquire())
        assert lease.holder == holder.pid
        holder.kill()
        holder.wait()
        # its pid is still in the file, but nobody is there
        assert lease.holder is None
        assert asyncio.run(lease.acquire())
        assert lease.holder == os.getpid()
        asyncio.run(lease.release())


async def test_a_lock_that_cannot_be_made_is_a_store_error(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"store\.db\.lock: No such file or directory"):
        await FileLease(f"sqlite:///{tmp_path}/none/store.db").acquire()


@pytest.mark.parametrize("written", ["", "nobody", "99999999999999999999", "-1"])
def test_a_file_without_a_pid_names_nobody(tmp_path: Path, written: str) -> None:
    (tmp_path / "store.db.lock").write_text(written)
    assert FileLease(f"sqlite:///{tmp_path}/store.db").holder is None
