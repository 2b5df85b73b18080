"""Carries committed alerts from the outbox to the sinks: at least once, in order, each sink at its own pace.

Every sink has a lane of its own: one that fails delays only itself, and one that hangs delays the others by its
timeout at most. A lane stops at the first alert
its sink does not take and tries it again after a growing pause, so that order is kept. An alert that fails
for good while later ones get through is given up after ``DEAD_AFTER`` attempts and counted as dead; a sink that takes
nothing at all is down, and then no alert is given up, however long it lasts.

An alert leaves the outbox once every sink has it. What a lane has delivered is remembered in this process
only: after a crash an alert may arrive twice, with the same id.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal

import structlog

from counterpoise.domain.records import DEAD_AFTER, OutboxRow
from counterpoise.ports import Clock, Outbox, Sink

_LOG = structlog.get_logger(__name__)

FIRST_PAUSE = timedelta(seconds=1)
LONGEST_PAUSE = timedelta(minutes=5)


@dataclass(slots=True)
class _Lane:
    """One sink: what it has taken of the rows still in the outbox, and how often it failed in a row."""

    name: str
    sink: Sink
    taken: set[int] = field(default_factory=set)
    failures: int = 0
    retry_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """What one pass did: alerts that every sink has now, and failing sinks with their failures in a row.

    ``retry_at`` is the first instant at which a failing sink is tried again, None when none fails.
    """

    delivered: int
    failing: Mapping[str, int]
    retry_at: datetime | None


class Relay:
    """Delivers what is in ``outbox`` to ``sinks`` (by name, at least one).

    ``timeout_s`` (wall seconds) bounds one delivery; ``batch`` is how many alerts one pass takes on.
    """

    def __init__(
        self,
        outbox: Outbox,
        sinks: Mapping[str, Sink],
        clock: Clock,
        *,
        timeout_s: Decimal = Decimal(10),
        batch: int = 100,
    ) -> None:
        if not sinks:
            raise ValueError("expected at least one sink, was none")
        self._outbox = outbox
        self._clock = clock
        self._timeout_s = timeout_s
        self._batch = batch
        self._lanes = [_Lane(name, sink) for name, sink in sinks.items()]
        self._passing = asyncio.Lock()

    async def deliver_pending(self) -> Delivery:
        """Make one pass over the oldest undelivered alerts; passes never overlap.

        A failing sink never raises here. Raises StoreError when the outbox cannot be read or written: then
        nothing is lost, and what was delivered is not delivered again by this process.
        """
        async with self._passing:
            # rows that some lanes have and others wait for must not crowd out newer ones
            partly = max(len(lane.taken) for lane in self._lanes)
            rows = await self._outbox.pending(self._batch + partly)
            present = {row.seq for row in rows}
            for lane in self._lanes:
                lane.taken &= present
            # taken by all, but not ticked off: the database refused the last time
            delivered = await self._tick_off(sorted(s for s in present if self._all_have(s)))
            counts = await asyncio.gather(
                *(self._serve(lane, rows) for lane in self._lanes), return_exceptions=True
            )
            for count in counts:
                if isinstance(count, BaseException):
                    raise count
                delivered += count
        retries = [lane.retry_at for lane in self._lanes if lane.retry_at is not None]
        return Delivery(
            delivered=delivered,
            failing={lane.name: lane.failures for lane in self._lanes if lane.failures},
            retry_at=min(retries, default=None),
        )

    async def _serve(self, lane: _Lane, rows: Sequence[OutboxRow]) -> int:
        """Deliver ``rows`` to one sink until it fails; return how many are now delivered everywhere."""
        if lane.retry_at is not None and self._clock.now() < lane.retry_at:
            return 0
        delivered = 0
        suspect: tuple[OutboxRow, str] | None = None
        for row in (row for row in rows if row.seq not in lane.taken):
            error = await self._deliver(lane, row)
            if error is None:
                delivered += await self._took(lane, row, suspect)
                suspect = None
                continue
            if suspect is not None:
                break
            self._pause(lane, error)
            if row.attempts < DEAD_AFTER - 1:
                await self._outbox.failed(row.seq, error)
                break
            # its last attempt: is it this alert, or does the sink take none? ask with the next one
            suspect = (row, error)
        return delivered

    async def _took(
        self, lane: _Lane, row: OutboxRow, suspect: tuple[OutboxRow, str] | None
    ) -> int:
        """Book a delivery; an older alert that was refused beside it is given up."""
        lane.failures, lane.retry_at = 0, None
        lane.taken.add(row.seq)
        if suspect is not None:
            refused, error = suspect
            _LOG.error("alert_dead", sink=lane.name, alert_id=refused.alert.id, error=error)
            await self._outbox.failed(refused.seq, error)
        return await self._tick_off([row.seq]) if self._all_have(row.seq) else 0

    async def _deliver(self, lane: _Lane, row: OutboxRow) -> str | None:
        """Return None when the sink took the alert, else why not."""
        try:
            # a real sink waits on a network: wall time is what bounds it, whatever the market's clock does
            async with asyncio.timeout(float(self._timeout_s)):
                await lane.sink.deliver(row.alert)
        except TimeoutError:
            return f"{lane.name}: no answer within {self._timeout_s} s"
        except Exception as error:  # noqa: BLE001 - whatever a sink raises, it is its own trouble only
            return f"{lane.name}: {type(error).__name__}: {error}"
        return None

    def _pause(self, lane: _Lane, error: str) -> None:
        lane.failures += 1
        pause = min(FIRST_PAUSE * 2 ** min(lane.failures - 1, 10), LONGEST_PAUSE)
        lane.retry_at = self._clock.now() + pause
        _LOG.warning("sink_failed", sink=lane.name, failures=lane.failures, error=error)

    def _all_have(self, seq: int) -> bool:
        return all(seq in lane.taken for lane in self._lanes)

    async def _tick_off(self, seqs: Sequence[int]) -> int:
        if seqs:
            await self._outbox.delivered(seqs, self._clock.now())
        return len(seqs)
