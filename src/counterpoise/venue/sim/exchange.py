"""The simulated exchange: signatures first, so that its faces can be written against them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Literal

from counterpoise.domain.numbers import dec
from counterpoise.venue.sim.log import TruthLog
from counterpoise.venue.sim.model import (
    AccountKeys,
    AccountView,
    Book,
    Candle,
    Fees,
    FundingRate,
    FundingSeries,
    Income,
    MarketKind,
    PlaceRequest,
    Series,
    SeriesKind,
    SimOrder,
    SimTrade,
    SymbolRules,
    Ticker24h,
    Transfer,
    Wallet,
)


class SimExchange:
    """One simulated exchange with its own time."""

    log: TruthLog

    def __init__(
        self,
        *,
        rules: Iterable[SymbolRules],
        series: Iterable[Series],
        funding: Iterable[FundingSeries] = (),
        now: datetime,
        seed: int = 0,
        fees: Fees = Fees(),
        participation: Decimal = dec("0.1"),
    ) -> None:
        raise NotImplementedError

    @property
    def now(self) -> datetime:
        raise NotImplementedError

    @property
    def end(self) -> datetime | None:
        raise NotImplementedError

    def rules(self) -> tuple[SymbolRules, ...]:
        raise NotImplementedError

    def rule(self, kind: MarketKind, symbol: str) -> SymbolRules:
        raise NotImplementedError

    def advance(self, seconds: Decimal) -> None:
        raise NotImplementedError

    def advance_to(self, instant: datetime) -> None:
        raise NotImplementedError

    def set_price(
        self, symbol: str, price: Decimal, kind: MarketKind | Literal["mark"] | None = None
    ) -> None:
        raise NotImplementedError

    def open_account(
        self,
        balance: Mapping[tuple[Wallet, str], Decimal],
        *,
        api_key: str | None = None,
        secret: str | None = None,
    ) -> AccountKeys:
        raise NotImplementedError

    def secret_of(self, api_key: str) -> str | None:
        raise NotImplementedError

    def book(self, kind: MarketKind, symbol: str) -> Book:
        raise NotImplementedError

    def ticker(self, kind: MarketKind, symbol: str) -> Ticker24h:
        raise NotImplementedError

    def candles(
        self,
        kind: SeriesKind,
        symbol: str,
        interval: timedelta,
        *,
        start: datetime | None = None,
        end: datetime | None = None,
        limit: int = 500,
    ) -> list[Candle]:
        raise NotImplementedError

    def funding_history(
        self,
        symbol: str,
        start: datetime | None = None,
        end: datetime | None = None,
        limit: int = 100,
    ) -> list[FundingRate]:
        raise NotImplementedError

    def place(
        self, api_key: str, request: PlaceRequest, *, signed_at: datetime | None = None
    ) -> SimOrder:
        raise NotImplementedError

    def cancel(
        self,
        api_key: str,
        kind: MarketKind,
        symbol: str,
        *,
        order_id: int | None = None,
        client_order_id: str | None = None,
        signed_at: datetime | None = None,
    ) -> SimOrder:
        raise NotImplementedError

    def order(
        self,
        api_key: str,
        kind: MarketKind,
        symbol: str,
        *,
        order_id: int | None = None,
        client_order_id: str | None = None,
    ) -> SimOrder:
        raise NotImplementedError

    def orders(
        self, api_key: str, kind: MarketKind, symbol: str | None = None, *, open_only: bool = False
    ) -> list[SimOrder]:
        raise NotImplementedError

    def trades(
        self, api_key: str, kind: MarketKind, symbol: str, *, order_id: int | None = None
    ) -> list[SimTrade]:
        raise NotImplementedError

    def income(self, api_key: str) -> list[Income]:
        raise NotImplementedError

    def transfer(
        self,
        api_key: str,
        asset: str,
        qty: Decimal,
        source: Wallet,
        target: Wallet,
        *,
        signed_at: datetime | None = None,
    ) -> int:
        raise NotImplementedError

    def transfers(self, api_key: str) -> list[Transfer]:
        raise NotImplementedError

    def set_leverage(self, api_key: str, symbol: str, leverage: int) -> None:
        raise NotImplementedError

    def account(self, api_key: str) -> AccountView:
        raise NotImplementedError

    def accounts(self) -> tuple[str, ...]:
        raise NotImplementedError
