"""From wants to orders: per instrument, what to keep, what to cancel, what to place, and when to look again.

The plan is a function of what the venue shows and what is recorded. Its rules, in order: nothing is placed where an
outcome is unproven or a position unexplained; orders of an older decision go first, and nothing new is sent until
they are gone; a position never changes sign in one ladder (it is closed reduce-only, then opened); what rests is
replaced by an order that crosses under a price cap once ``patience`` has run out. How the orders of one decision
follow each other is the ladder's kind: ``resting`` (here), ``timed`` and ``chase`` (modules of their own).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal

from counterpoise.domain.decision import Want
from counterpoise.domain.instrument import is_spot
from counterpoise.domain.numbers import ZERO
from counterpoise.domain.order import Order, Side, TimeInForce
from counterpoise.domain.plan import Hold, Plan, Target
from counterpoise.domain.policy import LadderKind, PortfolioPolicy
from counterpoise.domain.reasons import Reason, reason
from counterpoise.domain.records import Recorded
from counterpoise.domain.snapshot import Account, Snapshot
from counterpoise.plan.case import (
    CROSSING,
    MAX_ATTEMPTS,
    SOON,
    Case,
    Guarded,
    cancels_of,
    hold,
    order_of,
    refused_often,
    started,
    too_small,
)
from counterpoise.plan.chase import chase
from counterpoise.plan.churn import unworthy
from counterpoise.plan.crossing import impatient
from counterpoise.plan.ids import decision_id
from counterpoise.plan.ladder import resting_rungs
from counterpoise.plan.timed import timed

#: How long an order that must fill rests, and the pause between two that cross.
_URGENT = timedelta(seconds=5)


def plan(
    wants: tuple[Want, ...],
    snapshot: Snapshot,
    recorded: Recorded,
    policy: PortfolioPolicy,
    unexplained: Mapping[tuple[str, str], Reason],
    guarded: Mapping[tuple[str, str], Guarded] | None = None,
) -> Plan:
    """Return the plan for ``wants``.

    ``recorded.orders`` must already carry what the snapshot showed of them. ``unexplained`` names instruments whose
    position does not follow from baseline and fills; nothing is placed there, unless a guard shrinks it (``guarded``).
    """
    plans: list[Plan] = []
    for want in wants:
        target = _target(want, recorded, policy, snapshot.as_of)
        seen = snapshot.venues[want.venue]
        quote = seen.quotes.get(want.symbol)
        if quote is None or seen.account is None:
            continue  # unvalued portfolios never come here; what was not read must not trade either
        case = Case(
            policy=policy,
            want=want,
            target=target,
            instrument=seen.instruments[want.symbol],
            quote=quote,
            position=_position(want, seen.account, recorded),
            orders=tuple(
                o for o in recorded.orders if (o.venue, o.symbol) == (want.venue, want.symbol)
            ),
            now=snapshot.as_of,
            guard=(guarded or {}).get((want.venue, want.symbol)),
        )
        key = (want.venue, want.symbol)
        known, held = recorded.targets.get(key), recorded.positions.get(key)
        later = unworthy(case, known, held.baseline_qty if held is not None else ZERO)
        if later is not None and known is not None:
            case = replace(case, target=known)
        step = _step(case, unexplained.get(key))
        if later is not None:
            step = replace(step, holds=(*step.holds, Hold(symbol=want.symbol, reason=later)))
        plans.append(step)
    return _merged(plans)


def _position(want: Want, account: Account, recorded: Recorded) -> Decimal:
    """The position the venue shows; for coins what we have traded so far, whatever else is in the wallet."""
    if is_spot(want.symbol):
        known = recorded.positions.get((want.venue, want.symbol))
        return known.own_qty if known is not None else ZERO
    held = account.positions.get(want.symbol)
    return held.qty if held is not None else ZERO


def _target(want: Want, recorded: Recorded, policy: PortfolioPolicy, now: datetime) -> Target:
    """The recorded target while its quantity stands (and with it the decision id), else a new one."""
    known = recorded.targets.get((want.venue, want.symbol))
    if known is not None and known.qty == want.qty:
        return known
    return Target(
        venue=want.venue,
        symbol=want.symbol,
        asset=want.asset,
        qty=want.qty,
        decision_id=decision_id(policy.id, want.venue, want.symbol, want.qty, now),
        decided_at=now,
        why=want.why,
    )


def _step(case: Case, unexplained: Reason | None) -> Plan:
    if case.guard is not None and case.reduces:
        return _shrink(case, case.guard)
    stale = tuple(o for o in case.live if o.decision_id != case.target.decision_id)
    cancels = cancels_of(stale, "superseded")
    if any(o.state.is_unproven for o in case.live):
        return hold(case, reason("unproven_order", symbol=case.want.symbol), cancels, soon=True)
    if unexplained is not None:
        return hold(case, unexplained, cancels, soon=True)
    if stale:
        return hold(case, reason("waiting_for_cancel", symbol=case.want.symbol), cancels, soon=True)
    if not case.instrument.active:
        return hold(case, reason("instrument_inactive", symbol=case.want.symbol))
    return _ladder(case)


def _ladder(case: Case) -> Plan:
    """Keep, cancel or place within the current decision."""
    side = Side.BUY if case.delta > 0 else Side.SELL
    wrong = tuple(o for o in case.live if o.side is not side or case.delta == 0)
    covered = sum((o.remaining_qty for o in case.live), ZERO)
    if wrong or covered > abs(case.delta):
        why = "wrong side" if wrong else "more open than missing"
        return Plan(
            targets=(case.target,),
            cancel=cancels_of(wrong or case.live, why),
            wake_at=case.now + SOON,
        )
    missing = abs(case.delta) - covered
    match case.policy.execution.ladder:
        case LadderKind.RESTING:
            return _resting(case, side, missing)
        case LadderKind.TIMED:
            return timed(case, side, missing)
        case LadderKind.CHASE:
            return chase(case, side, missing)


def _resting(case: Case, side: Side, missing: Decimal) -> Plan:
    """Rungs at staggered prices, all at once. ``missing``: what no live order covers."""
    patience = case.policy.execution.patience
    begun = started(case, side)
    if begun is not None and case.now - begun >= patience:
        return impatient(case, side, patience)
    free = _free_rungs(case)
    rungs = resting_rungs(
        side,
        missing,
        free,
        case.quote,
        case.instrument,
        case.policy.execution,
        case.policy.limits.max_order_notional,
        closing=case.closes and not case.live,
    )
    place = tuple(order_of(case, side, r.qty, r.price, r.index, TimeInForce.GTX) for r in rungs)
    due = (begun or case.now) + patience
    if place or case.live:
        return Plan(targets=(case.target,), place=place, keep=case.live, wake_at=due)
    if missing > 0 and not free:
        return hold(case, refused_often(case, due), wake_at=due)
    return hold(case, too_small(case, missing) if missing > 0 else None)


def _free_rungs(case: Case) -> tuple[int, ...]:
    """Rung numbers that carry no live order and were not tried too often."""
    taken = {o.rung for o in case.live}
    return tuple(
        i
        for i in range(case.policy.execution.rungs)
        if i not in taken and case.attempts(i) < MAX_ATTEMPTS
    )


def _shrink(case: Case, guard: Guarded) -> Plan:
    """Take risk off whatever else is in doubt: orders are reduce-only, so none of them can turn the position.

    What may still fill on the same side counts as done, an unproven order too; what works on the other side goes.
    """
    side = Side.BUY if case.delta > 0 else Side.SELL
    mine = case.target.decision_id
    other = tuple(o for o in case.live if o.side is not side or o.decision_id != mine)
    cancels = cancels_of(other, "margin guard")
    # a guard does not wait for slots, nor for the book to come back
    execution = replace(
        case.policy.execution, max_slippage=guard.max_slippage, ladder=LadderKind.RESTING
    )
    if guard.urgent:
        execution = replace(execution, patience=_URGENT)
    hurried = replace(case, policy=replace(case.policy, execution=execution))
    kept = replace(hurried, orders=tuple(o for o in case.orders if o not in other))
    pending = sum((o.remaining_qty for o in other if o.side is side and o.reduce_only), ZERO)
    if pending >= abs(case.delta):
        return hold(case, None, cancels, soon=True)
    if pending and not case.closes:
        # reduce-only stops at zero, not at what is foreign: what may still fill is left out until it is settled
        kept = replace(kept, position=case.position + pending * side.sign)
    resting = guard.urgent and not any(
        o.rung == CROSSING for o in kept.orders if o.decision_id == mine
    )
    plan = impatient(kept, side, _URGENT) if resting and not kept.live else _ladder(kept)
    named = tuple(replace(o, guard=guard.guard) for o in plan.place)
    soon = case.now + SOON if cancels else plan.wake_at
    return replace(plan, place=named, cancel=(*cancels, *plan.cancel), wake_at=soon)


def _merged(plans: list[Plan]) -> Plan:
    """One plan; ladders that reduce are placed first (they free margin for the rest), then the larger ones.

    Within a ladder the order stays: the rung nearest to the market goes first.
    """
    ladders = sorted((p.place for p in plans if p.place), key=_precedence)
    place = [o for ladder in ladders for o in ladder]
    wakes = [p.wake_at for p in plans if p.wake_at is not None]
    unsent = [p.wake_at for p in plans if p.wake_at is not None and (p.keep or not p.place)]
    return Plan(
        targets=tuple(t for p in plans for t in p.targets),
        place=tuple(place),
        cancel=tuple(c for p in plans for c in p.cancel),
        keep=tuple(o for p in plans for o in p.keep),
        holds=tuple(h for p in plans for h in p.holds),
        wake_at=min(wakes, default=None),
        wake_unsent_at=min(unsent, default=None),
    )


def _precedence(ladder: tuple[Order, ...]) -> tuple[bool, Decimal, str]:
    value = sum((o.qty * (o.price or ZERO) for o in ladder), ZERO)
    return (not ladder[0].reduce_only, -value, ladder[0].symbol)
