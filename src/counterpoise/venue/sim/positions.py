"""Perpetual position arithmetic: exact signed cost, realised PnL, entry price.

A position is a signed quantity and the signed quote that was paid for it (``cost`` > 0 for a long, < 0 for a
short). Closing a part realises its proceeds minus its share of the cost; the share rarely divides evenly, so the
booked PnL is rounded and the *remaining cost* keeps what the rounding left over. Hence, always and exactly::

    sum of realised PnL + unrealised PnL at m  =  qty x m - sum of signed fill qty x fill price
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal

from counterpoise.domain.numbers import ZERO, quantize

BOOKED = Decimal("1e-8")
PNL_ROUNDING = ROUND_HALF_EVEN
ENTRY_ROUNDING = ROUND_HALF_EVEN


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """``qty`` in base units, signed; ``cost`` in quote, same sign. Flat is (0, 0)."""

    qty: Decimal = ZERO
    cost: Decimal = ZERO

    @property
    def entry_price(self) -> Decimal | None:
        """Average price, rounded for display; None when flat."""
        if self.qty == 0:
            return None
        return quantize(self.cost / self.qty, BOOKED, ENTRY_ROUNDING)

    def unrealized_pnl(self, mark_price: Decimal) -> Decimal:
        """Return what closing everything at ``mark_price`` would realise, exactly."""
        return self.qty * mark_price - self.cost

    def traded(self, signed_qty: Decimal, price: Decimal) -> tuple[Position, Decimal]:
        """Return the position after a fill of ``signed_qty`` (buy > 0) at ``price``, and the PnL it realised."""
        value = signed_qty * price
        if self.qty * signed_qty >= 0:
            return Position(qty=self.qty + signed_qty, cost=self.cost + value), ZERO
        if abs(signed_qty) < abs(self.qty):
            share = self.cost * signed_qty / self.qty  # opposite sign of cost: what leaves it
            realized = quantize(share - value, BOOKED, PNL_ROUNDING)
            return Position(qty=self.qty + signed_qty, cost=self.cost + value + realized), realized
        proceeds = self.qty * price
        rest = self.qty + signed_qty
        return Position(qty=rest, cost=rest * price), proceeds - self.cost
