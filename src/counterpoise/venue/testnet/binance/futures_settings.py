"""USD-M settings and statements: leverage, modes, brackets, fee rates, and the account's bookings.

The account is one-way and cross margined, and stays so: asking for what already is gets Binance's "no need
to change", asking for the other is refused as unsupported.
"""

from __future__ import annotations

from counterpoise.domain.numbers import text
from counterpoise.venue.sim import Income, MarketKind, RejectCode, SimReject, SymbolRules
from counterpoise.venue.sim.margin import DEFAULT_LEVERAGE
from counterpoise.venue.testnet.binance.call import Call, Routes, signed
from counterpoise.venue.testnet.binance.errors import About, ApiError, from_reject, unsupported
from counterpoise.venue.testnet.binance.formatting import fixed, ms
from counterpoise.venue.testnet.binance.futures_orders import WEEK
from counterpoise.venue.testnet.binance.futures_positions import (
    MAX_NOTIONAL,
    maintenance_ratio,
)
from counterpoise.venue.testnet.binance.weights import flat

INCOME = {
    "FUNDING_FEE": "funding",
    "REALIZED_PNL": "realized_pnl",
    "DELIVERED_SETTELMENT": "settlement",  # spelt as Binance spells it
    "COMMISSION": "commission",
    "TRANSFER": "transfer",
}
_INCOME_NAMES = {kind: name for name, kind in INCOME.items()}


def set_leverage(call: Call) -> object:
    """POST /fapi/v1/leverage; -4028 outside 1 to the symbol's highest."""
    rule, leverage = call.rule(), call.params.need_integer("leverage")
    if not 1 <= leverage <= rule.max_leverage:
        raise ApiError(-4028, f"Leverage {leverage} is not valid")
    try:
        call.exchange.set_leverage(call.account, rule.symbol, leverage)
    except SimReject as reject:
        if reject.code is RejectCode.INSUFFICIENT_MARGIN:
            raise ApiError(
                -2028, "Leverage is smaller than permitted: insufficient margin balance"
            ) from None
        raise from_reject(reject, About(kind=MarketKind.PERP, rule=rule)) from None
    return {
        "leverage": leverage,
        "maxNotionalValue": fixed(MAX_NOTIONAL, 0),
        "symbol": rule.symbol,
    }


def set_margin_type(call: Call) -> object:
    """POST /fapi/v1/marginType: always cross already."""
    call.rule()
    wanted = call.params.need("marginType")
    if wanted in ("CROSSED", "CROSS"):
        raise ApiError(-4046, "No need to change margin type.")
    raise unsupported()


def position_mode(_call: Call) -> object:
    """GET /fapi/v1/positionSide/dual: one-way."""
    return {"dualSidePosition": False}


def set_position_mode(call: Call) -> object:
    """POST /fapi/v1/positionSide/dual: one-way already."""
    call.params.need("dualSidePosition")
    if call.params.flag("dualSidePosition"):
        raise unsupported()
    raise ApiError(-4059, "No need to change position side.")


def assets_mode(_call: Call) -> object:
    """GET /fapi/v1/multiAssetsMargin: assets do not share their margin."""
    return {"multiAssetsMargin": False}


def symbol_config(call: Call) -> object:
    """GET /fapi/v1/symbolConfig: margin type and leverage, of one symbol or all, as a list either way."""
    rule = call.opt_rule()
    leverage = call.exchange.account(call.account).leverage
    return [
        {
            "symbol": one.symbol,
            "marginType": "CROSSED",
            "isAutoAddMargin": "false",
            "leverage": leverage.get(one.symbol, DEFAULT_LEVERAGE),
            "maxNotionalValue": fixed(MAX_NOTIONAL, 0),
        }
        for one in ([rule] if rule else call.rules())
    ]


def leverage_brackets(call: Call) -> object:
    """GET /fapi/v1/leverageBracket: one bracket per symbol; one object when a symbol is named."""
    rule = call.opt_rule()
    if rule is not None:
        return _brackets(rule)
    return [_brackets(one) for one in call.rules()]


def _brackets(rule: SymbolRules) -> dict[str, object]:
    return {
        "symbol": rule.symbol,
        "notionalCoef": 1.0,
        "brackets": [
            {
                "bracket": 1,
                "initialLeverage": rule.max_leverage,
                "notionalCap": int(MAX_NOTIONAL),
                "notionalFloor": 0,
                # Binance prints these two as JSON numbers; nothing here calculates with them
                "maintMarginRatio": float(maintenance_ratio(rule)),
                "cum": 0.0,
            }
        ],
    }


def commission_rate(call: Call) -> object:
    """GET /fapi/v1/commissionRate of one symbol."""
    rule, fees = call.rule(), call.exchange.fees
    return {
        "symbol": rule.symbol,
        "makerCommissionRate": text(fees.perp_maker),
        "takerCommissionRate": text(fees.perp_taker),
    }


def order_usage(call: Call) -> object:
    """GET /fapi/v1/rateLimit/order: the order limits and how much of them is used."""
    return call.limits.order_usage(call.pool, call.account, call.limit_ms)


def income(call: Call) -> object:
    """GET /fapi/v1/income: bookings oldest first, by symbol and type; the last 7 days unless a span is given."""
    rule = call.opt_rule()
    wanted = call.params.opt("incomeType")
    if wanted is not None and wanted not in INCOME:
        raise ApiError(-1130, "Data sent for parameter 'incomeType' is not valid.")
    start, end = call.span()
    if start is None and end is None:
        start = call.exchange.now - WEEK
    limit = call.params.limit(100, 1_000)
    page = max(call.params.integer("page") or 1, 1)
    rows = [
        row
        for row in call.exchange.income(call.account)
        if (rule is None or row.symbol == rule.symbol)
        and (wanted is None or row.kind == INCOME[wanted])
        and (start is None or row.at >= start)
        and (end is None or row.at <= end)
    ]
    return [_income(row) for row in rows[(page - 1) * limit : page * limit]]


def _income(row: Income) -> dict[str, object]:
    name = _INCOME_NAMES[row.kind]
    trade = "" if row.trade_id is None else str(row.trade_id)
    return {
        "symbol": row.symbol or "",
        "incomeType": name,
        "income": fixed(row.qty),
        "asset": row.asset,
        "time": ms(row.at),
        "info": trade or name,
        "tranId": row.income_id,
        "tradeId": trade,
    }


ROUTES: Routes = {
    ("POST", "/fapi/v1/leverage"): signed(set_leverage, flat(1)),
    ("POST", "/fapi/v1/marginType"): signed(set_margin_type, flat(1)),
    ("GET", "/fapi/v1/positionSide/dual"): signed(position_mode, flat(30)),
    ("POST", "/fapi/v1/positionSide/dual"): signed(set_position_mode, flat(1)),
    ("GET", "/fapi/v1/multiAssetsMargin"): signed(assets_mode, flat(30)),
    ("GET", "/fapi/v1/symbolConfig"): signed(symbol_config, flat(5)),
    ("GET", "/fapi/v1/leverageBracket"): signed(leverage_brackets, flat(1)),
    ("GET", "/fapi/v1/commissionRate"): signed(commission_rate, flat(20)),
    ("GET", "/fapi/v1/rateLimit/order"): signed(order_usage, flat(1)),
    ("GET", "/fapi/v1/income"): signed(income, flat(30)),
}
