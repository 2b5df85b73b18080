"""Books, trades and tickers: what anyone may read, the same for spot and futures up to the printing.

The simulated book is its touch; deeper levels are shown as the matching walks them, one tick apart with
the size of the touch. There is no tape of other people's trades, so the public trade lists show one
trade per recorded bar, at its close with its volume.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import timedelta
from decimal import Decimal

from counterpoise.domain.numbers import ZERO
from counterpoise.venue.sim import Book, Candle, MarketKind, SymbolRules
from counterpoise.venue.testnet.binance.call import Call
from counterpoise.venue.testnet.binance.errors import UNKNOWN_SYMBOL, ApiError
from counterpoise.venue.testnet.binance.formatting import (
    ms,
    price_text,
    qty_text,
    rounded,
)
from counterpoise.venue.testnet.binance.klines import quote_volume

#: Levels the matching walks at most; a deeper book is not shown because nobody could trade it.
DEPTH_LEVELS = 20
FUTURES_DEPTH_LIMITS = (5, 10, 20, 50, 100, 500, 1_000)


def ping(_call: Call) -> object:
    """GET ping: an empty object."""
    return {}


def time(call: Call) -> object:
    """GET time: the market's time."""
    return {"serverTime": call.now_ms}


def spot_depth(call: Call) -> object:
    """GET /api/v3/depth."""
    rule = call.rule()
    limit = call.params.limit(100, 5_000)
    return {"lastUpdateId": call.now_ms, **_levels(call, rule, limit)}


def futures_depth(call: Call) -> object:
    """GET /fapi/v1/depth; -4021 for a limit that is not on offer."""
    rule = call.rule()
    limit = call.params.limit(500, 5_000)
    if limit not in FUTURES_DEPTH_LIMITS:
        raise ApiError(-4021, f"{limit} is not valid depth limit")
    now = call.now_ms
    return {"lastUpdateId": now, "E": now, "T": now, **_levels(call, rule, limit)}


def _levels(call: Call, rule: SymbolRules, limit: int) -> dict[str, list[list[str]]]:
    book = call.exchange.book(rule.kind, rule.symbol)

    def side(best: Decimal | None, qty: Decimal | None, step: Decimal) -> list[list[str]]:
        if best is None or not qty:
            return []
        prices = (best + step * k for k in range(min(limit, DEPTH_LEVELS)))
        return [[price_text(rule, p), qty_text(rule, qty)] for p in prices if p > 0]

    return {
        "bids": side(book.bid, book.bid_qty, -rule.tick_size),
        "asks": side(book.ask, book.ask_qty, rule.tick_size),
    }


def trades(call: Call) -> object:
    """GET trades: one entry per recorded bar."""
    rule = call.rule()
    return [
        {
            "id": ms(bar.open_at),
            "price": price_text(rule, bar.close),
            "qty": qty_text(rule, bar.volume),
            "quoteQty": rounded(quote_volume(bar), 8),
            "time": ms(bar.open_at),
            "isBuyerMaker": bar.close < bar.open,
            **({"isBestMatch": True} if rule.kind is MarketKind.SPOT else {}),
        }
        for bar in _bars(call, rule)
    ]


def agg_trades(call: Call) -> object:
    """GET aggTrades: one entry per recorded bar."""
    rule = call.rule()
    return [
        {
            "a": ms(bar.open_at),
            "p": price_text(rule, bar.close),
            "q": qty_text(rule, bar.volume),
            "f": ms(bar.open_at),
            "l": ms(bar.open_at),
            "T": ms(bar.open_at),
            "m": bar.close < bar.open,
            **({"M": True} if rule.kind is MarketKind.SPOT else {}),
        }
        for bar in _bars(call, rule)
    ]


def _bars(call: Call, rule: SymbolRules) -> list[Candle]:
    start, end = call.span()
    limit = call.params.limit(500, 1_000)
    for minutes in (1, 5, 15, 30, 60, 240, 1_440):
        bars = call.exchange.candles(
            "spot" if rule.kind is MarketKind.SPOT else "perp",
            rule.symbol,
            timedelta(minutes=minutes),
            start=start,
            end=end,
            limit=limit,
        )
        if bars:
            return bars
    return []


Row = Callable[[Call, SymbolRules], dict[str, object]]


def ticker_24h(call: Call) -> object:
    """GET ticker/24hr: one symbol, ``symbols=[...]`` (spot), or all."""
    return _one_or_all(call, _ticker_24h)


def ticker_price(call: Call) -> object:
    """GET ticker/price: one symbol, ``symbols=[...]`` (spot), or all."""
    return _one_or_all(call, _ticker_price)


def book_ticker(call: Call) -> object:
    """GET ticker/bookTicker: one symbol, ``symbols=[...]`` (spot), or all."""
    return _one_or_all(call, _book_ticker)


def _one_or_all(call: Call, row: Row) -> object:
    rule = call.opt_rule()
    if rule is not None:
        return row(call, rule)
    wanted = call.params.json_list("symbols") if call.kind is MarketKind.SPOT else None
    rules: Iterable[SymbolRules] = call.rules()
    if wanted is not None:
        if not all(isinstance(symbol, str) for symbol in wanted):
            raise ApiError(*UNKNOWN_SYMBOL)
        rules = [call.rule_of(str(symbol)) for symbol in wanted]
    return [row(call, rule) for rule in rules]


def _ticker_24h(call: Call, rule: SymbolRules) -> dict[str, object]:
    day = call.exchange.ticker(rule.kind, rule.symbol)
    change = day.last - day.open
    percent = change / day.open * 100 if day.open else ZERO
    mean = day.quote_volume / day.volume if day.volume else ZERO
    places = 8 if rule.kind is MarketKind.SPOT else 3
    row: dict[str, object] = {
        "symbol": rule.symbol,
        "priceChange": price_text(rule, change),
        "priceChangePercent": rounded(percent, 3),
        "weightedAvgPrice": rounded(mean, places),
        "lastPrice": price_text(rule, day.last),
        "lastQty": qty_text(rule, ZERO),
        "openPrice": price_text(rule, day.open),
        "highPrice": price_text(rule, day.high),
        "lowPrice": price_text(rule, day.low),
        "volume": qty_text(rule, day.volume),
        "quoteVolume": rounded(day.quote_volume, 8),
        "openTime": ms(day.open_at),
        "closeTime": ms(day.close_at),
        "firstId": 0,
        "lastId": max(0, day.trades - 1),
        "count": day.trades,
    }
    if rule.kind is MarketKind.SPOT:
        book = call.exchange.book(rule.kind, rule.symbol)
        row |= {"prevClosePrice": price_text(rule, day.open), **_touch(rule, book)}
    return row


def _ticker_price(call: Call, rule: SymbolRules) -> dict[str, object]:
    book = call.exchange.book(rule.kind, rule.symbol)
    row: dict[str, object] = {"symbol": rule.symbol, "price": price_text(rule, book.last)}
    return row if rule.kind is MarketKind.SPOT else {**row, "time": call.now_ms}


def _book_ticker(call: Call, rule: SymbolRules) -> dict[str, object]:
    book = call.exchange.book(rule.kind, rule.symbol)
    row: dict[str, object] = {"symbol": rule.symbol, **_touch(rule, book)}
    if rule.kind is MarketKind.SPOT:
        return row
    return {**row, "time": call.now_ms, "lastUpdateId": call.now_ms}


def _touch(rule: SymbolRules, book: Book) -> dict[str, str]:
    """A market that is halted has no touch; Binance prints zeros then."""
    return {
        "bidPrice": price_text(rule, book.bid or ZERO),
        "bidQty": qty_text(rule, book.bid_qty or ZERO),
        "askPrice": price_text(rule, book.ask or ZERO),
        "askQty": qty_text(rule, book.ask_qty or ZERO),
    }
