"""A small market for tests of Binance's face: BTC and ETH, spot and perpetual, five-minute bars, funding.

Prices stand at 80,000 and 2,000 until a test moves them, and every bar trades 1,000 coins, so that what an
order does can be said in advance. `Caller` signs requests as Binance's documentation says, on its own.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import cache
from typing import Any
from urllib.parse import urlencode

from counterpoise.domain.numbers import dec
from counterpoise.venue.sim import (
    Candle,
    FundingRate,
    FundingSeries,
    MarketKind,
    Series,
    SimExchange,
    SymbolRules,
    Wallet,
)
from counterpoise.venue.sim.model import SeriesKind
from counterpoise.venue.testnet.http import Handler, Request, Response

BEGIN = datetime(2025, 3, 1, tzinfo=UTC)
NOW = datetime(2025, 3, 3, 12, 0, tzinfo=UTC)
NOW_MS = 1_741_003_200_000
BAR = timedelta(minutes=5)
BARS = 3_000
BALANCE = {
    (Wallet.SPOT, "BTC"): dec(1),
    (Wallet.SPOT, "USDT"): dec(50_000),
    (Wallet.FUTURES, "USDT"): dec(20_000),
}


def rule(base: str, kind: MarketKind, tick: str, lot: str, least: str) -> SymbolRules:
    spot = kind is MarketKind.SPOT
    return SymbolRules(
        symbol=f"{base}USDT",
        kind=kind,
        base=base,
        quote="USDT",
        tick_size=dec(tick),
        lot_size=dec(lot),
        min_qty=dec(lot),
        max_qty=dec(1_000),
        min_notional=dec(least),
        price_band_up=dec(5) if spot else dec("1.15"),
        price_band_down=dec("0.2") if spot else dec("0.85"),
    )


RULES = (
    rule("BTC", MarketKind.SPOT, "0.01", "0.00001", "5"),
    rule("BTC", MarketKind.PERP, "0.10", "0.001", "100"),
    rule("ETH", MarketKind.SPOT, "0.01", "0.0001", "5"),
    rule("ETH", MarketKind.PERP, "0.01", "0.001", "20"),
)


@cache
def flat(kind: SeriesKind, symbol: str, price: str, volume: str = "1000") -> Series:
    at = dec(price)
    bars = tuple(Candle(BEGIN + BAR * n, at, at, at, at, dec(volume)) for n in range(BARS))
    return Series(kind=kind, symbol=symbol, interval=BAR, candles=bars)


def funding(symbol: str) -> FundingSeries:
    step = timedelta(hours=8)
    return FundingSeries(
        symbol=symbol, rates=tuple(FundingRate(BEGIN + step * n, dec("0.0001")) for n in range(30))
    )


def exchange(
    *,
    series: tuple[Series, ...] | None = None,
    now: datetime = NOW,
    rules: tuple[SymbolRules, ...] = RULES,
) -> SimExchange:
    return SimExchange(
        rules=rules,
        series=series
        or (
            flat("spot", "BTCUSDT", "80000"),
            flat("perp", "BTCUSDT", "80010"),
            flat("mark", "BTCUSDT", "80005", "0"),
            flat("spot", "ETHUSDT", "2000"),
            flat("perp", "ETHUSDT", "2001"),
        ),
        funding=(funding("BTCUSDT"), funding("ETHUSDT")),
        now=now,
    )


@dataclass(slots=True)
class Caller:
    """Sends requests to a handler, signed with its own keys at market time."""

    handler: Handler
    exchange: SimExchange
    api_key: str
    secret: str

    def public(self, path: str, **params: object) -> Any:
        return self.data(
            self.handler.handle(Request(method="GET", path=path, query=urlencode(params)))
        )

    def raw(self, method: str, path: str, **params: object) -> Response:
        """Send a signed request; parameters go where Binance's clients put them."""
        stamp = int(self.exchange.now.timestamp() * 1_000)
        payload = urlencode({"timestamp": stamp, **params})
        signature = hmac.new(self.secret.encode(), payload.encode(), hashlib.sha256).hexdigest()
        payload += f"&signature={signature}"
        in_body = method in ("POST", "PUT")
        return self.handler.handle(
            Request(
                method=method,
                path=path,
                query="" if in_body else payload,
                body=payload if in_body else "",
                headers={"x-mbx-apikey": self.api_key},
            )
        )

    def get(self, path: str, **params: object) -> Any:
        return self.data(self.raw("GET", path, **params))

    def post(self, path: str, **params: object) -> Any:
        return self.data(self.raw("POST", path, **params))

    def delete(self, path: str, **params: object) -> Any:
        return self.data(self.raw("DELETE", path, **params))

    def refused(self, method: str, path: str, **params: object) -> tuple[int, int, str]:
        """Return HTTP state, code and message of a refusal."""
        response = self.raw(method, path, **params)
        body = json.loads(response.body)
        return response.status, body["code"], body["msg"]

    @staticmethod
    def data(response: Response) -> Any:
        assert response.status == 200, (response.status, response.body)
        return json.loads(response.body)


def balance(**spot: str) -> dict[tuple[Wallet, str], Decimal]:
    return {(Wallet.SPOT, asset): dec(qty) for asset, qty in spot.items()}
