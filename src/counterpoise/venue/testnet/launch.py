"""Puts a testnet together and serves it: options -> exchange -> face -> socket -> ready line.

``serve`` is what ``counterpoise testnet`` runs; ``serving`` is the same for a program that wants the
exchange in its own hands (the demo). The ready line on stdout is one JSON object; it is the promise that
requests are answered from then on.
"""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from decimal import ROUND_CEILING, Decimal
from typing import TextIO

from counterpoise.domain.numbers import ZERO
from counterpoise.venue.sim import AccountKeys, SimExchange
from counterpoise.venue.sim.log import ms_of
from counterpoise.venue.testnet.balances import parse_balance
from counterpoise.venue.testnet.binance import BinanceDialect
from counterpoise.venue.testnet.control import Control
from counterpoise.venue.testnet.face import Face
from counterpoise.venue.testnet.faults import FaultDoor, Faults, FaultyDialect
from counterpoise.venue.testnet.market import open_market
from counterpoise.venue.testnet.options import TestnetOptions
from counterpoise.venue.testnet.server import LOOPBACK, MarketClock, listening, wall_now

__all__ = ["Served", "TestnetOptions", "build_exchange", "face_of", "serve", "serving"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """A testnet that answers: where, with which account, and since which market time."""

    url: str
    api_key: str
    secret: str = field(repr=False)
    now: datetime

    @property
    def ready_line(self) -> str:
        """The JSON line that tells a client all it needs."""
        return json.dumps(
            {
                "url": self.url,
                "api_key": self.api_key,
                "secret": self.secret,
                "now": ms_of(self.now),
            }
        )


def build_exchange(options: TestnetOptions, *, now: datetime | None = None) -> SimExchange:
    """Return the exchange that ``options`` ask for, with one account that holds their balance.

    ``now`` is where a synthetic market without ``start`` begins: the wall's now unless told otherwise.

    Raises
    ------
    ValueError
        For an option that makes no sense or a file that is not as expected, saying where, what was
        expected and what was found.
    """
    options.check()
    market = open_market(options, now or wall_now())
    exchange = SimExchange(
        rules=market.rules,
        series=market.series,
        funding=market.funding,
        now=market.start,
        seed=options.seed,
    )
    exchange.open_account(parse_balance(options.balance))
    return exchange


def face_of(exchange: SimExchange, *, speed: Decimal = ZERO) -> Face:
    """Return the handler that answers for ``exchange``, in process or behind a socket."""
    scale = max(1, int(speed.to_integral_value(rounding=ROUND_CEILING)))
    dialect = BinanceDialect(exchange, window_scale=scale)
    faults = Faults(exchange, dialect.doors)
    return Face(FaultyDialect(dialect, faults, exchange), Control(exchange, FaultDoor(faults)))


@asynccontextmanager
async def serving(
    exchange: SimExchange, *, speed: Decimal = ZERO, host: str = LOOPBACK, port: int = 0
) -> AsyncIterator[Served]:
    """Serve ``exchange`` over HTTP and yield where and with which keys (of its first account).

    Raises ``OSError`` when the address cannot be bound, ``ValueError`` when the exchange has no account.
    """
    keys = _first_account(exchange)
    clock = MarketClock(exchange, speed)
    async with listening(face_of(exchange, speed=speed), clock, host=host, port=port) as url:
        yield Served(url=url, api_key=keys.api_key, secret=keys.secret, now=exchange.now)


def _first_account(exchange: SimExchange) -> AccountKeys:
    for key in exchange.accounts():
        secret = exchange.secret_of(key)
        if secret is not None:
            return AccountKeys(api_key=key, secret=secret)
    raise ValueError("expected an exchange with an account, was one without")


async def serve(options: TestnetOptions, *, out: TextIO | None = None) -> None:
    """Serve until SIGTERM, SIGINT or cancellation; the ready line goes to ``out`` (stdout)."""
    exchange = build_exchange(options)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    signals = (signal.SIGTERM, signal.SIGINT)
    for one in signals:
        loop.add_signal_handler(one, stop.set)
    try:
        async with serving(
            exchange, speed=options.market_speed, host=options.host, port=options.port
        ) as served:
            stream = out or sys.stdout
            stream.write(served.ready_line + "\n")
            stream.flush()
            await stop.wait()
    finally:
        for one in signals:
            loop.remove_signal_handler(one)
