from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from counterpoise.decide.combine import within_band
from counterpoise.decide.engine import decide
from counterpoise.domain.decision import Decisions
from counterpoise.domain.numbers import dec
from counterpoise.domain.policy import Band, PortfolioPolicy
from counterpoise.domain.portfolio import PortfolioView
from counterpoise.domain.strategy import (
    PRIORITY,
    DriftPolicy,
    DriftState,
    HedgePolicy,
    HedgeState,
    StrategyPolicy,
    StrategyState,
)
from counterpoise.domain.strategy.drift import Legs, TradeTo
from counterpoise.domain.strategy.hedge import HedgePhase
from tests.build import (
    BTC_PERP,
    NOW,
    SOL_PERP,
    VENUE,
    Number,
    make_policy,
    make_scene,
    make_sleeve,
    make_snapshot,
    make_universe,
    perp,
)

PRICES = {"BTC": 100_000, "SOL": 100, "LINK": 10}
DRIFT = DriftPolicy(id="keep")


def looked(
    policy: PortfolioPolicy,
    weights: Mapping[str, Number],
    states: Mapping[str, StrategyState] | None = None,
    positions: Mapping[str, Number] | None = None,
    baselines: Mapping[tuple[str, str], Decimal] | None = None,
) -> tuple[PortfolioView, Decisions]:
    """One look at an equity of 100,000 that holds ``weights`` (in percent) as coins."""
    spot = {a: dec(w) * 1000 / dec(PRICES[a]) for a, w in weights.items()}
    cash = 100_000 - sum(dec(w) * 1000 for w in weights.values())
    snapshot = make_snapshot(PRICES, spot={**spot, "USDT": cash}, positions=positions)
    scene = make_scene(snapshot, policy)
    return scene.view, decide(scene, states or {}, baselines or {})


def qtys(
    decisions: Decisions, baselines: Mapping[tuple[str, str], Decimal] | None = None
) -> dict[str, Decimal]:
    """The position per contract: the foreign baseline and what is granted to all strategies together."""
    sums = {BTC_PERP: dec(0), SOL_PERP: dec(0)}
    sums |= {symbol: qty for (_, symbol), qty in (baselines or {}).items()}
    for decision in decisions.decisions:
        symbol = perp(decision.asset)
        sums[symbol] = sums.get(symbol, dec(0)) + decision.granted
    return sums


def effective(
    policy: PortfolioPolicy, weights: Mapping[str, Number], asked: Decisions
) -> list[str]:
    """Weights in percent once every want is filled at unchanged prices: BTC, SOL, quote."""
    view, _ = looked(policy, weights, positions=qtys(asked))
    found = [view.assets[a].effective_weight for a in ("BTC", "SOL")]
    return [str(round(w * 100)) for w in (*found, view.effective_quote_weight)]


@pytest.mark.parametrize(
    ("strategies", "weights", "wants", "reads"),
    [
        pytest.param(
            (HedgePolicy(id="h", asset="BTC", ratio=dec(1)),),
            {"BTC": 60, "SOL": 20},
            ("-0.6", "0"),
            ["0", "20", "80"],
            id="S1: a full hedge leaves nothing of BTC",
        ),
        pytest.param(
            (DriftPolicy(id="k", legs=Legs.OVERWEIGHT),),
            {"BTC": 50, "SOL": 30},
            ("0", "-100"),
            ["50", "20", "30"],
            id="S6: 50/30/20 with overweight legs reads 50/20/30",
        ),
        pytest.param(
            (DRIFT,),
            {"BTC": 50, "SOL": 30},
            ("0.1", "-100"),
            ["60", "20", "20"],
            id="S7: 50/30/20 with both legs reads 60/20/20",
        ),
        pytest.param(
            (HedgePolicy(id="h", asset="BTC", ratio=dec("0.5")), DRIFT),
            {"BTC": 60, "SOL": 20},
            ("-0.3", "0"),
            ["30", "20", "50"],
            id="half a hedge beside drift is not bought back",
        ),
        pytest.param(
            (HedgePolicy(id="h", asset="BTC", ratio=dec("0.5")), DRIFT),
            {"BTC": 70, "SOL": 20},
            ("-0.45", "0"),
            ["25", "20", "55"],
            id="half a hedge of 70 and ten points of drift add up",
        ),
        pytest.param(
            (DRIFT, HedgePolicy(id="h", asset="BTC", ratio=dec(1))),
            {"BTC": 70, "SOL": 20},
            ("-0.7", "0"),
            ["0", "20", "80"],
            id="a full hedge and a further short end at net 0",
        ),
    ],
)
def test_what_the_strategies_want_together(
    strategies: tuple[StrategyPolicy, ...],
    weights: dict[str, Number],
    wants: tuple[str, str],
    reads: list[str],
) -> None:
    policy = make_policy(*strategies)
    _, asked = looked(policy, weights)
    assert qtys(asked) == {BTC_PERP: dec(wants[0]), SOL_PERP: dec(wants[1])}
    assert effective(policy, weights, asked) == reads
    # and once it is there, it is where it should be
    states = dict(asked.states)
    view, again = looked(policy, weights, states, qtys(asked))
    assert qtys(again) == qtys(asked)
    assert not [d for d in again.decisions if d.changed]
    assert within_band(
        policy, view, again.effective_targets, make_universe(policy, make_snapshot(PRICES))
    )


def test_the_clamp_cuts_drift_before_hedge_whatever_the_order_of_the_config() -> None:
    """MEANING 7: priority belongs to the kind, not to the line in the file."""
    hedge = HedgePolicy(id="h", asset="BTC", ratio=dec(1))
    told = {}
    for strategies in ((hedge, DRIFT), (DRIFT, hedge)):
        _, asked = looked(make_policy(*strategies), {"BTC": 70, "SOL": 20})
        told[strategies] = [
            (n.numbers["strategy"], n.numbers["asked"], n.numbers["given"]) for n in asked.notes
        ]
        assert [d.strategy for d in asked.decisions] == ["h", "keep", "keep"]
    assert list(told.values()) == [[("keep", "-0.1", "0")]] * 2
    assert PRIORITY.index("hedge") < PRIORITY.index("drift")


def test_every_strategy_gets_its_own_state_back() -> None:
    policy = make_policy(HedgePolicy(id="h", asset="BTC", ratio=dec("0.5")), DRIFT)
    _, asked = looked(policy, {"BTC": 50, "SOL": 30})
    assert asked.states == {
        "h": HedgeState(overlays={"BTC": dec("-0.25")}, phase=HedgePhase.ON, opened_at=NOW),
        "keep": DriftState(overlays={"BTC": dec("0.1"), "SOL": dec(-100)}),
    }
    assert {d.previous for d in asked.decisions} == {0}
    _, again = looked(policy, {"BTC": 50, "SOL": 30}, asked.states)
    assert again.states == asked.states
    assert {d.previous for d in again.decisions} == {dec("-0.25"), dec("0.1"), dec(-100)}


def test_the_target_of_a_contract_is_its_foreign_baseline_and_the_overlays() -> None:
    """MEANING 6 and 9: what was found is kept: never traded, never counted as a hedge of ours."""
    policy = make_policy(HedgePolicy(id="h", asset="BTC", ratio=dec("0.5")))
    baselines = {(VENUE, BTC_PERP): dec("-0.1"), (VENUE, SOL_PERP): dec(30)}
    _, asked = looked(
        policy,
        {"BTC": 60, "SOL": 20},
        positions={"BTC": "-0.1", "SOL": 30},
        baselines=baselines,
    )
    assert qtys(asked, baselines) == {BTC_PERP: dec("-0.4"), SOL_PERP: 30}
    assert [d.overlay for d in asked.decisions] == [dec("-0.3")]


WEIGHTS = st.integers(min_value=0, max_value=4000).map(lambda n: n * dec("0.01"))
SIZES = st.integers(min_value=50, max_value=1500).map(lambda n: n * dec("0.0001"))
BANDS = st.builds(lambda size, relative: Band(size=size, relative=relative), SIZES, st.booleans())
#: No lot of the three contracts is worth more than a tenth of a percent of equity.
LOT = dec("0.001")


@given(
    btc=WEIGHTS,
    sol=WEIGHTS,
    link=st.integers(min_value=0, max_value=2000).map(lambda n: n * dec("0.01")),
    band=BANDS,
    trade_to=st.sampled_from(TradeTo),
    legs=st.sampled_from(Legs),
    ratio=st.sampled_from([None, dec("0.5"), dec(1)]),
)
def test_drift_lands_inside_its_bands_and_stays_there(
    btc: Decimal,
    sol: Decimal,
    link: Decimal,
    band: Band,
    trade_to: TradeTo,
    legs: Legs,
    ratio: Decimal | None,
) -> None:
    """At unchanged prices, once the wants are filled; half-way in as many steps as halving takes."""
    sleeves = (
        make_sleeve("core", "0.5", {"BTC": 1}, band),
        make_sleeve("satellite", "0.3", {"SOL": "0.6", "LINK": "0.4"}, band),
        make_sleeve("buffer", "0.2", {"USDT": 1}, band),
    )
    strategies: list[StrategyPolicy] = [DriftPolicy(id="keep", trade_to=trade_to, legs=legs)]
    if ratio is not None:
        strategies.append(HedgePolicy(id="h", asset="BTC", ratio=ratio))
    policy = make_policy(*strategies, sleeves=sleeves)
    weights = {"BTC": btc, "SOL": sol, "LINK": link}
    states: Mapping[str, StrategyState] = {}
    _, asked = looked(policy, weights, states)
    for _ in range(10 if trade_to is TradeTo.HALF else 1):
        states = asked.states
        _, asked = looked(policy, weights, states, qtys(asked))
    view, again = looked(policy, weights, asked.states, qtys(asked))
    assert qtys(again) == qtys(asked)
    for sleeve in sleeves[:2]:
        away = sum(
            (view.assets[a].effective_weight - again.effective_targets[a] for a in sleeve.assets),
            dec(0),
        )
        if legs is Legs.OVERWEIGHT:
            away = max(away, dec(0))
        elif legs is Legs.UNDERWEIGHT:
            away = min(away, dec(0))
        assert abs(away) <= band.width(sleeve.weight) + LOT * len(sleeve.assets)
