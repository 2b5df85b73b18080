"""A hypothesis state machine: what may befall a daemon, in any order, with what must hold asked after every step.

``python -m tests.prove machine --seed N`` draws another set of examples; a counterexample is shrunk and printed as the
steps that lead to it. A rule is one thing that happens; ``look`` and ``time passes`` are what the daemon does of it.
"""

from __future__ import annotations

import asyncio
import io
from contextlib import redirect_stdout
from dataclasses import dataclass
from datetime import timedelta
from random import Random  # noqa: TID251 - seeded by hypothesis
from typing import Any, ClassVar

from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from counterpoise.domain.numbers import dec
from counterpoise.domain.operator import CommandKind
from counterpoise.plan.ids import is_own
from counterpoise.venue.sim import MarketKind, Side, SimReject, Wallet
from tests.prove import bounds
from tests.prove.acts import (
    SECOND,
    Run,
    by_hand,
    cancel_by_hand,
    deleverage,
    heal,
    last_price,
)
from tests.prove.chaos import rows_of, run_of, settle, tell
from tests.prove.rough import PASSING, Weather
from tests.prove.stages import Judged
from tests.prove.swarm import PRICES, world_of
from tests.prove.verdict import lasting_complaints

#: A counterexample is made small, which takes as long as many examples.
PHASES = (Phase.generate, Phase.shrink)
ASSETS = st.sampled_from(sorted(PRICES))


class Daemon(RuleBasedStateMachine):
    """One daemon in a world by chance; every rule is a thing that can happen to it."""

    #: Steps and looks of all examples of a run, for the table.
    facts: ClassVar[dict[str, int]] = {}

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.run_: Run | None = None
        self.fills: set[Any] = set()
        self.delisted: str | None = None

    # the world

    @initialize(number=st.integers(0, 10**6))
    def begin(self, number: int) -> None:
        """A world, and a first look."""
        random = Random(f"machine {number}")  # noqa: S311 - no secret
        scene = world_of(random, timedelta(0))
        self.run_ = run_of(scene, Weather(random=random))
        self.look()

    @property
    def run(self) -> Run:
        """The run."""
        assert self.run_ is not None
        return self.run_

    def _do(self, act: Any) -> None:
        try:
            act()
        except SimReject:
            return

    # what the daemon does

    @rule()
    def look(self) -> None:
        """One look, never two at one instant: what is decided is named by its time."""

        async def looked() -> None:
            await self.run.scene.clock.sleep(dec("0.137"))
            await self.run.process.look()

        self.loop.run_until_complete(looked())

    @rule(seconds=st.sampled_from([1, 7, 30, 65]))
    def time_passes(self, seconds: int) -> None:
        """Time passes, and all looks that are due are made."""
        until = self.run.scene.clock.market_now + seconds * SECOND
        process = self.run.process

        async def pass_() -> None:
            while process.due < until:
                await process.rest()
                await process.look()
            left = (until - self.run.scene.clock.market_now) / SECOND
            if left > 0:
                await self.run.scene.clock.sleep(dec(f"{left:.6f}"))

        self.loop.run_until_complete(pass_())

    @rule()
    def crash(self) -> None:
        """The process dies at a point of its next look, by chance."""
        process = self.run.process
        boundaries = process.boundaries
        boundaries.die_in(self.run.weather.random.randrange(40))
        self.look()
        boundaries.live_on()

    # what the market does

    @rule(asset=ASSETS, percent=st.sampled_from([-12, -2, -1, 1, 2, 9]))
    def price(self, asset: str, percent: int) -> None:
        """A price jumps."""
        if asset != self.delisted:
            price = last_price(self.run.scene, asset) * (100 + percent) / 100
            self.run.scene.exchange.set_price(f"{asset}USDT", price)

    @rule(asset=ASSETS)
    def fill_part(self, asset: str) -> None:
        """The market touches one of our orders and comes back."""
        scene = self.run.scene
        orders = [
            o
            for o in scene.exchange.orders(scene.api_key, MarketKind.PERP, open_only=True)
            if is_own(o.client_order_id) and o.symbol == f"{asset}USDT" and o.price is not None
        ]
        if orders and asset != self.delisted:
            before = last_price(scene, asset)
            price = orders[0].price
            assert price is not None
            scene.exchange.set_price(
                f"{asset}USDT", price * (dec("1.0001") if price > before else dec("0.9999"))
            )
            scene.exchange.set_price(f"{asset}USDT", before)

    @rule(asset=ASSETS)
    def deleveraged(self, asset: str) -> None:
        """The exchange takes half of a position."""
        self._do(lambda: deleverage(self.run.scene, asset))

    @precondition(lambda self: self.delisted is None and self.run_ is not None)
    @rule(asset=ASSETS, sure=st.integers(0, 7))
    def delist(self, asset: str, sure: int) -> None:
        """A contract stops trading for good; seldom."""
        if sure == 0:
            self.delisted = asset
            self.run.scene.exchange.delist(f"{asset}USDT", MarketKind.PERP)

    # what the account's owner does

    @rule()
    def cancel_ours(self) -> None:
        """An order of ours is taken down by hand."""
        self._do(lambda: cancel_by_hand(self.run.scene, self.run.weather.random))

    @rule(asset=ASSETS, side=st.sampled_from(list(Side)))
    def trade(self, asset: str, side: Side) -> None:
        """A trade by hand."""
        qty = {"BTC": dec("0.05"), "ETH": dec("0.8")}[asset]
        self._do(lambda: by_hand(self.run.scene, asset, side, qty, None))

    @rule(asset=ASSETS, leverage=st.sampled_from([3, 8]))
    def set_leverage(self, asset: str, leverage: int) -> None:
        """Leverage is changed by hand."""
        scene = self.run.scene
        self._do(lambda: scene.exchange.set_leverage(scene.api_key, f"{asset}USDT", leverage))

    @rule(asset=ASSETS, sign=st.sampled_from([-1, 1]))
    def flow(self, asset: str, sign: int) -> None:
        """Coins come or go."""
        scene = self.run.scene
        move = scene.exchange.deposit if sign > 0 else scene.exchange.withdraw
        qty = {"BTC": dec("0.05"), "ETH": dec("0.7")}[asset]
        self._do(lambda: move(scene.api_key, Wallet.SPOT, asset, qty) and None)

    @rule(
        word=st.sampled_from(
            [
                CommandKind.PAUSE,
                CommandKind.REDUCE_ONLY,
                CommandKind.RESUME,
                CommandKind.FLATTEN,
            ]
        )
    )
    def operator(self, word: CommandKind) -> None:
        """An operator says something."""
        self.run.operator.say(self.run.scene, word)

    # what goes wrong

    @rule(fate=st.sampled_from(["lost", "unanswered", "unanswered later", "later"]))
    def next_place(self, fate: str) -> None:
        """What becomes of the next placement."""
        self.run.weather.next_place.append(fate)

    @rule(code=st.sampled_from(PASSING))
    def refuse(self, code: str) -> None:
        """The next placement is refused for now."""
        if self.run.weather.passing:
            self.run.weather.passing -= 1
            self.run.weather.next_place.append(code)

    @rule(fate=st.sampled_from(["lost", "unanswered"]))
    def next_cancel(self, fate: str) -> None:
        """What becomes of the next cancel."""
        self.run.weather.next_cancel.append(fate)

    @rule(what=st.sampled_from(["locked", "deaf", "blind"]), on=st.booleans())
    def trouble(self, what: str, on: bool) -> None:
        """The database locks, the sink is down, reads fail; or no more."""
        setattr(self.run.weather, what, on)

    @rule(seconds=st.sampled_from([-2, 0, 2]))
    def clock(self, seconds: int) -> None:
        """Our clock steps."""
        self.run.scene.clock.offset = seconds * SECOND

    # what must hold

    @invariant()
    def bounds_hold(self) -> None:
        """Nothing twice, nothing unwritten, limits and states respected, fills only grow."""
        if self.run_ is None:
            return
        self._count("steps")

        async def judged() -> list[str]:
            rows = await rows_of(self.run)
            found = await lasting_complaints(self.run.scene, alerts=False)
            return found + bounds.broken_bounds(self.run.scene, self.run.trace, rows)

        found = self.loop.run_until_complete(judged())
        assert not found, found
        store = self.run.scene.disk._store
        known = set(store._fills)
        assert known >= self.fills, "I7: a fill was forgotten"
        self.fills = known

    @invariant()
    def only_people_raise_a_state(self) -> None:
        """A trading state gets less strict only after somebody said so."""
        if self.run_ is None:
            return
        found = raised_unasked(self.run)
        assert not found, found

    def teardown(self) -> None:
        """Heal, and come to rest."""
        try:
            if self.run_ is not None:
                self.loop.run_until_complete(self._end())
        finally:
            self.loop.close()

    async def _end(self) -> None:
        run = self.run
        heal(run)
        run.heals_at = run.scene.clock.market_now
        before = run.complaints
        if self.delisted is None:
            await settle(run)
        run.complaints = [*before, *run.complaints]
        assert not run.complaints, run.complaints
        await tell(run)
        found = await lasting_complaints(run.scene)
        await run.process.end()
        for what, number in (("looks", run.scene.reports), ("deaths", run.process.deaths)):
            self.facts[what] = self.facts.get(what, 0) + number
        assert not found, found

    def _count(self, what: str) -> None:
        self.facts[what] = self.facts.get(what, 0) + 1


def raised_unasked(run: Run) -> list[str]:
    """Each time the state on record became less strict, an operator must have asked for it: RESUME, or less."""
    found: list[str] = []
    strict = {"RUN": 0, "REDUCE_ONLY": 1, "FLATTENING": 1, "CANCEL_ONLY": 2, "HALT": 3}
    before = "RUN"
    for entry in run.trace.of("state"):
        if strict[entry.name] < strict[before] and not entry.asked:
            found.append(f"19: {before} became {entry.name} at {entry.at:%H:%M:%S}, unasked")
        before = entry.name
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A set of examples: ``examples`` of ``steps`` drawn from ``number``."""

    number: int
    examples: int
    steps: int

    @property
    def command(self) -> str:
        """What repeats it."""
        return f"python -m tests.prove machine --again {self.number}:{self.examples}:{self.steps}"


def judged(case: Case) -> Judged:
    """Let hypothesis look for a counterexample."""
    Daemon.facts.clear()
    machine = seed(case.number)(Daemon)
    said = io.StringIO()
    try:
        with redirect_stdout(said):
            run_state_machine_as_test(  # type: ignore[no-untyped-call]  # hypothesis leaves it untyped
                machine,
                settings=settings(
                    max_examples=case.examples,
                    stateful_step_count=case.steps,
                    database=None,
                    deadline=None,
                    phases=PHASES,
                    suppress_health_check=list(HealthCheck),
                    print_blob=False,
                ),
            )
    except BaseException as error:  # noqa: BLE001 - a counterexample is a finding, with the steps that lead to it
        notes = "\n".join(getattr(error, "__notes__", [])).splitlines()
        checks = ("state.bounds_hold()", "state.only_people_raise_a_state()")
        steps = "\n".join(line for line in notes if line not in checks)
        return Judged(complaints=(f"{type(error).__name__}: {error}", steps))
    return Judged(facts=(("examples", case.examples), *Daemon.facts.items()))


def cases(number: int, part: float) -> list[Case]:
    """200 examples of 50 steps, in ten sets."""
    return [
        Case(number=number * 1000 + n, examples=max(1, round(20 * part)), steps=50)
        for n in range(10)
    ]
