"""What people are told of what others did to our orders."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from counterpoise.domain.events import Alert, Severity, alert
from counterpoise.domain.instrument import base_of
from counterpoise.domain.numbers import text
from counterpoise.domain.order import Order


def orders_taken_down(
    portfolio: str, venue: str, symbol: str, orders: Sequence[Order], at: datetime
) -> Alert:
    """Return the alert for ``orders`` (at least one) of a contract that somebody else has taken down."""
    names = "; ".join(_name(order) for order in orders)
    one = len(orders) == 1
    sentence = (
        f"{'An order' if one else f'{len(orders)} orders'} of ours on {symbol} at {venue} {'was' if one else 'were'}"
        f" taken down, and not by us: {names}. By hand, by another program with this account, or by the exchange. What"
        " is still wanted is placed anew: to keep it from that, `counterpoise pause`"
    )
    data = {
        "venue": venue,
        "symbol": symbol,
        "orders": ",".join(o.client_order_id for o in orders),
    }
    return alert(portfolio, "taken_down", Severity.WARNING, sentence, at, data=data)


def _name(order: Order) -> str:
    price = f" at {text(order.price)}" if order.price is not None else ""
    filled = f", {text(order.filled_qty)} of it filled" if order.filled_qty else ""
    size = f"{text(order.qty)} {base_of(order.symbol)}"
    return f"{order.side.value} {size}{price} ({order.client_order_id}{filled})"
