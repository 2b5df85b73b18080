"""Every published margin example, by kind; a kind without a function fails."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import datetime
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from counterpoise.domain.funding import FundingInstant, inverse_payment, payment, payments
from counterpoise.domain.margin import (
    MarginTier,
    at_least,
    bankruptcy_price,
    fixed_margin_liquidation,
    flat_tier,
    inverse_bankruptcy_price,
    inverse_cross_bankruptcy,
    inverse_cross_liquidation,
    inverse_cross_liquidation_with_fee,
    inverse_initial_margin,
    inverse_liquidation,
    inverse_maintenance_margin,
    inverse_pnl,
    linear_liquidation,
    liquidation_price,
    maintenance_amount,
    maintenance_margin,
    max_leverage_at,
    tier_at,
)
from counterpoise.domain.numbers import ONE, ZERO, dec

Inputs = Mapping[str, Any]


def a_table(last: int | None) -> tuple[MarginTier, ...]:
    """Five tiers up to ``last``, continuous where they meet."""
    made: list[MarginTier] = []
    for cap, rate in (
        (50_000, "0.004"), (600_000, "0.005"), (3_000_000, "0.01"), (12_000_000, "0.025"), (last, "0.05")
    ):  # fmt: skip
        floor = made[-1].cap or ZERO if made else ZERO
        amount = (
            maintenance_amount(floor, dec(rate), made[-1].rate, made[-1].amount) if made else ZERO
        )
        made.append(
            MarginTier(
                floor=floor, cap=None if cap is None else dec(cap), rate=dec(rate), amount=amount
            )
        )
    return tuple(made)


@pytest.mark.parametrize("rate", ["0.003", "0.004", "0.0101", "0.025", "0.026", "0.2", "0.9"])
@pytest.mark.parametrize("last", [None, 30_000_000])
def test_a_table_of_at_least_a_rate_asks_for_the_larger_of_both(
    rate: str, last: int | None
) -> None:
    table = a_table(last)
    least = at_least(table, dec(rate))
    borders = [b for t in (*table, *least) for b in (t.floor, t.cap) if b is not None]
    for notional in (*borders, *(b + 1 for b in borders), *(b * 3 for b in borders)):
        asked = max(maintenance_margin(notional, table), notional * dec(rate))
        assert abs(maintenance_margin(notional, least) - asked) < dec("1e-20")
    assert least[0].floor == 0
    assert all(low.floor < high.floor == low.cap for low, high in pairwise(least))


def _one(x: Inputs, *, amount: Decimal = ZERO) -> tuple[MarginTier, ...]:
    return (MarginTier(floor=ZERO, cap=None, rate=x["mmr"], amount=amount),)


def _cross(x: Inputs) -> Decimal | None:
    others = sum(
        (
            o["side"] * o["qty"] * (o["mark"] - o["entry"])
            - maintenance_margin(o["qty"] * o["mark"], _one(o, amount=o["cum"]))
            for o in x["others"]
        ),
        ZERO,
    )
    tiers = _one(x, amount=x["cum"])
    return liquidation_price(
        int(x["side"]), x["qty"], x["entry"], x["wallet"], tiers, others=others
    )


def _isolated(x: Inputs) -> Decimal | None:
    tiers = _one(x, amount=x.get("cum", ZERO))
    return liquidation_price(
        int(x["side"]), x["qty"], x["entry"], x["wallet"], tiers, taker=x.get("taker", ZERO)
    )


def _recorded(x: Inputs) -> Decimal | None:
    qty = x["contracts"] * x["contractSize"]
    return linear_liquidation(int(x["side"]), qty, x["entry"], x["collateral"], x["mmr_pct"])


def _window(x: Inputs) -> Decimal:
    instants = [
        FundingInstant(at=datetime.fromisoformat(p["ts"]), mark=p["mark"], rate=p["rate"])
        for p in x["points"]
    ]
    opened, closed = datetime.fromisoformat(x["open"]), datetime.fromisoformat(x["close"])
    return payments(x["side"] * x["qty"], opened, closed, instants)


KINDS: Mapping[str, Callable[[Inputs], Decimal | None]] = {
    "linear_liq_isolated": _isolated,
    "linear_liq_isolated_with_taker": _isolated,
    "linear_liq_cross": _cross,
    "recorded_exchange_position": _recorded,
    "linear_liq_isolated_bybit": lambda x: fixed_margin_liquidation(
        int(x["side"]),
        x["entry"],
        x["leverage"],
        x["mmr"],
        deduction=x["deduction"],
        extra=x["extra"],
        qty=x["qty"],
    ),
    "linear_liq_isolated_simple": lambda x: fixed_margin_liquidation(
        int(x["side"]), x["entry"], x["leverage"], x["mmr"]
    ),
    "linear_bankruptcy": lambda x: bankruptcy_price(int(x["side"]), x["entry"], x["leverage"]),
    "maintenance_amount": lambda x: maintenance_amount(
        x["floor"], x["mmr_n"], x["mmr_prev"], x["cum_prev"]
    ),
    "inverse_liq_isolated_simple": lambda x: inverse_liquidation(
        int(x["side"]), x["entry"], x["leverage"], x["mmr"]
    ),
    "inverse_liq_isolated_bybit": lambda x: inverse_liquidation(
        int(x["side"]), x["entry"], x["leverage"], x["mmr"]
    ),
    "inverse_bankruptcy": lambda x: inverse_bankruptcy_price(
        int(x["side"]), x["entry"], x["leverage"]
    ),
    "inverse_liq_cross_binance": lambda x: inverse_cross_liquidation(
        int(x["side"]),
        x["contracts"] * x["contract_value"],
        x["entry"],
        x["wallet"],
        x["mmr"],
        x["cum"],
    ),
    "inverse_bankruptcy_cross_bybit_legacy": lambda x: inverse_cross_bankruptcy(
        int(x["side"]), x["contracts"], x["entry"], x["balance"] - x["order_margin"], x["taker"]
    ),
    "inverse_liq_cross_bybit_legacy": lambda x: inverse_cross_liquidation_with_fee(
        int(x["side"]),
        x["contracts"],
        x["entry"],
        x["balance"] - x["order_margin"],
        x["mmr"],
        x["taker"],
        x["bankruptcy"],
    ),
    "inverse_pnl": lambda x: inverse_pnl(int(x["side"]), x["contracts"], x["entry"], x["exit"]),
    "inverse_initial_margin": lambda x: inverse_initial_margin(
        x["contracts"], x["price"], x["im"], x["leverage"]
    ),
    "inverse_maint_margin": lambda x: inverse_maintenance_margin(
        x["contracts"], x["price"], x["mm"]
    ),
    "linear_funding": lambda x: payment(x["side"] * x["qty"], x["mark"], x["rate"]),
    "inverse_funding": lambda x: inverse_payment(x["side"] * x["contracts"], x["mark"], x["rate"]),
    "linear_funding_window": _window,
}


def _exact(value: Any) -> Any:
    """JSON numbers as Decimals, at any depth."""
    if isinstance(value, dict):
        return {k: _exact(v) for k, v in value.items()}
    if isinstance(value, list):
        return [_exact(v) for v in value]
    return dec(value) if isinstance(value, int) else value


def test_every_published_example_comes_out(shared: Path) -> None:
    rows = json.loads((shared / "reference" / "margin_vectors.json").read_text(), parse_float=dec)
    assert len(rows) >= 47
    wrong = []
    for row in rows:
        found = KINDS[row["kind"]](_exact(row["inputs"]))
        if found is None or abs(found - _exact(row["expected"])) > _exact(row["abs_tol"]):
            wrong.append((row["id"], row["kind"], found, row["expected"]))
    assert wrong == []


def test_a_short_at_5x_is_liquidated_a_little_below_20_percent_up() -> None:
    found = liquidation_price(-1, ONE, dec(100), dec(20), flat_tier(dec("0.004")))
    assert found is not None
    assert found.quantize(dec("0.0001")) == dec("119.5219")


STEPS = (
    MarginTier(floor=ZERO, cap=dec(50_000), rate=dec("0.004"), max_leverage=dec(125)),
    MarginTier(
        floor=dec(50_000), cap=dec(250_000), rate=dec("0.005"), amount=dec(50), max_leverage=dec(100)
    ),
    MarginTier(
        floor=dec(250_000), cap=dec(1_000_000), rate=dec("0.01"), amount=dec(1300),
        max_leverage=dec(50),
    ),
)  # fmt: skip


def test_maintenance_is_continuous_where_tiers_meet() -> None:
    for below, above in pairwise(STEPS):
        edge = above.floor
        assert edge * below.rate - below.amount == edge * above.rate - above.amount
        assert maintenance_margin(edge, STEPS) == edge * below.rate - below.amount


def test_the_liquidation_price_is_where_nothing_is_left_in_the_tier_it_falls_into() -> None:
    for side in (1, -1):
        for qty, wallet in ((1, 10_000), (5, 30_000), (20, 100_000), (40, 2_000_000)):
            size, purse = dec(qty), dec(wallet)
            price = liquidation_price(side, size, dec(40_000), purse, STEPS)
            if price is None:
                assert side == 1  # so much money that no fall could lose it
                continue
            left = purse + side * size * (price - 40_000) - maintenance_margin(size * price, STEPS)
            assert abs(left) < dec("1e-40")


def test_a_long_that_is_paid_in_full_cannot_be_liquidated() -> None:
    assert liquidation_price(1, ONE, dec(100), dec(100), flat_tier(dec("0.01"))) is None
    assert inverse_bankruptcy_price(-1, dec(100), ONE) is None
    assert inverse_liquidation(-1, dec(100), ONE, ZERO) is None
    assert inverse_cross_liquidation(-1, dec(100_000), dec(100_000), dec(2), dec("0.01")) is None


def test_a_position_beyond_the_table_keeps_to_its_end() -> None:
    assert tier_at(dec(5_000_000), STEPS) is STEPS[-1]
    assert max_leverage_at(dec(60_000), STEPS) == dec(100)
    price = liquidation_price(-1, dec(100), dec(40_000), dec(500_000), STEPS)
    assert price is not None
    left = dec(500_000) - 100 * (price - 40_000) - (100 * price * dec("0.01") - 1300)
    assert abs(left) < dec("1e-40")


def test_no_tiers_is_an_error_not_a_guess() -> None:
    with pytest.raises(ValueError, match="at least one margin tier"):
        tier_at(ONE, ())
