"""USD-M orders: place, query, cancel, list, in batches too, and own trades."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial

from counterpoise.domain.numbers import ZERO
from counterpoise.venue.sim import (
    MarketKind,
    OrderKind,
    OrderStatus,
    PlaceRequest,
    Side,
    SimOrder,
    SimReject,
    SimTrade,
    SymbolRules,
)
from counterpoise.venue.testnet.binance.call import Call, Routes, signed
from counterpoise.venue.testnet.binance.errors import About, ApiError, from_reject
from counterpoise.venue.testnet.binance.formatting import (
    STATUS,
    TIF_FUTURES,
    fixed,
    futures_type,
    ms,
    price_places,
    price_text,
    qty_text,
    quote_places,
    rounded,
)
from counterpoise.venue.testnet.binance.order_request import futures_order
from counterpoise.venue.testnet.binance.params import Params
from counterpoise.venue.testnet.binance.weights import flat, unless_symbol

PERP = MarketKind.PERP
WEEK = timedelta(days=7)
#: A day; a countdown that is longer protects nobody.
LONGEST_COUNTDOWN_MS = 86_400_000
MAX_BATCH, MAX_BATCH_CANCEL = 5, 10


def place(call: Call) -> object:
    """POST /fapi/v1/order. ACK (the default) shows the order as it was accepted, RESULT as it stands."""
    request = futures_order(call, call.params)
    call.count_orders(1)
    return _place(call, request, call.params.opt("newOrderRespType") or "ACK")


def _place(call: Call, request: PlaceRequest, form: str) -> dict[str, object]:
    try:
        order = call.exchange.place(call.account, request, signed_at=call.signed_at)
    except SimReject as reject:
        raise from_reject(reject, _about(call, request)) from None
    if form == "ACK":
        order = replace(order, status=OrderStatus.OPEN, filled_qty=ZERO, filled_quote=ZERO)
    return _acted(call, order)


def _about(call: Call, request: PlaceRequest) -> About:
    book = call.exchange.book(PERP, request.symbol)
    return About(
        kind=PERP, rule=call.rule_of(request.symbol), side=request.side, mark=book.mark or book.last
    )


def place_batch(call: Call) -> object:
    """POST /fapi/v1/batchOrders: up to five; each answers for itself, with an order or a refusal."""
    rows = call.params.json_list("batchOrders")
    if not rows or len(rows) > MAX_BATCH:
        raise ApiError(-4082, "Invalid number of batch place orders.")
    return _answers(call, [partial(_place_row, call, row) for row in rows])


def _place_row(call: Call, row: object) -> dict[str, object]:
    if not isinstance(row, dict):
        raise ApiError(-1130, "Data sent for parameter 'batchOrders' is not valid.")
    params = Params({str(key): _plain(value) for key, value in row.items()})
    request = futures_order(call, params)
    call.count_orders(1)
    return _place(call, request, params.opt("newOrderRespType") or "ACK")


def _plain(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _answers(
    call: Call, acts: Iterable[Callable[[], dict[str, object]]]
) -> list[dict[str, object]]:
    """Do each of ``acts`` by itself, but for those that a fault strikes."""
    told: list[dict[str, object]] = []
    for place, act in enumerate(acts):
        struck = call.partly if call.partly is not None and place in call.partly.places else None
        answer = _answer(act) if struck is None or struck.done else {}
        if struck is not None:
            answer = {"code": struck.refusal.code, "msg": struck.refusal.msg}
        told.append(answer)
    return told


def _answer(act: Callable[[], dict[str, object]]) -> dict[str, object]:
    try:
        return act()
    except ApiError as error:
        return error.payload


def query(call: Call) -> object:
    """GET /fapi/v1/order by ``orderId`` or ``origClientOrderId``."""
    return listed(call, _find(call))


def open_order(call: Call) -> object:
    """GET /fapi/v1/openOrder: as a query, but only of an order that rests (else -2013)."""
    order = _find(call)
    if not order.status.is_open:
        raise ApiError(-2013, "Order does not exist.")
    return listed(call, order)


def cancel(call: Call) -> object:
    """DELETE /fapi/v1/order by ``orderId`` or ``origClientOrderId``."""
    return _cancel(call, *_id_of(call))


def _cancel(call: Call, order_id: int | None, client_id: str | None) -> dict[str, object]:
    rule = call.rule()
    try:
        order = call.exchange.cancel(
            call.account,
            PERP,
            rule.symbol,
            order_id=order_id,
            client_order_id=client_id,
            signed_at=call.signed_at,
        )
    except SimReject as reject:
        raise from_reject(reject, About(kind=PERP, rule=rule, cancelling=True)) from None
    return _acted(call, order)


def cancel_batch(call: Call) -> object:
    """DELETE /fapi/v1/batchOrders by ``orderIdList`` or ``origClientOrderIdList``, up to ten."""
    ids = call.params.json_list("orderIdList", "orderidlist")
    names = call.params.json_list("origClientOrderIdList", "origclientorderidlist")
    wanted: list[tuple[int | None, str | None]] = (
        [(_whole(one), None) for one in ids] if ids else [(None, str(one)) for one in names or ()]
    )
    if not wanted or len(wanted) > MAX_BATCH_CANCEL:
        raise ApiError(-4032, "Exceed maximum cancel order size.")
    return _answers(call, [partial(_cancel, call, order_id, name) for order_id, name in wanted])


def _whole(value: object) -> int:
    if isinstance(value, int) or (isinstance(value, str) and value.isdecimal()):
        return int(value)
    raise ApiError(-1130, "Data sent for parameter 'orderIdList' is not valid.")


def cancel_all(call: Call) -> object:
    """DELETE /fapi/v1/allOpenOrders of one symbol; done also when there were none."""
    rule = call.rule()
    for order in call.exchange.orders(call.account, PERP, rule.symbol, open_only=True):
        call.exchange.cancel(
            call.account, PERP, rule.symbol, order_id=order.order_id, signed_at=call.signed_at
        )
    return {"code": 200, "msg": "The operation of cancel all open order is done."}


def countdown(call: Call) -> object:
    """POST /fapi/v1/countdownCancelAll: cancel what is open of a symbol after ``countdownTime`` ms; 0: never."""
    rule, wait = call.rule(), call.params.need_integer("countdownTime")
    if wait > LONGEST_COUNTDOWN_MS:
        raise ApiError(-1130, "Data sent for parameter 'countdownTime' is not valid.")
    call.exchange.countdown_cancel(call.account, rule.symbol, timedelta(milliseconds=wait))
    return {"symbol": rule.symbol, "countdownTime": str(wait)}


def open_orders(call: Call) -> object:
    """GET /fapi/v1/openOrders of one symbol or all."""
    rule = call.opt_rule()
    symbol = rule.symbol if rule else None
    orders = call.exchange.orders(call.account, PERP, symbol, open_only=True)
    return [listed(call, order) for order in orders]


def all_orders(call: Call) -> object:
    """GET /fapi/v1/allOrders of one symbol: from ``orderId`` on, or in a span of at most 7 days."""
    rule = call.rule()
    least = call.params.integer("orderId")
    orders = call.exchange.orders(call.account, PERP, rule.symbol)
    limit = call.params.limit(500, 1_000)
    if least is not None:
        chosen = [order for order in orders if order.order_id >= least]
        return [listed(call, order) for order in chosen[:limit]]
    start, end = week(call)
    chosen = [order for order in orders if start <= order.created_at <= end]
    return [listed(call, order) for order in chosen[-limit:]]


def user_trades(call: Call) -> object:
    """GET /fapi/v1/userTrades of one symbol: of ``orderId``, from ``fromId`` on, or in a span of 7 days."""
    rule = call.rule()
    order_id, least = call.params.integer("orderId"), call.params.integer("fromId")
    trades = call.exchange.trades(call.account, PERP, rule.symbol, order_id=order_id)
    limit = call.params.limit(500, 1_000)
    if least is not None:
        return [_trade(rule, trade) for trade in trades if trade.trade_id >= least][:limit]
    if order_id is not None and call.span() == (None, None):
        return [_trade(rule, trade) for trade in trades[-limit:]]
    start, end = week(call)
    chosen = [trade for trade in trades if start <= trade.at <= end]
    forward = call.params.has("startTime")
    return [_trade(rule, trade) for trade in (chosen[:limit] if forward else chosen[-limit:])]


def week(call: Call) -> tuple[datetime, datetime]:
    """Return the span asked for, completed to the 7 days Binance looks at; -4165 when it is longer."""
    start, end = call.span()
    if start is not None and end is not None and end - start > WEEK:
        raise ApiError(-4165, "Maximum time interval is 7 days.")
    if start is not None:
        return start, end if end is not None else start + WEEK
    if end is not None:
        return end - WEEK, end
    return call.exchange.now - WEEK, call.exchange.now


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
        call.account, PERP, rule.symbol, order_id=order_id, client_order_id=client_id
    )


def _body(call: Call, order: SimOrder) -> dict[str, object]:
    rule = call.rule_of(order.symbol)
    mean = order.filled_quote / order.filled_qty if order.filled_qty else ZERO
    kind = futures_type(order)
    return {
        "orderId": order.order_id,
        "symbol": order.symbol,
        "status": STATUS[order.status],
        "clientOrderId": order.client_order_id,
        "price": price_text(rule, order.price or ZERO),
        "avgPrice": rounded(mean, max(5, price_places(rule))),
        "origQty": qty_text(rule, order.qty),
        "executedQty": qty_text(rule, order.filled_qty),
        "cumQuote": fixed(order.filled_quote, quote_places(rule)),
        # a market order has no time in force here; Binance prints GTC for it
        "timeInForce": "GTC"
        if order.order_kind is OrderKind.MARKET
        else TIF_FUTURES[order.time_in_force],
        "type": kind,
        "reduceOnly": order.reduce_only,
        "closePosition": False,
        "side": order.side.value.upper(),
        "positionSide": "BOTH",
        "stopPrice": price_text(rule, ZERO),
        "workingType": "CONTRACT_PRICE",
        "priceProtect": False,
        "origType": kind,
        "priceMatch": "NONE",
        "selfTradePreventionMode": "NONE",
        "goodTillDate": 0,
        "updateTime": ms(order.updated_at),
    }


def listed(call: Call, order: SimOrder) -> dict[str, object]:
    """Return an order as a query shows it."""
    return {**_body(call, order), "time": ms(order.created_at)}


def _acted(call: Call, order: SimOrder) -> dict[str, object]:
    rule = call.rule_of(order.symbol)
    return {**_body(call, order), "cumQty": qty_text(rule, order.filled_qty)}


def _trade(rule: SymbolRules, trade: SimTrade) -> dict[str, object]:
    return {
        "symbol": trade.symbol,
        "id": trade.trade_id,
        "orderId": trade.order_id,
        "side": trade.side.value.upper(),
        "price": price_text(rule, trade.price),
        "qty": qty_text(rule, trade.qty),
        "realizedPnl": fixed(trade.realized_pnl),
        "marginAsset": rule.quote,
        "quoteQty": fixed(trade.quote_qty, quote_places(rule)),
        "commission": fixed(trade.fee),
        "commissionAsset": trade.fee_asset,
        "time": ms(trade.at),
        "positionSide": "BOTH",
        "maker": trade.maker,
        "buyer": trade.side is Side.BUY,
    }


ROUTES: Routes = {
    ("POST", "/fapi/v1/order"): signed(place, flat(0)),
    ("GET", "/fapi/v1/order"): signed(query, flat(1)),
    ("DELETE", "/fapi/v1/order"): signed(cancel, flat(1)),
    ("POST", "/fapi/v1/batchOrders"): signed(place_batch, flat(5)),
    ("DELETE", "/fapi/v1/batchOrders"): signed(cancel_batch, flat(1)),
    ("GET", "/fapi/v1/openOrder"): signed(open_order, flat(1)),
    ("GET", "/fapi/v1/openOrders"): signed(open_orders, unless_symbol(1, 40)),
    ("DELETE", "/fapi/v1/allOpenOrders"): signed(cancel_all, flat(1)),
    ("POST", "/fapi/v1/countdownCancelAll"): signed(countdown, flat(10)),
    ("GET", "/fapi/v1/allOrders"): signed(all_orders, flat(5)),
    ("GET", "/fapi/v1/userTrades"): signed(user_trades, flat(5)),
}
