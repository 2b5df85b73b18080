"""Swarms through stock ccxt: the real adapter on an in-process wire to the testnet, whose faults the door arms.

``python -m tests.prove wired --again 1.17`` runs seed 17 of set 1 again. The worlds, the people in them and the judge
are those of ``chaos``; what goes wrong between the daemon and the exchange goes wrong on the wire. Beside the bounds of
``chaos`` no request goes to an API that asked for a pause before the pause is over. How long coming to rest may take
grows by the pause that was asked for last.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import timedelta
from random import Random  # noqa: TID251 - seeded: the same run for the same seed
from typing import Any

from counterpoise.domain.access import Environment, Secret, VenueAccess
from counterpoise.venue.ccxt.adapter import CcxtVenue
from counterpoise.venue.ccxt.factory import open_venue
from counterpoise.venue.testnet.binance import HOSTS
from counterpoise.venue.testnet.http import Handler, Request, Response
from counterpoise.venue.testnet.launch import face_of
from counterpoise.venue.testnet.session import InProcessSession
from tests.prove.acts import Run, act_of, heal
from tests.prove.bounds import unpaused
from tests.prove.chaos import live, run_of
from tests.prove.life import VENUE, Play
from tests.prove.rough import Weather, Witness
from tests.prove.stages import Judged
from tests.prove.swarm import world_of
from tests.prove.trace import Trace

#: Replies that come to nothing, whether or not the exchange has done what was asked.
LOST = ("timeout", "reset", "truncate", "cut", "empty", "html")
#: Documented codes of what passes by itself, for placements.
CODES = (-1001, -1003, -1006, -1007, -1008, -1015, -1021)
ORDERS = ["/fapi/v1/order", "/fapi/v1/batchOrders", "/api/v3/order"]
#: What the script does beside the wire: the market and people, as in ``chaos``.
ACTS = ("locked", "deaf", "jump", "trade by hand", "cancel by hand", "deposit", "withdraw", "clock")


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One seed."""

    seed: str

    @property
    def command(self) -> str:
        """What repeats it."""
        return f"python -m tests.prove wired --again {self.seed}"


class Recorded:
    """A handler with every request and its fate written into the trace."""

    def __init__(self, inner: Handler, scene: Play, trace: Trace) -> None:
        self._inner = inner
        self._scene = scene
        self._trace = trace

    def handle(self, request: Request) -> Response:
        """Answer."""
        at = self._scene.clock.market_now
        response = self._inner.handle(request)
        told = {k.lower(): v for k, v in response.headers.items()}.get("retry-after")
        if "-1015" in response.body:
            # too many orders: reads may go on
            told = None
        self._trace.note(
            "wire",
            at,
            name=f"{request.method} {request.path}",
            symbol=request.path.split("/")[1],
            fate=str(response.status),
            pause=timedelta(seconds=int(told)) if told else None,
        )
        return response


def prepared(seed: str) -> Run:
    """Return a seed before its first look."""
    random = Random(f"wired {seed}")  # noqa: S311 - no secret, a world by chance
    lasts = timedelta(seconds=random.randrange(60, 301))
    scene = world_of(random, lasts)
    weather = Weather(random=random, rates={"death": random.choice([0, 0, 0.004])})
    run = run_of(scene, weather)
    run.heals_at = scene.exchange_start + lasts
    scene.wrap = lambda venue: Witness(venue, scene, run.trace)
    face = face_of(scene.exchange)
    session = InProcessSession(Recorded(face, scene, run.trace), HOSTS, scene.clock.sleep)
    secret = scene.exchange.secret_of(scene.api_key)
    assert secret is not None
    access = VenueAccess(
        id=VENUE,
        exchange="binance",
        environment=Environment.LOCAL,
        api_key=Secret(scene.api_key),
        secret=Secret(secret),
    )

    def reach(_scene: Play) -> CcxtVenue:
        return open_venue(access, scene.clock, session, run.process.store)

    run.process.reach = reach
    armed: list[str] = []
    for _ in range(random.randrange(2, 12)):
        fault = _fault(random)
        at = scene.exchange_start + lasts * random.random()
        scene.clock.at(at, _arming(face, fault, armed, weather))
    for kind in random.sample(ACTS, random.randrange(0, 4)):
        scene.clock.at(scene.exchange_start + lasts * random.random(), act_of(kind, run))
    scene.clock.at(run.heals_at, lambda: _mended(face, armed, run))
    return run


def _fault(random: Random) -> dict[str, Any]:
    """A fault as the control door takes it."""
    when = random.choice(["before", "after"])
    sort = random.randrange(9)
    times = random.choice([1, 1, 2, 4])
    if sort <= 2:
        match = {"method": "POST", "path": ORDERS}
        return {"match": match, "when": when, "kind": random.choice(LOST), "times": times}
    if sort == 3:
        match, args = {"method": "POST", "path": ORDERS}, {"code": random.choice(CODES)}
        return {"match": match, "when": "before", "kind": "code", "args": args}
    if sort == 4:
        match = {"method": "DELETE", "path": ORDERS}
        return {"match": match, "when": when, "kind": random.choice(LOST), "times": times}
    if sort == 5:
        path = random.choice(["/fapi/*", "/api/*", "/fapi/v1/userTrades", "/fapi/v1/openOrders"])
        match = {"method": "GET", "path": path}
        return {"match": match, "when": "before", "kind": random.choice(LOST), "times": times}
    if sort == 6:
        args = {"seconds": random.choice([2, 10, 20])}
        return {
            "match": {"method": "GET", "path": "/fapi/*"},
            "kind": "lag",
            "args": args,
            "when": "before",
        }
    if sort == 7:
        args = {"retry_after": random.choice([2, 15, 40])}
        return {
            "match": {"path": random.choice(["/fapi/*", "/api/*"])},
            "kind": "rate_limit",
            "args": args,
            "when": "before",
        }
    kind, args = random.choice(
        [("maintenance", {"seconds": 25}), ("skew", {"ms": 1800}), ("async", {"seconds": 3})]
    )
    match = {"path": "/fapi/*"} if kind != "async" else {"path": ORDERS}
    return {"match": match, "kind": kind, "args": args, "when": "before"}


def _door(face: Handler, method: str, path: str, body: object = None) -> Any:
    text = "" if body is None else json.dumps(body)
    reply = face.handle(Request(method=method, path=f"/_control/{path}", body=text))
    assert reply.status == 200, reply.body
    return json.loads(reply.body)


def _arming(
    face: Handler, fault: dict[str, Any], armed: list[str], weather: Weather
) -> Callable[[], None]:
    def arm() -> None:
        if weather.on:
            armed.append(str(_door(face, "POST", "fault", fault)["id"]))
            weather.count(f"wire {fault['kind']}")

    return arm


def _mended(face: Handler, armed: list[str], run: Run) -> None:
    for number in armed:
        _door(face, "DELETE", f"fault/{number}")
    until = max(
        (e.at + e.pause for e in run.trace.of("wire") if e.pause is not None), default=run.heals_at
    )
    run.paused = max(until - run.heals_at, timedelta(0))
    heal(run)


def run_seed(seed: str) -> Run:
    """Run one seed in this process."""
    run = prepared(seed)
    asyncio.run(live(run))
    run.complaints += unpaused(run.trace)
    return run


def judged(case: Case) -> Judged:
    """Run a case and say what came of it; whatever breaks is a finding."""
    try:
        run = run_seed(case.seed)
    except Exception as error:  # noqa: BLE001 - whatever breaks is a finding, with its seed
        return Judged(complaints=(f"{type(error).__name__}: {error}",))
    facts = {
        "faults": sum(run.weather.struck.values()),
        "deaths": run.process.deaths,
        "requests": len(run.trace.of("wire")),
        "rightly held back": int(bool(run.excused)),
    }
    return Judged(complaints=tuple(run.complaints), facts=tuple(facts.items()))


def seeds(seed: int, count: int) -> Iterable[Case]:
    """``count`` seeds of a set."""
    return [Case(seed=f"{seed}.{number}") for number in range(count)]
