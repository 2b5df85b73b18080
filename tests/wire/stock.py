"""Stock ccxt pointed at a testnet: in the same process, or over HTTP through a session that redirects.

Nothing of ccxt is changed but its transport and, in process, where it reads the time.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import ccxt.async_support as ccxt_async
from yarl import URL

from counterpoise.venue.sim import AccountKeys, SimExchange
from counterpoise.venue.sim.log import ms_of
from counterpoise.venue.testnet.binance import HOSTS
from counterpoise.venue.testnet.http import Handler
from counterpoise.venue.testnet.session import InProcessSession


class Redirect:
    """A session that sends every request to one address, whatever host it names."""

    headers: Mapping[str, str] = {}

    def __init__(self, to: str) -> None:
        self._to = to
        self._session = aiohttp.ClientSession()

    def __getattr__(self, verb: str) -> Any:
        call = getattr(self._session, verb)
        return lambda url, **options: call(URL(self._to + url.raw_path_qs, encoded=True), **options)

    async def close(self) -> None:
        await self._session.close()


def client(session: object, keys: AccountKeys, **options: object) -> Any:
    made = ccxt_async.binance(
        {
            "session": session,
            "apiKey": keys.api_key,
            "secret": keys.secret,
            "enableRateLimit": False,
            "options": options,
        }
    )
    made.timeout_on_exit = 0
    return made


@asynccontextmanager
async def in_process(
    exchange: SimExchange, handler: Handler, keys: AccountKeys
) -> AsyncIterator[Any]:
    """Yield a client under the exchange's own clock, without sockets."""
    async with InProcessSession(handler, HOSTS) as session:
        made = client(session, keys)
        made.milliseconds = lambda: ms_of(exchange.now)
        try:
            yield made
        finally:
            await made.close()


@asynccontextmanager
async def over_http(url: str, keys: AccountKeys) -> AsyncIterator[Any]:
    """Yield a client on the wall's clock that asks the server for the difference, as strangers do."""
    session = Redirect(url)
    made = client(session, keys)
    try:
        await made.load_time_difference()
        yield made
    finally:
        await made.close()
        await session.close()
