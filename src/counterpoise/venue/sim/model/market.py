"""What is listed and recorded: kinds, filters, fee rates, bars, funding rates, and how a market stands."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Literal

from counterpoise.domain.numbers import ZERO

HALF = Decimal("0.5")
SeriesKind = Literal["spot", "perp", "mark"]


class MarketKind(StrEnum):
    """Spot, or a linear contract settled in its quote asset: a perpetual, or a future whose rules name an expiry."""

    SPOT = "spot"
    PERP = "perp"


@dataclass(frozen=True, slots=True, kw_only=True)
class MarginTier:
    """One step of a contract's margin table: positions worth more than ``floor`` and up to ``cap`` (quote).

    ``rate`` is the maintenance rate as a fraction, ``cum`` (quote) what is taken off, so that the maintenance margin
    has no jump between tiers; ``max_leverage`` is the highest leverage a position of that size may have.
    """

    floor: Decimal
    cap: Decimal
    rate: Decimal
    cum: Decimal
    max_leverage: int


def tiers_of(rows: Iterable[tuple[Decimal, Decimal, int]]) -> tuple[MarginTier, ...]:
    """Return the tiers of (cap, maintenance rate, highest leverage), lowest first; ``cum`` follows from them."""
    tiers: list[MarginTier] = []
    floor = cum = rate_below = ZERO
    for cap, rate, max_leverage in rows:
        cum += floor * (rate - rate_below)
        tiers.append(
            MarginTier(floor=floor, cap=cap, rate=rate, cum=cum, max_leverage=max_leverage)
        )
        floor, rate_below = cap, rate
    return tuple(tiers)


#: What the one tier of a contract without a table covers, in quote.
WIDEST = Decimal(1_000_000_000)


@dataclass(frozen=True, slots=True, kw_only=True)
class SymbolRules:
    """The filters of one market. ``lot_size``, ``min_qty`` and ``max_qty`` in base, ``min_notional`` in quote.

    ``price_band_up`` and ``price_band_down`` bound a limit price as multiples of the market's price; a perpetual
    bounds only the side that would cross (a buy from above, a sell from below), spot bounds both. ``expiry_at`` of a
    dated future (``BTCUSDT_260327``): it charges no funding and ends then. ``tiers`` is the margin table of a
    contract; without one, half of 1 / ``max_leverage`` is to be maintained, whatever the size.
    """

    symbol: str
    kind: MarketKind
    base: str
    quote: str
    tick_size: Decimal
    lot_size: Decimal
    min_qty: Decimal
    max_qty: Decimal
    min_notional: Decimal
    max_leverage: int = 125
    base_precision: int = 8
    quote_precision: int = 8
    price_band_up: Decimal = Decimal(5)
    price_band_down: Decimal = Decimal("0.2")
    expiry_at: datetime | None = None
    tiers: tuple[MarginTier, ...] = ()

    @property
    def margin_tiers(self) -> tuple[MarginTier, ...]:
        """The margin table, lowest tier first; never empty."""
        return self.tiers or tiers_of(((WIDEST, HALF / self.max_leverage, self.max_leverage),))

    @property
    def pair(self) -> str:
        """The venue id of the spot market under it (``BTCUSDT`` of ``BTCUSDT_260327``)."""
        return self.symbol.partition("_")[0]


@dataclass(frozen=True, slots=True)
class Candle:
    """One bar; ``volume`` in base units (ZERO for mark series, which have none)."""

    open_at: datetime
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal = ZERO


@dataclass(frozen=True, slots=True)
class FundingRate:
    """A rate charged at ``at``, as a fraction; positive: longs pay shorts."""

    at: datetime
    rate: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """The bars of one market, oldest first; ``mark`` is the mark price of the perpetual of that symbol."""

    kind: SeriesKind
    symbol: str
    interval: timedelta
    candles: tuple[Candle, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class FundingSeries:
    """The funding rates of one perpetual, oldest first."""

    symbol: str
    rates: tuple[FundingRate, ...]


@dataclass(frozen=True, slots=True)
class Fees:
    """Fee rates as fractions of what is traded; ``liquidation`` is charged on what is closed by force."""

    spot_maker: Decimal = Decimal("0.0010")
    spot_taker: Decimal = Decimal("0.0010")
    perp_maker: Decimal = Decimal("0.0002")
    perp_taker: Decimal = Decimal("0.0005")
    liquidation: Decimal = Decimal("0.0125")

    def rate(self, kind: MarketKind, *, maker: bool) -> Decimal:
        """Return the rate for a trade in ``kind``."""
        if kind is MarketKind.SPOT:
            return self.spot_maker if maker else self.spot_taker
        return self.perp_maker if maker else self.perp_taker


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """How a dated future ended: every position was closed at ``price`` (quote)."""

    symbol: str
    price: Decimal
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Book:
    """The best prices at ``at``. A halted market has no bid and no ask; mark, index and funding are a perpetual's.

    ``funding_rate`` is the last rate charged (the next one is not known yet), None before the first.
    """

    symbol: str
    kind: MarketKind
    bid: Decimal | None
    bid_qty: Decimal
    ask: Decimal | None
    ask_qty: Decimal
    last: Decimal
    mark: Decimal | None
    index: Decimal | None
    funding_rate: Decimal | None
    next_funding_at: datetime | None
    halted: bool
    at: datetime
    funding_interval: timedelta | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticker24h:
    """The last 24 hours of closed bars; ``volume`` in base, ``quote_volume`` in quote, ``trades`` counts bars."""

    open: Decimal
    high: Decimal
    low: Decimal
    last: Decimal
    volume: Decimal
    quote_volume: Decimal
    open_at: datetime
    close_at: datetime
    trades: int
