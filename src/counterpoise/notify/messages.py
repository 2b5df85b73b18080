"""What alerts say: plain language first, then the exact numbers.

Pure functions from domain values to :class:`~counterpoise.domain.events.Alert`. Equal input gives an equal alert with
an equal id, so that a repeated cycle says nothing twice.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal

from counterpoise.domain.events import Alert, Severity, alert
from counterpoise.domain.numbers import significant, text
from counterpoise.domain.order import Order
from counterpoise.domain.records import Flow
from counterpoise.notify.costs import money

#: What a stop could not take down: kind and key; over as soon as somebody looks again.
LEFT_WORKING = "left_working"
#: A sink that takes nothing; ``:`` and its name follow in the key. Raised and cleared beside the looks.
DEAD_SINK = "sink"


def flow_found(portfolio: str, flow: Flow, quote: str) -> Alert:
    """Return the alert for a deposit or withdrawal that was booked; it is worth ``flow.price`` in ``quote``."""
    came = flow.qty > 0
    amount = f"{text(significant(abs(flow.qty)))} {flow.asset}"
    value = abs(flow.qty) * flow.price if flow.price is not None else None
    worth = "" if value is None or flow.asset == quote else f", worth {money(value)} {quote},"
    how = "the venue's books show it" if flow.source == "ledger" else "several equal looks show it"
    sentence = (
        f"{'Deposit' if came else 'Withdrawal'} of {amount}{worth} found at {flow.venue}: {how}."
    )
    sentence += " It counts as no gain" if came else " It counts as no loss"
    if not came:
        sentence += f"; what shorts {flow.asset} beyond what is left is closed"
    data = {
        "asset": flow.asset,
        "venue": flow.venue,
        "qty": text(flow.qty),
        "price": _maybe(flow.price),
        "source": flow.source,
    }
    return alert(portfolio, "flow", Severity.INFO, sentence, flow.at, data=data)


def condition_raised(
    portfolio: str,
    key: str,
    kind: str,
    severity: Severity,
    message: str,
    at: datetime,
    data: Mapping[str, str] | None = None,
) -> Alert:
    """Return the alert that the lasting condition ``key`` holds from now on."""
    return alert(portfolio, kind, severity, message, at, key=key, data=data)


def condition_cleared(
    portfolio: str,
    key: str,
    kind: str,
    message: str,
    at: datetime,
    data: Mapping[str, str] | None = None,
) -> Alert:
    """Return the alert that the lasting condition ``key`` holds no longer."""
    return alert(portfolio, kind, Severity.INFO, message, at, key=key, cleared=True, data=data)


def order_values(order: Order) -> dict[str, str]:
    """Return what an order is about as exact values."""
    return {
        "venue": order.venue,
        "symbol": order.symbol,
        "side": order.side.value,
        "qty": text(order.qty),
    }


def _maybe(value: Decimal | None) -> str:
    return "unknown" if value is None else text(value)
