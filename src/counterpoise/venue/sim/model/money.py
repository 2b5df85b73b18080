"""Money as an account sees it: wallets, balances, positions, bookings and moves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Literal

IncomeKind = Literal["funding", "realized_pnl", "settlement", "commission", "transfer"]


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
    """A one-way perpetual position; ``entry_price`` is None when flat, ``updated_at`` None when never traded."""

    symbol: str
    qty: Decimal
    entry_price: Decimal | None
    mark_price: Decimal
    unrealized_pnl: Decimal
    notional: Decimal
    leverage: int
    initial_margin: Decimal
    updated_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class FuturesWallet:
    """The collateral in one asset. ``margin_balance`` = wallet + unrealised PnL; ``available`` is never below zero."""

    asset: str
    wallet_balance: Decimal
    unrealized_pnl: Decimal
    margin_balance: Decimal
    position_initial_margin: Decimal
    open_order_initial_margin: Decimal
    available: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountView:
    """Everything one account holds. ``positions``: non-zero ones and those whose leverage was set, by symbol."""

    spot: Mapping[str, Balance]
    futures: Mapping[str, FuturesWallet]
    positions: tuple[PerpPosition, ...]
    leverage: Mapping[str, int]


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
