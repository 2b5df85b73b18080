"""Our replies carry the names and types of Binance's own.

`CASES` says which payload stands for which endpoint. A name of the payload that a reply may lack is listed with its
reason; everything else must be there, with its type.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from counterpoise.domain.numbers import dec
from counterpoise.venue.sim import Wallet
from counterpoise.venue.testnet.launch import face_of
from tests.unit.venue.testnet import small
from tests.unit.venue.testnet.small import Caller
from tests.wire.payloads import differences, load, shape_of, shape_of_listing

SPOT_LIMIT = {
    "symbol": "BTCUSDT",
    "side": "BUY",
    "type": "LIMIT",
    "timeInForce": "GTC",
    "quantity": "0.01",
    "price": "79000",
}
SPOT_MARKET = {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quantity": "0.01"}
PERP_LIMIT = {**SPOT_LIMIT, "quantity": "0.010"}
PERP_MARKET = {**SPOT_MARKET, "quantity": "0.010"}

Reply = Callable[[Caller], Any]


@dataclass(frozen=True, slots=True)
class Case:
    """One payload (its name, place and the way into it) and the reply that must carry its names."""

    payload: str
    place: int
    way: tuple[str | int, ...]
    reply: Reply
    absent: dict[str, str] = field(default_factory=dict)


def get(path: str, *way: str | int, **params: object) -> Reply:
    return lambda caller: into(caller.get(path, **params), way)


def public(path: str, *way: str | int, **params: object) -> Reply:
    return lambda caller: into(caller.public(path, **params), way)


def post(path: str, *way: str | int, **params: object) -> Reply:
    return lambda caller: into(caller.post(path, **params), way)


def into(value: Any, way: tuple[str | int, ...]) -> Any:
    for step in way:
        value = value[step]
    return value


def spot_order(caller: Caller) -> Any:
    caller.post("/api/v3/order", **SPOT_LIMIT, newClientOrderId="a")
    return caller.get("/api/v3/order", symbol="BTCUSDT", origClientOrderId="a")


def spot_orders(caller: Caller) -> Any:
    spot_order(caller)
    return caller.get("/api/v3/allOrders", symbol="BTCUSDT")[0]


def spot_fill(caller: Caller) -> Any:
    return caller.post("/api/v3/order", **SPOT_MARKET)["fills"][0]


def spot_trade(caller: Caller) -> Any:
    caller.post("/api/v3/order", **SPOT_MARKET)
    return caller.get("/api/v3/myTrades", symbol="BTCUSDT")[0]


def spot_canceled(caller: Caller) -> Any:
    spot_order(caller)
    return caller.delete("/api/v3/order", symbol="BTCUSDT", origClientOrderId="a")


def spot_all_canceled(caller: Caller) -> Any:
    spot_order(caller)
    return caller.delete("/api/v3/openOrders", symbol="BTCUSDT")[0]


def perp_order(caller: Caller) -> Any:
    caller.post("/fapi/v1/order", **PERP_LIMIT, newClientOrderId="a")
    return caller.get("/fapi/v1/order", symbol="BTCUSDT", origClientOrderId="a")


def perp_open(caller: Caller) -> Any:
    perp_order(caller)
    return caller.get("/fapi/v1/openOrder", symbol="BTCUSDT", origClientOrderId="a")


def perp_canceled(caller: Caller) -> Any:
    perp_order(caller)
    return caller.delete("/fapi/v1/batchOrders", symbol="BTCUSDT", origClientOrderIdList='["a"]')[0]


def perp_batch(place: int) -> Reply:
    batch = [{**PERP_LIMIT, "quantity": "9999"}, PERP_LIMIT]
    return lambda caller: caller.post("/fapi/v1/batchOrders", batchOrders=json.dumps(batch))[place]


def perp_trade(caller: Caller) -> Any:
    caller.post("/fapi/v1/order", **PERP_MARKET)
    return caller.get("/fapi/v1/userTrades", symbol="BTCUSDT")[0]


def held(path: str, *way: str | int) -> Reply:
    def reply(caller: Caller) -> Any:
        caller.post("/fapi/v1/order", **PERP_MARKET)
        return into(caller.get(path), way)

    return reply


def funded(caller: Caller) -> Any:
    caller.post("/fapi/v1/order", **PERP_MARKET)
    caller.exchange.advance(dec(8 * 3_600))
    return caller.get("/fapi/v1/income", incomeType="FUNDING_FEE")[0]


def transferred(caller: Caller) -> Any:
    return caller.post("/sapi/v1/asset/transfer", type="MAIN_UMFUTURE", asset="USDT", amount="25")


def transfers(*way: str | int) -> Reply:
    def reply(caller: Caller) -> Any:
        transferred(caller)
        return into(caller.get("/sapi/v1/asset/transfer", type="MAIN_UMFUTURE"), way)

    return reply


def deposited(caller: Caller) -> Any:
    caller.exchange.deposit(caller.api_key, Wallet.SPOT, "BTC", dec(1))
    return caller.get("/sapi/v1/capital/deposit/hisrec")[0]


def withdrawn(caller: Caller) -> Any:
    caller.exchange.withdraw(caller.api_key, Wallet.SPOT, "BTC", dec(1))
    return caller.get("/sapi/v1/capital/withdraw/history")[0]


TRAILING = dict.fromkeys(("activatePrice", "priceRate"), "of trailing stops only")
MARGIN_ORDER = dict.fromkeys(
    ("accountId", "preventedMatchId", "preventedQuantity"), "of orders self-trade prevention cut"
)
OLD_SPOT_FILTER = "replaced by NOTIONAL in 2023"

MARKET_DATA = [
    Case("fetch_order_book", 0, (), public("/fapi/v1/depth", symbol="BTCUSDT")),
    Case("parse_ticker", 0, (), public("/fapi/v1/premiumIndex", symbol="BTCUSDT")),
    Case("parse_ticker", 1, (), public("/api/v3/ticker/24hr", symbol="BTCUSDT")),
    Case("parse_ticker", 1, (), public("/api/v3/ticker/24hr", 0)),
    Case("parse_ticker", 2, (), public("/fapi/v1/ticker/24hr", symbol="BTCUSDT")),
    Case("parse_ticker", 5, (), public("/api/v3/ticker/bookTicker", symbol="BTCUSDT")),
    Case("parse_ticker", 6, (), public("/fapi/v1/ticker/bookTicker", symbol="BTCUSDT")),
    Case("parse_last_price", 0, (), public("/api/v3/ticker/price", symbol="BTCUSDT")),
    Case("parse_last_price", 1, (), public("/fapi/v1/ticker/price", 0)),
    Case("parse_ohlcv", 0, (), public("/api/v3/klines", 0, symbol="BTCUSDT", interval="1h")),
    Case("parse_ohlcv", 0, (), public("/fapi/v1/klines", 0, symbol="BTCUSDT", interval="1h")),
    Case(
        "fetch_ohlcv",
        0,
        (0,),
        public("/fapi/v1/markPriceKlines", 0, symbol="BTCUSDT", interval="1h"),
    ),
    Case("parse_trade", 0, (), public("/api/v3/aggTrades", 0, symbol="BTCUSDT")),
    Case("parse_trade", 1, (), public("/fapi/v1/aggTrades", 0, symbol="BTCUSDT")),
    Case("parse_trade", 2, (), public("/api/v3/trades", 0, symbol="BTCUSDT")),
    Case("fetch_funding_rate", 0, (), public("/fapi/v1/premiumIndex", 0)),
    Case("fetch_funding_rate_history", 0, (), public("/fapi/v1/fundingRate", 0, symbol="BTCUSDT")),
    Case("fetch_funding_intervals", 0, (0,), public("/fapi/v1/fundingInfo", 0)),
    Case("fetch_markets", 2, (), public("/fapi/v1/exchangeInfo")),
    Case("fetch_markets", 2, ("symbols", 0), public("/fapi/v1/exchangeInfo", "symbols", 0)),
    Case("fetch_markets", 2, ("rateLimits", 0), public("/fapi/v1/exchangeInfo", "rateLimits", 0)),
    Case("fetch_markets", 3, (), public("/dapi/v1/exchangeInfo")),
]
SPOT = [
    Case("parse_order", 0, (), spot_order),
    Case("parse_order", 1, (), post("/api/v3/order", **SPOT_LIMIT, newOrderRespType="FULL")),
    Case("parse_order", 4, (), post("/api/v3/order", **SPOT_MARKET)),
    Case("parse_order", 4, ("fills", 0), spot_fill),
    Case("parse_order", 12, (), post("/api/v3/order", **SPOT_LIMIT)),
    Case("parse_order", 13, (), spot_orders, MARGIN_ORDER),
    Case("fetch_orders", 0, (0,), spot_orders),
    Case("edit_spot_order", 0, ("cancelResponse",), spot_canceled),
    Case("cancel_all_orders", 10, (0,), spot_all_canceled),
    Case("parse_trade", 3, (), spot_trade),
    Case("parse_trade", 12, (), spot_trade),
    Case("fetch_my_trades", 0, (0,), spot_trade),
]
WALLET = [
    Case("parse_currency", 0, (), get("/sapi/v1/capital/config/getall", 0)),
    Case(
        "parse_currency",
        0,
        ("networkList", 0),
        get("/sapi/v1/capital/config/getall", 0, "networkList", 0),
    ),
    Case("transfer", 0, (), transferred),
    Case("fetch_transfers", 1, (), transfers()),
    Case("fetch_transfers", 1, ("rows", 0), transfers("rows", 0)),
    Case("parse_transfer", 1, (), transfers("rows", 0)),
    Case("fetch_deposits", 1, (0,), deposited),
    Case("fetch_withdrawals", 1, (0,), withdrawn),
    Case("parse_transaction", 0, (), deposited),
    Case("parse_transaction", 1, (), withdrawn),
    Case("fetch_trading_fees", 0, (0,), get("/sapi/v1/asset/tradeFee", 0)),
    Case("fetch_trading_fee", 0, (0,), get("/sapi/v1/asset/tradeFee", 0, symbol="BTCUSDT")),
]
FUTURES = [
    Case("parse_order", 2, (), post("/fapi/v1/order", **PERP_LIMIT)),
    Case("parse_order", 8, (), post("/fapi/v1/order", **PERP_LIMIT, newOrderRespType="RESULT")),
    Case("parse_order", 16, (), perp_order),
    Case("parse_order", 18, (), perp_order),
    Case("fetch_open_order", 0, (), perp_open),
    Case("create_orders", 0, (0,), perp_batch(0)),
    Case("create_orders", 0, (1,), perp_batch(1)),
    Case("cancel_orders", 0, (0,), perp_canceled, TRAILING),
    Case(
        "cancel_all_orders",
        2,
        (),
        lambda caller: caller.delete("/fapi/v1/allOpenOrders", symbol="BTCUSDT"),
    ),
    Case("parse_trade", 5, (), perp_trade),
    Case("parse_trade", 10, (), perp_trade),
    Case("fetch_balance", 3, (), get("/fapi/v2/account")),
    Case("fetch_balance", 3, ("assets", 0), get("/fapi/v2/account", "assets", 0)),
    Case("fetch_balance", 3, ("positions", 0), held("/fapi/v2/account", "positions", 0)),
    Case("fetch_balance", 4, (0,), get("/fapi/v2/balance", 0)),
    Case("fetch_balance", 4, (0,), get("/fapi/v3/balance", 0)),
    Case("fetch_positions_risk", 1, (0,), held("/fapi/v2/positionRisk", 0)),
    Case("fetch_positions_risk", 4, (0,), held("/fapi/v2/positionRisk", 0)),
    Case("parse_income", 0, (), funded),
    Case("fetch_leverage_tiers", 0, (0,), get("/fapi/v1/leverageBracket", 0)),
    Case(
        "fetch_leverage_tiers",
        0,
        (0, "brackets", 0),
        get("/fapi/v1/leverageBracket", 0, "brackets", 0),
    ),
    Case("fetch_margin_modes", 0, (0,), get("/fapi/v1/symbolConfig", 0)),
    Case("parse_trading_fee", 1, (), get("/fapi/v1/commissionRate", symbol="BTCUSDT")),
]
#: Payloads that are listings with comments: names of nested objects count as one flat set.
LISTINGS = [
    Case("fetch_positions_risk", 0, (), held("/fapi/v3/positionRisk", 0)),
    Case(
        "parse_account_position",
        0,
        (),
        held("/fapi/v2/account", "positions", 0),
    ),
    Case("fetch_account_positions", 0, (), held("/fapi/v2/account")),
    Case("fetch_position_mode", 0, (), get("/fapi/v1/positionSide/dual")),
    Case("fetch_balance", 0, (), get("/api/v3/account")),
    Case(
        "fetch_markets",
        0,
        (),
        public("/api/v3/exchangeInfo"),
        {
            "applyToMarket": OLD_SPOT_FILTER,
            "multiplierUp": "replaced by PERCENT_PRICE_BY_SIDE in 2022",
            "multiplierDown": "replaced by PERCENT_PRICE_BY_SIDE in 2022",
        },
    ),
]


@pytest.fixture
def caller() -> Caller:
    exchange = small.exchange()
    keys = exchange.open_account(small.BALANCE)
    return Caller(face_of(exchange), exchange, keys.api_key, keys.secret)


def name(case: Case) -> str:
    return "-".join([case.payload, str(case.place), *map(str, case.way)])


@pytest.mark.parametrize("case", [*MARKET_DATA, *SPOT, *WALLET, *FUTURES], ids=name)
def test_a_reply_carries_the_names_and_types_of_the_payload(
    case: Case, caller: Caller, shared: Path
) -> None:
    expected = shape_of(into(load(shared)[case.payload][case.place], case.way))
    assert expected
    reply = shape_of(case.reply(caller))
    assert differences(expected, reply, frozenset(case.absent)) == []


@pytest.mark.parametrize("case", LISTINGS, ids=name)
def test_a_reply_carries_the_names_of_a_commented_listing(
    case: Case, caller: Caller, shared: Path
) -> None:
    listing = load(shared)[case.payload][case.place]["_unparsed"]
    expected = shape_of_listing(listing)
    assert expected
    reply = shape_of_listing(json.dumps(case.reply(caller)))
    assert differences(expected, reply, frozenset(case.absent)) == []


def test_the_comparison_sees_what_is_missing_and_what_has_another_type() -> None:
    expected = shape_of({"a_name": "1", "other": True, "time": "12"})
    assert differences(expected, shape_of({"other": "true", "time": 12}), frozenset()) == [
        "a_name: expected text, was absent",
        "other: expected bool, was text",
    ]
    assert shape_of_listing("[{ a: \"1\", 'b': 2, // c: 3\n d: true, e: [ { f: None } ] }]") == {
        "a": "text",
        "b": "number",
        "d": "bool",
        "e": "list",
    }
