"""USD-M settings and statements: leverage, configuration, fee rates, and the account's bookings."""

from __future__ import annotations

from counterpoise.domain.numbers import text
from counterpoise.venue.sim import (
    AccountView,
    Income,
    MarginType,
    MarketKind,
    RejectCode,
    SimReject,
    SymbolRules,
)
from counterpoise.venue.testnet.binance.call import Call, Routes, signed
from counterpoise.venue.testnet.binance.errors import About, ApiError, from_reject
from counterpoise.venue.testnet.binance.formatting import fixed, ms
from counterpoise.venue.testnet.binance.futures_orders import WEEK
from counterpoise.venue.testnet.binance.futures_positions import most_notional
from counterpoise.venue.testnet.binance.weights import flat

INCOME = {
    "FUNDING_FEE": "funding",
    "REALIZED_PNL": "realized_pnl",
    "DELIVERED_SETTELMENT": "settlement",  # spelt as Binance spells it
    "COMMISSION": "commission",
    "TRANSFER": "transfer",
    "INSURANCE_CLEAR": "insurance_clear",
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
        "maxNotionalValue": most_notional(rule, leverage),
        "symbol": rule.symbol,
    }


def assets_mode(_call: Call) -> object:
    """GET /fapi/v1/multiAssetsMargin: assets do not share their margin."""
    return {"multiAssetsMargin": False}


def symbol_config(call: Call) -> object:
    """GET /fapi/v1/symbolConfig: margin type and leverage, of one symbol or all, as a list either way."""
    rule = call.opt_rule()
    view = call.exchange.account(call.account)
    return [_config(view, one) for one in ([rule] if rule else call.rules())]


def _config(view: AccountView, rule: SymbolRules) -> dict[str, object]:
    leverage = view.leverage[rule.symbol]
    isolated = view.margin_types[rule.symbol] is MarginType.ISOLATED
    return {
        "symbol": rule.symbol,
        "marginType": "ISOLATED" if isolated else "CROSSED",
        "isAutoAddMargin": "false",
        "leverage": leverage,
        "maxNotionalValue": most_notional(rule, leverage),
    }


def account_config(call: Call) -> object:
    """GET /fapi/v1/accountConfig: rights and modes of the account."""
    return {
        "feeTier": 0,
        "canTrade": True,
        "canDeposit": False,
        "canWithdraw": False,
        "dualSidePosition": call.exchange.two_sided(call.account),
        "updateTime": 0,
        "multiAssetsMargin": False,
        "tradeGroupId": -1,
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
    ("GET", "/fapi/v1/multiAssetsMargin"): signed(assets_mode, flat(30)),
    ("GET", "/fapi/v1/accountConfig"): signed(account_config, flat(5)),
    ("GET", "/fapi/v1/symbolConfig"): signed(symbol_config, flat(5)),
    ("GET", "/fapi/v1/commissionRate"): signed(commission_rate, flat(20)),
    ("GET", "/fapi/v1/rateLimit/order"): signed(order_usage, flat(1)),
    ("GET", "/fapi/v1/income"): signed(income, flat(30)),
}
