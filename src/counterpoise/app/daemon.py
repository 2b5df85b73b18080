"""The daemon: start-up gate, one loop that looks when a portfolio is due, a relay for alerts, and a clean stop.

Cycles of all portfolios run one after the other in one task; nothing else sends orders. A stop lets the running
cycle end without new placements, takes own working orders down (or leaves them, by config), and exits 0; 1 where one
of them may still work.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal

import structlog

from counterpoise.app.build import App, open_app
from counterpoise.app.clock import WallClock
from counterpoise.app.control import open_control
from counterpoise.app.cycle import Cycle
from counterpoise.app.cycle_report import PAUSED, CycleReport
from counterpoise.app.dead_man import DeadMan
from counterpoise.app.gate import pass_gate
from counterpoise.app.lasting import DEAD_MAN, LATE_LOOK
from counterpoise.app.leaving import leave
from counterpoise.app.logs import redactor
from counterpoise.app.outlets import open_outlets
from counterpoise.app.pace import Pace, late_after
from counterpoise.app.pauses import StoppedWaiting, lasting
from counterpoise.app.sink_watch import SinkWatch
from counterpoise.app.sinks import open_sinks, wording_of
from counterpoise.app.storage import Storage, open_storage
from counterpoise.app.troubles import key_refused
from counterpoise.app.waiting import WaitingRoom
from counterpoise.config.settings import Settings
from counterpoise.domain.errors import StoreError, VenueAuthError, VenueError
from counterpoise.domain.events import Severity
from counterpoise.domain.instants import iso
from counterpoise.domain.numbers import dec
from counterpoise.domain.order import Order
from counterpoise.domain.policy import PortfolioPolicy
from counterpoise.domain.records import Changes
from counterpoise.domain.reporting import ReportPlan
from counterpoise.domain.routing import SinkPolicy
from counterpoise.notify.clearing import cleared_text
from counterpoise.notify.messages import condition_cleared, condition_raised
from counterpoise.notify.relay import Relay
from counterpoise.ports import Sink

log = structlog.get_logger(__name__)

#: In seconds after a stop was asked for: until when a running cycle may end, until when orders are taken down, and
#: when leaving is cut short. With closing what is open that stays within the 20 s that the promise allows.
FINISH_S = 5
TAKE_DOWN_S = 14
LEAVE_S = 18.5
#: How long a venue may take to hear that its countdowns are off.
REST_S = 1
#: How long sinks may take to be told of the stop.
TELL_S = 3


@dataclass(slots=True)
class _Runner:
    """One portfolio's cycle and when it is due."""

    policy: PortfolioPolicy
    cycle: Cycle
    pace: Pace
    due: datetime
    dead_man: DeadMan
    #: Whether a late look may have been told of and not cleared, by an earlier run too.
    late: bool = True
    #: What guards refused in the last look: the same again is no news in the log.
    refused: set[str] = field(default_factory=set)


class Daemon:
    """Runs portfolios until told to stop. ``on_cycle`` sees every report (the demo's live view).

    ``policies``: how each sink is served; one without gets everything at once. ``reports``: when regular ones are due,
    None: nothing is counted for any.
    """

    def __init__(
        self,
        app: App,
        storage: Storage,
        sinks: dict[str, Sink],
        on_cycle: Callable[[CycleReport], None] = lambda _: None,
        stop: asyncio.Event | None = None,
        policies: Mapping[str, SinkPolicy] | None = None,
        reports: ReportPlan | None = None,
    ) -> None:
        self._app = app
        self._storage = storage
        self._on_cycle = on_cycle
        self._stop = stop or asyncio.Event()
        #: Whether leaving took too long: orders may be left, and the stop may be untold.
        self.cut_short = False
        #: Orders that were to be taken down at the stop and may still work.
        self.left: tuple[Order, ...] = ()
        #: When the stop was noticed, by the loop's time.
        self._stopping_since: float | None = None
        self._relay = Relay(
            storage.outbox,
            sinks,
            WallClock(),
            policies=policies,
            redact=redactor.text,
            wording=wording_of(app.settings),
        )
        named = [p.id for p in app.settings.portfolios]
        self._sink_watch = SinkWatch(storage, named, clock=app.clock, wall=WallClock())
        now = app.clock.now()
        self._runners = [
            _Runner(
                policy=policy,
                cycle=Cycle(
                    policy,
                    app.venues,
                    storage.store,
                    app.clock,
                    self._may_send,
                    countdowns=app.dead_men(policy.venues),
                    reports=reports,
                ),
                pace=Pace(app.poll(policy.venues)),
                due=now,
                dead_man=DeadMan(app.venues, app.dead_men(policy.venues), app.clock),
            )
            for policy in app.settings.portfolios
        ]

    def stop(self) -> None:
        """Ask for a clean stop: no new orders from now on."""
        self._stop.set()

    def mute(self, sink: str, until: datetime | None) -> bool:
        """Hold back what is not critical at ``sink`` until then, None: no more; False where there is no such sink."""
        return self._relay.mute(sink, until)

    async def run(self, until: datetime | None = None) -> None:
        """Run until :meth:`stop`, or until the clock has passed ``until``."""
        beside = [asyncio.create_task(t) for t in (self._relay.run(), self._sink_watch.run())]
        loop = asyncio.create_task(self._loop(until))
        try:
            await self._until_ended(loop)
        finally:
            began = self._stopping_since or asyncio.get_running_loop().time()
            try:
                async with asyncio.timeout_at(began + LEAVE_S):
                    await self._wind_down(began + TAKE_DOWN_S)
            except TimeoutError:
                self.cut_short = True
                log.critical("stop_cut_short", after_s=LEAVE_S)
            finally:
                for task in beside:
                    task.cancel()
                await asyncio.gather(*beside, return_exceptions=True)

    async def _until_ended(self, loop: asyncio.Task[None]) -> None:
        """Wait for the loop; once a stop was asked for, only so long as a running cycle may take."""
        stop = asyncio.create_task(self._stop.wait())
        try:
            await asyncio.wait({loop, stop}, return_when=asyncio.FIRST_COMPLETED)
            if self._stop.is_set():
                self._stopping_since = asyncio.get_running_loop().time()
                log.info("stopping")
                await asyncio.wait({loop}, timeout=FINISH_S)
        finally:
            stop.cancel()
            if not loop.done():
                # what it was sending stays PENDING or UNKNOWN and is looked up at the next start
                loop.cancel()
                await asyncio.wait({loop})
        if not loop.cancelled():
            loop.result()

    def _may_send(self) -> bool:
        return not self._stop.is_set()

    async def _loop(self, until: datetime | None) -> None:
        while not self._stop.is_set():
            runner = min(self._runners, key=lambda r: r.due)
            if until is not None and runner.due > until:
                return
            await self._sleep_until(runner.due)
            if not self._stop.is_set():
                await self._look(runner)

    async def _look(self, runner: _Runner) -> None:
        """Run one cycle; a failure is told and tried again later, never hidden."""
        clock = self._app.clock
        try:
            report = await self._ended(runner)
        except StoreError as error:
            log.exception("database_failed", portfolio=runner.policy.id, error=str(error))
            runner.due = clock.now() + timedelta(seconds=5)
            return
        except VenueAuthError as error:
            log.critical("key_not_accepted", portfolio=runner.policy.id, error=str(error))
            said = key_refused(str(error), runner.policy.venues)
            await self._tell_trouble(runner.policy, "key:rejected", said)
            runner.due = clock.now() + timedelta(minutes=1)
            return
        except VenueError as error:
            log.warning("look_failed", portfolio=runner.policy.id, error=str(error))
            runner.due = clock.now() + timedelta(seconds=5)
            return
        except Exception as error:
            # a bug in one portfolio must not leave the others, and the orders that work, unwatched
            log.exception("look_broke", portfolio=runner.policy.id, error=str(error))
            message = f"A look broke ({type(error).__name__}: {error}); nothing more was sent by it. See the log"
            await self._tell_trouble(runner.policy, "look:broke", message)
            runner.due = clock.now() + timedelta(minutes=1)
            return
        runner.due = runner.pace.next_look(report, clock.now())
        refused = {
            f"{r.order.symbol} {r.order.side.value} {r.guard} {r.reason.code}"
            for r in report.refused
            if r.reason.code != PAUSED
        }
        noteworthy = report.results or report.fills or report.held or refused != runner.refused
        runner.refused = refused
        (log.info if noteworthy else log.debug)(
            "cycle", portfolio=report.portfolio, as_of=iso(report.as_of), summary=report.summary
        )
        silent = await runner.dead_man.alive(report)
        if silent is not None:
            await self._tell_trouble(runner.policy, DEAD_MAN, silent)
        elif runner.dead_man.recovered:
            await self._tell_over(runner.policy, DEAD_MAN)
        self._relay.wake()
        self._on_cycle(report)

    async def _ended(self, runner: _Runner) -> CycleReport:
        """Run one cycle; one that takes too long is told of while it still runs."""
        look = asyncio.create_task(runner.cycle.run())
        late_s = late_after(runner.pace.every).total_seconds()
        try:
            await asyncio.wait({look}, timeout=late_s)
            if not look.done():
                message = await self._late_said(runner, late_s)
                log.warning("look_late", portfolio=runner.policy.id, after_s=late_s)
                await self._tell_trouble(runner.policy, LATE_LOOK, message)
                runner.late = True
                return await look
            report = await look
            if runner.late:
                await self._tell_over(runner.policy, LATE_LOOK)
                runner.late = False
            return report
        finally:
            if not look.done():
                look.cancel()
                await asyncio.wait({look})

    async def _late_said(self, runner: _Runner, late_s: float) -> str:
        """What is told of a look that is late: a pause that is known is why, else it is not known."""
        paused = await lasting(
            self._storage.store,
            self._app.settings.venues,
            runner.policy.venues,
            self._app.clock.now(),
        )
        why = "; ".join(paused) or "the venue answers slowly, or its request budget is spent"
        return (
            f"A look has not come to its end for {late_s:.0f} s: {why}. Prices and margin are not watched until it"
            " does"
        )

    async def _tell_trouble(self, policy: PortfolioPolicy, key: str, message: str) -> None:
        """Raise the alert once; a database that fails as well costs the alert, not the daemon."""
        store, now, kind = self._storage.store, self._app.clock.now(), key.partition(":")[0]
        try:
            if key in (await store.load(policy.id, now)).raised:
                return
            warning = condition_raised(policy.id, key, kind, Severity.CRITICAL, message, now)
            await store.commit(Changes(portfolio=policy.id, alerts=(warning,)))
        except StoreError as error:
            log.exception("database_failed", portfolio=policy.id, error=str(error))
        self._relay.wake()

    async def _tell_over(self, policy: PortfolioPolicy, key: str) -> None:
        """Clear the alert if it was raised; where that cannot be recorded now, it is cleared later or not at all."""
        store, now = self._storage.store, self._app.clock.now()
        over = condition_cleared(policy.id, key, key.partition(":")[0], cleared_text(key), now)
        try:
            if key not in (await store.load(policy.id, now)).raised:
                return
            await store.commit(Changes(portfolio=policy.id, alerts=(over,)))
        except StoreError as error:
            log.exception("database_failed", portfolio=policy.id, error=str(error))

    async def _sleep_until(self, due: datetime) -> None:
        """Sleep until ``due`` or a stop, whichever comes first."""
        span = due - self._app.clock.now()
        if span <= timedelta(0):
            return
        seconds: Decimal = dec(span // timedelta(microseconds=1)) / 1_000_000
        sleep = asyncio.create_task(self._app.clock.sleep(seconds))
        stop = asyncio.create_task(self._stop.wait())
        done, waiting = await asyncio.wait({sleep, stop}, return_when=asyncio.FIRST_COMPLETED)
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
        if sleep in done:
            sleep.result()

    async def _wind_down(self, until: float) -> None:
        """Take own working orders down where the config says so, tell, and deliver what is left.

        ``until``: when no more cancels are sent, by the loop's time. Countdowns run on where something may work.
        """
        seconds = max(until - asyncio.get_running_loop().time(), 0)
        parts = [leave(self._app, self._storage.store, r.policy, seconds) for r in self._runners]
        outcomes = await asyncio.gather(*parts, return_exceptions=True)
        self.left = tuple(o for left in outcomes if isinstance(left, tuple) for o in left)
        done = [
            runner.dead_man.rest()
            for runner, left in zip(self._runners, outcomes, strict=True)
            if left == () or not runner.policy.execution.cancel_on_stop
        ]
        try:
            async with asyncio.timeout(REST_S):
                await asyncio.gather(*done)
        except TimeoutError:
            log.warning("countdowns_left", after_s=REST_S)
        await self._tell_the_rest()
        failures = [f for f in outcomes if isinstance(f, BaseException)]
        if failures:
            raise failures[0]

    async def _tell_the_rest(self) -> None:
        """Deliver what is left, as long as sinks may hold up a stop; the rest waits for the next run."""
        try:
            async with asyncio.timeout(TELL_S):
                await self._relay.deliver_pending()
        except TimeoutError:
            log.warning("alerts_left", after_s=TELL_S)


async def run_daemon(settings: Settings, *, migrate: bool, accept_config: str | None) -> int:
    """Open everything, pass the start-up gate, and run until SIGTERM or SIGINT. Returns the exit code.

    Raises ConfigError, SafetyRefusal, WrongSchema, StoreError, VenueError before anything was sent.
    """
    async with AsyncExitStack() as stack:
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)
        storage = await open_storage(settings, stack, migrate_to_head=migrate)
        sinks = open_sinks(settings)
        # before the first alert of this run: a sink that is new gets what is committed from now on
        await storage.outbox.enrol(sinks, WallClock().now())
        outlets = await open_outlets(settings, sinks, stack)
        try:
            async with WaitingRoom(settings, storage, sinks) as room:
                app = await open_app(settings, stack, storage.store, stop, room.tell)
        except StoppedWaiting:
            log.info("stopped")
            return 0
        await pass_gate(app, storage.store, accept_config)
        daemon = Daemon(
            app,
            storage,
            sinks,
            on_cycle=outlets.looked,
            stop=stop,
            policies=settings.alerts.policies,
            reports=settings.alerts.reports,
        )
        open_control(settings, daemon.mute, stack)
        log.info("started", portfolios=[p.id for p in settings.portfolios], store="open")
        await daemon.run()
        log.info("stopped")
    return 1 if daemon.cut_short or daemon.left else 0
