"""The control door moves the market and tells the truth."""

from __future__ import annotations

import json
from typing import Any

import pytest

from counterpoise.domain.numbers import dec
from counterpoise.venue.sim import MarketKind, SimExchange
from counterpoise.venue.testnet.http import Request, Response
from tests.unit.venue.testnet.small import NOW_MS, Caller


def ask(caller: Caller, method: str, path: str, body: object = None) -> Response:
    text = "" if body is None else body if isinstance(body, str) else json.dumps(body)
    path, _, query = path.partition("?")
    return caller.handler.handle(
        Request(method=method, path=f"/_control/{path}", query=query, body=text)
    )


def reply(caller: Caller, method: str, path: str, body: object = None) -> Any:
    response = ask(caller, method, path, body)
    assert response.status == 200, response.body
    return json.loads(response.body)


@pytest.mark.parametrize(("seconds", "ms"), [(60, 60_000), ("60", 60_000), (0.5, 500), (0, 0)])
def test_advance_moves_the_market_and_tells_its_time(
    caller: Caller, exchange: SimExchange, seconds: object, ms: int
) -> None:
    assert reply(caller, "POST", "advance", {"seconds": seconds}) == {"now": NOW_MS + ms}
    assert exchange.now.timestamp() * 1_000 == NOW_MS + ms


def test_advance_answers_after_matching(caller: Caller) -> None:
    order = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC"}
    caller.post("/api/v3/order", **order, quantity="0.01", price="79000")
    reply(caller, "POST", "price", {"symbol": "BTCUSDT", "price": "78000"})
    assert caller.get("/api/v3/openOrders") == []


def test_a_price_moves_one_market_when_one_is_named(caller: Caller, exchange: SimExchange) -> None:
    reply(caller, "POST", "price", {"symbol": "BTCUSDT", "price": 70_000.5, "market": "spot"})
    assert exchange.book(MarketKind.SPOT, "BTCUSDT").last == dec("70000.5")
    assert exchange.book(MarketKind.PERP, "BTCUSDT").last == dec(80_010)
    reply(caller, "POST", "price", {"symbol": "BTCUSDT", "price": "60000"})
    assert exchange.book(MarketKind.PERP, "BTCUSDT").mark == dec(60_000)


@pytest.mark.parametrize("balance", ["BTC=2,USDT@futures=5", {"BTC": "2", "USDT@futures": 5}])
def test_an_account_is_opened_with_its_own_keys(caller: Caller, balance: object) -> None:
    keys = reply(caller, "POST", "account", {"balance": balance})
    assert keys["api_key"] != caller.api_key
    other = Caller(caller.handler, caller.exchange, keys["api_key"], keys["secret"])
    assert other.get("/fapi/v3/balance")[0]["balance"] == "5.00000000"
    spot = {row["asset"]: row["free"] for row in other.get("/api/v3/account")["balances"]}
    assert spot["BTC"] == "2.00000000"


def test_the_log_goes_on_where_it_was_left(caller: Caller) -> None:
    first = reply(caller, "GET", "log")
    caller.post("/fapi/v1/order", symbol="BTCUSDT", side="SELL", type="MARKET", quantity="0.1")
    second = reply(caller, "GET", f"log?after={first['next']}")
    assert [event["event"] for event in second["events"]] == ["place", "fill", "request"]
    fill = second["events"][1]
    assert (fill["qty"], fill["price"], fill["market"]) == ("0.1", "80009.9", "perp")
    assert (fill["account"], fill["at"]) == (caller.api_key, NOW_MS)
    assert reply(caller, "GET", f"log?after={second['next']}")["events"] == []


def test_the_state_holds_wallets_positions_and_open_orders(caller: Caller) -> None:
    caller.post("/fapi/v1/order", symbol="BTCUSDT", side="SELL", type="MARKET", quantity="0.1")
    order = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC"}
    caller.post("/api/v3/order", **order, quantity="0.01", price="79000", newClientOrderId="rests")
    state = reply(caller, "GET", "state")
    account = state["accounts"][caller.api_key]
    assert state["now"] == NOW_MS
    assert account["wallets"]["spot"]["USDT"] == {"free": "49210", "locked": "790"}
    assert account["wallets"]["futures"]["USDT"]["wallet_balance"] == "19995.999505"
    (position,) = account["positions"]
    assert (position["symbol"], position["qty"]) == ("BTCUSDT", "-0.1")
    (resting,) = account["open_orders"]
    assert (resting["client_id"], resting["market"], resting["price"]) == ("rests", "spot", "79000")


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "said"),
    [
        ("POST", "advance", {}, 400, "seconds: expected a number, was None"),
        ("POST", "advance", {"seconds": -1}, 400, "seconds: expected 0 to"),
        ("POST", "advance", {"seconds": "soon"}, 400, "seconds: expected a number"),
        ("POST", "advance", {"seconds": True}, 400, "seconds: expected a number"),
        ("POST", "advance", '{"seconds": NaN}', 400, "seconds: expected a number"),
        ("POST", "advance", "{", 400, "body: expected a JSON object"),
        ("POST", "advance", [], 400, "body: expected a JSON object, was list"),
        ("POST", "price", {"symbol": "NOPE", "price": "1"}, 400, "NOPE"),
        ("POST", "price", {"price": "1"}, 400, "symbol: expected"),
        ("POST", "price", {"symbol": "BTCUSDT", "price": "0"}, 400, "above 0"),
        (
            "POST",
            "price",
            {"symbol": "BTCUSDT", "price": "1", "market": "moon"},
            400,
            "market: expected spot or perp, was 'moon'",
        ),
        ("POST", "account", {}, 400, "balance: expected"),
        ("POST", "account", {"balance": "BTC"}, 400, "balance: expected"),
        ("GET", "log?after=x", None, 400, "after: expected a whole number"),
        ("GET", "nothing", None, 404, "expected one of POST /_control/advance"),
        ("GET", "advance", None, 404, "was GET /_control/advance"),
    ],
)
def test_bad_input_is_refused_by_what_was_expected(
    caller: Caller, method: str, path: str, body: object, status: int, said: str
) -> None:
    response = ask(caller, method, path, body)
    assert response.status == status
    assert said in json.loads(response.body)["error"]
    assert caller.exchange.now.timestamp() * 1_000 == NOW_MS


def test_money_comes_and_goes(caller: Caller, exchange: SimExchange) -> None:
    sent = {"wallet": "spot", "asset": "BTC", "qty": "0.5"}
    first = reply(caller, "POST", "deposit", sent)
    second = reply(caller, "POST", "withdraw", {**sent, "qty": 0.2, "account": caller.api_key})
    assert first["id"] != second["id"]
    assert exchange.account(caller.api_key).spot["BTC"].total == dec("1.3")
    deposited, withdrawn = exchange.log.after(0)
    assert (deposited["event"], withdrawn["event"]) == ("deposit", "withdrawal")


def test_money_goes_to_the_account_that_is_named(caller: Caller, exchange: SimExchange) -> None:
    other = reply(caller, "POST", "account", {"balance": ""})["api_key"]
    flow = {"account": other, "wallet": "futures", "asset": "USDT", "qty": "9"}
    reply(caller, "POST", "deposit", flow)
    assert exchange.account(other).futures["USDT"].wallet_balance == 9
    assert exchange.account(caller.api_key).futures["USDT"].wallet_balance == 20_000


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"wallet": "pocket"}, "wallet: expected spot or futures, was 'pocket'"),
        ({"wallet": None}, "wallet: expected spot or futures, was None"),
        ({"wallet": ["spot"]}, "wallet: expected spot or futures, was ['spot']"),
        ({"asset": 5}, "asset: expected a text such as BTC, was 5"),
        ({"asset": "NOPE"}, "expected more than 0 of BTC, ETH, USDT"),
        ({"qty": "-1"}, "expected more than 0 of BTC, ETH, USDT"),
        ({"qty": "much"}, "qty: expected a number, was 'much'"),
        ({"account": "nobody"}, "account: expected the key of an account, was 'nobody'"),
    ],
)
@pytest.mark.parametrize("door", ["deposit", "withdraw"])
def test_a_flow_that_makes_no_sense_changes_nothing(
    caller: Caller, exchange: SimExchange, door: str, change: dict[str, object], said: str
) -> None:
    body = {"wallet": "spot", "asset": "BTC", "qty": "0.1", **change}
    response = ask(caller, "POST", door, body)
    assert response.status == 400
    assert said in json.loads(response.body)["error"]
    assert len(exchange.log) == 0


def test_more_than_there_is_cannot_leave(caller: Caller) -> None:
    response = ask(caller, "POST", "withdraw", {"wallet": "spot", "asset": "BTC", "qty": "1.1"})
    assert (response.status, json.loads(response.body)["code"]) == (400, "insufficient_balance")


def test_a_position_is_deleveraged_on_demand(caller: Caller, exchange: SimExchange) -> None:
    caller.post("/fapi/v1/order", symbol="BTCUSDT", side="SELL", type="MARKET", quantity="0.5")
    done = reply(caller, "POST", "adl", {"symbol": "BTCUSDT", "qty": "0.2"})
    assert (done["price"], done["qty"]) == ("80005", "0.2")
    trade = exchange.trades(caller.api_key, MarketKind.PERP, "BTCUSDT")[-1]
    assert (str(trade.trade_id), trade.client_order_id) == (str(done["trade_id"]), "adl_autoclose")
    refused = ask(
        caller, "POST", "adl", {"symbol": "BTCUSDT", "qty": "0.4", "account": caller.api_key}
    )
    assert (refused.status, json.loads(refused.body)["code"]) == (400, "above_max_qty")
    assert ask(caller, "POST", "adl", {"qty": "0.1"}).status == 400


def test_an_accounts_rights_and_mode_are_set(caller: Caller, exchange: SimExchange) -> None:
    opened = reply(caller, "POST", "account", {"balance": "", "withdraw": True})
    assert exchange.rights(opened["api_key"]).withdraw
    change = {"account": opened["api_key"], "ip_restrict": True, "expires_at": NOW_MS}
    assert reply(caller, "POST", "account", change) == opened
    rights = exchange.rights(opened["api_key"])
    assert (rights.withdraw, rights.ip_restrict, rights.expires_at) == (True, True, exchange.now)
    reply(caller, "POST", "account", {"account": opened["api_key"], "expires_at": None})
    assert exchange.rights(opened["api_key"]).expires_at is None
    assert len(exchange.accounts()) == 2


def test_the_position_mode_changes_behind_a_clients_back(caller: Caller) -> None:
    caller.post("/fapi/v1/order", symbol="BTCUSDT", side="SELL", type="MARKET", quantity="0.5")
    reply(caller, "POST", "account", {"account": caller.api_key, "two_sided": True})
    assert caller.get("/fapi/v1/positionSide/dual") == {"dualSidePosition": True}


@pytest.mark.parametrize(
    "change",
    [
        {"withdraw": "yes"},
        {"two_sided": 1},
        {"expires_at": "soon"},
        {"expires_at": -1},
        {"expires_at": True},
        {"account": "nobody"},
    ],
)
def test_a_setting_that_makes_no_sense_changes_nothing(
    caller: Caller, exchange: SimExchange, change: dict[str, object]
) -> None:
    before = exchange.rights(caller.api_key)
    response = ask(caller, "POST", "account", {"account": caller.api_key, **change})
    assert response.status == 400
    assert exchange.rights(caller.api_key) == before
    assert ask(caller, "POST", "account", {"balance": "", "withdraw": 1}).status == 400
    assert len(exchange.accounts()) == 1


def test_the_state_tells_of_margin(caller: Caller) -> None:
    caller.post("/fapi/v1/order", symbol="BTCUSDT", side="SELL", type="MARKET", quantity="0.5")
    state = reply(caller, "GET", "state")["accounts"][caller.api_key]
    (position,) = state["positions"]
    assert (position["margin_type"], position["maintenance_margin"]) == ("cross", "160.01")
    assert position["liquidation_price"] == "119491.92734064"
    wallet = state["wallets"]["futures"]["USDT"]
    assert (wallet["maintenance_margin"], wallet["margin_ratio"]) == ("160.01", "0.00800753")
