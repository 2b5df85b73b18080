"""What the simulated exchange says, in the words of the domain, and an order of ours in its words. Pure.

Quantities are base units on both sides. Unified symbols are ``BTC/USDT``, ``BTC/USDT:USDT``
and ``BTC/USDT:USDT-260327``.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from decimal import Decimal

from counterpoise.domain.instrument import Instrument, InstrumentKind
from counterpoise.domain.ledger import EntryKind, LedgerEntry
from counterpoise.domain.margin import MarginTier, Tiers
from counterpoise.domain.numbers import ZERO
from counterpoise.domain.order import Fill, Forced, Order, OrderState, OrderType, VenueOrder
from counterpoise.domain.order import Side as DomainSide
from counterpoise.domain.order import TimeInForce as DomainTimeInForce
from counterpoise.domain.snapshot import Balance, FuturesWallet, MarginMode, Position
from counterpoise.venue.sim.model import (
    AccountView,
    Flow,
    Income,
    IncomeKind,
    MarginType,
    MarketKind,
    OrderKind,
    OrderStatus,
    PlaceRequest,
    Side,
    SimOrder,
    SimTrade,
    SymbolRules,
    TimeInForce,
)

ISOLATED = MarginType.ISOLATED

#: How the client ids of orders that the exchange made itself begin.
_FORCED: Mapping[str, Forced] = {
    "autoclose-": Forced.LIQUIDATION,
    "adl_autoclose": Forced.DELEVERAGING,
}
_STATES: Mapping[OrderStatus, OrderState] = {
    OrderStatus.OPEN: OrderState.OPEN,
    OrderStatus.PARTIALLY_FILLED: OrderState.PARTIALLY_FILLED,
    OrderStatus.FILLED: OrderState.FILLED,
    OrderStatus.CANCELED: OrderState.CANCELED,
    OrderStatus.EXPIRED: OrderState.EXPIRED,
}
_TIMES: Mapping[DomainTimeInForce, TimeInForce] = {
    DomainTimeInForce.GTC: TimeInForce.GTC,
    DomainTimeInForce.IOC: TimeInForce.IOC,
    DomainTimeInForce.FOK: TimeInForce.FOK,
    DomainTimeInForce.GTX: TimeInForce.POST_ONLY,
}
_KINDS: Mapping[OrderType, OrderKind] = {
    OrderType.LIMIT: OrderKind.LIMIT,
    OrderType.MARKET: OrderKind.MARKET,
}
_ENTRIES: Mapping[IncomeKind, EntryKind] = {
    "funding": EntryKind.FUNDING,
    "realized_pnl": EntryKind.REALIZED_PNL,
    "settlement": EntryKind.REALIZED_PNL,
    "commission": EntryKind.COMMISSION,
    "transfer": EntryKind.TRANSFER,
    "insurance_clear": EntryKind.OTHER,
}


def instrument_of(rules: SymbolRules) -> Instrument:
    """Return the instrument of one market."""
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


def balances(view: AccountView) -> dict[str, Balance]:
    """Return the coins that are held, free and locked."""
    return {
        asset: Balance(asset=asset, free=held.free, locked=held.locked)
        for asset, held in view.spot.items()
        if held.total
    }


def wallets(view: AccountView, quoted: Mapping[str, Collection[str]]) -> dict[str, FuturesWallet]:
    """Return the collateral by asset, empty wallets too; ``quoted`` is asset -> venue ids of its contracts."""
    return {
        asset: FuturesWallet(
            asset=asset,
            wallet_balance=wallet.wallet_balance,
            unrealized_pnl=wallet.unrealized_pnl,
            available=wallet.available,
            # the exchange tells the shared pool's; this is of the whole
            maintenance_margin=wallet.maintenance_margin
            + sum(
                (
                    held.maintenance_margin
                    for held in view.positions
                    if held.margin_type is ISOLATED and held.symbol in quoted.get(asset, ())
                ),
                ZERO,
            ),
        )
        for asset, wallet in view.futures.items()
    }


def positions(view: AccountView, symbols: Mapping[str, str]) -> dict[str, Position]:
    """Return what is held in contracts, by the unified symbol that ``symbols`` gives for a venue id."""
    return {
        symbols[held.symbol]: Position(
            symbol=symbols[held.symbol],
            qty=held.qty,
            entry_price=held.entry_price,
            mark_price=held.mark_price,
            unrealized_pnl=held.unrealized_pnl,
            leverage=Decimal(held.leverage),
            margin_mode=MarginMode(held.margin_type.value),
            isolated_wallet=held.isolated_wallet if held.margin_type is ISOLATED else None,
            liquidation_price=held.liquidation_price,
            maintenance_margin=held.maintenance_margin,
        )
        for held in view.positions
        if held.qty
    }


def tiers(rules: SymbolRules) -> Tiers:
    """Return the margin table of a contract."""
    return tuple(
        MarginTier(
            floor=tier.floor,
            cap=tier.cap,
            rate=tier.rate,
            amount=tier.cum,
            max_leverage=Decimal(tier.max_leverage),
        )
        for tier in rules.margin_tiers
    )


def place_request(order: Order, kind: MarketKind, venue_id: str) -> PlaceRequest:
    """Return ``order`` as the exchange is asked for it."""
    return PlaceRequest(
        kind=kind,
        symbol=venue_id,
        side=Side(order.side.value),
        order_kind=_KINDS[order.type],
        qty=order.qty,
        price=order.price,
        time_in_force=_TIMES[order.time_in_force],
        reduce_only=order.reduce_only,
        client_order_id=order.client_order_id,
    )


def venue_order(order: SimOrder, symbol: str) -> VenueOrder:
    """Return an order as the exchange has it."""
    return VenueOrder(
        symbol=symbol,
        client_order_id=order.client_order_id,
        venue_order_id=str(order.order_id),
        side=DomainSide(order.side.value),
        qty=order.qty,
        filled_qty=order.filled_qty,
        price=order.price,
        state=_STATES[order.status],
        reduce_only=order.reduce_only,
        created_at=order.created_at,
        avg_fill_price=order.filled_quote / order.filled_qty if order.filled_qty else None,
    )


def fill(venue: str, symbol: str, trade: SimTrade) -> Fill:
    """Return one execution."""
    return Fill(
        venue=venue,
        symbol=symbol,
        trade_id=str(trade.trade_id),
        venue_order_id=str(trade.order_id),
        side=DomainSide(trade.side.value),
        qty=trade.qty,
        price=trade.price,
        fee=trade.fee,
        fee_asset=trade.fee_asset,
        maker=trade.maker,
        filled_at=trade.at,
        forced=next(
            (why for begin, why in _FORCED.items() if trade.client_order_id.startswith(begin)), None
        ),
        client_order_id=trade.client_order_id,
    )


def income_entry(venue: str, income: Income, symbol: str | None) -> LedgerEntry:
    """Return one booking in the futures wallet."""
    return LedgerEntry(
        venue=venue,
        id=str(income.income_id),
        kind=_ENTRIES[income.kind],
        asset=income.asset,
        qty=income.qty,
        at=income.at,
        symbol=symbol,
    )


def flow_entry(venue: str, flow: Flow) -> LedgerEntry:
    """Return one deposit or withdrawal."""
    return LedgerEntry(
        venue=venue,
        id=str(flow.flow_id),
        kind=EntryKind.DEPOSIT if flow.qty > 0 else EntryKind.WITHDRAWAL,
        asset=flow.asset,
        qty=flow.qty,
        at=flow.at,
    )
