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
from counterpoise.venue.sim import translate
from counterpoise.venue.sim.exchange import SimExchange
from counterpoise.venue.sim.model import MarginType, MarketKind, SimReject, Wallet

_WALLETS = {Purse.SPOT: Wallet.SPOT, Purse.FUTURES: Wallet.FUTURES}
_PURSES = {wallet: purse for purse, wallet in _WALLETS.items()}


class SimTreasury:
    """The half of the simulated venue that is no trading."""

    _id: str
    _exchange: SimExchange
    _api_key: str

    async def margin_tiers(self, symbols: Iterable[str]) -> Mapping[str, Tiers]:
        """Return the margin tables of ``symbols`` that are listed."""
        wanted = set(symbols)
        return {
            symbol: translate.tiers(rules)
            for rules in self._exchange.rules()
            if rules.kind is MarketKind.PERP
            and (symbol := translate.instrument_of(rules).symbol) in wanted
        }

    async def transfer(self, transfer: Transfer) -> TransferOutcome:
        """Send one move between the wallets, or into and out of an isolated position."""
        try:
            if Purse.POSITION in {transfer.source, transfer.target}:
                sign = 1 if transfer.target is Purse.POSITION else -1
                venue_id = self._venue_id(transfer.symbol or "")
                self._exchange.change_margin(self._api_key, venue_id, transfer.qty * sign)
                return Transferred(id=None)
            number = self._exchange.transfer(
                self._api_key,
                transfer.asset,
                transfer.qty,
                _WALLETS[transfer.source],
                _WALLETS[transfer.target],
            )
        except SimReject as refusal:
            return NotPlaced(code=refusal.code.value, text=refusal.text)
        except VenueError as error:
            return NotPlaced(code="not_listed", text=str(error))
        return Transferred(id=str(number))

    async def transfers(self, since: datetime) -> tuple[VenueTransfer, ...]:
        """Read moves between the wallets, and of margin by hand, at or after ``since``, oldest first."""
        symbols = {
            rules.symbol: translate.instrument_of(rules).symbol
            for rules in self._exchange.rules()
            if rules.kind is MarketKind.PERP
        }
        moves = [
            VenueTransfer(
                id=str(move.transfer_id),
                asset=move.asset,
                qty=move.qty,
                source=_PURSES[move.source],
                target=_PURSES[move.target],
                at=move.at,
            )
            for move in self._exchange.transfers(self._api_key)
        ]
        moves += [
            VenueTransfer(
                id=f"margin-{number}",
                asset=move.asset,
                qty=abs(move.qty),
                source=Purse.FUTURES if move.qty > 0 else Purse.POSITION,
                target=Purse.POSITION if move.qty > 0 else Purse.FUTURES,
                at=move.at,
                symbol=symbols.get(move.symbol),
            )
            for number, move in enumerate(self._exchange.margin_moves(self._api_key))
            if move.by_hand
        ]
        return tuple(sorted((m for m in moves if m.at >= since), key=lambda move: move.at))

    async def restore(self, symbol: str, leverage: Decimal | None, mode: MarginMode | None) -> None:
        """Set leverage and margin mode of a contract. Raises VenueError when the exchange refuses."""
        venue_id = self._venue_id(symbol)
        try:
            if mode is not None:
                self._exchange.set_margin_type(self._api_key, venue_id, MarginType(mode.value))
            if leverage is not None:
                self._exchange.set_leverage(self._api_key, venue_id, int(leverage))
        except SimReject as refusal:
            raise VenueError(f"{self._id}: {symbol}: {refusal.text}", retryable=False) from None

    async def countdown(self, symbols: Iterable[str], after: timedelta | None) -> None:
        """Cancel all orders of ``symbols`` ``after`` a while unless asked again; None disarms."""
        for symbol in symbols:
            self._exchange.countdown_cancel(
                self._api_key, self._venue_id(symbol), after or timedelta()
            )

    def _venue_id(self, symbol: str) -> str:
        for rules in self._exchange.rules():
            if translate.instrument_of(rules).symbol == symbol and rules.kind is MarketKind.PERP:
                return rules.symbol
        raise VenueError(f"{self._id}: {symbol} is not listed", retryable=False)

    async def clock_ahead(self) -> timedelta | None:
        """Return None: the exchange's time is ours."""
        return None

    def untimely(self) -> None:
        """Nothing is signed here, and so nothing comes too late."""

    async def rights(self) -> KeyRights | None:
        """Return what the account's key claims it may do."""
        told = self._exchange.rights(self._api_key)
        return KeyRights(
            withdraw=told.withdraw, ip_bound=told.ip_restrict, expires_at=told.expires_at
        )
