"""What stands behind positions together: a cross pool, or an isolated wallet with its one position.

The same arithmetic for both: balance = wallet + unrealised PnL, and it is liquidated when that is no more than what the
positions must maintain.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_UP, Decimal

from counterpoise.domain.numbers import ZERO, quantize
from counterpoise.venue.sim.listing import Perpetual
from counterpoise.venue.sim.margin import maintenance_margin
from counterpoise.venue.sim.positions import BOOKED, Position

#: Mark prices by symbol.
Marks = Mapping[str, Decimal]
NO_MARKS: Marks = {}
RATIO_ROUNDING = ROUND_UP


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """A position that is not flat, at a mark."""

    perp: Perpetual
    position: Position
    mark: Decimal

    @property
    def symbol(self) -> str:
        """The venue id."""
        return self.perp.market.symbol

    @property
    def unrealized_pnl(self) -> Decimal:
        """What closing at the mark would realise, exactly."""
        return self.position.unrealized_pnl(self.mark)

    @property
    def maintenance(self) -> Decimal:
        """What it must keep."""
        tiers = self.perp.market.rules.margin_tiers
        return maintenance_margin(tiers, self.position.qty * self.mark)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pool:
    """A wallet and the positions it stands behind."""

    wallet: Decimal
    positions: tuple[Standing, ...]

    @property
    def unrealized_pnl(self) -> Decimal:
        """The PnL of all its positions."""
        return sum((each.unrealized_pnl for each in self.positions), ZERO)

    @property
    def balance(self) -> Decimal:
        """Wallet and unrealised PnL."""
        return self.wallet + self.unrealized_pnl

    @property
    def maintenance(self) -> Decimal:
        """What its positions must keep together."""
        return sum((each.maintenance for each in self.positions), ZERO)

    @property
    def ratio(self) -> Decimal | None:
        """Maintenance / balance; None where nothing is to be maintained, or nothing is left."""
        if not self.positions or self.balance <= 0:
            return None
        return quantize(self.maintenance / self.balance, BOOKED, RATIO_ROUNDING)

    @property
    def lost(self) -> bool:
        """Whether its positions are to be liquidated."""
        return bool(self.positions) and self.balance <= self.maintenance

    def without(self, symbol: str) -> Decimal:
        """Return what stands behind ``symbol`` beside its own PnL: the others' PnL counts, less what they keep."""
        others = [each for each in self.positions if each.symbol != symbol]
        return self.wallet + sum((each.unrealized_pnl - each.maintenance for each in others), ZERO)
