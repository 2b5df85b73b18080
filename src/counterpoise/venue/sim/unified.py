"""The simulated exchange's nouns in the words of the domain: instruments, positions, orders, bookings.

Unified symbols are ``BTC/USDT``, ``BTC/USDT:USDT`` and, for a dated future, ``BTC/USDT:USDT-260327``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from counterpoise.domain.instrument import Instrument, InstrumentKind
from counterpoise.domain.ledger import EntryKind
from counterpoise.domain.order import Order, OrderState, OrderType
from counterpoise.domain.order import TimeInForce as DomainTimeInForce
from counterpoise.domain.snapshot import Position
from counterpoise.venue.sim.model import (
    AccountView,
    MarketKind,
    OrderKind,
    OrderStatus,
    PlaceRequest,
    Side,
    SymbolRules,
    TimeInForce,
)

STATES: Mapping[OrderStatus, OrderState] = {
    OrderStatus.OPEN: OrderState.OPEN,
    OrderStatus.PARTIALLY_FILLED: OrderState.PARTIALLY_FILLED,
    OrderStatus.FILLED: OrderState.FILLED,
    OrderStatus.CANCELED: OrderState.CANCELED,
    OrderStatus.EXPIRED: OrderState.EXPIRED,
}
TIMES: Mapping[DomainTimeInForce, TimeInForce] = {
    DomainTimeInForce.GTC: TimeInForce.GTC,
    DomainTimeInForce.IOC: TimeInForce.IOC,
    DomainTimeInForce.FOK: TimeInForce.FOK,
    DomainTimeInForce.GTX: TimeInForce.POST_ONLY,
}
KINDS: Mapping[OrderType, OrderKind] = {
    OrderType.LIMIT: OrderKind.LIMIT,
    OrderType.MARKET: OrderKind.MARKET,
}


INCOME: Mapping[str, EntryKind] = {
    "funding": EntryKind.FUNDING,
    "realized_pnl": EntryKind.REALIZED_PNL,
    "commission": EntryKind.COMMISSION,
    "transfer": EntryKind.TRANSFER,
}


@dataclass(frozen=True, slots=True)
class Listed:
    """A market by both of its names."""

    kind: MarketKind
    id: str
    instrument: Instrument


def instrument_of(rules: SymbolRules) -> Instrument:
    """Return the instrument of one market; quantities are base units on both sides."""
    spot = rules.kind is MarketKind.SPOT
    pair = f"{rules.base}/{rules.quote}"
    dated = rules.expiry_at
    contract = f"{pair}:{rules.quote}" + (f"-{dated:%y%m%d}" if dated is not None else "")
    kind = InstrumentKind.PERPETUAL if dated is None else InstrumentKind.FUTURE
    return Instrument(
        symbol=pair if spot else contract,
        kind=InstrumentKind.SPOT if spot else kind,
        base=rules.base,
        quote=rules.quote,
        settle=None if spot else rules.quote,
        tick_size=rules.tick_size,
        lot_size=rules.lot_size,
        min_qty=rules.min_qty,
        min_notional=rules.min_notional,
        max_qty=rules.max_qty,
        expiry_at=dated,
    )


def positions_of(view: AccountView, symbols: Mapping[str, str]) -> dict[str, Position]:
    """Return the positions that are not flat; ``symbols`` is venue id -> unified symbol."""
    return {
        symbols[held.symbol]: Position(
            symbol=symbols[held.symbol],
            qty=held.qty,
            entry_price=held.entry_price,
            mark_price=held.mark_price,
            unrealized_pnl=held.unrealized_pnl,
            leverage=Decimal(held.leverage),
        )
        for held in view.positions
        if held.qty
    }


def request_of(order: Order, listed: Listed) -> PlaceRequest:
    """Return ``order`` as it is asked for in the market ``listed``."""
    return PlaceRequest(
        kind=listed.kind,
        symbol=listed.id,
        side=Side(order.side.value),
        order_kind=KINDS[order.type],
        qty=order.qty,
        price=order.price,
        time_in_force=TIMES[order.time_in_force],
        reduce_only=order.reduce_only,
        client_order_id=order.client_order_id,
    )
