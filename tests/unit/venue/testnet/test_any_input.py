"""Whatever a client sends, it gets an answer in the exchange's form, and money stays what it was."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from counterpoise.domain.numbers import ZERO, dec
from counterpoise.venue.testnet.binance.dialect import ROUTES
from counterpoise.venue.testnet.http import Request
from tests.unit.venue.testnet import small
from tests.unit.venue.testnet.small import NOW_MS, Caller

NAMES = [
    "symbol",
    "symbols",
    "pair",
    "side",
    "type",
    "timeInForce",
    "quantity",
    "price",
    "quoteOrderQty",
    "newClientOrderId",
    "newOrderRespType",
    "orderId",
    "origClientOrderId",
    "batchOrders",
    "orderIdList",
    "origClientOrderIdList",
    "limit",
    "startTime",
    "endTime",
    "fromId",
    "interval",
    "incomeType",
    "page",
    "current",
    "size",
    "asset",
    "amount",
    "leverage",
    "marginType",
    "dualSidePosition",
    "reduceOnly",
    "closePosition",
    "positionSide",
    "recvWindow",
    "omitZeroBalances",
]
PLAIN = [
    "BTCUSDT",
    "ETHUSDT",
    "BUY",
    "SELL",
    "LIMIT",
    "MARKET",
    "LIMIT_MAKER",
    "GTC",
    "IOC",
    "FOK",
    "GTX",
    "0.01",
    "0.010",
    "80000",
    "79000",
    "90000",
    "1",
    "0",
    "5",
    "-1",
    "1e9",
    "99999999999999999999",
    "0.000000001",
    "true",
    "false",
    "1h",
    "1M",
    "5m",
    "USDT",
    "BTC",
    "MAIN_UMFUTURE",
    "UMFUTURE_MAIN",
    "CROSSED",
    "FULL",
    "ACK",
    "FUNDING_FEE",
    "BOTH",
    "LONG",
]
ODD = [
    '["BTCUSDT"]',
    "[1,2]",
    "[[]]",
    '[{"symbol":"BTCUSDT","side":"BUY","type":"MARKET","quantity":0.01}]',
    "[" * 5_000,
    "[NaN]",
    "{}",
    "null",
    str(NOW_MS),
    "253402300799999",
    "9223372036854775807",
    "ä\u0661%&=+;",
    "\ud800",
    "",
]
VALUES = st.sampled_from([*PLAIN, *ODD]) | st.text(max_size=12)
PARAMS = st.dictionaries(st.sampled_from(NAMES), VALUES, max_size=9)


@pytest.mark.parametrize("route", sorted(ROUTES), ids=" ".join)
@settings(
    max_examples=40,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(params=PARAMS)
@example(params={"limit": "²"})  # a digit to str.isdigit, but no number to int
def test_every_endpoint_answers_anything(
    caller: Caller, route: tuple[str, str], params: dict[str, str]
) -> None:
    method, path = route
    sent = {name: value.encode("utf-8", "surrogatepass") for name, value in params.items()}
    response = caller.raw(method, path, **sent)
    assert response.status in (200, 400, 401, 418, 429), response
    body = json.loads(response.body)
    if response.status != 200:
        assert set(body) == {"code", "msg"}
        # -1000 means "unknown outcome" to a client, and nothing here is unknown
        assert body["code"] < -1_000


WILD = st.text(max_size=60) | st.sampled_from(["%", "&&", "a=%zz", "\udcff", "=", "signature=x"])


@given(method=st.sampled_from(["GET", "POST", "PUT", "HEAD"]), path=WILD, query=WILD, body=WILD)
def test_every_face_answers_any_request(method: str, path: str, query: str, body: str) -> None:
    for prefix in ("/api/v3/", "/fapi/v1/order", "/_control/advance", "/_control/", "/"):
        request = Request(
            method=method,
            path=f"{prefix}{path}",
            query=query,
            body=body,
            headers={"x-mbx-apikey": CALLER.api_key},
        )
        assert CALLER.handler.handle(request).status in (200, 400, 401, 404, 429)


def _standing() -> Caller:
    from counterpoise.venue.testnet.launch import face_of

    exchange = small.exchange()
    keys = exchange.open_account(small.BALANCE)
    return Caller(face_of(exchange), exchange, keys.api_key, keys.secret)


CALLER = _standing()

ORDERS = st.fixed_dictionaries(
    {
        "symbol": st.sampled_from(["BTCUSDT", "ETHUSDT"]),
        "side": st.sampled_from(["BUY", "SELL"]),
        "type": st.sampled_from(["LIMIT", "MARKET"]),
        "quantity": st.sampled_from(["0.010", "0.500", "1.000", "3.000"]),
        "price": st.sampled_from(["1990", "2010", "79000", "80000", "80100", "81000"]),
    }
)


@settings(max_examples=30)
@given(orders=st.lists(st.tuples(st.sampled_from(["spot", "perp"]), ORDERS), max_size=12))
def test_what_the_account_pages_say_adds_up_to_what_was_traded(
    orders: list[tuple[str, dict[str, Any]]],
) -> None:
    caller = _standing()
    for market, order in orders:
        sent = {**order, "timeInForce": "GTC"}
        if sent["type"] == "MARKET":
            del sent["price"], sent["timeInForce"]
        caller.raw("POST", "/api/v3/order" if market == "spot" else "/fapi/v1/order", **sent)
        caller.exchange.advance(dec(300))
    spot = {b["asset"]: dec(b["free"]) + dec(b["locked"]) for b in _balances(caller)}
    quote, coins = dec(50_000), {"BTC": dec(1), "ETH": ZERO}
    for symbol in ("BTCUSDT", "ETHUSDT"):
        base = symbol.removesuffix("USDT")
        for trade in caller.get("/api/v3/myTrades", symbol=symbol):
            sign = 1 if trade["isBuyer"] else -1
            coins[base] += sign * dec(trade["qty"])
            quote -= sign * dec(trade["quoteQty"])
            fee = dec(trade["commission"])
            if trade["commissionAsset"] == "USDT":
                quote -= fee
            else:
                coins[base] -= fee
    assert spot == {**coins, "USDT": quote}
    income = sum((dec(row["income"]) for row in caller.get("/fapi/v1/income")), ZERO)
    (wallet,) = caller.get("/fapi/v3/balance")
    assert dec(wallet["balance"]) == dec(20_000) + income


def _balances(caller: Caller) -> list[dict[str, str]]:
    rows: list[dict[str, str]] = caller.get("/api/v3/account")["balances"]
    return rows
