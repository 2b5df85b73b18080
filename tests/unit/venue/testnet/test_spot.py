"""Spot as Binance answers it: orders, account, trades."""

from __future__ import annotations

import pytest

from counterpoise.domain.numbers import dec
from counterpoise.venue.sim import MarketKind, SimExchange
from tests.unit.venue.testnet.small import NOW_MS, Caller

ORDER = "/api/v3/order"
LIMIT = {"symbol": "BTCUSDT", "type": "LIMIT", "timeInForce": "GTC"}


def test_exchange_info_lists_spot_symbols_with_their_filters(caller: Caller) -> None:
    info = caller.public("/api/v3/exchangeInfo")
    assert [one["symbol"] for one in info["symbols"]] == ["BTCUSDT", "ETHUSDT"]
    filters = {one["filterType"]: one for one in info["symbols"][0]["filters"]}
    assert filters["PRICE_FILTER"]["tickSize"] == "0.01000000"
    assert filters["LOT_SIZE"]["stepSize"] == "0.00001000"
    assert filters["NOTIONAL"]["minNotional"] == "5.00000000"
    assert info["serverTime"] == NOW_MS


def test_exchange_info_of_some(caller: Caller) -> None:
    one = caller.public("/api/v3/exchangeInfo", symbol="ETHUSDT")
    some = caller.public("/api/v3/exchangeInfo", symbols='["ETHUSDT"]')
    assert (
        [x["symbol"] for x in one["symbols"]]
        == ["ETHUSDT"]
        == [s["symbol"] for s in some["symbols"]]
    )


def test_a_limit_order_rests_and_is_found_by_both_ids(caller: Caller) -> None:
    placed = caller.post(
        ORDER, **LIMIT, side="BUY", quantity="0.01", price="79000", newClientOrderId="mine-1"
    )
    assert placed["status"] == "NEW"
    assert placed["fills"] == []
    assert placed["price"] == "79000.00000000"
    by_client = caller.get(ORDER, symbol="BTCUSDT", origClientOrderId="mine-1")
    by_id = caller.get(ORDER, symbol="BTCUSDT", orderId=placed["orderId"])
    assert by_client == by_id
    assert by_id["clientOrderId"] == "mine-1"
    assert [one["orderId"] for one in caller.get("/api/v3/openOrders")] == [placed["orderId"]]
    held = {b["asset"]: b for b in caller.get("/api/v3/account")["balances"]}
    assert (held["USDT"]["free"], held["USDT"]["locked"]) == ("49210.00000000", "790.00000000")


def test_a_canceled_order_answers_with_its_own_id_as_the_original(caller: Caller) -> None:
    caller.post(
        ORDER, **LIMIT, side="BUY", quantity="0.01", price="79000", newClientOrderId="mine-1"
    )
    gone = caller.delete(ORDER, symbol="BTCUSDT", origClientOrderId="mine-1")
    assert (gone["origClientOrderId"], gone["status"]) == ("mine-1", "CANCELED")
    assert gone["clientOrderId"] != "mine-1"
    again = caller.refused("DELETE", ORDER, symbol="BTCUSDT", origClientOrderId="mine-1")
    assert again == (400, -2011, "Unknown order sent.")


def test_a_market_order_fills_at_the_touch_and_tells_its_fills(caller: Caller) -> None:
    done = caller.post(ORDER, symbol="BTCUSDT", side="BUY", type="MARKET", quantity="0.5")
    assert (done["status"], done["executedQty"]) == ("FILLED", "0.50000000")
    assert done["cummulativeQuoteQty"] == "40000.00500000"
    assert done["fills"] == [
        {
            "price": "80000.01000000",
            "qty": "0.50000000",
            "commission": "0.00050000",
            "commissionAsset": "BTC",
            "tradeId": done["fills"][0]["tradeId"],
        }
    ]
    trade = caller.get("/api/v3/myTrades", symbol="BTCUSDT")[0]
    assert (trade["orderId"], trade["isBuyer"], trade["isMaker"]) == (done["orderId"], True, False)


def test_a_market_order_by_quote_buys_what_the_quote_is_worth(caller: Caller) -> None:
    done = caller.post(ORDER, symbol="BTCUSDT", side="BUY", type="MARKET", quoteOrderQty="8000")
    assert done["executedQty"] == "0.09999000"


@pytest.mark.parametrize(
    ("form", "has_status", "has_fills"),
    [("ACK", False, False), ("RESULT", True, False), ("FULL", True, True)],
)
def test_reply_forms(caller: Caller, form: str, has_status: bool, has_fills: bool) -> None:
    reply = caller.post(
        ORDER, symbol="BTCUSDT", side="SELL", type="MARKET", quantity="0.1", newOrderRespType=form
    )
    assert ("status" in reply, "fills" in reply) == (has_status, has_fills)


def test_an_ioc_order_expires_with_what_did_not_fill(caller: Caller) -> None:
    order = {**LIMIT, "timeInForce": "IOC"}
    reply = caller.post(ORDER, **order, side="BUY", quantity="0.1", price="79000")
    assert (reply["status"], reply["executedQty"]) == ("EXPIRED", "0.00000000")


def test_limit_maker_has_no_time_in_force(caller: Caller) -> None:
    maker = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT_MAKER", "quantity": "0.01"}
    caller.post(ORDER, **maker, price="79000")
    listed = caller.get("/api/v3/openOrders", symbol="BTCUSDT")[0]
    assert (listed["type"], listed["timeInForce"]) == ("LIMIT_MAKER", "GTC")
    assert caller.refused("POST", ORDER, **maker, price="79000", timeInForce="GTC")[1] == -1106


GOOD = {**LIMIT, "side": "BUY", "quantity": "0.01", "price": "79000"}


@pytest.mark.parametrize(
    ("change", "code", "msg"),
    [
        ({"symbol": "NOPE"}, -1121, "Invalid symbol."),
        ({"side": "UP"}, -1117, "Invalid side."),
        ({"type": "ODD"}, -1116, "Invalid orderType."),
        ({"timeInForce": "ODD"}, -1115, "Invalid timeInForce."),
        ({"quantity": "0.000001"}, -1013, "Filter failure: LOT_SIZE"),
        ({"quantity": "0.000015"}, -1013, "Filter failure: LOT_SIZE"),
        ({"quantity": "2000"}, -1013, "Filter failure: LOT_SIZE"),
        ({"quantity": "0.123456789"}, -1111, "Parameter 'quantity' has too much precision."),
        ({"price": "79000.001"}, -1013, "Filter failure: PRICE_FILTER"),
        ({"price": "0"}, -1013, "Filter failure: PRICE_FILTER"),
        ({"price": "1000000"}, -1013, "Filter failure: PERCENT_PRICE_BY_SIDE"),
        ({"quantity": "0.00001"}, -1013, "Filter failure: NOTIONAL"),
        ({"quantity": "0.9"}, -2010, "Account has insufficient balance for requested action."),
        ({"type": "STOP_LOSS"}, -2010, "Stop loss orders are not supported for this symbol."),
        (
            {"quantity": ""},
            -1102,
            "Mandatory parameter 'quantity' was not sent, was empty/null, or malformed.",
        ),
        (
            {"newClientOrderId": "a b"},
            -1100,
            (
                r"Illegal characters found in parameter 'newClientOrderId'; legal range is"
                r" '^[\.A-Z\:/a-z0-9_-]{1,36}$'."
            ),
        ),
    ],
)
def test_refusals(
    caller: Caller, exchange: SimExchange, change: dict[str, str], code: int, msg: str
) -> None:
    assert caller.refused("POST", ORDER, **{**GOOD, **change}) == (400, code, msg)
    assert exchange.orders(caller.api_key, MarketKind.SPOT) == []


def test_a_post_only_order_that_would_take_is_refused(caller: Caller) -> None:
    refusal = caller.refused(
        "POST",
        ORDER,
        symbol="BTCUSDT",
        side="BUY",
        type="LIMIT_MAKER",
        quantity="0.01",
        price="80001",
    )
    assert refusal == (400, -2010, "Order would immediately match and take.")


def test_a_client_id_is_unique_among_open_orders(caller: Caller) -> None:
    caller.post(ORDER, **GOOD, newClientOrderId="twice")
    assert caller.refused("POST", ORDER, **GOOD, newClientOrderId="twice") == (
        400,
        -2010,
        "Duplicate order sent.",
    )


@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_an_order_must_be_named(caller: Caller, method: str) -> None:
    assert caller.refused(method, ORDER, symbol="BTCUSDT")[1] == -1102


def test_an_unknown_order_does_not_exist(caller: Caller) -> None:
    assert caller.refused("GET", ORDER, symbol="BTCUSDT", orderId="99") == (
        400,
        -2013,
        "Order does not exist.",
    )


def test_a_test_order_is_checked_and_not_placed(caller: Caller, exchange: SimExchange) -> None:
    assert caller.post("/api/v3/order/test", **GOOD) == {}
    assert caller.refused("POST", "/api/v3/order/test", **{**GOOD, "side": "UP"})[1] == -1117
    assert exchange.orders(caller.api_key, MarketKind.SPOT) == []


def test_all_open_orders_of_a_symbol_are_canceled_at_once(caller: Caller) -> None:
    for price in ("79000", "78000"):
        caller.post(ORDER, **{**GOOD, "price": price})
    gone = caller.delete("/api/v3/openOrders", symbol="BTCUSDT")
    assert [one["status"] for one in gone] == ["CANCELED", "CANCELED"]
    assert caller.refused("DELETE", "/api/v3/openOrders", symbol="BTCUSDT")[1] == -2011


def test_all_orders_pages_forward_from_an_id_and_backward_without(
    caller: Caller, exchange: SimExchange
) -> None:
    ids = []
    for price in ("79000", "78000", "77000"):
        ids.append(caller.post(ORDER, **{**GOOD, "price": price})["orderId"])
        exchange.advance(dec(60))

    def listed(**params: object) -> list[int]:
        rows = caller.get("/api/v3/allOrders", symbol="BTCUSDT", **params)
        return [row["orderId"] for row in rows]

    assert listed() == ids
    assert listed(limit=1) == ids[-1:]
    assert listed(orderId=ids[1], limit=1) == ids[1:2]
    assert listed(startTime=NOW_MS + 60_000) == ids[1:]
    assert listed(endTime=NOW_MS) == ids[:1]


def test_spans_longer_than_a_day_are_refused(caller: Caller) -> None:
    span = {"symbol": "BTCUSDT", "startTime": NOW_MS - 86_400_001, "endTime": NOW_MS}
    assert caller.refused("GET", "/api/v3/allOrders", **span)[1] == -1127
    assert caller.refused("GET", "/api/v3/myTrades", **span)[1] == -1127


def test_trades_are_paged(caller: Caller, exchange: SimExchange) -> None:
    for _ in range(3):
        caller.post(ORDER, symbol="BTCUSDT", side="SELL", type="MARKET", quantity="0.01")
        exchange.advance(dec(60))
    trades = caller.get("/api/v3/myTrades", symbol="BTCUSDT")
    ids = [trade["id"] for trade in trades]
    assert len(set(ids)) == 3
    later = caller.get("/api/v3/myTrades", symbol="BTCUSDT", fromId=ids[1])
    assert [trade["id"] for trade in later] == ids[1:]
    since = caller.get("/api/v3/myTrades", symbol="BTCUSDT", startTime=trades[2]["time"])
    assert [trade["id"] for trade in since] == ids[2:]
    one = caller.get("/api/v3/myTrades", symbol="BTCUSDT", orderId=trades[0]["orderId"])
    assert [trade["id"] for trade in one] == ids[:1]


def test_balances_without_zeros(caller: Caller) -> None:
    rows = caller.get("/api/v3/account", omitZeroBalances="true")["balances"]
    assert [row["asset"] for row in rows] == ["BTC", "USDT"]
    everything = caller.get("/api/v3/account")["balances"]
    assert [row["asset"] for row in everything] == ["BTC", "ETH", "USDT"]
