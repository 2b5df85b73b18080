"""A small exchange for tests: BTC spot and perpetual on hand-made hourly bars, one account, short verbs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from counterpoise.domain.numbers import dec
from counterpoise.venue.sim import (
    AccountView,
    Book,
    Candle,
    Fees,
    FundingRate,
    FundingSeries,
    MarketKind,
    OrderKind,
    PlaceRequest,
    RejectCode,
    Series,
    Side,
    SimExchange,
    SimOrder,
    SimReject,
    SymbolRules,
    TimeInForce,
    Wallet,
)
from counterpoise.venue.sim.model import SeriesKind

START = datetime(2025, 1, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
SYMBOL = "BTCUSDT"
SPOT, PERP = MarketKind.SPOT, MarketKind.PERP
BUY, SELL = Side.BUY, Side.SELL
GTC, IOC, FOK, POST_ONLY = TimeInForce
NO_FEES = Fees(dec(0), dec(0), dec(0), dec(0))

#: open, high, low, close, volume; None is a bar that is missing
Row = tuple[str, str, str, str, str] | None


def rules(kind: MarketKind, symbol: str = SYMBOL) -> SymbolRules:
    """Filters that are easy to reckon with: ticks of 1, lots of 0.001."""
    return SymbolRules(
        symbol=symbol,
        kind=kind,
        base=symbol.removesuffix("USDT"),
        quote="USDT",
        tick_size=dec(1),
        lot_size=dec("0.001"),
        min_qty=dec("0.001"),
        max_qty=dec(1000),
        min_notional=dec(5),
    )


def series(
    kind: SeriesKind,
    rows: Sequence[Row],
    *,
    symbol: str = SYMBOL,
    interval: timedelta = HOUR,
    start: datetime = START,
) -> Series:
    """Bars one after the other from ``start``."""
    candles = tuple(
        Candle(start + interval * number, *map(dec, row))
        for number, row in enumerate(rows)
        if row is not None
    )
    return Series(kind=kind, symbol=symbol, interval=interval, candles=candles)


def flat(price: int | str = 100, volume: int | str = 10) -> Row:
    """A bar in which nothing moves."""
    return (str(price), str(price), str(price), str(price), str(volume))


def bar(opened: int, high: int, low: int, close: int, volume: int | str = 10) -> Row:
    """A bar of whole numbers."""
    return (str(opened), str(high), str(low), str(close), str(volume))


def rates(values: Iterable[str], *, symbol: str = SYMBOL) -> FundingSeries:
    """Funding every eight hours, the first at START."""
    return FundingSeries(
        symbol=symbol,
        rates=tuple(FundingRate(START + 8 * HOUR * n, dec(v)) for n, v in enumerate(values)),
    )


@dataclass(slots=True)
class World:
    """An exchange and the account that acts unless another key is named."""

    exchange: SimExchange
    key: str

    def pass_hours(self, hours: int | str = 1) -> None:
        self.exchange.advance(dec(hours) * 3600)

    def place(
        self,
        side: Side,
        qty: str,
        price: int | str | None = None,
        *,
        kind: MarketKind = PERP,
        time: TimeInForce = GTC,
        reduce_only: bool = False,
        client_id: str | None = None,
        key: str | None = None,
    ) -> SimOrder:
        """A limit order with ``price``, a market order without."""
        return self.exchange.place(
            key or self.key,
            PlaceRequest(
                kind=kind,
                symbol=SYMBOL,
                side=side,
                order_kind=OrderKind.MARKET if price is None else OrderKind.LIMIT,
                qty=dec(qty),
                price=None if price is None else dec(price),
                time_in_force=time,
                reduce_only=reduce_only,
                client_order_id=client_id,
            ),
        )

    def refusal(
        self, side: Side, qty: str, price: int | str | None = None, **more: object
    ) -> RejectCode:
        """Place what must be refused; returns the code."""
        with pytest.raises(SimReject) as caught:
            self.place(side, qty, price, **more)  # type: ignore[arg-type]  # the keywords of place
        return caught.value.code

    def now_of(self, order: SimOrder, key: str | None = None) -> SimOrder:
        """The order as it stands now."""
        return self.exchange.order(
            key or self.key, order.kind, order.symbol, order_id=order.order_id
        )

    def account(self, key: str | None = None) -> AccountView:
        return self.exchange.account(key or self.key)

    def book(self, kind: MarketKind = PERP) -> Book:
        return self.exchange.book(kind, SYMBOL)

    def held(self, key: str | None = None) -> Decimal:
        """The perpetual position."""
        found = [p.qty for p in self.account(key).positions if p.symbol == SYMBOL]
        return found[0] if found else dec(0)

    def wallet(self) -> Decimal:
        """The futures wallet's balance."""
        return self.account().futures["USDT"].wallet_balance

    def spot(self, asset: str) -> Decimal:
        return self.account().spot[asset].total

    def events(self, *kinds: str) -> list[Mapping[str, object]]:
        """The truth log's events of these kinds."""
        return [entry for entry in self.exchange.log.after(0) if entry["event"] in kinds]


RICH: Mapping[tuple[Wallet, str], Decimal] = {
    (Wallet.SPOT, "BTC"): dec(10),
    (Wallet.SPOT, "USDT"): dec(10_000),
    (Wallet.FUTURES, "USDT"): dec(10_000),
}


def world(
    rows: Sequence[Row] = (flat(),) * 48,
    *,
    spot_rows: Sequence[Row] | None = None,
    mark_rows: Sequence[Row] | None = None,
    funding: Iterable[FundingSeries] = (),
    fees: Fees = NO_FEES,
    now: datetime = START + HOUR,
    balance: Mapping[tuple[Wallet, str], Decimal] = RICH,
    seed: int = 0,
) -> World:
    """An exchange on ``rows`` for the perpetual (and spot); depth is a tenth of the last bar's volume."""
    data = [
        series("perp", rows),
        series("spot", rows if spot_rows is None else spot_rows),
        *([series("mark", mark_rows)] if mark_rows is not None else []),
    ]
    exchange = SimExchange(
        rules=[rules(SPOT), rules(PERP)],
        series=data,
        funding=funding,
        now=now,
        fees=fees,
        seed=seed,
    )
    return World(exchange, exchange.open_account(balance).api_key)
