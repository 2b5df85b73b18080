"""What a look tells of strategies that went on: each event follows from their states before and after it.

Both are saved with the alert, so that an event is told once, whatever crashes. What an operator's word did is told
with the word.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from counterpoise.app.judge import Judgement
from counterpoise.decide.tranches import TRANCHES
from counterpoise.domain.decision import Decision
from counterpoise.domain.events import Alert
from counterpoise.domain.numbers import ZERO
from counterpoise.domain.policy import PortfolioPolicy
from counterpoise.domain.reasons import Reason, reason
from counterpoise.domain.records import Recorded
from counterpoise.domain.strategy import (
    DeriskState,
    DipBuyState,
    DriftState,
    ProfitLadderPolicy,
    ProfitLadderState,
    ScaleInState,
    StrategyPolicy,
    StrategyState,
    from_document,
    initial_state,
)
from counterpoise.domain.strategy.conversion import ConversionState
from counterpoise.domain.strategy.dip_buy import DipBuyPhase
from counterpoise.domain.strategy.profit_ladder import LadderPhase
from counterpoise.domain.strategy.scale_in import ScaleInPhase
from counterpoise.notify.strategy_messages import strategy_turned, target_hit, tranche_taken

#: How the reason of an end begins that an operator asked for.
_ASKED = reason("if_asked").text
#: What a dip that is bought is called among the tranches.
_DIP = "dip"


class Step(NamedTuple):
    """A strategy's states before and after a look."""

    policy: StrategyPolicy
    before: StrategyState
    after: StrategyState


def steps_of(policy: PortfolioPolicy, recorded: Recorded, judged: Judgement) -> tuple[Step, ...]:
    """Return every strategy's states before and after this look; they are the same where nothing was decided."""
    found: list[Step] = []
    for strategy in policy.strategies:
        known = recorded.strategies.get(strategy.id)
        # an id that was given to a strategy of another kind begins anew
        fresh = known is None or known.kind != strategy.kind
        before = (
            initial_state(strategy.kind)
            if known is None or fresh
            else from_document(strategy.kind, known.document)
        )
        states = judged.decisions.states if judged.decisions is not None else {}
        found.append(Step(policy=strategy, before=before, after=states.get(strategy.id, before)))
    return tuple(found)


def conversion_of(state: StrategyState) -> ConversionState | None:
    """Return the conversion that a strategy has under way."""
    return state.conversion if isinstance(state, DeriskState | DipBuyState | DriftState) else None


def strategies_told(
    portfolio: str, steps: tuple[Step, ...], judged: Judgement, at: datetime
) -> tuple[Alert, ...]:
    """Return what happened to strategies in this look, conversions apart."""
    decisions = judged.decisions.decisions if judged.decisions is not None else ()
    said: dict[str, Decision] = {d.strategy: d for d in decisions}
    return tuple(alert for step in steps for alert in _told(portfolio, step, said, at))


def _told(
    portfolio: str, step: Step, said: Mapping[str, Decision], at: datetime
) -> Iterator[Alert]:
    policy, before, after = step
    decision = said.get(policy.id)
    if decision is None:
        return
    if isinstance(before, ProfitLadderState) and isinstance(after, ProfitLadderState):
        hit = after.phase is LadderPhase.RALLY and after.hit > before.hit
        if hit and isinstance(policy, ProfitLadderPolicy):
            yield target_hit(portfolio, policy, before.hit, after.hit, at)
        if after.phase not in {before.phase, LadderPhase.RALLY}:
            yield from _turned(portfolio, step, decision, after.phase.value, at)
    elif isinstance(before, ScaleInState) and isinstance(after, ScaleInState):
        if after.phase is before.phase:
            return
        if after.phase in TRANCHES:
            yield _tranche(portfolio, decision, TRANCHES[after.phase], at)
        elif after.phase is not ScaleInPhase.WAITING:
            yield from _turned(portfolio, step, decision, after.phase.value, at)
    elif isinstance(before, DipBuyState) and isinstance(after, DipBuyState):
        yield from _dip(portfolio, step, before, after, decision, at)


def _dip(
    portfolio: str,
    step: Step,
    before: DipBuyState,
    after: DipBuyState,
    decision: Decision,
    at: datetime,
) -> Iterator[Alert]:
    if after.phase is before.phase:
        return
    if after.phase is DipBuyPhase.LONG:
        yield _tranche(portfolio, decision, _DIP, at)
    elif after.phase is DipBuyPhase.SPENDING:
        why = f"takes its profit; once the long on {decision.asset} is closed, what it earned buys coins"
        yield strategy_turned(
            portfolio,
            step.policy,
            decision.asset,
            after.phase.value,
            _given_up(step, decision.asset),
            f"{decision.strategy} {why}",
            at,
        )
    elif after.phase is DipBuyPhase.ENDED and before.conversion is None:
        yield from _turned(portfolio, step, decision, after.phase.value, at)


def _tranche(portfolio: str, decision: Decision, tranche: str, at: datetime) -> Alert:
    because = _because(decision.reason)
    size = decision.reason.numbers.get("overlay")
    does = "buys the dip" if tranche == _DIP else f"takes its {tranche}"
    said = f"{does}: {size or 'unknown'} {decision.asset} in futures are wanted now"
    said += f". Why: {because}" if because else ""
    return tranche_taken(portfolio, decision.strategy, decision.asset, tranche, size, said, at)


def _turned(
    portfolio: str, step: Step, decision: Decision, phase: str, at: datetime
) -> Iterator[Alert]:
    if _because(decision.reason) == _ASKED:
        return
    given_up = _given_up(step, decision.asset)
    yield strategy_turned(
        portfolio, step.policy, decision.asset, phase, given_up, decision.reason.text, at
    )


def _given_up(step: Step, asset: str) -> Decimal:
    """What a strategy wanted in futures until now."""
    return step.before.overlays.get(asset, ZERO)


def _because(why: Reason) -> str:
    return why.numbers.get("because", "")
