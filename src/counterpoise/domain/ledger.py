"""What a venue wrote into an account's books, and the balances that follow: the ground under flows (MEANING 11).

A :class:`LedgerEntry` is one booking the venue reports for itself: funding, realised profit, a commission, a move
between wallets, a deposit, a withdrawal, a settlement at expiry. Quantities are signed, positive = received.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum


class EntryKind(StrEnum):
    """Why a balance changed, in the venue's own books."""

    FUNDING = "funding"
    REALIZED_PNL = "realized_pnl"  # of a fill, or of a settlement at expiry
    COMMISSION = "commission"
    TRANSFER = "transfer"  # between wallets of one account: the account's total stays
    DEPOSIT = "deposit"
    WITHDRAWAL = "withdrawal"
    OTHER = "other"  # rebates, interest, insurance: changes the balance, belongs to no strategy


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerEntry:
    """One booking. ``id`` is unique per venue and kind; ``symbol`` where a contract caused it."""

    venue: str
    id: str
    kind: EntryKind
    asset: str
    qty: Decimal
    at: datetime
    symbol: str | None = None

    @property
    def key(self) -> tuple[str, str, str]:
        """Identity: venue, kind, id."""
        return (self.venue, self.kind.value, self.id)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settlement:
    """A dated future's end: every position in ``symbol`` was closed at ``price`` at ``at`` (MEANING 21)."""

    symbol: str
    price: Decimal
    at: datetime
