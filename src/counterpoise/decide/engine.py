"""The engine: runs every strategy on the same view in order of priority and adds them up.

A decision is a function of (view, policy, remembered states) only; nothing here knows how a position is moved.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from counterpoise.decide.combine import effective_targets_of, wants_of
from counterpoise.decide.strategies.drift import drift
from counterpoise.decide.strategies.hedge import hedge
from counterpoise.domain.decision import Decision, Decisions
from counterpoise.domain.policy import HedgePolicy, PortfolioPolicy, StrategyPolicy
from counterpoise.domain.portfolio import PortfolioView, Universe
from counterpoise.domain.strategy import StrategyState, initial_state, with_overlay

#: Kinds in order of priority (MEANING 7): the clamp cuts from the end.
PRIORITY = ("hedge", "drift")


def decide(
    view: PortfolioView,
    policy: PortfolioPolicy,
    universe: Universe,
    states: Mapping[str, StrategyState],
    baselines: Mapping[tuple[str, str], Decimal],
) -> Decisions:
    """Return what every strategy wants of ``view`` and the positions that follow.

    ``states`` is strategy id -> state; a strategy without one starts fresh. ``baselines`` is (venue, symbol) ->
    foreign position, in base units.
    """
    decisions: list[Decision] = []
    for strategy in sorted(policy.strategies, key=lambda s: PRIORITY.index(s.kind)):
        state = states.get(strategy.id, initial_state(strategy.kind))
        decisions += _run(strategy, policy, view, universe, state)
    wants, notes = wants_of(decisions, policy, view, universe, baselines)
    return Decisions(
        decisions=tuple(decisions),
        wants=wants,
        states={s.id: _state(s, decisions) for s in policy.strategies},
        effective_targets=effective_targets_of(decisions, policy, view),
        notes=notes,
    )


def _run(
    strategy: StrategyPolicy,
    policy: PortfolioPolicy,
    view: PortfolioView,
    universe: Universe,
    state: StrategyState,
) -> tuple[Decision, ...]:
    if isinstance(strategy, HedgePolicy):
        return hedge(strategy, view, universe, state)
    return drift(strategy, policy, view, universe, state)


def _state(strategy: StrategyPolicy, decisions: list[Decision]) -> StrategyState:
    overlays = {d.asset: d.overlay for d in decisions if d.strategy == strategy.id}
    return with_overlay(strategy.kind, overlays)
