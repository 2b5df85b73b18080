"""USD-M as Binance answers it: orders, batches, positions, wallets, settings, bookings."""

from __future__ import annotations

import json

import pytest

from counterpoise.domain.numbers import dec
from counterpoise.venue.sim import MarketKind, SimExchange
from tests.unit.venue.testnet.small import NOW_MS, Caller

ORDER = "/fapi/v1/order"
GOOD = {
    "symbol": "BTCUSDT",
    "side": "SELL",
    "type": "LIMIT",
    "timeInForce": "GTC",
    "quantity": "0.010",
    "price": "81000",
}
SHORT = {"symbol": "BTCUSDT", "side": "SELL", "type": "MARKET", "quantity": "0.500"}


def test_a_limit_order_rests_and_is_found(caller: Caller) -> None:
    placed = caller.post(ORDER, **GOOD, newClientOrderId="mine-1")
    assert (placed["status"], placed["price"], placed["origQty"]) == ("NEW", "81000.00", "0.010")
    found = caller.get(ORDER, symbol="BTCUSDT", origClientOrderId="mine-1")
    assert found["orderId"] == placed["orderId"]
    assert caller.get("/fapi/v1/openOrder", symbol="BTCUSDT", orderId=placed["orderId"]) == found
    assert caller.get("/fapi/v1/openOrders") == [found]
    gone = caller.delete(ORDER, symbol="BTCUSDT", origClientOrderId="mine-1")
    assert (gone["status"], gone["clientOrderId"]) == ("CANCELED", "mine-1")
    assert caller.refused(
        "GET", "/fapi/v1/openOrder", symbol="BTCUSDT", origClientOrderId="mine-1"
    ) == (
        400,
        -2013,
        "Order does not exist.",
    )


def test_ack_shows_the_order_as_accepted_and_result_as_it_stands(caller: Caller) -> None:
    ack = caller.post(ORDER, **SHORT)
    result = caller.post(ORDER, **SHORT, newOrderRespType="RESULT")
    assert (ack["status"], ack["executedQty"], ack["avgPrice"]) == ("NEW", "0.000", "0.00000")
    assert (result["status"], result["executedQty"]) == ("FILLED", "0.500")
    assert (result["avgPrice"], result["cumQuote"]) == ("80009.90000", "40004.95000")


@pytest.mark.parametrize(
    ("change", "code", "msg"),
    [
        ({"symbol": "NOPE"}, -1121, "Invalid symbol."),
        ({"side": "UP"}, -1117, "Invalid side."),
        ({"type": "ODD"}, -1116, "Invalid orderType."),
        ({"timeInForce": "GTD"}, -1115, "Invalid timeInForce."),
        ({"quantity": "0"}, -4003, "Quantity less than or equal to zero."),
        ({"quantity": "0.0105"}, -1111, "Precision is over the maximum defined for this asset."),
        ({"quantity": "2000"}, -4005, "Quantity greater than max quantity."),
        ({"price": "81000.123"}, -1111, "Precision is over the maximum defined for this asset."),
        ({"price": "81000.05"}, -4014, "Price not increased by tick size."),
        ({"price": "0"}, -4001, "Price less than 0."),
        (
            {"quantity": "0.001"},
            -4164,
            "Order's notional must be no smaller than 100 (unless you choose reduce only).",
        ),
        ({"quantity": "9"}, -2019, "Margin is insufficient."),
        ({"price": "60000"}, -4024, "Limit price can't be lower than 68004.3."),
        (
            {"side": "BUY", "price": "95000"},
            -4016,
            "Limit price can't be higher than 92005.7.",
        ),
        ({"reduceOnly": "true"}, -2022, "ReduceOnly Order is rejected."),
        ({"positionSide": "SHORT"}, -4061, "Order's position side does not match user's setting."),
        (
            {"newClientOrderId": "a" * 37},
            -4015,
            "Client order id length should not be more than 36 chars",
        ),
        (
            {"timeInForce": "GTX", "price": "80000"},
            -5022,
            (
                "Due to the order could not be executed as maker, the Post Only order will be rejected."
                " The order will not be recorded in the order history"
            ),
        ),
        (
            {"timeInForce": "FOK"},
            -5021,
            (
                "Due to the order could not be filled immediately, the FOK order has been rejected."
                " The order will not be recorded in the order history"
            ),
        ),
        (
            {"type": "STOP_MARKET"},
            -4120,
            (
                "Order type not supported for this endpoint. Please use the Algo Order API endpoints"
                " instead."
            ),
        ),
    ],
)
def test_refusals(
    caller: Caller, exchange: SimExchange, change: dict[str, str], code: int, msg: str
) -> None:
    assert caller.refused("POST", ORDER, **{**GOOD, **change}) == (400, code, msg)
    assert exchange.orders(caller.api_key, MarketKind.PERP) == []


def test_a_client_id_is_unique_among_open_orders(caller: Caller) -> None:
    caller.post(ORDER, **GOOD, newClientOrderId="twice")
    refusal = caller.refused("POST", ORDER, **GOOD, newClientOrderId="twice")
    assert refusal == (400, -4116, "ClientOrderId is duplicated.")


def test_a_batch_answers_for_each_order(caller: Caller) -> None:
    batch = [
        {**GOOD, "newClientOrderId": "b0"},
        {**GOOD, "price": "81000.05"},
        {**GOOD, "newClientOrderId": "b2", "reduceOnly": False},
    ]
    first, second, third = caller.post("/fapi/v1/batchOrders", batchOrders=json.dumps(batch))
    assert (first["clientOrderId"], third["clientOrderId"]) == ("b0", "b2")
    assert second == {"code": -4014, "msg": "Price not increased by tick size."}
    gone = caller.delete(
        "/fapi/v1/batchOrders",
        symbol="BTCUSDT",
        origClientOrderIdList=json.dumps(["b0", "never"]),
    )
    assert gone[0]["status"] == "CANCELED"
    assert gone[1] == {"code": -2011, "msg": "Unknown order sent."}
    rest = caller.delete(
        "/fapi/v1/batchOrders", symbol="BTCUSDT", orderIdList=f"[{third['orderId']}]"
    )
    assert [one["clientOrderId"] for one in rest] == ["b2"]


@pytest.mark.parametrize("count", [0, 6])
def test_a_batch_has_one_to_five_orders(caller: Caller, count: int) -> None:
    batch = json.dumps([GOOD] * count)
    assert caller.refused("POST", "/fapi/v1/batchOrders", batchOrders=batch)[1] == -4082


def test_all_open_orders_of_a_symbol_are_canceled_at_once(caller: Caller) -> None:
    caller.post(ORDER, **GOOD)
    for _ in range(2):
        done = caller.delete("/fapi/v1/allOpenOrders", symbol="BTCUSDT")
        assert done == {"code": 200, "msg": "The operation of cancel all open order is done."}
    assert caller.get("/fapi/v1/openOrders") == []


def test_a_position_shows_its_size_price_and_margin(caller: Caller) -> None:
    assert caller.get("/fapi/v3/positionRisk") == []
    caller.post(ORDER, **SHORT)
    (risk,) = caller.get("/fapi/v3/positionRisk")
    assert risk["positionAmt"] == "-0.500"
    assert risk["entryPrice"] == "80009.9"
    assert risk["markPrice"] == "80005.00000000"
    assert risk["notional"] == "-40002.50000000"
    assert risk["unRealizedProfit"] == "2.45000000"
    assert risk["maintMargin"] == "160.01000000"
    # 20,000 - 20.002475 + (80,009.9 - p) / 2 = p x 0.004 / 2
    assert risk["liquidationPrice"] == "119491.92734064"
    assert (risk["isolatedMargin"], risk["isolatedWallet"]) == ("0", "0")
    assert "leverage" not in risk
    every = caller.get("/fapi/v2/positionRisk")
    assert [(one["symbol"], one["leverage"]) for one in every] == [
        ("BTCUSDT", "20"),
        ("ETHUSDT", "20"),
    ]
    assert caller.get("/fapi/v3/positionRisk", symbol="ETHUSDT") == []


def test_an_open_order_alone_lists_its_symbol(caller: Caller) -> None:
    caller.post(ORDER, **GOOD)
    (risk,) = caller.get("/fapi/v3/positionRisk")
    assert (risk["positionAmt"], risk["askNotional"]) == ("0.000", "810.00000000")
    assert risk["openOrderInitialMargin"] == "40.50000000"


def test_the_wallet_adds_up(caller: Caller, exchange: SimExchange) -> None:
    caller.post(ORDER, **SHORT)
    caller.post(ORDER, **GOOD)
    account = caller.get("/fapi/v3/account")
    (usdt,) = account["assets"]
    fee = dec("40004.95") * exchange.fees.perp_taker
    assert dec(usdt["walletBalance"]) == dec(20_000) - dec(f"{fee:.8f}")
    assert dec(usdt["marginBalance"]) == dec(usdt["walletBalance"]) + dec(usdt["unrealizedProfit"])
    assert dec(usdt["initialMargin"]) == dec(usdt["positionInitialMargin"]) + dec(
        usdt["openOrderInitialMargin"]
    )
    assert dec(usdt["availableBalance"]) == dec(usdt["marginBalance"]) - dec(usdt["initialMargin"])
    assert account["totalMarginBalance"] == usdt["marginBalance"]
    assert account["totalMaintMargin"] == account["positions"][0]["maintMargin"]
    second = caller.get("/fapi/v2/account")
    assert second["totalWalletBalance"] == account["totalWalletBalance"]
    assert [one["symbol"] for one in second["positions"]] == ["BTCUSDT", "ETHUSDT"]
    (row,) = caller.get("/fapi/v3/balance")
    assert (row["balance"], row["availableBalance"]) == (
        usdt["walletBalance"],
        usdt["availableBalance"],
    )


def test_the_margins_of_the_symbols_are_those_of_the_wallet(caller: Caller) -> None:
    caller.post(ORDER, **SHORT)
    caller.post(ORDER, **GOOD)
    caller.post(ORDER, **{**GOOD, "side": "BUY", "price": "79000", "quantity": "0.700"})
    eth = {**GOOD, "symbol": "ETHUSDT", "quantity": "1", "price": "2100"}
    caller.post(ORDER, **eth)
    (usdt,) = caller.get("/fapi/v3/account")["assets"]
    risks = caller.get("/fapi/v3/positionRisk")
    for name in ("initialMargin", "positionInitialMargin", "openOrderInitialMargin"):
        assert sum(dec(one[name]) for one in risks) == dec(usdt[name])
    assert dec(usdt["openOrderInitialMargin"]) > 0


def test_leverage_is_set_within_the_symbols_bounds(caller: Caller) -> None:
    done = caller.post("/fapi/v1/leverage", symbol="BTCUSDT", leverage="5")
    assert (done["leverage"], done["symbol"]) == (5, "BTCUSDT")
    config = caller.get("/fapi/v1/symbolConfig", symbol="BTCUSDT")
    assert (config[0]["leverage"], config[0]["marginType"]) == (5, "CROSSED")
    refusal = caller.refused("POST", "/fapi/v1/leverage", symbol="BTCUSDT", leverage="126")
    assert refusal == (400, -4028, "Leverage 126 is not valid")


def test_a_leverage_the_wallet_cannot_carry_is_refused(caller: Caller) -> None:
    caller.post(ORDER, **SHORT)
    refusal = caller.refused("POST", "/fapi/v1/leverage", symbol="BTCUSDT", leverage="1")
    assert refusal == (
        400,
        -2028,
        "Leverage is smaller than permitted: insufficient margin balance",
    )


def test_funding_is_income_at_its_instant(caller: Caller, exchange: SimExchange) -> None:
    caller.post(ORDER, **SHORT)
    exchange.advance(dec(4 * 3_600))
    (row,) = caller.get("/fapi/v1/income", incomeType="FUNDING_FEE")
    assert (row["symbol"], row["asset"], row["income"]) == ("BTCUSDT", "USDT", "4.00025000")
    assert row["time"] == NOW_MS + 4 * 3_600_000
    kinds = [one["incomeType"] for one in caller.get("/fapi/v1/income")]
    assert sorted(kinds) == ["COMMISSION", "FUNDING_FEE"]
    assert caller.get("/fapi/v1/income", symbol="ETHUSDT") == []
    assert caller.get("/fapi/v1/income", startTime=row["time"] + 1) == []
    assert caller.refused("GET", "/fapi/v1/income", incomeType="LUCK")[1] == -1130


def test_income_is_the_last_week_unless_a_span_is_given(
    caller: Caller, exchange: SimExchange
) -> None:
    caller.post(ORDER, **SHORT)
    exchange.advance(dec(8 * 86_400))
    recent = caller.get("/fapi/v1/income")
    assert "COMMISSION" not in {one["incomeType"] for one in recent}
    everything = caller.get("/fapi/v1/income", startTime=NOW_MS)
    assert everything[0]["incomeType"] == "COMMISSION"
    second = caller.get("/fapi/v1/income", startTime=NOW_MS, limit=2, page=2)
    assert second == everything[2:4]


def test_trades_show_what_a_close_earned(caller: Caller, exchange: SimExchange) -> None:
    caller.post(ORDER, **SHORT)
    exchange.set_price("BTCUSDT", dec(79_000))
    caller.post(ORDER, **{**SHORT, "side": "BUY"}, reduceOnly="true")
    opened, closed = caller.get("/fapi/v1/userTrades", symbol="BTCUSDT")
    assert (opened["realizedPnl"], opened["buyer"]) == ("0.00000000", False)
    assert closed["buyer"] is True
    expected = (dec("80009.9") - dec(closed["price"])) * dec("0.5")
    assert dec(closed["realizedPnl"]) == expected
    assert caller.get("/fapi/v3/positionRisk") == []


def test_trades_and_orders_are_looked_up_in_weeks(caller: Caller, exchange: SimExchange) -> None:
    first = caller.post(ORDER, **SHORT)["orderId"]
    exchange.advance(dec(5 * 86_400))
    second = caller.post(ORDER, **SHORT)["orderId"]

    def orders(path: str, **params: object) -> list[int]:
        return [row["orderId"] for row in caller.get(path, symbol="BTCUSDT", **params)]

    for path in ("/fapi/v1/allOrders", "/fapi/v1/userTrades"):
        assert orders(path) == [first, second]
        assert orders(path, startTime=NOW_MS, endTime=NOW_MS + 1) == [first]
        assert orders(path, startTime=NOW_MS + 1) == [second]
        assert orders(path, endTime=NOW_MS) == [first]
        assert orders(path, limit=1) == [second]
        span = {"startTime": NOW_MS, "endTime": NOW_MS + 7 * 86_400_000 + 1}
        assert caller.refused("GET", path, symbol="BTCUSDT", **span)[1] == -4165
    assert orders("/fapi/v1/allOrders", orderId=second) == [second]
    assert orders("/fapi/v1/userTrades", orderId=first) == [first]
    exchange.advance(dec(4 * 86_400))
    assert orders("/fapi/v1/allOrders") == [second]
    assert orders("/fapi/v1/userTrades", fromId=1) == [first, second]


def test_a_span_that_ends_before_it_begins_is_refused(caller: Caller) -> None:
    span = {"symbol": "BTCUSDT", "startTime": NOW_MS, "endTime": NOW_MS - 1}
    assert caller.refused("GET", "/fapi/v1/allOrders", **span)[1] == -1023
