"""Orders and trades, as asked for and as they stand, and the refusal of a request."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from counterpoise.domain.numbers import ZERO
from counterpoise.venue.sim.model.market import MarketKind


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
    ABOVE_MAX_POSITION = "above_max_position"
    LEVERAGE_REDUCTION = "leverage_reduction"
    POSITION_OPEN = "position_open"
    ORDERS_OPEN = "orders_open"
    NOT_ISOLATED = "not_isolated"
    NO_POSITION = "no_position"
    BAD_TRANSFER = "bad_transfer"


class SimReject(Exception):
    """The exchange refused a request; nothing changed. ``text`` says what was expected and what was found."""

    def __init__(self, code: RejectCode, text: str) -> None:
        self.code = code
        self.text = text
        super().__init__(f"{code.value}: {text}")


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
