"""From a look to a judged plan, without touching anything: what ``plan`` shows and what the cycle then does.

The order of the pure stages lives here and nowhere else: freshness, value, decide, plan, review.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from counterpoise.decide.combine import within_band
from counterpoise.decide.engine import decide
from counterpoise.decide.guards.freshness import stale_reasons
from counterpoise.decide.guards.limits import review
from counterpoise.decide.guards.wallets import PAUSE
from counterpoise.domain.carried import strays_of
from counterpoise.domain.decision import Decisions
from counterpoise.domain.numbers import dec, quantize, text
from counterpoise.domain.plan import NOTHING, Approved, Hold, Plan, Refused
from counterpoise.domain.policy import PortfolioPolicy
from counterpoise.domain.portfolio import Broke, PortfolioView, Universe, Unvalued, view_of
from counterpoise.domain.reasons import Reason, reason
from counterpoise.domain.records import Recorded, StrategyRecord
from counterpoise.domain.snapshot import Snapshot
from counterpoise.domain.strategy import from_document, to_document
from counterpoise.plan.planner import plan

_CENT = dec("0.01")


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """What a look leads to. ``held`` says why nothing was decided; then only ``view`` and a wake-up are there."""

    view: PortfolioView | Unvalued | Broke
    decisions: Decisions | None = None
    plan: Plan = NOTHING
    approved: tuple[Approved, ...] = ()
    refused: tuple[Refused, ...] = ()
    held: tuple[Reason, ...] = ()
    within_band: bool | None = None

    def strategy_records(self, policy: PortfolioPolicy) -> tuple[StrategyRecord, ...]:
        """Return the rows that remember what the strategies now want."""
        if self.decisions is None:
            return ()
        return tuple(
            StrategyRecord(id=s.id, kind=s.kind, document=to_document(self.decisions.states[s.id]))
            for s in policy.strategies
        )


def judge(
    snapshot: Snapshot,
    recorded: Recorded,
    policy: PortfolioPolicy,
    universe: Universe,
    unexplained: Mapping[tuple[str, str], Reason],
    doubts: tuple[Reason, ...] = (),
) -> Judgement:
    """Return what ``snapshot`` and ``recorded`` (already reconciled with it) lead to.

    ``doubts`` say why its wallets are not believed yet (:class:`~counterpoise.decide.guards.wallets.WalletWatch`).
    """
    held = [*doubts, *stale_reasons(snapshot, policy, universe, snapshot.as_of)]
    if doubts:
        # no equity without the doubted part; looked at again soon, so that a withdrawal is not held up for long
        missing = tuple(d.text for d in doubts)
        unvalued = Unvalued(portfolio=policy.id, as_of=snapshot.as_of, missing=missing)
        again = Plan(wake_at=snapshot.as_of + PAUSE)
        return Judgement(view=unvalued, held=tuple(held), plan=again)
    view = view_of(snapshot, policy, universe)
    if isinstance(view, Unvalued) and not held:
        held.append(reason("not_valued", missing=", ".join(view.missing)))
    if isinstance(view, Broke):
        held.append(
            reason(
                "equity_too_low",
                equity=text(quantize(view.equity, _CENT)),
                floor=text(view.floor),
            )
        )
    if held or not isinstance(view, PortfolioView):
        return Judgement(view=view, held=tuple(held))
    states = {
        s.id: from_document(s.kind, recorded.strategies[s.id].document)
        for s in policy.strategies
        if s.id in recorded.strategies
    }
    baselines = {k: p.baseline_qty for k, p in recorded.positions.items()}
    decisions = decide(view, policy, universe, states, baselines)
    planned = plan(decisions.wants, snapshot, recorded, policy, unexplained)
    planned = replace(planned, holds=(*planned.holds, *_strays(recorded, policy, universe)))
    approved, refused = review(planned.place, snapshot, recorded, policy, view)
    return Judgement(
        view=view,
        decisions=decisions,
        plan=planned,
        approved=approved,
        refused=refused,
        within_band=within_band(policy, view, decisions.effective_targets),
    )


def _strays(recorded: Recorded, policy: PortfolioPolicy, universe: Universe) -> tuple[Hold, ...]:
    """A hold for every contract that carries something of ours and that no want speaks of."""
    return tuple(
        Hold(symbol=symbol, reason=reason("no_instrument", asset=asset, quote=policy.quote))
        for (_, symbol), asset in strays_of(recorded, universe).items()
    )
