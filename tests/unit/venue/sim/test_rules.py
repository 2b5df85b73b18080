"""Default filters: bookable, and fine enough for the price."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from counterpoise.domain.numbers import ONE, dec
from counterpoise.venue.sim import (
    Candle,
    MarketKind,
    Series,
    SymbolRules,
    default_rules,
    rules_of,
)
from counterpoise.venue.sim.model import SeriesKind

KNOWN = ["BTC", "ETH", "SOL", "XRP", "ADA", "LINK", "AVAX", "DOGE", "BNB"]
BOOKED = dec("1e-8")


def tradable(rule: SymbolRules) -> bool:
    return rule.tick_size * rule.lot_size % BOOKED == 0 and rule.min_qty % rule.lot_size == 0


@pytest.mark.parametrize("kind", list(MarketKind))
@pytest.mark.parametrize("base", KNOWN)
def test_known_symbols_have_rules_whose_smallest_trade_can_be_booked(
    base: str, kind: MarketKind
) -> None:
    rule = default_rules(f"{base}USDT", kind)
    assert (rule.base, rule.quote, rule.kind) == (base, "USDT", kind)
    assert tradable(rule)


@pytest.mark.parametrize("price", ["0.00001234", "0.5", "3", "1234.5", "99999"])
def test_an_unknown_coin_gets_steps_that_fit_its_price(price: str) -> None:
    rule = default_rules("NEWUSDC", MarketKind.SPOT, price=dec(price))
    assert (rule.base, rule.quote) == ("NEW", "USDC")
    assert tradable(rule)
    assert rule.tick_size <= max(dec(price) / 1000, BOOKED)
    assert ONE <= rule.lot_size * dec(price) < 10


def test_an_unknown_coin_without_a_price_gets_something_sane() -> None:
    assert tradable(default_rules("NEWUSDT", MarketKind.PERP))


def test_a_symbol_that_ends_in_no_known_quote_is_refused() -> None:
    with pytest.raises(ValueError, match="expected a symbol that ends in"):
        default_rules("BTCXYZ", MarketKind.SPOT)


def test_rules_are_made_for_what_trades_and_not_for_marks() -> None:
    bars = tuple(
        Candle(datetime(2025, 1, day, tzinfo=UTC), ONE, ONE, ONE, ONE, ONE) for day in (1, 2)
    )
    kinds: tuple[SeriesKind, ...] = ("spot", "perp", "mark")
    found = rules_of(
        Series(kind=kind, symbol="XRPUSDT", interval=timedelta(days=1), candles=bars)
        for kind in kinds
    )
    assert [rule.kind for rule in found] == ["spot", "perp"]
