from __future__ import annotations

from typing import Any

import pytest
from yarl import URL

from counterpoise.domain.access import Environment
from counterpoise.domain.errors import VenueError
from counterpoise.venue.ccxt import endpoints as ask
from counterpoise.venue.ccxt.call import CURRENT, Call
from counterpoise.venue.ccxt.endpoints import Scope
from counterpoise.venue.ccxt.transport import Transport, hosts_of, local_address


class Noting:
    """Stands where aiohttp's session is and notes what would go out."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str, dict[str, Any]]] = []
        self.headers = {"User-Agent": "test"}
        self.closed = False

    def __getattr__(self, method: str) -> Any:
        return lambda url, **kwargs: self.asked.append((method, str(url), kwargs))

    async def close(self) -> None:
        self.closed = True


LOCAL = hosts_of(Environment.LOCAL)
SIGNED = "/fapi/v1/order?symbol=BTCUSDT&x=%5B%22a%22%5D&signature=ab%2F"


@pytest.mark.parametrize("host", ["api.binance.com", "fapi.binance.com", "dapi.binance.com"])
@pytest.mark.parametrize("method", ["get", "post", "put", "delete"])
def test_production_addresses_go_to_the_local_one_character_by_character(
    host: str, method: str
) -> None:
    session = Noting()
    transport = Transport(session, hosts=LOCAL, to="http://127.0.0.1:9000/", plain=True)
    getattr(transport, method)(URL(f"https://{host}{SIGNED}", encoded=True), data=b"x")
    assert session.asked == [
        (method, f"http://127.0.0.1:9000{SIGNED}", {"data": b"x", "allow_redirects": False})
    ]


@pytest.mark.parametrize(
    "url",
    [
        "https://papi.binance.com/papi/v1/order",
        "https://eapi.binance.com/eapi/v1/time",
        "https://testnet.binance.vision/api/v3/time",
        "https://api.binance.com.evil.example/api/v3/time",
        "https://evil.example/?https://api.binance.com",
        "http://169.254.169.254/latest",
    ],
)
def test_any_other_host_is_refused_before_a_byte_leaves(url: str) -> None:
    session = Noting()
    call = Call(endpoint=ask.PLACE[Scope.SPOT])
    token = CURRENT.set(call)
    try:
        with pytest.raises(VenueError, match="nothing was sent"):
            Transport(session, hosts=LOCAL, to="http://127.0.0.1:9000").post(URL(url))
    finally:
        CURRENT.reset(token)
    assert session.asked == []
    assert not call.sent


def test_handing_it_over_is_noted_in_the_call() -> None:
    call = Call(endpoint=ask.PLACE[Scope.SPOT])
    token = CURRENT.set(call)
    try:
        Transport(Noting(), hosts=LOCAL).post(URL("https://api.binance.com/api/v3/order"))
    finally:
        CURRENT.reset(token)
    assert call.sent


def test_a_given_session_sees_production_addresses() -> None:
    session = Noting()
    Transport(session, hosts=LOCAL).get(URL("https://api.binance.com/api/v3/time"))
    assert session.asked == [("get", "https://api.binance.com/api/v3/time", {})]


def test_the_demo_account_is_not_the_live_one() -> None:
    demo, live = set(hosts_of(Environment.DEMO)), set(hosts_of(Environment.LIVE))
    assert demo
    assert not demo & live


async def test_closing_closes_what_is_underneath() -> None:
    session = Noting()
    transport = Transport(session, hosts=LOCAL)
    assert transport.headers == {"User-Agent": "test"}
    await transport.close()
    assert session.closed


@pytest.mark.parametrize(
    "url",
    ["http://127.0.0.1:9000", "http://[::1]:9000", "http://10.1.2.3:1", "http://testnet:9000"],
)
def test_near_addresses(url: str) -> None:
    assert local_address(url + "/") == url


@pytest.mark.parametrize(
    "url",
    [
        None,
        "",
        "127.0.0.1:9000",
        "https://127.0.0.1:9000",
        "http://api.binance.com",
        "http://8.8.8.8",
        "http://",
    ],
)
def test_addresses_that_are_not_near(url: str | None) -> None:
    with pytest.raises(VenueError, match="expected the http:// address"):
        local_address(url)
