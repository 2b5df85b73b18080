"""Spot account: balances, own trades, order-limit usage."""

from __future__ import annotations

from decimal import Decimal

from counterpoise.domain.numbers import ZERO
from counterpoise.venue.sim import Balance, MarketKind, Side, SimTrade
from counterpoise.venue.testnet.binance.call import Call, Routes, signed
from counterpoise.venue.testnet.binance.formatting import fixed, ms
from counterpoise.venue.testnet.binance.spot_orders import check_day
from counterpoise.venue.testnet.binance.weights import flat


def account(call: Call) -> object:
    """GET /api/v3/account: every coin of the exchange, zero ones unless ``omitZeroBalances=true``."""
    held = call.exchange.account(call.account).spot
    assets = sorted({*held, *coins(call)})
    balances = [held.get(a) or Balance(asset=a, free=ZERO, locked=ZERO) for a in assets]
    if call.params.flag("omitZeroBalances"):
        balances = [balance for balance in balances if balance.free or balance.locked]
    fees = call.exchange.fees
    return {
        "makerCommission": _bps(fees.spot_maker),
        "takerCommission": _bps(fees.spot_taker),
        "buyerCommission": 0,
        "sellerCommission": 0,
        "commissionRates": {
            "maker": fixed(fees.spot_maker),
            "taker": fixed(fees.spot_taker),
            "buyer": fixed(ZERO),
            "seller": fixed(ZERO),
        },
        "canTrade": True,
        "canWithdraw": False,
        "canDeposit": False,
        "brokered": False,
        "requireSelfTradePrevention": False,
        "preventSor": False,
        "updateTime": call.now_ms,
        "accountType": "SPOT",
        "balances": [
            {"asset": b.asset, "free": fixed(b.free), "locked": fixed(b.locked)} for b in balances
        ],
        "permissions": ["SPOT"],
        "uid": 1,
    }


def coins(call: Call) -> set[str]:
    """Return all assets that are traded on either market."""
    return {asset for rule in call.exchange.rules() for asset in (rule.base, rule.quote)}


def my_trades(call: Call) -> object:
    """GET /api/v3/myTrades of one symbol: of ``orderId``, from ``fromId`` on, in a span, or the last ones."""
    rule = call.rule()
    order_id, least = call.params.integer("orderId"), call.params.integer("fromId")
    limit = call.params.limit(500, 1_000)
    start, end = call.span()
    check_day(call)
    trades = [
        trade
        for trade in call.exchange.trades(
            call.account, MarketKind.SPOT, rule.symbol, order_id=order_id
        )
        if (least is None or trade.trade_id >= least)
        and (start is None or trade.at >= start)
        and (end is None or trade.at <= end)
    ]
    forward = least is not None or start is not None
    return [_trade(trade) for trade in (trades[:limit] if forward else trades[-limit:])]


def order_usage(call: Call) -> object:
    """GET /api/v3/rateLimit/order: the order limits and how much of them is used."""
    return call.limits.order_usage(call.pool, call.account, call.limit_ms)


def _trade(trade: SimTrade) -> dict[str, object]:
    return {
        "symbol": trade.symbol,
        "id": trade.trade_id,
        "orderId": trade.order_id,
        "orderListId": -1,
        "price": fixed(trade.price),
        "qty": fixed(trade.qty),
        "quoteQty": fixed(trade.quote_qty),
        "commission": fixed(trade.fee),
        "commissionAsset": trade.fee_asset,
        "time": ms(trade.at),
        "isBuyer": trade.side is Side.BUY,
        "isMaker": trade.maker,
        "isBestMatch": True,
    }


def _bps(rate: Decimal) -> int:
    return int(rate * 10_000)


ROUTES: Routes = {
    ("GET", "/api/v3/account"): signed(account, flat(20)),
    ("GET", "/api/v3/myTrades"): signed(my_trades, flat(20)),
    ("GET", "/api/v3/rateLimit/order"): signed(order_usage, flat(40)),
}
