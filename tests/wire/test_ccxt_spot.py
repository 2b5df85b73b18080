"""Spot orders through the adapter and stock ccxt, against replies written as Binance's spot documentation shows them.

Spot differs from futures where it hurts: post-only is an order type, a cancel's reply renames the order, its refusals
share one code and are told apart by words, and fees are paid in the coin or in BNB.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from counterpoise.domain.numbers import dec
from counterpoise.domain.order import (
    Accepted,
    Gone,
    NotPlaced,
    OrderState,
    Side,
    TimeInForce,
    Unknown,
)
from counterpoise.venue.ccxt.adapter import CcxtVenue
from tests.build import NOW, make_order
from tests.wire.scripted import SERVED_MS, Scripted, as_json, serving
from tests.wire.test_ccxt_placing import cut_on_the_way, error, opened, page

BTC = "BTC/USDT"
PATH = "/api/v3/order"
POST, DELETE, GET = ("POST", PATH), ("DELETE", PATH), ("GET", PATH)
OPEN = ("GET", "/api/v3/openOrders")
TRADES = ("GET", "/api/v3/myTrades")
ORDER = make_order(Side.SELL, "0.1", "100000", symbol=BTC)


def placed(**changes: Any) -> dict[str, Any]:
    """The FULL reply to a new order."""
    return {
        "symbol": "BTCUSDT",
        "orderId": 28,
        "orderListId": -1,
        "clientOrderId": "cp-test-order",
        "transactTime": SERVED_MS,
        "price": "100000.00000000",
        "origQty": "0.10000000",
        "executedQty": "0.00000000",
        "origQuoteOrderQty": "0.00000000",
        "cummulativeQuoteQty": "0.00000000",
        "status": "NEW",
        "timeInForce": "GTC",
        "type": "LIMIT_MAKER",
        "side": "SELL",
        "workingTime": SERVED_MS,
        "fills": [],
        "selfTradePreventionMode": "NONE",
    } | changes


def listed(**changes: Any) -> dict[str, Any]:
    """An order as a query shows it."""
    row = placed(**changes)
    del row["fills"], row["transactTime"]
    return {**row, "time": SERVED_MS, "updateTime": SERVED_MS, "isWorking": True}


def cancelled(**changes: Any) -> dict[str, Any]:
    """The reply to a cancel: ``clientOrderId`` is the cancel's own name."""
    row = placed(status="CANCELED", clientOrderId="cancelMyOrder1")
    return {**row, "origClientOrderId": "cp-test-order", **changes}


@pytest.fixture
async def server() -> AsyncIterator[Scripted]:
    async with serving() as scripted:
        scripted.answers |= {POST: placed(), DELETE: cancelled(), GET: listed(), OPEN: [listed()]}
        yield scripted


@pytest.fixture
async def venue(server: Scripted) -> AsyncIterator[CcxtVenue]:
    async with opened(server) as made:
        yield made


def sent(server: Scripted) -> dict[str, str]:
    (seen,) = [s for s in server.seen if (s.method, s.path) == POST]
    names = {"timestamp", "recvWindow", "signature"}
    return {name: value for name, value in seen.params.items() if name not in names}


async def test_post_only_is_a_limit_maker(server: Scripted, venue: CcxtVenue) -> None:
    outcome = await venue.place(ORDER)
    assert isinstance(outcome, Accepted)
    assert (outcome.order.state, outcome.order.venue_order_id) == (OrderState.OPEN, "28")
    assert sent(server) == {
        "symbol": "BTCUSDT",
        "side": "SELL",
        "type": "LIMIT_MAKER",
        "quantity": "0.1",
        "price": "100000",
        "newClientOrderId": "cp-test-order",
        "newOrderRespType": "FULL",
    }


async def test_an_order_that_takes_says_for_how_long(server: Scripted, venue: CcxtVenue) -> None:
    server.answers[POST] = placed(
        status="EXPIRED", executedQty="0.04000000", cummulativeQuoteQty="4000.80000000"
    )
    order = make_order(Side.SELL, "0.1", "100000", symbol=BTC, time_in_force=TimeInForce.IOC)
    outcome = await venue.place(order)
    assert isinstance(outcome, Accepted)
    assert (outcome.order.state, outcome.order.filled_qty) == (OrderState.EXPIRED, dec("0.04"))
    assert outcome.order.avg_fill_price == 100_020
    assert (sent(server)["type"], sent(server)["timeInForce"]) == ("LIMIT", "IOC")


REFUSALS = {
    "balance": (-2010, "Account has insufficient balance for requested action."),
    "would take": (-2010, "Order would immediately match and take."),
    "closed": (-2010, "Market is closed."),
    "account": (-2010, "This action is disabled on this account."),
    "symbol": (-2010, "This symbol is not permitted for this account."),
    "lot": (-1013, "Filter failure: LOT_SIZE"),
    "notional": (-1013, "Filter failure: NOTIONAL"),
    "price": (-1013, "Filter failure: PERCENT_PRICE_BY_SIDE"),
    "precision": (-1111, "Parameter 'quantity' has too much precision."),
    "no book": (-1112, "No orders on book for symbol."),
}


@pytest.mark.parametrize("why", REFUSALS)
async def test_a_refusal_is_proven(server: Scripted, venue: CcxtVenue, why: str) -> None:
    code, words = REFUSALS[why]
    server.answers[POST] = error(400, code, words)
    outcome = await venue.place(ORDER)
    assert isinstance(outcome, NotPlaced), outcome
    assert outcome.code == str(code)
    assert words in outcome.text
    assert server.count("POST") == 1


OPEN_OUTCOMES = {
    "another -2010": error(400, -2010, "Something nobody has seen."),
    "futures' number": error(400, -2019, "Margin is insufficient."),
    "half of a cancel-replace": error(409, -2021, "Order cancel-replace partially failed."),
    "timeout": error(408, -1007, "Timeout waiting for response from backend server."),
    "unknown": error(400, -1006, "An unexpected response was received from the message bus."),
    "bad gateway": page("<html>", 502),
    "no answer": cut_on_the_way,
    "acknowledged only": lambda _: as_json(
        {k: placed()[k] for k in ("symbol", "orderId", "clientOrderId", "transactTime")}
    ),
    "another's order": lambda _: as_json(placed(clientOrderId="cp-another")),
    "another side": lambda _: as_json(placed(side="BUY")),
    "another quantity": lambda _: as_json(placed(origQty="0.2")),
}


@pytest.mark.parametrize("what", OPEN_OUTCOMES)
async def test_what_is_not_proven_is_unknown(server: Scripted, venue: CcxtVenue, what: str) -> None:
    server.answers[POST] = OPEN_OUTCOMES[what]
    assert isinstance(await venue.place(ORDER), Unknown)
    assert server.count("POST") == 1


async def test_a_duplicate_was_placed_and_is_looked_up(server: Scripted, venue: CcxtVenue) -> None:
    server.answers[POST] = error(400, -2010, "Duplicate order sent.")
    server.answers[GET] = listed(
        status="PARTIALLY_FILLED", executedQty="0.05", cummulativeQuoteQty="5000"
    )
    outcome = await venue.place(ORDER)
    assert isinstance(outcome, Accepted)
    assert (outcome.order.state, outcome.order.filled_qty) == (
        OrderState.PARTIALLY_FILLED,
        dec("0.05"),
    )
    assert server.count("POST") == 1


async def test_a_cancels_reply_renames_the_order(server: Scripted, venue: CcxtVenue) -> None:
    outcome = await venue.cancel(ORDER)
    assert isinstance(outcome, Accepted)
    assert (outcome.order.client_order_id, outcome.order.state) == (
        "cp-test-order",
        OrderState.CANCELED,
    )
    server.answers[DELETE] = cancelled(origClientOrderId="cp-another")
    assert isinstance(await venue.cancel(ORDER), Unknown)
    server.answers[DELETE] = error(400, -2011, "Unknown order sent.")
    assert isinstance(await venue.cancel(ORDER), Gone)
    server.answers[DELETE] = error(400, -2011, "Order was not canceled due to cancel restrictions.")
    assert isinstance(await venue.cancel(ORDER), Unknown)


async def test_orders_are_found_and_listed(server: Scripted, venue: CcxtVenue) -> None:
    found = await venue.order(BTC, "cp-test-order")
    (resting,) = await venue.open_orders([BTC])
    assert found == resting
    assert found is not None
    assert (found.symbol, found.side, found.qty, found.price, found.reduce_only) == (
        BTC,
        Side.SELL,
        dec("0.1"),
        100_000,
        False,
    )
    for code in (-2013, -2026):
        server.answers[GET] = error(400, code, "Order does not exist.")
        assert await venue.order(BTC, "cp-test-order") is None


async def test_a_fee_may_be_paid_in_a_third_asset(server: Scripted, venue: CcxtVenue) -> None:
    server.answers[TRADES] = [
        {
            "symbol": "BTCUSDT",
            "id": 28457,
            "orderId": 28,
            "orderListId": -1,
            "price": "100000.10000000",
            "qty": "0.10000000",
            "quoteQty": "10000.01000000",
            "commission": "0.01260000",
            "commissionAsset": "BNB",
            "time": SERVED_MS,
            "isBuyer": False,
            "isMaker": True,
            "isBestMatch": True,
        }
    ]
    (fill,) = await venue.fills(BTC, NOW)
    assert (fill.fee, fill.fee_asset, fill.maker) == (dec("0.0126"), "BNB", True)
    assert (fill.side, fill.venue_order_id, fill.trade_id) == (Side.SELL, "28", "28457")


async def test_what_orders_hold_is_still_ours(server: Scripted, venue: CcxtVenue) -> None:
    server.answers["GET", "/api/v3/account"] = {
        "balances": [
            {"asset": "BTC", "free": "0.30000000", "locked": "0.70000000"},
            {"asset": "USDT", "free": "0.00000000", "locked": "500.00000000"},
            {"asset": "DUST", "free": "0.00000000", "locked": "0.00000000"},
        ]
    }
    spot = (await venue.account()).spot
    assert {asset: held.total for asset, held in spot.items()} == {"BTC": 1, "USDT": 500}
