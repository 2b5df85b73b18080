"""The Treasury port over one account of the simulated exchange: what it offers of moving collateral.

Nothing is lost on the way, so every transfer is done or proven refused.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from decimal import Decimal

from counterpoise.domain.access import KeyRights
from counterpoise.domain.errors import VenueError
from counterpoise.domain.margin import Tiers
from counterpoise.domain.order import NotPlaced
from counterpoise.domain.snapshot import MarginMode
from counterpoise.domain.transfer import (
    Purse,
    Transfer,
    TransferOutcome,
    Transferred,
    VenueTransfer,
)
from counterpoise.venue.sim.exchange import SimExchange
from counterpoise.venue.sim.model import SimReject, Wallet

_WALLETS = {Purse.SPOT: Wallet.SPOT, Purse.FUTURES: Wallet.FUTURES}
_PURSES = {wallet: purse for purse, wallet in _WALLETS.items()}


class SimTreasury:
    """The half of the simulated venue that is no trading."""

    _id: str
    _exchange: SimExchange
    _api_key: str

    async def margin_tiers(self, symbols: Iterable[str]) -> Mapping[str, Tiers]:
        """Return no tables: the exchange has one rate and does not tell it."""
        del symbols
        return {}

    async def transfer(self, transfer: Transfer) -> TransferOutcome:
        """Send one transfer between the spot and the futures wallet."""
        source, target = _WALLETS.get(transfer.source), _WALLETS.get(transfer.target)
        if source is None or target is None:
            return NotPlaced(code="not_offered", text="no isolated positions here")
        try:
            number = self._exchange.transfer(
                self._api_key, transfer.asset, transfer.qty, source, target
            )
        except SimReject as refusal:
            return NotPlaced(code=refusal.code.value, text=refusal.text)
        return Transferred(id=str(number))

    async def transfers(self, since: datetime) -> tuple[VenueTransfer, ...]:
        """Read moves between the wallets at or after ``since``, oldest first."""
        return tuple(
            VenueTransfer(
                id=str(move.transfer_id),
                asset=move.asset,
                qty=move.qty,
                source=_PURSES[move.source],
                target=_PURSES[move.target],
                at=move.at,
            )
            for move in self._exchange.transfers(self._api_key)
            if move.at >= since
        )

    async def restore(self, symbol: str, leverage: Decimal | None, mode: MarginMode | None) -> None:
        """Refuse: raises VenueError."""
        del leverage, mode
        raise self._not_offered(f"setting leverage and margin mode of {symbol}")

    async def countdown(self, symbols: Iterable[str], after: timedelta | None) -> None:
        """Refuse: raises VenueError."""
        del symbols, after
        raise self._not_offered("cancelling by countdown")

    async def rights(self) -> KeyRights | None:
        """Return None: keys have no rights of their own here."""
        return None

    def _not_offered(self, what: str) -> VenueError:
        return VenueError(f"{self._id}: {what} is not offered", retryable=False)
