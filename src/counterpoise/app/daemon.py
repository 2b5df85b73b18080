"""The daemon: start-up gate, one loop that looks when a portfolio is due, a relay for alerts, and a clean stop.

Cycles of all portfolios run one after the other in one task; nothing else sends orders. A stop lets the running
cycle end without new placements, takes own working orders down (or leaves them, by config), and exits 0.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal

import structlog

from counterpoise.app.build import App, open_app
from counterpoise.app.clock import WallClock
from counterpoise.app.cycle import Cycle
from counterpoise.app.cycle_report import CycleReport, iso
from counterpoise.app.gate import pass_gate
from counterpoise.app.pace import Pace
from counterpoise.app.storage import Storage, open_storage
from counterpoise.config.settings import Settings
from counterpoise.domain.errors import StoreError, VenueAuthError, VenueError
from counterpoise.domain.events import Severity
from counterpoise.domain.numbers import dec
from counterpoise.domain.plan import Cancel
from counterpoise.domain.policy import PortfolioPolicy
from counterpoise.domain.records import Changes
from counterpoise.execute.executor import Executor
from counterpoise.notify.console import ConsoleSink
from counterpoise.notify.messages import condition_raised, lifecycle
from counterpoise.notify.relay import Relay
from counterpoise.ports import Sink

log = structlog.get_logger(__name__)

#: A stop must be over well within the 20 s that the promise allows.
STOP_TIMEOUT_S = 15
#: How often the relay looks for undelivered alerts when nobody wakes it.
RELAY_PAUSE_S = dec(1)


@dataclass(slots=True)
class _Runner:
    """One portfolio's cycle and when it is due."""

    policy: PortfolioPolicy
    cycle: Cycle
    pace: Pace
    due: datetime


class Daemon:
    """Runs portfolios until told to stop. ``on_cycle`` sees every report (the demo's live view)."""

    def __init__(
        self,
        app: App,
        storage: Storage,
        sinks: dict[str, Sink],
        on_cycle: Callable[[CycleReport], None] = lambda _: None,
    ) -> None:
        self._app = app
        self._storage = storage
        self._on_cycle = on_cycle
        self._stop = asyncio.Event()
        self._news = asyncio.Event()
        self._relay = Relay(storage.outbox, sinks, WallClock())
        now = app.clock.now()
        self._runners = [
            _Runner(
                policy=policy,
                cycle=Cycle(policy, app.venues, storage.store, app.clock, self._may_send),
                pace=Pace(app.poll(policy.venues)),
                due=now,
            )
            for policy in app.settings.portfolios
        ]

    def stop(self) -> None:
        """Ask for a clean stop: no new orders from now on."""
        self._stop.set()

    async def run(self, until: datetime | None = None) -> None:
        """Run until :meth:`stop`, or until the clock has passed ``until``."""
        relay = asyncio.create_task(self._relay_loop())
        try:
            await self._loop(until)
        finally:
            try:
                async with asyncio.timeout(STOP_TIMEOUT_S):
                    await self._wind_down()
            except TimeoutError:
                log.error("stop_cut_short", after_s=STOP_TIMEOUT_S)  # noqa: TRY400 - where it waited is no news
            finally:
                relay.cancel()
                await asyncio.gather(relay, return_exceptions=True)

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
            report = await runner.cycle.run()
        except StoreError as error:
            log.exception("database_failed", portfolio=runner.policy.id, error=str(error))
            runner.due = clock.now() + timedelta(seconds=5)
            return
        except VenueAuthError as error:
            log.critical("key_not_accepted", portfolio=runner.policy.id, error=str(error))
            await self._tell_key_trouble(runner.policy, str(error))
            runner.due = clock.now() + timedelta(minutes=1)
            return
        except VenueError as error:
            log.warning("look_failed", portfolio=runner.policy.id, error=str(error))
            runner.due = clock.now() + timedelta(seconds=5)
            return
        runner.due = runner.pace.next_look(report, clock.now())
        noteworthy = report.results or report.fills or report.held or report.refused
        (log.info if noteworthy else log.debug)(
            "cycle", portfolio=report.portfolio, as_of=iso(report.as_of), summary=report.summary
        )
        self._news.set()
        self._on_cycle(report)

    async def _tell_key_trouble(self, policy: PortfolioPolicy, message: str) -> None:
        """Raise the alert once; a database that fails as well costs the alert, not the daemon."""
        store, now, key = self._storage.store, self._app.clock.now(), "key:rejected"
        try:
            if key in (await store.load(policy.id, now)).raised:
                return
            warning = condition_raised(policy.id, key, "key", Severity.CRITICAL, message, now)
            await store.commit(Changes(portfolio=policy.id, alerts=(warning,)))
        except StoreError as error:
            log.exception("database_failed", portfolio=policy.id, error=str(error))
        self._news.set()

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

    async def _relay_loop(self) -> None:
        """Deliver alerts as they come; runs on wall time, beside the trading loop, which never waits for it."""
        wall = WallClock()
        while True:
            self._news.clear()
            try:
                await self._relay.deliver_pending()
            except StoreError as error:
                log.warning("outbox_failed", error=str(error))
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(float(RELAY_PAUSE_S)):
                    await self._news.wait()
            await wall.sleep(Decimal(0))

    async def _wind_down(self) -> None:
        """Take own working orders down where the config says so, tell, and deliver what is left.

        Every portfolio gets its turn; then the first StoreError is raised.
        """
        failures: list[StoreError] = []
        for runner in self._runners:
            try:
                await self._leave(runner.policy)
            except StoreError as error:
                log.exception("database_failed", portfolio=runner.policy.id, error=str(error))
                failures.append(error)
        await self._relay.deliver_pending()
        if failures:
            raise failures[0]

    async def _leave(self, policy: PortfolioPolicy) -> None:
        message = f"Stopped watching {policy.id}; {await self._cancel_working(policy)}"
        told = lifecycle(policy.id, "stopped", message, self._app.clock.now())
        await self._storage.store.commit(Changes(portfolio=policy.id, alerts=(told,)))

    async def _cancel_working(self, policy: PortfolioPolicy) -> str:
        now = self._app.clock.now()
        recorded = await self._storage.store.load(policy.id, now)
        working = [o for o in recorded.orders if not o.state.is_final]
        proven = [o for o in working if not o.state.is_unproven]
        if not working:
            return "no order is working"
        if not policy.execution.cancel_on_stop:
            return f"{len(working)} orders keep working, as the config says"
        executor = Executor(self._app.venues, self._storage.store, self._app.clock, self._may_send)
        cancels = [Cancel(order=o, why="stopping") for o in proven]
        execution = await executor.execute(Changes(portfolio=policy.id), cancels, ())
        await self._storage.store.commit(
            Changes(portfolio=policy.id, orders=tuple(replace(o) for o in execution.orders))
        )
        ended = sum(o.state.is_final for o in execution.orders)
        unsure = len(working) - ended
        tail = (
            f", {unsure} without a proven outcome are looked up at the next start" if unsure else ""
        )
        return f"{ended} working orders were cancelled{tail}"


async def run_daemon(settings: Settings, *, migrate: bool, accept_config: str | None) -> int:
    """Open everything, pass the start-up gate, and run until SIGTERM or SIGINT. Returns the exit code.

    Raises ConfigError, SafetyRefusal, WrongSchema, StoreError, VenueError before anything was sent.
    """
    async with AsyncExitStack() as stack:
        storage = await open_storage(settings, stack, migrate_to_head=migrate)
        app = await open_app(settings, stack)
        await pass_gate(app, storage.store, accept_config)
        daemon = Daemon(app, storage, {"console": ConsoleSink()})
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, daemon.stop)
        log.info("started", portfolios=[p.id for p in settings.portfolios], store="open")
        await daemon.run()
        log.info("stopped")
    return 0
