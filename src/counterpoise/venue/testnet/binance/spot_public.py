"""Spot endpoints that need no key: what may be traded, and its market data."""

from __future__ import annotations

from counterpoise.domain.numbers import ZERO, dec, text
from counterpoise.venue.sim import SymbolRules
from counterpoise.venue.testnet.binance import klines, market_data
from counterpoise.venue.testnet.binance.call import Call, Routes, public
from counterpoise.venue.testnet.binance.errors import UNKNOWN_SYMBOL, ApiError
from counterpoise.venue.testnet.binance.formatting import fixed
from counterpoise.venue.testnet.binance.weights import (
    SPOT,
    by_limit,
    flat,
    limit_rows,
    ticker_24h,
    unless_symbol,
)

ORDER_TYPES = ["LIMIT", "LIMIT_MAKER", "MARKET"]
MAX_PRICE = dec("1000000")
MAX_NOTIONAL = dec("9000000")


def exchange_info(call: Call) -> object:
    """GET /api/v3/exchangeInfo: all symbols, one (``symbol``) or some (``symbols=[...]``)."""
    rules = call.rules()
    one, some = call.opt_rule(), call.params.json_list("symbols")
    if one is not None:
        rules = [one]
    elif some is not None:
        if not all(isinstance(symbol, str) for symbol in some):
            raise ApiError(*UNKNOWN_SYMBOL)
        rules = [call.rule_of(str(symbol)) for symbol in some]
    return {
        "timezone": "UTC",
        "serverTime": call.now_ms,
        "rateLimits": limit_rows(SPOT),
        "exchangeFilters": [],
        "symbols": [_symbol(call, rule) for rule in rules],
    }


def _symbol(call: Call, rule: SymbolRules) -> dict[str, object]:
    halted = call.exchange.book(rule.kind, rule.symbol).halted
    return {
        "symbol": rule.symbol,
        "status": "BREAK" if halted else "TRADING",
        "baseAsset": rule.base,
        "baseAssetPrecision": rule.base_precision,
        "quoteAsset": rule.quote,
        "quotePrecision": rule.quote_precision,
        "quoteAssetPrecision": rule.quote_precision,
        "baseCommissionPrecision": 8,
        "quoteCommissionPrecision": 8,
        "orderTypes": ORDER_TYPES,
        "icebergAllowed": False,
        "ocoAllowed": False,
        "otoAllowed": False,
        "quoteOrderQtyMarketAllowed": True,
        "allowTrailingStop": False,
        "cancelReplaceAllowed": False,
        "isSpotTradingAllowed": True,
        "isMarginTradingAllowed": False,
        "filters": _filters(rule),
        "permissions": ["SPOT"],
        "permissionSets": [["SPOT"]],
        "defaultSelfTradePreventionMode": "EXPIRE_MAKER",
        "allowedSelfTradePreventionModes": ["EXPIRE_MAKER"],
    }


def _filters(rule: SymbolRules) -> list[dict[str, object]]:
    return [
        {
            "filterType": "PRICE_FILTER",
            "minPrice": fixed(rule.tick_size),
            "maxPrice": fixed(MAX_PRICE),
            "tickSize": fixed(rule.tick_size),
        },
        {
            "filterType": "LOT_SIZE",
            "minQty": fixed(rule.min_qty),
            "maxQty": fixed(rule.max_qty),
            "stepSize": fixed(rule.lot_size),
        },
        {
            "filterType": "MARKET_LOT_SIZE",
            "minQty": fixed(ZERO),
            "maxQty": fixed(rule.max_qty),
            "stepSize": fixed(ZERO),
        },
        {
            "filterType": "NOTIONAL",
            "minNotional": fixed(rule.min_notional),
            "applyMinToMarket": True,
            "maxNotional": fixed(MAX_NOTIONAL),
            "applyMaxToMarket": False,
            "avgPriceMins": 5,
        },
        {
            "filterType": "PERCENT_PRICE_BY_SIDE",
            "bidMultiplierUp": text(rule.price_band_up),
            "bidMultiplierDown": text(rule.price_band_down),
            "askMultiplierUp": text(rule.price_band_up),
            "askMultiplierDown": text(rule.price_band_down),
            "avgPriceMins": 5,
        },
        {"filterType": "ICEBERG_PARTS", "limit": 10},
        {"filterType": "MAX_NUM_ORDERS", "maxNumOrders": 200},
        {"filterType": "MAX_NUM_ALGO_ORDERS", "maxNumAlgoOrders": 5},
    ]


ROUTES: Routes = {
    ("GET", "/api/v3/ping"): public(market_data.ping, flat(1)),
    ("GET", "/api/v3/time"): public(market_data.time, flat(1)),
    ("GET", "/api/v3/exchangeInfo"): public(exchange_info, flat(20)),
    ("GET", "/api/v3/depth"): public(
        market_data.spot_depth, by_limit(100, (100, 5), (500, 25), (1_000, 50), (5_000, 250))
    ),
    ("GET", "/api/v3/trades"): public(market_data.trades, flat(25)),
    ("GET", "/api/v3/aggTrades"): public(market_data.agg_trades, flat(4)),
    ("GET", "/api/v3/klines"): public(klines.spot_klines, flat(2)),
    ("GET", "/api/v3/ticker/24hr"): public(market_data.ticker_24h, ticker_24h),
    ("GET", "/api/v3/ticker/price"): public(market_data.ticker_price, unless_symbol(2, 4)),
    ("GET", "/api/v3/ticker/bookTicker"): public(market_data.book_ticker, unless_symbol(2, 4)),
}
