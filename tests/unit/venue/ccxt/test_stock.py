"""How stock ccxt is set up for each environment. Nothing is sent here."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from counterpoise.app.clock import ManualClock
from counterpoise.domain.access import Environment, Secret, VenueAccess
from counterpoise.domain.errors import VenueError
from counterpoise.domain.numbers import dec
from counterpoise.venue.ccxt.instants import to_ms
from counterpoise.venue.ccxt.stock import stock_binance
from counterpoise.venue.ccxt.transport import Transport
from tests.build import NOW


def access(environment: Environment, url: str | None = None) -> VenueAccess:
    return VenueAccess(
        id="main",
        exchange="binance",
        environment=environment,
        api_key=Secret("fake-key-0001"),
        secret=Secret("fake-secret-0001"),
        url=url,
    )


URLS = {
    Environment.LIVE: ("https://api.binance.com/api/v3", "https://fapi.binance.com/fapi/v1"),
    # a local run keeps the production addresses: ccxt chooses its error tables by them
    Environment.LOCAL: ("https://api.binance.com/api/v3", "https://fapi.binance.com/fapi/v1"),
    Environment.DEMO: (
        "https://demo-api.binance.com/api/v3",
        "https://demo-fapi.binance.com/fapi/v1",
    ),
}


@pytest.mark.parametrize("environment", URLS)
async def test_every_environment_is_stock_without_retries_and_throttle(
    environment: Environment,
) -> None:
    clock = ManualClock(NOW)
    exchange = stock_binance(access(environment, "http://127.0.0.1:1"), clock, None)
    try:
        assert (exchange.urls["api"]["private"], exchange.urls["api"]["fapiPrivate"]) == URLS[
            environment
        ]
        assert exchange.options["maxRetriesOnFailure"] == 0
        assert exchange.options["recvWindow"] == 5000
        assert not exchange.enableRateLimit
        assert not exchange.verbose
        assert isinstance(exchange.session, Transport)
        assert exchange.verify is (environment is not Environment.LOCAL)
        clock.advance(dec("0.25"))
        assert exchange.nonce() == to_ms(NOW) + 250
        assert "fake-secret" not in repr(exchange)
    finally:
        await exchange.close()
    assert exchange.session is None
    assert not logging.getLogger("ccxt").isEnabledFor(logging.DEBUG)


@pytest.mark.parametrize(("environment", "url"), [*URLS.items()], ids=str)
async def test_each_environment_reaches_its_own_hosts_only(
    environment: Environment, url: Any
) -> None:
    exchange = stock_binance(access(environment, "http://127.0.0.1:1"), ManualClock(NOW), None)
    try:
        foreign = {u for urls in URLS.values() for u in urls} - set(url)
        for other in [*foreign, "https://example.com"]:
            with pytest.raises(VenueError, match="nothing was sent"):
                await exchange.fetch(f"{other}/time")
    finally:
        await exchange.close()


async def test_a_session_that_is_passed_in_stays_open() -> None:
    class Session:
        closed = False

        async def close(self) -> None:
            self.closed = True

    session = Session()
    exchange = stock_binance(access(Environment.LOCAL), ManualClock(NOW), session)
    await exchange.close()
    assert not session.closed
