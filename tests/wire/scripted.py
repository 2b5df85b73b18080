"""A loopback HTTP server that answers like Binance, except where a test says otherwise.

It exists for what no exchange, simulated or real, does on demand: garbage, cut replies, dropped connections.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

from aiohttp import web

Reply = web.StreamResponse
Answer = Callable[["Seen"], Reply | Awaitable[Reply]]

POST_ORDER = ("POST", "/fapi/v1/order")
DELETE_ORDER = ("DELETE", "/fapi/v1/order")
GET_ORDER = ("GET", "/fapi/v1/order")
KEY_REFUSED = {"code": -2015, "msg": "Invalid API-key, IP, or permissions for action."}
CLOCK_REFUSED = {"code": -1021, "msg": "Timestamp for this request is outside of the recvWindow."}
SERVED_MS = 1_748_865_600_000  # 2025-06-02 12:00 UTC

FILTERS = [
    {"filterType": "PRICE_FILTER", "tickSize": "0.10", "minPrice": "0.10", "maxPrice": "9999999"},
    {"filterType": "LOT_SIZE", "stepSize": "0.001", "minQty": "0.001", "maxQty": "1000"},
    {"filterType": "MIN_NOTIONAL", "notional": "5", "minNotional": "5"},
]
SPOT_ROW = {
    "symbol": "BTCUSDT",
    "status": "TRADING",
    "baseAsset": "BTC",
    "quoteAsset": "USDT",
    "filters": FILTERS,
}
FUTURES_ROW = SPOT_ROW | {
    "marginAsset": "USDT",
    "contractType": "PERPETUAL",
    "deliveryDate": 4133404800000,
}


@dataclass(frozen=True)
class Seen:
    """A request as it arrived."""

    method: str
    path: str
    params: dict[str, str]
    headers: dict[str, str]


def as_json(payload: Any, status: int = 200, **headers: str) -> web.Response:
    return web.Response(
        status=status, text=json.dumps(payload), content_type="application/json", headers=headers
    )


def order_row(**changes: Any) -> dict[str, Any]:
    """The futures order that the tests place, as Binance would echo it."""
    return {
        "symbol": "BTCUSDT",
        "orderId": 22542179,
        "clientOrderId": "cp-test-order",
        "side": "SELL",
        "type": "LIMIT",
        "timeInForce": "GTX",
        "origQty": "0.100",
        "executedQty": "0.000",
        "price": "100000.00",
        "avgPrice": "0.00",
        "status": "NEW",
        "reduceOnly": False,
        "updateTime": SERVED_MS,
    } | changes


def healthy() -> dict[tuple[str, str], Any]:
    return {
        ("GET", "/fapi/v1/time"): {"serverTime": SERVED_MS},
        ("GET", "/fapi/v1/accountConfig"): {"dualSidePosition": False},
        ("GET", "/api/v3/exchangeInfo"): {"symbols": [SPOT_ROW]},
        ("GET", "/fapi/v1/exchangeInfo"): {"symbols": [FUTURES_ROW]},
        ("GET", "/api/v3/account"): {"balances": [{"asset": "BTC", "free": "1", "locked": "0"}]},
        ("GET", "/fapi/v3/account"): {
            "assets": [
                {
                    "asset": "USDT",
                    "walletBalance": "100",
                    "unrealizedProfit": "0",
                    "availableBalance": "90",
                }
            ]
        },
        ("GET", "/fapi/v3/positionRisk"): [],
        ("GET", "/fapi/v1/symbolConfig"): [{"symbol": "BTCUSDT", "leverage": 20}],
        ("GET", "/fapi/v1/openOrders"): [],
        ("GET", "/api/v3/ticker/price"): {"symbol": "BTCUSDT", "price": "98"},
        ("GET", "/fapi/v1/ticker/price"): {"symbol": "BTCUSDT", "price": "98"},
        ("GET", "/api/v3/ticker/24hr"): [{"symbol": "BTCUSDT", "quoteVolume": "1000"}],
        ("GET", "/fapi/v1/ticker/24hr"): {"symbol": "BTCUSDT", "quoteVolume": "1000"},
        ("GET", "/fapi/v1/fundingInfo"): [],
        POST_ORDER: order_row(),
        GET_ORDER: order_row(),
        DELETE_ORDER: order_row(status="CANCELED"),
    }


@dataclass
class Scripted:
    """``answers`` maps (method, path) to a JSON payload or to a function of the request."""

    url: str = ""
    answers: dict[tuple[str, str], Any] = field(default_factory=healthy)
    seen: list[Seen] = field(default_factory=list)

    def count(self, method: str, path: str | None = None) -> int:
        return sum(s.method == method and path in (None, s.path) for s in self.seen)

    async def answer(self, request: web.BaseRequest) -> Reply:
        path, _, query = request.raw_path.partition("?")
        params = dict(parse_qsl(query)) | dict(parse_qsl(await request.text()))
        seen = Seen(request.method, path, params, dict(request.headers))
        self.seen.append(seen)
        scripted = self.answers[seen.method, path]
        if not callable(scripted):
            return as_json(scripted)
        made = scripted(seen)
        return made if isinstance(made, web.StreamResponse) else await made


@asynccontextmanager
async def serving() -> AsyncIterator[Scripted]:
    scripted = Scripted()
    runner = web.ServerRunner(web.Server(scripted.answer), shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        scripted.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        yield scripted
    finally:
        await runner.cleanup()
