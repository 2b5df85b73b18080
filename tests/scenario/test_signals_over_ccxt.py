"""What a venue's answers say about more than one order, from end to end: the app, stock ccxt, the testnet's faults."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest

from counterpoise.domain.access import Environment, Secret, VenueAccess
from counterpoise.domain.events import Alert, Severity
from counterpoise.domain.order import OrderState
from counterpoise.domain.policy import ExecutionPolicy
from counterpoise.ports import Venue
from counterpoise.venue.ccxt.factory import open_venue
from counterpoise.venue.testnet.binance import HOSTS
from counterpoise.venue.testnet.http import Handler, Request, Response
from counterpoise.venue.testnet.launch import face_of
from counterpoise.venue.testnet.session import InProcessSession
from tests.scenario.stage import Stage, make_shape
from tests.scenario.test_forced_over_ccxt import HEDGE, at_half_minutes

MINUTE = 1 / 60
ORDER = "/fapi/v1/order"


@dataclass(slots=True)
class Door:
    """The testnet's face, what it was asked (``METHOD /path`` and when), and its door for faults."""

    inner: Handler
    stage: Stage
    asked: list[str] = field(default_factory=list)

    def handle(self, request: Request) -> Response:
        self.asked.append(f"{request.method} {request.path}")
        return self.inner.handle(request)

    def arm(self, kind: str, path: Any, *, method: str | None = None, **rest: Any) -> str:
        match = {"path": path} | ({"method": method} if method else {})
        return str(self._control("POST", "fault", {"match": match, "kind": kind, **rest})["id"])

    def struck(self, number: str) -> int:
        rows = self._control("GET", "fault")["faults"]
        return int(next(row for row in rows if row["id"] == number)["struck"])

    def mend(self, number: str) -> None:
        self._control("DELETE", f"fault/{number}")

    def _control(self, method: str, door: str, body: object = None) -> Any:
        text = "" if body is None else json.dumps(body)
        reply = self.inner.handle(Request(method=method, path=f"/_control/{door}", body=text))
        assert reply.status == 200, reply.body
        return json.loads(reply.body)


@asynccontextmanager
async def wired(stage: Stage, *, own_clock: bool = False) -> AsyncIterator[Door]:
    """Let ``stage`` trade through stock ccxt; ``own_clock``: our clock is not the venue's, and has to be measured."""
    secret = stage.exchange.secret_of(stage.api_key)
    assert secret is not None
    access = VenueAccess(
        id="sim",
        exchange="binance",
        environment=Environment.LOCAL,
        api_key=Secret(stage.api_key),
        secret=Secret(secret),
        venue_clock=not own_clock,
    )
    door = Door(face_of(stage.exchange), stage)
    session = InProcessSession(door, HOSTS, stage.clock.sleep)
    opened: list[Venue] = []

    def connect(_: Venue) -> Venue:
        opened.append(open_venue(access, stage.clock, session))
        return opened[-1]

    stage.wrap = connect
    yield door
    for venue in opened:
        await venue.close()


def told(stage: Stage, kind: str) -> list[Alert]:
    return [a for r in stage.reports for a in r.alerts if a.kind == kind]


def once(stage: Stage, kind: str) -> Alert:
    """The alert of ``kind`` that was raised once and cleared once."""
    alerts = told(stage, kind)
    assert [a.cleared for a in alerts] == [False, True]
    return alerts[0]


QUICK = ExecutionPolicy(rungs=1, patience=timedelta(minutes=1))


# --- an answer that tells of another order


@pytest.mark.parametrize(
    ("bent", "said"),
    [
        ({"clientOrderId": "cp-another"}, "was cp-another"),
        ({"symbol": "ETHUSDT"}, "expected symbol BTCUSDT, was ETHUSDT"),
        ({"side": "BUY"}, "expected side sell, was buy"),
        ({"origQty": "0.007"}, "was 0.007"),
        ({"side": "BUY", "origQty": "7"}, "expected side sell, was buy; expected quantity"),
    ],
    ids=["id", "symbol", "side", "quantity", "side and quantity"],
)
async def test_a_placement_answered_for_another_order_is_unknown_and_critical_until_it_is_found(
    bent: dict[str, str], said: str
) -> None:
    stage, policy = at_half_minutes(), make_shape(HEDGE, execution=QUICK)
    async with wired(stage) as door:
        fault = door.arm("alter", ORDER, method="POST", when="after", args={"set": bent})
        await stage.run(policy, hours=0)
        (unknown,) = stage.last.results
        assert (unknown.state, door.struck(fault)) == (OrderState.UNKNOWN, 1)
        await stage.run(policy, hours=0.2)
    alert = once(stage, "wrong_reply")
    assert alert.severity is Severity.CRITICAL
    assert said in alert.text
    assert unknown.client_order_id in alert.text
    assert told(stage, "order") == [], "it is told once"
    assert (stage.position(), stage.duplicates()) == (-2, 0)


async def test_a_cancel_answered_for_another_order_is_told_and_asked_again() -> None:
    stage, policy = at_half_minutes(), make_shape(HEDGE, execution=QUICK)
    async with wired(stage) as door:
        await stage.run(policy, hours=0)
        stage.fall("BTC", "-0.01")  # away from the order that sells: patience has to take it down
        args = {"set": {"clientOrderId": "cp-another"}}
        fault = door.arm("alter", ORDER, method="DELETE", when="after", args=args)
        await stage.run(policy, hours=0.2)
        assert door.struck(fault) == 1
    alert = once(stage, "wrong_reply")
    assert "expected client order id" in alert.text
    assert alert.severity is Severity.CRITICAL
    assert (stage.position(), stage.duplicates()) == (-2, 0)


# --- codes


async def test_an_unknown_code_is_no_proof_and_is_shown_as_it_came() -> None:
    stage, policy = at_half_minutes(), make_shape(HEDGE, execution=QUICK)
    async with wired(stage) as door:
        args = {"code": -9876, "msg": "A thing that nobody has seen.", "status": 400}
        door.arm("code", ORDER, method="POST", when="after", args=args)
        await stage.run(policy, hours=0.2)
    alert = once(stage, "order")
    assert '{"code":-9876,"msg":"A thing that nobody has seen."}' in alert.text.replace('": ', '":')
    assert "please report HTTP 400" in alert.text
    assert stage.api_key not in alert.text
    assert (stage.position(), stage.duplicates()) == (-2, 0)


@pytest.mark.parametrize("code", [-2015, -2023, -4061, -4120, -4192, -4400])
async def test_a_refusal_that_says_all_is_tried_once_an_hour_and_told_once(code: int) -> None:
    stage, policy = at_half_minutes(), make_shape(HEDGE, execution=QUICK)
    async with wired(stage) as door:
        fault = door.arm("code", ORDER, method="POST", args={"code": code}, times=None)
        await stage.run(policy, hours=0.9)
        assert door.struck(fault) == 1
        await stage.run(policy, hours=0.2)
        assert door.struck(fault) == 2
        (alert,) = told(stage, "rejected")
        assert alert.severity is Severity.CRITICAL
        assert f"{code}:" in alert.text
        assert told(stage, "refused") == []
        door.mend(fault)
        await stage.run(policy, hours=1.2)
    assert [a.cleared for a in told(stage, "rejected")] == [False, True]
    assert stage.position() == -2
