#!/usr/bin/env python3
"""What a dead or hung broker costs a look: ``make bench``.

The daemon as ``run`` wires it trades a made-up market on the local exchange (stock client, HTTP on loopback, SQLite on
disk) three times per round: without a broker, with one that refuses connections, and with one that takes them and
says nothing. Alerts of an earlier run wait for it. Timed is every round of the loop, look and pause, on the wall:
waiting is what a sink might cost. Market time passes as fast as the loop goes, so that nothing is left to hide in.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import socket
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import structlog

from bench.results import Result, keep, result, show
from counterpoise.app.build import open_app
from counterpoise.app.clock import WallClock
from counterpoise.app.cycle_report import CycleReport
from counterpoise.app.daemon import Daemon
from counterpoise.app.gate import pass_gate
from counterpoise.app.outlets import Outlets, open_outlets
from counterpoise.app.sinks import open_sinks
from counterpoise.app.storage import open_storage
from counterpoise.config import load
from counterpoise.domain.events import Severity, alert
from counterpoise.domain.numbers import ZERO
from counterpoise.domain.records import Changes
from counterpoise.venue.testnet.launch import TestnetOptions, build_exchange, serving
from tests.scenario.processes import BALANCE, CONFIG

#: Alerts that wait when the daemon starts, for every sink.
BACKLOG = 1_000
START = datetime(2026, 1, 5, tzinfo=UTC)
#: The log is told nothing: a terminal has a pace of its own.
ALERTS = "alerts:\n  log: {routing: {info: off, warning: off, critical: off}}\n"
MQTT = "  mqtt: {{host: 127.0.0.1, port: {port}}}\n"


def main() -> int:
    """Measure, print, keep; 0 when every target is held."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--pairs", type=int, default=9)
    parser.add_argument("--hours", type=int, default=40, help="of market per run")
    options = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    results = measured(options.pairs, options.hours)
    show(results)
    keep(results)
    return 0 if all(r.holds for r in results) else 1


def measured(pairs: int, hours: int) -> list[Result]:
    """Run the three side by side, ``pairs`` times, in an order that turns."""
    ways = ("none", "dead", "hung")
    times: list[dict[str, list[float]]] = []
    looks("none", hours)  # what is done once per process is nobody's
    for number in range(pairs):
        order = ways[number % 3 :] + ways[: number % 3]
        times.append({way: looks(way, hours) for way in order})
    return [
        made
        for way in ("dead", "hung")
        for made in (
            _ratio(f"look with a {way} broker / without: p95", times, way, 95, 1.1),
            _ratio(f"look with a {way} broker / without: p99", times, way, 99, 1.25),
        )
    ]


def _ratio(
    name: str, times: Sequence[dict[str, list[float]]], way: str, percent: int, target: float
) -> Result:
    ratios = [_percentile(t[way], percent) / _percentile(t["none"], percent) for t in times]
    return result(name, "x", ratios, target=target, direction="max")


def _percentile(values: Sequence[float], percent: int) -> float:
    return statistics.quantiles(values, n=100, method="inclusive")[percent - 1]


def looks(way: str, hours: int) -> list[float]:
    """Run the daemon over so much market; return the wall seconds of each round of its loop."""
    with broker(way) as port:
        return asyncio.run(run(port, hours))


@contextmanager
def broker(way: str) -> Iterator[int | None]:
    """A port where nobody listens (``dead``), one where nobody ever answers (``hung``), or None."""
    if way == "none":
        yield None
        return
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        if way == "hung":
            taken.listen(64)
        yield taken.getsockname()[1]


async def run(port: int | None, hours: int) -> list[float]:
    """Run the daemon beside a broker at ``port``; return the wall seconds between completed looks."""
    async with AsyncExitStack() as stack:
        folder = Path(
            stack.enter_context(tempfile.TemporaryDirectory(prefix="counterpoise-bench-"))
        )
        exchange = build_exchange(
            TestnetOptions(synthetic=True, start=START, seed=7, balance=BALANCE)
        )
        served = await stack.enter_async_context(serving(exchange, speed=ZERO))
        config = folder / "counterpoise.yaml"
        text = CONFIG.format(url=served.url, api_key=served.api_key, secret=served.secret)
        config.write_text(text + ALERTS + (MQTT.format(port=port) if port is not None else ""))
        settings = load(config)
        storage = await open_storage(settings, stack, migrate_to_head=True)
        sinks = open_sinks(settings)
        await storage.outbox.enrol(sinks, WallClock().now())
        outlets = await open_outlets(settings, sinks, stack)
        app = await open_app(settings, stack, storage.store)
        await pass_gate(app, storage.store, None)
        waiting = [
            alert("book", "hedge_adjusted", Severity.INFO, f"Number {n}", START)
            for n in range(BACKLOG)
        ]
        await storage.store.commit(Changes(portfolio="book", alerts=tuple(waiting)))
        stopwatch = _Stopwatch(outlets)
        daemon = Daemon(app, storage, sinks, stopwatch.looked, policies=settings.alerts.policies)
        await daemon.run(until=exchange.now + timedelta(hours=hours))
        return stopwatch.seconds


class _Stopwatch:
    """Notes how long each round took, and passes the look on as ``run`` does."""

    def __init__(self, outlets: Outlets) -> None:
        self.seconds: list[float] = []
        self._outlets = outlets
        self._last: float | None = None

    def looked(self, report: CycleReport) -> None:
        """Note the time since the last completed look."""
        now = time.perf_counter()  # noqa: TID251 - waiting is measured, which no clock of ours shows
        if self._last is not None:
            self.seconds.append(now - self._last)
        self._last = now
        self._outlets.looked(report)


if __name__ == "__main__":
    sys.exit(main())
