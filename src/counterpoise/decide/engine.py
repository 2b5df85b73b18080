"""The engine: runs every strategy on the same scene in order of priority and adds them up.

A decision is a function of (scene, remembered states) only; nothing here knows how a position is moved.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal

from counterpoise.decide.combine import effective_targets_of, granted_of
from counterpoise.decide.strategies.derisk import derisk
from counterpoise.decide.strategies.dip_buy import dip_buy
from counterpoise.decide.strategies.drift import drift
from counterpoise.decide.strategies.hedge import hedge
from counterpoise.decide.strategies.profit_ladder import profit_ladder
from counterpoise.decide.strategies.scale_in import scale_in
from counterpoise.domain.decision import Decision, Decisions, Outcome, Wakeups
from counterpoise.domain.numbers import ONE, ZERO
from counterpoise.domain.operator import Approval
from counterpoise.domain.scene import Scene
from counterpoise.domain.strategy import (
    PRIORITY,
    DeriskPolicy,
    DeriskState,
    DipBuyPolicy,
    DipBuyState,
    DriftPolicy,
    DriftState,
    HedgePolicy,
    HedgeState,
    ProfitLadderPolicy,
    ProfitLadderState,
    ScaleInPolicy,
    ScaleInState,
    StrategyPolicy,
    StrategyState,
    initial_state,
)


def decide(
    scene: Scene,
    states: Mapping[str, StrategyState],
    baselines: Mapping[tuple[str, str], Decimal],
    approvals: tuple[Approval, ...] = (),
) -> Decisions:
    """Return what every strategy wants in ``scene``, and what of it is granted.

    ``states`` is strategy id -> state; a strategy without one starts fresh. ``baselines`` is (venue, symbol) ->
    foreign position, in base units. ``approvals`` cap what an operator has yet to allow.
    """
    policy = scene.policy
    decisions: list[Decision] = []
    after: dict[str, StrategyState] = {}
    wakeups: dict[str, Wakeups] = {}
    for strategy in sorted(policy.strategies, key=lambda s: PRIORITY.index(s.kind)):
        state = states.get(strategy.id, initial_state(strategy.kind))
        if scene.flattening:
            state = _unconverted(state)
        crossed = [d for d in decisions if d.strategy in policy.cross_hedges and d.overlay < 0]
        seen = replace(
            scene,
            others=_sums(decisions),
            crossed=_sums(crossed),
            purse=_left(scene, decisions),
        )
        outcome = _run(strategy, seen, state)
        decisions += outcome.decisions
        after[strategy.id] = outcome.state
        wakeups[strategy.id] = outcome.wakeups
    granted, notes = granted_of(decisions, scene, baselines, approvals)
    return Decisions(
        decisions=granted,
        states=after,
        effective_targets=effective_targets_of(granted, scene),
        notes=notes,
        wakeups=wakeups,
    )


def _unconverted(state: StrategyState) -> StrategyState:
    """A standing strategy gives its conversion up when all futures are closed; the others end altogether."""
    if isinstance(state, DriftState):
        return replace(state, conversion=None, opened_at=None)
    return state


def _run(strategy: StrategyPolicy, scene: Scene, state: StrategyState) -> Outcome:
    match strategy, state:
        case HedgePolicy(), HedgeState():
            return hedge(strategy, scene, state)
        case ProfitLadderPolicy(), ProfitLadderState():
            return profit_ladder(strategy, scene, state)
        case ScaleInPolicy(), ScaleInState():
            return scale_in(strategy, scene, state)
        case DipBuyPolicy(), DipBuyState():
            return dip_buy(strategy, scene, state)
        case DriftPolicy(), DriftState():
            return drift(strategy, scene, state)
        case DeriskPolicy(), DeriskState():
            return derisk(strategy, scene, state)
        case _:
            raise TypeError(
                f"strategy {strategy.id}: expected a state of {strategy.kind}, was {type(state).__name__}"
            )


def _sums(decisions: list[Decision]) -> dict[str, Decimal]:
    sums: dict[str, Decimal] = {}
    for decision in decisions:
        sums[decision.asset] = sums.get(decision.asset, ZERO) + decision.overlay
    return sums


def _left(scene: Scene, decisions: list[Decision]) -> dict[str, Decimal]:
    """What the spot wallets may still spend when the strategies before this one have traded the coins they want."""
    left = dict(scene.purse)
    for decision in decisions:
        if decision.coins is None:
            continue
        missing = decision.coins - scene.holding(decision.strategy, decision.asset).coins
        asset = scene.view.quote if missing > 0 else decision.asset
        price = scene.view.assets[decision.asset].spot_price if missing > 0 else ONE
        left[asset] = max(left.get(asset, ZERO) - abs(missing) * price, ZERO)
    return left
