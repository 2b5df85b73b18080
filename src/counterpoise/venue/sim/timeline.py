"""What happens next: many streams of instants, walked in one order.

Bars of different intervals and funding instants live side by side; each stream tells when its next step is due,
and the timeline says whose turn it is. The order is total (instant, rank, symbol), so that the same data and the
same calls always give the same history. Cost: O(log streams) per step, whatever the length of the recordings.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from heapq import heapify, heappop, heappush
from typing import Protocol


class Stream(Protocol):
    """Something with steps in time."""

    @property
    def turn(self) -> tuple[int, str]:
        """Who comes first at the same instant: rank, then symbol. Unique among the streams."""
        ...

    def next_at(self) -> datetime | None:
        """Return when the next step is due, None when there is none left."""
        ...

    def step(self, at: datetime) -> None:
        """Take the step that is due ``at``."""
        ...


class Timeline:
    """A heap of streams by their next instant."""

    def __init__(self, streams: Iterable[Stream]) -> None:
        self._streams = {stream.turn: stream for stream in streams}
        self._due = [
            (at, turn) for turn, stream in self._streams.items() if (at := stream.next_at())
        ]
        heapify(self._due)

    def look_again(self, turn: tuple[int, str]) -> None:
        """Ask the stream of ``turn`` anew when its next step is due: something beside its own steps changed it."""
        at = self._streams[turn].next_at()
        if at is not None:
            heappush(self._due, (at, turn))

    def run(self, target: datetime) -> Iterator[tuple[datetime, Stream]]:
        """Yield every (instant, stream) due at or before ``target``, in order; the caller takes the step."""
        while self._due and self._due[0][0] <= target:
            at, turn = heappop(self._due)
            stream = self._streams[turn]
            if stream.next_at() != at:  # it was put off, or called off, after this was noted
                continue
            yield at, stream
            after = stream.next_at()
            if after is not None:
                heappush(self._due, (after, turn))
