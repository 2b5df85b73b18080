"""Bookings and facts through the adapter: which questions go out, and what an account costs that lacks them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import pytest

from counterpoise.domain.access import Environment
from counterpoise.domain.errors import VenueError
from counterpoise.domain.ledger import EntryKind
from counterpoise.domain.numbers import dec
from counterpoise.venue.ccxt.adapter import CcxtVenue
from counterpoise.venue.sim import Wallet
from counterpoise.venue.testnet.binance import BinanceDialect
from counterpoise.venue.testnet.session import InProcessSession
from tests.build import NOW
from tests.wire.scripted import FUTURES_ROW, KEY_REFUSED, SERVED_MS, Scripted, as_json, serving
from tests.wire.test_ccxt_placing import opened
from tests.wire.world import World, world

BTC, BTC_PERP = "BTC/USDT", "BTC/USDT:USDT"
INCOME = ("GET", "/fapi/v1/income")
DEPOSITS = ("GET", "/sapi/v1/capital/deposit/hisrec")
WITHDRAWALS = ("GET", "/sapi/v1/capital/withdraw/history")
DEMO_HOSTS = ("demo-api.binance.com", "demo-fapi.binance.com", "demo-dapi.binance.com")


@pytest.fixture
async def here() -> AsyncIterator[World]:
    async with world() as made:
        yield made


@pytest.fixture
async def venue(here: World) -> AsyncIterator[CcxtVenue]:
    made = here.venue()
    await made.open()
    yield made
    await made.close()


def paths(here: World) -> list[str]:
    return [str(entry["status"]).partition(" ")[2] for entry in here.log("request")]


async def test_a_key_that_may_not_read_the_wallet_is_not_tried_again() -> None:
    async with serving() as scripted, opened(scripted) as venue:
        booked = {
            "symbol": "",
            "incomeType": "TRANSFER",
            "income": "5",
            "asset": "USDT",
            "time": SERVED_MS - 1000,
            "tranId": 7,
        }
        scripted.answers[INCOME] = [booked]
        scripted.answers[DEPOSITS] = lambda _: as_json(KEY_REFUSED, 401)
        for _ in range(5):
            (entry,) = await venue.ledger(NOW - timedelta(days=1))
            assert entry.kind is EntryKind.TRANSFER
        assert scripted.count(*DEPOSITS) == 1
        assert scripted.count(*WITHDRAWALS) == 0


@pytest.mark.parametrize("at", [INCOME, DEPOSITS, WITHDRAWALS])
async def test_books_that_were_not_answered_are_no_empty_books(at: tuple[str, str]) -> None:
    async with serving() as scripted, opened(scripted) as venue:
        scripted.answers |= {INCOME: [], DEPOSITS: [], WITHDRAWALS: []}
        assert await venue.ledger(NOW) == ()
        for broken in (lambda _: as_json({}, 502), {"code": 0}):
            scripted.answers[at] = broken
            with pytest.raises(VenueError):
                await venue.ledger(NOW)


async def test_a_demo_account_has_no_wallet_history(here: World) -> None:
    session = InProcessSession(BinanceDialect(here.sim), DEMO_HOSTS)
    access = replace(here.access, environment=Environment.DEMO, venue_clock=False)
    venue = replace(here, access=access, session=session).venue()
    await venue.open()
    (key,) = here.sim.accounts()
    here.sim.deposit(key, Wallet.SPOT, "BTC", dec(1))
    here.sim.transfer(key, "USDT", dec(1), Wallet.SPOT, Wallet.FUTURES)
    (entry,) = await venue.ledger(NOW)
    assert entry.kind is EntryKind.TRANSFER
    assert await venue.settlement("BTC/USDT:USDT-200327") is None
    assert not [path for path in paths(here) if path.startswith(("/sapi/", "/futures/"))]
    await venue.close()


async def test_slow_figures_are_asked_for_once_in_a_while(here: World, venue: CcxtVenue) -> None:
    for _ in range(10):
        quote = (await venue.quotes([BTC, BTC_PERP]))[BTC_PERP]
        await here.clock.sleep(dec(60))
    assert quote.funding_interval == timedelta(hours=8)
    assert quote.volume_24h is not None
    asked = paths(here)
    assert asked.count("/fapi/v1/fundingInfo") == 1
    assert asked.count("/fapi/v1/ticker/24hr") == asked.count("/api/v3/ticker/24hr") == 1


async def test_prices_are_told_when_the_slow_figures_are_not(server: Scripted) -> None:
    async with opened(server) as venue:
        quote = (await venue.quotes([BTC_PERP]))[BTC_PERP]
    assert (quote.bid, quote.last, quote.mark) == (dec(99), dec(98), dec(100))
    assert (quote.funding_interval, quote.volume_24h) == (None, None)


@pytest.fixture
async def server() -> AsyncIterator[Scripted]:
    async with serving() as scripted:
        scripted.answers |= {
            ("GET", "/fapi/v1/ticker/bookTicker"): {
                "symbol": "BTCUSDT",
                "bidPrice": "99",
                "askPrice": "101",
                "time": SERVED_MS,
            },
            ("GET", "/fapi/v1/premiumIndex"): {
                "symbol": "BTCUSDT",
                "markPrice": "100",
                "lastFundingRate": "0",
                "nextFundingTime": SERVED_MS,
                "time": SERVED_MS,
            },
            ("GET", "/fapi/v1/fundingInfo"): lambda _: as_json({}, 502),
            ("GET", "/fapi/v1/ticker/24hr"): lambda _: as_json({}, 502),
        }
        yield scripted


async def test_a_contract_that_trades_no_more_does_not_cost_the_others_prices(
    server: Scripted,
) -> None:
    names = ("ticker/bookTicker", "ticker/price", "premiumIndex")
    alive = {("GET", f"/fapi/v1/{n}"): server.answers["GET", f"/fapi/v1/{n}"] for n in names}
    dead = FUTURES_ROW | {"symbol": "OLDUSDT", "baseAsset": "OLD", "status": "SETTLING"}
    server.answers["GET", "/fapi/v1/exchangeInfo"] = {"symbols": [FUTURES_ROW, dead]}
    for path, row in alive.items():
        server.answers[path] = lambda seen, row=row: (
            as_json({"code": -1121, "msg": "Invalid symbol."}, 400)
            if seen.params.get("symbol") == "OLDUSDT"
            else as_json([row])
        )
    async with opened(server) as venue:
        assert not venue.instruments()["OLD/USDT:USDT"].active
        assert (await venue.quotes(["OLD/USDT:USDT"]))["OLD/USDT:USDT"].bid is None
        both = await venue.quotes(["OLD/USDT:USDT", BTC_PERP])
        assert both[BTC_PERP].bid == 99
