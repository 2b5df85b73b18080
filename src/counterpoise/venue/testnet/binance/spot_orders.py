"""Spot orders: place, test, query, cancel, list."""

from __future__ import annotations

from datetime import timedelta

from counterpoise.domain.numbers import ZERO
from counterpoise.venue.sim import MarketKind, OrderKind, SimOrder, SimReject, SimTrade
from counterpoise.venue.testnet.binance.call import Call, Routes, signed
from counterpoise.venue.testnet.binance.errors import About, ApiError, from_reject
from counterpoise.venue.testnet.binance.formatting import (
    STATUS,
    TIF_SPOT,
    fixed,
    ms,
    spot_type,
)
from counterpoise.venue.testnet.binance.order_request import spot_order
from counterpoise.venue.testnet.binance.weights import flat, unless_symbol

SPOT = MarketKind.SPOT
DAY = timedelta(days=1)
NO_STP = "EXPIRE_MAKER"


def place(call: Call) -> object:
    """POST /api/v3/order. Answers FULL by default for limit and market, ACK for LIMIT_MAKER, as Binance."""
    request = spot_order(call)
    call.count_orders(1)
    try:
        order = call.exchange.place(call.account, request, signed_at=call.signed_at)
    except SimReject as reject:
        raise from_reject(reject, About(kind=SPOT, rule=call.rule(), side=request.side)) from None
    default = "ACK" if spot_type(order) == "LIMIT_MAKER" else "FULL"
    form = call.params.opt("newOrderRespType") or default
    head = {
        "symbol": order.symbol,
        "orderId": order.order_id,
        "orderListId": -1,
        "clientOrderId": order.client_order_id,
        "transactTime": ms(order.created_at),
    }
    if form == "ACK":
        return head
    body = {
        **head,
        **_amounts(order),
        "workingTime": ms(order.created_at),
        "selfTradePreventionMode": NO_STP,
    }
    if form == "RESULT":
        return body
    trades = call.exchange.trades(call.account, SPOT, order.symbol, order_id=order.order_id)
    return {**body, "fills": [_fill(trade) for trade in trades]}


def test(call: Call) -> object:
    """POST /api/v3/order/test: the checks of a new order without the order."""
    spot_order(call)
    return {}


def query(call: Call) -> object:
    """GET /api/v3/order by ``orderId`` or ``origClientOrderId``."""
    return _listed(_find(call))


def cancel(call: Call) -> object:
    """DELETE /api/v3/order by ``orderId`` or ``origClientOrderId``."""
    rule = call.rule()
    order_id, client_id = _id_of(call)
    try:
        order = call.exchange.cancel(
            call.account,
            SPOT,
            rule.symbol,
            order_id=order_id,
            client_order_id=client_id,
            signed_at=call.signed_at,
        )
    except SimReject as reject:
        raise from_reject(reject, About(kind=SPOT, rule=rule, cancelling=True)) from None
    return _canceled(call, order)


def cancel_all(call: Call) -> object:
    """DELETE /api/v3/openOrders of one symbol; -2011 when there are none."""
    rule = call.rule()
    still_open = call.exchange.orders(call.account, SPOT, rule.symbol, open_only=True)
    if not still_open:
        raise ApiError(-2011, "Unknown order sent.")
    return [
        _canceled(
            call,
            call.exchange.cancel(
                call.account,
                SPOT,
                rule.symbol,
                order_id=order.order_id,
                signed_at=call.signed_at,
            ),
        )
        for order in still_open
    ]


def open_orders(call: Call) -> object:
    """GET /api/v3/openOrders of one symbol or all."""
    rule = call.opt_rule()
    symbol = rule.symbol if rule else None
    return [_listed(o) for o in call.exchange.orders(call.account, SPOT, symbol, open_only=True)]


def all_orders(call: Call) -> object:
    """GET /api/v3/allOrders of one symbol: from ``orderId`` on, in a span of at most 24 h, or the last ones."""
    rule = call.rule()
    orders = call.exchange.orders(call.account, SPOT, rule.symbol)
    least = call.params.integer("orderId")
    limit = call.params.limit(500, 1_000)
    start, end = call.span()
    check_day(call)
    chosen = [
        order
        for order in orders
        if (least is None or order.order_id >= least)
        and (start is None or order.created_at >= start)
        and (end is None or order.created_at <= end)
    ]
    forward = least is not None or start is not None
    return [_listed(order) for order in (chosen[:limit] if forward else chosen[-limit:])]


def check_day(call: Call) -> None:
    """Refuse a span of more than 24 hours (-1127)."""
    start, end = call.span()
    if start is not None and end is not None and end - start > DAY:
        raise ApiError(-1127, "More than 24 hours between startTime and endTime.")


def _id_of(call: Call) -> tuple[int | None, str | None]:
    order_id, client_id = call.params.integer("orderId"), call.params.opt("origClientOrderId")
    if order_id is None and client_id is None:
        raise ApiError(
            -1102,
            "Param 'origClientOrderId' or 'orderId' must be sent, but both were empty/null!",
        )
    return order_id, None if order_id is not None else client_id


def _find(call: Call) -> SimOrder:
    rule = call.rule()
    order_id, client_id = _id_of(call)
    return call.exchange.order(
        call.account, SPOT, rule.symbol, order_id=order_id, client_order_id=client_id
    )


def _amounts(order: SimOrder) -> dict[str, object]:
    return {
        "price": fixed(order.price or ZERO),
        "origQty": fixed(order.qty),
        "executedQty": fixed(order.filled_qty),
        "origQuoteOrderQty": fixed(ZERO),
        "cummulativeQuoteQty": fixed(order.filled_quote),
        "status": STATUS[order.status],
        # a market order has no time in force here; Binance prints GTC for it
        "timeInForce": "GTC"
        if order.order_kind is OrderKind.MARKET
        else TIF_SPOT[order.time_in_force],
        "type": spot_type(order),
        "side": order.side.value.upper(),
    }


def _listed(order: SimOrder) -> dict[str, object]:
    return {
        "symbol": order.symbol,
        "orderId": order.order_id,
        "orderListId": -1,
        "clientOrderId": order.client_order_id,
        **_amounts(order),
        "stopPrice": fixed(ZERO),
        "icebergQty": fixed(ZERO),
        "time": ms(order.created_at),
        "updateTime": ms(order.updated_at),
        "isWorking": True,
        "workingTime": ms(order.created_at),
        "selfTradePreventionMode": NO_STP,
    }


def _canceled(call: Call, order: SimOrder) -> dict[str, object]:
    """Return the reply to a cancel: ``clientOrderId`` names the cancel, ``origClientOrderId`` the order."""
    return {
        "symbol": order.symbol,
        "origClientOrderId": order.client_order_id,
        "orderId": order.order_id,
        "orderListId": -1,
        "clientOrderId": call.params.opt("newClientOrderId") or f"cancel-{order.order_id}",
        "transactTime": ms(order.updated_at),
        **_amounts(order),
        "selfTradePreventionMode": NO_STP,
    }


def _fill(trade: SimTrade) -> dict[str, object]:
    return {
        "price": fixed(trade.price),
        "qty": fixed(trade.qty),
        "commission": fixed(trade.fee),
        "commissionAsset": trade.fee_asset,
        "tradeId": trade.trade_id,
    }


ROUTES: Routes = {
    ("POST", "/api/v3/order"): signed(place, flat(1)),
    ("POST", "/api/v3/order/test"): signed(test, flat(1)),
    ("GET", "/api/v3/order"): signed(query, flat(4)),
    ("DELETE", "/api/v3/order"): signed(cancel, flat(1)),
    ("GET", "/api/v3/openOrders"): signed(open_orders, unless_symbol(6, 80)),
    ("DELETE", "/api/v3/openOrders"): signed(cancel_all, flat(1)),
    ("GET", "/api/v3/allOrders"): signed(all_orders, flat(20)),
}
