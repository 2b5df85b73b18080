"""What the adapter makes of every kind of answer to an order, over real HTTP. One order, one POST, always."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest
from aiohttp import web

from counterpoise.app.clock import ManualClock
from counterpoise.domain.access import Environment, Secret, VenueAccess
from counterpoise.domain.errors import VenueError
from counterpoise.domain.numbers import dec
from counterpoise.domain.order import Accepted, Gone, NotPlaced, OrderState, Unknown
from counterpoise.venue.ccxt.adapter import CcxtVenue
from counterpoise.venue.ccxt.factory import open_venue
from tests.build import NOW, make_order
from tests.wire.scripted import (
    DELETE_ORDER,
    GET_ORDER,
    POST_ORDER,
    Reply,
    Scripted,
    Seen,
    as_json,
    order_row,
    serving,
)

ORDER = make_order(qty="0.1", price="100000")


def access(url: str) -> VenueAccess:
    return VenueAccess(
        id="main",
        exchange="binance",
        environment=Environment.LOCAL,
        api_key=Secret("fake-key-0001"),
        secret=Secret("fake-secret-0001"),
        url=url,
        venue_clock=True,
    )


@asynccontextmanager
async def opened(scripted: Scripted) -> AsyncIterator[CcxtVenue]:
    venue = open_venue(access(scripted.url), ManualClock(NOW))
    await venue.open()
    try:
        yield venue
    finally:
        await venue.close()


async def next_turn() -> None:
    await ManualClock(NOW).sleep(dec(0))


def page(text: str, status: int = 200) -> Any:
    return lambda _: web.Response(status=status, text=text, content_type="text/html")


def error(status: int, code: int, words: str, **headers: str) -> Any:
    return lambda _: as_json({"code": code, "msg": words}, status, **headers)


def echo(**changes: Any) -> Any:
    return lambda _: as_json(order_row(**changes))


def without(key: str) -> Any:
    return lambda _: as_json({k: v for k, v in order_row().items() if k != key})


def cut(_: Seen) -> web.Response:
    body = json.dumps(order_row())[:60]
    return web.Response(text=body, content_type="application/json")


async def cut_on_the_way(_: Seen) -> Reply:
    raise asyncio.CancelledError  # aiohttp drops the connection without an answer


async def short_of_its_length(seen: Seen) -> Reply:
    del seen
    return web.Response(
        body=json.dumps(order_row()).encode()[:40],
        headers={"Content-Type": "application/json", "Content-Encoding": "gzip"},
    )


GARBAGE = {
    "200 empty": page(""),
    "200 html": page("<html>welcome</html>"),
    "200 {}": lambda _: as_json({}),
    "200 []": lambda _: as_json([]),
    "200 null": lambda _: as_json(None),
    "200 cut json": cut,
    "200 binary": lambda _: web.Response(body=b"\x00\x01", content_type="application/octet-stream"),
    "200 not what its encoding says": short_of_its_length,
    "200 an error without an HTTP error": error(200, -2019, "Margin is insufficient."),
    "dropped after the request": cut_on_the_way,
    "other client id": echo(clientOrderId="cp-another"),
    "no client id": without("clientOrderId"),
    "no order id": without("orderId"),
    "order id 0": echo(orderId=0),
    "other symbol": echo(symbol="ETHUSDT"),
    "other side": echo(side="BUY"),
    "other quantity": echo(origQty="0.2"),
    "401 html": page("<html>", 401),
    "403 html": page("<html>blocked</html>", 403),
    "404 html": page("<html>", 404),
    "408 html": page("<html>", 408),
    "429 html": page("<html>", 429),
    "500 empty": page("", 500),
    "502 html": page("<html>", 502),
    "504 html": page("<html>", 504),
    "524 html": page("<html>", 524),
    "503 unknown error": error(
        503, -1000, "Unknown error, please check your request or try again later."
    ),
    "408 -1007": error(408, -1007, "Timeout waiting for response from backend server."),
    "400 -1006": error(400, -1006, "An unexpected response was received from the message bus."),
    "400 -1000": error(400, -1000, "An unknown error occurred while processing the request."),
    "400 new code": error(400, -9999, "Something new."),
    "500 with a code of a refusal": error(500, -2019, "Margin is insufficient."),
    "400 -2010 in new words": error(400, -2010, "Something new."),
    "307 to elsewhere": lambda _: web.Response(status=307, headers={"Location": "/elsewhere"}),
}


@pytest.mark.parametrize("answer", GARBAGE.values(), ids=GARBAGE.keys())
async def test_an_unproven_answer_is_unknown_and_never_sent_again(answer: Any) -> None:
    async with serving() as scripted, opened(scripted) as venue:
        scripted.answers[POST_ORDER] = answer
        outcome = await venue.place(ORDER)
        assert isinstance(outcome, Unknown), outcome
        assert scripted.count("POST") == 1
        assert "signature" not in outcome.text


REFUSED = {
    (400, -1013): "Filter failure: LOT_SIZE",
    (400, -1111): "Precision is over the maximum defined for this asset.",
    (400, -1021): "Timestamp for this request is outside of the recvWindow.",
    (401, -2015): "Invalid API-key, IP, or permissions for action.",
    (400, -2019): "Margin is insufficient.",
    (400, -2022): "ReduceOnly Order is rejected.",
    (400, -4164): "Order's notional must be no smaller than 5.0 (unless you choose reduce only)",
    (400, -5022): "Due to the order could not be executed as maker, it will be rejected.",
}


@pytest.mark.parametrize(("at", "words"), REFUSED.items(), ids=str)
async def test_a_documented_refusal_is_proof(at: tuple[int, int], words: str) -> None:
    status, code = at
    async with serving() as scripted, opened(scripted) as venue:
        scripted.answers[POST_ORDER] = error(status, code, words)
        outcome = await venue.place(ORDER)
        assert outcome == NotPlaced(code=str(code), text=f"{code} {words}")
        assert scripted.count("POST") == 1


async def test_an_order_goes_out_exactly_once_and_as_it_was_planned() -> None:
    order = replace(ORDER, qty=dec("0.100"), price=dec("100000.10"), reduce_only=True)
    async with serving() as scripted, opened(scripted) as venue:
        scripted.answers[POST_ORDER] = echo(price="100000.10", reduceOnly=True)
        outcome = await venue.place(order)
        assert isinstance(outcome, Accepted)
        assert outcome.order.venue_order_id == "22542179"
        assert outcome.order.state is OrderState.OPEN
        assert outcome.order.price == dec("100000.1")
        sent = scripted.seen[-1].params
    assert sent["newClientOrderId"] == order.client_order_id
    assert (sent["quantity"], sent["price"]) == ("0.1", "100000.1")
    assert (sent["timeInForce"], sent["reduceOnly"]) == ("GTX", "true")
    assert sent["timestamp"] == str(int(NOW.timestamp()) * 1000)
    assert sent["recvWindow"] == "5000"


async def test_too_fast_tells_for_how_long_and_the_next_order_is_not_sent() -> None:
    async with serving() as scripted, opened(scripted) as venue:
        scripted.answers[POST_ORDER] = error(
            429, -1003, "Too many requests", **{"Retry-After": "7"}
        )
        refused = await venue.place(ORDER)
        assert isinstance(refused, NotPlaced)
        assert (refused.code, refused.retry_after_s) == ("-1003", dec(7))
        held_back = await venue.place(replace(ORDER, client_order_id="cp-next"))
        assert isinstance(held_back, NotPlaced)
        assert held_back.code == "limited"
        assert scripted.count("POST") == 1


async def test_a_duplicate_id_is_looked_up_not_refused() -> None:
    async with serving() as scripted, opened(scripted) as venue:
        scripted.answers[POST_ORDER] = error(400, -4116, "ClientOrderId is duplicated.")
        scripted.answers[GET_ORDER] = order_row(status="FILLED", executedQty="0.100")
        outcome = await venue.place(ORDER)
        assert isinstance(outcome, Accepted)
        assert outcome.order.state is OrderState.FILLED
        assert scripted.count("POST") == 1


@pytest.mark.parametrize(
    "found",
    [
        error(400, -2013, "Order does not exist."),
        page("<html>", 502),
        echo(origQty="5"),
        echo(clientOrderId="cp-another"),
    ],
)
async def test_a_duplicate_that_is_not_found_as_sent_is_unknown(found: Any) -> None:
    async with serving() as scripted, opened(scripted) as venue:
        scripted.answers[POST_ORDER] = error(400, -4116, "ClientOrderId is duplicated.")
        scripted.answers[GET_ORDER] = found
        assert isinstance(await venue.place(ORDER), Unknown)
        assert scripted.count("POST") == 1


@pytest.mark.parametrize("at", [POST_ORDER, DELETE_ORDER])
async def test_a_cancelled_task_learns_the_outcome_and_then_stops(at: tuple[str, str]) -> None:
    arrived, hold = asyncio.Event(), asyncio.Event()
    told: list[Any] = []

    async def never(_: Seen) -> Reply:
        arrived.set()
        await hold.wait()
        return as_json(order_row())

    async def caller(venue: CcxtVenue) -> None:
        told.append(await (venue.place if at is POST_ORDER else venue.cancel)(ORDER))
        # what a caller does without looking: the next rung
        told.append(await venue.place(replace(ORDER, client_order_id="cp-next")))
        await next_turn()
        told.append("went on")

    async with serving() as scripted, opened(scripted) as venue:
        scripted.answers[at] = never
        working = asyncio.create_task(caller(venue))
        await arrived.wait()
        working.cancel()
        with pytest.raises(asyncio.CancelledError):
            await working
        hold.set()
        assert [type(outcome) for outcome in told] == [Unknown, NotPlaced]
        assert scripted.count("POST") + scripted.count("DELETE") == 1


async def test_a_cancelled_look_up_of_a_duplicate_is_unknown_too() -> None:
    told: list[Any] = []

    async def caller(venue: CcxtVenue) -> None:
        told.append(await venue.place(ORDER))
        await next_turn()
        told.append("went on")

    async def interrupting(_: Seen) -> Reply:
        working.cancel()
        await next_turn()
        return as_json(order_row())

    async with serving() as scripted, opened(scripted) as venue:
        scripted.answers[POST_ORDER] = error(400, -4116, "ClientOrderId is duplicated.")
        scripted.answers[GET_ORDER] = interrupting
        working = asyncio.create_task(caller(venue))
        with pytest.raises(asyncio.CancelledError):
            await working
        assert [type(outcome) for outcome in told] == [Unknown]


async def test_a_deadline_around_an_order_still_ends() -> None:
    told: list[Any] = []

    async def never(_: Seen) -> Reply:
        deadline.reschedule(0)  # it has passed the moment the order arrived
        await asyncio.Event().wait()
        return as_json(order_row())

    async def caller(venue: CcxtVenue) -> None:
        async with deadline:
            told.append(await venue.place(ORDER))
            await next_turn()

    deadline = asyncio.timeout(None)
    async with serving() as scripted, opened(scripted) as venue:
        scripted.answers[POST_ORDER] = never
        with pytest.raises(TimeoutError):
            await caller(venue)
        assert [type(outcome) for outcome in told] == [Unknown]


async def test_no_connection_is_proof_that_nothing_was_sent() -> None:
    async with serving() as scripted:
        venue = open_venue(access(scripted.url), ManualClock(NOW))
        await venue.open()
    try:  # the server is gone; what was left open of the old connections goes with the first read
        with pytest.raises(VenueError):
            await venue.quotes([ORDER.symbol])
        both = [ORDER, replace(ORDER, client_order_id="cp-beside")]
        outcomes = [await venue.place(ORDER), *await venue.place_batch(both)]
        outcomes += [await venue.cancel(ORDER), *await venue.cancel_batch(both)]
        for outcome in outcomes:
            assert isinstance(outcome, NotPlaced)
            # and a read that failed before is no cancellation of who asked
            assert outcome.code == "unreachable"
    finally:
        await venue.close()
    assert scripted.count("POST") == 0


@pytest.mark.parametrize(
    "changes", [{"symbol": "DOGE/USDT"}, {"price": None}, {"client_order_id": "x" * 37}]
)
async def test_what_cannot_be_expressed_is_not_sent(changes: dict[str, Any]) -> None:
    async with serving() as scripted, opened(scripted) as venue:
        outcome = await venue.place(replace(ORDER, **changes))
        assert isinstance(outcome, NotPlaced)
        assert outcome.code == "not_sent"
        assert scripted.count("POST") == 0


async def test_a_cancel_is_accepted_by_our_id() -> None:
    async with serving() as scripted, opened(scripted) as venue:
        outcome = await venue.cancel(ORDER)
        assert isinstance(outcome, Accepted)
        assert outcome.order.state is OrderState.CANCELED
        assert scripted.seen[-1].params["origClientOrderId"] == ORDER.client_order_id


CANCELS = {
    "unknown order": (error(400, -2011, "Unknown order sent."), Gone),
    "restricted": (
        error(400, -2011, "Order was not canceled due to cancel restrictions."),
        Unknown,
    ),
    # what a query is told by a replica that lags: no proof that it has left the book
    "not there": (error(400, -2013, "Order does not exist."), Unknown),
    "timeout": (error(408, -1007, "Timeout waiting for response from backend server."), Unknown),
    "out of time": (error(400, -1021, "Timestamp is outside of the recvWindow."), NotPlaced),
    "too fast": (error(429, -1003, "Too many requests"), NotPlaced),
    "a rule for orders": (error(400, -2019, "Margin is insufficient."), Unknown),
    "no reply": (cut_on_the_way, Unknown),
    "html": (page("<html>"), Unknown),
    "other order": (echo(clientOrderId="cp-another", status="CANCELED"), Unknown),
    "500 with the code": (error(500, -2011, "Unknown order sent."), Unknown),
}


@pytest.mark.parametrize(("answer", "kind"), CANCELS.values(), ids=CANCELS.keys())
async def test_a_cancel_is_gone_only_when_the_venue_says_so(answer: Any, kind: type) -> None:
    async with serving() as scripted, opened(scripted) as venue:
        scripted.answers[DELETE_ORDER] = answer
        assert type(await venue.cancel(ORDER)) is kind
