"""Double-entry money: every booking takes from one purse what it gives to another.

There is no way to create or destroy a unit: for each asset, all purses add up to zero, exactly, after every
booking. The house is the counterparty of everything that crosses an account's border (deposits, trades, fees,
funding, realised PnL) and may be negative.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from decimal import Decimal

from counterpoise.domain.numbers import ZERO
from counterpoise.venue.sim.model import Wallet


@dataclass(frozen=True, slots=True)
class Purse:
    """One wallet of one owner; with ``symbol`` the isolated wallet of that position, apart from the futures wallet."""

    owner: str
    wallet: Wallet
    symbol: str | None = None


HOUSE = Purse("house", Wallet.SPOT)


class Ledger:
    """Balances by purse and asset."""

    def __init__(self) -> None:
        self._books: dict[Purse, dict[str, Decimal]] = defaultdict(dict)

    def move(self, asset: str, qty: Decimal, source: Purse, target: Purse) -> None:
        """Book ``qty`` of ``asset`` (negative: the other way round) from ``source`` to ``target``."""
        giver, taker = self._books[source], self._books[target]
        giver[asset] = giver.get(asset, ZERO) - qty
        taker[asset] = taker.get(asset, ZERO) + qty

    def balance(self, purse: Purse, asset: str) -> Decimal:
        """Return what ``purse`` holds of ``asset``."""
        return self._books[purse].get(asset, ZERO)

    def assets(self, purse: Purse) -> tuple[str, ...]:
        """Return every asset ``purse`` ever held, by name."""
        return tuple(sorted(self._books[purse]))
