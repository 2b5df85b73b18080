"""The daemon on a desk: a simulated exchange in process, a real SQLite database, a clock moved by hand."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from counterpoise.app.build import App
from counterpoise.app.cycle_report import CycleReport
from counterpoise.app.daemon import Daemon
from counterpoise.app.gate import pass_gate
from counterpoise.app.storage import Storage
from counterpoise.config.settings import Settings
from counterpoise.domain.access import Environment, Secret, VenueAccess
from counterpoise.domain.errors import StoreError, VenueError
from counterpoise.domain.message import Message
from counterpoise.domain.numbers import dec
from counterpoise.domain.order import (
    CancelOutcome,
    Order,
    OrderState,
    PlaceOutcome,
    Unknown,
    VenueOrder,
)
from counterpoise.domain.policy import PortfolioPolicy
from counterpoise.domain.records import Recorded
from counterpoise.domain.reporting import ReportPlan
from counterpoise.domain.snapshot import Account
from counterpoise.domain.strategy import HedgePolicy
from counterpoise.ports import Clock, Venue
from counterpoise.record.sql.database import Database
from counterpoise.record.sql.journal import SqlJournal
from counterpoise.record.sql.outbox import SqlOutbox
from counterpoise.record.sql.store import SqlStore
from counterpoise.venue.sim import MarketKind
from counterpoise.venue.sim.venue import SimVenue
from tests.build import make_sleeve
from tests.scenario.world import EVERY, World, make_world

HALF = HedgePolicy(id="half", asset="BTC", ratio=dec("0.5"))


def make_policy(id_: str = "p", venue: str = "sim", **changes: Any) -> PortfolioPolicy:
    """BTC 80, USDT 20, half of the BTC hedged."""
    sleeves = (make_sleeve("core", "0.8", {"BTC": 1}), make_sleeve("buffer", "0.2", {"USDT": 1}))
    made = {
        "id": id_,
        "venues": (venue,),
        "quote": "USDT",
        "sleeves": sleeves,
        "strategies": (HALF,),
        **changes,
    }
    return PortfolioPolicy(**made)


class MoodyVenue(SimVenue):
    """The simulated venue; ``moods`` says what an account read raises, in turn, ``deaf`` which answers get lost."""

    def __init__(self, world: World, venue_id: str = "sim") -> None:
        super().__init__(venue_id, world.exchange, world.api_key)
        self.moods: list[VenueError | None] = []
        self.deaf: set[str] = set()
        self.looks = 0
        self.on_place: Callable[[], None] = lambda: None

    async def account(self) -> Account:
        self.looks += 1
        mood = self.moods.pop(0) if self.moods else None
        if mood is not None:
            raise mood
        return await super().account()

    async def place(self, order: Order) -> PlaceOutcome:
        self.on_place()
        outcome = await super().place(order)
        return Unknown(text="time-out") if "place" in self.deaf else outcome

    async def cancel(self, order: Order) -> CancelOutcome:
        outcome = await super().cancel(order)
        return Unknown(text="time-out") if "cancel" in self.deaf else outcome

    async def order(self, symbol: str, client_order_id: str) -> VenueOrder | None:
        if "order" in self.deaf:
            raise VenueError("time-out")
        return await super().order(symbol, client_order_id)


class BreakableStore(SqlStore):
    """The real store, which fails as long as ``broken``; only for one portfolio if ``only`` names it."""

    broken = False
    only: str | None = None

    async def load(self, portfolio: str, now: Any) -> Recorded:
        if self.broken and self.only in {None, portfolio}:
            raise StoreError("disk I/O error")
        return await super().load(portfolio, now)


class Ear:
    """A sink that keeps what it is told."""

    def __init__(self) -> None:
        self.heard: list[Message] = []

    async def deliver(self, message: Message) -> None:
        self.heard.append(message)

    @property
    def kinds(self) -> list[str]:
        """The kinds of the alerts, a cleared one with a minus."""
        return [f"-{a.kind}" if a.cleared else a.kind for a in self.heard]

    def of(self, kind: str) -> list[Message]:
        """The messages of one kind."""
        return [a for a in self.heard if a.kind == kind]


@dataclass(slots=True)
class DaemonDesk:
    """A daemon, everything around it, and what it said: ``reports`` of cycles and ``ear`` for alerts."""

    daemon: Daemon
    world: World
    venue: MoodyVenue
    store: BreakableStore
    outbox: SqlOutbox
    ear: Ear
    reports: list[CycleReport] = field(default_factory=list)

    async def run(self, hours: float = 1) -> None:
        """Run until so many hours of market later."""
        await self.daemon.run(self.world.clock.now() + timedelta(hours=hours))

    def working(self) -> int:
        """The exchange's own word on open orders."""
        orders = self.world.exchange.orders(self.world.api_key, MarketKind.PERP, open_only=True)
        return len(orders)

    async def states(self, portfolio: str = "p") -> list[OrderState]:
        """States of all recorded orders, newest first."""
        known = await self.store.orders(portfolio, live_only=False, limit=100)
        return [o.state for o in known]


NewDesk = Callable[..., Awaitable[DaemonDesk]]


async def make_desk(
    database: Path,
    stack: AsyncExitStack,
    *policies: PortfolioPolicy,
    world: World | None = None,
    clock: Clock | None = None,
    venue: MoodyVenue | None = None,
    more: Mapping[str, Venue] | None = None,
    dead_man: timedelta | None = None,
    sink: str = "ear",
    reports: ReportPlan | None = None,
    on_cycle: Callable[[DaemonDesk, CycleReport], None] = lambda _desk, _report: None,
) -> DaemonDesk:
    """A daemon past its start-up gate on a migrated ``database``; its market stands at 80,000 for a day.

    ``stack`` closes the database.
    """
    made = world or make_world([80_000] * 300)
    moody = venue or MoodyVenue(made)
    venues: dict[str, Venue] = {"sim": moody, **(more or {})}
    for one in venues.values():
        await one.open()
    portfolios = policies or (make_policy(),)
    app = make_app(clock or made.clock, venues, *portfolios, database=database, dead_man=dead_man)
    rows = Database(app.settings.store_url)
    store, outbox, ear = BreakableStore(rows), SqlOutbox(rows), Ear()
    stack.push_async_callback(store.close)
    await store.open()
    await pass_gate(app, store, None)
    storage = Storage(store=store, journal=SqlJournal(rows), outbox=outbox)

    def watch(report: CycleReport) -> None:
        desk.reports.append(report)
        on_cycle(desk, report)

    desk = DaemonDesk(
        daemon=Daemon(app, storage, {sink: ear}, watch, reports=reports),
        world=made,
        venue=moody,
        store=store,
        outbox=outbox,
        ear=ear,
    )
    return desk


def make_app(
    clock: Clock,
    venues: Mapping[str, Venue],
    *policies: PortfolioPolicy,
    database: Path = Path("/nowhere"),
    dead_man: timedelta | None = None,
) -> App:
    """The app of ``policies``, wired by hand."""
    settings = Settings(
        path=Path("counterpoise.yaml"),
        store_url=f"sqlite:///{database}",
        venues={v: replace(make_access(v), dead_man=dead_man) for v in venues},
        existing={},
        portfolios=policies,
        hashes={p.id: "hash" for p in policies},
    )
    return App(settings=settings, clock=clock, venues=venues)


def make_access(venue: str) -> VenueAccess:
    """How a venue of the tests is reached."""
    return VenueAccess(
        id=venue,
        exchange="binance",
        environment=Environment.LOCAL,
        api_key=Secret("fake"),
        secret=Secret("fake"),
        poll=EVERY,
    )


__all__ = [
    "HALF",
    "DaemonDesk",
    "Ear",
    "MoodyVenue",
    "NewDesk",
    "make_access",
    "make_app",
    "make_desk",
    "make_policy",
]
