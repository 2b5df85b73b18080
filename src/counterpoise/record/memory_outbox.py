"""The Outbox port in memory: the part of :class:`~counterpoise.record.memory.MemoryStore` that sinks read from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import islice

from counterpoise.domain.errors import StoreError
from counterpoise.domain.events import Alert
from counterpoise.domain.records import Handed, OutboxRow, SinkRecord


@dataclass(slots=True)
class _Enrolled:
    """One sink: done with every alert up to ``mark``, and with ``done`` beyond."""

    record: SinkRecord
    mark: int
    done: set[int] = field(default_factory=set)
    dead: set[int] = field(default_factory=set)

    def waits_for(self, seq: int) -> bool:
        return seq > self.mark and seq not in self.done


class MemoryOutbox:
    """Alerts that some sink waits for, and which sink has had which."""

    def __init__(self) -> None:
        self._alert_ids: set[str] = set()
        self._outbox: dict[int, OutboxRow] = {}
        self._seq = 0
        self._enrolled: dict[str, _Enrolled] = {}

    async def enrol(self, sinks: Iterable[str], at: datetime) -> None:
        """Make ``sinks`` those that are told from now on. Raises ValueError for none."""
        names = set(sinks)
        if not names:
            raise ValueError("expected at least one sink, was none")
        mark = self._seq if self._enrolled else next(iter(self._outbox), self._seq + 1) - 1
        for name in names - self._enrolled.keys():
            self._enrolled[name] = _Enrolled(SinkRecord(name=name, joined_at=at), mark)
        for name in self._enrolled.keys() - names:
            del self._enrolled[name]
        self._drop(list(self._outbox))

    async def pending(self, sink: str, after: int, limit: int) -> tuple[OutboxRow, ...]:
        """Return what ``sink`` was not done with, oldest first. Raises StoreError for one that is not enrolled."""
        enrolled = self._of(sink)
        found = (
            row for seq, row in self._outbox.items() if seq > after and enrolled.waits_for(seq)
        )
        return tuple(islice(found, limit))

    async def settled(
        self, sink: str, seqs: Iterable[int], how: Handed, at: datetime, error: str | None = None
    ) -> None:
        """Record that ``sink`` is done with these alerts. Raises StoreError for one that is not enrolled."""
        enrolled = self._of(sink)
        if error is not None:
            enrolled.record = replace(enrolled.record, last_error=error, last_error_at=at)
        new = [seq for seq in seqs if seq in self._outbox and enrolled.waits_for(seq)]
        enrolled.done.update(new)
        if how is Handed.DEAD:
            enrolled.dead.update(new)
        elif how is Handed.TAKEN:
            enrolled.record = replace(enrolled.record, failures=0, failing_since=None)
        waiting = (seq for seq in self._outbox if enrolled.waits_for(seq))
        enrolled.mark = next(waiting, self._seq + 1) - 1
        enrolled.done = {seq for seq in enrolled.done if seq > enrolled.mark}
        self._drop(new)

    async def failed(self, sink: str, error: str, at: datetime) -> None:
        """Count a failed attempt. Raises StoreError for a sink that is not enrolled."""
        enrolled = self._of(sink)
        record = enrolled.record
        enrolled.record = replace(
            record,
            failures=record.failures + 1,
            failing_since=record.failing_since or at,
            last_error=error,
            last_error_at=at,
        )

    async def counts(self) -> Mapping[str, int]:
        """Return ``{"pending": n, "dead": n}``."""
        dead = set().union(*(e.dead for e in self._enrolled.values()))
        return {"pending": len(self._outbox), "dead": len(dead)}

    async def sinks(self) -> tuple[SinkRecord, ...]:
        """Return how every enrolled sink stands, by name."""
        return tuple(
            replace(
                e.record, pending=sum(e.waits_for(seq) for seq in self._outbox), dead=len(e.dead)
            )
            for _, e in sorted(self._enrolled.items())
        )

    def _add_alert(self, alert: Alert) -> bool:
        """Take ``alert`` in; return whether it is new."""
        if alert.id in self._alert_ids:
            return False
        self._alert_ids.add(alert.id)
        self._seq += 1
        self._outbox[self._seq] = OutboxRow(seq=self._seq, alert=alert)
        return True

    def _of(self, sink: str) -> _Enrolled:
        if sink not in self._enrolled:
            raise StoreError(f"sink {sink} was never enrolled")
        return self._enrolled[sink]

    def _drop(self, seqs: Iterable[int]) -> None:
        """Let go of what no sink waits for."""
        for seq in seqs:
            if not any(e.waits_for(seq) for e in self._enrolled.values()):
                self._outbox.pop(seq, None)
