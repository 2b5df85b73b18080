"""Several orders in one request, through stock ccxt: what goes out, what comes back, what is counted, what is lost."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web

from counterpoise.domain.numbers import dec
from counterpoise.domain.order import ALONE, Accepted, Gone, NotPlaced, OrderState, Unknown
from counterpoise.venue.ccxt.adapter import CcxtVenue
from tests.build import make_order
from tests.wire.scripted import Scripted, Seen, as_json, order_row, serving
from tests.wire.test_ccxt_placing import cut_on_the_way, next_turn, opened
from tests.wire.world import WAYS, Way, World, world

BATCH = ("POST", "/fapi/v1/batchOrders")
CANCELS = ("DELETE", "/fapi/v1/batchOrders")
PERP, PAIR = "BTC/USDT:USDT", "BTC/USDT"
ORDERS = [make_order(client_order_id=f"cp-{n}", price=100_500 + n) for n in range(3)]


@pytest.fixture(params=WAYS)
async def here(request: pytest.FixtureRequest) -> AsyncIterator[World]:
    way: Way = request.param
    async with world(way) as made:
        yield made


@pytest.fixture
async def venue(here: World) -> AsyncIterator[CcxtVenue]:
    made = here.venue()
    await made.open()
    yield made
    await made.close()


def requests(here: World, what: str) -> int:
    return sum(e["status"] == what for e in here.log("request"))


# --- against the exchange


async def test_three_go_in_one_request_and_are_taken_down_in_one(
    here: World, venue: CcxtVenue
) -> None:
    placed = await venue.place_batch(ORDERS)
    assert all(isinstance(outcome, Accepted) for outcome in placed)
    assert [e["client_id"] for e in here.log("place")] == ["cp-0", "cp-1", "cp-2"]
    assert requests(here, "POST /fapi/v1/batchOrders") == 1
    canceled = await venue.cancel_batch([*ORDERS, make_order(client_order_id="cp-never")])
    assert [type(outcome) for outcome in canceled] == [Accepted, Accepted, Accepted, Gone]
    assert requests(here, "DELETE /fapi/v1/batchOrders") == 1
    assert await venue.open_orders([PERP]) == ()


async def test_each_is_taken_or_refused_by_itself(here: World, venue: CcxtVenue) -> None:
    crossing = make_order(client_order_id="cp-x", price=90_000)
    first, second, third = await venue.place_batch([ORDERS[0], crossing, ORDERS[2]])
    assert isinstance(first, Accepted)
    assert isinstance(second, NotPlaced)
    assert second.code == "-5022"
    assert isinstance(third, Accepted)
    assert [e["client_id"] for e in here.log("reject")] == ["cp-x"]


async def test_one_that_was_placed_before_is_looked_up(here: World, venue: CcxtVenue) -> None:
    await venue.place(ORDERS[1])
    placed = await venue.place_batch(ORDERS)
    assert [o.order.client_order_id for o in placed if isinstance(o, Accepted)] == [
        "cp-0",
        "cp-1",
        "cp-2",
    ]
    assert len(here.log("place")) == 3


async def test_what_the_venue_cannot_express_is_left_out(here: World, venue: CcxtVenue) -> None:
    nameless = make_order(client_order_id="cp-" + "x" * 40)
    first, second, third = await venue.place_batch([ORDERS[0], nameless, ORDERS[2]])
    assert isinstance(second, NotPlaced)
    assert second.code == "not_sent"
    assert isinstance(first, Accepted)
    assert isinstance(third, Accepted)
    assert len(here.log("place")) == 2


async def test_one_that_is_left_goes_alone(here: World, venue: CcxtVenue) -> None:
    nameless = make_order(client_order_id="cp-" + "x" * 40)
    assert isinstance((await venue.place_batch([nameless, ORDERS[0]]))[1], Accepted)
    assert requests(here, "POST /fapi/v1/order") == 1


@pytest.mark.parametrize(
    "wrong",
    [
        [ORDERS[0], make_order(client_order_id="cp-e", symbol="ETH/USDT:USDT")],
        [make_order(client_order_id=f"cp-s{n}", symbol=PAIR) for n in range(2)],
        [make_order(client_order_id=f"cp-n{n}", symbol="NOPE/USDT:USDT") for n in range(2)],
        [make_order(client_order_id=f"cp-{n}") for n in range(6)],
        [ORDERS[0], ORDERS[0]],
    ],
)
async def test_what_cannot_go_together_is_not_sent(
    here: World, venue: CcxtVenue, wrong: list[Any]
) -> None:
    asked = len(here.log("request"))
    assert {type(o) for o in await venue.place_batch(wrong)} == {NotPlaced}
    if len(wrong) < 6:
        assert {type(o) for o in await venue.cancel_batch(wrong)} == {Unknown}
    assert len(here.log("request")) == asked


async def test_contracts_go_together_and_pairs_alone(venue: CcxtVenue) -> None:
    limit = venue.batch_limit(PERP)
    assert (limit.place, limit.cancel) == (5, 10)
    assert venue.batch_limit(PAIR) == venue.batch_limit("NOPE/USDT") == ALONE


async def test_the_whole_of_it_has_budget_or_nothing_is_sent(here: World, venue: CcxtVenue) -> None:
    limits = [
        {"rateLimitType": "ORDERS", "interval": "SECOND", "intervalNum": 10, "limit": 5},
    ]
    venue._limiter.adopt(next(s for s in venue._limiter._orders if s == "futures"), limits)
    assert {type(o) for o in await venue.place_batch(ORDERS)} == {Accepted}
    more = [make_order(client_order_id=f"cp-m{n}", price=101_000) for n in range(3)]
    held = await venue.place_batch(more)
    assert {o.code for o in held if isinstance(o, NotPlaced)} == {"limited"}
    assert requests(here, "POST /fapi/v1/batchOrders") == 1
    # two still fit: nothing of the three was counted
    assert {type(o) for o in await venue.place_batch(more[:2])} == {Accepted}


@pytest.mark.parametrize("when", ["before", "after"])
async def test_a_lost_answer_proves_nothing_of_any(
    here: World, venue: CcxtVenue, when: str
) -> None:
    here.arm("reset", BATCH[1], method="POST", when=when)
    assert {type(o) for o in await venue.place_batch(ORDERS)} == {Unknown}
    assert len(here.log("place")) == (3 if when == "after" else 0)
    assert requests(here, "POST /fapi/v1/batchOrders") == 1


async def test_a_refusal_of_the_request_is_one_of_each(here: World, venue: CcxtVenue) -> None:
    here.arm("code", BATCH[1], method="POST", when="before", args={"code": -1021})
    outcomes = await venue.place_batch(ORDERS)
    assert [o.code for o in outcomes if isinstance(o, NotPlaced)] == ["-1021"] * 3
    assert here.log("place") == []


# --- what goes over the wire, and replies no exchange gives on demand


@pytest.fixture
async def scripted() -> AsyncIterator[Scripted]:
    async with serving() as made:
        made.answers[BATCH] = [_row(n) for n in range(3)]
        made.answers[CANCELS] = [_row(n) | {"status": "CANCELED"} for n in range(3)]
        yield made


def _row(number: int, **changes: Any) -> dict[str, Any]:
    return order_row(clientOrderId=f"cp-{number}", orderId=number + 1) | changes


async def test_the_orders_go_out_as_exact_text(scripted: Scripted) -> None:
    async with opened(scripted) as venue:
        placed = await venue.place_batch(ORDERS)
        await venue.cancel_batch(ORDERS)
    assert {type(o) for o in placed} == {Accepted}
    (sent,) = [seen for seen in scripted.seen if (seen.method, seen.path) == BATCH]
    assert json.loads(sent.params["batchOrders"])[1] == {
        "symbol": "BTCUSDT",
        "side": "SELL",
        "newClientOrderId": "cp-1",
        "quantity": "0.1",
        "newOrderRespType": "RESULT",
        "price": "100501",
        "type": "LIMIT",
        "timeInForce": "GTX",
    }
    assert sent.params["recvWindow"] == "5000"
    (taken,) = [seen for seen in scripted.seen if (seen.method, seen.path) == CANCELS]
    assert taken.params["symbol"] == "BTCUSDT"
    assert json.loads(taken.params["origclientorderidlist"]) == ["cp-0", "cp-1", "cp-2"]


PAGE = "<html><body>Welcome</body></html>"
MARGIN = {"code": -2019, "msg": "Margin is insufficient."}
REPLIES: dict[str, tuple[Any, str]] = {
    "another order": (lambda _: as_json([_row(2), _row(0), _row(1)]), "AAA"),
    "short": (lambda _: as_json([_row(0)]), "AUU"),
    "one error": (lambda _: as_json([MARGIN]), "UUU"),
    "errors alone": (lambda _: as_json([MARGIN] * 3), "NNN"),
    "an error in another order": (lambda _: as_json([_row(2), MARGIN, _row(0)]), "AUA"),
    "empty": (lambda _: web.Response(text=""), "UUU"),
    "page": (lambda _: web.Response(text=PAGE, content_type="text/html"), "UUU"),
    "cut": (lambda _: web.Response(text=json.dumps([_row(n) for n in range(3)])[:500]), "UUU"),
    "an error": (lambda _: as_json(MARGIN), "UUU"),
    "an order": (lambda _: as_json(_row(0)), "UUU"),
    "503": (lambda _: as_json({"code": -1000, "msg": "Unknown error."}, 503), "UUU"),
    "overload": (lambda _: as_json({"code": -1008, "msg": "Overloaded."}, 503), "NNN"),
    "dropped": (cut_on_the_way, "UUU"),
}


@pytest.mark.parametrize("name", REPLIES)
async def test_a_reply_is_judged_order_by_order(scripted: Scripted, name: str) -> None:
    scripted.answers[BATCH], said = REPLIES[name]
    async with opened(scripted) as venue:
        placed = await venue.place_batch(ORDERS)
    names = {Accepted: "A", NotPlaced: "N", Unknown: "U"}
    assert "".join(names[type(o)] for o in placed) == said
    assert scripted.count(*BATCH) == 1
    assert "signature" not in str(placed)


async def test_a_task_that_is_cancelled_on_the_way_knows_nothing_of_any(
    scripted: Scripted,
) -> None:
    arrived, may_answer = asyncio.Event(), asyncio.Event()

    async def late(_: Seen) -> web.Response:
        arrived.set()
        await may_answer.wait()
        return as_json([])

    scripted.answers[BATCH] = scripted.answers[CANCELS] = late
    async with opened(scripted) as venue:
        for act in (venue.place_batch, venue.cancel_batch):
            arrived.clear()
            kept: list[Any] = []

            async def acting(act: Any = act, kept: list[Any] = kept) -> None:
                kept.extend(await act(ORDERS))
                kept.extend(await venue.place_batch(ORDERS))
                await next_turn()

            task = asyncio.create_task(acting())
            await arrived.wait()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert [type(o) for o in kept] == [Unknown] * 3 + [NotPlaced] * 3
        may_answer.set()
    assert scripted.count(*BATCH) == 1
    assert scripted.count(*CANCELS) == 1


async def test_a_fill_in_the_answer_is_told(scripted: Scripted) -> None:
    filled = _row(1, status="FILLED", executedQty="0.100", avgPrice="100501.0")
    scripted.answers[BATCH] = [_row(0), filled, _row(2)]
    async with opened(scripted) as venue:
        placed = await venue.place_batch(ORDERS)
    assert [o.order.state for o in placed if isinstance(o, Accepted)] == [
        OrderState.OPEN,
        OrderState.FILLED,
        OrderState.OPEN,
    ]
    second = placed[1]
    assert isinstance(second, Accepted)
    assert second.order.filled_qty == dec("0.1")
