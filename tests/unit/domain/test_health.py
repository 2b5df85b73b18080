"""Whole pools: the exact distance, what restores it, what survives."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from counterpoise.domain.health import (
    Holding,
    Pool,
    distance_of,
    liquidation_prices,
    margin_left,
    missing_for,
    share_that_survives,
    spare_above,
    stressed,
)
from counterpoise.domain.margin import MarginTier, Tiers, flat_tier
from counterpoise.domain.numbers import ONE, ZERO, dec

STEPS: Tiers = (
    MarginTier(floor=ZERO, cap=dec(50_000), rate=dec("0.004")),
    MarginTier(floor=dec(50_000), cap=dec(250_000), rate=dec("0.005"), amount=dec(50)),
    MarginTier(floor=dec(250_000), cap=dec(1_000_000), rate=dec("0.01"), amount=dec(1300)),
    MarginTier(floor=dec(1_000_000), cap=None, rate=dec("0.025"), amount=dec(16_300)),
)


def _held(
    qty: str | int, mark: str | int = 100, tiers: Tiers | None = None, name: str = "BTC"
) -> Holding:
    return Holding(
        symbol=f"{name}/USDT:USDT",
        asset=name,
        qty=dec(qty),
        entry=dec(mark),
        mark=dec(mark),
        tiers=tiers or flat_tier(dec("0.004")),
    )


def _pool(wallet: str | int, *holdings: Holding) -> Pool:
    return Pool(venue="main", asset="USDT", wallet=dec(wallet), holdings=holdings)


def test_80_hedged_on_20_of_collateral_dies_near_24_and_a_half_percent() -> None:
    """The example of MEANING 17."""
    distance = distance_of(_pool(20, _held("-0.8")))
    assert distance.up is not None
    assert distance.up.quantize(dec("0.0001")) == dec("0.2450")
    assert distance.down is None
    assert distance.adverse == distance.up


def test_a_ratio_of_80_percent_is_a_tenth_of_a_percent_away() -> None:
    """The example of MEANING 16: at a maintenance rate of 0.4 %."""
    pool = _pool("0.5", _held(-1))
    assert pool.ratio == dec("0.8")
    assert distance_of(pool).adverse == dec("0.1") / dec("100.4")


def test_opposite_positions_hedge_each_other_but_still_pay_maintenance() -> None:
    pool = _pool(10, _held(-1), _held(1, name="ETH"))
    distance = distance_of(pool)
    # 10 = 2 x 100 x (1 + x) x 0.4 %
    assert distance.up == dec("10") / dec("0.8") - 1
    assert distance.down is None


def test_nothing_open_cannot_be_liquidated() -> None:
    assert distance_of(_pool(10)).adverse is None
    assert _pool(10, _held(0)).ratio is None
    assert missing_for(_pool(0, _held(0)), dec("0.3")) == 0
    assert spare_above(_pool(10, _held(0)), dec("0.3")) == 10


def test_a_pool_under_water_is_at_distance_zero() -> None:
    pool = _pool("0.3", _held(-1))
    assert distance_of(pool).adverse == 0
    assert pool.ratio is not None
    assert pool.ratio > 1
    lost = _pool(-1, _held(-1))
    assert lost.ratio == 999


@given(
    wallet=st.integers(1, 3_000_000),
    first=st.integers(-60, 60),
    second=st.integers(-900, 900),
)
def test_nothing_is_left_exactly_at_the_distance(wallet: int, first: int, second: int) -> None:
    pool = _pool(wallet, _held(first, 40_000, STEPS), _held(second, 2_500, STEPS, "ETH"))
    if margin_left(pool, ZERO) <= 0:
        return
    found = distance_of(pool)
    for move, towards in ((found.up, ONE), (found.down, -ONE)):
        if move is None:
            far = dec(50) if towards > 0 else -ONE
            assert margin_left(pool, far) > 0 or not (first or second)
            continue
        assert abs(margin_left(pool, move)) < dec("1e-30")
        assert margin_left(pool, move * dec("0.999")) > 0
        assert margin_left(pool, max(move * dec("1.001"), -ONE)) < 0 or move == -1


@given(wallet=st.integers(0, 500_000), qty=st.integers(-50, 50), target=st.integers(1, 90))
def test_what_is_missing_is_the_least_that_survives(wallet: int, qty: int, target: int) -> None:
    pool, distance = _pool(wallet, _held(qty, 40_000, STEPS)), Decimal(target) / 100
    missing = missing_for(pool, distance)
    safe = distance_of(pool.with_more(missing)).adverse
    assert safe is None or safe >= distance - dec("1e-30")
    if missing > 1:
        short = distance_of(pool.with_more(missing - 1)).adverse
        assert short is not None
        assert short < distance
    spare = spare_above(pool, distance)
    assert missing == 0 or spare == 0
    left = distance_of(pool.with_more(-spare)).adverse
    assert missing or left is None or left >= distance - dec("1e-30")


@given(wallet=st.integers(0, 800_000), start=st.integers(-30, 30), wish=st.integers(-60, 60))
def test_the_share_that_survives_is_the_largest(wallet: int, start: int, wish: int) -> None:
    pool = _pool(wallet, _held(start, 40_000, STEPS))
    sizes = {"BTC/USDT:USDT": dec(wish)}
    share = share_that_survives(pool, sizes, dec("0.3"))

    def survives(part: Decimal) -> bool:
        size = {"BTC/USDT:USDT": start + (wish - start) * part}
        return missing_for(pool.with_sizes(size), dec("0.3")) == 0

    assert share == 0 or survives(share)
    assert share == 1 or not survives(min(share + dec("1e-9"), ONE)) or not survives(ZERO)


def test_collateral_that_can_be_reached_counts_for_survival() -> None:
    pool, wish = _pool(20, _held(0)), {"BTC/USDT:USDT": dec("-0.8")}
    alone = share_that_survives(pool, wish, dec("0.3"))
    assert alone.quantize(dec("0.001")) == dec("0.819")
    assert share_that_survives(pool, wish, dec("0.3"), dec(5)) == 1


def test_resizing_at_mark_books_the_profit_so_far() -> None:
    held = Holding(
        symbol="BTC/USDT:USDT",
        asset="BTC",
        qty=dec(-1),
        entry=dec(120),
        mark=dec(100),
        tiers=flat_tier(dec("0.004")),
    )
    pool = _pool(10, held)
    half = pool.with_sizes({"BTC/USDT:USDT": dec("-0.5")})
    assert half.balance == pool.balance == 30
    assert half.wallet == 30
    assert half.maintenance == pool.maintenance / 2


def test_the_stress_view_moves_all_together_and_each_alone() -> None:
    pool = _pool(60, _held(-1), _held(-1, name="ETH"))
    seen = {(s.asset, s.move): s for s in stressed(pool, [dec("-0.2"), dec("0.2")])}
    assert set(seen) == {(a, dec(m)) for a in (None, "BTC", "ETH") for m in ("-0.2", "0.2")}
    assert seen[None, dec("0.2")].balance == 20
    assert seen["BTC", dec("0.2")].balance == 40
    assert seen[None, dec("-0.2")].balance == 100
    worst = seen[None, dec("0.2")]
    assert worst.left == 20 - dec("0.96")
    assert worst.ratio == dec("0.96") / 20
    whole = distance_of(pool).adverse
    assert whole is not None
    assert worst.distance is not None
    # moved by 20 % first, then by the rest, it ends at the same price
    assert abs((1 + whole) - dec("1.2") * (1 + worst.distance)) < dec("1e-40")
    for move in (dec("-0.3"), dec("0.1"), dec("0.9")):
        (row, *_) = stressed(pool, [move])
        moved = _pool(
            60 - 200 * move, _held(-1, 100 * (1 + move)), _held(-1, 100 * (1 + move), name="ETH")
        )
        there = distance_of(moved).adverse
        assert there is not None
        assert row.distance is not None
        assert abs(row.distance - there) < dec("1e-40"), "as if measured there"
    light = {(s.asset, s.move): s for s in stressed(pool, [dec("0.2")], alone=False)}
    assert light[None, dec("0.2")] == worst
    assert seen["BTC", dec("0.2")].distance is not None
    assert light["BTC", dec("0.2")] == replace(seen["BTC", dec("0.2")], distance=None)
    single = stressed(_pool(60, _held(-1)), [dec("0.2")])
    assert [s.asset for s in single] == [None]


def test_liquidation_prices_hold_the_others_still() -> None:
    pool = _pool(
        1_535_443,
        _held("109.488", "31967.27", name="BTC"),
        _held("3683.979", "1335.18", name="ETH"),
    )
    found = liquidation_prices(pool)
    assert set(found) == {"BTC/USDT:USDT", "ETH/USDT:USDT"}
    eth = found["ETH/USDT:USDT"]
    assert eth is not None
    gone = 1_535_443 + dec("3683.979") * (eth - dec("1335.18"))
    kept = (dec("109.488") * dec("31967.27") + dec("3683.979") * eth) * dec("0.004")
    assert gone == pytest.approx(kept)
