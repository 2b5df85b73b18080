"""A daemon's life on a simulated exchange, in virtual time: started, killed, started again; deterministic.

The parts are the real ones: the start-up gate, the cycle, the pace, the relay, the memory store or an SQLite file.
Only what the wall clock would decide (when the relay runs beside the loop) is put in a fixed order.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from counterpoise.app.build import App
from counterpoise.app.cycle import Cycle
from counterpoise.app.cycle_report import CycleReport
from counterpoise.app.gate import pass_gate
from counterpoise.app.leaving import leave
from counterpoise.app.pace import Pace
from counterpoise.app.rows import ChangedLooks
from counterpoise.config.settings import Settings
from counterpoise.domain.errors import SafetyRefusal, StoreError, VenueError
from counterpoise.domain.message import Message
from counterpoise.domain.numbers import dec
from counterpoise.domain.order import OrderState
from counterpoise.domain.policy import PortfolioPolicy
from counterpoise.notify.relay import Relay
from counterpoise.record.memory import MemoryStore
from counterpoise.venue.sim import SimExchange
from counterpoise.venue.sim.venue import SimVenue
from tests.prove.boundaries import Boundaries, Watched, died
from tests.prove.stepped import SteppedVenue
from tests.unit.app.desk import make_access

VENUE = "sim"
#: After an error a look is tried again so much later, as in the daemon.
AGAIN = timedelta(seconds=5)
#: So many looks without any news end a run after its time.
QUIET_LOOKS = 2


class ScriptedClock:
    """Virtual time: moves the exchange, and does what the script says at its instants, also in mid-sleep."""

    def __init__(self, exchange: SimExchange) -> None:
        self._exchange = exchange
        self._now = exchange.now
        self._script: list[tuple[datetime, Callable[[], None]]] = []
        self.offset = timedelta(0)

    def at(self, instant: datetime, act: Callable[[], None]) -> None:
        """Do ``act`` when time comes to ``instant``."""
        self._script.append((instant, act))
        self._script.sort(key=lambda entry: entry[0])

    def now(self) -> datetime:
        """Our clock, which may be off the venue's."""
        return self._now + self.offset

    @property
    def market_now(self) -> datetime:
        """The exchange's time."""
        return self._now

    async def sleep(self, seconds: Decimal) -> None:
        """Let time pass."""
        self._pass(timedelta(microseconds=int(seconds * 1_000_000)))
        await asyncio.sleep(0)  # noqa: TID251 - a turn of the loop, no time

    def _pass(self, span: timedelta) -> None:
        until = self._now + span
        while self._script and self._script[0][0] <= until:
            at, act = self._script.pop(0)
            self._move(max(at, self._now))
            act()
        self._move(until)

    def _move(self, to: datetime) -> None:
        self._exchange.advance(Decimal((to - self._now) // timedelta(microseconds=1)) / 1_000_000)
        self._now = to


class Ear:
    """A sink outside the process: what it heard stays heard."""

    def __init__(self) -> None:
        self.heard: list[Message] = []
        self.ids: set[str] = set()

    async def deliver(self, message: Message) -> None:
        """Hear."""
        self.heard.append(message)
        self.ids.update(message.ids)


class MemoryDisk:
    """A disk that survives the process: the memory store itself."""

    def __init__(self) -> None:
        self._store = MemoryStore()

    async def open(self) -> tuple[Any, Any]:
        """Return the store and the outbox of a new process."""
        return self._store, self._store

    async def close(self, *, died: bool) -> None:
        """Nothing to let go."""

    async def committed(self) -> set[str]:
        """Ids of every alert that was ever committed."""
        return set(self._store._alert_ids)


class SqliteDisk:
    """A database file; a process that dies lets go of it without a word."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._record: Any = None

    async def open(self) -> tuple[Any, Any]:
        """Open the file as a new process would."""
        from counterpoise.record.sql import connect, migrate

        url = f"sqlite:///{self._path}"
        if not self._path.exists():
            migrate.upgrade(url)
        self._record = connect(url)
        await self._record.store.open()
        return self._record.store, self._record.outbox

    async def close(self, *, died: bool) -> None:
        """Close the file; what was under way is rolled back."""
        if self._record is not None:
            await self._record.store.close()
            self._record = None

    async def committed(self) -> set[str]:
        """Ids of every alert that was ever committed."""
        import sqlite3

        with sqlite3.connect(self._path) as file:
            return {row[0] for row in file.execute("select id from alerts")}


@dataclass(slots=True)
class Play:
    """One scenario on its stage. ``wrap`` and ``store_wrap`` put what goes wrong between the daemon and its world.

    It runs for ``until``, and on to a look at which all is quiet. ``prepare`` leaves what an earlier process left;
    ``stops_at``: when it is stopped cleanly, to be started again. ``cap``: what position and work may reach, base
    units to either side. ``allowed_rejects``: codes the exchange may refuse with; ``reaches``: what is wanted can be
    had; ``coins``: coins are traded too. ``expect``: what the end must show beside what must always hold; returns
    complaints.
    """

    exchange: SimExchange
    api_key: str
    clock: ScriptedClock
    policy: PortfolioPolicy
    until: timedelta
    every: timedelta = timedelta(seconds=30)
    wrap: Callable[[SimVenue], Any] = lambda venue: venue
    store_wrap: Callable[[Any], Any] = lambda store: store
    sink_wrap: Callable[[Any], Any] = lambda sink: sink
    prepare: Callable[[Play, Any], Awaitable[None]] | None = None
    stops_at: timedelta | None = None
    cap: Decimal = dec("1")
    allowed_rejects: frozenset[str] = frozenset()
    reaches: bool = True
    coins: bool = False
    expect: Callable[[Play], list[str]] = lambda _play: []
    ear: Ear = field(default_factory=Ear)
    disk: Any = field(default_factory=MemoryDisk)
    lives: int = 0
    reports: int = 0
    #: What reached the exchange from us before the start-up gate had passed.
    ungated: int = 0
    #: When it was stopped, and when it began again: nothing may be placed between.
    rests: list[tuple[datetime, datetime]] = field(default_factory=list)
    last: CycleReport | None = None
    exchange_start: datetime = field(init=False)

    def __post_init__(self) -> None:
        self.exchange_start = self.exchange.now


async def play(scene: Play, boundaries: Boundaries, *, longest: int = 600) -> None:
    """Let a daemon live to the end of ``scene``; after each death a new one starts on what it left.

    Raises AssertionError when it does not come to its end within ``longest`` looks.
    """
    while True:
        scene.lives += 1
        boundaries.revive()
        store, outbox = await scene.disk.open()
        try:
            if scene.lives == 1 and scene.prepare is not None:
                await scene.prepare(scene, store)
            await _live(scene, store, outbox, boundaries, longest)
        except BaseException as error:
            await scene.disk.close(died=True)
            if not died(error):
                raise
            # a supervisor takes a moment to start the next one
            await scene.clock.sleep(dec(2))
            continue
        await scene.disk.close(died=False)
        return


async def _gate(scene: Play, app: App, disk: Any) -> None:
    """Pass the start-up gate, started again by a supervisor until it can be passed."""
    heard = scene.exchange.log.next_seq
    while True:
        try:
            await pass_gate(app, disk, None)
            break
        except (VenueError, StoreError):
            await scene.clock.sleep(dec(5))
    events = scene.exchange.log.after(heard)
    scene.ungated += sum(e["event"] in {"place", "reject", "transfer"} for e in events)


async def _live(scene: Play, store: Any, outbox: Any, boundaries: Boundaries, longest: int) -> None:
    inner = SteppedVenue(VENUE, scene.exchange, scene.api_key, boundaries)
    venue = Watched("venue", scene.wrap(inner), boundaries)
    disk = Watched("store", scene.store_wrap(store), boundaries)
    relay = Relay(
        Watched("outbox", outbox, boundaries),
        {"ear": Watched("ear", scene.sink_wrap(scene.ear), boundaries)},
        scene.clock,
    )
    end = scene.exchange_start + scene.until
    await venue.open()
    settings = Settings(
        path=Path("counterpoise.yaml"),
        store_url="sqlite:////nowhere",
        venues={VENUE: make_access(VENUE)},
        existing={},
        portfolios=(scene.policy,),
        hashes={scene.policy.id: "hash"},
    )
    app = App(settings=settings, clock=scene.clock, venues={VENUE: venue})
    await _gate(scene, app, disk)
    cycle = Cycle(scene.policy, {VENUE: venue}, disk, scene.clock, rows=ChangedLooks())
    pace = Pace(scene.every)
    # at rest: looks in a row in which nothing happened, nor between them
    quiet, heard = 0, -1
    while scene.clock.market_now < end or quiet < QUIET_LOOKS:
        if (
            scene.stops_at is not None
            and scene.clock.market_now >= scene.exchange_start + scene.stops_at
        ):
            scene.stops_at = None
            stopped = scene.clock.market_now
            await leave(app, disk, scene.policy)
            await relay.deliver_pending()
            await scene.clock.sleep(dec(20))
            scene.rests.append((stopped, scene.clock.market_now))
            return await _live(scene, store, outbox, boundaries, longest)
        scene.reports += 1
        assert scene.reports < longest, "it does not come to rest"
        now, told = scene.clock.now(), scene.exchange.log.next_seq
        try:
            report = await cycle.run()
            still = not (report.results or report.fills) and told == scene.exchange.log.next_seq
            live = await store.orders(scene.policy.id, live_only=True, limit=1000)
            still = still and all(o.state is OrderState.OPEN for o in live)
            quiet = quiet + 1 if still and told == heard else 0
            heard = scene.exchange.log.next_seq
            due = pace.next_look(report, scene.clock.now())
            scene.last = report
        except (StoreError, VenueError):
            due = now + AGAIN
        with contextlib.suppress(StoreError):
            await relay.deliver_pending()
        wait = max(due - scene.clock.now(), timedelta(milliseconds=1))
        await scene.clock.sleep(Decimal(wait // timedelta(microseconds=1)) / 1_000_000)
    await relay.deliver_pending()
    return None


__all__ = [
    "VENUE",
    "Ear",
    "MemoryDisk",
    "Play",
    "SafetyRefusal",
    "ScriptedClock",
    "SqliteDisk",
    "play",
]
