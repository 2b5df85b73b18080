"""Public data of both markets: what Binance would print for the small market."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from counterpoise.domain.numbers import dec
from counterpoise.venue.sim import Candle, MarketKind, Series, SimExchange
from counterpoise.venue.testnet.binance import BinanceDialect
from counterpoise.venue.testnet.http import Request
from tests.unit.venue.testnet import small
from tests.unit.venue.testnet.small import BAR, BEGIN, NOW_MS, Caller

HOUR_MS = 3_600_000


def refused(caller: Caller, path: str, query: str) -> int:
    response = caller.handler.handle(Request(method="GET", path=path, query=query))
    assert response.status == 400
    return int(json.loads(response.body)["code"])


def test_the_book_is_a_tick_around_the_price(caller: Caller) -> None:
    spot = caller.public("/api/v3/depth", symbol="BTCUSDT", limit=2)
    assert spot["bids"] == [["79999.99000000", "100.00000000"], ["79999.98000000", "100.00000000"]]
    assert spot["asks"][0] == ["80000.01000000", "100.00000000"]
    perp = caller.public("/fapi/v1/depth", symbol="BTCUSDT", limit=5)
    assert perp["bids"][0] == ["80009.90", "100.000"]
    assert len(perp["asks"]) == 5
    assert refused(caller, "/fapi/v1/depth", "symbol=BTCUSDT&limit=7") == -4021


def test_tickers_of_one_some_and_all(caller: Caller) -> None:
    one = caller.public("/api/v3/ticker/price", symbol="BTCUSDT")
    assert one == {"symbol": "BTCUSDT", "price": "80000.00000000"}
    some = caller.public("/api/v3/ticker/price", symbols='["ETHUSDT"]')
    assert [row["symbol"] for row in some] == ["ETHUSDT"]
    every = caller.public("/fapi/v1/ticker/price")
    assert [row["symbol"] for row in every] == ["BTCUSDT", "ETHUSDT"]
    assert every[0]["price"] == "80010.00"
    assert refused(caller, "/api/v3/ticker/price", "symbol=NOPE") == -1121
    assert refused(caller, "/api/v3/ticker/24hr", 'symbols=["NOPE"]') == -1121


def test_the_day_ticker_sums_the_day(caller: Caller) -> None:
    day = caller.public("/api/v3/ticker/24hr", symbol="BTCUSDT")
    assert day["volume"] == "288000.00000000"
    assert day["quoteVolume"] == "23040000000.00000000"
    assert day["weightedAvgPrice"] == "80000.00000000"
    assert (day["priceChange"], day["priceChangePercent"]) == ("0.00000000", "0.000")
    assert day["closeTime"] - day["openTime"] <= 24 * HOUR_MS
    assert day["bidPrice"] == "79999.99000000"


def test_klines_have_twelve_columns(caller: Caller) -> None:
    rows = caller.public("/api/v3/klines", symbol="BTCUSDT", interval="1h", limit=2)
    assert [row[0] for row in rows] == [NOW_MS - HOUR_MS, NOW_MS]
    assert rows[0] == [
        NOW_MS - HOUR_MS,
        "80000.00000000",
        "80000.00000000",
        "80000.00000000",
        "80000.00000000",
        "12000.00000000",
        NOW_MS - 1,
        "960000000.00000000",
        1,
        "6000.00000000",
        "480000000.00000000",
        "0",
    ]


def test_klines_go_forward_from_a_start_and_back_from_an_end(caller: Caller) -> None:
    path = "/fapi/v1/klines"
    start = NOW_MS - 10 * HOUR_MS
    ahead = caller.public(path, symbol="BTCUSDT", interval="1h", startTime=start, limit=3)
    assert [row[0] for row in ahead] == [start + n * HOUR_MS for n in range(3)]
    back = caller.public(path, symbol="BTCUSDT", interval="1h", endTime=start, limit=2)
    assert [row[0] for row in back] == [start - HOUR_MS, start]


@pytest.mark.parametrize(("interval", "code"), [("7m", -1120), ("1H", -1120), ("", -1102)])
def test_unknown_intervals_are_refused(caller: Caller, interval: str, code: int) -> None:
    assert refused(caller, "/api/v3/klines", f"symbol=BTCUSDT&interval={interval}") == code


def test_no_candle_is_finer_than_what_was_recorded(caller: Caller) -> None:
    assert caller.public("/api/v3/klines", symbol="BTCUSDT", interval="1m") == []


def test_mark_klines_have_no_volume(caller: Caller) -> None:
    (row,) = caller.public("/fapi/v1/markPriceKlines", symbol="BTCUSDT", interval="1h", limit=1)
    assert (row[1], row[5], row[8]) == ("80005.00", "0.000", 0)


def test_index_klines_are_the_spot_price(caller: Caller) -> None:
    (row,) = caller.public("/fapi/v1/indexPriceKlines", pair="BTCUSDT", interval="1h", limit=1)
    assert (row[4], row[5]) == ("80000.00", "0.000")


def test_a_month_is_made_of_its_days() -> None:
    day = timedelta(days=1)
    prices = [dec(100 + n) for n in range(70)]
    bars = tuple(Candle(BEGIN + n * day, p, p + 1, p - 1, p, dec(2)) for n, p in enumerate(prices))
    names = [(kind, f"{base}USDT") for base in ("BTC", "ETH") for kind in ("spot", "perp")]
    exchange = small.exchange(
        series=tuple(
            Series(kind=kind, symbol=symbol, interval=day, candles=bars)  # type: ignore[arg-type]  # literals
            for kind, symbol in names
        ),
        now=BEGIN + 65 * day,
    )
    caller = Caller(BinanceDialect(exchange), exchange, "", "")
    rows = caller.public("/api/v3/klines", symbol="BTCUSDT", interval="1M")
    march, april, may = rows
    assert (march[1], march[4], march[5]) == ("100.00000000", "130.00000000", "62.00000000")
    assert march[6] + 1 == april[0]
    assert april[6] + 1 == may[0]
    assert caller.public("/api/v3/klines", symbol="BTCUSDT", interval="1M", limit=1) == [may]
    since = caller.public(
        "/api/v3/klines", symbol="BTCUSDT", interval="1M", startTime=march[0] + 1, limit=1
    )
    assert since == [april]


def test_public_trades_are_the_recorded_bars(caller: Caller) -> None:
    trades = caller.public("/api/v3/trades", symbol="BTCUSDT", limit=2)
    assert [trade["qty"] for trade in trades] == ["1000.00000000", "0.00000000"]
    grouped = caller.public("/fapi/v1/aggTrades", symbol="BTCUSDT", limit=2)
    assert [row["p"] for row in grouped] == ["80010.00", "80010.00"]


def test_the_premium_index_tells_mark_index_and_funding(caller: Caller) -> None:
    one = caller.public("/fapi/v1/premiumIndex", symbol="BTCUSDT")
    assert one["markPrice"] == "80005.00000000"
    assert one["indexPrice"] == "80000.00000000"
    assert one["lastFundingRate"] == "0.00010000"
    assert one["nextFundingTime"] == NOW_MS + 4 * HOUR_MS
    assert [row["symbol"] for row in caller.public("/fapi/v1/premiumIndex")] == [
        "BTCUSDT",
        "ETHUSDT",
    ]


def test_funding_rates_come_with_the_mark_they_were_charged_on(caller: Caller) -> None:
    path = "/fapi/v1/fundingRate"
    rows = caller.public(path, symbol="BTCUSDT", limit=2)
    assert [row["fundingTime"] for row in rows] == [NOW_MS - 12 * HOUR_MS, NOW_MS - 4 * HOUR_MS]
    assert {row["markPrice"] for row in rows} == {"80005.00000000"}
    every = caller.public(path)
    assert {row["symbol"] for row in every} == {"BTCUSDT", "ETHUSDT"}
    assert caller.public(path, symbol="BTCUSDT", startTime=NOW_MS) == []
    info = caller.public("/fapi/v1/fundingInfo")
    assert {row["fundingIntervalHours"] for row in info} == {8}


def test_futures_exchange_info(caller: Caller) -> None:
    info = caller.public("/fapi/v1/exchangeInfo")
    btc = info["symbols"][0]
    assert (btc["contractType"], btc["pricePrecision"], btc["quantityPrecision"]) == (
        "PERPETUAL",
        2,
        3,
    )
    filters = {one["filterType"]: one for one in btc["filters"]}
    assert filters["PRICE_FILTER"]["tickSize"] == "0.10"
    assert filters["MIN_NOTIONAL"]["notional"] == "100"
    assert caller.public("/dapi/v1/exchangeInfo")["symbols"] == []


def test_a_halted_market_shows_no_touch_and_takes_no_order() -> None:
    exchange = small.exchange(series=_with_a_hole())
    keys = exchange.open_account(small.BALANCE)
    caller = Caller(BinanceDialect(exchange), exchange, keys.api_key, keys.secret)
    assert exchange.book(MarketKind.SPOT, "BTCUSDT").halted
    info = caller.public("/api/v3/exchangeInfo", symbol="BTCUSDT")
    assert info["symbols"][0]["status"] == "BREAK"
    depth = caller.public("/api/v3/depth", symbol="BTCUSDT")
    assert (depth["bids"], depth["asks"]) == ([], [])
    ticker = caller.public("/api/v3/ticker/bookTicker", symbol="BTCUSDT")
    assert ticker["bidPrice"] == "0.00000000"
    order = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC"}
    for kind in ({**order, "quantity": "0.01", "price": "79000"},):
        assert caller.refused("POST", "/api/v3/order", **kind)[1:] == (-2010, "Market is closed.")
    market = {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quoteOrderQty": "100"}
    assert caller.refused("POST", "/api/v3/order", **market)[1:] == (-2010, "Market is closed.")


def _with_a_hole() -> tuple[Series, ...]:
    whole = small.flat("spot", "BTCUSDT", "80000")
    cut = tuple(
        bar
        for bar in whole.candles
        if not small.NOW - 12 * BAR <= bar.open_at < small.NOW + 12 * BAR
    )
    return (
        Series(kind="spot", symbol="BTCUSDT", interval=BAR, candles=cut),
        small.flat("perp", "BTCUSDT", "80010"),
        small.flat("spot", "ETHUSDT", "2000"),
        small.flat("perp", "ETHUSDT", "2001"),
    )


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/api/v3/nope", "<html><body><h2>404 Not found</h2></body></html>"),
        ("PUT", "/api/v3/time", "<html><body><h2>404 Not found</h2></body></html>"),
        ("GET", "/", "<html><body><h2>404 Not found</h2></body></html>"),
        (
            "GET",
            "/sapi/v1/nope",
            '{"status":404,"error":"Not Found","path":"/sapi/v1/nope"}',
        ),
        (
            "PATCH",
            "/fapi/v1/order",
            '{"code":-5000,"msg":"Path /fapi/v1/order, Method PATCH is invalid"}',
        ),
    ],
)
def test_unknown_paths(caller: Caller, method: str, path: str, body: str) -> None:
    response = caller.handler.handle(Request(method=method, path=path))
    assert (response.status, response.body) == (404, body)


def test_every_request_is_in_the_truth_log(caller: Caller, exchange: SimExchange) -> None:
    caller.public("/api/v3/time")
    caller.refused("POST", "/api/v3/order", symbol="BTCUSDT", side="UP", newClientOrderId="x-1")
    caller.handler.handle(Request(method="GET", path="/api/v3/nope"))
    events = [e for e in exchange.log.after(0) if e["event"] == "request"]
    assert [(e["status"], e["code"]) for e in events] == [
        ("GET /api/v3/time", "200"),
        ("POST /api/v3/order", "-1117"),
        ("GET /api/v3/nope", "404"),
    ]
    order = events[1]
    assert (order["account"], order["symbol"], order["client_id"]) == (
        caller.api_key,
        "BTCUSDT",
        "x-1",
    )
    assert order["signed_at"] == NOW_MS
