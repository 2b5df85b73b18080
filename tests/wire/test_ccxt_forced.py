"""Forced trades over real HTTP: what is asked to know them, how often, and what is made of each answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest

from counterpoise.domain.errors import VenueError
from counterpoise.domain.order import Forced
from counterpoise.venue.ccxt.adapter import CcxtVenue
from counterpoise.venue.ccxt.origins import MOST_ASKED
from tests.build import NOW, make_order
from tests.wire.scripted import (
    FUTURES_ROW,
    GET_ORDER,
    SERVED_MS,
    Reply,
    Scripted,
    Seen,
    as_json,
    order_row,
)
from tests.wire.test_ccxt_treasury import opened

PERP = "BTC/USDT:USDT"
TRADES = ("GET", "/fapi/v1/userTrades")
FORCED = ("GET", "/fapi/v1/forceOrders")
MISSING = {"code": -2013, "msg": "Order does not exist."}


def trade(order: int, **changes: Any) -> dict[str, Any]:
    return {
        "symbol": "BTCUSDT",
        "id": 7000 + order,
        "orderId": order,
        "side": "BUY",
        "price": "100000.00",
        "qty": "0.100",
        "commission": "0",
        "commissionAsset": "USDT",
        "time": SERVED_MS + order,
        "buyer": True,
        "maker": False,
    } | changes


@dataclass(frozen=True)
class Book:
    """The orders a scripted venue finds by their number; what is not here does not exist."""

    names: Mapping[int, str]

    def __call__(self, request: Seen) -> Reply:
        number = int(request.params["orderId"])
        assert request.params["symbol"] == "BTCUSDT"
        if number not in self.names:
            return as_json(MISSING, status=400)
        return as_json(order_row(orderId=number, clientOrderId=self.names[number]))


async def kinds(venue: CcxtVenue) -> list[Forced | None]:
    return [f.forced for f in await venue.fills(PERP, NOW)]


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("autoclose-1596107620040000020", Forced.LIQUIDATION),
        ("adl_autoclose", Forced.DELEVERAGING),
        ("settlement_autoclose-17", Forced.SETTLEMENT),
        ("web_Xa81", None),
        ("cpabc", None),
        ("my_autoclose-1", None),
    ],
)
async def test_the_client_id_tells_and_is_asked_for_once(name: str, kind: Forced | None) -> None:
    async with opened() as (scripted, venue):
        scripted.answers |= {TRADES: [trade(5), trade(5, id=1)], GET_ORDER: Book({5: name})}
        assert await kinds(venue) == [kind, kind]
        assert await kinds(venue) == [kind, kind]
        assert (scripted.count(*GET_ORDER), scripted.count(*FORCED)) == (1, 0)


async def test_nothing_is_asked_about_orders_that_were_sent_or_seen() -> None:
    async with opened() as (scripted, venue):
        shown = order_row(orderId=6, clientOrderId="theirs")
        scripted.answers["GET", "/fapi/v1/openOrders"] = [shown]
        scripted.answers["POST", "/fapi/v1/order"] = order_row(orderId=5)
        await venue.place(make_order())
        await venue.open_orders([PERP])
        scripted.answers[TRADES] = [trade(5), trade(6)]
        before = scripted.count(*GET_ORDER)
        assert await kinds(venue) == [None, None]
        assert scripted.count(*GET_ORDER) == before


async def test_what_is_not_found_by_number_is_looked_for_among_forced_orders() -> None:
    async with opened() as (scripted, venue):
        scripted.answers |= {
            TRADES: [trade(5), trade(6)],
            GET_ORDER: Book({}),
            FORCED: [order_row(orderId=5, clientOrderId="autoclose-9")],
        }
        assert await kinds(venue) == [Forced.LIQUIDATION, None]
        (asked,) = [s for s in scripted.seen if (s.method, s.path) == FORCED]
        assert asked.params["symbol"] == "BTCUSDT"
        assert int(asked.params["startTime"]) <= SERVED_MS < int(asked.params["endTime"])
        # what is found nowhere is asked for again, but not at once
        assert await kinds(venue) == [Forced.LIQUIDATION, None]
        assert (scripted.count(*GET_ORDER), scripted.count(*FORCED)) == (2, 1)


async def test_who_trades_much_beside_us_is_asked_about_in_parts() -> None:
    many = MOST_ASKED + 5
    async with opened() as (scripted, venue):
        scripted.answers |= {
            TRADES: [trade(n) for n in range(1, many + 1)],
            GET_ORDER: Book(dict.fromkeys(range(1, many), "theirs") | {many: "adl_autoclose"}),
        }
        assert (await kinds(venue))[-1] is Forced.DELEVERAGING, "the newest first"
        assert scripted.count(*GET_ORDER) == MOST_ASKED
        await kinds(venue)
        assert scripted.count(*GET_ORDER) == many


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(lambda _: as_json({"code": -1001, "msg": "down"}, status=503), id="down"),
        pytest.param(order_row(orderId=77), id="another order"),
        pytest.param({"orderId": 5}, id="no client id"),
    ],
)
async def test_what_was_not_answered_is_not_taken_for_a_no(answer: Any) -> None:
    async with opened() as (scripted, venue):
        scripted.answers |= {TRADES: [trade(5)], GET_ORDER: answer, FORCED: []}
        with pytest.raises(VenueError):
            await venue.fills(PERP, NOW)
        scripted.answers[GET_ORDER] = Book({5: "autoclose-1"})
        assert await kinds(venue) == [Forced.LIQUIDATION]


async def test_the_end_of_a_dated_future_is_no_force() -> None:
    ends = NOW + timedelta(days=30)
    row = FUTURES_ROW | {
        "symbol": f"BTCUSDT_{ends:%y%m%d}",
        "contractType": "CURRENT_QUARTER",
        "deliveryDate": int(ends.timestamp() * 1000),
    }

    def also_listed(scripted: Scripted) -> None:
        scripted.answers["GET", "/fapi/v1/exchangeInfo"] = {"symbols": [FUTURES_ROW, row]}

    async with opened(also_listed) as (scripted, venue):
        dated = next(s for s in venue.instruments() if s.endswith(f"{ends:%y%m%d}"))
        scripted.answers[TRADES] = [trade(5, symbol=row["symbol"])]
        scripted.answers[GET_ORDER] = order_row(orderId=5, clientOrderId="settlement_autoclose-1")
        assert [f.forced for f in await venue.fills(dated, NOW)] == [None]
