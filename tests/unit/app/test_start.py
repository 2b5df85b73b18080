from __future__ import annotations

from collections.abc import Mapping

import pytest

from counterpoise.app.start import first_start, restart
from counterpoise.domain.errors import SafetyRefusal
from counterpoise.domain.events import Severity
from counterpoise.domain.numbers import dec
from counterpoise.domain.order import OrderState
from counterpoise.domain.policy import PortfolioPolicy
from counterpoise.domain.records import (
    Changes,
    PositionRecord,
    Recorded,
    StrategyRecord,
    TradingState,
)
from counterpoise.domain.snapshot import Account
from counterpoise.domain.strategy import DriftPolicy, HedgePolicy
from tests.build import (
    BTC_PERP,
    NOW,
    PORTFOLIO,
    SOL_PERP,
    VENUE,
    Number,
    make_account,
    make_instrument,
    make_order,
    make_policy,
    make_recorded,
    make_snapshot,
    make_universe,
    make_venue_snapshot,
    make_venues_snapshot,
)

HALF = HedgePolicy(id="half", asset="BTC", ratio=dec("0.5"))
SHAPE = DriftPolicy(id="shape")


def begin(policy: PortfolioPolicy, positions: Mapping[str, Number] | None = None) -> Changes:
    account = make_account({"BTC": 1}, {"USDT": 20_000}, positions)
    universe = make_universe(policy, make_snapshot())
    return first_start(policy, "hash", {VENUE: account}, universe, NOW)


def begin_again(
    policy: PortfolioPolicy,
    recorded: Recorded,
    config_hash: str = "hash",
    accept: str | None = None,
) -> Changes:
    universe = make_universe(policy, make_snapshot())
    return restart(policy, config_hash, recorded, universe, accept, NOW)


def hedged(
    overlay: str = "-0.5", strategy: str = "half", positions: tuple[PositionRecord, ...] = ()
) -> Recorded:
    record = StrategyRecord(
        id=strategy, kind="hedge", document={"overlays": {"BTC": overlay} if overlay else {}}
    )
    return make_recorded(positions=positions, strategies={strategy: record})


def own(qty: str, baseline: str = "0") -> PositionRecord:
    return PositionRecord(
        venue=VENUE, symbol=BTC_PERP, baseline_qty=dec(baseline), own_qty=dec(qty)
    )


# --- the first start


def test_a_first_start_on_an_account_without_positions_is_recorded_and_told() -> None:
    changes = begin(make_policy(HALF), {"BTC": 0})
    assert changes.portfolio == PORTFOLIO
    assert changes.record is not None
    assert changes.record.trading_state is TradingState.RUN
    assert (changes.record.config_hash, changes.record.started_at) == ("hash", NOW)
    assert (changes.positions, changes.strategies, changes.orders) == ((), (), ())
    (told,) = changes.alerts
    assert (told.kind, told.severity, told.raised_at) == ("started", Severity.INFO, NOW)


@pytest.mark.parametrize("existing", [{}, {VENUE: "refuse"}, {"another": "keep"}])
def test_positions_that_nobody_settled_are_refused_by_name(existing: dict[str, str]) -> None:
    policy = make_policy(HALF, existing=existing)
    with pytest.raises(SafetyRefusal) as refusal:
        begin(policy, {"BTC": "-0.2", "SOL": "15"})
    said = str(refusal.value)
    assert f"-0.2 {BTC_PERP} at {VENUE}" in said
    assert f"15 {SOL_PERP} at {VENUE}" in said
    assert "existing: keep" in said
    assert "adopt:" in said


def test_a_kept_position_is_foreign_baseline() -> None:
    changes = begin(make_policy(HALF, existing={VENUE: "keep"}), {"BTC": "-0.2"})
    assert changes.positions == (own("0", baseline="-0.2"),)
    assert changes.strategies == ()


def test_adopted_positions_are_the_strategys_own() -> None:
    changes = begin(
        make_policy(HALF, SHAPE, existing={VENUE: "adopt:shape"}), {"BTC": "-0.2", "SOL": "15"}
    )
    assert changes.positions == (
        own("-0.2"),
        PositionRecord(venue=VENUE, symbol=SOL_PERP, own_qty=dec(15)),
    )
    (strategy,) = changes.strategies
    assert (strategy.id, strategy.kind) == ("shape", "drift")
    assert strategy.document == {"overlays": {"BTC": "-0.2", "SOL": "15"}}


@pytest.mark.parametrize("symbol", ["BTC/USDT:USDT-250627", "BTC/USD:BTC", "DOGE/USDT:USDT"])
def test_a_position_in_a_contract_that_is_not_traded_needs_a_word_as_well(symbol: str) -> None:
    with pytest.raises(SafetyRefusal, match=f"-3 {symbol} at {VENUE}"):
        begin(make_policy(HALF), {symbol: -3})
    kept = begin(make_policy(HALF, existing={VENUE: "keep"}), {symbol: -3})
    assert kept.positions == (PositionRecord(venue=VENUE, symbol=symbol, baseline_qty=dec(-3)),), (
        "counted, so that it is explained"
    )
    with pytest.raises(SafetyRefusal, match=f"-3 {symbol} at {VENUE}"):
        begin(make_policy(HALF, existing={VENUE: "adopt:half"}), {symbol: -3})


def test_a_strategy_adopts_only_what_it_decides_on() -> None:
    policy = make_policy(HALF, SHAPE, existing={VENUE: "adopt:half"})
    # a hedge of BTC wants nothing in SOL: adopted by it, the position would be closed at once
    with pytest.raises(SafetyRefusal, match=f"found positions .*: 15 {SOL_PERP} at {VENUE}"):
        begin(policy, {"BTC": "-0.2", "SOL": 15})


def test_a_strategy_named_like_a_choice_adopts_nothing() -> None:
    odd = HedgePolicy(id="refuse", asset="BTC", ratio=dec("0.5"))
    with pytest.raises(SafetyRefusal, match=r"-0\.2 BTC"):
        begin(make_policy(odd, existing={VENUE: "refuse"}), {"BTC": "-0.2"})


def test_each_venue_has_its_own_answer() -> None:
    policy = make_policy(HALF, venues=("main", "side"), existing={"main": "keep", "side": "refuse"})
    short = make_account({"BTC": 1}, {"USDT": 1}, {"BTC": "-0.2"})
    sol = make_instrument(SOL_PERP)
    snapshot = make_venues_snapshot(
        make_venue_snapshot(short, {"BTC": 100_000}),
        make_venue_snapshot(short, {"SOL": 100}, [sol], venue="side"),
    )
    universe = make_universe(policy, snapshot)

    def start(side: Account) -> Changes:
        return first_start(policy, "hash", {"main": short, "side": side}, universe, NOW)

    assert start(make_account()).positions == (own("0", baseline="-0.2"),)
    with pytest.raises(SafetyRefusal, match=f"found .*: 1 {SOL_PERP} at side\\."):
        start(make_account(positions={"SOL": 1}))


# --- a restart


def test_a_restart_with_the_same_config_is_told_and_changes_nothing_else() -> None:
    recorded = hedged(positions=(own("-0.5"),))
    changes = begin_again(make_policy(HALF), recorded)
    assert changes.record == recorded.portfolio
    assert (changes.strategies, changes.positions, changes.orders) == ((), (), ())
    (told,) = changes.alerts
    assert (told.kind, told.severity) == ("started", Severity.INFO)


def test_the_trading_state_survives_a_restart() -> None:
    recorded = make_recorded(state=TradingState.HALT)
    changes = begin_again(make_policy(HALF), recorded, config_hash="other")
    assert changes.record is not None
    assert changes.record.trading_state is TradingState.HALT


@pytest.mark.parametrize("accept", [None, "hash", "something else"])
def test_a_config_changed_under_a_live_hedge_is_refused_until_accepted(
    accept: str | None,
) -> None:
    with pytest.raises(SafetyRefusal, match=r"half.*--accept-config other"):
        begin_again(make_policy(HALF), hedged(), "other", accept)


def test_a_changed_config_that_was_accepted_is_recorded() -> None:
    changes = begin_again(make_policy(HALF), hedged(), "other", "other")
    assert changes.record is not None
    assert changes.record.config_hash == "other"


@pytest.mark.parametrize("overlay", ["", "0"])
def test_a_config_changed_while_no_hedge_is_on_needs_nobodys_word(overlay: str) -> None:
    changes = begin_again(make_policy(HALF), hedged(overlay), "other")
    assert changes.record is not None
    assert changes.record.config_hash == "other"


@pytest.mark.parametrize("state", [OrderState.PENDING, OrderState.SUBMITTED, OrderState.UNKNOWN])
def test_orders_on_their_way_make_it_a_recovery(state: OrderState) -> None:
    recorded = make_recorded(
        make_order(client_order_id="cp1", state=state),
        make_order(client_order_id="cp2", state=OrderState.OPEN),
    )
    (told,) = begin_again(make_policy(HALF), recorded).alerts
    assert (told.kind, told.severity) == ("recovered", Severity.WARNING)
    assert "1 order was on its way" in told.text


def test_a_removed_strategy_with_a_hedge_on_needs_a_word() -> None:
    with pytest.raises(SafetyRefusal, match=r"half .*-0\.5 BTC.*retire: \{half: close\}"):
        begin_again(make_policy(SHAPE), hedged(), "other", "other")


def test_a_removed_strategy_without_a_hedge_needs_none() -> None:
    changes = begin_again(make_policy(SHAPE), hedged("0"), "other")
    assert changes.strategies == ()


def test_retire_close_ends_the_wish_and_leaves_the_position_ours_to_close() -> None:
    changes = begin_again(
        make_policy(SHAPE, retire={"half": "close"}),
        hedged(positions=(own("-0.5"),)),
        "other",
        "other",
    )
    assert changes.strategies == (
        StrategyRecord(id="half", kind="hedge", document={"overlays": {}}),
    )
    assert changes.positions == ()


def test_retire_keep_makes_the_hedge_foreign() -> None:
    changes = begin_again(
        make_policy(SHAPE, retire={"half": "keep"}),
        hedged(positions=(own("-0.7", baseline="-0.1"),)),
        "other",
        "other",
    )
    assert changes.strategies[0].document == {"overlays": {}}
    assert changes.positions == (own("-0.2", baseline="-0.6"),)


def test_two_retired_strategies_hand_their_hedges_over_one_after_the_other() -> None:
    policy = make_policy(HALF, retire={"old": "keep", "older": "keep", "half": "close"})
    records = {
        id_: StrategyRecord(id=id_, kind="hedge", document={"overlays": {"BTC": qty}})
        for id_, qty in (("half", "-0.1"), ("old", "-0.2"), ("older", "-0.3"))
    }
    recorded = make_recorded(positions=(own("-0.6"),), strategies=records)
    changes = begin_again(policy, recorded, "other", "other")
    assert [s.id for s in changes.strategies] == ["old", "older"], "half is still configured"
    assert changes.positions == (own("-0.1", baseline="-0.5"),)


@pytest.mark.parametrize("document", [{"DOGE": "5"}, {"BTC": "-0.5"}])
def test_a_hedge_that_never_became_a_position_leaves_none_behind(document: dict[str, str]) -> None:
    record = StrategyRecord(id="old", kind="hedge", document={"overlays": document})
    policy = make_policy(SHAPE, retire={"old": "keep"})
    changes = begin_again(policy, make_recorded(strategies={"old": record}), "other", "other")
    assert changes.positions == ()
