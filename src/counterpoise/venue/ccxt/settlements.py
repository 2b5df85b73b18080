"""How a dated future ended: the price its venue settled it at.

The venue tells delivery prices by pair, not by contract, and goes on telling them when the contract is gone from its
list. A contract is found by the day in its symbol, for a pair delivers at most once a day.
"""

from __future__ import annotations

from typing import Any

from counterpoise.domain.instrument import base_of, expiry_of, quote_of
from counterpoise.domain.ledger import Settlement
from counterpoise.domain.numbers import ZERO, dec
from counterpoise.venue.ccxt import endpoints as ask
from counterpoise.venue.ccxt.mapping import instant, understood
from counterpoise.venue.ccxt.wire import Wire


async def read_settlement(wire: Wire, symbol: str) -> Settlement | None:
    """Return the end of ``symbol``; None for what has no end, and while the price is not known. Raises VenueError."""
    day = expiry_of(symbol)
    if day is None or wire.venue_now() < day:
        return None
    reply = await wire.read(ask.DELIVERY_PRICES, {"pair": base_of(symbol) + quote_of(symbol)})
    with understood("delivery prices"):
        for row in _rows(reply):
            at = instant(row["deliveryTime"])
            if at is None or at.date() != day.date():
                continue
            # a JSON number: what is printed of a float is what was sent, up to 15 digits
            price = dec(str(row["deliveryPrice"]))
            if price > ZERO:
                return Settlement(symbol=symbol, price=price, at=at)
    return None


def _rows(reply: Any) -> list[Any]:
    if not isinstance(reply, list):
        raise TypeError(f"expected a list, was {type(reply).__name__}")
    return reply
