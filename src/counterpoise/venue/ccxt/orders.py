"""An order of ours -> the parameters of Binance's order endpoints. Pure.

Quantity and price go out as exact text, on the steps they were planned on: nothing is rounded here (ccxt's own
``create_order`` rounds prices half up). Our client order id always goes along.
"""

from __future__ import annotations

from counterpoise.domain.numbers import ZERO, text
from counterpoise.domain.order import Order, OrderType
from counterpoise.venue.ccxt.endpoints import Scope
from counterpoise.venue.ccxt.instruments import Listing

#: Binance: ^[\.A-Z\:/a-z0-9_-]{1,36}$; ours are a subset of these characters.
_LONGEST_ID = 36


def order_params(order: Order, listing: Listing) -> dict[str, str]:
    """Return the parameters of POST order. Raises ValueError for what the venue cannot express."""
    params = {
        "symbol": listing.id,
        "side": order.side.upper(),
        "newClientOrderId": order.client_order_id,
        "quantity": text(order.qty),
        # the whole order comes back: on futures in its final state when it is not left resting
        "newOrderRespType": "FULL" if listing.scope is Scope.SPOT else "RESULT",
    }
    if not 0 < len(order.client_order_id) <= _LONGEST_ID:
        raise ValueError(f"expected a client order id, was {order.client_order_id!r}")
    if order.qty <= ZERO:
        raise ValueError(f"expected a quantity above 0, was {text(order.qty)}")
    if order.reduce_only and listing.scope is Scope.FUTURES:
        params["reduceOnly"] = "true"
    if order.type is OrderType.MARKET:
        if order.post_only or order.price is not None:
            raise ValueError("expected a market order without price, was priced or post-only")
        return params | {"type": "MARKET"}
    if order.price is None or order.price <= ZERO:
        raise ValueError("expected a price above 0 on a limit order")
    params["price"] = text(order.price)
    if order.post_only and listing.scope is Scope.SPOT:
        return params | {"type": "LIMIT_MAKER"}
    return params | {"type": "LIMIT", "timeInForce": order.time_in_force.value}
