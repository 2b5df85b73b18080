"""Drift with a calendar, and what becomes of its futures: S6 and S7 at the level of decisions."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from counterpoise.decide.strategies.drift import drift
from counterpoise.domain.numbers import ONE, ZERO, dec
from counterpoise.domain.operator import CommandKind
from counterpoise.domain.strategy import DriftPolicy, DriftState
from counterpoise.domain.strategy.drift import Legs, SettleMode, SettlePolicy
from tests.build import NOW, make_policy
from tests.unit.decide.floor import LOT, MINUTE, Floor, floored

DAY = timedelta(days=1)
DEADLINE = SettlePolicy(mode=SettleMode.FUTURES_FIRST, deadline=DAY)
COINS = SettlePolicy(mode=SettleMode.SPOT)


def floor(
    btc: int = 50, sol: int = 30, margin: int = 10_000, quote: int | None = None, **changes: Any
) -> Floor:
    """100,000 USDT of 60/20/20 that drifted to 50/30/20: BTC at 1,000, SOL at 100."""
    strategy = DriftPolicy(id="keep", **changes)
    rest = (100 - btc - sol) * 1000 - margin
    return floored(
        drift,
        make_policy(strategy),
        DriftState(),
        {"BTC": 1000, "SOL": 100},
        {"BTC": btc, "SOL": 10 * sol, "USDT": rest if quote is None else quote},
        margin=margin,
    )


def state(on: Floor) -> DriftState:
    assert isinstance(on.state, DriftState)
    return on.state


def settled(on: Floor) -> None:
    """Decide and fill until nothing more happens, and no futures are left."""
    on.settle()
    assert set(on.futures.values()) <= {ZERO}
    assert state(on) == DriftState(calendar_at=state(on).calendar_at)


def weights(on: Floor) -> tuple[Decimal, Decimal]:
    return on.value("BTC") / on.equity, on.value("SOL") / on.equity


# --- S6 and S7 ---


@pytest.mark.parametrize(
    ("factor", "sol", "btc"),
    [
        pytest.param("1", "-100", "10", id="S6: unchanged, 60/20/20 in coins"),
        pytest.param("0.8", "-60", "7.6", id="S6: 20 % down, sell 4.8, buy core 7.6"),
        # 15.2 at 120: what is not a lot stays
        pytest.param("1.2", "-126.666", "12.4", id="S6: 20 % up, sell 15.2, buy core 12.4"),
    ],
)
def test_coins_follow_to_the_shape_at_the_deadline(factor: str, sol: str, btc: str) -> None:
    on = floor(legs=Legs.OVERWEIGHT, settle=DEADLINE)
    on.settle()
    assert (on.futures["SOL"], weights(on)) == (-100, (dec("0.5"), dec("0.2")))
    on.move(SOL=factor)
    on.cycle(after=DAY - 10 * MINUTE)
    assert not on.fill()
    on.cycle(after=10 * MINUTE)
    on.fill()
    settled(on)
    assert (on.coins["SOL"], on.coins["BTC"]) == (dec(sol), dec(btc))
    assert all(
        abs(w - t) < dec("0.00001")
        for w, t in zip(weights(on), (dec("0.6"), dec("0.2")), strict=True)
    )


def test_both_legs_move_risk_then_coins_follow() -> None:
    on = floor(settle=DEADLINE)
    on.settle()
    assert on.futures == {"BTC": 10, "SOL": -100}
    assert weights(on) == (dec("0.6"), dec("0.2"))
    on.cycle(after=DAY)
    on.fill()
    settled(on)
    assert (on.coins["SOL"], on.coins["BTC"]) == (-100, 10)


def test_never_settles_unless_asked() -> None:
    on = floor()
    on.settle()
    on.cycle(after=365 * DAY)
    assert not on.fill()
    assert state(on).opened_at is None
    on.cycle(CommandKind.CONVERT)
    on.fill()
    settled(on)
    assert (on.coins["SOL"], on.coins["BTC"]) == (-100, 10)


def test_sales_go_first() -> None:
    on = floor(legs=Legs.OVERWEIGHT, settle=DEADLINE)
    on.settle()
    decisions = on.cycle(after=DAY)
    assert decisions["SOL"].coins == -20
    assert decisions["BTC"].coins == 0
    assert [w.code for w in decisions["BTC"].waits_for] == ["convert_sales_first"]


def test_coins_kept_elsewhere_count_and_stay() -> None:
    on = floor(settle=DEADLINE)
    on.policy = replace(on.policy, holdings={"SOL": dec(250)})
    on.spot["SOL"] = dec(50)
    on.settle()
    on.cycle(after=DAY)
    on.fill()
    settled(on)
    assert on.spot["SOL"] == 0  # 100 too many, 50 could be sold


# --- when coins follow ---


def test_it_says_what_it_waits_for() -> None:
    on = floor(legs=Legs.OVERWEIGHT, settle=DEADLINE, calendar="0 0 * * mon")
    decision = on.cycle()["SOL"]
    opened = on.now
    assert [w.text for w in decision.waits_for] == [
        "acts when its calendar is due: 0 0 * * mon",
        "coins take over from futures at 2025-06-03T12:01:00Z",
        "what carrying futures costs is not known: no funding rate of SOL",
        "converts when an operator says so: counterpoise strategy convert keep",
    ]
    assert on.outcome is not None
    assert on.outcome.wakeups.at == opened + DAY
    on.fill()
    waits = on.cycle()["SOL"].waits_for
    assert waits[0].text == (
        "acts when satellite is more than 5 pp away from its target 20 %: it weighs 20 %"
    )


@pytest.mark.parametrize(
    ("rate", "interval", "deadline", "settles"),
    [
        # 10,000 short over 30 days: paying 90 x rate against 10 of fees
        pytest.param("-0.0001", 8, None, True, id="pays 90, trading costs 10"),
        pytest.param("0.0001", 8, None, False, id="a short receives"),
        pytest.param("-0.00001", 8, None, False, id="pays 9"),
        pytest.param("-0.00001", 4, None, True, id="pays 18, every 4 h"),
        pytest.param("-0.0001", 8, DAY, False, id="the deadline is near: pays 3"),
        pytest.param(None, 8, None, False, id="unknown is no reason"),
    ],
)
def test_coins_follow_early_when_carry_costs_more(
    rate: str | None, interval: int, deadline: timedelta | None, settles: bool
) -> None:
    settle = SettlePolicy(mode=SettleMode.FUTURES_FIRST, deadline=deadline)
    on = floor(legs=Legs.OVERWEIGHT, settle=settle)
    quotes = {
        a: replace(
            q,
            funding_rate=None if rate is None else dec(rate),
            funding_interval=timedelta(hours=interval),
        )
        for a, q in on.scene().quotes.items()
    }
    on.changes = {"quotes": quotes}
    assert on.cycle()["SOL"].coins is None
    assert on.outcome is not None
    assert on.outcome.wakeups.soon is settles
    on.fill()
    assert (on.cycle()["SOL"].coins is not None) is settles


def test_the_deadline_runs_from_the_opening_and_ends_with_the_futures() -> None:
    on = floor(legs=Legs.OVERWEIGHT, settle=DEADLINE)
    on.settle()
    opened = state(on).opened_at
    assert opened == NOW + MINUTE
    on.prices["SOL"] = dec(50)
    on.settle()
    assert on.futures["SOL"] == 0
    assert state(on).opened_at is None


# --- coins move the risk themselves ---


def test_spot_moves_coins_and_no_futures() -> None:
    on = floor(settle=COINS)
    decisions = on.cycle()
    assert {a: (d.overlay, d.coins) for a, d in decisions.items()} == {
        "BTC": (0, 0),
        "SOL": (0, -100),
    }
    assert decisions["SOL"].reason.text == (
        "SOL is brought to its share in coins: satellite weighs 30 %, more than 5 pp away from its target 20 %:"
        " trade back to 20 %"
    )
    on.fill()
    settled(on)
    assert weights(on) == (dec("0.6"), dec("0.2"))
    assert on.cycle()["BTC"].reason.code == "inside_band"


def test_spot_trades_only_the_legs_it_may() -> None:
    on = floor(settle=COINS, legs=Legs.OVERWEIGHT)
    on.settle()
    assert (on.spot["BTC"], on.spot["SOL"]) == (50, 200)
    assert on.cycle()["BTC"].reason.code == "leg_excluded"


def test_spot_needs_no_contract() -> None:
    on = floor(settle=COINS)
    universe = on.scene().universe
    on.changes = {"universe": replace(universe, futures={}, candidates={})}
    on.settle()
    assert (on.spot["BTC"], on.spot["SOL"]) == (60, 200)


# --- money that is missing ---


def test_a_purchase_that_waits_says_how_much_is_missing() -> None:
    on = floor(btc=50, sol=20, margin=27_000, quote=3000, settle=COINS)
    on.settle()
    decision = on.decisions["BTC"]
    assert decision.reason.code == "convert_quote_short"
    assert on.spot["BTC"] > 52
    before = on.state
    on.cycle()
    assert on.state == before
    on.margin -= 20_000
    on.spot["USDT"] += 20_000
    settled(on)
    assert on.spot["BTC"] == 60


def test_a_settling_that_only_waits_is_given_up_when_the_shape_needs_more() -> None:
    on = floor(btc=50, sol=20, margin=29_000, quote=1000, settle=DEADLINE)
    on.settle()
    assert on.futures["BTC"] == 10
    on.cycle(after=DAY)
    on.fill()
    on.settle()
    assert on.decisions["BTC"].reason.code == "convert_quote_short"
    waits_since = state(on).conversion
    on.move(SOL="1.7")
    on.settle()
    assert waits_since is not None
    assert state(on).conversion is None
    assert state(on).opened_at == on.now - MINUTE
    assert abs(weights(on)[1] - dec("0.2")) < dec("0.0001")
    assert on.decisions["SOL"].reason.code == "inside_band"


def test_in_coins_a_waiting_purchase_is_sized_anew_only_when_the_shape_moved() -> None:
    on = floor(btc=50, sol=20, margin=29_500, quote=500, settle=COINS)
    on.settle()
    first = state(on).conversion
    assert first is not None
    on.cycle()
    assert state(on).conversion == first
    on.move(BTC="0.9")
    on.cycle()
    second = state(on).conversion
    assert second is not None
    assert second.assets["BTC"].spot > first.assets["BTC"].spot


# --- the calendar ---


def test_a_calendar_trades_back_inside_the_band() -> None:
    on = floor(btc=63, sol=18, calendar="0 0 * * mon")
    on.changes = {"calendar": {"keep": NOW - DAY}}
    assert on.cycle()["BTC"].overlay == 0  # seen for the first time
    on.changes = {"calendar": {"keep": NOW}}
    decisions = on.cycle()
    assert {a: d.overlay for a, d in decisions.items()} == {"BTC": -3, "SOL": 20}
    assert decisions["BTC"].reason.text == (
        "core weighs 63 %, the calendar is due: trade back to its target 60 %"
    )
    on.fill()
    before = on.state
    decisions = on.cycle()
    assert {a: d.overlay for a, d in decisions.items()} == {"BTC": -3, "SOL": 20}
    assert on.state == before


def test_a_calendar_counts_once() -> None:
    on = floor(btc=63, sol=18, calendar="0 0 * * mon")
    on.changes = {"calendar": {"keep": NOW - DAY}}
    on.cycle()
    on.changes = {"calendar": {"keep": NOW}}
    on.settle()
    on.move(BTC="1.01")
    assert on.cycle()["BTC"].overlay == -3


def test_a_calendar_in_coins() -> None:
    on = floor(btc=63, sol=18, calendar="0 0 * * mon", settle=COINS)
    on.changes = {"calendar": {"keep": NOW - DAY}}
    on.cycle()
    assert not on.fill()
    on.changes = {"calendar": {"keep": NOW}}
    on.settle()
    assert (on.spot["BTC"], on.spot["SOL"]) == (60, 200)
    assert state(on) == DriftState(calendar_at=NOW)


# --- an operator's words ---


@pytest.mark.parametrize("word", [CommandKind.RELEASE, CommandKind.CANCEL])
def test_release_and_cancel_close_until_it_is_started(word: CommandKind) -> None:
    on = floor()
    on.settle()
    decisions = on.cycle(word)
    assert {d.overlay for d in decisions.values()} == {ZERO}
    on.settle()
    assert set(on.futures.values()) == {ZERO}
    assert on.decisions["BTC"].reason.code == "strategy_ended"
    on.cycle(CommandKind.START)
    assert on.decisions["BTC"].overlay == 10


def test_cancel_stops_a_settling_where_it_is() -> None:
    on = floor(settle=DEADLINE)
    on.settle()
    on.cycle(after=DAY)
    on.fill_coins("SOL", dec("0.5"))
    decisions = on.cycle(CommandKind.CANCEL)
    assert {(d.overlay, d.coins) for d in decisions.values()} == {(ZERO, None)}


# --- whatever the market and the fills do ---

shares = st.sampled_from([dec(x) for x in ("0", "0.1", "0.5", "0.9", "1")])
factors = st.sampled_from(["0.97", "0.999", "1", "1.001", "1.04"])


@settings(max_examples=50, deadline=None)
@given(
    legs=st.sampled_from(Legs),
    moved=st.decimals("0.4", "2", places=2),
    fee=st.sampled_from([ZERO, dec("0.0005")]),
    steps=st.lists(st.tuples(shares, shares, factors, factors, st.booleans()), max_size=25),
)
def test_exposures_go_to_the_shape_within_a_rung(
    legs: Legs,
    moved: Decimal,
    fee: Decimal,
    steps: list[tuple[Decimal, Decimal, str, str, bool]],
) -> None:
    on = floor(legs=legs, settle=DEADLINE, margin=0)
    on.fee = fee
    on.settle()
    on.move(SOL=str(moved))
    start = {a: on.exposure(a) for a in on.assets}
    goals = {a: on.policy.target_weight(a) * on.equity / on.prices[a] for a in on.assets}
    slack = {}
    for a in on.assets:
        coins, futures = goals[a] - on.spot[a], on.futures.get(a, ZERO)
        matched = min(abs(coins), abs(futures)) if coins * futures > 0 else ZERO
        smallest = 2 * (5 / (on.prices[a] * dec("0.5")) + LOT)
        slack[a] = max(matched / 5, smallest) + LOT + dec("0.001") * abs(coins)
    on.cycle(CommandKind.CONVERT)
    if state(on).conversion is None:
        return  # no futures were on
    for coins, futures, btc, sol, coins_first in (*steps, *[(ONE, ONE, "1", "1", True)] * 60):
        fills = [(on.fill_coins, coins), (on.fill_futures, futures)]
        for fill, share in fills if coins_first else reversed(fills):
            for a in on.assets:
                if share:
                    fill(a, share)
                low, high = sorted((start[a], goals[a]))
                assert low - slack[a] <= on.exposure(a) <= high + slack[a], a
        on.move(BTC=btc, SOL=sol)
        on.cycle()
        conversion = state(on).conversion
        if conversion is None:
            break
        if any(d.reason.code == "convert_quote_short" for d in on.decisions.values()):
            on.spot["USDT"] += 1000
    assert state(on).conversion is None
    on.fill()
    # a settling that was given up in a moving market leaves the shape to futures
    assert all(on.futures.get(a, ZERO) == d.overlay for a, d in on.decisions.items())
