"""The way to one sink: what waits for it, what may go now, and how it takes it.

At least once: an alert is done with only when the sink took it, shall not have it, or refuses it for good, and that
is recorded. A crash between delivery and record repeats one message. What is down is tried again after pauses that
grow; what asks to be left alone is. A message that a sink refuses while it takes others is given up and counted,
one that carries several alerts is halved first, so that only those that are refused are lost. Of a sink that takes
nothing at all nothing is given up, however long that lasts.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal

import structlog

from counterpoise.domain.errors import SinkBusy, SinkRefusal
from counterpoise.domain.records import Handed, OutboxRow
from counterpoise.domain.routing import Muted, QuietHours, Route, SinkPolicy
from counterpoise.notify.batching import Batch, Case, Lot, batches, due, is_urgent, lot_of
from counterpoise.notify.composing import STANDARD, Wording, message_of
from counterpoise.notify.console import one_line
from counterpoise.ports import Clock, Outbox, Sink

_LOG = structlog.get_logger(__name__)

FIRST_PAUSE = timedelta(seconds=1)
LONGEST_PAUSE = timedelta(minutes=5)
#: Failed attempts after which a message is given up, if so many of them were made while the sink took others.
DEAD_AFTER, _BESIDE = 10, 2
#: Rows read at once, and rows held in memory at most: the rest waits in the database.
_READ, _HELD = 500, 10_000
_WINDOW = timedelta(minutes=1)
_LONGEST_ERROR = 500


@dataclass(slots=True)
class _Trouble:
    """A lot whose first message fails: how often, and when it is tried again beside others that get through.

    ``beside``: failures while others got through. While none does it is the sink's trouble, however long that lasts.
    """

    failures: int = 0
    beside: int = 0
    retry_at: datetime | None = None


@dataclass(slots=True, kw_only=True)
class Lane:
    """One sink's. ``timeout_s`` (wall seconds) bounds a delivery; ``redact`` takes secrets out of an error's text."""

    name: str
    sink: Sink
    policy: SinkPolicy
    outbox: Outbox
    clock: Clock
    timeout_s: Decimal
    redact: Callable[[str], str]
    wording: Wording = STANDARD
    failures: int = 0
    retry_at: datetime | None = None
    _muted: Muted | None = None
    _rows: dict[int, OutboxRow] = field(default_factory=dict)
    _read_to: int = 0
    #: Done with, and not recorded yet: the database refused the last time.
    _unrecorded: list[tuple[tuple[int, ...], Handed, str | None]] = field(default_factory=list)
    _sent_at: deque[datetime] = field(default_factory=deque)
    _troubles: dict[Lot, _Trouble] = field(default_factory=dict)
    _apart: dict[int, int] = field(default_factory=dict)
    _halves: int = 0
    _looked_at: datetime | None = None
    #: Up to which seq it was tried, and whether the sink itself asked for the pause.
    _tried_to: int = 0
    _asked: bool = False
    _passing: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def serve(self) -> int:
        """Deliver what may go now; return how many alerts the sink took. Passes never overlap.

        Never raises for the sink. Raises StoreError when the outbox cannot be read or written: then nothing is
        lost, and what was delivered is not delivered again by this process.
        """
        async with self._passing:
            await self._record()
            await self._read()
            now = self._now()
            if self.retry_at is not None and now < self.retry_at and not self._is_urgent():
                return 0
            self._tried_to = self._read_to
            return await self._send(now)

    def _is_urgent(self) -> bool:
        """Whether something urgent is new: no pause of our own holds it up, one that was asked for does."""
        new = (r for seq, r in self._rows.items() if seq > self._tried_to)
        return not self._asked and any(is_urgent(r.alert) for r in new)

    def _now(self) -> datetime:
        """The clock's time; where it was set back what is waited for moves with it, so that no pause gets longer."""
        now, before = self.clock.now(), self._looked_at
        self._looked_at = now
        if before is None or now >= before:
            return now
        back = before - now
        if self.retry_at is not None:
            self.retry_at -= back
        for trouble in self._troubles.values():
            if trouble.retry_at is not None:
                trouble.retry_at -= back
        self._sent_at = deque(at - back for at in self._sent_at)
        if self._muted is not None:
            self._muted = replace(self._muted, since=min(self._muted.since, now))
        return now

    def mute(self, until: datetime | None) -> None:
        """Hold back what is not urgent until then, None: no more. Nothing remembers it but this process."""
        now = self.clock.now()
        muted = Muted(since=now, until=until, quiet=self.policy.quiet) if until else None
        self._muted = muted

    def _quiet(self, now: datetime) -> QuietHours | Muted | None:
        """When it is quiet; one that was muted hears what was held back as after quiet hours."""
        if len(self._rows) >= _HELD:
            # no more is read before some of it is told, and what is critical may be behind it
            return None
        if self._muted is not None and now >= self._muted.until and not self._rows:
            self._muted = None
        return self._muted or self.policy.quiet

    async def _read(self) -> None:
        """Take in what was committed since, and let go of what the sink shall not have."""
        while len(self._rows) < _HELD:
            new = await self.outbox.pending(self.name, self._read_to, _READ)
            off = tuple(r.seq for r in new if self.policy.route(r.alert) is Route.OFF)
            self._rows |= {r.seq: r for r in new if r.seq not in off}
            if new:
                self._read_to = new[-1].seq
            if off:
                self._unrecorded.append((off, Handed.OFF, None))
                await self._record()
            if len(new) < _READ:
                return

    async def _send(self, now: datetime) -> int:
        taken, got_through = 0, False
        suspect: tuple[Batch, _Trouble] | None = None
        blocked = {lot for lot, t in self._troubles.items() if t.retry_at and now < t.retry_at}
        for batch in self._ordered(now):
            if batch.lot in blocked or not self._has_room(now, urgent=batch.urgent):
                # nothing of the same topic may overtake it
                blocked.add(batch.lot)
                continue
            error = await self._deliver(batch)
            if error is None:
                taken, got_through = taken + await self._took(batch), True
                if suspect is not None:
                    taken += await self._once_more(*suspect)
                    suspect = None
                continue
            blocked.add(batch.lot)
            if isinstance(error, SinkRefusal):
                await self._refused(batch, self._said(error))
                continue
            failures = await self._failed(batch, error, got_through=got_through)
            if suspect is not None or isinstance(error, SinkBusy):
                break
            if got_through:
                await self._judge(batch, error)
            elif failures < DEAD_AFTER:
                break
            else:
                # is it this message, or does the sink take none? ask with the next one, of whatever topic
                suspect = (batch, self._troubles[batch.lot])
                blocked.discard(batch.lot)
        return taken

    def _ordered(self, now: datetime) -> tuple[Batch, ...]:
        if not self._rows or not self._has_room(now, urgent=True):
            return ()
        case = Case(
            now=now,
            quiet=self._quiet(now),
            room=self._room(now),
            apart=self._apart,
            last=self._troubles.keys(),
        )
        return batches(due(tuple(self._rows.values()), case), case)

    def _room(self, now: datetime) -> int | None:
        """How many messages that are not urgent may go now; at least one is planned for."""
        if self.policy.rate is None:
            return None
        return max(1, self._left(now) - self.policy.rate // 4)

    def _has_room(self, now: datetime, *, urgent: bool) -> bool:
        """Whether one more may go; a quarter of the rate is kept for what is urgent."""
        if self.policy.rate is None:
            return True
        return self._left(now) > (0 if urgent else self.policy.rate // 4)

    def _left(self, now: datetime) -> int:
        while self._sent_at and self._sent_at[0] <= now - _WINDOW:
            self._sent_at.popleft()
        return (self.policy.rate or 0) - len(self._sent_at)

    async def _deliver(self, batch: Batch) -> Exception | None:
        """Return None when the sink took it, else why not."""
        alerts = [row.alert for row in batch.rows]
        quiet = self._quiet(self.clock.now())
        hushed = quiet is not None and quiet.covers(self.clock.now())
        # what ends an alarm comes at once, and wakes nobody
        silent = all(self.policy.route(a) is Route.SILENT or (hushed and a.cleared) for a in alerts)
        if self.policy.rate is not None:
            self._sent_at.append(self.clock.now())
        try:
            # a real sink waits on a network: wall time is what bounds it, whatever the market's clock does
            async with asyncio.timeout(float(self.timeout_s)):
                await self.sink.deliver(message_of(alerts, silent=silent, wording=self.wording))
        except TimeoutError:
            return TimeoutError(f"no answer within {self.timeout_s} s")
        except Exception as error:  # noqa: BLE001 - whatever a sink raises, it is its own trouble only
            return error
        return None

    async def _took(self, batch: Batch) -> int:
        if self.failures:
            _LOG.info("sink_recovered", sink=self.name, failures=self.failures)
        self.failures, self.retry_at = 0, None
        await self._done(batch.seqs, Handed.TAKEN)
        if not any(lot_of(self._rows[seq].alert) == batch.lot for seq in self._apart):
            self._troubles.pop(batch.lot, None)
        return len(batch.rows)

    async def _failed(self, batch: Batch, error: Exception, *, got_through: bool) -> int:
        """It may not have arrived: wait, the whole lane where nothing got through. Return how often this one failed."""
        now, said = self.clock.now(), self._said(error)
        self.failures += 1
        (_LOG.warning if self.failures == 1 else _LOG.debug)(
            "sink_failed", sink=self.name, failures=self.failures, error=said
        )
        trouble = self._troubles.get(batch.lot, _Trouble())
        self._asked = isinstance(error, SinkBusy)
        if isinstance(error, SinkBusy):
            self.retry_at = now + max(error.retry_after, timedelta(0))
        else:
            self._troubles[batch.lot] = trouble
            trouble.failures += 1
            trouble.beside += got_through
            pause = _pause(trouble.failures if got_through else self.failures)
            if got_through:
                trouble.retry_at = now + pause
            else:
                self.retry_at = now + pause
        await self.outbox.failed(self.name, said, now)
        return trouble.failures

    async def _once_more(self, batch: Batch, trouble: _Trouble) -> int:
        """Try again what failed right before the sink took another one: an outage may have ended in between."""
        self._troubles[batch.lot] = trouble
        error = await self._deliver(batch)
        if error is None:
            return await self._took(batch)
        if isinstance(error, SinkRefusal):
            await self._refused(batch, self._said(error))
            return 0
        await self._failed(batch, error, got_through=True)
        await self._judge(batch, error)
        return 0

    async def _judge(self, batch: Batch, error: Exception) -> None:
        """Give up what failed often enough, also while the sink took others."""
        trouble = self._troubles.get(batch.lot, _Trouble())
        if trouble.failures >= DEAD_AFTER and trouble.beside >= _BESIDE:
            await self._refused(batch, self._said(error))

    async def _refused(self, batch: Batch, said: str) -> None:
        """The sink will not take this: halve it to find out what it is, or give it up."""
        half = len(batch.rows) // 2
        if half:
            # one more failure of a half is enough
            self._troubles[batch.lot] = _Trouble(failures=DEAD_AFTER - 1, beside=_BESIDE - 1)
            for part in (batch.seqs[:half], batch.seqs[half:]):
                self._halves += 1
                self._apart |= dict.fromkeys(part, self._halves)
            return
        ids = [row.alert.id for row in batch.rows]
        _LOG.error("alert_dead", sink=self.name, alert_ids=ids, error=said)
        self._troubles.pop(batch.lot, None)
        await self._done(batch.seqs, Handed.DEAD, said)

    async def _done(self, seqs: tuple[int, ...], how: Handed, why: str | None = None) -> None:
        for seq in seqs:
            self._rows.pop(seq, None)
            self._apart.pop(seq, None)
        self._unrecorded.append((seqs, how, why))
        await self._record()

    async def _record(self) -> None:
        while self._unrecorded:
            seqs, how, why = self._unrecorded[0]
            await self.outbox.settled(self.name, seqs, how, self.clock.now(), why)
            self._unrecorded.pop(0)

    def _said(self, error: Exception) -> str:
        return one_line(self.redact(f"{type(error).__name__}: {error}"))[:_LONGEST_ERROR]


def _pause(failures: int) -> timedelta:
    return min(FIRST_PAUSE * (1 << min(failures - 1, 10)), LONGEST_PAUSE)
