"""Collateral over real HTTP: what every kind of answer to a transfer proves, tables, settings, rights."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from counterpoise.app.clock import ManualClock
from counterpoise.domain.access import Environment, KeyRights, Secret, VenueAccess
from counterpoise.domain.errors import VenueError
from counterpoise.domain.margin import MarginTier
from counterpoise.domain.numbers import dec
from counterpoise.domain.order import NotPlaced, Unknown
from counterpoise.domain.snapshot import MarginMode
from counterpoise.domain.transfer import Purse, Transferred
from counterpoise.venue.ccxt.adapter import CcxtVenue
from counterpoise.venue.ccxt.factory import open_venue
from counterpoise.venue.testnet.binance import BinanceDialect
from counterpoise.venue.testnet.session import InProcessSession
from tests.build import NOW, make_transfer
from tests.wire.scripted import KEY_REFUSED, SERVED_MS, Scripted, Seen, as_json, serving
from tests.wire.test_ccxt_books import DEMO_HOSTS
from tests.wire.test_ccxt_placing import cut_on_the_way, error, next_turn, page
from tests.wire.world import world

MOVE = make_transfer()
PERP = "BTC/USDT:USDT"
POST_TRANSFER = ("POST", "/sapi/v1/asset/transfer")
TRANSFERS = ("GET", "/sapi/v1/asset/transfer")
BRACKETS = ("GET", "/fapi/v1/leverageBracket")
LEVERAGE = ("POST", "/fapi/v1/leverage")
MARGIN_TYPE = ("POST", "/fapi/v1/marginType")
COUNTDOWN = ("POST", "/fapi/v1/countdownCancelAll")
RIGHTS = ("GET", "/sapi/v1/account/apiRestrictions")
DONE = {"code": 200, "msg": "success"}


@asynccontextmanager
async def opened(
    before: Callable[[Scripted], None] = lambda _: None,
) -> AsyncIterator[tuple[Scripted, CcxtVenue]]:
    async with serving() as scripted:
        before(scripted)
        access = VenueAccess(
            id="main",
            exchange="binance",
            environment=Environment.LOCAL,
            api_key=Secret("fake-key-0001"),
            secret=Secret("fake-secret-0001"),
            url=scripted.url,
            venue_clock=True,
        )
        venue = open_venue(access, ManualClock(NOW))
        await venue.open()
        try:
            yield scripted, venue
        finally:
            await venue.close()


# --- sending


async def test_a_transfer_goes_out_once_and_its_id_comes_back() -> None:
    async with opened() as (scripted, venue):
        scripted.answers[POST_TRANSFER] = {"tranId": 13526853623}
        assert await venue.transfer(MOVE) == Transferred(id="13526853623")
        back = replace(MOVE, source=Purse.FUTURES, target=Purse.SPOT, qty=dec("0.50"))
        assert await venue.transfer(back) == Transferred(id="13526853623")
        first, second = (s.params for s in scripted.seen if s.method == "POST")
    assert (first["type"], first["asset"], first["amount"]) == ("MAIN_UMFUTURE", "USDT", "5000")
    assert (second["type"], second["amount"]) == ("UMFUTURE_MAIN", "0.5")


UNPROVEN = {
    "200 empty": page(""),
    "200 html": page("<html>"),
    "200 {}": lambda _: as_json({}),
    "200 []": lambda _: as_json([]),
    "200 without a usable id": lambda _: as_json({"tranId": None}),
    "200 with id 0": lambda _: as_json({"tranId": 0}),
    "200 with a refusal": error(200, -5013, "Asset transfer failed: insufficient balance"),
    "dropped": cut_on_the_way,
    "502": page("<html>", 502),
    "504": page("<html>", 504),
    "403 html": page("<html>", 403),
    "500 with a code of a refusal": error(500, -5013, "Asset transfer failed"),
    "under way": error(400, -5012, "Asset transfer is in pending."),
    "400 -1007": error(400, -1007, "Timeout waiting for response from backend server."),
    "400 -1000": error(400, -1000, "An unknown error occurred."),
    "400 new code": error(400, -9999, "Something new."),
}


@pytest.mark.parametrize("answer", UNPROVEN.values(), ids=UNPROVEN.keys())
async def test_an_unproven_answer_is_unknown_and_never_sent_again(answer: Any) -> None:
    async with opened() as (scripted, venue):
        scripted.answers[POST_TRANSFER] = answer
        outcome = await venue.transfer(MOVE)
        assert isinstance(outcome, Unknown), outcome
        assert scripted.count("POST") == 1
        assert "signature" not in outcome.text


@pytest.mark.parametrize(
    ("status", "code"),
    [(400, -5013), (400, -5002), (400, -5011), (400, -1102), (400, -1021), (401, -2015)],
)
async def test_a_documented_refusal_is_proof(status: int, code: int) -> None:
    async with opened() as (scripted, venue):
        scripted.answers[POST_TRANSFER] = error(status, code, "Words.")
        assert await venue.transfer(MOVE) == NotPlaced(code=str(code), text=f"{code} Words.")
        assert scripted.count("POST") == 1


async def test_a_pause_the_venue_asks_for_is_kept() -> None:
    async with opened() as (scripted, venue):
        scripted.answers[POST_TRANSFER] = error(429, -1003, "Too many", **{"Retry-After": "7"})
        refused = await venue.transfer(MOVE)
        assert isinstance(refused, NotPlaced)
        assert refused.retry_after_s == 7
        limited = await venue.transfer(MOVE)
        assert isinstance(limited, NotPlaced)
        assert limited.code == "limited"
        assert scripted.count("POST") == 1


async def test_a_cancelled_task_learns_the_outcome_and_sends_nothing_more() -> None:
    arrived, hold = asyncio.Event(), asyncio.Event()
    outcomes: list[Any] = []

    async def never(_: Seen) -> Any:
        arrived.set()
        await hold.wait()
        return as_json({"tranId": 7})

    async def caller(venue: CcxtVenue) -> None:
        outcomes.append(await venue.transfer(MOVE))
        # what a caller does without looking: the next one
        outcomes.append(await venue.transfer(MOVE))
        await next_turn()
        outcomes.append("went on")

    async with opened() as (scripted, venue):
        scripted.answers[POST_TRANSFER] = never
        working = asyncio.create_task(caller(venue))
        await arrived.wait()
        working.cancel()
        with pytest.raises(asyncio.CancelledError):
            await working
        hold.set()
        assert [type(outcome) for outcome in outcomes] == [Unknown, NotPlaced]
        assert scripted.count("POST") == 1


async def test_what_cannot_be_said_to_the_venue_is_not_sent() -> None:
    into = replace(MOVE, source=Purse.FUTURES, target=Purse.POSITION, symbol=PERP)
    async with opened() as (scripted, venue):
        for transfer in (into, replace(MOVE, qty=dec(0))):
            outcome = await venue.transfer(transfer)
            assert isinstance(outcome, NotPlaced)
            assert outcome.code == "not_sent"
        assert scripted.count("POST") == 0


# --- the history


def a_row(number: int, **changes: Any) -> dict[str, Any]:
    return {
        "timestamp": SERVED_MS + number,
        "asset": "USDT",
        "amount": "25",
        "type": "MAIN_UMFUTURE",
        "status": "CONFIRMED",
        "tranId": 43000126248 + number,
    } | changes


def told(*rows: dict[str, Any]) -> Any:
    def answer(seen: Seen) -> Any:
        page_of = int(seen.params["current"]) - 1
        mine = [row for row in rows if row["type"] == seen.params["type"]]
        shown = mine[100 * page_of : 100 * (page_of + 1)]
        return as_json({"total": len(mine), "rows": shown} if mine else {"total": 0})

    return answer


async def test_all_pages_of_both_directions_are_read_and_what_failed_is_left_out() -> None:
    rows = [a_row(n) for n in range(200)]
    rows += [a_row(200, type="UMFUTURE_MAIN"), a_row(201, status="FAILED")]
    async with opened() as (scripted, venue):
        scripted.answers[TRANSFERS] = told(*rows)
        found = await venue.transfers(NOW)
        asked = [s.params for s in scripted.seen if (s.method, s.path) == TRANSFERS]
    assert [int(move.id) - 43000126248 for move in found] == list(range(201))
    assert found[-1].source is Purse.FUTURES
    assert [(p["type"], p["current"]) for p in asked] == [
        ("MAIN_UMFUTURE", "1"),
        ("MAIN_UMFUTURE", "2"),
        ("MAIN_UMFUTURE", "3"),
        ("UMFUTURE_MAIN", "1"),
    ]
    assert {p["startTime"] for p in asked} == {str(SERVED_MS)}


@pytest.mark.parametrize(
    "answer",
    [
        told(a_row(1, status="PENDING")),
        lambda _: as_json([]),
        lambda _: as_json({"total": 1}),
        lambda _: as_json({"rows": []}),
        lambda _: as_json({"total": 100, "rows": [a_row(n) for n in range(100)]}),
        error(500, -1000, "An unknown error occurred."),
    ],
    ids=["not decided yet", "a list", "no rows", "no total", "the same page for ever", "error"],
)
async def test_a_history_that_is_not_whole_is_no_history(answer: Any) -> None:
    async with opened() as (scripted, venue):
        scripted.answers[TRANSFERS] = answer
        with pytest.raises(VenueError):
            await venue.transfers(NOW)


# --- margin tables and settings


async def test_brackets_become_tiers_from_the_lowest() -> None:
    second = {
        "bracket": 2,
        "initialLeverage": 100,
        "notionalCap": 250000,
        "notionalFloor": 50000,
        "maintMarginRatio": 0.005,
        "cum": 50.0,
    }
    first = {
        "bracket": 1,
        "initialLeverage": 125,
        "notionalCap": 50000,
        "notionalFloor": 0,
        "maintMarginRatio": 0.004,
        "cum": 0.0,
    }
    async with opened() as (scripted, venue):
        scripted.answers[BRACKETS] = [
            {"symbol": "ETHUSDT", "brackets": [first]},
            {"symbol": "BTCUSDT", "brackets": [second, first]},
        ]
        assert await venue.margin_tiers([PERP, "BTC/USDT", "NOPE/USDT:USDT"]) == {
            PERP: (
                MarginTier(floor=dec(0), cap=dec(50_000), rate=dec("0.004"), max_leverage=dec(125)),
                MarginTier(
                    floor=dec(50_000),
                    cap=dec(250_000),
                    rate=dec("0.005"),
                    amount=dec(50),
                    max_leverage=dec(100),
                ),
            )
        }
        asked = len(scripted.seen)
        assert await venue.margin_tiers(["BTC/USDT"]) == {}
        assert len(scripted.seen) == asked, "a pair has no table"
        scripted.answers[BRACKETS] = [{"symbol": "BTCUSDT", "brackets": []}]
        with pytest.raises(VenueError, match="margin tables"):
            await venue.margin_tiers([PERP])


async def test_settings_are_restored_and_what_is_already_so_is_done() -> None:
    async with opened() as (scripted, venue):
        scripted.answers[MARGIN_TYPE] = error(400, -4046, "No need to change margin type.")
        scripted.answers[LEVERAGE] = {"symbol": "BTCUSDT", "leverage": 5}
        await venue.restore(PERP, dec(5), MarginMode.CROSS)
        sent = [(s.path, s.params) for s in scripted.seen if s.method == "POST"]
        assert [(path, p.get("marginType") or p["leverage"]) for path, p in sent] == [
            ("/fapi/v1/marginType", "CROSSED"),
            ("/fapi/v1/leverage", "5"),
        ]
        await venue.restore(PERP, None, None)
        assert scripted.count("POST") == 2


async def test_settings_that_were_not_taken_are_an_error() -> None:
    async with opened() as (scripted, venue):
        scripted.answers[MARGIN_TYPE] = error(400, -4048, "There is a position.")
        with pytest.raises(VenueError, match="-4048"):
            await venue.restore(PERP, dec(5), MarginMode.ISOLATED)
        assert scripted.count("POST", "/fapi/v1/leverage") == 0
        scripted.answers[LEVERAGE] = {"symbol": "BTCUSDT", "leverage": 3}
        with pytest.raises(VenueError, match="expected 5, was 3"):
            await venue.restore(PERP, dec(5), None)
        with pytest.raises(VenueError, match="expected a contract"):
            await venue.restore("BTC/USDT", dec(5), None)


async def test_a_countdown_is_armed_and_disarmed() -> None:
    async with opened() as (scripted, venue):
        scripted.answers[COUNTDOWN] = {"symbol": "BTCUSDT", "countdownTime": "120000"}
        await venue.countdown([PERP], timedelta(minutes=2))
        await venue.countdown([PERP], None)
        sent = [(s.params["symbol"], s.params["countdownTime"]) for s in scripted.seen[-2:]]
        assert sent == [("BTCUSDT", "120000"), ("BTCUSDT", "0")]
        for answer in (
            error(400, -1102, "Mandatory parameter missing."),
            {},
            {"symbol": "ETHUSDT", "countdownTime": "120000"},
        ):
            scripted.answers[COUNTDOWN] = answer
            with pytest.raises(VenueError):
                await venue.countdown([PERP], None)


# --- rights


async def test_rights_are_told_as_far_as_the_venue_tells_them() -> None:
    async with opened() as (scripted, venue):
        scripted.answers[RIGHTS] = {
            "ipRestrict": False,
            "createTime": SERVED_MS,
            "enableWithdrawals": False,
            "enableFutures": True,
            "tradingAuthorityExpirationTime": SERVED_MS,
        }
        assert await venue.rights() == KeyRights(
            withdraw=False, trade_futures=True, transfer=None, ip_bound=False, expires_at=NOW
        )
        scripted.answers[RIGHTS] = lambda _: as_json(KEY_REFUSED, 401)
        assert await venue.rights() is None
        scripted.answers[RIGHTS] = page("<html>", 404)
        assert await venue.rights() is None
        scripted.answers[RIGHTS] = page("<html>", 502)
        with pytest.raises(VenueError):
            await venue.rights()


async def test_a_demo_account_has_no_wallet_api() -> None:
    async with world() as here:
        session = InProcessSession(BinanceDialect(here.sim), DEMO_HOSTS)
        access = replace(here.access, environment=Environment.DEMO, venue_clock=False, url=None)
        venue = open_venue(access, here.clock, session)
        await venue.open()
        assert await venue.rights() is None
        outcome = await venue.transfer(MOVE)
        assert isinstance(outcome, NotPlaced)
        assert outcome.code == "not_sent"
        with pytest.raises(VenueError) as refused:
            await venue.transfers(NOW)
        assert not refused.value.retryable
        await venue.close()


# --- against the test exchange


async def test_the_account_tells_margin_as_the_test_exchange_does() -> None:
    async with world() as here:
        venue = here.venue()
        await venue.open()
        account = await venue.account()
        assert account.hedged is False
        assert account.margin_modes[PERP] is MarginMode.CROSS
        assert account.futures["USDT"].maintenance_margin == 0
        (quote,) = (await venue.quotes([PERP])).values()
        assert quote.index is not None
        await venue.restore(PERP, dec(7), MarginMode.CROSS)
        assert (await venue.account()).leverage[PERP] == 7
        rights = await venue.rights()
        assert rights is not None
        assert rights.withdraw is False
        await venue.close()
