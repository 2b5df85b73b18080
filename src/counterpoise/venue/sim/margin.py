"""Initial margin of one-way cross positions, as pure arithmetic.

A symbol needs margin for the larger of what its position could become by its open buys and by its open sells;
orders that would only close a position need none. Margins are rounded up, against the account. Maintenance
margin and liquidation belong beside this when tiers come.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_UP, Decimal

from counterpoise.domain.numbers import ZERO, quantize
from counterpoise.venue.sim.positions import BOOKED

DEFAULT_LEVERAGE = 20
MARGIN_ROUNDING = ROUND_UP


@dataclass(frozen=True, slots=True, kw_only=True)
class SymbolMargin:
    """What one symbol holds of the collateral, in its quote asset."""

    position: Decimal
    orders: Decimal

    @property
    def total(self) -> Decimal:
        """Position and open orders together."""
        return self.position + self.orders


def symbol_margin(
    *, notional: Decimal, buys: Decimal, sells: Decimal, leverage: int
) -> SymbolMargin:
    """Return the initial margin of a symbol.

    ``notional`` is the signed position at mark, ``buys`` and ``sells`` (>= 0) are what its open, not reduce-only
    orders still may trade, at their limit prices.
    """
    held = abs(notional)
    worst = max(held, abs(notional + buys), abs(notional - sells))
    position = quantize(held / leverage, BOOKED, MARGIN_ROUNDING)
    whole = quantize(worst / leverage, BOOKED, MARGIN_ROUNDING)
    return SymbolMargin(position=position, orders=whole - position)


def available_of(*, wallet: Decimal, unrealized_pnl: Decimal, margins: Decimal) -> Decimal:
    """Return what new orders may use; below zero when the account is over-committed."""
    return wallet + unrealized_pnl - margins


def floored(available: Decimal) -> Decimal:
    """Return ``available`` as it is shown: never below zero."""
    return max(available, ZERO)
