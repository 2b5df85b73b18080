"""Dated futures as Binance shows them: listed with their delivery, no funding, traded like the rest, delivered."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from counterpoise.domain.numbers import dec
from counterpoise.venue.sim import SimExchange, SymbolRules, dated_series
from counterpoise.venue.sim.rules import expiry_of
from counterpoise.venue.testnet.launch import face_of
from tests.unit.venue.testnet import small
from tests.unit.venue.testnet.small import BAR, NOW, Caller

ORDER = "/fapi/v1/order"
SOON, LATER = "BTCUSDT_250304", "BTCUSDT_250627"
END = NOW + timedelta(hours=20)  # 2025-03-04 08:00
END_MS = 1_741_075_200_000
SHORT = {"symbol": SOON, "side": "SELL", "type": "MARKET", "quantity": "0.500"}


def _end(symbol: str) -> datetime:
    at = expiry_of(symbol)
    assert at is not None
    return at


def _rule(symbol: str) -> SymbolRules:
    return replace(small.RULES[1], symbol=symbol, expiry_at=_end(symbol))


def exchange(now: datetime = NOW) -> SimExchange:
    """BTC spot at 80,000, its perpetual, and two futures with 36.5 % a year: 0.1 % for each day left."""
    spot = small.flat("spot", "BTCUSDT", "80000")
    return SimExchange(
        rules=(*small.RULES[:2], _rule(LATER), _rule(SOON)),
        series=(
            spot,
            small.flat("perp", "BTCUSDT", "80010"),
            *(
                dated_series(spot, symbol, _end(symbol), dec("0.365"), dec("0.1"))
                for symbol in (LATER, SOON)
            ),
        ),
        funding=(small.funding("BTCUSDT"),),
        now=now,
    )


@pytest.fixture
def caller() -> Caller:
    made = exchange()
    keys = made.open_account(small.BALANCE)
    return Caller(face_of(made), made, keys.api_key, keys.secret)


def listed(caller: Caller) -> dict[str, dict[str, Any]]:
    return {row["symbol"]: row for row in caller.public("/fapi/v1/exchangeInfo")["symbols"]}


def types(caller: Caller) -> dict[str, tuple[str, str]]:
    return {name: (row["contractType"], row["status"]) for name, row in listed(caller).items()}


def test_contracts_are_listed_by_pair_with_type_and_delivery(caller: Caller) -> None:
    soon = listed(caller)[SOON]
    assert (soon["pair"], soon["deliveryDate"]) == ("BTCUSDT", END_MS)
    assert types(caller) == {
        "BTCUSDT": ("PERPETUAL", "TRADING"),
        SOON: ("CURRENT_QUARTER", "TRADING"),
        LATER: ("NEXT_QUARTER", "TRADING"),
    }
    caller.exchange.advance_to(END)
    assert types(caller) == {
        "BTCUSDT": ("PERPETUAL", "TRADING"),
        SOON: ("", "DELIVERED"),
        LATER: ("CURRENT_QUARTER", "TRADING"),
    }


def test_a_premium_index_without_funding(caller: Caller) -> None:
    row = caller.public("/fapi/v1/premiumIndex", symbol=SOON)
    assert (row["markPrice"], row["indexPrice"]) == ("80066.70000000", "80000.00000000")
    assert (row["lastFundingRate"], row["interestRate"], row["nextFundingTime"]) == ("", "", 0)
    assert [r["symbol"] for r in caller.public("/fapi/v1/fundingInfo")] == ["BTCUSDT"]
    assert {r["symbol"] for r in caller.public("/fapi/v1/fundingRate")} == {"BTCUSDT"}


def test_candles_and_tickers_are_the_contracts_own(caller: Caller) -> None:
    bars = caller.public("/fapi/v1/klines", symbol=SOON, interval="5m", limit=1)
    assert bars[0][4] == "80066.70"
    assert caller.public("/fapi/v1/ticker/price", symbol=SOON)["price"] == "80066.70"
    day = caller.public("/fapi/v1/ticker/24hr", symbol=LATER)
    assert dec(day["quoteVolume"]) > dec(day["volume"]) * 80_000 * dec("1.1")
    touch = caller.public("/fapi/v1/ticker/bookTicker", symbol=SOON)
    assert (touch["bidPrice"], touch["askPrice"]) == ("80066.60", "80066.80")


def test_it_is_traded_held_and_closed_like_a_perpetual(caller: Caller) -> None:
    caller.post(ORDER, **SHORT)
    rests = caller.post(ORDER, **SHORT | {"type": "LIMIT", "timeInForce": "GTX", "price": "81000"})
    (position,) = caller.get("/fapi/v3/positionRisk")
    assert (position["symbol"], position["positionAmt"]) == (SOON, "-0.500")
    assert (position["entryPrice"], position["notional"]) == ("80066.6", "-40033.35000000")
    assert [o["orderId"] for o in caller.get("/fapi/v1/openOrders")] == [rests["orderId"]]
    assert [t["symbol"] for t in caller.get("/fapi/v1/userTrades", symbol=SOON)] == [SOON]
    caller.post(ORDER, **SHORT | {"side": "BUY", "reduceOnly": "true"})
    assert [p["positionAmt"] for p in caller.get("/fapi/v3/positionRisk")] == ["0.000"]


def test_delivery_closes_positions_ends_orders_and_is_told(caller: Caller) -> None:
    caller.post(ORDER, **SHORT)
    rests = caller.post(ORDER, **SHORT | {"type": "LIMIT", "timeInForce": "GTC", "price": "81000"})
    assert caller.public("/futures/data/delivery-price", pair="BTCUSDT") == []
    caller.exchange.advance_to(END - BAR)
    caller.exchange.set_price("BTCUSDT", dec(74_000))  # one of the twelve closes of the last hour
    caller.exchange.advance_to(END)
    price = (dec(80_000) * 11 + 74_000) / 12
    assert price == 79_500
    assert caller.public("/futures/data/delivery-price", pair="BTCUSDT") == [
        {"deliveryTime": END_MS, "deliveryPrice": float(price)}
    ]
    assert caller.get("/fapi/v3/positionRisk") == []
    ended = caller.get(ORDER, symbol=SOON, orderId=rests["orderId"])
    assert ended["status"] == "EXPIRED"
    rows = caller.get("/fapi/v1/income", incomeType="DELIVERED_SETTELMENT")
    earned = (dec("80066.6") - price) / 2
    assert [(r["symbol"], dec(r["income"]), r["time"], r["tradeId"]) for r in rows] == [
        (SOON, earned, END_MS, "")
    ]
    assert caller.get("/fapi/v1/income", incomeType="REALIZED_PNL") == []


def test_what_was_delivered_takes_no_orders(caller: Caller) -> None:
    caller.exchange.advance_to(END)
    assert caller.refused("POST", ORDER, **SHORT) == (400, -4141, "Symbol is closed.")
    touch = caller.public("/fapi/v1/ticker/bookTicker", symbol=SOON)
    assert touch["bidQty"] == touch["askQty"] == "0.000"


def test_deliveries_are_told_newest_first_and_only_of_pairs_that_are_known(caller: Caller) -> None:
    caller.exchange.advance_to(_end(LATER))
    rows = caller.public("/futures/data/delivery-price", pair="BTCUSDT")
    assert [row["deliveryTime"] for row in rows] == [1_751_011_200_000, END_MS]
    path = "/futures/data/delivery-price"
    assert caller.refused("GET", path, pair="NOPE") == (400, -4144, "Invalid pair.")
    assert caller.refused("GET", path)[1] == -1102
    assert caller.refused("GET", "/futures/data/openInterestHist")[:2] == (404, -5000)


def test_before_its_first_bar_it_is_announced_and_does_not_trade() -> None:
    spot = small.flat("spot", "BTCUSDT", "80000")
    begins = NOW + timedelta(hours=2)
    series = dated_series(spot, LATER, _end(LATER), dec("0.365"), dec("0.1"))
    late = replace(series, candles=tuple(c for c in series.candles if c.open_at >= begins))
    made = SimExchange(rules=(small.RULES[0], _rule(LATER)), series=(spot, late), now=NOW)
    keys = made.open_account(small.BALANCE)
    caller = Caller(face_of(made), made, keys.api_key, keys.secret)
    order = {**SHORT, "symbol": LATER}
    assert types(caller) == {LATER: ("CURRENT_QUARTER", "PENDING_TRADING")}
    assert caller.refused("POST", ORDER, **order) == (400, -4141, "Symbol is closed.")
    made.advance_to(begins)
    assert types(caller) == {LATER: ("CURRENT_QUARTER", "TRADING")}
    made.advance_to(begins + BAR)
    assert caller.post(ORDER, **order, newOrderRespType="RESULT")["status"] == "FILLED"
