"""How far a long run is, on stderr and only where somebody watches."""

from __future__ import annotations

from datetime import datetime, timedelta
from types import TracebackType
from typing import Self

_US = timedelta(microseconds=1)


class Progress:
    """A bar over market time; silent where stderr is no terminal."""

    def __init__(self, start: datetime, end: datetime) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, TaskID, TextColumn, TimeRemainingColumn
        from rich.progress import Progress as Bar

        console = Console(stderr=True)
        self._start = start
        self._watched = console.is_terminal
        self._bar = Bar(
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.percentage:>3.0f} %"),
            TimeRemainingColumn(),
            console=console,
            transient=True,
            disable=not self._watched,
        )
        self._task: TaskID = self._bar.add_task(_day(start), total=(end - start) // _US)

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._bar.stop()

    def reached(self, at: datetime) -> None:
        """Market time is ``at`` now."""
        if self._watched:
            self._bar.update(self._task, completed=(at - self._start) // _US, description=_day(at))


def _day(at: datetime) -> str:
    return at.date().isoformat()
