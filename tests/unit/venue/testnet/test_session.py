"""The session without sockets looks like aiohttp's to a client."""

from __future__ import annotations

import asyncio

import pytest
from yarl import URL

from counterpoise.venue.testnet.binance import HOSTS
from counterpoise.venue.testnet.http import Request, Response
from counterpoise.venue.testnet.session import InProcessSession


class Echo:
    """Keeps what it was asked and answers with a state and a body."""

    def __init__(self, status: int = 200) -> None:
        self.status = status
        self.asked: list[Request] = []

    def handle(self, request: Request) -> Response:
        self.asked.append(request)
        return Response(status=self.status, body='{"a":1}', headers={"X-Used": "1"})


async def test_a_request_arrives_as_it_was_sent() -> None:
    echo = Echo()
    session = InProcessSession(echo, HOSTS)
    url = URL("https://fapi.binance.com/fapi/v1/order?a=%5B1%5D&b=2", encoded=True)
    async with session.post(
        url, data=b"x=1", headers={"X-MBX-APIKEY": "k"}, timeout=3, proxy=None
    ) as response:
        assert (response.status, response.reason, response.ok) == (200, "OK", True)
        assert response.headers["X-Used"] == "1"
        assert await response.text(errors="replace") == '{"a":1}'
        assert await response.json() == {"a": 1}
        assert await response.read() == b'{"a":1}'
    (request,) = echo.asked
    assert (request.method, request.path, request.query, request.body) == (
        "POST",
        "/fapi/v1/order",
        "a=%5B1%5D&b=2",
        "x=1",
    )
    assert request.headers["x-mbx-apikey"] == "k"


@pytest.mark.parametrize("method", ["get", "put", "delete"])
async def test_all_verbs(method: str) -> None:
    echo = Echo(404)
    session = InProcessSession(echo, HOSTS)
    response = await getattr(session, method)("https://api.binance.com/x")
    assert (response.status, response.reason, response.ok) == (404, "Not Found", False)
    assert echo.asked[0].method == method.upper()


async def test_other_hosts_are_not_answered() -> None:
    session = InProcessSession(Echo(), HOSTS)
    with pytest.raises(ValueError, match=r"expected a URL of api\.binance\.com.*was https://x\.y"):
        session.get("https://x.y/z")


async def test_a_closed_session_refuses() -> None:
    async with InProcessSession(Echo(), HOSTS) as session:
        assert not session.closed
    assert session.closed
    with pytest.raises(RuntimeError, match="expected an open session"):
        session.get("https://api.binance.com/x")


async def test_a_request_lets_others_run() -> None:
    session = InProcessSession(Echo(), HOSTS)
    turns: list[str] = []

    async def other() -> None:
        turns.append("other")

    task = asyncio.create_task(other())
    await session.get("https://api.binance.com/x")
    turns.append("request")
    await task
    assert turns == ["other", "request"]
