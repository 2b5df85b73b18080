"""What a venue's answers say about more than one order, from end to end: the app, stock ccxt, the testnet's faults."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from counterpoise.app.cycle_report import CycleReport
from counterpoise.domain.access import Environment, Secret, VenueAccess
from counterpoise.domain.events import Alert, Severity
from counterpoise.domain.numbers import dec
from counterpoise.domain.order import OrderState
from counterpoise.domain.policy import ExecutionPolicy
from counterpoise.ports import Venue
from counterpoise.record.sql.migrate import upgrade
from counterpoise.venue.ccxt.adapter import CcxtVenue
from counterpoise.venue.ccxt.factory import open_venue
from counterpoise.venue.sim import Wallet
from counterpoise.venue.testnet.binance import HOSTS
from counterpoise.venue.testnet.http import Handler, Request, Response
from counterpoise.venue.testnet.launch import face_of
from counterpoise.venue.testnet.session import InProcessSession
from tests.scenario.stage import Stage, make_shape
from tests.scenario.test_forced_over_ccxt import HEDGE, at_half_minutes
from tests.scenario.world import World, make_world
from tests.unit.app.desk import DaemonDesk, make_desk

MINUTE = 1 / 60
ORDER = "/fapi/v1/order"
#: Signed questions of the futures API.
SIGNED = ["/fapi/v3/*"] + [
    f"/fapi/v1/{name}"
    for name in ("accountConfig", "openOrders", "symbolConfig", "income", "userTrades", "order")
]
#: Placements, one by one and together.
PLACED = [ORDER, "/fapi/v1/batchOrders"]


@dataclass(slots=True)
class Door:
    """The testnet's face, what it was asked (``METHOD /path``), and its door for faults."""

    inner: Handler
    asked: list[str] = field(default_factory=list)
    #: How many requests carried a signature.
    signed: int = 0

    def handle(self, request: Request) -> Response:
        self.asked.append(f"{request.method} {request.path}")
        self.signed += "signature=" in f"{request.query}&{request.body}"
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


def reached(world: Stage | World, door: Door, *, own_clock: bool = False) -> CcxtVenue:
    """The account of ``world`` through stock ccxt."""
    secret = world.exchange.secret_of(world.api_key)
    assert secret is not None
    access = VenueAccess(
        id="sim",
        exchange="binance",
        environment=Environment.LOCAL,
        api_key=Secret(world.api_key),
        secret=Secret(secret),
        venue_clock=not own_clock,
    )
    return open_venue(access, world.clock, InProcessSession(door, HOSTS, world.clock.sleep))


@asynccontextmanager
async def wired(stage: Stage, *, own_clock: bool = False) -> AsyncIterator[Door]:
    """Let ``stage`` trade through stock ccxt; ``own_clock``: our clock is not the venue's, and has to be measured."""
    door = Door(face_of(stage.exchange))
    opened: list[Venue] = []

    def connect(_: Venue) -> Venue:
        opened.append(reached(stage, door, own_clock=own_clock))
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
        (alert,) = told(stage, "barred")
        assert alert.severity is Severity.CRITICAL
        assert f"{code}:" in alert.text
        assert told(stage, "refused") == []
        door.mend(fault)
        await stage.run(policy, hours=1.2)
    assert [a.cleared for a in told(stage, "barred")] == [False, True]
    assert stage.position() == -2


# --- the key


@asynccontextmanager
async def running(path: Path, world: World) -> AsyncIterator[tuple[DaemonDesk, Door]]:
    """A daemon on a database of its own that reaches ``world`` through stock ccxt."""
    upgrade(f"sqlite:///{path}")
    door = Door(face_of(world.exchange))
    async with AsyncExitStack() as stack:
        venue: Any = reached(world, door)
        stack.push_async_callback(venue.close)
        yield await make_desk(path, stack, world=world, venue=venue), door


ALL = ["/api/*", "/fapi/*", "/sapi/*"]


async def test_a_key_that_is_refused_stops_all_and_is_told_once_with_what_to_do(
    tmp_path: Path,
) -> None:
    world = make_world([80_000] * 300)
    async with running(tmp_path / "run.db", world) as (desk, door):
        await desk.run(hours=0.5)
        looks, placed = len(desk.reports), len(world.events("place"))
        assert world.position() == dec("-0.5")
        world.exchange.deposit(world.api_key, Wallet.SPOT, "BTC", dec(1))  # something to do
        fault = door.arm("code", ALL, args={"code": -2015}, times=None)
        door.signed = 0
        await desk.run(hours=2)
        (alert,) = desk.ear.of("key")
        assert (alert.severity, len(desk.reports)) == (Severity.CRITICAL, looks)
        for words in ("sim (", "-2015", "venues.sim", "allowed addresses", "margin is not watched"):
            assert words in alert.text
        # the first look may ask several things; from then on one signed question a minute
        assert 110 <= door.signed <= 135
        door.mend(fault)
        await desk.run(hours=0.5)
        assert [a.cleared for a in desk.ear.of("key")] == [False, True]
        assert len(world.events("place")) > placed


# --- requests that are refused for their time


async def test_orders_refused_for_their_time_pause_what_adds_until_one_is_taken() -> None:
    stage, policy = at_half_minutes(), make_shape(HEDGE, execution=QUICK)
    async with wired(stage) as door:
        fault = door.arm("code", PLACED, method="POST", args={"code": -1021}, times=None)
        await stage.run(policy, hours=0.5)
        # three in a row, then one a minute
        assert 25 <= door.struck(fault) <= 32
        door.mend(fault)
        await stage.run(policy, hours=0.2)
    alert = once(stage, "untimely")
    assert alert.severity is Severity.CRITICAL
    assert alert.text.startswith("sim (futures) refused 3 requests in a row for their time")
    assert "something on the way holds signed requests up for more than the 5 s" in alert.text
    assert told(stage, "refused") == []
    assert (stage.position(), stage.duplicates()) == (-2, 0)


async def test_every_look_says_why_a_close_is_not_taken_and_when_it_is_tried_again() -> None:
    stage, policy = at_half_minutes(), make_shape(HEDGE, execution=QUICK)
    less = make_shape(replace(HEDGE, ratio=dec("0.25")), execution=QUICK)
    async with wired(stage) as door:
        await stage.run(policy, hours=0.2)
        assert stage.position() == -2
        fault = door.arm("code", PLACED, method="POST", args={"code": -1021}, times=None)
        before, mended = len(stage.reports), len(stage.reports) + 25

        def mend(_: CycleReport) -> None:
            if len(stage.reports) == mended:
                assert door.struck(fault) >= 12, "closes go on being tried"
                door.mend(fault)
                # the answer to the one that is taken is lost: it is found by a look-up
                door.arm("reset", PLACED, method="POST", when="after")

        stage.watch = mend
        await stage.run(less, hours=0.4)
    looks = stage.reports[before + 1 : mended]
    assert [r.summary for r in looks if "-1021" not in r.summary] == []
    waiting = [r for r in looks if not r.results]
    assert waiting
    assert all("tried again at" in r.summary for r in waiting)
    assert "orders that close go on being tried" in told(stage, "untimely")[0].text
    once(stage, "untimely")
    assert (stage.position(), stage.duplicates()) == (-1, 0)


@pytest.mark.parametrize("blame", ["the clock", "the line"])
async def test_questions_refused_for_their_time_say_whether_clock_or_line_is_to_blame(
    blame: str,
) -> None:
    stage, policy = at_half_minutes(), make_shape(HEDGE, execution=QUICK)
    async with wired(stage, own_clock=True) as door:
        faults: list[str] = []

        def trouble(report: CycleReport) -> None:
            if len(stage.reports) == 10:
                faults.append(door.arm("code", SIGNED, args={"code": -1021}, times=None))
                args: dict[str, Any] = {"seconds": 3}
                if blame == "the clock":
                    stands = int(report.as_of.timestamp() * 1000) - 600_000
                    args = {"set": {"serverTime": stands}}
                kind = "alter" if blame == "the clock" else "delay"
                faults.append(door.arm(kind, "/fapi/v1/time", when="after", args=args, times=None))
            if len(stage.reports) == 16:
                for fault in faults:
                    door.mend(fault)

        stage.watch = trouble
        await stage.run(policy, hours=0.3)
    alert = once(stage, "untimely")
    said = {
        "the clock": "and moved by 60 s from one measurement to another: let the machine",
        "the line": "the line is slow, its time took ",
    }
    assert said[blame] in alert.text
    assert (stage.position(), stage.duplicates()) == (-2, 0)
