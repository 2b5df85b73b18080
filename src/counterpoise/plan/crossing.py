"""Crossing the book under a price cap: what a ladder does with what its resting orders did not get filled."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

from counterpoise.domain.order import Order, Side, TimeInForce
from counterpoise.domain.plan import Plan
from counterpoise.domain.reasons import reason
from counterpoise.plan.case import (
    CROSSING,
    SOON,
    Case,
    cancels_of,
    hold,
    order_of,
    refused_before,
    too_small,
)
from counterpoise.plan.ladder import cap_qty, crossing_price


def impatient(case: Case, side: Side, pause: timedelta) -> Plan:
    """Patience ran out: take resting rungs down, then cross with what is missing, once per ``pause``."""
    if case.live:
        return Plan(
            targets=(case.target,),
            cancel=cancels_of(case.live, "patience"),
            wake_at=case.now + SOON,
        )
    # one that never reached the venue has not been tried
    crossed = [o for o in case.mine if o.rung == CROSSING and not o.is_absent]
    last = max(crossed, key=lambda o: o.created_at, default=None)
    if last is not None and case.now - last.created_at < pause:
        again = last.created_at + pause
        return hold(case, refused_before(last, again), wake_at=again)
    if mark_of(case) is None:
        return hold(case, reason("not_valued", missing=f"mark price of {case.want.symbol}"))
    missing = abs(case.delta)
    order = crossing_order(case, side, missing, CROSSING)
    if order is None:
        return hold(case, too_small(case, missing) if missing > 0 else None)
    return Plan(targets=(case.target,), place=(order,), wake_at=case.now + pause)


def crossing_order(case: Case, side: Side, qty: Decimal, rung: int) -> Order | None:
    """Return the order that takes up to ``qty`` under the cap; None without a price, or for less than is traded."""
    mark = mark_of(case)
    if mark is None:
        return None
    price = crossing_price(side, mark, case.instrument, case.policy.execution)
    cut = cap_qty(qty, max(price, mark), case.instrument, case.policy.limits.max_order_notional)
    closing = case.closes and cut == abs(case.delta)
    if not case.instrument.tradable(cut, price, closing=closing):
        return None
    return order_of(case, side, cut, price, rung, TimeInForce.IOC)


def mark_of(case: Case) -> Decimal | None:
    """Return the price that caps are measured from."""
    return case.quote.fair
