"""What requests weigh and when they are too many, counted in market time."""

from __future__ import annotations

import json

import pytest

from counterpoise.domain.numbers import dec
from counterpoise.venue.sim import SimExchange
from counterpoise.venue.testnet.binance.dialect import ROUTES
from counterpoise.venue.testnet.binance.params import Params
from counterpoise.venue.testnet.http import Request
from tests.unit.venue.testnet.small import Caller

SPOT, FUTURES = "X-MBX-USED-WEIGHT-1M", "x-mbx-used-weight-1m"


@pytest.mark.parametrize(
    ("method", "path", "params", "weight"),
    [
        ("GET", "/api/v3/exchangeInfo", {}, 20),
        ("GET", "/api/v3/depth", {}, 5),
        ("GET", "/api/v3/depth", {"limit": "500"}, 25),
        ("GET", "/api/v3/depth", {"limit": "5000"}, 250),
        ("GET", "/api/v3/ticker/24hr", {"symbol": "BTCUSDT"}, 2),
        ("GET", "/api/v3/ticker/24hr", {"symbols": '["BTCUSDT","ETHUSDT"]'}, 2),
        ("GET", "/api/v3/ticker/24hr", {}, 80),
        ("GET", "/api/v3/account", {}, 20),
        ("GET", "/api/v3/openOrders", {"symbol": "BTCUSDT"}, 6),
        ("GET", "/api/v3/openOrders", {}, 80),
        ("POST", "/api/v3/order", {}, 1),
        ("GET", "/fapi/v1/klines", {"limit": "50"}, 1),
        ("GET", "/fapi/v1/klines", {}, 5),
        ("GET", "/fapi/v1/ticker/24hr", {}, 40),
        ("GET", "/fapi/v1/openOrders", {}, 40),
        ("POST", "/fapi/v1/order", {}, 0),
        ("GET", "/fapi/v3/account", {}, 5),
    ],
)
def test_weights_are_binances(method: str, path: str, params: dict[str, str], weight: int) -> None:
    assert ROUTES[method, path].weight(Params(params)) == weight


def test_the_header_tells_the_sum_of_the_market_minute(
    caller: Caller, exchange: SimExchange
) -> None:
    used = [caller.raw("GET", "/api/v3/account").headers[SPOT] for _ in range(3)]
    assert used == ["20", "40", "60"]
    exchange.advance(dec(60))
    assert caller.raw("GET", "/api/v3/account").headers[SPOT] == "20"


def test_spot_and_futures_are_counted_apart(caller: Caller) -> None:
    caller.get("/api/v3/account")
    assert caller.raw("GET", "/fapi/v3/account").headers[FUTURES] == "5"


def test_too_much_weight_is_a_429_until_the_next_minute(
    caller: Caller, exchange: SimExchange
) -> None:
    exchange.advance(dec(15))
    path = "/fapi/v1/ticker/24hr"
    for _ in range(60):
        caller.public(path)
    response = caller.handler.handle(Request(method="GET", path=path))
    assert response.status == 429
    assert response.headers["Retry-After"] == "45"
    assert json.loads(response.body)["code"] == -1003
    exchange.advance(dec(45))
    caller.public(path)


def test_where_the_market_stands_the_callers_time_moves_the_minute(caller: Caller) -> None:
    def ask(elapsed_ms: int) -> str:
        request = Request(method="GET", path="/api/v3/time", elapsed_ms=elapsed_ms)
        return caller.handler.handle(request).headers[SPOT]

    assert [ask(0), ask(59_999), ask(60_000), ask(61_000)] == ["1", "2", "1", "2"]


def test_addresses_are_counted_apart(caller: Caller) -> None:
    for remote in ("a", "b"):
        request = Request(method="GET", path="/api/v3/time", remote=remote)
        assert caller.handler.handle(request).headers[SPOT] == "1"


ORDER = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC"}


def test_orders_are_counted_and_told(caller: Caller, exchange: SimExchange) -> None:
    order = {**ORDER, "quantity": "0.001", "price": "70000"}
    first = caller.raw("POST", "/api/v3/order", **order)
    second = caller.raw("POST", "/api/v3/order", **order)
    assert first.headers["X-MBX-ORDER-COUNT-10S"] == "1"
    assert second.headers["X-MBX-ORDER-COUNT-1D"] == "2"
    exchange.advance(dec(10))
    third = caller.raw("POST", "/api/v3/order", **order)
    assert third.headers["X-MBX-ORDER-COUNT-10S"] == "1"
    assert third.headers["X-MBX-ORDER-COUNT-1D"] == "3"
    usage = caller.get("/api/v3/rateLimit/order")
    assert [(row["interval"], row["limit"], row["count"]) for row in usage] == [
        ("SECOND", 100, 1),
        ("DAY", 200_000, 3),
    ]


def test_too_many_orders_are_refused_and_not_placed(caller: Caller, exchange: SimExchange) -> None:
    order = {**ORDER, "quantity": "0.001", "price": "70000"}
    for _ in range(100):
        caller.post("/api/v3/order", **order)
    status, code, msg = caller.refused("POST", "/api/v3/order", **order)
    assert (status, code) == (429, -1015)
    assert "100 orders per 10 SECOND" in msg
    assert sum(1 for event in exchange.log.after(0) if event["event"] == "place") == 100
    exchange.advance(dec(10))
    caller.post("/api/v3/order", **order)
