"""Chasing ladders: one post-only order at the best price of its side, that follows the book.

It is priced anew when the best price has left it by more than ``follow``, once per ``every`` at most, and never beyond
the cap that crossing has. The old order goes first; the new one is placed once the old one is proven gone.
"""

from __future__ import annotations

from decimal import Decimal

from counterpoise.domain.numbers import ZERO
from counterpoise.domain.order import Order, OrderState, Side, TimeInForce
from counterpoise.domain.plan import Plan
from counterpoise.domain.reasons import reason
from counterpoise.plan.case import (
    MAX_ATTEMPTS,
    SOON,
    Case,
    cancels_of,
    hold,
    order_of,
    refused_often,
    started,
    too_small,
)
from counterpoise.plan.crossing import impatient, mark_of
from counterpoise.plan.ladder import cap_qty, crossing_price, touch_price

#: The one rung of a chase.
_RUNG = 0


def chase(case: Case, side: Side, missing: Decimal) -> Plan:
    """Return the next step of a chase; ``missing`` is what no live order covers, base units."""
    execution = case.policy.execution
    begun = started(case, side)
    if begun is not None and case.now - begun >= execution.patience:
        return impatient(case, side, execution.patience)
    due = (begun or case.now) + execution.patience
    best = _best(case, side)
    if best is None:
        why = reason("not_valued", missing=f"mark price of {case.want.symbol}")
        return hold(case, why, wake_at=due if case.live else None)
    if case.live:
        return _follow(case, side, best)
    if missing <= 0:
        return hold(case, None)
    tried = tuple(o for o in case.leg(side) if o.rung == _RUNG)
    if sum(1 for o in tried if _was_refused(o)) >= MAX_ATTEMPTS:
        return hold(case, refused_often(case, due), wake_at=due)
    again = max((o.created_at + execution.pause for o in tried), default=case.now)
    if again > case.now:
        return hold(case, None, wake_at=min(again, due))
    dearest = max(best, case.quote.fair or ZERO)  # the guard values an order at the worse of both
    qty = cap_qty(missing, dearest, case.instrument, case.policy.limits.max_order_notional)
    if not case.instrument.tradable(qty, best, closing=case.closes and qty == abs(case.delta)):
        return hold(case, too_small(case, missing))
    order = order_of(case, side, qty, best, _RUNG, TimeInForce.GTX)
    wake = min(due, case.now + execution.pause)
    return Plan(targets=(case.target,), place=(order,), wake_at=wake)


def _best(case: Case, side: Side) -> Decimal | None:
    """The best price of the order's side, no worse than the cap; None when there is no price to measure by."""
    touch, mark = touch_price(side, case.quote, case.instrument), mark_of(case)
    if touch is None or mark is None:
        return None
    cap = crossing_price(side, mark, case.instrument, case.policy.execution)
    return min(touch, cap) if side is Side.BUY else max(touch, cap)


def _follow(case: Case, side: Side, best: Decimal) -> Plan:
    """Keep what stands, or take it down where the market left it."""
    execution = case.policy.execution
    begun = started(case, side) or case.now
    old = tuple(o for o in case.live if _left_behind(o, best, case))
    # looked at again when an order may be taken down that may not be now, else to see where the market went
    may = [o.created_at + execution.pause for o in case.live]
    ready = (
        case.now + SOON
        if old
        else min(at if at > case.now else case.now + execution.pause for at in may)
    )
    kept = tuple(o for o in case.live if o not in old)
    wake = min(begun + execution.patience, ready)
    cancels = cancels_of(old, "the market left")
    return Plan(targets=(case.target,), cancel=cancels, keep=kept, wake_at=wake)


def _left_behind(order: Order, best: Decimal, case: Case) -> bool:
    """Whether ``order`` is worth taking down: left behind for long enough, and its rest can be placed anew."""
    if order.price is None or order.state is OrderState.PENDING_CANCEL:
        return False
    execution = case.policy.execution
    apart = (best - order.price) * order.side.sign
    left = apart > execution.follow * order.price
    stood = case.now - order.created_at >= execution.pause
    worse = apart < 0 and _beyond_cap(order, case)
    rest = case.instrument.shrink_qty(order.remaining_qty)
    closing = case.closes and rest == abs(case.delta)
    return ((left and stood) or worse) and case.instrument.tradable(rest, best, closing=closing)


def _beyond_cap(order: Order, case: Case) -> bool:
    mark = mark_of(case)
    if mark is None or order.price is None:
        return False
    cap = crossing_price(order.side, mark, case.instrument, case.policy.execution)
    return (order.price - cap) * order.side.sign > 0


def _was_refused(order: Order) -> bool:
    """Whether a post-only order ended without ever resting: the venue rejects it, or lets it expire at once."""
    return order.state in {OrderState.REJECTED, OrderState.EXPIRED} and order.filled_qty == 0
