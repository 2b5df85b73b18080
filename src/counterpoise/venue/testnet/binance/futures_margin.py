"""USD-M margin: tables, margin types, isolated margin, position mode, and what was closed by force.

One-way is what can be traded; the account can be set to hedge mode, as it can behind a client's back, and then takes no
order for both sides.
"""

from __future__ import annotations

from collections.abc import Mapping

from counterpoise.venue.sim import (
    MarginMove,
    MarginTier,
    MarginType,
    MarketKind,
    RejectCode,
    SimOrder,
    SimReject,
    SymbolRules,
)
from counterpoise.venue.testnet.binance.call import Call, Routes, signed
from counterpoise.venue.testnet.binance.errors import About, ApiError, from_reject
from counterpoise.venue.testnet.binance.formatting import fixed, ms
from counterpoise.venue.testnet.binance.futures_orders import WEEK, listed
from counterpoise.venue.testnet.binance.weights import flat, unless_symbol

MARGIN_TYPES = {
    "CROSSED": MarginType.CROSS,
    "CROSS": MarginType.CROSS,
    "ISOLATED": MarginType.ISOLATED,
}
#: What Binance answers when the margin of a position cannot be changed, where the words are this endpoint's own.
MARGIN_WORDS: Mapping[RejectCode, tuple[int, str]] = {
    RejectCode.INSUFFICIENT_BALANCE: (-4050, "Cross balance insufficient."),
    RejectCode.INSUFFICIENT_MARGIN: (-4051, "Isolated balance insufficient."),
    RejectCode.BAD_TRANSFER: (-4055, "Amount must be positive."),
}
MODE_WORDS: Mapping[RejectCode, tuple[int, str]] = {
    RejectCode.ORDERS_OPEN: (
        -4067,
        "Position side cannot be changed if there exists open orders.",
    ),
    RejectCode.POSITION_OPEN: (-4068, "Position side cannot be changed if there exists position."),
}
DONE = {"code": 200, "msg": "success"}
ADD, REDUCE = 1, 2
#: How the client ids of trades the exchange made itself begin, by Binance's name of the cause.
FORCED = {"LIQUIDATION": "autoclose-", "ADL": "adl_autoclose"}


def leverage_brackets(call: Call) -> object:
    """GET /fapi/v1/leverageBracket: the margin tables; one object when a symbol is named."""
    rule = call.opt_rule()
    if rule is not None:
        return _brackets(rule)
    return [_brackets(one) for one in call.rules()]


def _brackets(rule: SymbolRules) -> dict[str, object]:
    return {
        "symbol": rule.symbol,
        "notionalCoef": 1.0,
        "brackets": [_bracket(n, tier) for n, tier in enumerate(rule.margin_tiers, start=1)],
    }


def _bracket(number: int, tier: MarginTier) -> dict[str, object]:
    return {
        "bracket": number,
        "initialLeverage": tier.max_leverage,
        "notionalCap": int(tier.cap),
        "notionalFloor": int(tier.floor),
        # Binance prints these two as JSON numbers; nothing here calculates with them
        "maintMarginRatio": float(tier.rate),
        "cum": float(tier.cum),
    }


def set_margin_type(call: Call) -> object:
    """POST /fapi/v1/marginType; -4046 for what it already is, -4047 and -4048 while anything is open."""
    rule = call.rule()
    wanted = MARGIN_TYPES.get(call.params.need("marginType"))
    if wanted is None:
        raise ApiError(-1130, "Data sent for parameter 'marginType' is not valid.")
    if call.exchange.account(call.account).margin_types[rule.symbol] is wanted:
        raise ApiError(-4046, "No need to change margin type.")
    call.exchange.set_margin_type(call.account, rule.symbol, wanted)
    return DONE


def change_margin(call: Call) -> object:
    """POST /fapi/v1/positionMargin: add (type 1) to an isolated position or take (2) from it."""
    rule, amount = call.rule(), call.params.need_decimal("amount")
    kind = call.params.need_integer("type")
    if kind not in (ADD, REDUCE):
        raise ApiError(-1130, "Data sent for parameter 'type' is not valid.")
    try:
        call.exchange.change_margin(call.account, rule.symbol, amount if kind == ADD else -amount)
    except SimReject as reject:
        raise _worded(reject, MARGIN_WORDS) from None
    return {
        "code": 200,
        "msg": "Successfully modify position margin.",
        "amount": float(amount),
        "type": kind,
    }


def margin_history(call: Call) -> object:
    """GET /fapi/v1/positionMargin/history of one symbol, oldest first."""
    rule, kind = call.rule(), call.params.integer("type")
    start, end = call.span()
    found = [
        move
        for move in call.exchange.margin_moves(call.account)
        if move.symbol == rule.symbol
        and kind in {None, _kind(move)}
        and (start is None or move.at >= start)
        and (end is None or move.at <= end)
    ]
    return [_move(move) for move in found[-call.params.limit(500, 1_000) :]]


def _kind(move: MarginMove) -> int:
    return ADD if move.qty > 0 else REDUCE


def _move(move: MarginMove) -> dict[str, object]:
    return {
        "symbol": move.symbol,
        "type": _kind(move),
        "deltaType": "USER_ADJUST" if move.by_hand else "TRADE",
        "amount": fixed(abs(move.qty)),
        "asset": move.asset,
        "time": ms(move.at),
        "positionSide": "BOTH",
        "clientTranId": "",
    }


def position_mode(call: Call) -> object:
    """GET /fapi/v1/positionSide/dual."""
    return {"dualSidePosition": call.exchange.two_sided(call.account)}


def set_position_mode(call: Call) -> object:
    """POST /fapi/v1/positionSide/dual; -4059 for what it already is, -4067 and -4068 while anything is open."""
    call.params.need("dualSidePosition")
    wanted = call.params.flag("dualSidePosition")
    if call.exchange.two_sided(call.account) is wanted:
        raise ApiError(-4059, "No need to change position side.")
    try:
        call.exchange.set_position_mode(call.account, two_sided=wanted)
    except SimReject as reject:
        raise _worded(reject, MODE_WORDS) from None
    return DONE


def _worded(reject: SimReject, words: Mapping[RejectCode, tuple[int, str]]) -> ApiError:
    if reject.code in words:
        return ApiError(*words[reject.code])
    return from_reject(reject, About(kind=MarketKind.PERP))


def forced_orders(call: Call) -> object:
    """GET /fapi/v1/forceOrders: liquidated and deleveraged, oldest first; the last 7 days unless a span is given."""
    rule, cause = call.opt_rule(), call.params.opt("autoCloseType")
    if cause is not None and cause not in FORCED:
        raise ApiError(-1130, "Data sent for parameter 'autoCloseType' is not valid.")
    begins = tuple(FORCED.values()) if cause is None else (FORCED[cause],)
    start, end = call.span()
    if start is None and end is None:
        start = call.exchange.now - WEEK
    found: list[SimOrder] = [
        order
        for order in call.exchange.orders(call.account, MarketKind.PERP)
        if order.client_order_id.startswith(begins)
        and (rule is None or order.symbol == rule.symbol)
        and (start is None or order.created_at >= start)
        and (end is None or order.created_at <= end)
    ]
    return [listed(call, order) for order in found[-call.params.limit(50, 100) :]]


ROUTES: Routes = {
    ("GET", "/fapi/v1/leverageBracket"): signed(leverage_brackets, flat(1)),
    ("POST", "/fapi/v1/marginType"): signed(set_margin_type, flat(1)),
    ("POST", "/fapi/v1/positionMargin"): signed(change_margin, flat(1)),
    ("GET", "/fapi/v1/positionMargin/history"): signed(margin_history, flat(1)),
    ("GET", "/fapi/v1/positionSide/dual"): signed(position_mode, flat(30)),
    ("POST", "/fapi/v1/positionSide/dual"): signed(set_position_mode, flat(1)),
    ("GET", "/fapi/v1/forceOrders"): signed(forced_orders, unless_symbol(20, 50)),
}
