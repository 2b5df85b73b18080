"""Make the stock ccxt instance, with our clock and our transport, and nothing else changed.

The only module that imports ccxt, and only when a venue is opened. Retries stay off (ccxt would send an
order again), its throttle stays off (``limiter`` does that), and its logger is kept from debugging, because
it would write API key and signature.
"""

from __future__ import annotations

import logging
from typing import Any

from counterpoise.domain.access import Environment, VenueAccess
from counterpoise.domain.errors import VenueError
from counterpoise.ports import Clock
from counterpoise.venue.ccxt.call import CURRENT
from counterpoise.venue.ccxt.instants import to_ms
from counterpoise.venue.ccxt.transport import Transport, hosts_of, local_address

#: A signed request is void at the venue after this long: it bounds how late a lost order can still arrive.
RECV_WINDOW_MS = 5000


def stock_binance(access: VenueAccess, clock: Clock, session: object | None) -> Any:
    """Return ``ccxt.async_support.binance`` for ``access``. Call inside a running loop; raises VenueError.

    ``session`` (anything aiohttp-like) is used as it is and never closed here; without it the instance
    owns its connections and ``close()`` lets them go.
    """
    if access.environment is Environment.TESTNET:
        raise VenueError(
            "environment testnet: Binance no longer has a futures test network; expected"
            " environment demo (keys of the demo account) or local, was testnet",
            retryable=False,
        )
    local = access.environment is Environment.LOCAL
    address = local_address(access.url) if local and session is None else None
    import ccxt.async_support as ccxt_async  # type: ignore[import-untyped]  # ccxt ships no types

    logging.getLogger("ccxt").setLevel(logging.INFO)
    exchange: Any = ccxt_async.binance(
        {
            "apiKey": access.api_key.reveal(),
            "secret": access.secret.reveal(),
            "number": str,
            "enableRateLimit": False,
            # a local run speaks plain HTTP: it needs no certificates, and their loading takes time
            "verify": not local,
            "options": {"maxRetriesOnFailure": 0, "recvWindow": RECV_WINDOW_MS},
        }
    )
    if access.environment is Environment.DEMO:
        exchange.enable_demo_trading(enable=True)
    _check(exchange)
    exchange.milliseconds = lambda: to_ms(clock.now())
    _observe(exchange)
    hosts = hosts_of(access.environment)
    if session is not None:
        exchange.own_session = False
        exchange.session = Transport(session, hosts=hosts)
        exchange.timeout_on_exit = 0
    elif local:
        import aiohttp

        own = aiohttp.ClientSession(trust_env=False, cookie_jar=aiohttp.DummyCookieJar())
        exchange.session = Transport(own, hosts=hosts, to=address, plain=True)
        exchange.timeout_on_exit = 0
    else:
        exchange.open()
        exchange.session = Transport(exchange.session, hosts=hosts, plain=True)
    return exchange


def never_connected(error: BaseException) -> bool:
    """Whether ``error`` proves that no connection came about, so that no byte of a request left."""
    import aiohttp

    return isinstance(error.__cause__, aiohttp.ClientConnectorError)


def _check(exchange: Any) -> None:
    if exchange.options.get("maxRetriesOnFailure") != 0 or exchange.enableRateLimit:
        raise VenueError("expected ccxt without retries and throttle: it would resend orders")


def _observe(exchange: Any) -> None:
    """Let every reply be noted in the call it belongs to."""
    stock = exchange.on_rest_response

    def noted(  # the signature is ccxt's hook
        code: int, reason: str, url: str, method: str, headers: Any, body: str, *sent: Any
    ) -> Any:
        call = CURRENT.get()
        if call is not None:
            call.replied(code, headers, body)
        return stock(code, reason, url, method, headers, body, *sent)

    exchange.on_rest_response = noted
