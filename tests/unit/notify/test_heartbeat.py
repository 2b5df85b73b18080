from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from aiohttp import web
from structlog.testing import capture_logs

from counterpoise.app.clock import WallClock
from counterpoise.domain.access import HeartbeatAccess, Secret
from counterpoise.notify import heartbeat
from counterpoise.notify.heartbeat import Heartbeat

CLOCK = WallClock()
EVERY = timedelta(milliseconds=150)
TOKEN = "fake-token-of-a-ping"


class Monitor:
    """Somewhere pings go, on loopback: counts them, and answers with ``status``."""

    def __init__(self) -> None:
        self.pings: list[float] = []
        self.status = 200
        self.hangs = False

    async def open(self) -> str:
        app = web.Application()
        app.router.add_get(f"/ping/{TOKEN}", self._ping)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        host, port = self._runner.addresses[0][:2]
        return f"http://{host}:{port}/ping/{TOKEN}"

    async def close(self) -> None:
        await self._runner.cleanup()

    async def _ping(self, request: web.Request) -> web.Response:
        self.pings.append(asyncio.get_running_loop().time())
        if self.hangs:
            await asyncio.Event().wait()
        return web.Response(status=self.status)


@pytest.fixture
def logged() -> Iterator[list[Any]]:
    with capture_logs() as lines:
        yield lines


@pytest.fixture
async def monitor() -> AsyncIterator[Monitor]:
    made = Monitor()
    made.url = await made.open()
    yield made
    await made.close()


@pytest.fixture
async def beat(monitor: Monitor) -> AsyncIterator[Heartbeat]:
    made = Heartbeat(HeartbeatAccess(url=Secret(monitor.url), every=EVERY), ("p", "q"), CLOCK)
    made.start()
    yield made
    await made.close()


async def until(condition: Any) -> None:
    async with asyncio.timeout(5):
        while not condition():
            await CLOCK.sleep(Decimal("0.01"))


async def test_it_pings_when_every_portfolio_has_looked(beat: Heartbeat, monitor: Monitor) -> None:
    beat.looked("p")
    beat.looked("p")
    await CLOCK.sleep(Decimal("0.05"))
    assert monitor.pings == []
    beat.looked("q")
    await until(lambda: len(monitor.pings) == 1)


async def test_it_pings_no_more_often_than_said_and_never_of_the_past(
    beat: Heartbeat, monitor: Monitor
) -> None:
    async with asyncio.timeout(10):
        while len(monitor.pings) < 3:
            beat.looked("p")
            beat.looked("q")
            await CLOCK.sleep(Decimal("0.02"))
    spans = [b - a for a, b in zip(monitor.pings, monitor.pings[1:], strict=False)]
    assert all(span >= EVERY.total_seconds() for span in spans)
    # a look within the pause is no reason for a ping after it
    await CLOCK.sleep(Decimal("0.3"))
    count = len(monitor.pings)
    beat.looked("p")
    beat.looked("q")
    await until(lambda: len(monitor.pings) == count + 1)
    beat.looked("p")
    beat.looked("q")
    await CLOCK.sleep(Decimal("0.3"))
    assert len(monitor.pings) == count + 1


async def test_a_failure_is_told_once_and_never_with_the_url(
    beat: Heartbeat,
    monitor: Monitor,
    logged: list[dict[str, object]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def again() -> None:
        told = len(logged)
        while len(logged) == told:
            beat.looked("p")
            beat.looked("q")
            await CLOCK.sleep(Decimal("0.02"))

    monitor.status = 500
    await again()
    monitor.hangs = True
    with monkeypatch.context() as patience:
        patience.setattr(heartbeat, "ANSWER_S", 0.4)
        await again()
        await again()
    monitor.hangs, monitor.status = False, 200
    await again()
    told = [(x["event"], x["log_level"], x.get("error")) for x in logged]
    assert told == [
        ("heartbeat_failed", "warning", "HTTP 500"),
        ("heartbeat_failed", "debug", "TimeoutError"),
        ("heartbeat_failed", "debug", "TimeoutError"),
        ("heartbeat_recovered", "info", None),
    ]
    assert TOKEN not in str(logged)


async def test_nobody_there_is_a_failure_like_another(logged: list[dict[str, object]]) -> None:
    url = Secret(f"http://127.0.0.1:1/{TOKEN}")
    made = Heartbeat(HeartbeatAccess(url=url, every=EVERY), ("p",), CLOCK)
    made.start()
    made.looked("p")
    await until(lambda: logged)
    await made.close()
    assert [(x["event"], x["error"]) for x in logged] == [("heartbeat_failed", "ConnectError")]


async def test_a_proxy_that_cannot_be_used_is_a_failure_that_ends_with_it(
    logged: list[dict[str, object]], monitor: Monitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALL_PROXY", "socks5://127.0.0.1:1")
    made = Heartbeat(HeartbeatAccess(url=Secret(monitor.url), every=EVERY), ("p",), CLOCK)
    made.start()
    made.looked("p")
    await until(lambda: logged)
    assert [(x["event"], x["error"]) for x in logged] == [("heartbeat_failed", "ImportError")]
    monkeypatch.delenv("ALL_PROXY")

    def pinged() -> bool:
        made.looked("p")
        return bool(monitor.pings)

    await until(pinged)
    await made.close()
