"""From wants to orders: per instrument, what to keep, what to cancel, what to place, and when to look again.

The plan is a function of what the venue shows and what is recorded. Its rules, in order: nothing is placed where an
outcome is unproven or a position unexplained; orders of an older decision go first, and nothing new is sent until
they are gone; a position never changes sign in one ladder (it is closed reduce-only, then opened); what rests is
replaced by an order that crosses under a price cap once ``patience`` has run out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal

from counterpoise.domain.decision import Want
from counterpoise.domain.instrument import Instrument, is_spot
from counterpoise.domain.numbers import ZERO, text
from counterpoise.domain.order import Order, OrderState, OrderType, Side, TimeInForce
from counterpoise.domain.plan import Cancel, Hold, Plan, Target
from counterpoise.domain.policy import PortfolioPolicy
from counterpoise.domain.reasons import Reason, reason
from counterpoise.domain.records import Recorded
from counterpoise.domain.snapshot import Account, Quote, Snapshot
from counterpoise.plan.ids import client_order_id, decision_id
from counterpoise.plan.ladder import cap_qty, crossing_price, resting_rungs

#: Rung number of an order that crosses the book after patience ran out; resting rungs count from 0.
CROSSING = 100
#: How often one resting rung may be placed anew (post-only rejects) before patience decides.
MAX_ATTEMPTS = 5
#: How soon to look again when something is on its way.
SOON = timedelta(seconds=1)
#: How long an order that must fill rests, and the pause between two that cross.
_URGENT = timedelta(seconds=5)


@dataclass(frozen=True, slots=True, kw_only=True)
class Guarded:
    """A contract that a guard shrinks: its orders carry the guard's name, and nothing that is in doubt holds them up.

    ``urgent``: cross at once. ``max_slippage``: how far from the mark (fraction).
    """

    guard: str
    max_slippage: Decimal
    urgent: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class _Case:
    """One instrument's situation: everything :func:`_step` needs, and nothing that changes meanwhile."""

    policy: PortfolioPolicy
    want: Want
    target: Target
    instrument: Instrument
    quote: Quote
    position: Decimal
    orders: tuple[Order, ...]
    now: datetime
    guard: Guarded | None = None

    @property
    def live(self) -> tuple[Order, ...]:
        return tuple(o for o in self.orders if not o.state.is_final)

    @property
    def coins(self) -> bool:
        """Whether coins are traded: then ``position`` is what we traded so far, and there is nothing to close."""
        return not self.instrument.is_future

    @property
    def delta(self) -> Decimal:
        """What is missing on the way to the target, signed; a position's change of sign stops at zero first."""
        goal = self.target.qty
        if self.coins:
            return goal - self.position
        if self.position != 0 and goal != 0 and (goal > 0) != (self.position > 0):
            goal = ZERO
        return goal - self.position

    @property
    def reduces(self) -> bool:
        """Whether closing the delta brings the position nearer to zero."""
        if self.coins:
            return False
        return self.position != 0 and (self.delta > 0) != (self.position > 0)

    @property
    def closes(self) -> bool:
        """Whether the delta ends the position."""
        return not self.coins and self.position != 0 and self.delta == -self.position


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
        case = _Case(
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
        plans.append(_step(case, unexplained.get((want.venue, want.symbol))))
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


def _step(case: _Case, unexplained: Reason | None) -> Plan:
    if case.guard is not None and case.reduces:
        return _shrink(case, case.guard)
    stale = tuple(o for o in case.live if o.decision_id != case.target.decision_id)
    cancels = _cancels(stale, "superseded")
    if any(o.state.is_unproven for o in case.live):
        return _hold(case, reason("unproven_order", symbol=case.want.symbol), cancels, soon=True)
    if unexplained is not None:
        return _hold(case, unexplained, cancels, soon=True)
    if stale:
        return _hold(
            case, reason("waiting_for_cancel", symbol=case.want.symbol), cancels, soon=True
        )
    if not case.instrument.active:
        return _hold(case, reason("instrument_inactive", symbol=case.want.symbol))
    return _ladder(case)


def _ladder(case: _Case) -> Plan:
    """Keep, cancel or place within the current decision."""
    side = Side.BUY if case.delta > 0 else Side.SELL
    wrong = tuple(o for o in case.live if o.side is not side or case.delta == 0)
    covered = sum((o.remaining_qty for o in case.live), ZERO)
    if wrong or covered > abs(case.delta):
        why = "wrong side" if wrong else "more open than missing"
        return Plan(
            targets=(case.target,),
            cancel=_cancels(wrong or case.live, why),
            wake_at=case.now + SOON,
        )
    missing = abs(case.delta) - covered
    started = _started(case, side)
    if started is not None and case.now - started >= case.policy.execution.patience:
        return _impatient(case, side)
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
    place = tuple(_order(case, side, r.qty, r.price, r.index, TimeInForce.GTX) for r in rungs)
    due = (started or case.now) + case.policy.execution.patience
    if place or case.live:
        return Plan(targets=(case.target,), place=place, keep=case.live, wake_at=due)
    if missing > 0 and not free:
        refused = reason("rungs_refused", symbol=case.want.symbol, attempts=MAX_ATTEMPTS)
        return _hold(case, refused, wake_at=due)
    return _hold(case, _too_small(case, missing) if missing > 0 else None)


def _shrink(case: _Case, guard: Guarded) -> Plan:
    """Take risk off whatever else is in doubt: orders are reduce-only, so none of them can turn the position.

    What may still fill on the same side counts as done, an unproven order too; what works on the other side goes.
    """
    side = Side.BUY if case.delta > 0 else Side.SELL
    mine = case.target.decision_id
    other = tuple(o for o in case.live if o.side is not side or o.decision_id != mine)
    cancels = _cancels(other, "margin guard")
    execution = replace(case.policy.execution, max_slippage=guard.max_slippage)
    if guard.urgent:
        execution = replace(execution, patience=_URGENT)
    hurried = replace(case, policy=replace(case.policy, execution=execution))
    kept = replace(hurried, orders=tuple(o for o in case.orders if o not in other))
    pending = sum((o.remaining_qty for o in other if o.side is side and o.reduce_only), ZERO)
    if pending >= abs(case.delta):
        return _hold(case, None, cancels, soon=True)
    if pending and not case.closes:
        # reduce-only stops at zero, not at what is foreign: what may still fill is left out until it is settled
        kept = replace(kept, position=case.position + pending * side.sign)
    resting = guard.urgent and not any(
        o.rung == CROSSING for o in kept.orders if o.decision_id == mine
    )
    plan = _impatient(kept, side) if resting and not kept.live else _ladder(kept)
    named = tuple(replace(o, guard=guard.guard) for o in plan.place)
    soon = case.now + SOON if cancels else plan.wake_at
    return replace(plan, place=named, cancel=(*cancels, *plan.cancel), wake_at=soon)


def _impatient(case: _Case, side: Side) -> Plan:
    """Patience ran out: take resting rungs down, then cross with what is missing, once per patience."""
    if case.live:
        return Plan(
            targets=(case.target,), cancel=_cancels(case.live, "patience"), wake_at=case.now + SOON
        )
    pause = case.policy.execution.patience
    crossed = [
        o.created_at
        for o in case.orders
        if o.rung == CROSSING and o.decision_id == case.target.decision_id
    ]
    if crossed and case.now - max(crossed) < pause:
        return Plan(targets=(case.target,), wake_at=max(crossed) + pause)
    mark = case.quote.mark if case.quote.mark is not None else case.quote.mid
    if mark is None:
        return _hold(case, reason("not_valued", missing=f"mark price of {case.want.symbol}"))
    price = crossing_price(side, mark, case.instrument, case.policy.execution)
    missing = abs(case.delta)
    qty = cap_qty(missing, max(price, mark), case.instrument, case.policy.limits.max_order_notional)
    closing = case.closes and qty == missing
    if not case.instrument.tradable(qty, price, closing=closing):
        return _hold(case, _too_small(case, missing)) if missing > 0 else _hold(case, None)
    order = _order(case, side, qty, price, CROSSING, TimeInForce.IOC)
    return Plan(targets=(case.target,), place=(order,), wake_at=case.now + pause)


def _started(case: _Case, side: Side) -> datetime | None:
    """When this decision first placed an order on this side: patience runs from there."""
    mine = [
        o.created_at
        for o in case.orders
        if o.decision_id == case.target.decision_id and o.side is side
    ]
    return min(mine) if mine else None


def _free_rungs(case: _Case) -> tuple[int, ...]:
    """Rung numbers that carry no live order and were not tried too often."""
    taken = {o.rung for o in case.live}
    return tuple(
        i
        for i in range(case.policy.execution.rungs)
        if i not in taken and _attempts(case, i) < MAX_ATTEMPTS
    )


def _attempts(case: _Case, rung: int) -> int:
    return sum(
        1 for o in case.orders if o.decision_id == case.target.decision_id and o.rung == rung
    )


def _order(
    case: _Case, side: Side, qty: Decimal, price: Decimal, rung: int, lifetime: TimeInForce
) -> Order:
    attempt = _attempts(case, rung)
    account = f"{case.policy.id}/{case.want.venue}"
    return Order(
        client_order_id=client_order_id(account, case.target.decision_id, rung, attempt),
        portfolio=case.policy.id,
        venue=case.want.venue,
        symbol=case.want.symbol,
        side=side,
        type=OrderType.LIMIT,
        time_in_force=lifetime,
        qty=qty,
        price=price,
        reduce_only=case.reduces,
        decision_id=case.target.decision_id,
        rung=rung,
        attempt=attempt,
        state=OrderState.PENDING,
        created_at=case.now,
        updated_at=case.now,
        reason=case.want.why if case.want.guarded and (case.reduces or case.coins) else None,
    )


def _cancels(orders: tuple[Order, ...], why: str) -> tuple[Cancel, ...]:
    """Cancels for proven orders; an unproven one has nothing to cancel until it is found."""
    return tuple(Cancel(order=o, why=why) for o in orders if not o.state.is_unproven)


def _too_small(case: _Case, missing: Decimal) -> Reason:
    instrument, asset = case.instrument, case.want.asset
    least = f"{text(instrument.min_qty)} {asset}"
    if missing >= instrument.min_qty:
        least = f"{text(instrument.min_notional)} {instrument.quote} in value"
    return reason("below_minimum", qty=text(missing), asset=asset, least=least)


def _hold(
    case: _Case,
    why: Reason | None,
    cancels: tuple[Cancel, ...] = (),
    *,
    soon: bool = False,
    wake_at: datetime | None = None,
) -> Plan:
    canceled = {c.order.client_order_id for c in cancels}
    return Plan(
        targets=(case.target,),
        cancel=cancels,
        keep=tuple(o for o in case.live if o.client_order_id not in canceled),
        holds=(Hold(symbol=case.want.symbol, reason=why),) if why is not None else (),
        wake_at=case.now + SOON if soon else wake_at,
    )


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
