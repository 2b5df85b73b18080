"""When "not found" becomes proof that an order was never accepted.

An order is absent only when all hold: its request can no longer be accepted (signature window, the venue's own
time-out and a margin are over); several look-ups by its id, each answered and spaced, did not find it; it is not
among the open orders; and the position is what it would be without it, orders of others (by their client ids) counted
in. Anything less leaves it UNKNOWN.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from decimal import Decimal

from counterpoise.domain.numbers import ZERO
from counterpoise.domain.order import Fill, Order

#: An order the venue once acknowledged is forgotten by it only long after its end (Binance futures: cancelled
#: orders without fills after 3 days), so before that "not found" is no answer at all.
FORGOTTEN_AFTER = timedelta(days=3)
#: The receive window we sign with, the venue's own back-end time-out, and a margin for clock skew.
RECV_WINDOW = timedelta(seconds=5)
VENUE_TIMEOUT = timedelta(seconds=10)
SKEW_MARGIN = timedelta(seconds=5)
LOOKUPS = 3
SPACING = timedelta(seconds=2)


class Absences:
    """Counts answered look-ups that found nothing, per client order id.

    Lives as long as the process: a restart starts counting anew, which only makes the proof slower.
    """

    def __init__(self, approval: timedelta) -> None:
        self._latest_send = approval
        self._misses: dict[str, list[datetime]] = {}
        self._missing: dict[str, datetime] = {}

    def missed(self, client_order_id: str, now: datetime) -> None:
        """Note an answered look-up that did not find the order; closer than SPACING counts once."""
        seen = self._misses.setdefault(client_order_id, [])
        if not seen or now - seen[-1] >= SPACING:
            seen.append(now)

    def found(self, client_order_id: str) -> None:
        """Forget the misses: it exists."""
        self._misses.pop(client_order_id, None)

    def missing(self, transfers: Iterable[str], now: datetime) -> Mapping[str, datetime]:
        """Note that this look speaks against ``transfers`` (ids); return since when each look did so for each."""
        self._missing = {id_: self._missing.get(id_, now) for id_ in transfers}
        return self._missing

    def proven(self, order: Order, now: datetime, *, position_explained: bool) -> bool:
        """Whether ``order``, not among the open orders, is proven to have no effect any more.

        Without a venue id it was never accepted; with one it ended unfilled so long ago that the venue forgot it.
        """
        last_accept = _last_accept(order, self._latest_send)
        misses = [m for m in self._misses.get(order.client_order_id, []) if m > last_accept]
        return (
            order.state.is_unproven
            and (order.venue_order_id is None or now - order.created_at > FORGOTTEN_AFTER)
            and now > last_accept + SKEW_MARGIN
            and len(misses) >= LOOKUPS
            and position_explained
        )


def _last_accept(order: Order, approval: timedelta) -> datetime:
    return order.created_at + approval + RECV_WINDOW + VENUE_TIMEOUT


def earliest_absence(order: Order, approval: timedelta) -> datetime:
    """Return the earliest instant at which the absence of ``order`` can be proven, with look-ups in time."""
    after = max(SKEW_MARGIN, (LOOKUPS - 1) * SPACING)
    earliest = _last_accept(order, approval) + after
    if order.venue_order_id is None:
        return earliest
    return max(earliest, order.created_at + FORGOTTEN_AFTER)


def others_explain(missing: Decimal, others: Iterable[Fill]) -> bool:
    """Whether ``missing``, what a position shows beyond what is expected, is what orders of others traded.

    ``others`` are fills of one contract, oldest first, that belong to no order known to be ours. The newest of them
    must add up to it, and each must have told its order's client id: one that did not may be the order in question.
    """
    total = ZERO
    made = list(others)
    if any(fill.client_order_id is None for fill in made):
        return False
    for fill in reversed(made):
        total += fill.signed_qty
        if total == missing:
            return True
    return False
