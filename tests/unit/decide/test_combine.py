from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from counterpoise.decide.combine import effective_targets_of, granted_of, within_band
from counterpoise.domain.decision import Decision, Want
from counterpoise.domain.numbers import dec
from counterpoise.domain.policy import PortfolioPolicy
from counterpoise.domain.reasons import Reason, reason
from counterpoise.domain.strategy import DriftPolicy, HedgePolicy
from counterpoise.domain.strategy.drift import Legs
from counterpoise.plan.claims import claims_of, wants_of
from tests.build import (
    BTC_PERP,
    SOL_PERP,
    VENUE,
    Number,
    make_instrument,
    make_policy,
    make_scene,
    make_sleeve,
    make_snapshot,
)

DRIFT = DriftPolicy(id="keep")
HEDGE = HedgePolicy(id="h", asset="BTC", ratio=dec("0.5"))


def wish(strategy: str, overlay: Number, asset: str = "BTC", kind: str = "hedge") -> Decision:
    return Decision(
        strategy=strategy,
        kind=kind,
        asset=asset,
        overlay=dec(overlay),
        previous=dec(0),
        reason=reason("nothing_held", asset=asset),
    )


def combined(
    *decisions: Decision,
    held: Number = 1,
    outside: Number = 0,
    baselines: Mapping[str, Number] | None = None,
    listed: Sequence[str] = (BTC_PERP, SOL_PERP),
    **policy_changes: Any,
) -> tuple[dict[str, Want], tuple[Reason, ...]]:
    policy = make_policy(HEDGE, holdings={"BTC": outside}, **policy_changes)
    snapshot = make_snapshot(
        spot={"BTC": held, "USDT": 1_000_000},
        instruments=[make_instrument(s) for s in ("BTC/USDT", "SOL/USDT", *listed)],
    )
    foreign = {(VENUE, s): dec(q) for s, q in (baselines or {}).items()}
    scene = make_scene(snapshot, policy)
    granted, notes = granted_of(decisions, scene, foreign)
    claims = claims_of(granted, scene.universe)
    wants = wants_of(granted, claims, policy.assets, scene.universe, foreign)
    return {w.asset: w for w in wants}, notes


# --- MEANING 6: foreign baseline + sum of overlays ---


def test_the_target_is_the_foreign_baseline_and_every_overlay() -> None:
    wants, notes = combined(
        wish("h", "-0.4"),
        wish("keep", "0.15"),
        wish("keep", 30, "SOL"),
        baselines={BTC_PERP: "-0.2", SOL_PERP: 5},
    )
    assert wants["BTC"] == Want(venue=VENUE, symbol=BTC_PERP, asset="BTC", qty=dec("-0.45"))
    assert wants["SOL"].qty == 35
    assert notes == ()


def test_an_asset_nobody_speaks_of_is_wanted_where_it_was_found() -> None:
    wants, _ = combined(baselines={BTC_PERP: "0.3"})
    assert (wants["BTC"].qty, wants["SOL"].qty) == (dec("0.3"), 0)


def test_an_asset_without_a_contract_has_no_want() -> None:
    wants, _ = combined(wish("h", "-0.5"), listed=(SOL_PERP,))
    assert set(wants) == {"SOL"}


@pytest.mark.parametrize(
    ("mine", "other", "why"),
    [
        pytest.param(("-0.5", 0), (0, 0), "no BTC is held: nothing to hedge", id="a changed mind"),
        pytest.param(
            ("-0.5", "-0.5"),
            ("-0.1", 0),
            "0.1 of it",
            id="only who changed its mind speaks, not who wants the same as before",
        ),
        pytest.param(
            ("-0.5", "-0.5"),
            ("-0.1", "-0.1"),
            "h: no BTC is held: nothing to hedge; k: 0.1 of it",
            id="if nobody did, everyone who wants something",
        ),
        pytest.param((0, "-0.5"), (0, 0), "no BTC is held: nothing to hedge", id="letting go"),
        pytest.param((0, 0), (0, 0), "", id="nobody wants anything"),
    ],
)
def test_a_want_tells_why(
    mine: tuple[Number, Number], other: tuple[Number, Number], why: str
) -> None:
    said = Reason(code="nothing_held", numbers={"asset": "BTC"})
    also = reason("hedge_qty", qty="0.1", asset="BTC", overlay="0.1")
    decisions = [
        replace(wish("h", mine[0]), previous=dec(mine[1]), reason=said),
        replace(wish("k", other[0]), previous=dec(other[1]), reason=also),
        wish("s", 5, "SOL"),
    ]
    wants, _ = combined(*decisions)
    assert wants["BTC"].why.replace(also.text, "0.1 of it") == why
    assert wants["SOL"].why == "no SOL is held: nothing to hedge"


def test_the_same_want_in_other_words_is_no_other_want() -> None:
    said = Want(venue=VENUE, symbol=BTC_PERP, asset="BTC", qty=dec(1), why="one")
    assert said == replace(said, why="two")


# --- MEANING 7: never net short, cutting the lowest priority first ---


@pytest.mark.parametrize(
    ("overlays", "held", "given", "cut"),
    [
        pytest.param(["-1", "0"], "1", "-1", [], id="a full hedge ends at net 0"),
        pytest.param(
            ["-1", "-0.3"], "1", "-1", ["keep -0.3 0"], id="drift's short on top of it is cut"
        ),
        pytest.param(
            ["-0.8", "-0.3"], "1", "-1", ["keep -0.3 -0.2"], id="cut only as far as needed"
        ),
        pytest.param(
            ["-1.5", "-0.3"],
            "1",
            "-1",
            ["keep -0.3 0", "h -1.5 -1"],
            id="the lowest priority first, then the next",
        ),
        pytest.param(
            ["-1.5", "0.6"], "1", "-0.9", [], id="a long pays for the short: nothing to cut"
        ),
        pytest.param(
            ["-1.5", "0.3"], "1", "-1", ["h -1.5 -1.3"], id="a long is never cut, the short is"
        ),
        pytest.param(["-0.5", "0"], "0", "0", ["h -0.5 0"], id="nothing held, nothing short"),
        pytest.param(
            ["-1", "0"], "0.9999", "-0.999", ["h -1 -0.999"], id="the cut ends on a whole lot"
        ),
    ],
)
def test_the_clamp(overlays: list[str], held: str, given: str, cut: list[str]) -> None:
    hedge, drift = overlays
    wants, notes = combined(wish("h", hedge), wish("keep", drift), held=held)
    assert wants["BTC"].qty == dec(given)
    told = [f"{n.numbers['strategy']} {n.numbers['asked']} {n.numbers['given']}" for n in notes]
    assert told == cut
    assert all(n.code == "net_short_clamp" for n in notes)


def test_coins_outside_carry_shorts_too() -> None:
    wants, notes = combined(wish("h", "-1.5"), held="0.5", outside=1)
    assert (wants["BTC"].qty, notes) == (dec("-1.5"), ())


@pytest.mark.parametrize(
    ("baselines", "total"),
    [
        pytest.param({BTC_PERP: "-0.4"}, "-1", id="a foreign short uses up the coins first"),
        pytest.param({BTC_PERP: "0.4"}, "-1", id="a foreign long carries shorts of its own"),
        pytest.param({BTC_PERP: "-1.4"}, "-1.4", id="a foreign net short is not ours to correct"),
        pytest.param({"BTC/USDC:USDC": "-0.4"}, "-0.6", id="a foreign short in another contract"),
        pytest.param(
            {"BTC/USDC:USDC": "-0.4", BTC_PERP: "-0.1"}, "-0.6", id="foreign shorts in two"
        ),
        pytest.param({SOL_PERP: "-0.4"}, "-1", id="a foreign short of another coin is no matter"),
    ],
)
def test_foreign_positions_count_in_the_clamp(baselines: dict[str, str], total: str) -> None:
    """Spot + *all* futures of the asset stay at or above 0, not only the contract that is traded."""
    wants, _ = combined(wish("h", "-1.4"), baselines=baselines)
    assert wants["BTC"].qty == dec(total)


def test_net_short_is_allowed_only_when_the_config_says_so() -> None:
    wants, notes = combined(wish("h", "-1.5"), wish("keep", "-1"), allow_net_short=True)
    assert (wants["BTC"].qty, notes) == (dec("-2.5"), ())


LOTS = st.integers(min_value=-3000, max_value=3000).map(lambda n: n * dec("0.001"))


@given(
    st.lists(LOTS, max_size=4),
    st.decimals(min_value=0, max_value=3, places=5),
    LOTS,
    st.booleans(),
)
def test_nothing_is_ever_wanted_net_short_beyond_what_was_found(
    overlays: list[Decimal], held: Decimal, baseline: Decimal, allowed: bool
) -> None:
    decisions = [wish(f"s{i}", q) for i, q in enumerate(overlays)]
    wants, notes = combined(
        *decisions, held=held, baselines={BTC_PERP: baseline}, allow_net_short=allowed
    )
    asked, got = sum(overlays, baseline), wants["BTC"].qty
    if allowed:
        assert got == asked
        return
    assert got >= asked
    net = held + got
    found = held + baseline
    assert net >= min(found, dec(0))
    # cut only as far as needed: what is left of a cut ends within a lot of net 0, or at what was found
    if notes:
        assert net < dec("0.001") or got == baseline
    else:
        assert got == asked


# --- effective targets and bands ---


def judged(
    policy: PortfolioPolicy, held: Mapping[str, Number], *decisions: Decision
) -> tuple[dict[str, Decimal], bool]:
    """Targets and verdict on an equity of 100,000 whose futures already are what ``decisions`` want."""
    prices = {"BTC": 100_000, "SOL": 100}
    spot = {a: dec(w) * 1000 / prices[a] for a, w in held.items()}
    cash = 100_000 - sum(dec(w) * 1000 for w in held.values())
    snapshot = make_snapshot(prices, spot={**spot, "USDT": cash})
    granted, _ = granted_of(decisions, make_scene(snapshot, policy), {})
    held_now: dict[str, Number] = {}
    for decision in granted:
        held_now[decision.asset] = dec(held_now.get(decision.asset, 0)) + decision.granted
    scene = make_scene(
        make_snapshot(prices, spot={**spot, "USDT": cash}, positions=held_now), policy
    )
    targets = effective_targets_of(granted, scene)
    return targets, within_band(policy, scene.view, targets, scene.universe)


def test_the_effective_target_is_the_shape_and_the_overlays_of_the_others() -> None:
    """MEANING 6: half of 60 hedged leaves a target of 30, whatever drift itself wants."""
    targets, inside = judged(
        make_policy(HEDGE, DRIFT),
        {"BTC": 60, "SOL": 30},
        wish("h", "-0.3"),
        wish("keep", -100, "SOL", "drift"),
    )
    assert targets == {"BTC": dec("0.3"), "SOL": dec("0.2")}
    assert inside


def test_without_drift_nobody_keeps_the_shape_and_what_is_held_is_right() -> None:
    targets, inside = judged(make_policy(HEDGE), {"BTC": 90, "SOL": 0}, wish("h", "-0.45"))
    assert targets == {"BTC": dec("0.45"), "SOL": 0}
    assert inside


def test_a_hedge_that_is_not_filled_yet_is_out_of_its_band() -> None:
    policy = make_policy(HEDGE)
    scene = make_scene(make_snapshot(spot={"BTC": "0.6", "USDT": 40_000}), policy)
    targets = effective_targets_of([wish("h", "-0.3")], scene)
    assert not within_band(policy, scene.view, targets, scene.universe)


@pytest.mark.parametrize(
    ("qty", "inside"),
    [
        pytest.param("0.00299", True, id="less than the contract trades: nothing can be done"),
        pytest.param("0.003", False, id="what the contract trades"),
    ],
)
def test_what_no_order_can_correct_is_not_out_of_its_band(qty: str, *, inside: bool) -> None:
    """A band of a tenth of a point in a portfolio of 10,000: 0.001 BTC at 100,000 is a point."""
    policy = make_policy(HEDGE, sleeves=(make_sleeve(weight="0.6", band="0.001"),))
    perp = make_instrument(min_notional=dec(240))
    snapshot = make_snapshot(
        {"BTC": 100_000},
        spot={"BTC": "0.06", "USDT": 4_000},
        instruments=(make_instrument("BTC/USDT"), perp),
    )
    scene = make_scene(snapshot, policy)
    seen = scene.view.assets["BTC"]
    targets = {"BTC": seen.effective_weight - seen.weight_of(dec(qty))}
    assert within_band(policy, scene.view, targets, scene.universe) is inside


@pytest.mark.parametrize(
    ("btc", "sol", "inside"),
    [
        pytest.param("60", "20", True, id="on target"),
        pytest.param("65", "15", True, id="on both edges"),
        pytest.param("65.01", "20", False, id="over an edge"),
        pytest.param("60", "14.99", False, id="under an edge"),
        pytest.param("56", "16", True, id="quote alone is not judged: 28 against 20"),
    ],
)
def test_every_sleeve_but_quote_is_judged_by_its_band(btc: str, sol: str, inside: bool) -> None:
    assert judged(make_policy(DRIFT), {"BTC": btc, "SOL": sol})[1] is inside


@pytest.mark.parametrize(
    ("legs", "held", "inside"),
    [
        pytest.param(
            Legs.OVERWEIGHT, {"BTC": 50, "SOL": 20}, True, id="S6: 50/20/30 is all it may"
        ),
        pytest.param(Legs.OVERWEIGHT, {"BTC": 50, "SOL": 30}, False, id="30 of 20 it must correct"),
        pytest.param(Legs.UNDERWEIGHT, {"BTC": 60, "SOL": 30}, True, id="30 of 20 it may not sell"),
        pytest.param(Legs.UNDERWEIGHT, {"BTC": 50, "SOL": 20}, False, id="50 of 60 it must buy"),
        pytest.param(Legs.BOTH, {"BTC": 50, "SOL": 20}, False, id="both legs: 50/20/30 is wrong"),
    ],
)
def test_only_legs_that_the_config_may_correct_are_judged(
    legs: Legs, held: dict[str, Number], inside: bool
) -> None:
    """MEANING 3: 50/20/30 with overweight legs is done; the naive reading calls it drifted forever."""
    assert judged(make_policy(DriftPolicy(id="keep", legs=legs)), held)[1] is inside


def test_a_target_below_zero_is_judged_at_zero_where_net_short_is_not_allowed() -> None:
    """70 % held, all of it hedged, shape 60: shape + overlay is -10, and nothing may go there."""
    decisions = (wish("h", "-0.7"), wish("keep", "-0.1", kind="drift"))
    held: dict[str, Number] = {"BTC": 70, "SOL": 20}
    assert judged(make_policy(HEDGE, DRIFT), held, *decisions) == (
        {"BTC": dec(0), "SOL": dec("0.2")},
        True,
    )
    allowed = make_policy(HEDGE, DRIFT, allow_net_short=True)
    assert judged(allowed, held, *decisions) == ({"BTC": dec("-0.1"), "SOL": dec("0.2")}, True)


def test_while_own_futures_are_closed_nothing_is_given_in_futures_or_coins() -> None:
    snapshot = make_snapshot(spot={"BTC": 1}, futures={"USDT": 100_000})
    scene = make_scene(snapshot, make_policy(HEDGE, DRIFT), flattening=True)
    wishes = [wish("h", "-0.5"), replace(wish("keep", "0.2", kind="drift"), coins=dec("0.1"))]
    given, notes = granted_of(wishes, scene, {})
    assert [(d.overlay, d.granted, d.coins) for d in given] == [
        (dec("-0.5"), 0, None),
        (dec("0.2"), 0, None),
    ]
    assert [n.code for n in notes] == ["flattening"]
