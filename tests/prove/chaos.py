"""Seeded swarms: each seed is another world in which another part of everything goes wrong, for minutes; then it heals.

``python -m tests.prove chaos --again 1.17`` runs seed 17 of set 1 again and tells what happened. A seed draws its own
subset of the faults, their rates, the strategies, the limits and the market. When it heals the weather clears, clocks
agree, an owner has put settings back and said ``resume``; from then on time is counted.

How long a daemon may take: 60 s; 60 s more while a placement is unproven at that moment (its absence takes 30 s of
approval, 5 s of receive window, 10 s of the venue, 5 s of skew and three look-ups); 75 s more where a position was
changed by hand, because three equal looks over 60 s are what is believed. What is wanted must be there one patience
and 45 s of placing later; what is moved a rung at a time, or slowed by a limit on orders, as long after its last
placement.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random  # noqa: TID251 - seeded: the same run for the same seed

from counterpoise.domain.instrument import is_spot
from counterpoise.notify.lane import LONGEST_PAUSE
from tests.prove.acts import ACTS, SECOND, Run, act_of, heal, rates_of
from tests.prove.bounds import broken_bounds
from tests.prove.life import Play
from tests.prove.process import Process
from tests.prove.rough import LASTING, Mortal, RoughEar, RoughStore, RoughVenue, Weather, Witness
from tests.prove.settled import Rest, rest_of
from tests.prove.stages import Judged
from tests.prove.swarm import Operator, world_of
from tests.prove.trace import Trace
from tests.prove.verdict import lasting_complaints

#: However many rungs it takes.
LONGEST = timedelta(minutes=15)


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One seed; ``twice`` runs it a second time in another process and compares the truth logs."""

    seed: str
    twice: bool = False

    @property
    def command(self) -> str:
        """What repeats it."""
        return f"python -m tests.prove chaos --again {self.seed}"


def run_of(scene: Play, weather: Weather) -> Run:
    """Return a run of ``scene`` in ``weather`` that nothing has befallen yet."""
    trace, operator = Trace(), Operator(said=[])
    scene.wrap = lambda venue: Witness(RoughVenue(venue, scene, weather), scene, trace)
    scene.store_wrap = lambda store: RoughStore(store, scene, weather, trace, operator.said)
    scene.ear = RoughEar(weather)
    return Run(
        scene=scene,
        weather=weather,
        trace=trace,
        operator=operator,
        process=Process(scene, Mortal(weather)),
        heals_at=scene.exchange_start,
    )


def prepared(seed: str) -> Run:
    """Return a seed before its first look."""
    random = Random(f"chaos {seed}")  # noqa: S311 - no secret, a world by chance
    lasts = timedelta(seconds=random.randrange(60, 301))
    scene = world_of(random, lasts)
    weather = Weather(
        random=random,
        rates=rates_of(random),
        lasting=random.choice([1, 5]),
        lasting_code=random.choice(LASTING),
    )
    run = run_of(scene, weather)
    run.heals_at = scene.exchange_start + lasts
    for kind in random.sample(ACTS, random.randrange(0, 6)):
        for _ in range(random.randrange(1, 4)):
            at = scene.exchange_start + lasts * random.random()
            scene.clock.at(at, act_of(kind, run))
    scene.clock.at(run.heals_at, lambda: heal(run))
    return run


async def live(run: Run) -> None:
    """Live through the weather and what follows, and judge it."""
    scene, process = run.scene, run.process
    while scene.clock.market_now < run.heals_at:
        await process.look()
        await process.rest()
    await settle(run)
    await tell(run)
    run.complaints += await lasting_complaints(scene)
    run.complaints += broken_bounds(scene, run.trace, await rows_of(run))
    await process.end()


async def tell(run: Run) -> None:
    """Look on until everything is told: a sink that was down is tried again at growing pauses."""
    scene, process = run.scene, run.process
    until = scene.clock.market_now + LONGEST_PAUSE + 2 * scene.every
    for n in itertools.count():
        told = await scene.disk.committed() <= scene.ear.ids
        if (told and n >= 3) or scene.clock.market_now > until:
            return
        await process.rest()
        await process.look()


async def rows_of(run: Run) -> dict[str, object]:
    """Return all orders on record by their client ids."""
    store, _ = await run.scene.disk.open()
    orders = await store.orders(run.scene.policy.id, live_only=False, limit=100_000)
    return {o.client_order_id: o for o in orders}


async def settle(run: Run) -> None:
    """Look on until it is at rest; complain where that takes too long.

    A fill between two looks is no difference: what counts is how long records have not been equal at any look.
    """
    scene, process = run.scene, run.process
    # a pause that the exchange asked for is not the daemon's
    bound = 60 * SECOND + run.paused
    allowed: timedelta | None = None
    equal, equal_at, rest = 0, run.heals_at, Rest(records=(), wants={})
    while True:
        report = await process.look()
        now = scene.clock.market_now
        if report is not None:
            rest = await rest_of(scene, process.store)
            allowed = bound + _extra(rest) if allowed is None else allowed
            at_rest = not rest.records and not rest.wants
            equal = equal + 1 if at_rest else 0
            equal_at = equal_at if rest.records else now
            run.took = (run.took or now - run.heals_at) if at_rest else None
            if equal >= 2 and now - run.heals_at > 20 * SECOND:
                return
        longest = allowed or bound
        spent = f"after {(now - run.heals_at).total_seconds():.0f} s"
        if now - equal_at > longest:
            run.complaints += [
                f"{spent}: {line}" for line in rest.records or ["no look came to its end"]
            ]
            return
        moved_at = max(run.heals_at + longest, _last_sent(run))
        patience = scene.policy.execution.patience + 45 * SECOND
        if now - moved_at > patience or now - run.heals_at > LONGEST:
            run.excused, wants = _excused(run, rest)
            if now - moved_at <= patience and _converts(run):
                # a rung of coins for a rung of futures, under a limit on orders: on its way, and slow
                run.excused, wants = (*run.excused, "converting"), []
            run.complaints += [f"{spent}: {line}" for line in wants]
            return
        await process.rest()


def _converts(run: Run) -> bool:
    report = run.scene.last
    found = report.decisions.decisions if report is not None and report.decisions else ()
    return any(d.coins is not None and d.overlay != 0 for d in found)


def _last_sent(run: Run) -> datetime:
    """When something of ours was last sent: what is moved a rung at a time is on its way as long as it goes on."""
    return max((e.at for e in run.trace.of("place")), default=run.heals_at)


def _extra(rest: Rest) -> timedelta:
    extra = timedelta(0)
    if any("unproven" in line for line in rest.records):
        extra += 60 * SECOND
    if any(" is " in line for line in rest.records):
        extra += 75 * SECOND
    return extra


#: Why a daemon may rightly not have what it wants: limits within reach, and what people are to look at first.
_GOOD_REASONS = frozenset(
    {
        "quarantined",
        "quarantined_at_once",
        "max_turnover_24h",
        "max_position",
        "position_unexplained",
        "max_orders_per_minute",
        "margin_short",
        "not_survivable",
    }
)


def _excused(run: Run, rest: Rest) -> tuple[tuple[str, ...], list[str]]:
    """The reasons that stand for what is missing, and what no reason stands for."""
    report = run.scene.last
    if report is None:
        return (), list(rest.wants.values())
    why: dict[str, set[str]] = {}
    for refused in report.refused:
        why.setdefault(refused.order.symbol, set()).add(refused.reason.code)
    for hold in report.plan.holds:
        why.setdefault(hold.symbol, set()).add(hold.reason.code)
    good: list[str] = []
    bad: list[str] = []
    for symbol, line in rest.wants.items():
        codes = why.get(symbol, set())
        if is_spot(symbol):
            # coins follow the futures they take the place of
            codes = codes | why.get(f"{symbol}:{run.scene.policy.quote}", set())
        if codes & _GOOD_REASONS:
            good += sorted(codes & _GOOD_REASONS)
        else:
            held = [r.code for r in report.held]
            bad.append(f"{line}; said {sorted(codes)}, held {held}, {report.state.value}")
    return tuple(good), bad


def run_seed(seed: str) -> Run:
    """Run one seed in this process."""
    run = prepared(seed)
    asyncio.run(live(run))
    return run


def judged(case: Case) -> Judged:
    """Run a case and say what came of it; whatever breaks is a finding."""
    try:
        run = run_seed(case.seed)
    except Exception as error:  # noqa: BLE001 - whatever breaks is a finding, with its seed
        return Judged(complaints=(f"{type(error).__name__}: {error}",))
    found = list(run.complaints)
    if case.twice and hash_elsewhere(case.seed) != run.log_hash:
        found.append("I18: a second run came to another truth log")
    facts = {
        "faults": sum(run.weather.struck.values()),
        "deaths": run.process.deaths,
        "looks": run.scene.reports,
        "rightly held back": int(bool(run.excused)),
        "run twice": int(case.twice),
    }
    return Judged(complaints=tuple(found), facts=tuple(facts.items()))


def hash_elsewhere(seed: str) -> str:
    """Return the hash of the truth log of ``seed`` in another process, whose sets have another order."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.prove", "chaos", "--again", seed, "--hash"],
        env={**os.environ, "PYTHONHASHSEED": "7"},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout.strip()


def seeds(seed: int, count: int) -> Iterable[Case]:
    """``count`` seeds of a set; one in a hundred is run twice."""
    for number in range(count):
        yield Case(seed=f"{seed}.{number}", twice=number % 100 == 7)
