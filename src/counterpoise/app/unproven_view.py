"""Orders without a proven outcome as JSON rows: which, since when, and what would end it when."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

from counterpoise.app.troubles import STUCK_AFTER
from counterpoise.domain.instants import iso
from counterpoise.domain.numbers import text
from counterpoise.domain.order import Order
from counterpoise.execute.absence import earliest_absence


def unproven_rows(orders: Iterable[Order], approval: timedelta) -> list[dict[str, object]]:
    """Return a row per order of ``orders`` that is unproven.

    ``absent_from`` is the earliest instant at which it can be proven that the venue never took it (``approval`` as in
    :class:`~counterpoise.execute.absence.Absences`), ``called_at`` when a person is called to look for it.
    """
    return [
        {
            "id": order.client_order_id,
            "venue": order.venue,
            "instrument": order.symbol,
            "side": order.side.value,
            "qty": text(order.qty),
            "since": iso(order.updated_at),
            "why": order.reason,
            "absent_from": iso(earliest_absence(order, approval)),
            "called_at": iso(order.updated_at + STUCK_AFTER),
        }
        for order in orders
        if order.state.is_unproven
    ]
