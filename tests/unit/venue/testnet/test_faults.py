"""Faults on demand: what the client is told, what happened, and how often each struck."""

from __future__ import annotations

import json
from typing import Any

import pytest

from counterpoise.domain.numbers import dec
from counterpoise.venue.sim import MarketKind, SimExchange
from counterpoise.venue.testnet.binance.documented import DOCUMENTED
from counterpoise.venue.testnet.faults.kinds import KINDS, Group, When
from counterpoise.venue.testnet.http import Delivery, Request, Response
from tests.unit.venue.testnet.small import Caller
from tests.unit.venue.testnet.test_control import ask, reply

ORDER = "/fapi/v1/order"
SPOT_ORDER = "/api/v3/order"
SELL = {"symbol": "BTCUSDT", "side": "SELL", "type": "LIMIT", "timeInForce": "GTC"}
SELL |= {"quantity": "0.1", "price": "81000"}


def arm(
    caller: Caller, kind: str, path: Any = ORDER, method: str | None = None, **rest: Any
) -> str:
    match = {"path": path} | ({"method": method} if method else {})
    fault = {"match": match, "kind": kind, **rest}
    number = reply(caller, "POST", "fault", fault)["id"]
    assert isinstance(number, str)
    return number


def row(caller: Caller, number: str) -> dict[str, Any]:
    rows = reply(caller, "GET", "fault")["faults"]
    return next(each for each in rows if each["id"] == number)


def place(caller: Caller, cid: str = "one", path: str = ORDER, **changes: object) -> Response:
    return caller.raw("POST", path, **{**SELL, "newClientOrderId": cid, **changes})


def placed(exchange: SimExchange) -> list[str]:
    return [str(e["client_id"]) for e in exchange.log.after(0) if e["event"] == "place"]


REPLIES = {
    "timeout": {},
    "reset": {},
    "delay": {"seconds": "2.5"},
    "truncate": {},
    "cut": {"bytes": 7},
    "empty": {},
    "html": {"status": 524},
    "reply": {"status": 202, "body": {"odd": 1}, "headers": {"X-A": "b"}},
    "alter": {"set": {"clientOrderId": "other"}},
    "code": {"code": -1007},
    "rate_limit": {"retry_after": 3},
    "maintenance": {},
}


def test_every_kind_that_makes_a_reply_is_tried() -> None:
    assert set(REPLIES) == {n for n, kind in KINDS.items() if kind.group is Group.REPLY}


@pytest.mark.parametrize("when", [*When])
@pytest.mark.parametrize("kind", REPLIES)
def test_before_has_no_effect_and_after_has_all_of_it(
    caller: Caller, exchange: SimExchange, kind: str, when: When
) -> None:
    fault = {"match": {"path": ORDER}, "kind": kind, "when": when, "args": REPLIES[kind]}
    if when not in KINDS[kind].when:
        assert ask(caller, "POST", "fault", fault).status == 400
        return
    number = reply(caller, "POST", "fault", fault)["id"]
    place(caller)
    assert placed(exchange) == (["one"] if when is When.AFTER else [])
    assert row(caller, number)["struck"] == 1
    # what reached the exchange is told in any case
    requests = [e for e in exchange.log.after(0) if e["event"] == "request"]
    assert [(e["client_id"], e["status"]) for e in requests] == [("one", f"POST {ORDER}")]


def test_what_the_client_gets(caller: Caller) -> None:
    told = {}
    for kind, args in REPLIES.items():
        number = arm(caller, kind, args=args, when=KINDS[kind].when[-1])
        told[kind] = place(caller, kind)
        reply(caller, "DELETE", f"fault/{number}")
    assert told["timeout"].delivery is Delivery.NEVER
    assert told["reset"].delivery is Delivery.RESET
    assert told["delay"].delay_s == dec("2.5")
    assert json.loads(told["delay"].body)["clientOrderId"] == "delay"
    torn = told["truncate"]
    assert torn.delivery is Delivery.CUT
    assert torn.cut_at == len(torn.body.encode()) // 2
    assert json.loads(torn.body)["status"] == "NEW"
    assert told["cut"].body == '{"order'
    assert (told["empty"].status, told["empty"].body) == (200, "")
    assert told["html"].status == 524
    assert "<html>" in told["html"].body
    odd = told["reply"]
    assert (odd.status, json.loads(odd.body), odd.headers["X-A"]) == (202, {"odd": 1}, "b")
    assert json.loads(told["alter"].body)["clientOrderId"] == "other"
    assert json.loads(told["alter"].body)["status"] == "NEW"
    assert (told["code"].status, json.loads(told["code"].body)["code"]) == (408, -1007)
    assert (told["rate_limit"].status, told["rate_limit"].headers["Retry-After"]) == (429, "3")
    assert told["maintenance"].status == 503


def test_a_reply_bent_before_the_effect_looks_like_a_true_one(
    caller: Caller, exchange: SimExchange
) -> None:
    arm(caller, "alter", when="before", args={"set": {"orderId": 77}})
    told = json.loads(place(caller).body)
    assert (told["orderId"], told["clientOrderId"], told["status"]) == (77, "one", "NEW")
    assert exchange.orders(caller.api_key, MarketKind.PERP) == []
    assert json.loads(place(caller).body)["orderId"] == 1


@pytest.mark.parametrize("one", DOCUMENTED, ids=lambda one: f"{one.api}{one.code}")
def test_every_documented_code_is_answered_as_documented(caller: Caller, one: Any) -> None:
    path = {"spot": SPOT_ORDER, "sapi": "/sapi/v1/asset/transfer"}.get(one.api, ORDER)
    arm(caller, "code", path, args={"code": one.code, "msg": one.msg, "status": one.status})
    response = caller.raw("POST", path)
    assert response.status == one.status
    assert json.loads(response.body) == {"code": one.code, "msg": one.msg}
    arm(caller, "code", path, args={"code": one.code})
    assert json.loads(caller.raw("POST", path).body)["code"] == one.code


def test_a_code_nobody_documents_and_headers_of_ones_own(caller: Caller) -> None:
    arm(caller, "code", args={"code": -9999, "headers": {"Retry-After": "7"}})
    response = place(caller)
    assert (response.status, response.headers["Retry-After"]) == (400, "7")
    assert json.loads(response.body)["code"] == -9999


def test_it_skips_strikes_and_is_spent(caller: Caller) -> None:
    number = arm(caller, "code", args={"code": -1000}, skip=1, times=2)
    states = [place(caller, f"c{n}").status for n in range(5)]
    assert states == [200, 503, 503, 200, 200]
    counted = row(caller, number)
    assert (counted["matched"], counted["struck"], counted["active"]) == (5, 2, False)
    assert reply(caller, "DELETE", f"fault/{number}") == {"id": number, "matched": 5, "struck": 2}
    assert reply(caller, "GET", "fault") == {"faults": []}
    assert ask(caller, "DELETE", f"fault/{number}").status == 404


def test_one_that_nothing_matched_says_so(caller: Caller) -> None:
    number = arm(caller, "reset", "/api/v3/*", method="DELETE")
    place(caller, path=SPOT_ORDER)
    caller.get("/api/v3/openOrders")
    assert (row(caller, number)["matched"], row(caller, number)["struck"]) == (0, 0)


def test_it_strikes_one_account_of_two(caller: Caller, exchange: SimExchange) -> None:
    keys = reply(caller, "POST", "account", {"balance": "USDT@futures=9000"})
    other = Caller(caller.handler, exchange, keys["api_key"], keys["secret"])
    match = {"path": ORDER, "account": keys["api_key"]}
    reply(caller, "POST", "fault", {"match": match, "kind": "timeout", "times": None})
    assert place(caller).delivery is Delivery.WHOLE
    assert place(other).delivery is Delivery.NEVER


def test_a_partial_outage(caller: Caller) -> None:
    arm(caller, "html", ["/fapi/v1/order", "/fapi/v*/account"], args={"status": 503}, times=None)
    assert place(caller).status == 503
    assert caller.raw("GET", "/fapi/v3/account").status == 503
    assert caller.raw("GET", "/fapi/v3/balance").status == 200
    assert place(caller, path=SPOT_ORDER).status == 200
    assert place(caller).status == 503


def test_the_first_of_two_answers_and_the_other_waits(caller: Caller) -> None:
    first = arm(caller, "timeout")
    second = arm(caller, "reset")
    assert place(caller).delivery is Delivery.NEVER
    assert row(caller, second)["matched"] == 0
    assert place(caller).delivery is Delivery.RESET
    assert row(caller, first)["struck"] == row(caller, second)["struck"] == 1


def test_too_fast_then_banned_then_free(caller: Caller, exchange: SimExchange) -> None:
    arm(caller, "rate_limit", "/fapi/*", args={"retry_after": 10, "ban": 120})
    told = place(caller)
    assert (told.status, told.headers["Retry-After"]) == (429, "10")
    exchange.advance(dec(4))
    told = caller.raw("GET", "/fapi/v3/account")  # asked on: it was told not to
    assert (told.status, told.headers["Retry-After"]) == (418, "120")
    assert json.loads(told.body)["code"] == -1003
    assert "banned until" in json.loads(told.body)["msg"]
    assert place(caller, path=SPOT_ORDER).status == 200
    exchange.advance(dec(119))
    assert caller.raw("GET", "/fapi/v3/account").status == 418
    exchange.advance(dec(1))
    assert caller.raw("GET", "/fapi/v3/account").status == 200


def test_after_a_ban_it_begins_anew(caller: Caller, exchange: SimExchange) -> None:
    arm(caller, "rate_limit", "/fapi/*", args={"retry_after": 10, "ban": 20}, times=None)
    answers = []
    for _ in range(3):
        answers += [place(caller).status, place(caller).status]
        exchange.advance(dec(20))
    assert answers == [429, 418] * 3


def test_one_that_waits_is_not_banned(caller: Caller, exchange: SimExchange) -> None:
    arm(caller, "rate_limit", "/fapi/*", args={"retry_after": 10})
    assert place(caller).status == 429
    exchange.advance(dec(10))
    assert place(caller).status == 200


def test_a_lower_weight_limit_is_counted_for_real(caller: Caller, exchange: SimExchange) -> None:
    arm(caller, "limits", "/fapi/*", args={"weight": 12})
    answers = [caller.raw("GET", "/fapi/v3/account") for _ in range(14)]
    assert [a.status for a in answers] == [200, 200, *[429] * 10, 418, 418]
    assert answers[2].headers["Retry-After"] == "60"
    exchange.advance(dec(60))  # another minute's weight is there, and the ban stands
    assert caller.raw("GET", "/fapi/v3/account").headers["Retry-After"] == "60"
    assert caller.raw("GET", "/fapi/v3/account").status == 418
    exchange.advance(dec(60))
    assert caller.raw("GET", "/fapi/v3/account").status == 200


def test_maintenance_ends_by_itself(caller: Caller, exchange: SimExchange) -> None:
    arm(caller, "maintenance", "/*", args={"seconds": 60})
    assert place(caller).status == 503
    refused = json.loads(place(caller, path=SPOT_ORDER).body)
    assert refused == {"code": -2010, "msg": "Rest API trading is not enabled."}
    assert caller.raw("GET", "/api/v3/account").status == 503
    exchange.advance(dec(60))
    assert place(caller).status == 200


def test_a_replica_lags_for_some_reads(caller: Caller) -> None:
    number = arm(caller, "lag", ["/fapi/v1/openOrders", ORDER], args={"reads": 2})
    place(caller)
    assert caller.get("/fapi/v1/openOrders") == []
    assert caller.refused("GET", ORDER, symbol="BTCUSDT", origClientOrderId="one")[1] == -2013
    assert len(caller.get("/fapi/v1/openOrders")) == 1
    # the placement is no read
    assert (row(caller, number)["matched"], row(caller, number)["struck"]) == (3, 2)


def test_a_replica_lags_for_a_while(caller: Caller, exchange: SimExchange) -> None:
    arm(caller, "lag", "/fapi/*", args={"seconds": 5})
    caller.post(ORDER, symbol="BTCUSDT", side="SELL", type="MARKET", quantity="0.1")
    (before,) = caller.get("/fapi/v2/positionRisk", symbol="BTCUSDT")
    exchange.advance(dec(5))
    (after,) = caller.get("/fapi/v2/positionRisk", symbol="BTCUSDT")
    assert (dec(before["positionAmt"]), dec(after["positionAmt"])) == (0, dec("-0.1"))


def test_a_clock_that_is_ahead_or_behind(caller: Caller) -> None:
    number = arm(caller, "skew", "/*", args={"ms": 6_000})
    assert caller.refused("GET", "/fapi/v3/account")[1] == -1021
    ahead = caller.public("/fapi/v1/time")["serverTime"]
    reply(caller, "DELETE", f"fault/{number}")
    assert ahead - caller.public("/fapi/v1/time")["serverTime"] == 6_000
    arm(caller, "skew", "/*", args={"ms": -1_500})
    status, code, msg = caller.refused("GET", "/api/v3/account")
    assert (status, code) == (400, -1021)
    assert "ahead" in msg


def test_an_acknowledged_order_works_later(caller: Caller, exchange: SimExchange) -> None:
    arm(caller, "async", method="POST", args={"seconds": 3})
    told = json.loads(place(caller).body)
    assert (told["status"], told["orderId"]) == ("NEW", 1)
    assert caller.get("/fapi/v1/openOrders") == []
    assert caller.refused("GET", ORDER, symbol="BTCUSDT", orderId=1)[1] == -2013
    exchange.advance(dec(3))
    (working,) = caller.get("/fapi/v1/openOrders")
    assert (working["orderId"], working["clientOrderId"]) == (1, "one")


def test_an_acknowledged_order_may_still_be_refused(caller: Caller, exchange: SimExchange) -> None:
    arm(caller, "async", method="POST", args={"seconds": 3})
    assert place(caller, quantity="5").status == 200
    caller.post("/sapi/v1/asset/transfer", type="UMFUTURE_MAIN", asset="USDT", amount="20000")
    exchange.advance(dec(3))
    assert placed(exchange) == []
    (reject,) = [e for e in exchange.log.after(0) if e["event"] == "reject"]
    assert (reject["client_id"], reject["code"]) == ("one", "insufficient_margin")


def test_a_lost_reply_and_a_late_effect(caller: Caller, exchange: SimExchange) -> None:
    arm(caller, "async", method="POST", args={"seconds": 4})
    arm(caller, "timeout", method="POST", when="after")
    assert place(caller).delivery is Delivery.NEVER
    assert placed(exchange) == []
    exchange.advance(dec(4))
    assert placed(exchange) == ["one"]


def test_a_cancel_that_comes_too_late(caller: Caller, exchange: SimExchange) -> None:
    place(caller)
    arm(caller, "async", method="DELETE", args={"seconds": 3})
    told = caller.delete(ORDER, symbol="BTCUSDT", origClientOrderId="one")
    assert told["status"] == "CANCELED"
    reply(caller, "POST", "price", {"symbol": "BTCUSDT", "price": "82000"})
    exchange.advance(dec(3))
    assert caller.get(ORDER, symbol="BTCUSDT", origClientOrderId="one")["status"] == "FILLED"


@pytest.mark.parametrize(("unique", "again"), [("open", 200), ("ever", 400)])
def test_whose_client_ids_are_unique_for_how_long(caller: Caller, unique: str, again: int) -> None:
    number = arm(caller, "client_ids", args={"unique": unique})
    place(caller)
    assert caller.refused("POST", ORDER, **SELL, newClientOrderId="one")[1] == -4116
    caller.delete(ORDER, symbol="BTCUSDT", origClientOrderId="one")
    assert place(caller).status == again
    reply(caller, "DELETE", f"fault/{number}")
    caller.raw("DELETE", ORDER, symbol="BTCUSDT", origClientOrderId="one")
    assert place(caller).status == 200


def test_a_symbol_is_delisted_between_two_requests(caller: Caller, exchange: SimExchange) -> None:
    caller.post(ORDER, symbol="BTCUSDT", side="SELL", type="MARKET", quantity="0.1")
    place(caller, "resting")
    arm(caller, "delist", method="POST", args={"symbol": "BTCUSDT", "market": "perp"})
    assert json.loads(place(caller, "late").body)["code"] == -4141
    assert caller.get("/fapi/v1/openOrders") == []
    assert exchange.account(caller.api_key).positions == ()
    listed = {
        row["symbol"]: row["status"] for row in caller.public("/fapi/v1/exchangeInfo")["symbols"]
    }
    assert (listed["BTCUSDT"], listed["ETHUSDT"]) == ("SETTLING", "TRADING")
    events = {str(e["event"]) for e in exchange.log.after(0)}
    assert {"settlement", "cancel"} <= events


def test_a_position_is_deleveraged_behind_the_clients_back(caller: Caller) -> None:
    caller.post(ORDER, symbol="BTCUSDT", side="SELL", type="MARKET", quantity="0.3")
    number = arm(
        caller, "adl", method="GET", path="/fapi/v2/positionRisk", when="after",
        args={"symbol": "BTCUSDT", "qty": "0.1"},
    )  # fmt: skip
    seen = [caller.get("/fapi/v2/positionRisk", symbol="BTCUSDT")[0] for _ in range(2)]
    assert [dec(one["positionAmt"]) for one in seen] == [dec("-0.3"), dec("-0.2")]
    assert row(caller, number)["problem"] is None


def test_what_cannot_be_done_is_told_with_the_fault(caller: Caller) -> None:
    number = arm(caller, "adl", method="POST", args={"symbol": "BTCUSDT", "qty": "1"})
    assert place(caller).status == 200
    assert row(caller, number)["struck"] == 1
    assert row(caller, number)["problem"]


def test_a_price_jumps_before_a_cancel(caller: Caller) -> None:
    place(caller)
    arm(caller, "price", method="DELETE", args={"symbol": "BTCUSDT", "price": "82000"})
    cancelled = caller.refused("DELETE", ORDER, symbol="BTCUSDT", origClientOrderId="one")
    assert cancelled == (400, -2011, "Unknown order sent.")


@pytest.mark.parametrize(
    ("change", "where", "expected"),
    [
        ({"kind": "explode"}, "kind", "timeout or reset"),
        ({"kind": None}, "kind", "timeout"),
        ({"when": "during"}, "when", "before or after"),
        ({"kind": "delay", "when": "before", "args": {"seconds": 1}}, "when", "after for delay"),
        ({"extra": 1}, "extra", "match or when"),
        ({"match": {"symbol": "X"}}, "match.symbol", "method, path or account"),
        ({"match": {"method": "get"}}, "match.method", "GET or POST"),
        ({"match": {"path": "/nowhere"}}, "match.path", "answers"),
        ({"match": {"path": ORDER, "method": "PUT"}}, "match.path", "answers"),
        ({"match": {"path": []}}, "match.path", "a text"),
        ({"match": {"account": "nobody"}}, "match.account", "the key of an account"),
        ({"match": []}, "match", "an object"),
        ({"args": {"speed": 1}}, "args.speed", "nothing for timeout"),
        ({"args": "x"}, "args", "an object"),
        ({"skip": -1}, "skip", "a whole number"),
        ({"skip": True}, "skip", "a whole number"),
        ({"times": 0}, "times", "a whole number"),
        ({"kind": "code"}, "args.code", "was missing"),
        ({"kind": "code", "args": {"code": "-1003"}}, "args.code", "a whole number"),
        ({"kind": "code", "args": {"code": -1, "status": 99}}, "args.status", "from 200 to 599"),
        ({"kind": "html", "args": {"title": ""}}, "args.title", "a text"),
        ({"kind": "reply", "args": {"body": "", "headers": {"A": "b\r\nC: d"}}}, "args.headers.A", "line breaks"),
        ({"kind": "delay", "when": "after", "args": {"seconds": 0}}, "args.seconds", "above 0"),
        ({"kind": "delay", "when": "after", "args": {"seconds": "soon"}}, "args.seconds", "a number"),
        ({"kind": "lag", "args": {"reads": 1}, "match": {"method": "POST"}}, "match.method", "GET for lag"),
        ({"kind": "lag"}, "args", "exactly one of reads, seconds"),
        ({"kind": "lag", "args": {"reads": 1, "seconds": 1}}, "args", "exactly one of"),
        ({"kind": "client_ids", "args": {"unique": "once"}}, "args.unique", "open or ever"),
        ({"kind": "adl", "match": {}, "args": {"symbol": "BTCUSDT", "qty": "1"}}, "match", "which request"),
        ({"kind": "adl", "args": {"symbol": "BTCUSDT", "qty": "-1"}}, "args.qty", "above 0"),
        ({"kind": "adl", "args": {"symbol": 7, "qty": "1"}}, "args.symbol", "a text"),
    ],
)  # fmt: skip
def test_a_bad_description_is_told_and_arms_nothing(
    caller: Caller, change: dict[str, Any], where: str, expected: str
) -> None:
    fault: dict[str, Any] = {"match": {"path": ORDER}, "kind": "timeout", **change}
    response = ask(caller, "POST", "fault", fault)
    assert response.status == 400
    told = json.loads(response.body)["error"]
    assert told.startswith(where), told
    assert expected in told
    assert ", was" in told
    assert reply(caller, "GET", "fault") == {"faults": []}


def test_no_fault_touches_the_control_door(caller: Caller) -> None:
    reply(caller, "POST", "fault", {"kind": "timeout", "times": None})
    assert ask(caller, "GET", "state").delivery is Delivery.WHOLE
    assert (
        caller.handler.handle(Request(method="GET", path="/api/v3/ping")).delivery is Delivery.NEVER
    )
