"""Opening and reading over real HTTP: wrong keys, hedge mode, clocks, budgets, garbage, secrets."""

from __future__ import annotations

import socket
import traceback
from datetime import timedelta
from typing import Any

import pytest
from aiohttp import web

from counterpoise.app.clock import ManualClock
from counterpoise.domain.access import Environment, Secret, VenueAccess
from counterpoise.domain.errors import VenueAuthError, VenueError, VenueRefusal
from counterpoise.domain.numbers import dec
from counterpoise.venue.ccxt.factory import open_venue
from tests.build import NOW
from tests.wire.scripted import CLOCK_REFUSED, KEY_REFUSED, Scripted, as_json, order_row, serving

KEY, SECRET = "fake-key-0001", "fake-secret-0001"
PERP = "BTC/USDT:USDT"


def access(url: str | None = "http://127.0.0.1:1", **changes: Any) -> VenueAccess:
    given: dict[str, Any] = {
        "id": "main",
        "exchange": "binance",
        "environment": Environment.LOCAL,
        "api_key": Secret(KEY),
        "secret": Secret(SECRET),
        "url": url,
        "venue_clock": True,
    }
    return VenueAccess(**given | changes)


def refuse(payload: dict[str, Any], status: int) -> Any:
    return lambda _: as_json(payload, status)


ACCOUNT = ("GET", "/api/v3/account")
POSITIONS = ("GET", "/fapi/v3/positionRisk")


async def test_a_wrong_key_is_told_at_once_and_without_secrets() -> None:
    async with serving() as scripted:
        scripted.answers["GET", "/fapi/v1/accountConfig"] = refuse(KEY_REFUSED, 401)
        venue = open_venue(access(scripted.url, venue_clock=False), ManualClock(NOW))
        with pytest.raises(VenueAuthError, match="does not accept the key: -2015 Invalid API-key"):
            await venue.open()
        assert len(scripted.seen) <= 3
        assert scripted.seen[-1].headers["X-MBX-APIKEY"] == KEY
        with pytest.raises(VenueError, match="was closed"):
            await venue.quotes([PERP])


async def test_a_key_that_stops_working_is_an_auth_error_at_the_third_strike() -> None:
    async with serving() as scripted:
        venue = open_venue(access(scripted.url), ManualClock(NOW))
        await venue.open()
        await venue.account()
        for path in ("/api/v3/account", "/fapi/v3/account", "/fapi/v3/positionRisk"):
            scripted.answers["GET", path] = refuse(KEY_REFUSED, 401)
        raised = []
        for _ in range(3):
            with pytest.raises(VenueError) as caught:
                await venue.account()
            raised.append(type(caught.value))
        await venue.close()
    assert raised == [VenueError, VenueError, VenueAuthError]


async def test_one_good_answer_clears_the_strikes() -> None:
    async with serving() as scripted:
        venue = open_venue(access(scripted.url), ManualClock(NOW))
        await venue.open()
        good = scripted.answers[POSITIONS]
        for strike in range(5):
            scripted.answers[POSITIONS] = good if strike == 2 else refuse(KEY_REFUSED, 401)
            if strike == 2:
                await venue.account()
                continue
            with pytest.raises(VenueError) as caught:
                await venue.account()
            assert not isinstance(caught.value, VenueAuthError)
        await venue.close()


@pytest.mark.parametrize(
    ("mode", "words"),
    [
        ({"dualSidePosition": True}, "one-way position mode, was hedge mode"),
        ({}, "position mode: the reply was not understood"),
        ({"dualSidePosition": "false"}, "expected the position mode, was 'false'"),
    ],
)
async def test_hedge_mode_is_refused_and_nothing_is_changed(mode: Any, words: str) -> None:
    async with serving() as scripted:
        scripted.answers["GET", "/fapi/v1/accountConfig"] = mode
        venue = open_venue(access(scripted.url), ManualClock(NOW))
        with pytest.raises(VenueError, match=words) as caught:
            await venue.open()
        assert isinstance(caught.value, VenueRefusal) is ("was hedge mode" in words)
        assert {seen.method for seen in scripted.seen} == {"GET"}


async def test_opening_only_reads_and_closing_twice_is_fine() -> None:
    async with serving() as scripted:
        venue = open_venue(access(scripted.url), ManualClock(NOW))
        await venue.open()
        await venue.open()
        assert [seen.path for seen in scripted.seen] == [
            "/fapi/v1/accountConfig",
            "/api/v3/exchangeInfo",
            "/fapi/v1/exchangeInfo",
        ]
        await venue.close()
        await venue.close()


async def test_a_clock_that_is_off_signs_with_the_venues_time() -> None:
    ahead = ManualClock(NOW + timedelta(minutes=10))
    async with serving() as scripted:
        venue = open_venue(access(scripted.url, venue_clock=False), ahead)
        await venue.open()
        signed = next(s for s in scripted.seen if "timestamp" in s.params)
        assert signed.params["timestamp"] == str(int(NOW.timestamp()) * 1000)
        await venue.close()


async def test_used_weight_is_of_the_venues_minute_in_which_it_was_asked() -> None:
    clock = ManualClock(NOW + timedelta(seconds=30))
    async with serving() as scripted:
        venue = open_venue(access(scripted.url, venue_clock=False), clock)
        await venue.open()  # measures: 30 s ahead
        took = [dec("0.2"), dec(0)]

        def spent(_: object) -> Any:
            clock.advance(took.pop(0))
            return as_json(order_row(), 200, **{"X-MBX-USED-WEIGHT-1M": "2300"})

        scripted.answers["GET", "/fapi/v1/order"] = spent
        clock.advance(dec("59.9"))
        await venue.order(PERP, "cp-test-order")
        await venue.order(PERP, "cp-test-order")
        assert clock.now() == NOW + timedelta(seconds=90.1), "it is of the minute that is over"
        took.extend([dec(0), dec(0)])
        clock.advance(dec(10))
        await venue.order(PERP, "cp-test-order")
        await venue.order(PERP, "cp-test-order")
        assert clock.now() == NOW + timedelta(seconds=150), "the venue's minute, not ours"
        await venue.close()


async def test_a_refused_timestamp_is_resynced_once_and_read_again() -> None:
    clock = ManualClock(NOW)
    async with serving() as scripted:
        venue = open_venue(access(scripted.url), clock)
        await venue.open()
        served = as_json(order_row())
        answers = [as_json(CLOCK_REFUSED, 400), served]
        scripted.answers["GET", "/fapi/v1/order"] = lambda _: answers.pop(0)
        clock.advance(dec(30))
        assert await venue.order(PERP, "cp-test-order") is not None
        asked = [(s.path, s.params.get("timestamp")) for s in scripted.seen[-3:]]
        at = int(NOW.timestamp()) * 1000
        assert asked == [
            ("/fapi/v1/order", str(at + 30_000)),
            ("/fapi/v1/time", None),
            ("/fapi/v1/order", str(at)),
        ]
        scripted.answers["GET", "/fapi/v1/order"] = refuse(CLOCK_REFUSED, 400)
        before = scripted.count("GET", "/fapi/v1/order")
        with pytest.raises(VenueError, match="-1021"):
            await venue.order(PERP, "cp-test-order")
        assert scripted.count("GET", "/fapi/v1/order") == before + 2
        await venue.close()


async def test_a_pause_the_venue_asks_for_is_kept() -> None:
    clock = ManualClock(NOW)
    busy = as_json({"code": -1003, "msg": "Too many requests."}, 429, **{"Retry-After": "9"})
    async with serving() as scripted:
        venue = open_venue(access(scripted.url), clock)
        await venue.open()
        scripted.answers["GET", "/fapi/v1/premiumIndex"] = lambda _: busy
        scripted.answers["GET", "/fapi/v1/ticker/bookTicker"] = {"symbol": "BTCUSDT"}
        with pytest.raises(VenueError, match="-1003"):
            await venue.quotes([PERP])
        assert clock.now() == NOW
        # the other API goes on
        scripted.answers["GET", "/api/v3/ticker/bookTicker"] = {"symbol": "BTCUSDT"}
        await venue.quotes(["BTC/USDT"])
        assert clock.now() == NOW
        assert await venue.order(PERP, "cp-test-order") is not None
        assert timedelta(seconds=9) <= clock.now() - NOW <= timedelta(seconds=10)
        await venue.close()


BROKEN = {
    "futures wallet missing": (("GET", "/fapi/v3/account"), {}),
    "spot wallet missing": (ACCOUNT, {"canTrade": True}),
    "spot wallet null": (ACCOUNT, {"balances": None}),
    "balance without figure": (ACCOUNT, {"balances": [{"asset": "BTC", "locked": "0"}]}),
    "balance as a float": (ACCOUNT, {"balances": [{"asset": "BTC", "free": 0.1, "locked": "0"}]}),
    "positions null": (POSITIONS, None),
    "position without quantity": (POSITIONS, [{"symbol": "BTCUSDT"}]),
    "positions html": (POSITIONS, lambda _: web.Response(text="<html>", content_type="text/html")),
    "mode missing": (("GET", "/fapi/v1/accountConfig"), {"canTrade": True}),
    "mode null": (("GET", "/fapi/v1/accountConfig"), {"dualSidePosition": None}),
    "leverage empty": (("GET", "/fapi/v1/symbolConfig"), lambda _: web.Response(text="")),
}


@pytest.mark.parametrize(("at", "answer"), BROKEN.values(), ids=BROKEN.keys())
async def test_an_account_is_whole_or_an_error(at: tuple[str, str], answer: Any) -> None:
    async with serving() as scripted:
        venue = open_venue(access(scripted.url), ManualClock(NOW))
        await venue.open()
        assert (await venue.account()).spot["BTC"].free == 1
        scripted.answers[at] = answer
        with pytest.raises(VenueError):
            await venue.account()
        await venue.close()


async def test_a_failed_read_shows_no_secret() -> None:
    async with serving() as scripted:
        venue = open_venue(access(scripted.url), ManualClock(NOW))
        await venue.open()
        scripted.answers[ACCOUNT] = lambda s: web.Response(
            status=502, text=f"<html>{s.headers['X-MBX-APIKEY']}</html>", content_type="text/html"
        )
        with pytest.raises(VenueError) as caught:
            await venue.account()
        await venue.close()
    shown = "".join(traceback.format_exception(caught.value))
    signature = next(s.params["signature"] for s in scripted.seen if s.path == ACCOUNT[1])
    assert signature not in shown
    assert KEY not in shown
    assert SECRET not in shown
    assert "502" in shown


async def test_a_reply_cannot_lead_elsewhere() -> None:
    async with serving() as scripted, serving() as elsewhere:
        venue = open_venue(access(scripted.url), ManualClock(NOW))
        await venue.open()
        scripted.answers[ACCOUNT] = lambda _: web.Response(
            status=302, headers={"Location": f"{elsewhere.url}/api/v3/account"}
        )
        with pytest.raises(VenueError):
            await venue.account()
        await venue.close()
        assert elsewhere.seen == []


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"environment": Environment.TESTNET}, "no longer has a futures test network"),
        ({"url": "https://127.0.0.1:1"}, "expected the http:// address"),
        ({"url": "http://api.binance.com"}, "expected the http:// address"),
        ({"url": None}, "expected the http:// address"),
    ],
)
async def test_an_environment_that_cannot_be_is_an_error(changes: Any, words: str) -> None:
    venue = open_venue(access(**changes), ManualClock(NOW))
    with pytest.raises(VenueError, match=words):
        await venue.open()
    await venue.close()


def test_an_exchange_we_do_not_know_is_named() -> None:
    with pytest.raises(VenueError, match="expected one of binance, was nowhere"):
        open_venue(access(None, exchange="nowhere"), ManualClock(NOW))


async def test_many_symbols_are_asked_at_once() -> None:
    async with serving() as scripted:
        await _read_many(scripted)


async def _read_many(scripted: Scripted) -> None:
    rows = [{"symbol": f"C{n}USDT", "baseAsset": f"C{n}"} for n in range(45)]
    template = scripted.answers["GET", "/fapi/v1/exchangeInfo"]["symbols"][0]
    scripted.answers["GET", "/fapi/v1/exchangeInfo"] = {"symbols": [template | r for r in rows]}
    found = order_row(symbol="C7USDT") | {"time": 1_748_865_600_000}
    foreign = order_row(symbol="OTHERUSDT")
    venue = open_venue(access(scripted.url), ManualClock(NOW))
    await venue.open()
    scripted.answers["GET", "/fapi/v1/openOrders"] = [found, foreign]
    before = len(scripted.seen)
    orders = await venue.open_orders(f"C{n}/USDT:USDT" for n in range(45))
    assert [order.symbol for order in orders] == ["C7/USDT:USDT"]
    assert len(scripted.seen) == before + 1
    scripted.answers["GET", "/fapi/v1/openOrders"] = {}
    with pytest.raises(VenueError, match="not understood"):
        await venue.open_orders(["C7/USDT:USDT"])
    await venue.close()


async def test_a_dead_local_testnet_is_named_by_its_own_address() -> None:
    with socket.socket() as taken:  # bound and never listening: a port where nobody answers
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        venue = open_venue(access(url), ManualClock(NOW))
        with pytest.raises(VenueError) as caught:
            await venue.open()
        await venue.close()
    assert url in str(caught.value)
    assert "counterpoise testnet" in str(caught.value)
    assert "binance.com" not in str(caught.value)
