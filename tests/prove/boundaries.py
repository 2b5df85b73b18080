"""Points at which a process can die: before and after every request, every commit and every delivery.

A request with several orders has a point between any two of them too: some have taken effect then, the others never do.

A :class:`Boundaries` counts the points of a run. It can be told to die at one of them: then it raises
:class:`Death` there and at every point after it, so that nothing the dead process still had in mind takes effect.
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Collection
from typing import Any


class Death(BaseException):
    """The process is gone. No ``except Exception`` of the product may catch it."""


#: Calls that change something: one can die before their effect, and after it before anybody knows.
EFFECTS = frozenset(
    {
        "place",
        "cancel",
        "place_batch",
        "cancel_batch",
        "transfer",
        "restore",
        "countdown",
        "commit",
        "deliver",
        "settled",
        "enrol",
        "failed",
    }
)
#: Calls without a wire, a disk or a wait behind them.
_FREE = frozenset({"instruments", "id", "now", "counts"})


class Boundaries:
    """The points of a run, by number. ``deaths``: at which of them the process dies, each once."""

    def __init__(self, deaths: Collection[int] = ()) -> None:
        self._deaths = set(deaths)
        self.names: list[str] = []
        self.dead = False
        #: The request with several orders that is being done, and how many of them have been.
        self._batch: str | None = None
        self._done = 0

    def step(self) -> None:
        """Begin with one order: a point where it is not the first one of its request."""
        if self._batch is not None and self._done:
            self.point(f"{self._batch} between")
        self._done += 1

    def point(self, name: str) -> None:
        """Pass a point, or die at it."""
        if self.dead:
            raise Death(name)
        number = len(self.names)
        self.names.append(name)
        if number in self._deaths:
            self.dead = True
            raise Death(f"{number}: {name}")

    def revive(self) -> None:
        """Let another process begin."""
        self.dead = False

    async def pass_through(self, name: str, call: Callable[[], Awaitable[Any]]) -> Any:
        """Make ``call`` with a point before it and, where it has an effect, one after it."""
        self.point(f"{name} before")
        self._batch, self._done = name if name.endswith("_batch") else None, 0
        try:
            result = await call()
        finally:
            self._batch = None
        if name.rpartition(".")[2] in EFFECTS:
            self.point(f"{name} after")
        elif self.dead:
            # another task of this process died while it waited
            raise Death(name)
        return result


class Watched:
    """``inner`` with a point at every awaited call; stands for a venue, a store, an outbox, a sink, a clock."""

    def __init__(self, label: str, inner: Any, boundaries: Boundaries) -> None:
        self._label = label
        self._inner = inner
        self._boundaries = boundaries

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._inner, name)
        if name in _FREE or not inspect.iscoroutinefunction(found):
            return found

        async def called(*args: Any, **kwargs: Any) -> Any:
            return await self._boundaries.pass_through(
                f"{self._label}.{name}", lambda: found(*args, **kwargs)
            )

        return called


def died(error: BaseException) -> bool:
    """Whether ``error`` is a death, be it inside a group of a task group."""
    if isinstance(error, BaseExceptionGroup):
        return any(died(one) for one in error.exceptions)
    return isinstance(error, Death)
