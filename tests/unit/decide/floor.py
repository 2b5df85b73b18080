"""A trading floor for one strategy: exact fills of what it wishes, in any order and size, and the scene that follows.

Money is exact: sales and purchases of coins at the price of the moment, futures with their cost, a fee in the coin for
purchases. What the strategy remembers goes through JSON after every cycle. Nothing here knows what a strategy should
want; it only does what is asked, as far as the test lets it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from counterpoise.domain.decision import Decision, Outcome
from counterpoise.domain.instrument import Instrument
from counterpoise.domain.numbers import ONE, ZERO, dec, shrink_step
from counterpoise.domain.operator import Ask, CommandKind
from counterpoise.domain.policy import PortfolioPolicy
from counterpoise.domain.scene import Held, Scene
from counterpoise.domain.strategy import StrategyPolicy, StrategyState, from_document, to_document
from tests.build import NOW, Number, make_instrument, make_scene, make_snapshot, perp

MINUTE = timedelta(minutes=1)
LOT = dec("0.001")


@dataclass
class Floor:
    """One portfolio of ``policy`` with coins in ``spot`` (quote included) and ``margin`` quote for futures."""

    run: Callable[[Any, Scene, Any], Outcome]
    policy: PortfolioPolicy
    strategy: StrategyPolicy
    state: StrategyState
    prices: dict[str, Decimal]
    spot: dict[str, Decimal]
    margin: Decimal = ZERO
    fee: Decimal = ZERO
    now: datetime = NOW
    instruments: list[Instrument] = field(default_factory=list)
    futures: dict[str, Decimal] = field(default_factory=dict)
    cost: dict[str, Decimal] = field(default_factory=dict)
    earned: dict[str, Decimal] = field(default_factory=dict)
    coins: dict[str, Decimal] = field(default_factory=dict)
    others: dict[str, Decimal] = field(default_factory=dict)
    decisions: dict[str, Decision] = field(default_factory=dict)
    outcome: Outcome | None = None
    changes: dict[str, Any] = field(default_factory=dict)

    @property
    def assets(self) -> list[str]:
        return list(self.policy.assets)

    def exposure(self, asset: str) -> Decimal:
        """Coins and futures together, without what others hold."""
        return self.spot.get(asset, ZERO) + self.futures.get(asset, ZERO)

    def value(self, asset: str) -> Decimal:
        return self.exposure(asset) * self.prices[asset]

    @property
    def pnl(self) -> Decimal:
        return sum((q * self.prices[a] - self.cost[a] for a, q in self.futures.items()), ZERO)

    def scene(self, asks: tuple[CommandKind, ...] = ()) -> Scene:
        snapshot = make_snapshot(
            self.prices,
            spot=self.spot,
            futures={"USDT": self.margin},
            positions={perp(a): q for a, q in self.futures.items() if q},
            pnl={"USDT": self.pnl},
            instruments=self.instruments
            or [make_instrument(s) for a in self.prices for s in (f"{a}/USDT", perp(a))],
            as_of=self.now,
        )
        held = {
            (self.strategy.id, a): Held(
                futures=self.futures.get(a, ZERO),
                coins=self.coins.get(a, ZERO),
                earned=self.earned.get(a, ZERO),
            )
            for a in self.assets
        }
        said = tuple(Ask(kind=k, command=k.value, at=self.now) for k in asks)
        scene = make_scene(snapshot, self.policy)
        # the purse is whole: orders of ours lock nothing here; no price is so low that a tick is a wide spread
        narrow = {
            a: replace(q, bid=self.prices[a], ask=self.prices[a])
            for a, q in scene.coin_quotes.items()
        }
        return replace(
            scene,
            held=held,
            asks={self.strategy.id: said} if said else {},
            **{"others": self.others, "coin_quotes": narrow, **self.changes},
        )

    def cycle(self, *asks: CommandKind, after: timedelta = MINUTE) -> dict[str, Decision]:
        """Decide once; what is remembered goes through JSON."""
        self.now += after
        self.outcome = self.run(self.strategy, self.scene(asks), self.state)
        document = json.loads(json.dumps(to_document(self.outcome.state)))
        self.state = from_document(self.strategy.kind, document)
        assert self.state == self.outcome.state
        self.decisions = {d.asset: d for d in self.outcome.decisions}
        return self.decisions

    def missing_futures(self, asset: str) -> Decimal:
        decision = self.decisions.get(asset)
        if decision is None:
            return ZERO
        return shrink_step(decision.overlay - self.futures.get(asset, ZERO), LOT)

    def missing_coins(self, asset: str) -> Decimal:
        decision = self.decisions.get(asset)
        if decision is None or decision.coins is None:
            return ZERO
        return shrink_step(decision.coins - self.coins.get(asset, ZERO), LOT)

    def fill_futures(self, asset: str, share: Decimal = ONE) -> Decimal:
        """Fill ``share`` of what is missing in futures (at least a lot, if any); returns the quantity."""
        qty = _part(self.missing_futures(asset), share)
        before = self.futures.get(asset, ZERO)
        value = qty * self.prices[asset]
        if qty and before and (before > 0) != (qty > 0):
            basis = self.cost[asset] * -qty / before
            self.margin += -value - basis
            self.earned[asset] = self.earned.get(asset, ZERO) - value - basis
            self.cost[asset] -= basis
        else:
            self.cost[asset] = self.cost.get(asset, ZERO) + value
        self.futures[asset] = before + qty
        return qty

    def fill_coins(self, asset: str, share: Decimal = ONE) -> Decimal:
        """Fill ``share`` of what is missing in coins; returns what arrived, net of the fee."""
        qty = _part(self.missing_coins(asset), share)
        if self.tradable(asset, qty) is False:
            return ZERO
        self.spot["USDT"] -= qty * self.prices[asset]
        net = qty * (ONE - self.fee) if qty > 0 else qty
        self.spot[asset] = self.spot.get(asset, ZERO) + net
        self.coins[asset] = self.coins.get(asset, ZERO) + net
        assert self.spot["USDT"] >= 0, "spent more than there was"
        assert self.spot[asset] >= 0, "sold more than there was"
        return net

    def tradable(self, asset: str, qty: Decimal) -> bool:
        return make_instrument(f"{asset}/USDT").tradable(abs(qty), self.prices[asset])

    def fill(self) -> bool:
        """Fill all that is missing; returns whether anything was."""
        return any(
            [self.fill_futures(a) != 0 for a in self.assets]
            + [self.fill_coins(a) != 0 for a in self.assets]
        )

    def settle(self, most: int = 100) -> None:
        """Decide and fill until nothing more happens."""
        for _ in range(most):
            self.cycle()
            if not self.fill():
                return
        raise AssertionError(f"still moving after {most} cycles: {self.decisions}")

    def move(self, **factors: str) -> None:
        """Multiply prices: ``move(ETH="0.8")``."""
        for asset, factor in factors.items():
            self.prices[asset] *= dec(factor)

    @property
    def equity(self) -> Decimal:
        coins = sum((q * self.prices.get(a, ONE) for a, q in self.spot.items()), ZERO)
        return coins + self.margin + self.pnl


def _part(missing: Decimal, share: Decimal) -> Decimal:
    part = shrink_step(missing * share, LOT)
    return part if part or not missing else LOT.copy_sign(missing)


def floored(
    run: Callable[[Any, Scene, Any], Outcome],
    policy: PortfolioPolicy,
    state: StrategyState,
    prices: Mapping[str, Number],
    spot: Mapping[str, Number],
    margin: Number = 0,
    **changes: Any,
) -> Floor:
    """A floor for the only strategy of ``policy``."""
    (strategy,) = policy.strategies
    return Floor(
        run=run,
        policy=policy,
        strategy=strategy,
        state=state,
        prices={a: dec(p) for a, p in prices.items()},
        spot={a: dec(q) for a, q in spot.items()},
        margin=dec(margin),
        **changes,
    )
