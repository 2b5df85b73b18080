"""One writer per store: an exclusive ``flock`` on ``<database file>.lock``.

The kernel lets go of the lock when the process ends, however it ends, so a crash leaves nothing to clean up.
The file itself stays for good: removing it would let two processes hold locks on two files of one name. It
holds the writer's pid, for people only; the lock is what counts.
"""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from counterpoise.domain.errors import StoreError
from counterpoise.record.sql.location import sqlite_path


class FileLease:
    """The Lease port for the store at ``url``. Raises ConfigError for a URL that names none."""

    def __init__(self, url: str) -> None:
        path = sqlite_path(url)
        self.path: Path = path.with_name(path.name + ".lock")
        self._descriptor: int | None = None

    async def acquire(self) -> bool:
        """Return whether this process is now the writer; never waits. Raises StoreError."""
        if self._descriptor is not None:
            return True
        try:
            descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise StoreError(f"{self.path}: {error.strerror}") from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        except BlockingIOError:
            os.close(descriptor)
            return False
        except OSError as error:
            os.close(descriptor)
            raise StoreError(f"{self.path}: {error.strerror}") from error
        self._descriptor = descriptor
        return True

    async def release(self) -> None:
        """Give the right back; safe to call twice."""
        if self._descriptor is not None:
            os.ftruncate(self._descriptor, 0)
            os.close(self._descriptor)
            self._descriptor = None

    @property
    def holder(self) -> int | None:
        """The pid the writer left in the file, for a message; None when no such process is running."""
        try:
            pid = int(self.path.read_text(encoding="ascii"))
        except (OSError, ValueError):
            return None
        if pid <= 0:
            return None
        try:
            # no signal is sent: this only asks; a pid left by a crash must not be shown
            os.kill(pid, 0)
        except PermissionError:
            # another user's process: it is there
            return pid
        except (OSError, OverflowError):
            return None
        return pid
