"""One pool's situation: what the steps of the margin guard are worked out from."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from counterpoise.domain.guarding import PoolState
from counterpoise.domain.health import Pool
from counterpoise.domain.numbers import ONE, ZERO, dec
from counterpoise.domain.policy import MarginPolicy
from counterpoise.domain.reasons import shown_percent
from counterpoise.domain.records import Recorded
from counterpoise.domain.snapshot import Account, VenueSnapshot

_CENT = dec("0.01")


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolCase:
    """One pool's situation. ``crossed``: strategies whose futures stand against coins of another name."""

    pool: Pool
    before: PoolState
    policy: MarginPolicy
    seen: VenueSnapshot
    account: Account
    recorded: Recorded
    portfolio: str
    now: datetime
    assumed: frozenset[str]
    crossed: frozenset[str] = frozenset()

    @property
    def own(self) -> dict[str, Decimal]:
        """Symbol -> own quantity that can be closed: foreign positions are never touched."""
        found: dict[str, Decimal] = {}
        for holding in self.pool.holdings:
            known = self.recorded.positions.get((self.pool.venue, holding.symbol))
            if known is None or known.own_qty * holding.qty <= 0:
                continue
            size = min(abs(known.own_qty), abs(holding.qty))
            found[holding.symbol] = size if holding.qty > 0 else -size
        return found

    def size(self, symbol: str) -> Decimal:
        """Return the whole own quantity (unsigned), also where it lies around or within a foreign one."""
        known = self.recorded.positions.get((self.pool.venue, symbol))
        return abs(known.own_qty) if known is not None else ZERO

    def covering(self, symbol: str) -> Decimal:
        """Return the part of an own short that stands against coins of its own name (a fraction)."""
        size = self.size(symbol)
        lines = (self.recorded.book.get((s, self.pool.venue, symbol)) for s in self.crossed)
        apart = sum((max(-x.qty, ZERO) for x in lines if x is not None), ZERO)
        return max(size - apart, ZERO) / size if size else ONE


def percent(distance: Decimal | None) -> str:
    """Return a distance as people read it; the one that does not exist is out of reach."""
    return "out of reach" if distance is None else shown_percent(distance)
