"""The socket in front of a testnet, and the only place where wall time becomes market time.

A thin shell: it reads a request, hands it to the handler, writes the reply. :class:`MarketClock` is what
``--speed N`` means: the market moves N times as fast as the wall, before every request and between them;
at speed 0 nothing moves it but the control door, and what has passed on the wall since it last moved is
told to the handler as ``elapsed_ms``. It binds the loopback unless told otherwise, because the control
door needs no key.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from aiohttp import web

from counterpoise.domain.numbers import dec
from counterpoise.venue.sim import SimExchange
from counterpoise.venue.testnet.delivery import delivered
from counterpoise.venue.testnet.http import Handler, Request

LOOPBACK = "127.0.0.1"
TICK_S = 0.2
#: How long a request under way may take when the server is told to end.
SHUTDOWN_S = 2.0
MICROSECONDS = 1_000_000


def wall_now() -> datetime:
    """Return the wall clock's UTC instant, to the millisecond."""
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=time.time_ns() // 1_000_000)


class MarketClock:
    """Moves an exchange ``speed`` times as fast as the wall; 0 leaves it to stand.

    ``monotonic`` is the wall's stopwatch in seconds.
    """

    def __init__(
        self,
        exchange: SimExchange,
        speed: Decimal,
        *,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._exchange = exchange
        self._speed = speed
        self._monotonic = monotonic
        self._read_at = monotonic()
        self._stood_since = self._read_at
        self._seen = exchange.now

    def catch_up(self) -> None:
        """Advance the market by what has passed on the wall since the last call, in whole ms of market time."""
        if self._speed <= 0:
            return
        passed = int((self._monotonic() - self._read_at) * MICROSECONDS)
        market_ms = int(passed * self._speed // 1_000)
        if market_ms < 1:
            return
        self._exchange.advance(dec(market_ms) / 1_000)
        # only what was turned into market time is used up, so that nothing is lost to rounding
        self._read_at += float(market_ms * 1_000 / self._speed) / MICROSECONDS

    def elapsed_ms(self) -> int:
        """Return the wall ms since the market last moved; 0 where it moves by itself."""
        if self._speed > 0:
            return 0
        if self._exchange.now != self._seen:
            self._seen = self._exchange.now
            self._stood_since = self._monotonic()
        return int((self._monotonic() - self._stood_since) * 1_000)

    async def run(self) -> None:
        """Keep the market moving between requests, until cancelled."""
        while True:
            await asyncio.sleep(TICK_S)
            self.catch_up()


@asynccontextmanager
async def listening(
    handler: Handler, clock: MarketClock, *, host: str = LOOPBACK, port: int = 0
) -> AsyncIterator[str]:
    """Serve ``handler`` and yield its URL; port 0 takes any free one.

    Raises ``OSError`` when the address cannot be bound.
    """

    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        body = (await request.read()).decode("utf-8", "replace")
        clock.catch_up()
        path, _, query = request.raw_path.partition("?")
        response = handler.handle(
            Request(
                method=request.method,
                path=path,
                query=query,
                body=body,
                headers={name.lower(): value for name, value in request.headers.items()},
                elapsed_ms=clock.elapsed_ms(),
                remote=request.remote or "",
            )
        )
        # an advance moves the clock: the wait is counted from the moment it is done
        clock.elapsed_ms()
        return await delivered(request, response)

    runner = web.ServerRunner(web.Server(answer), shutdown_timeout=SHUTDOWN_S)
    await runner.setup()
    ticking = asyncio.create_task(clock.run())
    try:
        site = web.TCPSite(runner, host, port)
        await site.start()
        bound = runner.addresses[0]
        yield f"http://{host}:{bound[1]}"
    finally:
        ticking.cancel()
        with suppress(asyncio.CancelledError):
            await ticking
        await runner.cleanup()
