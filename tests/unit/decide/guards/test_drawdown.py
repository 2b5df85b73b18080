"""How far equity is below its high: tiers that act, near misses, recoveries, and flows that never count."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from counterpoise.decide.guards.drawdown import drawdown_record, guard_drawdown
from counterpoise.domain.guarding import DrawdownVerdict, Tier
from counterpoise.domain.numbers import dec
from counterpoise.domain.policy import DrawdownPolicy, LimitsPolicy, PortfolioPolicy
from counterpoise.domain.portfolio import Broke, Unvalued
from counterpoise.domain.records import Flow, GuardRecord, TradingState
from tests.build import NOW, Number, make_policy, make_recorded, make_snapshot, make_view

TIERS = DrawdownPolicy(slow=dec("0.1"), reduce_only=dec("0.2"), cancel_only=dec("0.3"))
STEP = timedelta(hours=1)


class Past:
    """Looks in a row, each remembering the one before as a store does."""

    def __init__(self, tiers: DrawdownPolicy = TIERS, **changes: object) -> None:
        self.tiers, self.changes = tiers, changes
        self.state = TradingState.RUN
        self.guard: GuardRecord | None = None
        self.now = NOW
        self.flattening = False

    def policy(self, **changes: object) -> PortfolioPolicy:
        made = {**self.changes, **changes}
        return make_policy(limits=LimitsPolicy(drawdown=self.tiers), **made)

    def look(
        self, equity: Number, flow: Flow | None = None, *, times: int = 2, btc: Number = 0
    ) -> DrawdownVerdict:
        """Look ``times`` at an equity of ``equity`` in cash, beside ``btc`` at 100,000."""
        for _ in range(times):
            snapshot = make_snapshot(spot={"USDT": equity, "BTC": btc}, futures={}, as_of=self.now)
            verdict = self.judged(make_view(snapshot, self.policy()), flow)
            flow = None
        return verdict

    def judged(self, view: object, flow: Flow | None = None, **changes: object) -> DrawdownVerdict:
        recorded = make_recorded(state=self.state)
        record = replace(recorded.portfolio, flattening=self.flattening)
        guards = {} if self.guard is None else {self.guard.id: self.guard}
        recorded = replace(recorded, guards=guards, portfolio=record)
        flows = () if flow is None else (flow,)
        verdict = guard_drawdown(view, recorded, self.policy(**changes), flows)  # type: ignore[arg-type]  # any view
        assert verdict.state is not None
        kept = drawdown_record(verdict.state)
        self.guard = replace(kept, document=json.loads(json.dumps(kept.document)))
        if verdict.lower is not None:
            self.state = verdict.lower
        self.now += STEP
        return verdict


def flow(qty: Number, asset: str = "USDT", price: Number | None = 1) -> Flow:
    return Flow(
        id=f"f{qty}",
        venue="main",
        asset=asset,
        qty=dec(qty),
        at=NOW,
        source="ledger",
        price=None if price is None else dec(price),
    )


@pytest.mark.parametrize(
    ("equity", "tier", "state"),
    [
        pytest.param(90_001, Tier.NONE, TradingState.RUN, id="not quite a tenth"),
        pytest.param(90_000, Tier.SLOW, TradingState.RUN, id="a tenth"),
        pytest.param(80_001, Tier.SLOW, TradingState.RUN, id="not quite a fifth"),
        pytest.param(80_000, Tier.REDUCE_ONLY, TradingState.REDUCE_ONLY, id="a fifth"),
        pytest.param(70_001, Tier.REDUCE_ONLY, TradingState.REDUCE_ONLY, id="nearly three tenths"),
        pytest.param(70_000, Tier.CANCEL_ONLY, TradingState.CANCEL_ONLY, id="three tenths"),
    ],
)
def test_each_tier(equity: int, tier: Tier, state: TradingState) -> None:
    past = Past()
    past.look(100_000)
    verdict = past.look(equity)
    assert verdict.tier is tier
    assert past.state is state
    assert (verdict.slowed is not None) == (tier is Tier.SLOW)


def test_a_tier_that_is_not_configured_does_nothing() -> None:
    past = Past(DrawdownPolicy(cancel_only=dec("0.3")))
    past.look(100_000)
    assert past.look(71_000).tier is Tier.NONE
    assert past.look(69_000).lower is TradingState.CANCEL_ONLY
    policy = make_policy(limits=LimitsPolicy())
    view = make_view(make_snapshot(spot={"USDT": 5}), policy)
    assert guard_drawdown(view, make_recorded(), policy).state is None


def test_what_it_says() -> None:
    past = Past()
    past.look(100_000)
    slowed = past.look(85_000).slowed
    assert slowed is not None
    assert slowed.text == (
        "equity is 15 % below its high of 100,000.00 USDT: orders that add to futures are halved"
    )
    why = past.look(75_000).why
    assert why is not None
    assert why.text == (
        "equity fell to 75,000.00 USDT, 25 % below its high of 100,000.00; the limit is 20 %"
    )


def test_the_tier_that_comes_next_is_named() -> None:
    past = Past()
    assert past.look(100_000).following == (Tier.SLOW, dec("0.1"))
    assert past.look(85_000).following == (Tier.REDUCE_ONLY, dec("0.2"))
    assert past.look(75_000).following == (Tier.CANCEL_ONLY, dec("0.3"))
    assert past.look(65_000).following is None
    without = Past()
    without.tiers = DrawdownPolicy(slow=dec("0.1"), cancel_only=dec("0.3"))
    without.look(100_000)
    assert without.look(85_000).following == (Tier.CANCEL_ONLY, dec("0.3"))


def test_one_wick_makes_neither_a_loss_nor_a_high() -> None:
    past = Past()
    past.look(100_000)
    assert past.look(50_000, times=1).tier is Tier.NONE
    assert past.look(100_000, times=1).tier is Tier.NONE
    assert past.look(200_000, times=1).high == 100_000
    assert past.look(100_000).tier is Tier.NONE
    assert past.look(200_000).high == 200_000


def test_slow_is_left_when_a_tenth_of_it_is_made_up() -> None:
    past = Past()
    past.look(100_000)
    assert past.look(89_000).tier is Tier.SLOW
    assert past.look(91_000).tier is Tier.SLOW
    assert past.look(91_001).tier is Tier.NONE
    assert past.look(90_500).tier is Tier.NONE


def test_only_a_person_raises_the_state_and_then_it_is_measured_anew() -> None:
    past = Past()
    past.look(100_000)
    assert past.look(79_000).lower is TradingState.REDUCE_ONLY
    verdict = past.look(95_000)
    assert (verdict.tier, past.state) == (Tier.REDUCE_ONLY, TradingState.REDUCE_ONLY)
    past.look(79_000)
    past.state = TradingState.RUN
    verdict = past.look(79_000)
    assert (verdict.tier, verdict.high, past.state) == (Tier.NONE, 79_000, TradingState.RUN)
    assert past.look(64_000).tier is Tier.SLOW
    assert past.look(63_200).lower is TradingState.REDUCE_ONLY, (
        "a fifth of the equity at the resume"
    )


def test_a_person_may_raise_it_half_way() -> None:
    past = Past()
    past.look(100_000)
    past.look(60_000)
    past.state = TradingState.REDUCE_ONLY
    assert past.look(60_000).tier is Tier.NONE
    assert past.state is TradingState.REDUCE_ONLY


def test_a_lower_state_than_the_tiers_is_left_alone() -> None:
    past = Past()
    past.look(100_000)
    past.look(79_000)
    past.state = TradingState.HALT
    assert past.look(79_000).tier is Tier.REDUCE_ONLY
    past.state = TradingState.RUN
    assert past.look(79_000).tier is Tier.NONE


def test_closing_own_futures_is_neither_lowered_nor_a_resume() -> None:
    past = Past()
    past.look(100_000)
    past.look(69_000)
    past.state, past.flattening = TradingState.REDUCE_ONLY, True
    verdict = past.look(69_000)
    assert (verdict.tier, verdict.lower) == (Tier.CANCEL_ONLY, None)


# --- flows


@pytest.mark.parametrize("lost", [0, 5_000, 15_000])
@pytest.mark.parametrize("moved", [-70_000, -1_000, 1_000, 900_000])
def test_a_flow_changes_no_drawdown(lost: int, moved: int) -> None:
    past = Past()
    past.look(100_000)
    before = past.look(100_000 - lost)
    after = past.look(100_000 - lost + moved, flow(moved))
    assert after.depth == before.depth
    assert after.tier is before.tier


def test_without_the_flow_the_same_is_a_loss() -> None:
    past = Past()
    past.look(100_000)
    assert past.look(30_000).tier is Tier.CANCEL_ONLY


def test_coins_that_came_count_at_what_equity_counts_them_at() -> None:
    past = Past()
    past.look(100_000)
    verdict = past.look(90_000, flow("0.5", "BTC", 60_000), btc="0.5")
    assert verdict.depth == dec("0.1")
    assert past.look(90_000, flow("-0.5", "BTC", None)).depth == dec("0.1")
    assert past.look(90_000, flow(7, "DOGE", None)).depth == dec("0.1"), "no part of equity"


def test_a_flow_in_a_look_without_a_value_is_remembered() -> None:
    past = Past()
    past.look(100_000)
    blind = Unvalued(portfolio="treasury", as_of=past.now, missing=("prices",))
    past.judged(blind, flow(-60_000))
    past.judged(blind, flow(10_000))
    poor = Broke(portfolio="treasury", as_of=past.now, equity=dec(50_000), floor=dec(60_000))
    assert past.judged(poor).lower is None
    verdict = past.look(50_000)
    assert (verdict.depth, past.state) == (0, TradingState.RUN)


def test_an_account_that_was_emptied_and_filled_again_begins_anew() -> None:
    past = Past()
    past.look(100_000)
    past.look(50_000, flow("100000"))
    assert past.state is TradingState.RUN
    assert past.look(50_000).depth == 0


def test_too_little_equity_is_a_loss_all_the_same() -> None:
    past = Past()
    past.look(100_000)
    poor = Broke(portfolio="treasury", as_of=past.now, equity=dec(-5), floor=dec(0))
    past.judged(poor)
    assert past.judged(poor).lower is TradingState.CANCEL_ONLY


def test_what_equity_consists_of_may_change() -> None:
    past = Past()
    past.look(100_000)
    past.look(85_000)
    past.changes = {"holdings": {"BTC": dec(1)}}
    verdict = past.look(85_000)
    assert verdict.depth == dec("0.15")
    past.changes = {}
    assert past.look(85_000).depth == dec("0.15")


# --- the window


def test_a_high_leaves_the_window() -> None:
    past = Past(replace(TIERS, window=timedelta(days=10)))
    past.look(100_000)
    verdict = past.look(85_000, times=239)
    assert (verdict.tier, verdict.high) == (Tier.SLOW, 100_000)
    verdict = past.look(85_000, times=3)
    assert (verdict.tier, verdict.high) == (Tier.NONE, 85_000)


def test_for_all_time_it_stays() -> None:
    past = Past()
    past.look(100_000)
    assert past.look(85_000, times=300).high == 100_000
    assert past.guard is not None
    assert len(str(past.guard.document)) < 300


@given(st.lists(st.integers(50, 150), min_size=1, max_size=60))
def test_the_high_of_a_window_is_that_of_its_looks(equities: list[int]) -> None:
    """Each look repeated, so that each counts; a high leaves at most a part of the window early."""
    hours = 20
    past = Past(DrawdownPolicy(slow=dec("0.99"), window=hours * STEP))
    shown: list[int] = []
    for equity in equities:
        verdict = past.look(equity)
        shown += [equity, equity]
        sure = max(shown[-(hours - 1) :])
        assert verdict.high is not None
        # the first of two looks only confirms the second
        assert verdict.high <= sure
        assert verdict.high >= max(shown[-(hours - 2) :][1:] or shown[-1:])
