from __future__ import annotations

from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from counterpoise.decide.watch import Watched, quiet, quiet_factor
from counterpoise.domain.numbers import ONE, ZERO, dec
from counterpoise.domain.portfolio import PortfolioView
from tests.build import make_policy, make_snapshot, make_view

quantities = st.decimals("-0.3", "1", places=3)
moves = st.decimals("-1", "1", places=2)


def view(btc: Decimal, sol: Decimal) -> PortfolioView:
    """Equity 100,000 with exposures of ``btc`` and ``sol`` as fractions of it, made of futures."""
    snapshot = make_snapshot(
        {"BTC": 100_000, "SOL": 100},
        spot={"USDT": 100_000},
        positions={"BTC": btc, "SOL": sol * 1000},
    )
    return make_view(snapshot, make_policy())


def test_a_weight_on_its_limit_is_looked_at_with_every_price() -> None:
    seen = view(dec("0.6"), ZERO)
    rule = Watched(parts={"BTC": dec("0.6")}, high=dec("0.6"))
    assert quiet_factor((rule,), seen) == ONE
    assert quiet((rule,), seen).above["BTC"] == 100_000


def test_nothing_to_watch_is_quiet_for_long() -> None:
    wakeups = quiet((), view(dec("0.6"), dec("0.2")))
    assert (wakeups.above["SOL"], wakeups.below["SOL"]) == (200, 50)


@settings(max_examples=200, deadline=None)
@given(btc=quantities, sol=quantities, one=moves, other=moves)
def test_within_its_prices_no_weight_leaves_its_limits(
    btc: Decimal, sol: Decimal, one: Decimal, other: Decimal
) -> None:
    seen = view(btc, sol)
    rule = Watched(parts={"BTC": btc}, low=btc - dec("0.05"), high=btc + dec("0.05"))
    factor = quiet_factor((rule,), seen)
    prices = {
        "BTC": ONE + (factor - 1) * one if one > 0 else ONE / (ONE - (factor - 1) * one),
        "SOL": ONE + (factor - 1) * other if other > 0 else ONE / (ONE - (factor - 1) * other),
    }
    equity = ONE + btc * (prices["BTC"] - 1) + sol * (prices["SOL"] - 1)
    weight = btc * prices["BTC"] / equity
    assert rule.low is not None
    assert rule.high is not None
    assert rule.low - dec("1e-20") <= weight <= rule.high + dec("1e-20")
