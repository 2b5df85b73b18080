"""Margin arithmetic: tables without jumps, maintenance, and liquidation prices that are where it really happens."""

from __future__ import annotations

from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from counterpoise.domain.numbers import ZERO, dec
from counterpoise.venue.sim import MarketKind, default_rules
from counterpoise.venue.sim.brackets import default_tiers
from counterpoise.venue.sim.margin import (
    liquidation_price,
    maintenance_margin,
    max_notional,
    tier_of,
)
from counterpoise.venue.sim.model import tiers_of
from counterpoise.venue.sim.positions import Position

COINS = ("BTC", "ETH", "DOGE")
SMALL = tiers_of(((dec(1000), dec("0.01"), 50), (dec(5000), dec("0.05"), 10)))


def test_what_is_taken_off_follows_from_the_tiers() -> None:
    assert [tier.cum for tier in default_tiers("BTC")[:5]] == [0, 300, 1500, 12_000, 132_000]
    assert [tier.cum for tier in SMALL] == [0, 40]


@pytest.mark.parametrize("coin", COINS)
def test_a_table_has_no_jump_and_no_hole(coin: str) -> None:
    tiers = default_tiers(coin)
    assert tiers[0].floor == 0
    for below, above in pairwise(tiers):
        assert above.floor == below.cap
        assert below.cap * below.rate - below.cum == above.floor * above.rate - above.cum
        assert above.max_leverage < below.max_leverage


def test_coins_begin_where_binance_begins() -> None:
    assert default_tiers("BTC")[0].rate == default_tiers("ETH")[0].rate == dec("0.004")
    assert default_tiers("DOGE")[0].rate == dec("0.01")
    assert default_rules("DOGEUSDT", MarketKind.PERP).max_leverage == 50
    assert default_rules("BTCUSDT", MarketKind.SPOT).tiers == ()


def test_maintenance_is_that_of_the_tier() -> None:
    assert maintenance_margin(SMALL, dec(-1000)) == 10
    assert maintenance_margin(SMALL, dec(1001)) == dec("10.05")
    assert maintenance_margin(SMALL, dec(5000)) == 210
    assert maintenance_margin(SMALL, dec(9000)) == 410  # beyond the table the last tier goes on
    assert maintenance_margin(SMALL, ZERO) == 0


def test_leverage_bounds_a_position() -> None:
    assert (max_notional(SMALL, 50), max_notional(SMALL, 11)) == (1000, 1000)
    assert (max_notional(SMALL, 10), max_notional(SMALL, 1)) == (5000, 5000)
    assert max_notional(SMALL, 51) == 0


@pytest.mark.parametrize(
    ("qty", "collateral", "price"),
    [
        # 90 + 10 p - 1000 = 10 p x 0.01
        ("10", "90", "91.91919192"),
        # 90 - 10 p + 1000 = 10 p x 0.05 - 40, for it is worth more than 1,000 there
        ("-10", "90", "107.61904762"),
        ("10", "1000", None),
        ("0", "90", None),
    ],
)
def test_liquidation_prices(qty: str, collateral: str, price: str | None) -> None:
    position = Position(qty=dec(qty), cost=dec(qty) * 100)
    expected = None if price is None else dec(price)
    assert liquidation_price(SMALL, position, dec(collateral)) == expected


@given(
    st.sampled_from(COINS),
    st.integers(-50_000, 50_000).filter(bool),
    st.integers(100, 100_000),
    st.integers(1, 200),
)
def test_a_liquidation_price_is_where_the_margin_ends(
    coin: str, lots: int, entry: int, share: int
) -> None:
    """``share`` per cent of the value at entry stand behind it."""
    tiers = default_tiers(coin)
    qty = Decimal(lots) / 1000
    position = Position(qty=qty, cost=qty * entry)
    collateral = abs(position.cost) * share / 100
    price = liquidation_price(tiers, position, collateral)
    if price is None:
        assert qty > 0
        assert collateral >= position.cost * dec("0.99")
        return
    notional = abs(qty) * price
    tier = tier_of(tiers, notional)
    kept = notional * tier.rate - tier.cum
    assert abs(collateral + position.unrealized_pnl(price) - kept) < dec("0.00001")
