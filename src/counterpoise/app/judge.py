"""From a look to a judged plan, without touching anything: what ``plan`` shows and what the cycle then does.

The order of the pure stages lives here and nowhere else: freshness, value, decide, plan, review.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal

from counterpoise.app.safekeeping import (
    explained,
    guarded_by,
    kept_alive,
    lowered,
    sales_explained,
    sold_by_guard,
    unclaimed,
)
from counterpoise.decide.agreed import (
    Agreed,
    agreed_of,
    beyond,
    followed,
    held_to,
    let_through,
)
from counterpoise.decide.approvals import Terms, reviewed
from counterpoise.decide.brakes import cut_by_guards
from counterpoise.decide.combine import within_band
from counterpoise.decide.engine import decide
from counterpoise.decide.guards.basis import without_apart
from counterpoise.decide.guards.drawdown import guard_drawdown
from counterpoise.decide.guards.freshness import stale_reasons
from counterpoise.decide.guards.hedges import guard_hedges
from counterpoise.decide.guards.limits import review
from counterpoise.decide.guards.margin import guard_margin, margin_state
from counterpoise.decide.guards.plausibility import PLAUSIBLE, Plausibility, as_positions_say
from counterpoise.decide.guards.settings import guard_settings
from counterpoise.decide.guards.stables import sifted, withdrawn
from counterpoise.decide.guards.trading_state import SOON, parted, restrained
from counterpoise.decide.guards.wallets import PAUSE
from counterpoise.decide.scenery import scene_of
from counterpoise.domain.carried import carried_of, strays_of
from counterpoise.domain.decision import Decision, Decisions, Want
from counterpoise.domain.guarding import (
    DRAWDOWN,
    EQUITY,
    UNGUARDED,
    UNMEASURED,
    DrawdownVerdict,
    Lowering,
    MarginVerdict,
)
from counterpoise.domain.hedge_book import Booked, crossed, wanting
from counterpoise.domain.hedge_guards import NO_VERDICTS, HedgeVerdicts
from counterpoise.domain.instrument import is_spot
from counterpoise.domain.numbers import ZERO, dec, quantize, text
from counterpoise.domain.operator import Approval
from counterpoise.domain.plan import NOTHING, Approved, Cancel, Hold, Plan, Refused
from counterpoise.domain.policy import PortfolioPolicy, shaped
from counterpoise.domain.portfolio import (
    Broke,
    Contract,
    PortfolioView,
    Universe,
    Unvalued,
    view_of,
)
from counterpoise.domain.reasons import Reason, reason
from counterpoise.domain.records import Flow, PositionRecord, Recorded, StrategyRecord, TradingState
from counterpoise.domain.scene import Scene
from counterpoise.domain.snapshot import Snapshot
from counterpoise.domain.strategy import StrategyState, from_document, to_document
from counterpoise.plan.claims import claims_of, coin_wants_of, wants_of, within_caps
from counterpoise.plan.contracts import chosen
from counterpoise.plan.planner import plan

_CENT = dec("0.01")
#: What too little equity leaves (MEANING 1).
_STOPPED = TradingState.CANCEL_ONLY
_NOWHERE = PositionRecord(venue="", symbol="")


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """What a look leads to. ``held`` says why nothing was decided; then only ``view`` and a wake-up are there.

    ``approvals`` are requests to people that are new or have changed; ``agreed``: what they have agreed to by now, None
    where nothing was decided. ``margin`` is what the margin guard makes of
    it; it is there whatever else is held, and so are ``hedges`` and ``drawdown``. ``lowered``:
    the trading state that a guard sets.
    """

    view: PortfolioView | Unvalued | Broke
    decisions: Decisions | None = None
    plan: Plan = NOTHING
    approved: tuple[Approved, ...] = ()
    refused: tuple[Refused, ...] = ()
    booked: Booked | None = None
    approvals: tuple[Approval, ...] = ()
    agreed: Agreed | None = None
    held: tuple[Reason, ...] = ()
    within_band: bool | None = None
    margin: MarginVerdict = UNGUARDED
    hedges: HedgeVerdicts = NO_VERDICTS
    drawdown: DrawdownVerdict = UNMEASURED
    lowered: Lowering | None = None

    def strategy_records(self, policy: PortfolioPolicy) -> tuple[StrategyRecord, ...]:
        """Return the rows that remember what the strategies now want."""
        if self.decisions is None:
            return ()
        return tuple(
            StrategyRecord(id=s.id, kind=s.kind, document=to_document(self.decisions.states[s.id]))
            for s in policy.strategies
        )


def judge(  # noqa: PLR0913, PLR0917 - all that one look is judged by
    snapshot: Snapshot,
    recorded: Recorded,
    policy: PortfolioPolicy,
    universe: Universe,
    unexplained: Mapping[Contract, Reason],
    doubts: tuple[Reason, ...] = (),
    calendar: Mapping[str, datetime] | None = None,
    flows: tuple[Flow, ...] = (),
    doubted: Plausibility = PLAUSIBLE,
) -> Judgement:
    """Return what ``snapshot`` and ``recorded`` (already reconciled with it) lead to.

    ``doubts`` say why its wallets are not believed yet (:class:`~counterpoise.decide.guards.wallets.WalletWatch`);
    ``calendar`` is strategy -> the newest calendar instant at or before the look; ``flows`` are the deposits and
    withdrawals that this very look booked; ``doubted`` is what of it is not plausible.
    """
    # the margin guard goes on by its own account, whatever else is doubted
    own = as_positions_say(snapshot, doubted)
    margin = guard_margin(own, recorded, policy, doubts)
    margin = guard_settings(margin, margin_state(recorded), snapshot, recorded, policy, universe)
    unexplained = {**unexplained, **doubted.prices.shut}
    shape = shaped(policy, recorded.portfolio.override, snapshot.as_of)
    view, held = _valued(snapshot, shape, universe, doubts, doubted.prices.doubts)
    # nothing is lost or won on prices that nothing is decided on
    sound = view if all(why.code == "equity_too_low" for why in held) else _unjudged(view)
    drawdown = guard_drawdown(sound, recorded, policy, flows)
    broke = Lowering(state=_STOPPED, why=held[-1], by=EQUITY) if isinstance(sound, Broke) else None
    lower = lowered(recorded.portfolio.trading_state, margin.lower, _lost(drawdown), broke)
    if lower is not None:
        record = replace(recorded.portfolio, trading_state=lower.state)
        recorded = replace(recorded, portfolio=record)
    hedges = guard_hedges(own, recorded, policy, universe)
    if isinstance(view, PortfolioView) and not held:
        scene = scene_of(snapshot, recorded, shape, universe, view, calendar or {}, hedges)
        scene = replace(scene, universe=without_apart(universe, hedges.basis, _bound(recorded)))
        judged = _judged(scene, snapshot, recorded, unexplained, flows, margin, drawdown, doubted)
    else:
        # what is doubted is looked at again soon, so that nothing is held up for long
        again = Plan(wake_at=snapshot.as_of + PAUSE) if doubts or doubted.prices.doubts else NOTHING
        judged = Judgement(view=view, held=held, plan=again)
    judged = replace(judged, margin=margin, hedges=hedges, drawdown=drawdown, lowered=lower)
    if judged.decisions is None:
        judged = _kept_alive(judged, own, recorded, policy, unexplained)
        states = _states(recorded, policy)
        requests = reviewed(recorded.approvals, flows, None, states, policy, snapshot.as_of)
        judged = replace(judged, approvals=requests)
    valued = view if isinstance(view, PortfolioView) else None
    going = parted(judged.plan, recorded, universe, snapshot.as_of)
    going = restrained(going, snapshot, recorded, valued, margin.stops)
    if margin.transfers or margin.urgent:
        soon = snapshot.as_of + SOON
        going = replace(going, wake_at=min(going.wake_at or soon, soon))
    wakes = [at for at in (going.wake_at, hedges.wake_at) if at is not None]
    return replace(judged, plan=replace(going, wake_at=min(wakes, default=None)))


def _kept_alive(
    judged: Judgement,
    snapshot: Snapshot,
    recorded: Recorded,
    policy: PortfolioPolicy,
    unexplained: Mapping[Contract, Reason],
) -> Judgement:
    """The judgement of a look that decides nothing, with what the margin guard closes all the same."""
    kept = kept_alive(judged.margin, snapshot, recorded, policy, unexplained)
    if kept is None:
        return judged
    wakes = [at for at in (judged.plan.wake_at, kept.plan.wake_at) if at is not None]
    return replace(
        judged,
        plan=replace(kept.plan, wake_at=min(wakes, default=None)),
        approved=kept.approved,
        refused=kept.refused,
        booked=kept.booked,
    )


def _valued(
    snapshot: Snapshot,
    policy: PortfolioPolicy,
    universe: Universe,
    doubts: tuple[Reason, ...],
    prices: tuple[Reason, ...],
) -> tuple[PortfolioView | Unvalued | Broke, tuple[Reason, ...]]:
    """What the portfolio is worth, and why nothing may be decided on it."""
    held = [*doubts, *prices, *stale_reasons(snapshot, policy, universe, snapshot.as_of)]
    doubts = (*doubts, *prices)
    if doubts:
        # no equity without the doubted part
        missing = tuple(d.text for d in doubts)
        unvalued = Unvalued(portfolio=policy.id, as_of=snapshot.as_of, missing=missing)
        return unvalued, tuple(held)
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
    return view, tuple(held)


def _lost(drawdown: DrawdownVerdict) -> Lowering | None:
    if drawdown.lower is None or drawdown.why is None:
        return None
    return Lowering(state=drawdown.lower, why=drawdown.why, by=DRAWDOWN)


def _unjudged(view: PortfolioView | Unvalued | Broke) -> Unvalued:
    """The same look for what must not rest on it."""
    return Unvalued(portfolio=view.portfolio, as_of=view.as_of, missing=("prices to rely on",))


def _judged(
    scene: Scene,
    snapshot: Snapshot,
    recorded: Recorded,
    unexplained: Mapping[Contract, Reason],
    flows: tuple[Flow, ...],
    margin: MarginVerdict,
    drawdown: DrawdownVerdict,
    doubted: Plausibility,
) -> Judgement:
    """The judgement of a portfolio that could be valued."""
    policy, universe, view = scene.policy, scene.universe, scene.view
    decisions, requests, agreed = _decided(scene, recorded, policy, flows)
    booked, wants = _claimed(decisions, snapshot, recorded, policy, universe, margin)
    planned = plan(wants, snapshot, recorded, policy, unexplained, guarded_by(margin, policy))
    planned = replace(planned, holds=(*planned.holds, *_strays(recorded, policy, universe)))
    place, stopped = sifted(planned.place, doubted.off_peg, policy.quote)
    slowed = drawdown.slowed
    approved, refused = review(place, snapshot, recorded, policy, view, margin, slowed)
    planned = _without(planned, withdrawn(planned.keep, doubted.off_peg, policy.quote))
    refused = (*stopped, *refused)
    if planned.place and not approved:
        planned = replace(planned, wake_at=planned.wake_unsent_at)
    return Judgement(
        view=view,
        decisions=decisions,
        plan=planned,
        approved=approved,
        refused=refused,
        booked=booked,
        approvals=requests,
        agreed=agreed,
        within_band=within_band(policy, view, decisions.effective_targets, universe),
    )


def _without(going: Plan, cancels: tuple[Cancel, ...]) -> Plan:
    """The plan with ``cancels`` of orders that it would have kept."""
    gone = {c.order.client_order_id for c in cancels}
    kept = tuple(o for o in going.keep if o.client_order_id not in gone)
    return replace(going, cancel=(*going.cancel, *cancels), keep=kept)


def _decided(
    scene: Scene, recorded: Recorded, policy: PortfolioPolicy, flows: tuple[Flow, ...]
) -> tuple[Decisions, tuple[Approval, ...], Agreed]:
    """What strategies want and are given, the requests to people that are new or have changed by it, what is agreed."""
    states, baselines, known = _states(recorded, policy), _baselines(recorded), recorded.approvals
    decisions = decide(scene, states, baselines, known)
    wishes = decisions.decisions
    prices = {asset: seen.price for asset, seen in scene.view.assets.items()}
    agreed = followed(agreed_of(recorded), wishes, scene, policy)
    quiet = {(d.strategy, d.asset) for d in wishes if _kept_from_growing(d, agreed, scene)}
    terms = Terms(prices=prices, agreed=agreed, quiet=quiet)
    requests = reviewed(known, flows, wishes, states, policy, scene.now, terms)
    # a request caps from the very cycle that makes it; strategies want the same again, only less of it is given
    standing = {a.id: a for a in (*known, *requests)}
    caps = held_to(standing.values(), agreed)
    if caps != known:
        decisions = decide(scene, states, baselines, caps)
    free = [d for d in wishes if (d.strategy, d.asset) not in quiet]
    return decisions, requests, let_through(agreed, free, caps)


def _kept_from_growing(wish: Decision, agreed: Agreed, scene: Scene) -> bool:
    """Whether guards, or a person who closes all, let it grow no further than it may: then nobody is asked yet."""
    level = agreed.of(wish)
    if scene.flattening or level is None or (wish.strategy, wish.asset) not in scene.brakes.cuts:
        return scene.flattening
    given, _ = cut_by_guards(wish.strategy, wish.asset, wish.overlay, scene)
    return not beyond(given, level.let)


def _states(recorded: Recorded, policy: PortfolioPolicy) -> dict[str, StrategyState]:
    return {
        s.id: from_document(s.kind, recorded.strategies[s.id].document)
        for s in policy.strategies
        # an id that was given to a strategy of another kind begins anew
        if s.id in recorded.strategies and recorded.strategies[s.id].kind == s.kind
    }


def _baselines(recorded: Recorded) -> dict[Contract, Decimal]:
    return {k: p.baseline_qty for k, p in recorded.positions.items()}


def _claimed(
    decisions: Decisions,
    snapshot: Snapshot,
    recorded: Recorded,
    policy: PortfolioPolicy,
    universe: Universe,
    margin: MarginVerdict,
) -> tuple[Booked, tuple[Want, ...]]:
    """What each strategy claims, crossed between them, and the positions that follow."""
    wanted: dict[str, Decimal] = {}
    for decision in decisions.decisions:
        wanted[decision.asset] = wanted.get(decision.asset, ZERO) + decision.granted
    universe = chosen(universe, wanted, _bound(recorded), snapshot, policy.execution)
    lots = {(x.venue, x.instrument.symbol): x.instrument.lot_size for x in universe.watched}
    marks = {
        (venue, symbol): quote.fair
        for venue, seen in snapshot.venues.items()
        for symbol, quote in seen.quotes.items()
        if quote.fair is not None
    }
    own = {k: p.own_qty for k, p in recorded.positions.items()}
    claims = claims_of(
        decisions.decisions, universe, own, marks, policy.execution.rungs, recorded.book
    )
    held = {k: x.qty for k, x in recorded.book.items()}
    claims = within_caps(claims, margin.caps, lots, held) | sold_by_guard(
        margin, universe, recorded.book
    )
    # what carries something of ours outside the universe is claimed by nobody, and lives on the same collateral
    traded = {(x.venue, x.instrument.symbol) for _, x in universe.contracts}
    strays = unclaimed(margin, snapshot, recorded, traded)
    claims |= strays.claims
    spots = [key for key in recorded.book if is_spot(key[2])]
    booked = crossed(wanting(recorded.book, claims, spots), marks, lots, snapshot.as_of)
    wants = wants_of(
        decisions.decisions, claims, policy.assets, universe, _baselines(recorded), decisions.notes
    )
    busy = {(o.venue, o.symbol) for o in recorded.orders if not o.state.is_final}
    coins = coin_wants_of(decisions.decisions, booked.lines, own, busy, universe)
    coins = sales_explained(coins, margin, booked.lines)
    return booked, (*explained(wants, margin), *strays.wants, *coins)


def _bound(recorded: Recorded) -> set[Contract]:
    """Contracts that carry something of ours, and those we mean to be in: a hedge does not wander."""
    carried = {c for contracts in carried_of(recorded).values() for c in contracts}
    meant = {
        k
        for k, target in recorded.targets.items()
        if target.qty != recorded.positions.get(k, _NOWHERE).baseline_qty and not is_spot(k[1])
    }
    return carried | meant


def _strays(recorded: Recorded, policy: PortfolioPolicy, universe: Universe) -> tuple[Hold, ...]:
    """A hold for every contract that carries something of ours and that no want speaks of."""
    return tuple(
        Hold(symbol=symbol, reason=reason("no_instrument", asset=asset, quote=policy.quote))
        for (_, symbol), asset in strays_of(recorded, universe).items()
    )
