"""Stock ccxt trades on the simulated exchange and never notices: every call a client needs, every error class."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import ccxt
import pytest

from counterpoise.domain.numbers import dec
from counterpoise.venue.sim import SimExchange, Wallet
from counterpoise.venue.testnet.http import Request
from counterpoise.venue.testnet.launch import face_of, serving
from tests.unit.venue.testnet import small
from tests.unit.venue.testnet.small import NOW_MS
from tests.wire.stock import in_process, over_http

SPOT, PERP = "BTC/USDT", "BTC/USDT:USDT"


@dataclass(slots=True)
class Desk:
    """A client and the exchange it trades on."""

    exchange: SimExchange
    client: Any


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    exchange = small.exchange()
    keys = exchange.open_account(small.BALANCE)
    async with in_process(exchange, face_of(exchange), keys) as client:
        await client.load_markets()
        yield Desk(exchange, client)


async def test_markets_with_their_steps_and_limits(desk: Desk) -> None:
    markets = desk.client.markets
    assert set(markets) == {SPOT, PERP, "ETH/USDT", "ETH/USDT:USDT"}
    spot, perp = markets[SPOT], markets[PERP]
    assert (spot["precision"]["price"], spot["precision"]["amount"]) == (0.01, 0.00001)
    assert (perp["precision"]["price"], perp["precision"]["amount"]) == (0.1, 0.001)
    assert (spot["limits"]["cost"]["min"], perp["limits"]["cost"]["min"]) == (5, 100)
    assert (perp["linear"], perp["contractSize"], perp["active"]) == (True, 1, True)
    assert desk.client.currencies["BTC"]["active"]


async def test_time_and_status(desk: Desk) -> None:
    assert await desk.client.fetch_time() == NOW_MS
    assert await desk.client.fetch_time({"type": "swap"}) == NOW_MS


async def test_balances_of_both_wallets(desk: Desk) -> None:
    spot = await desk.client.fetch_balance()
    assert (spot["BTC"]["free"], spot["USDT"]["total"]) == (1, 50_000)
    swap = await desk.client.fetch_balance({"type": "swap"})
    assert (swap["USDT"]["free"], swap["USDT"]["total"]) == (20_000, 20_000)


async def test_tickers_books_and_candles(desk: Desk) -> None:
    client = desk.client
    ticker = await client.fetch_ticker(SPOT)
    assert (ticker["bid"], ticker["ask"], ticker["last"]) == (79_999.99, 80_000.01, 80_000)
    every = await client.fetch_tickers()
    assert set(every) == {SPOT, "ETH/USDT"}
    swaps = await client.fetch_tickers([PERP])
    assert swaps[PERP]["last"] == 80_010
    touch = await client.fetch_bids_asks([PERP])
    assert touch[PERP]["bid"] == 80_009.9
    book = await client.fetch_order_book(PERP, 5)
    assert book["bids"][0] == [80_009.9, 100]
    bars = await client.fetch_ohlcv(SPOT, "1h", NOW_MS - 3_600_000, 10)
    assert bars == [
        [NOW_MS - 3_600_000, 80_000, 80_000, 80_000, 80_000, 12_000],
        [NOW_MS, 80_000, 80_000, 80_000, 80_000, 0],
    ]
    marks = await client.fetch_ohlcv(PERP, "1h", limit=1, params={"price": "mark"})
    assert marks[0][4] == 80_005
    assert (await client.fetch_trades(PERP, limit=1))[0]["price"] == 80_010
    prices = await client.fetch_last_prices([PERP])
    assert prices[PERP]["price"] == 80_010


async def test_a_spot_limit_order_lives_and_is_canceled(desk: Desk) -> None:
    client = desk.client
    placed = await client.create_order(
        SPOT, "limit", "buy", 0.01, 79_000, {"clientOrderId": "mine-1"}
    )
    assert (placed["status"], placed["clientOrderId"], placed["filled"]) == ("open", "mine-1", 0)
    found = await client.fetch_order(None, SPOT, {"clientOrderId": "mine-1"})
    assert (found["id"], found["price"], found["amount"]) == (placed["id"], 79_000, 0.01)
    assert [one["id"] for one in await client.fetch_open_orders(SPOT)] == [placed["id"]]
    await client.cancel_order(placed["id"], SPOT)
    assert (await client.fetch_order(placed["id"], SPOT))["status"] == "canceled"
    assert [one["status"] for one in await client.fetch_orders(SPOT)] == ["canceled"]


@pytest.mark.parametrize(("symbol", "price"), [(SPOT, 79_000), (PERP, 79_000)])
async def test_post_only_rests(desk: Desk, symbol: str, price: float) -> None:
    placed = await desk.client.create_order(
        symbol, "limit", "buy", 0.01, price, {"postOnly": True, "clientOrderId": "maker"}
    )
    listed = await desk.client.fetch_open_orders(symbol)
    assert [(one["id"], one["postOnly"]) for one in listed] == [(placed["id"], True)]
    await desk.client.cancel_all_orders(symbol)
    assert await desk.client.fetch_open_orders(symbol) == []


@pytest.mark.parametrize("symbol", [SPOT, PERP])
async def test_a_market_order_fills_and_its_trades_add_up(desk: Desk, symbol: str) -> None:
    done = await desk.client.create_order(symbol, "market", "sell", 0.1)
    assert (done["status"], done["filled"], done["remaining"]) == ("closed", 0.1, 0)
    trades = await desk.client.fetch_my_trades(symbol)
    assert sum(dec(str(trade["amount"])) for trade in trades) == dec("0.1")
    assert {(trade["order"], trade["side"], trade["takerOrMaker"]) for trade in trades} == {
        (done["id"], "sell", "taker")
    }
    assert all(trade["fee"]["currency"] == "USDT" for trade in trades)
    closed = await desk.client.fetch_closed_orders(symbol)
    assert [one["id"] for one in closed] == [done["id"]]


@pytest.mark.parametrize("symbol", [SPOT, PERP])
async def test_ioc_takes_what_is_there_and_expires(desk: Desk, symbol: str) -> None:
    order = await desk.client.create_order(
        symbol, "limit", "buy", 0.01, 79_000, {"timeInForce": "IOC"}
    )
    assert (order["status"], order["filled"], order["timeInForce"]) == ("expired", 0, "IOC")


async def test_a_position_is_opened_shown_and_closed_reduce_only(desk: Desk) -> None:
    client = desk.client
    assert await client.fetch_positions() == []
    await client.create_order(PERP, "market", "sell", 0.5)
    (position,) = await client.fetch_positions([PERP])
    assert (position["side"], position["contracts"]) == ("short", 0.5)
    assert (position["entryPrice"], position["markPrice"]) == (80_009.9, 80_005)
    assert (position["notional"], position["marginMode"]) == (40_002.5, "cross")
    assert position["maintenanceMargin"] == 160.01
    assert position["liquidationPrice"] == 119_491.92734064
    closed = await client.create_order(PERP, "market", "buy", 0.5, None, {"reduceOnly": True})
    assert (closed["status"], closed["reduceOnly"]) == ("closed", True)
    assert await client.fetch_positions() == []
    account = await client.fetch_account_positions([PERP])
    assert account == []


async def test_a_batch_places_and_a_batch_cancels(desk: Desk) -> None:
    orders = [
        {
            "symbol": PERP,
            "type": "limit",
            "side": "buy",
            "amount": 0.01,
            "price": 79_000 - n,
            "params": {"clientOrderId": f"b{n}"},
        }
        for n in range(3)
    ]
    placed = await desk.client.create_orders(orders)
    assert [one["clientOrderId"] for one in placed] == ["b0", "b1", "b2"]
    await desk.client.cancel_orders([one["id"] for one in placed[:2]], PERP)
    assert [o["clientOrderId"] for o in await desk.client.fetch_open_orders(PERP)] == ["b2"]
    await desk.client.cancel_orders([], PERP, {"clientOrderIds": ["b2"]})
    assert await desk.client.fetch_open_orders(PERP) == []


async def test_funding_is_told_before_and_after(desk: Desk) -> None:
    client = desk.client
    rate = await client.fetch_funding_rate(PERP)
    assert (rate["fundingRate"], rate["fundingTimestamp"]) == (0.0001, NOW_MS + 4 * 3_600_000)
    assert set(await client.fetch_funding_rates()) == {PERP, "ETH/USDT:USDT"}
    history = await client.fetch_funding_rate_history(PERP, limit=2)
    assert [one["fundingRate"] for one in history] == [0.0001, 0.0001]
    await client.create_order(PERP, "market", "sell", 0.5)
    desk.exchange.advance(dec(4 * 3_600))
    (paid,) = await client.fetch_funding_history(PERP)
    assert (paid["amount"], paid["code"]) == (4.00025, "USDT")
    intervals = await client.fetch_funding_intervals([PERP])
    assert intervals[PERP]["interval"] == "8h"


async def test_money_moves_between_the_wallets(desk: Desk) -> None:
    client = desk.client
    moved = await client.transfer("USDT", 100, "spot", "swap")
    assert moved["id"]
    assert (await client.fetch_balance({"type": "swap"}))["USDT"]["total"] == 20_100
    await client.transfer("USDT", 50, "swap", "spot")
    assert (await client.fetch_balance())["USDT"]["total"] == 49_950
    listed = await client.fetch_transfers("USDT", params={"type": "MAIN_UMFUTURE"})
    assert [(one["amount"], one["toAccount"]) for one in listed] == [(100, "linear")]


async def test_settings_of_the_futures_account(desk: Desk) -> None:
    client = desk.client
    await client.set_leverage(5, PERP)
    assert (await client.fetch_leverage(PERP))["longLeverage"] == 5
    assert (await client.fetch_margin_mode(PERP))["marginMode"] == "cross"
    assert (await client.fetch_position_mode(PERP))["hedged"] is False
    tiers = await client.fetch_market_leverage_tiers(PERP)
    assert (tiers[0]["maxLeverage"], tiers[0]["maintenanceMarginRate"]) == (125, 0.004)
    assert (await client.fetch_trading_fee(PERP))["taker"] == 0.0005
    assert (await client.fetch_trading_fees())[SPOT]["maker"] == 0.001
    with pytest.raises(ccxt.MarginModeAlreadySet):
        await client.set_margin_mode("cross", PERP)
    with pytest.raises(ccxt.OperationRejected, match="No need to change position side"):
        await client.set_position_mode(False, PERP)


ERRORS = [
    (SPOT, "limit", "buy", 5, 79_000, {}, ccxt.InsufficientFunds, "insufficient balance"),
    (
        SPOT,
        "limit",
        "buy",
        0.01,
        81_000,
        {"postOnly": True},
        ccxt.OrderImmediatelyFillable,
        "immediately match and take",
    ),
    (SPOT, "limit", "buy", 0.00005, 50_000, {}, ccxt.BadRequest, "NOTIONAL"),
    (SPOT, "limit", "buy", 5_000, 1, {}, ccxt.InvalidOrder, "LOT_SIZE"),
    (SPOT, "limit", "buy", 0.01, 900_000, {}, ccxt.InvalidOrder, "PERCENT_PRICE_BY_SIDE"),
    (PERP, "limit", "sell", 9, 81_000, {}, ccxt.InsufficientFunds, "-2019"),
    (PERP, "limit", "sell", 0.5, 81_000, {"reduceOnly": True}, ccxt.InvalidOrder, "-2022"),
    (PERP, "limit", "sell", 0.001, 81_000, {}, ccxt.InvalidOrder, "-4164"),
    (PERP, "limit", "sell", 0.01, 80_000, {"postOnly": True}, ccxt.OrderNotFillable, "-5022"),
    (PERP, "limit", "sell", 0.01, 99_000, {"timeInForce": "FOK"}, ccxt.OrderNotFillable, "-5021"),
    (PERP, "limit", "sell", 2_000, 81_000, {}, ccxt.BadRequest, "-4005"),
    (PERP, "limit", "buy", 0.01, 99_000, {}, ccxt.BadRequest, "-4016"),
    (PERP, "limit", "sell", 0.01, 81_000, {"hedged": True}, ccxt.OperationRejected, "-4061"),
]


@pytest.mark.parametrize(("order", "error", "said"), [(row[:-2], *row[-2:]) for row in ERRORS])
async def test_refusals_raise_the_class_the_real_exchange_would(
    desk: Desk, order: tuple[Any, ...], error: type[Exception], said: str
) -> None:
    with pytest.raises(error, match=said) as caught:
        await desk.client.create_order(*order)
    assert type(caught.value) is error


@pytest.mark.parametrize(("symbol", "said"), [(SPOT, "Duplicate order sent"), (PERP, "-4116")])
async def test_a_client_id_sent_twice_is_an_invalid_order(
    desk: Desk, symbol: str, said: str
) -> None:
    params = {"clientOrderId": "twice"}
    await desk.client.create_order(symbol, "limit", "buy", 0.01, 79_000, params)
    with pytest.raises(ccxt.InvalidOrder, match=said) as caught:
        await desk.client.create_order(symbol, "limit", "buy", 0.01, 79_000, params)
    assert type(caught.value) is ccxt.InvalidOrder


@pytest.mark.parametrize("symbol", [SPOT, PERP])
async def test_an_order_that_is_not_there_is_not_found(desk: Desk, symbol: str) -> None:
    for act in (desk.client.cancel_order, desk.client.fetch_order):
        with pytest.raises(ccxt.OrderNotFound):
            await act("999", symbol)
        with pytest.raises(ccxt.OrderNotFound):
            await act(None, symbol, {"clientOrderId": "never"})


async def test_keys_and_clocks_that_are_wrong(desk: Desk) -> None:
    client = desk.client
    honest = client.milliseconds
    client.milliseconds = lambda: NOW_MS - 60_000
    with pytest.raises(ccxt.InvalidNonce, match="-1021"):
        await client.fetch_balance()
    client.milliseconds = honest
    client.secret = "another"
    with pytest.raises(ccxt.AuthenticationError, match="-1022"):
        await client.fetch_balance()
    client.options["hasAlreadyAuthenticatedSuccessfully"] = False
    client.apiKey = "b" * 64
    with pytest.raises(ccxt.AuthenticationError, match="-2015"):
        await client.fetch_balance()


async def test_too_many_requests_are_a_protection(desk: Desk) -> None:
    for _ in range(62):
        desk.client.session.handler.handle(
            Request(method="GET", path="/fapi/v1/ticker/24hr", remote="in-process")
        )
    with pytest.raises(ccxt.DDoSProtection, match="-1003"):
        await desk.client.fetch_ticker(PERP)
    desk.exchange.advance(dec(60))
    assert (await desk.client.fetch_ticker(PERP))["last"] == 80_010


async def test_over_http_a_client_on_the_walls_clock_trades_in_a_market_that_stands() -> None:
    exchange = small.exchange()
    keys = exchange.open_account(small.BALANCE)
    async with serving(exchange) as served, over_http(served.url, keys) as client:
        await client.load_markets()
        assert (await client.fetch_balance())["USDT"]["total"] == 50_000
        placed = await client.create_order(SPOT, "limit", "buy", 0.01, 79_000)
        await client.cancel_order(placed["id"], SPOT)
        await client.create_order(PERP, "market", "sell", 0.5)
        batch = [
            {"symbol": PERP, "type": "limit", "side": "buy", "amount": 0.01, "price": 79_000},
            {"symbol": PERP, "type": "limit", "side": "buy", "amount": 0.01, "price": 78_000},
        ]
        assert len(await client.create_orders(batch)) == 2
        (position,) = await client.fetch_positions()
        assert position["contracts"] == 0.5
        with pytest.raises(ccxt.InsufficientFunds, match="-2019"):
            await client.create_order(PERP, "limit", "sell", 9, 81_000)
    signed = [e["signed_at"] for e in exchange.log.after(0) if e["signed_at"] is not None]
    assert all(isinstance(at, int) and 0 <= at - NOW_MS < 60_000 for at in signed)
    assert json.loads(served.ready_line)["now"] == NOW_MS


async def test_money_from_and_to_outside_is_told(desk: Desk) -> None:
    (key,) = desk.exchange.accounts()
    desk.exchange.deposit(key, Wallet.SPOT, "BTC", dec("0.5"))
    desk.exchange.withdraw(key, Wallet.SPOT, "USDT", dec(1_000))
    (came,) = await desk.client.fetch_deposits()
    (left,) = await desk.client.fetch_withdrawals()
    assert (came["currency"], came["amount"], came["status"]) == ("BTC", 0.5, "ok")
    assert (left["currency"], left["amount"], left["status"]) == ("USDT", 1_000, "ok")
    assert came["timestamp"] == left["timestamp"] == NOW_MS
    assert await desk.client.fetch_deposits("ETH") == []


async def test_a_spot_orders_whole_life_with_its_fees(desk: Desk) -> None:
    client = desk.client
    made = await client.create_order(
        SPOT, "limit", "sell", 0.1, 80_000, {"timeInForce": "IOC", "clientOrderId": "ioc-1"}
    )
    assert (made["status"], made["filled"], made["timeInForce"]) == ("expired", 0, "IOC")
    sold = await client.create_order(SPOT, "limit", "sell", 0.1, 79_000, {"timeInForce": "IOC"})
    assert (sold["status"], sold["filled"], sold["average"]) == ("closed", 0.1, 79_999.99)
    (trade,) = await client.fetch_my_trades(SPOT)
    assert (trade["fee"]["currency"], trade["fee"]["cost"]) == ("USDT", 7.999999)
    held = await client.fetch_balance()
    assert held["BTC"]["total"] == 0.9
