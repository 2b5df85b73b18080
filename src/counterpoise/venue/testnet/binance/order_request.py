"""Reads the parameters of a new order, for spot and futures, into the exchange's own request.

Everything Binance checks before its matching engine sees an order is checked here, in its words: unknown
sides and types, parameters that are missing or do not belong together, numbers with too many decimals,
modes this account is not in. What depends on the book or the account is the exchange's to refuse.
"""

from __future__ import annotations

from decimal import Decimal

from counterpoise.domain.numbers import floor_step
from counterpoise.venue.sim import (
    MarketKind,
    OrderKind,
    PlaceRequest,
    Side,
    SymbolRules,
    TimeInForce,
)
from counterpoise.venue.testnet.binance.call import Call
from counterpoise.venue.testnet.binance.errors import ApiError, not_required
from counterpoise.venue.testnet.binance.formatting import places_of, price_places, qty_places
from counterpoise.venue.testnet.binance.params import Params

SIDES = {"BUY": Side.BUY, "SELL": Side.SELL}
SPOT_TIMES = {"GTC": TimeInForce.GTC, "IOC": TimeInForce.IOC, "FOK": TimeInForce.FOK}
FUTURES_TIMES = {**SPOT_TIMES, "GTX": TimeInForce.POST_ONLY}
SPOT_STOPS = {
    "STOP_LOSS": "Stop loss orders are not supported for this symbol.",
    "STOP_LOSS_LIMIT": "Stop loss limit orders are not supported for this symbol.",
    "TAKE_PROFIT": "Take profit orders are not supported for this symbol.",
    "TAKE_PROFIT_LIMIT": "Take profit limit orders are not supported for this symbol.",
}
FUTURES_STOPS = ("STOP", "STOP_MARKET", "TAKE_PROFIT", "TAKE_PROFIT_MARKET", "TRAILING_STOP_MARKET")
MAX_CLIENT_ID = 36


def spot_order(call: Call) -> PlaceRequest:
    """Return the order a spot ``POST order`` asks for."""
    params, rule = call.params, call.rule()
    side = _side(params)
    kind = params.need("type")
    if kind in SPOT_STOPS:
        raise ApiError(-2010, SPOT_STOPS[kind])
    if kind not in ("LIMIT", "LIMIT_MAKER", "MARKET"):
        raise ApiError(-1116, "Invalid orderType.")
    client_id = params.client_id("newClientOrderId")
    if kind == "MARKET":
        _refuse_sent(params, "price", "timeInForce")
        return PlaceRequest(
            kind=MarketKind.SPOT,
            symbol=rule.symbol,
            side=side,
            order_kind=OrderKind.MARKET,
            qty=_market_qty(call, rule, side),
            time_in_force=TimeInForce.IOC,
            client_order_id=client_id,
        )
    if kind == "LIMIT_MAKER":
        _refuse_sent(params, "timeInForce")
        time_in_force = TimeInForce.POST_ONLY
    else:
        time_in_force = _time_in_force(params, SPOT_TIMES)
    return PlaceRequest(
        kind=MarketKind.SPOT,
        symbol=rule.symbol,
        side=side,
        order_kind=OrderKind.LIMIT,
        qty=_spot_precise(params, "quantity", rule.base_precision),
        price=_spot_precise(params, "price", rule.quote_precision),
        time_in_force=time_in_force,
        client_order_id=client_id,
    )


def futures_order(call: Call, params: Params) -> PlaceRequest:
    """Return the order a futures ``POST order`` (or one element of a batch, hence ``params``) asks for."""
    rule = call.rule_of(params.need("symbol"))
    side = _side(params)
    kind = params.need("type")
    if kind in FUTURES_STOPS or params.flag("closePosition"):
        raise ApiError(
            -4120,
            "Order type not supported for this endpoint. Please use the Algo Order API endpoints"
            " instead.",
        )
    if kind not in ("LIMIT", "MARKET"):
        raise ApiError(-1116, "Invalid orderType.")
    if (params.opt("positionSide") or "BOTH") != "BOTH" or call.exchange.two_sided(call.account):
        raise ApiError(-4061, "Order's position side does not match user's setting.")
    client_id = params.opt("newClientOrderId")
    if client_id is not None and len(client_id) > MAX_CLIENT_ID:
        raise ApiError(-4015, "Client order id length should not be more than 36 chars")
    params.client_id("newClientOrderId")
    qty = _positive(_precise(params, "quantity", qty_places(rule)))
    if kind == "MARKET":
        _refuse_sent(params, "price", "timeInForce")
        price, time_in_force = None, TimeInForce.IOC
    else:
        price = _precise(params, "price", price_places(rule))
        time_in_force = _time_in_force(params, FUTURES_TIMES)
    return PlaceRequest(
        kind=MarketKind.PERP,
        symbol=rule.symbol,
        side=side,
        order_kind=OrderKind.LIMIT if kind == "LIMIT" else OrderKind.MARKET,
        qty=qty,
        price=price,
        time_in_force=time_in_force,
        reduce_only=params.flag("reduceOnly"),
        client_order_id=client_id,
    )


def _side(params: Params) -> Side:
    side = SIDES.get(params.need("side"))
    if side is None:
        raise ApiError(-1117, "Invalid side.")
    return side


def _time_in_force(params: Params, known: dict[str, TimeInForce]) -> TimeInForce:
    found = known.get(params.need("timeInForce"))
    if found is None:
        raise ApiError(-1115, "Invalid timeInForce.")
    return found


def _refuse_sent(params: Params, *names: str) -> None:
    for name in names:
        if params.has(name):
            raise not_required(name)


def _precise(params: Params, name: str, places: int) -> Decimal:
    """Return a number of a futures order; -1111 when it has more decimals than the symbol."""
    value = params.need_decimal(name)
    if places_of(value) > places:
        raise ApiError(-1111, "Precision is over the maximum defined for this asset.")
    return value


def _spot_precise(params: Params, name: str, places: int) -> Decimal:
    """Return a number of a spot order; -1111 in spot's words when it has more decimals than the asset."""
    value = params.need_decimal(name)
    if places_of(value) > places:
        raise ApiError(-1111, f"Parameter '{name}' has too much precision.")
    return value


def _positive(qty: Decimal) -> Decimal:
    if qty <= 0:
        raise ApiError(-4003, "Quantity less than or equal to zero.")
    return qty


def _market_qty(call: Call, rule: SymbolRules, side: Side) -> Decimal:
    """Return the base quantity; ``quoteOrderQty`` is turned into base at the touch, rounded down to a lot."""
    params = call.params
    if not params.has("quoteOrderQty"):
        return _spot_precise(params, "quantity", rule.base_precision)
    _refuse_sent(params, "quantity")
    quote = params.need_decimal("quoteOrderQty")
    book = call.exchange.book(rule.kind, rule.symbol)
    touch = book.ask if side is Side.BUY else book.bid
    if touch is None:
        raise ApiError(-2010, "Market is closed.")
    return floor_step(quote / touch, rule.lot_size)
