"""When a change of mind is not worth its orders: a working ladder goes on to where it was going.

Superseding a ladder takes its orders down, gives up their places in the book, and begins patience anew. So while one
works, a change is left for later that is

- less than the venue trades: no order could be sent for it, or
- growth that is worth less than what it costs: what the ladder still has to do, placed anew, may pay the taker's
  ``fee`` on all of it (change < fee x rest).

Shrinking never waits for its cost, the end of a position for nothing, and guards neither. Coins are counted out by
conversions, to the last one. Once the ladder is done the newest wish counts, so nothing adds up.
"""

from __future__ import annotations

from decimal import Decimal

from counterpoise.domain.instrument import is_spot
from counterpoise.domain.numbers import ZERO, ceil_step, text
from counterpoise.domain.plan import Target
from counterpoise.domain.reasons import Reason, reason
from counterpoise.plan.case import Case


def unworthy(case: Case, known: Target | None, baseline: Decimal) -> Reason | None:
    """Return why the change from ``known`` to what ``case`` wants is left for later; None: it counts now.

    ``baseline``: what is not ours in the contract, signed base units.
    """
    want, price = case.want, case.quote.fair
    if known is None or known.qty == want.qty or price is None or price <= 0:
        return None
    ends = want.qty in {baseline, ZERO} or (want.qty > 0) != (known.qty > 0)
    if is_spot(want.symbol) or ends or want.guarded or case.guard is not None:
        return None
    rest = abs(known.qty - case.position)
    least = least_qty(case, price)
    began = any(o.decision_id == known.decision_id for o in case.orders)
    if not began or rest < least:
        return None
    change = abs(want.qty - known.qty)
    grows = abs(want.qty) > abs(known.qty)
    cost = case.policy.execution.fee * rest if grows else ZERO
    if change >= max(least, cost):
        return None
    return reason(
        "change_unworthy",
        change=text(change),
        asset=want.asset,
        goal=text(known.qty),
        least=text(max(least, cost)),
    )


def least_qty(case: Case, price: Decimal) -> Decimal:
    """Return the smallest quantity that is traded at ``price``, base units."""
    instrument = case.instrument
    lots = ceil_step(instrument.min_notional / price, instrument.lot_size)
    return max(instrument.min_qty, instrument.lot_size, lots)
