"""Database work that ends before its caller does, also when the caller is cancelled.

A statement runs in the driver's thread and cannot be taken back. A task that is cancelled between a statement
and its answer leaves its connection with a transaction nobody ends: SQLite's write lock is then held for good
and every later commit fails. So the work runs in a task of its own, and a cancelled caller waits for
the few milliseconds until it is whole or undone.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

R = TypeVar("R")


async def settle(work: Coroutine[Any, Any, R]) -> R:
    """Return what ``work`` returns; a cancellation goes on only once ``work`` has come to its end."""
    task = asyncio.create_task(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait([task])
        if not task.cancelled():
            # nobody will ask any more, but an error must not be reported as never looked at
            task.exception()
        raise
