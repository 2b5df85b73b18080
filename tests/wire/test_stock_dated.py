"""Stock ccxt loads dated futures, trades them, and sees them delivered."""

from __future__ import annotations

from collections.abc import AsyncIterator

import ccxt
import pytest

from counterpoise.domain.numbers import dec
from counterpoise.venue.testnet.launch import face_of
from tests.unit.venue.testnet import small, test_dated
from tests.unit.venue.testnet.test_dated import END, END_MS, SOON
from tests.wire.stock import in_process
from tests.wire.test_stock_ccxt import Desk

SPOT, PERP = "BTC/USDT", "BTC/USDT:USDT"
DATED, LATER = "BTC/USDT:USDT-250304", "BTC/USDT:USDT-250627"


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    exchange = test_dated.exchange()
    keys = exchange.open_account(small.BALANCE)
    async with in_process(exchange, face_of(exchange), keys) as client:
        await client.load_markets()
        yield Desk(exchange, client)


async def test_they_are_loaded_as_linear_futures_with_their_expiry(desk: Desk) -> None:
    assert set(desk.client.markets) == {SPOT, PERP, DATED, LATER}
    market = desk.client.markets[DATED]
    assert (market["id"], market["type"], market["linear"]) == (SOON, "future", True)
    assert (market["expiry"], market["contractSize"], market["active"]) == (END_MS, 1, True)
    assert (market["precision"]["price"], market["limits"]["cost"]["min"]) == (0.1, 100)
    assert desk.client.markets[PERP]["type"] == "swap"


async def test_their_prices_are_told(desk: Desk) -> None:
    client = desk.client
    assert (await client.fetch_ticker(DATED))["last"] == 80_066.7
    touch = await client.fetch_bids_asks([DATED])
    assert (touch[DATED]["bid"], touch[DATED]["ask"]) == (80_066.6, 80_066.8)
    bars = await client.fetch_ohlcv(DATED, "1h", limit=2)
    assert bars[0][4] == 80_066.7
    rates = await client.fetch_funding_rates()
    assert rates[PERP]["fundingRate"] == 0.0001
    assert rates[DATED]["fundingRate"] is None


async def test_they_are_traded(desk: Desk) -> None:
    client = desk.client
    placed = await client.create_order(
        DATED, "limit", "sell", 0.1, 81_000, {"postOnly": True, "clientOrderId": "mine"}
    )
    assert [(o["id"], o["symbol"]) for o in await client.fetch_open_orders(DATED)] == [
        (placed["id"], DATED)
    ]
    await client.cancel_order(placed["id"], DATED)
    done = await client.create_order(DATED, "market", "sell", 0.5)
    assert (done["status"], done["filled"]) == ("closed", 0.5)
    (trade,) = await client.fetch_my_trades(DATED)
    assert (trade["symbol"], trade["amount"], trade["fee"]["currency"]) == (DATED, 0.5, "USDT")
    (position,) = await client.fetch_positions()
    assert (position["symbol"], position["side"], position["contracts"]) == (DATED, "short", 0.5)
    assert (await client.set_leverage(5, DATED))["symbol"] == SOON
    await client.create_order(DATED, "market", "buy", 0.5, None, {"reduceOnly": True})
    assert await client.fetch_positions() == []


async def test_delivery_ends_them(desk: Desk) -> None:
    client = desk.client
    await client.create_order(DATED, "market", "sell", 0.5)
    rests = await client.create_order(DATED, "limit", "sell", 0.1, 81_000)
    desk.exchange.advance_to(END)
    assert await client.fetch_positions() == []
    assert (await client.fetch_order(rests["id"], DATED))["status"] == "expired"
    entries = await client.fetch_ledger("USDT", params={"type": "future", "subType": "linear"})
    settled = [e for e in entries if e["type"] == "settlement"]
    assert [(e["direction"], e["amount"]) for e in settled] == [("in", 33.3)]
    prices = await client.fapiDataGetDeliveryPrice({"pair": "BTCUSDT"})
    assert [(r["deliveryTime"], dec(str(r["deliveryPrice"]))) for r in prices] == [(END_MS, 80_000)]
    with pytest.raises(ccxt.OperationRejected, match="Symbol is closed"):
        await client.create_order(DATED, "market", "buy", 0.1)
    await client.load_markets(True)
    assert client.markets[DATED]["active"] is False
    assert client.markets[LATER]["active"] is True
