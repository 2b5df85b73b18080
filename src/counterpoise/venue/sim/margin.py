"""Margin of one-way positions, as pure arithmetic: initial, maintenance, liquidation price.

A symbol needs margin for the larger of what its position could become by its open buys and by its open sells;
orders that would only close a position need none. Margins are rounded up, against the account.

The maintenance margin is that of the tier a position's notional falls in: notional x rate - cum, continuous over the
whole table. A liquidation price is where collateral + unrealised PnL = maintenance margin, solved tier by tier.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, ROUND_UP, Decimal

from counterpoise.domain.numbers import ZERO, quantize
from counterpoise.venue.sim.model import MarginTier
from counterpoise.venue.sim.positions import BOOKED, Position

DEFAULT_LEVERAGE = 20
MARGIN_ROUNDING = ROUND_UP
PRICE_ROUNDING = ROUND_HALF_EVEN


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
    worst = worst_notional(notional=notional, buys=buys, sells=sells)
    position = quantize(held / leverage, BOOKED, MARGIN_ROUNDING)
    whole = quantize(worst / leverage, BOOKED, MARGIN_ROUNDING)
    return SymbolMargin(position=position, orders=whole - position)


def worst_notional(*, notional: Decimal, buys: Decimal, sells: Decimal) -> Decimal:
    """Return the largest size a position may come to by its open orders, as for :func:`symbol_margin`."""
    return max(abs(notional), abs(notional + buys), abs(notional - sells))


def available_of(*, wallet: Decimal, unrealized_pnl: Decimal, margins: Decimal) -> Decimal:
    """Return what new orders may use; below zero when the account is over-committed."""
    return wallet + unrealized_pnl - margins


def floored(available: Decimal) -> Decimal:
    """Return ``available`` as it is shown: never below zero."""
    return max(available, ZERO)


def tier_of(tiers: Sequence[MarginTier], notional: Decimal) -> MarginTier:
    """Return the tier of a position worth ``notional`` (>= 0, quote); beyond the table, its last."""
    return next((tier for tier in tiers if notional <= tier.cap), tiers[-1])


def maintenance_margin(tiers: Sequence[MarginTier], notional: Decimal) -> Decimal:
    """Return what a position worth ``notional`` (signed, quote) must keep."""
    tier = tier_of(tiers, abs(notional))
    return quantize(abs(notional) * tier.rate - tier.cum, BOOKED, MARGIN_ROUNDING)


def max_notional(tiers: Sequence[MarginTier], leverage: int) -> Decimal:
    """Return the largest position (quote) that ``leverage`` allows; ZERO where none."""
    return max((tier.cap for tier in tiers if tier.max_leverage >= leverage), default=ZERO)


def liquidation_price(
    tiers: Sequence[MarginTier], position: Position, collateral: Decimal
) -> Decimal | None:
    """Return the mark at which ``position`` takes its last margin; None when flat, or no price above 0 does.

    ``collateral`` (quote) is what stands behind it beside its own PnL: an isolated wallet, or a cross wallet with the
    PnL of the other positions and without their maintenance margins.
    """
    if position.qty == 0:
        return None
    held = abs(position.qty)
    for tier in tiers:
        # collateral + qty x price - cost = held x price x rate - cum
        price = (position.cost - collateral - tier.cum) / (position.qty - held * tier.rate)
        if held * price <= tier.cap or tier is tiers[-1]:
            return quantize(price, BOOKED, PRICE_ROUNDING) if price > 0 else None
    return None
