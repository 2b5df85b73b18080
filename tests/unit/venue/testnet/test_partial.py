"""A part of a batch goes wrong: which orders are done, what is said of each, and what becomes of the reply."""

from __future__ import annotations

import json
from typing import Any

import pytest

from counterpoise.venue.sim import MarketKind, SimExchange
from counterpoise.venue.testnet.http import Delivery, Response
from tests.unit.venue.testnet.small import Caller
from tests.unit.venue.testnet.test_control import ask, reply
from tests.unit.venue.testnet.test_faults import SELL, arm, place, placed, row

BATCH = "/fapi/v1/batchOrders"
NAMES = ["b0", "b1", "b2"]


def together(caller: Caller) -> Response:
    rows = [{**SELL, "newClientOrderId": name} for name in NAMES]
    return caller.raw("POST", BATCH, batchOrders=json.dumps(rows))


def open_names(caller: Caller, exchange: SimExchange) -> list[str]:
    return [
        o.client_order_id for o in exchange.orders(caller.api_key, MarketKind.PERP, open_only=True)
    ]


@pytest.mark.parametrize(("when", "there"), [("before", ["b0", "b2"]), ("after", NAMES)])
def test_one_of_three_is_answered_with_an_error(
    caller: Caller, exchange: SimExchange, when: str, there: list[str]
) -> None:
    number = arm(caller, "partial", BATCH, "POST", when=when, args={"orders": [1]})
    response = together(caller)
    first, second, third = json.loads(response.body)
    assert response.status == 200
    assert (first["clientOrderId"], third["clientOrderId"]) == ("b0", "b2")
    assert second == {
        "code": -1007,
        "msg": "Timeout waiting for response from backend server. Send status unknown; execution status unknown.",
    }
    assert placed(exchange) == there
    assert (row(caller, number)["struck"], row(caller, number)["problem"]) == (1, None)
    # it strikes once
    assert "code" not in json.loads(caller.raw("DELETE", BATCH, **_ids(there)).body)[0]


def _ids(names: list[str]) -> dict[str, str]:
    return {"symbol": "BTCUSDT", "origClientOrderIdList": json.dumps(names)}


def test_a_part_of_the_cancels_is_done(caller: Caller, exchange: SimExchange) -> None:
    together(caller)
    arm(caller, "partial", BATCH, "DELETE", args={"orders": [0, 2], "code": -2011, "msg": "Gone."})
    told = json.loads(caller.raw("DELETE", BATCH, **_ids(NAMES)).body)
    assert told[0] == told[2] == {"code": -2011, "msg": "Gone."}
    assert told[1]["status"] == "CANCELED"
    assert open_names(caller, exchange) == ["b0", "b2"]


def test_a_part_is_done_and_the_reply_is_lost(caller: Caller, exchange: SimExchange) -> None:
    arm(caller, "partial", BATCH, "POST", args={"orders": [1, 2]})
    arm(caller, "timeout", BATCH, "POST", when="after")
    assert together(caller).delivery is Delivery.NEVER
    assert placed(exchange) == ["b0"]


def test_of_a_request_with_one_order_there_is_no_part(
    caller: Caller, exchange: SimExchange
) -> None:
    number = arm(caller, "partial", args={"orders": [0]})
    assert place(caller).status == 200
    assert placed(exchange) == ["one"]
    assert row(caller, number)["problem"] == "expected a request with several orders, was another"


@pytest.mark.parametrize("orders", [[], [10], [1, 1], ["1"], [True], 1, None])
def test_places_are_whole_numbers_each_once(caller: Caller, orders: Any) -> None:
    fault = {"match": {"path": BATCH}, "kind": "partial", "args": {"orders": orders}}
    refused = ask(caller, "POST", "fault", fault)
    assert refused.status == 400
    assert "args.orders" in refused.body
    assert reply(caller, "GET", "fault") == {"faults": []}
