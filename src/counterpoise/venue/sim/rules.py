"""Filters for markets whose real ones are not recorded: close to Binance's, fine enough for recorded prices.

Historic prices of the cheap coins need a finer tick than today's, or the one-tick spread would cost tens of basis
points; where the two differ, the tick here is the finer one.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from decimal import Decimal

from counterpoise.domain.numbers import ONE, dec
from counterpoise.venue.sim.brackets import default_tiers
from counterpoise.venue.sim.model import MarketKind, Series, SymbolRules

# base: (tick, lot, largest order, smallest notional), spot then perpetual
_SPOT: dict[str, tuple[str, str, str, str]] = {
    "BTC": ("0.01", "0.00001", "9000", "5"),
    "ETH": ("0.01", "0.0001", "9000", "5"),
    "BNB": ("0.01", "0.001", "9000", "5"),
    "SOL": ("0.001", "0.001", "90000", "5"),
    "LINK": ("0.001", "0.01", "90000", "5"),
    "AVAX": ("0.001", "0.01", "90000", "5"),
    "XRP": ("0.0001", "0.1", "9000000", "5"),
    "ADA": ("0.00001", "0.1", "9000000", "5"),
    "DOGE": ("0.000001", "1", "9000000", "5"),
}
_PERP: dict[str, tuple[str, str, str, str]] = {
    "BTC": ("0.1", "0.001", "1000", "100"),
    "ETH": ("0.01", "0.001", "10000", "20"),
    "BNB": ("0.01", "0.01", "10000", "5"),
    "SOL": ("0.001", "0.01", "1000000", "5"),
    "LINK": ("0.001", "0.01", "200000", "5"),
    "AVAX": ("0.001", "0.1", "500000", "5"),
    "XRP": ("0.0001", "0.1", "10000000", "5"),
    "ADA": ("0.00001", "1", "20000000", "5"),
    "DOGE": ("0.000001", "1", "50000000", "5"),
}
_QUOTES = ("USDT", "USDC", "FDUSD", "TUSD", "BUSD", "DAI", "USD", "EUR", "BTC", "ETH", "BNB")
_UNKNOWN = ("0.0001", "0.1", "9000000", "5")
_PERP_BAND = (dec("1.15"), dec("0.85"))
_SPOT_BAND = (dec("5"), dec("0.2"))


def split_symbol(symbol: str) -> tuple[str, str]:
    """Return (base, quote) of a venue id, dated or not. Raises ValueError when no known quote ends it."""
    symbol = symbol.partition("_")[0]
    for quote in _QUOTES:
        if symbol.endswith(quote) and len(symbol) > len(quote):
            return symbol.removesuffix(quote), quote
    raise ValueError(f"expected a symbol that ends in one of {', '.join(_QUOTES)}, was {symbol}")


def expiry_of(symbol: str) -> datetime | None:
    """Return when a dated future (``BTCUSDT_260327``) ends: 08:00 UTC of that day; None for other ids.

    Raises ValueError for a date that is none.
    """
    date = symbol.partition("_")[2]
    if not date:
        return None
    try:
        return datetime.strptime(date, "%y%m%d").replace(hour=8, tzinfo=UTC)
    except ValueError:
        raise ValueError(f"expected a date as YYMMDD after the pair, was {symbol}") from None


def default_rules(symbol: str, kind: MarketKind, *, price: Decimal | None = None) -> SymbolRules:
    """Return filters for ``symbol``; an unknown coin's steps follow from its ``price``, where that is given."""
    base, quote = split_symbol(symbol)
    table = _SPOT if kind is MarketKind.SPOT else _PERP
    known = table.get(base)
    if known is None:
        known = _UNKNOWN if price is None else _steps_for(price)
    tick, lot, largest, notional = map(dec, known)
    up, down = _SPOT_BAND if kind is MarketKind.SPOT else _PERP_BAND
    # a spot market has no margin: no table
    tiers = () if kind is MarketKind.SPOT else default_tiers(base)
    return SymbolRules(
        symbol=symbol,
        kind=kind,
        base=base,
        quote=quote,
        tick_size=tick,
        lot_size=lot,
        min_qty=lot,
        max_qty=largest,
        min_notional=notional,
        price_band_up=up,
        price_band_down=down,
        expiry_at=expiry_of(symbol),
        tiers=tiers,
        max_leverage=tiers[0].max_leverage if tiers else 1,
    )


def _steps_for(price: Decimal) -> tuple[str, str, str, str]:
    """Return steps for a price: five digits of price, lots worth about one to ten units of quote."""
    magnitude = price.adjusted()
    tick = ONE.scaleb(max(magnitude - 4, -8))
    lot = ONE.scaleb(-magnitude)
    largest = lot * 10_000_000
    return str(tick), str(lot), str(largest), "5"


def rules_of(series: Iterable[Series]) -> tuple[SymbolRules, ...]:
    """Return default rules for every spot and perpetual series, steps by their first price."""
    return tuple(
        default_rules(each.symbol, MarketKind(each.kind), price=each.candles[0].open)
        for each in series
        if each.kind != "mark"
    )
