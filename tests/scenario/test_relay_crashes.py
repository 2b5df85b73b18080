"""The relay dies at every point there is, and another goes on with what is on disk: no sink misses an alert.

Three sinks beside each other: one that takes everything, one that is routed, slow and quiet, and one in trouble. Each
run dies before or after one delivery, record or read, or at two of them; what each sink had is then compared with
what was committed, minus what is routed off and what it refuses for good.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from counterpoise.app.clock import ManualClock
from counterpoise.domain.categories import Category
from counterpoise.domain.errors import SinkBusy, SinkRefusal
from counterpoise.domain.events import Alert, Severity, alert
from counterpoise.domain.message import Message
from counterpoise.domain.records import Changes, Handed, PortfolioRecord, TradingState
from counterpoise.domain.routing import QuietHours, Route, SinkPolicy
from counterpoise.notify.batching import Batch
from counterpoise.notify.lane import Lane
from counterpoise.notify.relay import Relay
from tests.prove.boundaries import Boundaries, Watched, died
from tests.prove.life import MemoryDisk, SqliteDisk

NOW = datetime(2025, 4, 7, 21, 58, tzinfo=UTC)
STEP_S = Decimal(20)
POLICIES = {
    "phone": SinkPolicy(
        severities={Severity.INFO: Route.SILENT},
        categories={Category.ORDERS: Route.OFF},
        quiet=QuietHours(start=time(22), end=time(22, 2)),
        rate=4,
    ),
    "troubled": SinkPolicy(rate=6),
}
#: (kind, key, severity, cleared) of what comes, over and over.
SAID = (
    ("hedge_opened", None, Severity.INFO, False),
    ("venue", "venue:main", Severity.WARNING, False),
    ("order", "order:cp1", Severity.WARNING, False),
    ("venue", "venue:main", Severity.INFO, True),
    ("margin", "margin:main/USDT:near", Severity.CRITICAL, False),
    ("hedge_adjusted", None, Severity.INFO, False),
    ("margin", "margin:main/USDT:near", Severity.INFO, True),
)
#: What the troubled sink never takes, alone or among others.
POISON = alert("p", "hedge_closed", Severity.INFO, "a hedge nobody can spell", NOW)


class Outside:
    """A sink outside the process: what it took stays taken. ``trouble`` is what its n-th request meets."""

    def __init__(self, trouble: dict[int, Exception] | None = None) -> None:
        self.first: list[str] = []
        self.times: Counter[str] = Counter()
        self.sent_at: list[datetime] = []
        self.lost_answers = 0
        self._trouble = trouble or {}
        self._asked = 0

    async def deliver(self, message: Message) -> None:
        self._asked += 1
        error = self._trouble.get(self._asked)
        if self._trouble and POISON.id in message.ids:
            raise SinkRefusal("400 Bad Request")
        if error is not None and not isinstance(error, BrokenPipeError):
            raise error
        self.first += [id_ for id_ in message.ids if id_ not in self.times]
        self.times.update(message.ids)
        if error is not None:
            self.lost_answers += 1
            raise error


def troubled() -> Outside:
    return Outside(
        {
            2: ConnectionError("no route"),
            4: BrokenPipeError("taken, and the answer was lost"),
            6: SinkBusy("429", retry_after=timedelta(seconds=45)),
            9: BrokenPipeError("taken, and the answer was lost"),
            10: ConnectionError("no route"),
        }
    )


def said(step: int) -> tuple[Alert, ...]:
    """What is committed in one step: a few alerts, once a burst."""
    at = NOW + timedelta(seconds=float(STEP_S) * step)
    many = 12 if step == 5 else 2
    return tuple(
        alert("p", kind, severity, f"{step}.{n} {kind}", at, key=key, cleared=cleared)
        for n, (kind, key, severity, cleared) in enumerate(
            itertools.islice(itertools.cycle(SAID), step * 2, step * 2 + many)
        )
    ) + ((POISON,) if step == 3 else ())


class Stage:
    """One run: ten steps, each a commit and a pass; then passes until nobody waits for anything."""

    def __init__(self, disk: MemoryDisk | SqliteDisk, deaths: tuple[int, ...] = ()) -> None:
        self.disk = disk
        self.boundaries = Boundaries(deaths)
        self.clock = ManualClock(NOW)
        self.sinks = {"plain": Outside(), "phone": Outside(), "troubled": troubled()}
        self.committed: list[Alert] = []
        self.lives = 0
        self._step = -1

    async def run(self) -> None:
        store, _ = await self.disk.open()
        record = PortfolioRecord(
            id="p", trading_state=TradingState.RUN, config_hash="c", started_at=NOW
        )
        await store.commit(Changes(portfolio="p", record=record))
        await self.disk.close(died=False)
        while True:
            self.lives += 1
            self.boundaries.revive()
            store, outbox = await self.disk.open()
            try:
                await self._live(store, outbox)
            except BaseException as error:
                await self.disk.close(died=True)
                if not died(error):
                    raise
                continue
            self.stand = {s.name: s for s in await outbox.sinks()}
            self.counts = await outbox.counts()
            await self.disk.close(died=False)
            return

    async def _live(self, store: object, outbox: object) -> None:
        relay = Relay(
            Watched("outbox", outbox, self.boundaries),  # type: ignore[arg-type]  # stands for it
            {n: Watched(n, sink, self.boundaries) for n, sink in self.sinks.items()},  # type: ignore[misc]  # as above
            self.clock,
            policies=POLICIES,
        )
        await relay.deliver_pending()
        while self._step < 30:
            self._step += 1
            if self._step < 10:
                alerts = said(self._step)
                await store.commit(Changes(portfolio="p", alerts=alerts))  # type: ignore[attr-defined]  # a store
                self.committed += alerts
            self.clock.advance(STEP_S)
            await relay.deliver_pending()

    def complaints(self) -> Iterator[str]:
        deaths = self.lives - 1
        for name, sink in self.sinks.items():
            policy = POLICIES.get(name, SinkPolicy())
            wanted = [a for a in self.committed if policy.route(a) is not Route.OFF]
            if name == "troubled":
                wanted = [a for a in wanted if a != POISON]
            ids = {a.id for a in wanted}
            if set(sink.first) != ids:
                yield f"{name}: {len(ids - set(sink.first))} lost, {len(set(sink.first) - ids)} more"
            for topic in {a.key or a.kind for a in wanted}:
                order = [a.id for a in wanted if (a.key or a.kind) == topic]
                if [i for i in sink.first if i in order] != order:
                    yield f"{name}: {topic} came out of order"
            twice = max(sink.times.values()) - 1
            if twice > deaths + sink.lost_answers:
                yield f"{name}: one came {twice} times too often after {deaths} deaths"
        dead = 1 if self.stand["troubled"].dead else 0
        if dict(self.counts) != {"pending": 0, "dead": dead} or not dead:
            yield f"the outbox says {self.counts}, {self.stand}"


async def points(disk: MemoryDisk | SqliteDisk) -> int:
    stage = Stage(disk)
    await stage.run()
    assert list(stage.complaints()) == []
    assert stage.lives == 1
    names = {n.rpartition(" ")[0] for n in stage.boundaries.names}
    for call in ("outbox.pending", "outbox.settled", "outbox.failed", "outbox.enrol"):
        assert call in names
    return len(stage.boundaries.names)


async def test_it_dies_at_every_point() -> None:
    count = await points(MemoryDisk())
    assert count > 200
    for point in range(count):
        stage = Stage(MemoryDisk(), (point,))
        await stage.run()
        assert (point, stage.lives, list(stage.complaints())) == (point, 2, [])


async def test_it_dies_at_two_points_of_every_distance() -> None:
    count = await points(MemoryDisk())
    for first in range(0, count, 3):
        stage = Stage(MemoryDisk(), (first, first + 1 + (first * 7) % 40))
        await stage.run()
        assert (first, list(stage.complaints())) == (first, [])


@pytest.mark.parametrize("part", range(2))
async def test_it_dies_over_a_database_file(tmp_path: Path, part: int) -> None:
    count = await points(MemoryDisk())
    for point in range(part * 29, count, 58):
        stage = Stage(SqliteDisk(tmp_path / f"{point}.db"), (point,))
        await stage.run()
        assert (point, list(stage.complaints())) == (point, [])


async def test_a_relay_that_records_before_it_delivers_is_found_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    real = Lane._deliver

    async def deliver(self: Lane, batch: Batch) -> Exception | None:
        await self.outbox.settled(self.name, batch.seqs, Handed.TAKEN, self.clock.now())
        return await real(self, batch)

    monkeypatch.setattr(Lane, "_deliver", deliver)
    lost = []
    for point in range(0, 120, 2):
        stage = Stage(MemoryDisk(), (point,))
        await stage.run()
        lost += [c for c in stage.complaints() if "1 lost" in c]
    assert lost
