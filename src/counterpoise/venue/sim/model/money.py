"""Money as an account sees it: wallets, balances, positions, bookings and moves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Literal

from counterpoise.domain.numbers import ZERO

IncomeKind = Literal[
    "funding", "realized_pnl", "settlement", "commission", "transfer", "insurance_clear"
]


class MarginType(StrEnum):
    """What stands behind a position: the whole futures wallet of its asset, or a wallet of its own."""

    CROSS = "cross"
    ISOLATED = "isolated"


class Wallet(StrEnum):
    """The two wallets of an account."""

    SPOT = "spot"
    FUTURES = "futures"


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountKeys:
    """What an account signs its requests with."""

    api_key: str
    secret: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyRights:
    """What an account's key claims it may do, and until when; it is shown, and nothing more."""

    withdraw: bool = False
    ip_restrict: bool = False
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Balance:
    """A coin in the spot wallet; ``locked`` is held by open orders."""

    asset: str
    free: Decimal
    locked: Decimal

    @property
    def total(self) -> Decimal:
        """Free and locked together."""
        return self.free + self.locked


@dataclass(frozen=True, slots=True, kw_only=True)
class PerpPosition:
    """A one-way perpetual position; ``entry_price`` is None when flat, ``updated_at`` None when never traded.

    ``margin_ratio`` is maintenance margin / what stands behind the position (1 = liquidation): of a cross position
    that of its whole pool. None where nothing is to be maintained, or nothing is left. ``liquidation_price``: every
    other mark stands still; None where no price would do it. ``isolated_wallet`` is ZERO for cross.
    """

    symbol: str
    qty: Decimal
    entry_price: Decimal | None
    mark_price: Decimal
    unrealized_pnl: Decimal
    notional: Decimal
    leverage: int
    initial_margin: Decimal
    updated_at: datetime | None
    maintenance_margin: Decimal = ZERO
    margin_ratio: Decimal | None = None
    liquidation_price: Decimal | None = None
    margin_type: MarginType = MarginType.CROSS
    isolated_wallet: Decimal = ZERO


@dataclass(frozen=True, slots=True, kw_only=True)
class FuturesWallet:
    """The collateral in one asset. ``margin_balance`` = wallet + unrealised PnL; ``available`` is never below zero.

    The figures are those of the whole, isolated wallets and positions too, but for the cross pool's own:
    ``cross_balance``, ``cross_unrealized_pnl``, ``maintenance_margin`` and ``margin_ratio`` (maintenance / balance +
    PnL of the pool, 1 = liquidation; None where nothing is to be maintained, or nothing is left).
    """

    asset: str
    wallet_balance: Decimal
    unrealized_pnl: Decimal
    margin_balance: Decimal
    position_initial_margin: Decimal
    open_order_initial_margin: Decimal
    available: Decimal
    cross_balance: Decimal
    cross_unrealized_pnl: Decimal
    maintenance_margin: Decimal
    margin_ratio: Decimal | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountView:
    """Everything one account holds. ``positions``: non-zero ones and those with a setting of their own, by symbol."""

    spot: Mapping[str, Balance]
    futures: Mapping[str, FuturesWallet]
    positions: tuple[PerpPosition, ...]
    leverage: Mapping[str, int]
    margin_types: Mapping[str, MarginType]


@dataclass(frozen=True, slots=True, kw_only=True)
class Income:
    """One booking in the futures wallet; ``qty`` signed, positive = received. ``trade_id`` where a trade caused it."""

    income_id: int
    kind: IncomeKind
    symbol: str | None
    asset: str
    qty: Decimal
    at: datetime
    trade_id: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MarginMove:
    """Margin that came into an isolated wallet (``qty`` > 0) or went back to the futures wallet.

    ``by_hand``: the account asked for it, no trade did.
    """

    symbol: str
    asset: str
    qty: Decimal
    by_hand: bool
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Transfer:
    """One completed move between an account's wallets."""

    transfer_id: int
    asset: str
    qty: Decimal
    source: Wallet
    target: Wallet
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Flow:
    """Money that came into a wallet from outside (``qty`` > 0, a deposit) or left it (a withdrawal)."""

    flow_id: int
    wallet: Wallet
    asset: str
    qty: Decimal
    at: datetime
