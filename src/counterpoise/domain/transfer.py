"""Moving collateral: intents like orders, written ahead, sent once, never resent while the outcome is unproven.

A transfer whose outcome is not proven counts both ways: it is gone where it came from and has not arrived where it
goes. What proves it is the venue's own history and both wallets (MEANING, "Every mutation is an intent").
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum

from counterpoise.domain.errors import IllegalMove
from counterpoise.domain.order import NotPlaced, Unknown


class Purse(StrEnum):
    """Where money lies within one account at one venue."""

    SPOT = "spot"
    FUTURES = "futures"
    POSITION = "position"  # the isolated wallet of one position


class TransferState(StrEnum):
    """What is proven of a transfer."""

    PENDING = "PENDING"  # saved, not sent
    UNKNOWN = "UNKNOWN"  # sent, outcome not proven; counts both ways
    DONE = "DONE"
    REJECTED = "REJECTED"  # proven not to have happened

    @property
    def is_final(self) -> bool:
        """Whether nothing more will become of it."""
        return self in {TransferState.DONE, TransferState.REJECTED}


#: The reason of a transfer that is held for absent: nothing the venue said, and it may be proven wrong.
ABSENT = "absent"
#: What the reason of a transfer begins with that we ourselves kept back.
NOT_SENT = "not sent"
#: For how long the venue's history is still asked about a transfer that is held for absent.
DOUBT = timedelta(hours=1)

#: Legal moves. A move to the same state is always legal.
TRANSFER_MOVES = {
    TransferState.PENDING: {TransferState.UNKNOWN, TransferState.DONE, TransferState.REJECTED},
    TransferState.UNKNOWN: {TransferState.DONE, TransferState.REJECTED},
    TransferState.DONE: set[TransferState](),
    # real world: a history that lagged; the venue wins
    TransferState.REJECTED: {TransferState.DONE},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Transfer:
    """``qty`` (> 0) of ``asset`` from one purse of a venue to another.

    ``symbol`` names the position where one of the purses is POSITION. ``source_before`` and ``target_before`` are
    what the purses held (``Account.purse``) in the look it was decided on: what they hold later may disprove it.
    ``venue_id`` is the venue's own id, ``why`` the sentence for people, ``reason`` what the venue said.
    """

    id: str
    portfolio: str
    venue: str
    asset: str
    qty: Decimal
    source: Purse
    target: Purse
    state: TransferState
    created_at: datetime
    updated_at: datetime
    source_before: Decimal
    target_before: Decimal
    why: str
    symbol: str | None = None
    venue_id: str | None = None
    reason: str | None = None

    @property
    def is_top_up(self) -> bool:
        """Whether it brings collateral to where positions can lose it."""
        return self.source is Purse.SPOT or self.target is Purse.POSITION

    def in_doubt(self, now: datetime) -> bool:
        """Whether the venue's history may tell something new: not proven, or held for absent a short while ago."""
        return not self.state.is_final or (self.is_absent and now - self.updated_at < DOUBT)

    @property
    def is_absent(self) -> bool:
        """Whether it is held for absent, without the venue having refused it."""
        return self.state is TransferState.REJECTED and self.reason == ABSENT

    @property
    def is_refused(self) -> bool:
        """Whether the venue itself refused it."""
        kept_back = (self.reason or "").startswith(NOT_SENT)
        return self.state is TransferState.REJECTED and not self.is_absent and not kept_back

    def moved(
        self,
        state: TransferState,
        *,
        at: datetime,
        reason: str | None = None,
        venue_id: str | None = None,
    ) -> Transfer:
        """Return the transfer in ``state``. Raises IllegalMove when that cannot follow."""
        if state is not self.state and state not in TRANSFER_MOVES[self.state]:
            raise IllegalMove(f"transfer {self.id}: {self.state} may not become {state}")
        return replace(
            self,
            state=state,
            updated_at=at,
            reason=reason if reason is not None else self.reason,
            venue_id=venue_id if venue_id is not None else self.venue_id,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class VenueTransfer:
    """A transfer as the venue's history tells it; ``at`` is the venue's instant."""

    id: str
    asset: str
    qty: Decimal
    source: Purse
    target: Purse
    at: datetime
    symbol: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Transferred:
    """The venue has done it; ``id`` is its own, None where it gives none (an isolated margin change)."""

    id: str | None


#: What became of sending one.
TransferOutcome = Transferred | NotPlaced | Unknown
