"""The daemon as one process after another: each looks when it is due, dies when its world says so, is started again."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from counterpoise.app.build import App
from counterpoise.app.cycle import Cycle
from counterpoise.app.cycle_report import CycleReport
from counterpoise.app.gate import pass_gate
from counterpoise.app.pace import Pace
from counterpoise.app.rows import ChangedLooks
from counterpoise.config.settings import Settings
from counterpoise.domain.errors import SafetyRefusal, StoreError, VenueError
from counterpoise.notify.relay import Relay
from counterpoise.venue.sim.venue import SimVenue
from tests.prove.boundaries import Watched, died
from tests.prove.life import AGAIN, VENUE, Play
from tests.prove.rough import Mortal
from tests.unit.app.desk import make_access

#: A supervisor takes a moment to start the next process, and longer after one that refused to start.
NEXT, REFUSED = timedelta(seconds=2), timedelta(seconds=5)


def in_process(scene: Play) -> Any:
    """The venue of ``scene`` without a wire."""
    return SimVenue(VENUE, scene.exchange, scene.api_key)


class Process:
    """One daemon at a time on ``scene``. ``reach``: how a new process gets at its venue, before ``scene.wrap``."""

    def __init__(
        self, scene: Play, boundaries: Mortal, reach: Callable[[Play], Any] = in_process
    ) -> None:
        self.scene = scene
        self.boundaries = boundaries
        self.due: datetime = scene.clock.market_now
        self.deaths = 0
        self.store: Any = None
        self.reach = reach
        self._cycle: Cycle | None = None
        self._relay: Relay | None = None
        self._pace = Pace(scene.every)
        self._venue: Any = None

    async def look(self) -> CycleReport | None:
        """Look once, starting first where there is no process; None when it came to nothing. Sets :attr:`due`."""
        try:
            return await self._look()
        except BaseException as error:
            if not died(error):
                raise
        self.deaths += 1
        await self.end(died=True)
        self.due = self.scene.clock.market_now + NEXT
        return None

    async def end(self, *, died: bool = False) -> None:
        """End the process as it stands."""
        self._cycle = None
        await self.scene.disk.close(died=died)
        if self._venue is not None:
            with contextlib.suppress(Exception):
                await self._venue.close()
            self._venue = None

    async def rest(self) -> None:
        """Let time pass until the next look is due."""
        wait = max(self.due - self.scene.clock.market_now, timedelta(milliseconds=1))
        await self.scene.clock.sleep(Decimal(wait // timedelta(microseconds=1)) / 1_000_000)

    async def _look(self) -> CycleReport | None:
        scene = self.scene
        if self._cycle is None and not await self._start():
            return None
        assert self._cycle is not None
        assert self._relay is not None
        scene.reports += 1
        report: CycleReport | None = None
        now = scene.clock.now()
        try:
            report = await self._cycle.run()
            scene.last = report
            due = self._pace.next_look(report, scene.clock.now())
        except (StoreError, VenueError):
            due = now + AGAIN
        with contextlib.suppress(StoreError):
            await self._relay.deliver_pending()
        # our clock may be off, what is waited for is a span
        self.due = scene.clock.market_now + (due - scene.clock.now())
        return report

    async def _start(self) -> bool:
        scene = self.scene
        scene.lives += 1
        self.boundaries.revive()
        store, outbox = await scene.disk.open()
        self.store = store
        disk = Watched("store", scene.store_wrap(store), self.boundaries)
        self._venue = self.reach(scene)
        venue = Watched("venue", scene.wrap(self._venue), self.boundaries)
        settings = Settings(
            path=Path("counterpoise.yaml"),
            store_url="sqlite:////nowhere",
            venues={VENUE: make_access(VENUE)},
            existing={},
            portfolios=(scene.policy,),
            hashes={scene.policy.id: "hash"},
        )
        try:
            await venue.open()
            await pass_gate(
                App(settings=settings, clock=scene.clock, venues={VENUE: venue}), disk, None
            )
        except (VenueError, StoreError, SafetyRefusal):
            await self.end()
            self.due = scene.clock.market_now + REFUSED
            return False
        self._relay = Relay(
            Watched("outbox", outbox, self.boundaries),
            {"ear": Watched("ear", scene.ear, self.boundaries)},
            scene.clock,
        )
        self._cycle = Cycle(scene.policy, {VENUE: venue}, disk, scene.clock, rows=ChangedLooks())
        self._pace = Pace(scene.every)
        return True
