"""The funding guard, look by look: signs, years, budgets to their edge, and when a hedge comes back."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from counterpoise.decide.guards.funding import carry_record, carry_state, guard_funding
from counterpoise.domain.carrying import CarryCheck, CarryVerdict, Cut
from counterpoise.domain.hedge_book import BookLine
from counterpoise.domain.numbers import ZERO, dec
from counterpoise.domain.policy import CarryBudget, FundingPolicy, PortfolioPolicy, Spent
from counterpoise.domain.records import GuardRecord, Recorded
from counterpoise.domain.snapshot import Snapshot
from counterpoise.domain.strategy import HedgePolicy
from tests.build import (
    BTC_PERP,
    NOW,
    SOL_PERP,
    VENUE,
    Number,
    make_instrument,
    make_policy,
    make_recorded,
    make_snapshot,
    make_universe,
    with_quote,
)

HALF = HedgePolicy(id="half", asset="BTC", ratio=dec("0.5"))
OTHER = HedgePolicy(id="other", asset="BTC", ratio=dec("0.5"))
DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
#: 0.15 a year in payments of 8 hours: 0.15 / 1095, to the last digit a budget can be told by.
EDGE = dec("0.15") / 1095
#: A dated future with 73 days to its end: a fifth of a year.
DATED = "BTC/USDT:USDT-250814"


def line(
    qty: Number = -1, strategy: str = "half", symbol: str = BTC_PERP, **changes: Any
) -> BookLine:
    """One BTC at 100,000, opened 10 days ago: 100,000 of notional."""
    size = dec(qty)
    made = BookLine(
        strategy=strategy,
        venue=VENUE,
        symbol=symbol,
        qty=size,
        cost=size * 100_000,
        opened_at=NOW - 10 * DAY,
        peak_qty=abs(size),
    )
    return replace(made, **changes)


class Past:
    """A portfolio whose guard remembers, look after look, as it is stored."""

    def __init__(self, *lines: BookLine, rate: Number | None = 0, **budget: Any) -> None:
        known = {"max_cost": dec(10), "then": Spent.CLOSE, **budget}
        self.policy: PortfolioPolicy = make_policy(
            HALF, OTHER, funding=FundingPolicy(budget=CarryBudget(**known))
        )
        self.lines = list(lines or [line()])
        self.rate = rate
        self.now = NOW
        self.interval: timedelta | None = timedelta(hours=8)
        self.instruments = [
            make_instrument(s) for s in ("BTC/USDT", BTC_PERP, "SOL/USDT", SOL_PERP)
        ]
        self.guard: GuardRecord | None = None
        self.quoted: dict[str, dict[str, Any]] = {}

    def snapshot(self) -> Snapshot:
        made = make_snapshot(instruments=self.instruments, as_of=self.now)
        rate = dec(self.rate) if self.rate is not None else None
        made = with_quote(made, BTC_PERP, funding_rate=rate, funding_interval=self.interval)
        for symbol, changes in self.quoted.items():
            made = with_quote(made, symbol, **changes)
        return made

    def recorded(self) -> Recorded:
        guards = {} if self.guard is None else {self.guard.id: self.guard}
        return make_recorded(guards=guards, book={x.key: x for x in self.lines})

    def look(self, after: timedelta = timedelta(0)) -> CarryVerdict:
        self.now += after
        snapshot = self.snapshot()
        universe = make_universe(self.policy, snapshot)
        verdict = guard_funding(snapshot, self.recorded(), self.policy, universe)
        kept = carry_record(verdict.state)
        self.guard = replace(kept, document=json.loads(json.dumps(kept.document)))
        return verdict

    def check(self, after: timedelta = timedelta(0)) -> CarryCheck:
        (check,) = self.look(after).checks
        return check


# --- signs and years


@pytest.mark.parametrize(
    ("qty", "rate", "expected"),
    [
        (-1, "0.0001", "-0.1095"),  # a rate above 0 is paid by longs: the short receives
        (-1, "-0.0001", "0.1095"),
        (1, "0.0001", "0.1095"),
        (1, "-0.0001", "-0.1095"),
        ("-0.25", "-0.0001", "0.1095"),  # a share of notional: its size does not matter
        (-1, "0", "0"),
    ],
)
def test_what_is_expected_is_signed_by_the_side(qty: Number, rate: str, expected: str) -> None:
    assert Past(line(qty), rate=rate).check().expected == dec(expected)


@pytest.mark.parametrize(("hours", "payments"), [(1, 8760), (4, 2190), (8, 1095), (None, 1095)])
def test_a_year_has_as_many_payments_as_its_interval_says(hours: int | None, payments: int) -> None:
    past = Past(rate="-0.0001")
    past.interval = timedelta(hours=hours) if hours is not None else None
    assert past.check().expected == dec("0.0001") * payments


def test_what_was_paid_is_put_on_a_year_of_what_was_open() -> None:
    """-200 in 10 days on 100,000: 0.2 % in all, 7.3 % a year; received is below 0."""
    check = Past(line(funding=dec(-200))).check()
    assert (check.cost, check.realised) == (dec("0.002"), dec("0.073"))
    check = Past(line(funding=dec(200))).check()
    assert (check.cost, check.realised) == (dec("-0.002"), dec("-0.073"))


def test_a_first_payment_is_put_on_a_year_from_a_day_at_least() -> None:
    check = Past(line(funding=dec(-10), opened_at=NOW - HOUR)).check()
    assert check.realised == dec("0.0001") * 365


def test_fees_of_opening_are_spread_over_the_time_a_hedge_is_reckoned_to_be_held() -> None:
    past = Past(line(fees=dec(50), opened_at=NOW - HOUR))
    horizon = past.policy.execution.horizon
    year = dec(timedelta(days=365) // timedelta(seconds=1))
    assert past.check().realised == dec("0.0005") * (year / dec(horizon // timedelta(seconds=1)))
    assert past.check().cost == dec("0.0005")


def test_notional_lies_between_entry_and_mark_and_between_peak_and_now() -> None:
    past = Past(line(peak_qty=dec(3), funding=dec(-200)))
    past.quoted[BTC_PERP] = {"mark": dec(120_000)}
    check = past.check()
    assert check.notional == 2 * dec(110_000)
    assert check.cost == dec(200) / 220_000


def test_a_dated_future_pays_its_basis_until_its_end() -> None:
    """A long loses a basis of 2 % in 73 days, a fifth of a year: 10 % a year; the short earns it."""
    for qty, expected in ((1, "0.1"), (-1, "-0.1")):
        past = Past(line(qty, symbol=DATED, opened_at=NOW))
        expiry = NOW + 73 * DAY
        past.instruments.append(make_instrument(DATED, expiry_at=expiry))
        past.quoted[DATED] = {"mark": dec(102_000)}
        assert past.check().expected == dec(expected)


def test_a_dated_future_earns_its_basis_evenly() -> None:
    """2 % of 100,000 within 73 days: half of it after 36.5."""
    past = Past(line(symbol=DATED, opened_at=NOW))
    past.instruments.append(make_instrument(DATED, expiry_at=NOW + 73 * DAY))
    past.quoted[DATED] = {"mark": dec(102_000)}
    assert past.check().basis == ZERO
    half_way = past.check(timedelta(days=36, hours=12))
    assert half_way.basis == 1000
    assert half_way.cost == dec(-1000) / 101_000, "earned is received"
    assert past.check(timedelta(days=36, hours=12)).basis == 2000
    assert past.check(DAY).basis == 2000, "never more than it was"


# --- acting


def test_a_budget_is_spent_after_a_day_beyond_it_and_not_a_second_before() -> None:
    past = Past(rate="-0.0002")
    first = past.look()
    assert first.cuts == {}
    assert first.checks[0].over_since == NOW
    assert first.checks[0].why is not None
    assert first.wake_at == NOW + DAY
    assert past.look(DAY - timedelta(seconds=1)).cuts == {}
    spent = past.look(timedelta(seconds=1))
    assert spent.checks[0].spent
    assert spent.cuts == {("half", "BTC"): Cut(share=ZERO, why=spent.checks[0].why)}


@pytest.mark.parametrize(("beyond", "acts"), [("0", False), ("1e-12", True)])
def test_expected_carry_may_be_as_high_as_its_budget(beyond: str, acts: bool) -> None:
    past = Past(rate=-(EDGE + dec(beyond)), max_carry=EDGE * 1095)
    assert (past.check().over_since is not None) is acts


@pytest.mark.parametrize(("paid", "acts"), [("300", False), ("300.01", True)])
def test_what_it_cost_a_year_may_be_as_much_as_its_budget(paid: str, acts: bool) -> None:
    """300 on 100,000 in 10 days: 10.95 % a year, exactly."""
    past = Past(line(funding=-dec(paid)), max_carry=dec("0.1095"))
    check = past.check()
    assert (check.over_since is not None) is acts
    assert (check.why.code if check.why is not None else None) == ("carry_paid" if acts else None)


@pytest.mark.parametrize(("fees", "acts"), [("500", False), ("500.01", True)])
def test_what_it_cost_in_all_may_be_as_much_as_its_budget(fees: str, acts: bool) -> None:
    past = Past(line(fees=dec(fees)), rate="-0.00001", max_cost=dec("0.005"), max_carry=dec(10))
    check = past.check()
    assert (check.over_since is not None) is acts
    assert (check.why.code if check.why is not None else None) == ("carry_spent" if acts else None)


@pytest.mark.parametrize(
    ("rate", "acts"), [("0.00001", False), ("0", False), ("-0.00001", True), (None, True)]
)
def test_a_hedge_that_is_paid_by_now_is_not_closed_for_what_it_cost(
    rate: str | None, acts: bool
) -> None:
    past = Past(line(fees=dec(900)), rate=rate, max_cost=dec("0.005"), max_carry=dec(10))
    assert (past.check().over_since is not None) is acts


@pytest.mark.parametrize(
    ("then", "share"),
    [(Spent.ALERT, None), (Spent.ASK, None), (Spent.REDUCE, "0.5"), (Spent.CLOSE, "0")],
)
def test_what_comes_of_it(then: Spent, share: str | None) -> None:
    past = Past(rate="-0.0002", then=then)
    past.look()
    verdict = past.look(DAY)
    assert verdict.checks[0].spent
    shares = {key: cut.share for key, cut in verdict.cuts.items()}
    assert shares == ({("half", "BTC"): dec(share)} if share is not None else {})


# --- near misses


def test_a_dear_spell_that_ends_in_time_does_nothing_and_the_next_counts_anew() -> None:
    past = Past(rate="-0.0002")
    past.look()
    past.rate = "0"
    assert past.check(DAY - HOUR).over_since is None
    past.rate = "-0.0002"
    assert not past.check(HOUR).spent
    assert not past.check(DAY - HOUR).spent
    assert past.check(HOUR).spent


def test_a_rate_that_is_not_known_neither_spends_a_budget_nor_forgives() -> None:
    past = Past(rate="-0.0002")
    past.look()
    past.rate = None
    check = past.check(2 * DAY)
    assert (check.expected, check.spent) == (None, False)
    assert check.over_since == NOW, "one look without a rate does not begin the day anew"
    past.rate = "-0.0002"
    assert past.check(HOUR).spent


def test_what_was_paid_counts_also_while_no_rate_is_known() -> None:
    past = Past(line(funding=dec(-900)), rate=None)
    check = past.check()
    assert check.why is not None
    assert check.why.code == "carry_paid"
    past.lines = [line(funding=dec(-1500))]
    assert past.check(DAY).spent


def test_prices_that_are_too_old_are_not_known() -> None:
    past = Past(rate="-0.0002")
    past.quoted[BTC_PERP] = {"as_of": NOW - timedelta(hours=1)}
    check = past.check()
    assert check.expected is None
    assert check.notional == 100_000, "valued at its entry"


def test_no_budget_nothing_counted() -> None:
    past = Past(rate="-0.01")
    past.policy = replace(past.policy, funding=None)
    verdict = past.look()
    assert (verdict.checks, verdict.cuts) == ((), {})


def test_coins_strangers_and_flat_lines_are_not_counted() -> None:
    past = Past(
        line(symbol="BTC/USDT"),
        line(strategy="gone"),
        line(0, strategy="other", cost=ZERO),
        line(strategy="half", venue="elsewhere"),
    )
    assert past.look().checks == ()


# --- coming back


def spent_past(**budget: Any) -> Past:
    past = Past(rate="-0.0002", **budget)
    past.look()
    assert past.look(DAY).cuts
    return past


def test_a_closed_hedge_comes_back_after_a_day_below_half_of_its_budget() -> None:
    past = spent_past()
    past.lines = [line(0, cost=ZERO)]
    past.rate = "-0.0001"  # 10.95 % a year: within the budget, but above half of it
    lasting = past.look(3 * DAY)
    assert lasting.cuts
    assert lasting.checks[0].why is not None
    assert lasting.checks[0].why.code == "carry_lasts"
    past.rate = "-0.00005"  # 5.475 %
    calm = past.look(HOUR)
    assert calm.wake_at == past.now + DAY
    assert past.look(DAY - timedelta(seconds=1)).cuts
    assert past.look(timedelta(seconds=1)).cuts == {}
    assert past.look(HOUR).checks == (), "flat, and nothing is remembered"


@pytest.mark.parametrize(("rate", "calm"), [("-0.0001", False), ("-0.0000999999", True)])
def test_half_of_the_budget_itself_is_not_calm(rate: str, calm: bool) -> None:
    """0.01 % every 8 hours are 10.95 % a year: half of 21.9 %, exactly."""
    past = Past(rate="-0.0003", max_carry=dec("0.219"))
    past.look()
    past.look(DAY)
    past.rate = rate
    past.look(HOUR)
    assert (past.look(DAY).cuts == {}) is calm


def test_one_that_is_halved_and_then_ends_is_not_remembered() -> None:
    past = spent_past(then=Spent.REDUCE)
    past.lines = [line(0, cost=ZERO)]
    assert past.look(HOUR).checks == ()


def test_a_dear_hour_in_between_begins_the_calm_day_anew() -> None:
    past = spent_past()
    past.rate = "0"
    past.look(HOUR)
    past.rate = "-0.0002"
    past.look(DAY - HOUR)
    past.rate = "0"
    assert past.look(HOUR).cuts
    assert past.look(DAY - HOUR).cuts
    assert past.look(HOUR).cuts == {}


def test_nothing_comes_back_while_no_rate_is_known() -> None:
    past = spent_past()
    past.rate = None
    assert past.look(9 * DAY).cuts
    assert carry_state(past.recorded()).lines[f"half/{VENUE}/{BTC_PERP}"].spent


def test_after_it_was_given_back_what_it_cost_before_counts_no_more() -> None:
    past = spent_past(max_cost=dec("0.005"), then=Spent.REDUCE)
    past.lines = [line(funding=dec(-800), fees=dec(300))]
    past.rate = "0"
    past.look(HOUR)
    assert past.look(DAY).cuts == {}
    past.rate = "-0.00001"
    check = past.check(HOUR)
    assert (check.cost, check.why) == (ZERO, None)
    past.lines = [line(funding=dec(-801), fees=dec(302))]
    check = past.check(HOUR)
    assert check.cost == dec("0.00003")
    second = timedelta(seconds=1)
    ever = dec(timedelta(days=365) // second) / dec(past.policy.execution.horizon // second)
    assert check.realised == (365 + 2 * ever) / 100_000, "of a year from when it counts anew"


def test_a_hedge_opened_anew_stays_closed_while_its_budget_is_spent() -> None:
    past = spent_past()
    past.lines = [line(opened_at=past.now, funding=ZERO)]
    assert past.look(HOUR).cuts


# --- several strategies on one contract


def test_only_the_strategy_whose_budget_is_spent_is_cut() -> None:
    past = Past(line(), line(strategy="other"), rate="-0.0002")
    funding = FundingPolicy(
        budget=CarryBudget(max_cost=dec(10), then=Spent.CLOSE),
        strategies={"other": CarryBudget(max_cost=dec(10), max_carry=dec("0.3"), then=Spent.CLOSE)},
    )
    past.policy = replace(past.policy, funding=funding)
    past.look()
    assert set(past.look(DAY).cuts) == {("half", "BTC")}


def test_a_long_and_a_short_on_one_contract_pay_what_the_other_receives() -> None:
    past = Past(line(funding=dec(-20)), line(1, strategy="other", funding=dec(20)), rate="-0.0002")
    half, other = past.look().checks
    assert (half.expected, other.expected) == (dec("0.219"), dec("-0.219"))
    assert half.cost == -(other.cost or ZERO) == dec("0.0002")
    assert set(past.look(DAY).cuts) == {("half", "BTC")}


def test_of_two_contracts_of_an_asset_the_stricter_cut_holds() -> None:
    past = Past(line(), line(symbol=DATED, funding=dec(-9000)), rate="-0.0002")
    past.instruments.append(make_instrument(DATED, expiry_at=NOW + 73 * DAY))
    past.look()
    verdict = past.look(DAY)
    assert len(verdict.checks) == 2
    assert [c.share for c in verdict.cuts.values()] == [ZERO]
    why = verdict.cuts["half", "BTC"].why
    assert why == verdict.checks[0].why, "the first of two that are as strict"


def test_a_dear_asset_does_not_cut_another() -> None:
    past = Past(line(), line(symbol=SOL_PERP), rate="-0.0002")
    past.quoted[SOL_PERP] = {"funding_rate": dec("0.0001"), "funding_interval": timedelta(hours=8)}
    past.look()
    assert set(past.look(DAY).cuts) == {("half", "BTC")}


def test_it_wakes_for_the_first_budget_that_will_be_spent() -> None:
    past = Past(line(), line(strategy="other"), rate="-0.0002")
    early = CarryBudget(max_cost=dec(10), over=HOUR)
    past.policy = replace(
        past.policy,
        funding=FundingPolicy(budget=CarryBudget(max_cost=dec(10)), strategies={"other": early}),
    )
    assert past.look().wake_at == NOW + HOUR
    assert past.look(HOUR).wake_at == NOW + DAY, "what is past wakes nobody"
