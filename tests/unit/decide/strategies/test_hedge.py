from __future__ import annotations

from collections.abc import Mapping

import pytest

from counterpoise.decide.strategies.hedge import hedge
from counterpoise.domain.decision import Decision
from counterpoise.domain.numbers import dec
from counterpoise.domain.strategy import HedgePolicy, HedgeState
from tests.build import (
    Number,
    make_instrument,
    make_policy,
    make_scene,
    make_snapshot,
    make_view,
)


def decided(
    policy: HedgePolicy,
    spot: Mapping[str, Number],
    *,
    holdings: Mapping[str, Number] | None = None,
    positions: Mapping[str, Number] | None = None,
    before: Number = 0,
    listed: bool = True,
) -> Decision:
    symbols = ["BTC/USDT", "SOL/USDT", *(["BTC/USDT:USDT"] if listed else [])]
    snapshot = make_snapshot(
        spot={"USDT": 1000, **spot},
        positions=positions,
        instruments=[make_instrument(s) for s in symbols],
    )
    portfolio = make_policy(policy, holdings=holdings or {})
    outcome = hedge(
        policy,
        make_scene(snapshot, portfolio),
        HedgeState(overlays={"BTC": dec(before)}),
    )
    (decision,) = outcome.decisions
    return decision


@pytest.mark.parametrize(
    ("ratio", "spot", "outside", "overlay"),
    [
        pytest.param("1", "0.5", "0", "-0.5", id="a full hedge is short what is held"),
        pytest.param("0.5", "0.5", "0", "-0.25", id="half a hedge is short half of it"),
        pytest.param("0.5", "0.5", "1", "-0.75", id="coins outside are hedged too"),
        pytest.param("1", "0", "0.5", "-0.5", id="coins outside alone are hedged"),
        pytest.param("1", "0.4999", "0", "-0.499", id="rounding under-hedges, never over"),
        pytest.param("0.333", "0.01", "0", "-0.003", id="rounding cuts the ratio as well"),
        pytest.param("0", "0.5", "0", "0", id="a ratio of nothing is no hedge"),
        pytest.param("1", "0.0009", "0", "0", id="less than a lot is no hedge"),
    ],
)
def test_the_short_is_a_share_of_live_spot_and_outside_holdings(
    ratio: str, spot: str, outside: str, overlay: str
) -> None:
    """MEANING 13: "x % of spot" means live spot and the portfolio's holdings."""
    policy = HedgePolicy(id="h", asset="BTC", ratio=dec(ratio))
    decision = decided(policy, {"BTC": spot}, holdings={"BTC": outside})
    assert decision.overlay == dec(overlay)
    assert decision.reason.code == "hedge_ratio"
    assert dec(decision.reason.numbers["held"]) == dec(spot) + dec(outside)


@pytest.mark.parametrize("position", ["-0.5", "-0.1", "0.3"])
def test_what_is_already_in_futures_does_not_change_the_wish(position: str) -> None:
    """MEANING 6: measured on exposure, a hedge that is on would read 0 held and be taken off again."""
    policy = HedgePolicy(id="h", asset="BTC", ratio=dec(1))
    decision = decided(policy, {"BTC": "0.5"}, positions={"BTC": position}, before="-0.5")
    assert decision.overlay == dec("-0.5")
    assert not decision.changed


def test_a_fixed_quantity_is_held_whatever_is_in_the_wallet() -> None:
    policy = HedgePolicy(id="h", asset="BTC", qty=dec("0.2509"))
    decision = decided(policy, {"BTC": 0})
    assert (decision.overlay, decision.reason.code) == (dec("-0.250"), "hedge_qty")


def test_an_empty_wallet_needs_no_hedge_and_lets_go_of_the_old_one() -> None:
    policy = HedgePolicy(id="h", asset="BTC", ratio=dec(1))
    decision = decided(policy, {"BTC": 0}, before="-0.5")
    assert (decision.overlay, decision.previous) == (0, dec("-0.5"))
    assert decision.reason.code == "nothing_held"
    assert decision.changed


def test_without_a_contract_the_wish_stays_as_it_was() -> None:
    """A listing that is missing for a minute must not read as "no hedge wanted"."""
    policy = HedgePolicy(id="h", asset="BTC", ratio=dec(1))
    decision = decided(policy, {"BTC": "0.5"}, before="-0.4", listed=False)
    assert (decision.overlay, decision.reason.code) == (dec("-0.4"), "no_instrument")


def test_a_hedge_that_was_told_neither_ratio_nor_quantity_hedges_nothing() -> None:
    assert decided(HedgePolicy(id="h", asset="BTC"), {"BTC": 1}).overlay == 0


@pytest.mark.parametrize("price", [40_000, 99_999, 100_000, 250_000])
def test_a_full_hedge_nets_the_profit_to_nothing(price: int) -> None:
    """S1: coin and short of the same size: what one loses the other gains, at every price."""
    entry, held = dec(100_000), dec("0.5")
    overlay = decided(HedgePolicy(id="h", asset="BTC", ratio=dec(1)), {"BTC": held}).overlay
    profit = overlay * (price - entry)
    assert profit == -held * (price - entry)

    def equity_at(mark: Number, pnl: Number) -> object:
        snapshot = make_snapshot(
            {"BTC": mark, "SOL": 100},
            spot={"BTC": held},
            futures={"USDT": 20_000},
            positions={"BTC": overlay},
            pnl={"USDT": pnl},
        )
        view = make_view(snapshot, make_policy())
        assert view.assets["BTC"].exposure_qty == 0
        return view.equity

    assert equity_at(price, profit) == equity_at(entry, 0) == 70_000
