"""How Binance prints: fixed decimals, millisecond times, and names of sides, types and states.

Spot prints every price and quantity with eight decimals; futures print with the precision of the symbol.
A figure is never rounded here: a value with more decimals than the print has keeps them, so that a client
that adds up what it reads ends at the exchange's own figures.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from counterpoise.domain.numbers import ZERO, dec, quantize, text
from counterpoise.venue.sim import (
    MarketKind,
    OrderKind,
    OrderStatus,
    SimOrder,
    SymbolRules,
    TimeInForce,
)

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MS = timedelta(milliseconds=1)
#: The finest step of an average: Binance prints entry prices with at most 11 decimals.
AVERAGE_QUANTUM = dec("1e-11")


def fixed(value: Decimal, places: int = 8) -> str:
    """Return ``value`` with at least ``places`` decimals and all that it has: 1.5 is ``1.50000000``."""
    return text(value) if places_of(value) >= places else format(value or ZERO, f".{places}f")


def rounded(value: Decimal, places: int) -> str:
    """Return ``value`` rounded half-even to ``places`` decimals; for averages and percentages only."""
    return format(quantize(value, dec(1).scaleb(-places)) or ZERO, f".{places}f")


def places_of(value: Decimal) -> int:
    """Return the decimals a number needs: 3 for 0.0010, 0 for 1."""
    exponent = value.normalize().as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0


def average(value: Decimal, places: int) -> str:
    """Return a quotient such as an entry price with at least ``places`` and at most 11 decimals."""
    return fixed(quantize(value, AVERAGE_QUANTUM), places)


def declared_places(step: Decimal) -> int:
    """Return the decimals a step is written with: 2 for 0.10, as Binance's BTCUSDT has it."""
    exponent = step.as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0


def price_places(rule: SymbolRules) -> int:
    """Return the decimals a futures symbol prints prices with."""
    return declared_places(rule.tick_size)


def qty_places(rule: SymbolRules) -> int:
    """Return the decimals a futures symbol prints quantities with."""
    return declared_places(rule.lot_size)


def quote_places(rule: SymbolRules) -> int:
    """Return the decimals that hold any product of a price and a quantity of the symbol, at least 5."""
    return max(5, price_places(rule) + qty_places(rule))


def price_text(rule: SymbolRules, value: Decimal) -> str:
    """Return a price of the symbol as its market prints it."""
    return fixed(value, 8 if rule.kind is MarketKind.SPOT else price_places(rule))


def qty_text(rule: SymbolRules, value: Decimal) -> str:
    """Return a quantity of the symbol as its market prints it."""
    return fixed(value, 8 if rule.kind is MarketKind.SPOT else qty_places(rule))


def ms(instant: datetime) -> int:
    """Return ``instant`` as whole milliseconds since 1970 UTC."""
    return (instant - EPOCH) // MS


def instant(milliseconds: int) -> datetime:
    """Return the UTC instant of ``milliseconds`` since 1970."""
    return EPOCH + milliseconds * MS


STATUS = {
    OrderStatus.OPEN: "NEW",
    OrderStatus.PARTIALLY_FILLED: "PARTIALLY_FILLED",
    OrderStatus.FILLED: "FILLED",
    OrderStatus.CANCELED: "CANCELED",
    OrderStatus.EXPIRED: "EXPIRED",
}

TIF_SPOT = {
    TimeInForce.GTC: "GTC",
    TimeInForce.IOC: "IOC",
    TimeInForce.FOK: "FOK",
    TimeInForce.POST_ONLY: "GTC",
}

TIF_FUTURES = {**TIF_SPOT, TimeInForce.POST_ONLY: "GTX"}


def spot_type(order: SimOrder) -> str:
    """Return the order type of ``order`` in spot's words: post-only is a type there."""
    if order.order_kind is OrderKind.MARKET:
        return "MARKET"
    return "LIMIT_MAKER" if order.time_in_force is TimeInForce.POST_ONLY else "LIMIT"


def futures_type(order: SimOrder) -> str:
    """Return the order type of ``order`` in the futures' words: post-only is a time in force there."""
    return "MARKET" if order.order_kind is OrderKind.MARKET else "LIMIT"
