"""A stage for one strategy: it plays cycle after cycle, and each cycle is held to what every strategy promises.

The strategy runs through the engine, as it does in the daemon. Between cycles its state goes through its JSON
document, as if the daemon had been restarted; every cycle is decided twice and must come out alike.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal

from counterpoise.decide.engine import decide
from counterpoise.domain.bars import Bar, last_closed_open
from counterpoise.domain.decision import Decision, Wakeups
from counterpoise.domain.numbers import dec
from counterpoise.domain.operator import Ask, CommandKind
from counterpoise.domain.scene import Held, Scene
from counterpoise.domain.strategy import (
    StrategyPolicy,
    StrategyState,
    from_document,
    initial_state,
    to_document,
)
from tests.build import (
    NOW,
    Number,
    make_instrument,
    make_policy,
    make_scene,
    make_sleeve,
    make_snapshot,
    perp,
    with_quote,
)

CYCLE = timedelta(seconds=30)
HOUR = timedelta(hours=1)


class Stage:
    """One strategy on one asset; ``spot`` coins of it are held, beside 1,000,000 USDT."""

    def __init__(
        self,
        policy: StrategyPolicy,
        *,
        spot: Number = 1,
        outside: Number = 0,
        start: datetime = NOW,
        state: StrategyState | None = None,
    ) -> None:
        (self.asset,) = policy.assets
        self.policy = policy
        self.spot, self.outside = dec(spot), dec(outside)
        self.now = start - CYCLE
        self.state = state if state is not None else initial_state(policy.kind)
        self.bars: dict[tuple[str, timedelta], tuple[Bar, ...]] = {}
        self.held = Held()
        self.wakeups = Wakeups()

    def look(
        self,
        price: Number,
        *asks: CommandKind,
        last: Number | None = "as the mark",
        listed: bool = True,
        after: timedelta = CYCLE,
    ) -> Decision:
        """Decide one cycle, ``after`` the one before, at a mark of ``price``."""
        self.now += after
        scene = self._scene(price, asks, last=last, listed=listed)
        decisions = decide(scene, {self.policy.id: self.state}, {})
        assert decide(scene, {self.policy.id: self.state}, {}) == decisions
        (decision,) = decisions.decisions
        again = decide(scene, decisions.states, {}).decisions
        if not asks:
            assert [d.overlay for d in again] == [decision.overlay]
        document = json.loads(json.dumps(to_document(decisions.states[self.policy.id])))
        self.state = from_document(self.policy.kind, document)
        assert self.state == decisions.states[self.policy.id]
        self.wakeups = decisions.wakeups[self.policy.id]
        return decision

    def looks(self, *prices: Number) -> list[Decimal]:
        """The overlay after each of ``prices``, one a cycle."""
        return [self.look(price).overlay for price in prices]

    def closed(
        self, *closes: Number, interval: timedelta = HOUR, highs: Sequence[Number] = ()
    ) -> None:
        """Let bars that closed at ``closes`` be the newest; highs are those, if not said otherwise."""
        newest = last_closed_open(self.now + CYCLE, interval)
        tops = [*highs] if highs else [*closes]
        self.bars[self.asset, interval] = tuple(
            Bar(
                open_at=newest - (len(closes) - 1 - i) * interval,
                open=dec(close),
                high=dec(top),
                low=dec(close),
                close=dec(close),
            )
            for i, (close, top) in enumerate(zip(closes, tops, strict=True))
        )

    def _scene(
        self, price: Number, asks: tuple[CommandKind, ...], *, last: Number | None, listed: bool
    ) -> Scene:
        symbols = [f"{self.asset}/USDT", *([perp(self.asset)] if listed else [])]
        snapshot = make_snapshot(
            {self.asset: price},
            spot={self.asset: self.spot, "USDT": 1_000_000},
            instruments=[make_instrument(s) for s in symbols],
            as_of=self.now,
        )
        if last != "as the mark":
            seen = None if last is None else dec(last)
            snapshot = with_quote(snapshot, symbols[-1], last=seen)
        sleeves = (make_sleeve("core", 1, {self.asset: "0.5", "USDT": "0.5"}),)
        portfolio = make_policy(self.policy, sleeves=sleeves, holdings={self.asset: self.outside})
        words: Mapping[str, tuple[Ask, ...]] = {
            self.policy.id: tuple(
                Ask(kind=k, command=f"c{i}", at=self.now) for i, k in enumerate(asks)
            )
        }
        scene = make_scene(snapshot, portfolio, asks=words, bars=self.bars)
        return replace(scene, held={(self.policy.id, self.asset): self.held})
