"""Timed ladders: equal parts, one slot of time each.

What must be done by the end of each slot follows from the whole (what is missing and what this leg has filled); a
part that its slot did not see filled crosses under the cap as the next one begins. Slots run from the leg's first
order, so a daemon that was away catches up with one crossing order.
"""

from __future__ import annotations

from decimal import Decimal

from counterpoise.domain.numbers import ZERO
from counterpoise.domain.order import Order, Side, TimeInForce
from counterpoise.domain.plan import Plan
from counterpoise.plan.case import (
    CROSSING,
    MAX_ATTEMPTS,
    SOON,
    Case,
    cancels_of,
    hold,
    order_of,
    refused_often,
    too_small,
)
from counterpoise.plan.crossing import crossing_order, impatient
from counterpoise.plan.ladder import cap_qty, touch_price


def timed(case: Case, side: Side, missing: Decimal) -> Plan:
    """Return the next step of a timed ladder; ``missing`` is what no live order covers, base units."""
    execution = case.policy.execution
    leg = case.leg(side)
    begun = min((o.created_at for o in leg), default=case.now)
    slot = (case.now - begun) // execution.slot
    if slot >= execution.rungs:
        return impatient(case, side, execution.slot)
    late = tuple(o for o in case.live if o.rung % CROSSING < slot)
    if late:
        kept = tuple(o for o in case.live if o not in late)
        cancels = cancels_of(late, "its time is over")
        return Plan(targets=(case.target,), cancel=cancels, keep=kept, wake_at=case.now + SOON)
    due = begun + execution.slot * (slot + 1)
    price = touch_price(side, case.quote, case.instrument)
    if price is None:
        return hold(case, None, wake_at=due)
    filled = sum((o.filled_qty for o in leg), ZERO)
    parts = _parts(case, abs(case.delta) + filled, price)
    ahead = abs(case.delta) - missing + filled
    overdue = _overdue(case, side, slot, parts[slot] - ahead)
    crossing = overdue.qty if overdue is not None else ZERO
    resting = _part(case, side, slot, parts[slot + 1] - ahead - crossing, price)
    place = tuple(o for o in (overdue, resting) if o is not None)
    if place or case.live:
        return Plan(targets=(case.target,), place=place, keep=case.live, wake_at=due)
    if missing > 0 and case.attempts(slot) >= MAX_ATTEMPTS:
        return hold(case, refused_often(case, due), wake_at=due)
    if missing > 0 and not case.instrument.tradable(missing, price, closing=case.closes):
        return hold(case, too_small(case, missing))
    return hold(case, None, wake_at=due if missing > 0 else None)


def _parts(case: Case, whole: Decimal, price: Decimal) -> tuple[Decimal, ...]:
    """What must have been done when each slot begins, and by the end of the last: base units, rising.

    Parts too small to trade are merged into fewer, spread evenly over the slots; what does not divide goes to the
    first.
    """
    slots, instrument = case.policy.execution.rungs, case.instrument
    total = instrument.shrink_qty(whole)
    count = slots
    while count > 1 and not instrument.tradable(instrument.shrink_qty(total / count), price):
        count -= 1
    each = instrument.shrink_qty(total / count)
    first = total - each * (count - 1)
    done = [-(-n * count // slots) for n in range(slots + 1)]
    return tuple(first + each * (n - 1) if n else ZERO for n in done)


def _overdue(case: Case, side: Side, slot: int, qty: Decimal) -> Order | None:
    """What earlier slots left undone, across the book: once, before this slot's part is placed."""
    rung = CROSSING + slot
    # one that never reached the venue has not been tried
    tried = any(o.rung == rung and not o.is_absent for o in case.mine)
    if slot == 0 or qty <= 0 or case.live or tried:
        return None
    return crossing_order(case, side, qty, rung)


def _part(case: Case, side: Side, slot: int, qty: Decimal, price: Decimal) -> Order | None:
    """The part of ``slot``, post-only at the touch; placed anew, with a bound, where the book had moved into it."""
    standing = any(o.rung == slot for o in case.live)
    if qty <= 0 or standing or case.attempts(slot) >= MAX_ATTEMPTS:
        return None
    dearest = max(price, case.quote.fair or ZERO)  # the guard values an order at the worse of both
    cut = cap_qty(qty, dearest, case.instrument, case.policy.limits.max_order_notional)
    closing = case.closes and cut == abs(case.delta)
    if not case.instrument.tradable(cut, price, closing=closing):
        return None
    return order_of(case, side, cut, price, slot, TimeInForce.GTX)
