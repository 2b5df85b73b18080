"""The nouns of the simulated exchange: rules, recorded data, orders, trades, money views, refusals.

Everything that goes into or comes out of :class:`~counterpoise.venue.sim.exchange.SimExchange` is one of
these. They are venue-neutral: symbols are venue ids (``BTCUSDT``) beside a :class:`MarketKind`, quantities are
base units, positive for orders and trades (with a :class:`Side`) and signed for positions (short < 0). Nothing
here knows a dialect, and a rejected order never exists: it is a :class:`SimReject` instead.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Literal

from counterpoise.domain.numbers import ZERO

SeriesKind = Literal["spot", "perp", "mark"]
IncomeKind = Literal["funding", "realized_pnl", "settlement", "commission", "transfer"]


class MarketKind(StrEnum):
    """Spot, or a linear contract settled in its quote asset: a perpetual, or a future whose rules name an expiry."""

    SPOT = "spot"
    PERP = "perp"


class Side(StrEnum):
    """Direction of an order or trade."""

    BUY = "buy"
    SELL = "sell"

    @property
    def sign(self) -> int:
        """+1 for a buy, -1 for a sell."""
        return 1 if self is Side.BUY else -1


class OrderKind(StrEnum):
    """Limit or market."""

    LIMIT = "limit"
    MARKET = "market"


class TimeInForce(StrEnum):
    """How long an order lives."""

    GTC = "gtc"
    IOC = "ioc"
    FOK = "fok"
    POST_ONLY = "post_only"


class OrderStatus(StrEnum):
    """Where an accepted order is in its life."""

    OPEN = "open"
    PARTIALLY_FILLED = "partially_filled"
    FILLED = "filled"
    CANCELED = "canceled"
    EXPIRED = "expired"

    @property
    def is_open(self) -> bool:
        """Whether the order still rests in the book."""
        return self in {OrderStatus.OPEN, OrderStatus.PARTIALLY_FILLED}


class Wallet(StrEnum):
    """The two wallets of an account."""

    SPOT = "spot"
    FUTURES = "futures"


class RejectCode(StrEnum):
    """Why something was refused; each dialect maps these to its own codes and words."""

    UNKNOWN_ACCOUNT = "unknown_account"
    UNKNOWN_SYMBOL = "unknown_symbol"
    UNKNOWN_ORDER = "unknown_order"
    MARKET_CLOSED = "market_closed"
    BAD_QTY_STEP = "bad_qty_step"
    BAD_PRICE_TICK = "bad_price_tick"
    BAD_PRICE = "bad_price"
    PERCENT_PRICE = "percent_price"
    BELOW_MIN_QTY = "below_min_qty"
    ABOVE_MAX_QTY = "above_max_qty"
    BELOW_MIN_NOTIONAL = "below_min_notional"
    INSUFFICIENT_BALANCE = "insufficient_balance"
    INSUFFICIENT_MARGIN = "insufficient_margin"
    DUPLICATE_CLIENT_ID = "duplicate_client_id"
    WOULD_TAKE = "would_take"
    REDUCE_ONLY = "reduce_only"
    FOK_NOT_FILLED = "fok_not_filled"
    BAD_LEVERAGE = "bad_leverage"
    BAD_TRANSFER = "bad_transfer"


class SimReject(Exception):
    """The exchange refused a request; nothing changed. ``text`` says what was expected and what was found."""

    def __init__(self, code: RejectCode, text: str) -> None:
        self.code = code
        self.text = text
        super().__init__(f"{code.value}: {text}")


@dataclass(frozen=True, slots=True, kw_only=True)
class SymbolRules:
    """The filters of one market. ``lot_size``, ``min_qty`` and ``max_qty`` in base, ``min_notional`` in quote.

    ``price_band_up`` and ``price_band_down`` bound a limit price as multiples of the market's price; a perpetual
    bounds only the side that would cross (a buy from above, a sell from below), spot bounds both. ``expiry_at`` of a
    dated future (``BTCUSDT_260327``): it charges no funding and ends then.
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
    """Fee rates as fractions of what is traded."""

    spot_maker: Decimal = Decimal("0.0010")
    spot_taker: Decimal = Decimal("0.0010")
    perp_maker: Decimal = Decimal("0.0002")
    perp_taker: Decimal = Decimal("0.0005")

    def rate(self, kind: MarketKind, *, maker: bool) -> Decimal:
        """Return the rate for a trade in ``kind``."""
        if kind is MarketKind.SPOT:
            return self.spot_maker if maker else self.spot_taker
        return self.perp_maker if maker else self.perp_taker


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaceRequest:
    """An order as asked for. ``price`` is None exactly for a market order."""

    kind: MarketKind
    symbol: str
    side: Side
    order_kind: OrderKind
    qty: Decimal
    price: Decimal | None = None
    time_in_force: TimeInForce = TimeInForce.GTC
    reduce_only: bool = False
    client_order_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SimOrder:
    """An accepted order as it stood when it was read. ``filled_quote`` is the sum of price x qty of its fills."""

    order_id: int
    client_order_id: str
    kind: MarketKind
    symbol: str
    side: Side
    order_kind: OrderKind
    time_in_force: TimeInForce
    qty: Decimal
    price: Decimal | None
    reduce_only: bool
    status: OrderStatus
    filled_qty: Decimal
    filled_quote: Decimal
    created_at: datetime
    updated_at: datetime

    @property
    def remaining_qty(self) -> Decimal:
        """What may still fill: zero unless the order is open."""
        return self.qty - self.filled_qty if self.status.is_open else ZERO


@dataclass(frozen=True, slots=True, kw_only=True)
class SimTrade:
    """One execution. ``fee`` >= 0 was paid in ``fee_asset``; ``realized_pnl`` is ZERO for spot."""

    trade_id: int
    order_id: int
    client_order_id: str
    kind: MarketKind
    symbol: str
    side: Side
    qty: Decimal
    price: Decimal
    quote_qty: Decimal
    fee: Decimal
    fee_asset: str
    maker: bool
    at: datetime
    realized_pnl: Decimal


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
class Delivery:
    """How a dated future ended: every position was closed at ``price`` (quote)."""

    symbol: str
    price: Decimal
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
class AccountKeys:
    """What an account signs its requests with."""

    api_key: str
    secret: str = field(repr=False)


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
