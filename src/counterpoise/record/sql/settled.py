"""Database work that ends before its caller does, also when the caller is cancelled.

A statement runs in the driver's thread and cannot be taken back. A task that is cancelled between a statement
and its answer leaves its connection with a transaction nobody ends: SQLite's write lock is then held for good
and every later commit fails. So the work runs in a task of its own, and a cancelled caller waits for
the few milliseconds until it is whole or undone.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from functools import wraps
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")


def settled(function: Callable[P, Coroutine[Any, Any, R]]) -> Callable[P, Coroutine[Any, Any, R]]:
    """Return ``function`` such that its work always comes to its end before a cancellation goes on."""

    @wraps(function)
    async def run(*args: P.args, **kwargs: P.kwargs) -> R:
        task = asyncio.create_task(function(*args, **kwargs))
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            await asyncio.wait([task])
            if not task.cancelled():
                # what came out of it is nobody's any more, but it was looked at
                task.exception()
            raise

    return run
