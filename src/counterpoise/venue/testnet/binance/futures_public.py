"""USD-M endpoints that need no key: contracts, market data, mark prices, funding. And COIN-M's empty list."""

from __future__ import annotations

from datetime import timedelta

from counterpoise.domain.numbers import text
from counterpoise.venue.sim import SymbolRules
from counterpoise.venue.testnet.binance import klines, market_data
from counterpoise.venue.testnet.binance.call import Call, Routes, public
from counterpoise.venue.testnet.binance.errors import ApiError
from counterpoise.venue.testnet.binance.formatting import (
    fixed,
    ms,
    price_places,
    price_text,
    qty_places,
    qty_text,
)
from counterpoise.venue.testnet.binance.spot_public import MAX_PRICE
from counterpoise.venue.testnet.binance.weights import (
    FUTURES,
    by_limit,
    flat,
    limit_rows,
    unless_symbol,
)

#: Binance's "never": the delivery date of a perpetual.
NO_DELIVERY_MS = 4_133_404_800_000
#: 2019-09-25, when Binance listed its first perpetual.
ONBOARD_MS = 1_569_398_400_000
FUNDING_EVERY = timedelta(hours=8)
INTEREST_RATE = "0.00010000"
FUNDING_BOUND = "0.02000000"


def exchange_info(call: Call) -> object:
    """GET /fapi/v1/exchangeInfo."""
    rules = call.rules()
    types = _contract_types(call, rules)
    return {
        "timezone": "UTC",
        "serverTime": call.now_ms,
        "futuresType": "U_MARGINED",
        "rateLimits": limit_rows(FUTURES),
        "exchangeFilters": [],
        "assets": [
            {"asset": asset, "marginAvailable": True, "autoAssetExchange": "0"}
            for asset in sorted({rule.quote for rule in rules})
        ],
        "symbols": [_symbol(call, rule, types.get(rule.symbol)) for rule in rules],
    }


def _contract_types(call: Call, rules: list[SymbolRules]) -> dict[str, str]:
    """Return the type of every contract that has not ended: of a pair's dated ones the next to end is current."""
    types = {rule.symbol: "PERPETUAL" for rule in rules if rule.expiry_at is None}
    seen: set[str] = set()
    ahead = [
        (rule.expiry_at, rule)
        for rule in rules
        if rule.expiry_at is not None and rule.expiry_at > call.exchange.now
    ]
    for _, rule in sorted(ahead, key=lambda one: one[0]):
        types[rule.symbol] = "NEXT_QUARTER" if rule.pair in seen else "CURRENT_QUARTER"
        seen.add(rule.pair)
    return types


def _status(call: Call, rule: SymbolRules, contract_type: str | None) -> str:
    if contract_type is None:
        return "DELIVERED"
    if call.exchange.trades_no_more(rule.kind, rule.symbol):
        return "SETTLING"
    return "TRADING" if call.exchange.begun(rule.kind, rule.symbol) else "PENDING_TRADING"


def _symbol(call: Call, rule: SymbolRules, contract_type: str | None) -> dict[str, object]:
    """Return one contract; without a type it has ended."""
    expiry_at = rule.expiry_at
    return {
        "symbol": rule.symbol,
        "pair": rule.pair,
        "contractType": contract_type or "",
        "deliveryDate": NO_DELIVERY_MS if expiry_at is None else ms(expiry_at),
        "onboardDate": ONBOARD_MS,
        "status": _status(call, rule, contract_type),
        "maintMarginPercent": "2.5000",
        "requiredMarginPercent": "5.0000",
        "baseAsset": rule.base,
        "quoteAsset": rule.quote,
        "marginAsset": rule.quote,
        "pricePrecision": price_places(rule),
        "quantityPrecision": qty_places(rule),
        "baseAssetPrecision": rule.base_precision,
        "quotePrecision": rule.quote_precision,
        "underlyingType": "COIN",
        "underlyingSubType": [],
        "triggerProtect": "0.0500",
        "liquidationFee": fixed(call.exchange.fees.liquidation, 6),
        "marketTakeBound": "0.05",
        "filters": _filters(rule),
        "orderTypes": ["LIMIT", "MARKET"],
        "timeInForce": ["GTC", "IOC", "FOK", "GTX"],
    }


def _filters(rule: SymbolRules) -> list[dict[str, object]]:
    lot = {
        "stepSize": qty_text(rule, rule.lot_size),
        "minQty": qty_text(rule, rule.min_qty),
        "maxQty": qty_text(rule, rule.max_qty),
    }
    return [
        {
            "filterType": "PRICE_FILTER",
            "minPrice": price_text(rule, rule.tick_size),
            "maxPrice": price_text(rule, MAX_PRICE),
            "tickSize": price_text(rule, rule.tick_size),
        },
        {"filterType": "LOT_SIZE", **lot},
        {"filterType": "MARKET_LOT_SIZE", **lot},
        {"filterType": "MAX_NUM_ORDERS", "limit": 200},
        {"filterType": "MAX_NUM_ALGO_ORDERS", "limit": 10},
        {"filterType": "MIN_NOTIONAL", "notional": text(rule.min_notional)},
        {
            "filterType": "PERCENT_PRICE",
            "multiplierUp": fixed(rule.price_band_up, 4),
            "multiplierDown": fixed(rule.price_band_down, 4),
            "multiplierDecimal": "4",
        },
    ]


def coin_margined(call: Call) -> object:
    """GET /dapi/v1/exchangeInfo: no coin-margined contract is listed."""
    return {
        "timezone": "UTC",
        "serverTime": call.now_ms,
        "rateLimits": limit_rows(FUTURES),
        "exchangeFilters": [],
        "symbols": [],
    }


def premium_index(call: Call) -> object:
    """GET /fapi/v1/premiumIndex: mark, index, last funding rate and the next instant; one symbol or all."""
    rule = call.opt_rule()
    if rule is not None:
        return _premium(call, rule)
    return [_premium(call, one) for one in call.rules()]


def _premium(call: Call, rule: SymbolRules) -> dict[str, object]:
    book = call.exchange.book(rule.kind, rule.symbol)
    mark = book.mark if book.mark is not None else book.last
    index = book.index if book.index is not None else mark
    return {
        "symbol": rule.symbol,
        "markPrice": fixed(mark),
        "indexPrice": fixed(index),
        "estimatedSettlePrice": fixed(index),
        # empty, as Binance prints it for contracts without funding: unknown is not zero
        "lastFundingRate": "" if book.funding_rate is None else fixed(book.funding_rate),
        "interestRate": INTEREST_RATE if rule.expiry_at is None else "",
        "nextFundingTime": 0 if book.next_funding_at is None else ms(book.next_funding_at),
        "time": call.now_ms,
    }


def funding_rates(call: Call) -> object:
    """GET /fapi/v1/fundingRate: the rates charged so far, oldest first; one symbol or all."""
    start, end = call.span()
    limit = call.params.limit(100, 1_000)
    rule = call.opt_rule()
    rows = [
        row
        for one in ([rule] if rule else call.rules())
        for row in _rates(call, one, limit)
        if (start is None or row[0] >= ms(start)) and (end is None or row[0] <= ms(end))
    ]
    rows.sort(key=lambda row: row[0])
    chosen = rows[:limit] if start is not None else rows[-limit:]
    return [row for _, row in chosen]


def _rates(call: Call, rule: SymbolRules, limit: int) -> list[tuple[int, dict[str, object]]]:
    start, end = call.span()
    rates = call.exchange.funding_history(rule.symbol, start, end, limit)
    if not rates:
        return []
    # the mark a rate was charged on is the open of the bar that begins at that instant
    marks = {
        bar.open_at: bar.open
        for bar in call.exchange.candles(
            "mark",
            rule.symbol,
            _funding_every(call, rule),
            start=rates[0].at,
            end=rates[-1].at,
            limit=len(rates) + 1,
        )
    }
    return [
        (
            ms(rate.at),
            {
                "symbol": rule.symbol,
                "fundingTime": ms(rate.at),
                "fundingRate": fixed(rate.rate),
                "markPrice": fixed(marks[rate.at]) if rate.at in marks else "",
            },
        )
        for rate in rates
    ]


def funding_info(call: Call) -> object:
    """GET /fapi/v1/fundingInfo: how often each perpetual funds, 8 hours where nothing is recorded."""
    return [
        {
            "symbol": rule.symbol,
            "adjustedFundingRateCap": FUNDING_BOUND,
            "adjustedFundingRateFloor": f"-{FUNDING_BOUND}",
            "fundingIntervalHours": _funding_every(call, rule) // timedelta(hours=1),
            "disclaimer": False,
        }
        for rule in call.rules()
        if rule.expiry_at is None
    ]


def _funding_every(call: Call, rule: SymbolRules) -> timedelta:
    return call.exchange.book(rule.kind, rule.symbol).funding_interval or FUNDING_EVERY


def delivery_prices(call: Call) -> object:
    """GET /futures/data/delivery-price: at which prices the dated contracts of a pair ended, newest first."""
    pair = call.params.need("pair")
    rules = [rule for rule in call.rules() if rule.pair == pair]
    if not rules:
        raise ApiError(-4144, "Invalid pair.")
    ended = [
        delivery for rule in rules if (delivery := call.exchange.delivery(rule.symbol)) is not None
    ]
    return [
        {
            "deliveryTime": ms(delivery.at),
            # a JSON number on Binance too, short enough to survive as one; nothing here calculates with it
            "deliveryPrice": float(delivery.price),
        }
        for delivery in sorted(ended, key=lambda one: one.at, reverse=True)
    ]


_KLINES = by_limit(500, (99, 1), (499, 2), (1_000, 5), (1_500, 10))

ROUTES: Routes = {
    ("GET", "/fapi/v1/ping"): public(market_data.ping, flat(1)),
    ("GET", "/fapi/v1/time"): public(market_data.time, flat(1)),
    ("GET", "/fapi/v1/exchangeInfo"): public(exchange_info, flat(1)),
    ("GET", "/fapi/v1/depth"): public(
        market_data.futures_depth, by_limit(500, (50, 2), (100, 5), (500, 10), (1_000, 20))
    ),
    ("GET", "/fapi/v1/trades"): public(market_data.trades, flat(5)),
    ("GET", "/fapi/v1/aggTrades"): public(market_data.agg_trades, flat(20)),
    ("GET", "/fapi/v1/klines"): public(klines.futures_klines, _KLINES),
    ("GET", "/fapi/v1/markPriceKlines"): public(klines.mark_klines, _KLINES),
    ("GET", "/fapi/v1/indexPriceKlines"): public(klines.index_klines, _KLINES),
    ("GET", "/fapi/v1/ticker/24hr"): public(market_data.ticker_24h, unless_symbol(1, 40)),
    ("GET", "/fapi/v1/ticker/price"): public(market_data.ticker_price, unless_symbol(1, 2)),
    ("GET", "/fapi/v2/ticker/price"): public(market_data.ticker_price, unless_symbol(1, 2)),
    ("GET", "/fapi/v1/ticker/bookTicker"): public(market_data.book_ticker, unless_symbol(2, 5)),
    ("GET", "/fapi/v1/premiumIndex"): public(premium_index, unless_symbol(1, 10)),
    ("GET", "/fapi/v1/fundingRate"): public(funding_rates, flat(1)),
    ("GET", "/fapi/v1/fundingInfo"): public(funding_info, flat(1)),
    ("GET", "/futures/data/delivery-price"): public(delivery_prices, flat(1)),
    ("GET", "/dapi/v1/exchangeInfo"): public(coin_margined, flat(1)),
}
