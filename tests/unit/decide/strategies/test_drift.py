from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

import pytest

from counterpoise.decide.strategies.drift import drift
from counterpoise.domain.decision import Decision
from counterpoise.domain.numbers import dec
from counterpoise.domain.policy import Band, Sleeve
from counterpoise.domain.strategy import DriftPolicy, DriftState
from counterpoise.domain.strategy.drift import Legs, TradeTo
from tests.build import (
    Number,
    make_instrument,
    make_policy,
    make_scene,
    make_sleeve,
    make_sleeves,
    make_snapshot,
    make_view,
    perp,
)

#: Prices at which percents of an equity of 100,000 are round quantities.
PRICES = {"BTC": 100_000, "SOL": 100, "LINK": 10}


def decided(
    weights: Mapping[str, Number],
    policy: DriftPolicy | None = None,
    *,
    sleeves: tuple[Sleeve, ...] | None = None,
    before: Mapping[str, Number] | None = None,
    positions: Mapping[str, Number] | None = None,
    unlisted: frozenset[str] = frozenset(),
    holdings: Mapping[str, Number] | None = None,
) -> dict[str, Decision]:
    """Decisions for a portfolio of 100,000 USDT that holds ``weights`` (in percent) as coins."""
    spot = {a: dec(w) * 1000 / dec(PRICES[a]) for a, w in weights.items()}
    rest = 100_000 - sum(dec(w) * 1000 for w in weights.values())
    symbols = [s for a in PRICES for s in (f"{a}/USDT", perp(a)) if s not in unlisted]
    snapshot = make_snapshot(
        PRICES,
        spot={**spot, "USDT": rest},
        positions=positions,
        instruments=[make_instrument(s) for s in symbols],
    )
    strategy = policy or DriftPolicy(id="keep")
    portfolio = make_policy(strategy, sleeves=sleeves, holdings=holdings or {})
    outcome = drift(
        strategy,
        make_scene(snapshot, portfolio),
        DriftState(overlays={a: dec(q) for a, q in (before or {}).items()}),
    )
    return {d.asset: d for d in outcome.decisions}


def overlays(decisions: Mapping[str, Decision]) -> dict[str, Decimal]:
    return {a: d.overlay for a, d in decisions.items()}


def codes(decisions: Mapping[str, Decision]) -> list[str]:
    return [d.reason.code for d in decisions.values()]


# --- one sleeve per asset: 60 BTC, 20 SOL, 20 USDT, bands of five points ---


@pytest.mark.parametrize(
    ("weights", "legs", "btc", "sol", "said"),
    [
        pytest.param(
            {"BTC": 60, "SOL": 20}, Legs.BOTH, "0", "0", ["inside_band"] * 2, id="on target"
        ),
        pytest.param(
            {"BTC": 64, "SOL": 17},
            Legs.BOTH,
            "0",
            "0",
            ["inside_band"] * 2,
            id="away, but inside the band",
        ),
        pytest.param(
            {"BTC": 65, "SOL": 15},
            Legs.BOTH,
            "0",
            "0",
            ["inside_band"] * 2,
            id="exactly on both edges is inside",
        ),
        pytest.param(
            {"BTC": "65.001", "SOL": 15},
            Legs.BOTH,
            "-0.050",
            "0",
            ["outside_band", "inside_band"],
            id="a hair over the edge is outside",
        ),
        pytest.param(
            {"BTC": 50, "SOL": 30},
            Legs.BOTH,
            "0.1",
            "-100",
            ["outside_band"] * 2,
            id="S7: both legs of 50/30/20 go back to 60/20/20",
        ),
        pytest.param(
            {"BTC": 50, "SOL": 30},
            Legs.OVERWEIGHT,
            "0",
            "-100",
            ["leg_excluded", "outside_band"],
            id="S6: overweight legs only make it 50/20/30",
        ),
        pytest.param(
            {"BTC": 50, "SOL": 30},
            Legs.UNDERWEIGHT,
            "0.1",
            "0",
            ["outside_band", "leg_excluded"],
            id="underweight legs only buy",
        ),
        pytest.param(
            {"BTC": 0, "SOL": 0},
            Legs.BOTH,
            "0.6",
            "200",
            ["outside_band"] * 2,
            id="all in quote: the shape is made of futures alone",
        ),
    ],
)
def test_what_drift_wants(
    weights: Mapping[str, Number], legs: Legs, btc: str, sol: str, said: list[str]
) -> None:
    decisions = decided(weights, DriftPolicy(id="keep", legs=legs))
    assert overlays(decisions) == {"BTC": dec(btc), "SOL": dec(sol)}
    assert codes(decisions) == said


def test_effective_weights_after_overweight_legs_are_fifty_twenty_thirty() -> None:
    """S6, from the decision back to weights: MEANING 3's numbers."""
    wish = overlays(decided({"BTC": 50, "SOL": 30}, DriftPolicy(id="k", legs=Legs.OVERWEIGHT)))
    snapshot = make_snapshot(
        PRICES, spot={"BTC": "0.5", "SOL": 300, "USDT": 20_000}, positions=wish
    )
    view = make_view(snapshot, make_policy())
    weights = [view.assets[a].effective_weight for a in ("BTC", "SOL")]
    assert [*weights, view.effective_quote_weight] == [dec("0.5"), dec("0.2"), dec("0.3")]


@pytest.mark.parametrize(
    ("trade_to", "inner", "satellite"),
    [
        pytest.param(TradeTo.TARGET, None, "20", id="to the target"),
        pytest.param(TradeTo.INNER, Band(size=dec("0.02")), "22", id="to its inner band"),
        pytest.param(
            TradeTo.INNER,
            Band(size=dec("0.05"), relative=True),
            "21",
            id="to its inner band, relative to the target",
        ),
        pytest.param(TradeTo.INNER, None, "22.5", id="without an inner band: half the band"),
        pytest.param(TradeTo.HALF, None, "25", id="half-way back"),
    ],
)
@pytest.mark.parametrize("side", [1, -1], ids=["from above", "from below"])
def test_how_far_drift_trades_back(
    trade_to: TradeTo, inner: Band | None, satellite: str, side: int
) -> None:
    sleeves = (
        make_sleeve("core", "0.6", {"BTC": 1}),
        make_sleeve("satellite", "0.2", {"SOL": 1}, inner=inner),
        make_sleeve("buffer", "0.2", {"USDT": 1}),
    )
    held, wanted = 20 + side * 10, 20 + side * (dec(satellite) - 20)
    decisions = decided(
        {"BTC": 60, "SOL": held}, DriftPolicy(id="keep", trade_to=trade_to), sleeves=sleeves
    )
    assert decisions["SOL"].overlay == (wanted - held) * 10
    assert decisions["BTC"].overlay == 0


@pytest.mark.parametrize(
    ("band", "weight", "outside"),
    [
        pytest.param(Band(size=dec("0.05")), "25", False, id="5pp of 20: 25 is inside"),
        pytest.param(Band(size=dec("0.05")), "25.1", True, id="5pp of 20: 25.1 is outside"),
        pytest.param(
            Band(size=dec("0.05"), relative=True), "21", False, id="5% of 20: 21 is inside"
        ),
        pytest.param(
            Band(size=dec("0.05"), relative=True), "21.1", True, id="5% of 20: 21.1 is outside"
        ),
        pytest.param(
            Band(size=dec("0.05"), relative=True), "18.9", True, id="5% of 20: 18.9 is outside"
        ),
    ],
)
def test_bands_are_absolute_or_relative(band: Band, weight: str, outside: bool) -> None:
    decision = decided({"BTC": 60, "SOL": weight}, sleeves=make_sleeves(band))["SOL"]
    assert (decision.overlay != 0) is outside


# --- MEANING 6: drift measures spot, outside and its own overlay ---


def test_another_strategys_hedge_is_not_bought_back() -> None:
    """A 50 % hedge on 60 % BTC leaves 30 % exposure; read naively drift would buy 0.3 BTC back."""
    decisions = decided({"BTC": 60, "SOL": 20}, positions={"BTC": "-0.3"})
    assert overlays(decisions) == {"BTC": 0, "SOL": 0}
    assert codes(decisions) == ["inside_band"] * 2


@pytest.mark.parametrize(
    ("btc", "overlay", "said"),
    [
        pytest.param(42, "0", "inside_band", id="92 of 150 is 61.3 %: near enough"),
        pytest.param(50, "-0.1", "outside_band", id="100 of 150 is 66.7 %: back to 90"),
    ],
)
def test_coins_kept_outside_are_measured_too(btc: int, overlay: str, said: str) -> None:
    """0.5 BTC in a cold wallet beside an account of 100,000; on spot alone BTC would read 28 or 33 %."""
    decisions = decided({"BTC": btc, "SOL": 30}, holdings={"BTC": "0.5"})
    assert overlays(decisions) == {"BTC": dec(overlay), "SOL": 0}
    assert codes(decisions) == [said, "inside_band"]


def test_its_own_overlay_counts_so_that_it_is_not_wanted_twice() -> None:
    decisions = decided({"BTC": 60, "SOL": 30}, before={"SOL": -100}, positions={"SOL": -100})
    assert decisions["SOL"].overlay == -100
    assert not decisions["SOL"].changed


def test_its_overlay_counts_from_the_wish_on_before_any_fill() -> None:
    assert decided({"BTC": 60, "SOL": 30}, before={"SOL": -100})["SOL"].overlay == -100


@pytest.mark.parametrize("held", ["26", "30", "34"])
def test_inside_the_band_an_overlay_stays_as_it_is(held: str) -> None:
    """Hysteresis: with a short of 10 the sleeve is judged at 16, 20 and 24, all inside 15 to 25."""
    decision = decided({"BTC": 60, "SOL": held}, before={"SOL": -100})["SOL"]
    assert (decision.overlay, decision.reason.code) == (-100, "inside_band")


def test_a_sleeve_that_fell_back_is_released() -> None:
    """Held 20 with a short of 10 reads 10: outside again, and the way back is to lift the short."""
    decision = decided({"BTC": 60, "SOL": 20}, before={"SOL": -100})["SOL"]
    assert (decision.overlay, decision.previous) == (0, -100)


@pytest.mark.parametrize(
    ("legs", "held", "before", "after", "said"),
    [
        pytest.param(
            Legs.OVERWEIGHT,
            "20",
            -100,
            "0",
            "outside_band",
            id="back on shape: the short is lifted",
        ),
        pytest.param(
            Legs.OVERWEIGHT, "24", -100, "-40", "outside_band", id="partly back: partly lifted"
        ),
        pytest.param(
            Legs.OVERWEIGHT, "10", -100, "0", "outside_band", id="below shape: lifted, never long"
        ),
        pytest.param(Legs.OVERWEIGHT, "10", 0, "0", "leg_excluded", id="nothing of ours to lift"),
        pytest.param(
            Legs.OVERWEIGHT, "5", 50, "50", "leg_excluded", id="a long does not make it lighter"
        ),
        pytest.param(
            Legs.UNDERWEIGHT, "20", 100, "0", "outside_band", id="back on shape: the long is sold"
        ),
        pytest.param(
            Legs.UNDERWEIGHT, "30", 100, "0", "outside_band", id="above shape: sold, never short"
        ),
        pytest.param(Legs.UNDERWEIGHT, "30", 0, "0", "leg_excluded", id="nothing of ours to sell"),
    ],
)
def test_an_excluded_leg_is_still_let_go_of(
    legs: Legs, held: str, before: int, after: str, said: str
) -> None:
    """``legs`` says which side may be opened; an overlay of the other side must not stick forever."""
    decision = decided(
        {"BTC": 60, "SOL": held}, DriftPolicy(id="k", legs=legs), before={"SOL": before}
    )["SOL"]
    assert (decision.overlay, decision.reason.code) == (dec(after), said)


def test_an_excluded_leg_lets_go_only_of_what_leans_to_its_side() -> None:
    """A light sleeve does not get lighter for the shares of its assets: LINK's long stays."""
    decisions = decided(
        {"BTC": 60, "SOL": 2, "LINK": 4},
        DriftPolicy(id="k", legs=Legs.OVERWEIGHT),
        sleeves=SHARED,
        before={"LINK": 400, "SOL": -10},
    )
    assert overlays(decisions) == {"BTC": 0, "SOL": 0, "LINK": 400}
    assert decisions["SOL"].previous == -10
    assert codes(decisions) == ["inside_band", "outside_band", "leg_excluded"]


def test_an_excluded_leg_keeps_what_is_still_needed() -> None:
    """The sleeve is light for want of SOL, LINK is still heavy: its short stays, and grows no further."""
    decisions = decided(
        {"BTC": 60, "SOL": 0, "LINK": 13},
        DriftPolicy(id="k", legs=Legs.OVERWEIGHT),
        sleeves=SHARED,
        before={"LINK": -500},
    )
    assert overlays(decisions) == {"BTC": 0, "SOL": 0, "LINK": -500}
    assert codes(decisions) == ["inside_band", "leg_excluded", "leg_excluded"]


# --- sleeves of several assets, of nothing, of assets nobody lists ---


SHARED = (
    make_sleeve("core", "0.6", {"BTC": 1}),
    make_sleeve("satellite", "0.2", {"SOL": "0.75", "LINK": "0.25"}),
    make_sleeve("buffer", "0.2", {"USDT": 1}),
)


def test_the_assets_of_a_sleeve_go_to_their_shares_of_its_level() -> None:
    decisions = decided({"BTC": 60, "SOL": 10, "LINK": 20}, sleeves=SHARED)
    # level 20: 15 for SOL (10 held), 5 for LINK (20 held)
    assert overlays(decisions) == {"BTC": 0, "SOL": 50, "LINK": -1500}


def test_a_sleeve_is_judged_as_a_whole() -> None:
    decisions = decided({"BTC": 60, "SOL": 4, "LINK": 16}, sleeves=SHARED)
    assert codes(decisions) == ["inside_band"] * 3


@pytest.mark.parametrize(
    ("trade_to", "sol", "link"),
    [
        pytest.param(TradeTo.TARGET, "-60", "-200", id="to nothing: all of it"),
        pytest.param(TradeTo.HALF, "-30", "-100", id="half-way: each asset by what is held"),
    ],
)
def test_a_sleeve_that_shall_be_empty_shrinks_by_what_is_held(
    trade_to: TradeTo, sol: str, link: str
) -> None:
    sleeves = (
        make_sleeve("core", "0.6", {"BTC": 1}),
        make_sleeve("old", 0, {"SOL": "0.5", "LINK": "0.5"}),
        make_sleeve("buffer", "0.4", {"USDT": 1}),
    )
    decisions = decided(
        {"BTC": 60, "SOL": 6, "LINK": 2},
        DriftPolicy(id="k", trade_to=trade_to),
        sleeves=sleeves,
    )
    assert (decisions["SOL"].overlay, decisions["LINK"].overlay) == (dec(sol), dec(link))


def test_an_empty_sleeve_with_a_relative_band_is_left_alone() -> None:
    sleeves = (
        make_sleeve("core", "0.6", {"BTC": 1}),
        make_sleeve("old", 0, {"SOL": 1}, Band(size=dec("0.25"), relative=True)),
        make_sleeve("buffer", "0.4", {"USDT": 1}),
    )
    assert decided({"BTC": 60, "SOL": 0}, sleeves=sleeves)["SOL"].overlay == 0


def test_an_asset_without_a_contract_keeps_its_overlay_and_says_so() -> None:
    decisions = decided(
        {"BTC": 60, "SOL": 10, "LINK": 20}, sleeves=SHARED, unlisted=frozenset({perp("LINK")})
    )
    assert overlays(decisions) == {"BTC": 0, "SOL": 50, "LINK": 0}
    assert decisions["LINK"].reason.code == "no_instrument"


def test_quote_in_a_mixed_sleeve_is_not_traded() -> None:
    sleeves = (
        make_sleeve("core", "0.8", {"BTC": "0.5", "USDT": "0.5"}),
        make_sleeve("satellite", "0.2", {"SOL": 1}),
    )
    assert overlays(decided({"BTC": 50, "SOL": 20}, sleeves=sleeves)) == {
        "BTC": dec("-0.1"),
        "SOL": 0,
    }


def test_overlays_are_cut_to_lots_towards_zero() -> None:
    decisions = decided({"BTC": "50.05", "SOL": "29.99995"})
    assert decisions["BTC"].overlay == dec("0.099")
    assert decisions["SOL"].overlay == dec("-99.999")


def test_the_reason_tells_the_numbers_it_was_decided_on() -> None:
    decision = decided({"BTC": 60, "SOL": 30})["SOL"]
    assert decision.reason.text == (
        "satellite weighs 30 %, more than 5 pp away from its target 20 %: trade back to 20 %"
    )
