"""Wall time becomes market time, and requests pass the socket unchanged."""

from __future__ import annotations

import json
from dataclasses import dataclass

import aiohttp
import pytest
from yarl import URL

from counterpoise.domain.numbers import ZERO, dec
from counterpoise.venue.sim import SimExchange
from counterpoise.venue.testnet.http import Request, Response
from counterpoise.venue.testnet.server import MarketClock, listening, wall_now
from tests.unit.venue.testnet.small import NOW


@dataclass
class Stopwatch:
    """A wall that a test moves."""

    seconds: float = 1_000.0

    def __call__(self) -> float:
        return self.seconds


class Echo:
    """Keeps what it was asked."""

    def __init__(self) -> None:
        self.asked: list[Request] = []

    def handle(self, request: Request) -> Response:
        self.asked.append(request)
        return Response(status=418, body="ä", headers={"Content-Type": "text/plain", "X-A": "b"})


@pytest.mark.parametrize("speed", ["1", "60", "0.5", "7.3"])
def test_the_market_moves_speed_times_as_fast_and_loses_nothing(
    exchange: SimExchange, speed: str
) -> None:
    wall = Stopwatch()
    clock = MarketClock(exchange, dec(speed), monotonic=wall)
    for _ in range(1_000):
        wall.seconds += 0.0137
        clock.catch_up()
    moved = dec(str((exchange.now - NOW).total_seconds()))
    assert abs(moved - dec("13.7") * dec(speed)) < dec("0.01") * max(1, dec(speed))


def test_at_speed_zero_only_the_door_moves_the_market(exchange: SimExchange) -> None:
    wall = Stopwatch()
    clock = MarketClock(exchange, ZERO, monotonic=wall)
    wall.seconds += 90
    clock.catch_up()
    assert exchange.now == NOW
    assert clock.elapsed_ms() == 90_000
    exchange.advance(dec(1))
    assert clock.elapsed_ms() == 0
    wall.seconds += 2.5
    assert clock.elapsed_ms() == 2_500


def test_a_market_that_moves_by_itself_has_nothing_elapsed(exchange: SimExchange) -> None:
    wall = Stopwatch()
    clock = MarketClock(exchange, dec(1), monotonic=wall)
    wall.seconds += 90
    assert clock.elapsed_ms() == 0


def test_the_wall_is_read_in_utc() -> None:
    offset = wall_now().utcoffset()
    assert offset is not None
    assert not offset


async def test_a_request_passes_the_socket_unchanged(exchange: SimExchange) -> None:
    echo = Echo()
    clock = MarketClock(exchange, ZERO)
    async with listening(echo, clock) as url, aiohttp.ClientSession() as session:
        assert url.startswith("http://127.0.0.1:")
        target = URL(f"{url}/a/b?x=%5B%22c%22%5D&y=1+2", encoded=True)
        async with session.post(
            target, data=b'k=[{"q":"1"}]', headers={"X-MBX-APIKEY": "K"}
        ) as got:
            assert (got.status, await got.text(), got.headers["X-A"]) == (418, "ä", "b")
    (request,) = echo.asked
    assert (request.method, request.path, request.query) == (
        "POST",
        "/a/b",
        "x=%5B%22c%22%5D&y=1+2",
    )
    assert (request.body, request.headers["x-mbx-apikey"]) == ('k=[{"q":"1"}]', "K")
    assert request.remote == "127.0.0.1"


async def test_a_taken_port_is_an_error(exchange: SimExchange) -> None:
    clock = MarketClock(exchange, ZERO)
    async with listening(Echo(), clock) as url:
        port = URL(url).port
        assert port is not None
        with pytest.raises(OSError, match="address already in use"):
            async with listening(Echo(), clock, port=port):
                pytest.fail("a taken port was served")


async def test_the_running_clock_is_ahead_of_every_request(exchange: SimExchange) -> None:
    wall = Stopwatch()
    clock = MarketClock(exchange, dec(3_600), monotonic=wall)

    class Teller:
        def handle(self, request: Request) -> Response:
            return Response(status=200, body=json.dumps(exchange.now.isoformat()))

    async with listening(Teller(), clock) as url, aiohttp.ClientSession() as session:
        wall.seconds += 2
        async with session.get(url) as got:
            assert await got.json(content_type=None) == "2025-03-03T14:00:00+00:00"
