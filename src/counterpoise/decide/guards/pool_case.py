"""One pool's situation: what the steps of the margin guard are worked out from."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from counterpoise.domain.guarding import PoolState
from counterpoise.domain.health import Pool
from counterpoise.domain.numbers import ZERO, dec
from counterpoise.domain.policy import MarginPolicy
from counterpoise.domain.reasons import shown_percent
from counterpoise.domain.records import Recorded
from counterpoise.domain.snapshot import Account, VenueSnapshot

_CENT = dec("0.01")


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolCase:
    """One pool's situation."""

    pool: Pool
    before: PoolState
    policy: MarginPolicy
    seen: VenueSnapshot
    account: Account
    recorded: Recorded
    portfolio: str
    now: datetime
    assumed: frozenset[str]

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


def percent(distance: Decimal | None) -> str:
    """Return a distance as people read it; the one that does not exist is out of reach."""
    return "out of reach" if distance is None else shown_percent(distance)
