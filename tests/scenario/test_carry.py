"""The funding and the basis guard at work: where they act, where they must not, and where they let go.

A BTC short of the whole holding on a flat market, so that what it costs is exactly what funding and fees say.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from counterpoise.app.cycle_report import CycleReport, document_of
from counterpoise.domain.numbers import ZERO, dec
from counterpoise.domain.policy import (
    BasisPolicy,
    CarryBudget,
    FundingPolicy,
    PortfolioPolicy,
    Spent,
)
from counterpoise.domain.strategy import HedgePolicy
from counterpoise.domain.strategy.conditions import Above, Below
from counterpoise.venue.sim import MarketKind
from tests.scenario.stage import REAL_FEES, Stage, make_shape, make_stage

HALF = HedgePolicy(id="half", asset="BTC", ratio=dec("0.5"))
OTHER = HedgePolicy(id="other", asset="BTC", ratio=dec("0.25"))
LINE = "half/sim/BTC/USDT:USDT"
#: A short pays 0.02 % every 8 hours: 21.9 % a year; and 0.013 %: 14.235 %.
DEAR, BEARABLE = "-0.0002", "-0.00013"


def counted(then: Spent, *strategies: HedgePolicy, **own: CarryBudget) -> PortfolioPolicy:
    budget = CarryBudget(max_cost=dec("0.05"), then=then)
    funding = FundingPolicy(budget=budget, strategies=own)
    return make_shape(*(strategies or (HALF,)), funding=funding)


def stood(funding: object, **changes: Any) -> Stage:
    return make_stage({"BTC": 100_000}, {"BTC": 1}, futures=100_000, funding=funding, **changes)


def told(stage: Stage, kind: str) -> list[str]:
    """The alerts of ``kind``, and of what it cleared, in order."""
    return [a.text for r in stage.reports for a in r.alerts if a.key and a.key.startswith(kind)]


def row(report: CycleReport, policy: PortfolioPolicy) -> dict[str, Any]:
    """The carry line of the first strategy in the journal."""
    document: dict[str, Any] = document_of(report, policy)
    return next(r for r in document["carry"] if r["strategy"] == "half")


async def test_a_budget_that_is_spent_closes_the_hedge_and_gives_it_back() -> None:
    policy = counted(Spent.CLOSE)
    # three days of it, then shorts are paid
    stage = stood((DEAR,) * 7 + ("0.0001",), days=7)
    await stage.run(policy, hours=20)
    assert stage.position() == dec("-0.5"), "not before it has lasted 24 hours"
    assert not told(stage, "carry")
    await stage.run(policy, hours=8)
    assert stage.position() == ZERO
    assert row(stage.last, policy)["expected"] == "0.219"
    assert row(stage.last, policy)["spent"] is True
    document: dict[str, Any] = document_of(stage.last, policy)
    assert document["notes"] == [
        "half holds no futures on BTC: its carry is expected to cost 21.9 % a year, more than 15 %"
    ]
    (alert,) = told(stage, f"carry:{LINE}")
    assert "its carry is expected to cost 21.9 % a year, more than 15 %" in alert
    assert "it holds nothing until that has passed" in alert

    await stage.run(policy, hours=30)  # 58: cheap again since 56
    assert stage.position() == ZERO, "cheap for two hours says nothing"
    await stage.run(policy, hours=24)
    assert stage.position() == dec("-0.5")
    assert told(stage, f"carry:{LINE}")[1:] == [
        "half in BTC/USDT:USDT at sim: its carry is within its budget again"
    ]
    assert stage.duplicates() == 0


async def test_a_dear_carry_that_stays_within_its_budget_does_nothing() -> None:
    policy = counted(Spent.CLOSE)
    stage = stood(BEARABLE)
    await stage.run(policy, hours=72)
    assert stage.position() == dec("-0.5")
    assert row(stage.last, policy)["expected"] == "0.14235"
    assert not told(stage, "carry")


async def test_a_dear_rate_that_ends_before_its_time_does_nothing() -> None:
    policy = counted(Spent.CLOSE)
    stage = stood((DEAR,) * 3 + ("0.0001",))
    await stage.run(policy, hours=72)
    assert stage.position() == dec("-0.5")
    assert not told(stage, "carry")


async def test_a_short_that_is_paid_has_a_negative_cost() -> None:
    """Rate above 0: longs pay shorts. The same rate is dear to a long."""
    policy = counted(Spent.CLOSE)
    stage = stood("0.0002")
    await stage.run(policy, hours=48)
    assert stage.position() == dec("-0.5")
    assert row(stage.last, policy)["expected"] == "-0.219"
    assert Decimal(row(stage.last, policy)["funding"]) == 6 * 10, "every 8 hours"
    assert Decimal(row(stage.last, policy)["cost"]) == dec("-0.0012")


async def test_reduce_holds_half_and_other_strategies_keep_theirs() -> None:
    policy = counted(Spent.ALERT, HALF, OTHER, half=CarryBudget(then=Spent.REDUCE))
    stage = stood(DEAR)
    await stage.run(policy, hours=36)
    lines = await stage.lines()
    assert (lines["half"].qty, lines["other"].qty) == (dec("-0.25"), dec("-0.25"))
    (reduced,) = told(stage, "carry:half/")
    (other,) = told(stage, "carry:other/")
    assert "it holds half of what it wants" in reduced
    assert "nothing is done about it" in other


async def test_ask_tells_the_command_and_does_nothing() -> None:
    policy = counted(Spent.ASK)
    stage = stood(DEAR)
    await stage.run(policy, hours=36)
    assert stage.position() == dec("-0.5")
    (asked,) = told(stage, "carry_ask:")
    assert "`counterpoise strategy release half`" in asked


@pytest.mark.parametrize(("most", "spent"), [("0.0008", True), ("0.0012", False)])
async def test_what_it_cost_in_all_is_a_budget_too(most: str, spent: bool) -> None:
    """5 bps to open and 0.006 % every 8 hours: 0.086 % after six payments; 6.57 % a year is within the other budget."""
    budget = CarryBudget(max_cost=dec(most), over=timedelta(hours=1), max_carry=dec("0.5"))
    policy = make_shape(HALF, funding=FundingPolicy(budget=budget))
    stage = stood("-0.00006", fees=REAL_FEES)
    await stage.run(policy, hours=50)
    assert Decimal(row(stage.last, policy)["fees"]) == pytest.approx(25, abs=1)
    assert row(stage.last, policy)["spent"] is spent
    assert bool(told(stage, "carry:")) is spent


async def test_a_dated_future_earns_its_basis_pro_rata() -> None:
    policy = make_shape(HALF, funding=FundingPolicy())
    stage = make_stage(
        {"BTC": 100_000},
        {"BTC": 1},
        futures=100_000,
        funding="-0.0003",
        dated={"BTCUSDT_260330": "0.10"},
        days=10,
    )
    # before that nobody knows whether anyone trades
    await stage.run(make_shape(), hours=2)
    await stage.run(policy, hours=72)
    carry = row(stage.last, policy)
    assert carry["symbol"].endswith("-260330"), carry
    # 10 % a year of the 51,150 it was opened at, over three days; a short above its coin is paid
    assert Decimal(carry["basis"]) == pytest.approx(dec("42"), abs=dec("0.5"))
    assert Decimal(carry["expected"]) == pytest.approx(dec("-0.10"), abs=dec("0.002"))


def watched(*strategies: HedgePolicy, **changes: Any) -> PortfolioPolicy:
    return make_shape(*(strategies or (HALF,)), basis=BasisPolicy(**changes))


def apart(stage: Stage, percent: object) -> None:
    """Let the contract stand ``percent`` off its coin."""
    price = dec(100_000) * (1 + dec(str(percent)) / 100)
    stage.exchange.set_price("BTCUSDT", price, MarketKind.PERP)
    stage.exchange.set_price("BTCUSDT", price, "mark")


async def test_adding_waits_while_the_basis_is_absurd_and_goes_on_when_it_is_not() -> None:
    policy = watched()
    stage = stood(None)
    apart(stage, 4)
    await stage.run(policy, hours=2)
    assert stage.position() == ZERO
    document: dict[str, Any] = document_of(stage.last, policy)
    (note,) = document["notes"]
    assert note.startswith("BTC: futures stay at 0 instead of -0.5 before 2026-01-05T06:00+00:00")
    assert document["basis"][0]["basis"] == "0.04"
    (alert,) = told(stage, "basis:")
    assert "BTC/USDT:USDT stands 4 % off its coin, more than 3 %" in alert
    apart(stage, "0.1")
    await stage.run(policy, hours=1)
    assert stage.position() == dec("-0.5")
    assert told(stage, "basis:")[1:] == [
        "BTC/USDT:USDT at sim stands as near to its coin as usual again"
    ]


async def test_a_wide_basis_within_its_limit_does_not_hold_anything_up() -> None:
    stage = stood(None)
    apart(stage, "2.9")
    await stage.run(watched(), hours=1)
    assert stage.position() == dec("-0.5")
    assert not told(stage, "basis")


async def test_adding_goes_on_after_the_deadline_and_people_are_told() -> None:
    stage = stood(None)
    apart(stage, -4)
    await stage.run(watched(), hours=5.5)
    assert stage.position() == ZERO
    assert not told(stage, "basis_late")
    await stage.run(watched(), hours=1)
    assert stage.position() == dec("-0.5")
    (late,) = told(stage, "basis_late")
    assert "adding to it goes on" in late


async def test_closing_never_waits_and_what_is_held_stays() -> None:
    stage = stood(None)
    await stage.run(watched(), hours=1)
    assert stage.position() == dec("-0.5")
    apart(stage, 5)
    await stage.run(watched(), hours=1)
    assert stage.position() == dec("-0.5"), "nothing is closed for it"
    await stage.run(watched(replace(HALF, ratio=dec("0.2"))), hours=1)
    assert stage.position() == dec("-0.2")
    await stage.run(watched(replace(HALF, ratio=dec("0.3"))), hours=1)
    assert stage.position() == dec("-0.2"), "and nothing is added"


@pytest.mark.parametrize(("most", "waits"), [("4", True), (None, False)])
async def test_what_is_usual_is_read_from_closed_bars(most: str | None, waits: bool) -> None:
    """A basis of 1 % is no level to wait for, but unheard of where it was 0 for a day."""
    rules = {"window": timedelta(days=1), "max_zscore": dec(most) if most else None}
    idle = replace(HALF, when=Below(price=dec(99_000)), release=Above(price=dec(99_500)))
    stage = stood(None)
    await stage.run(watched(idle, **rules), hours=30)
    stage.price(BTC=98_000)
    stage.exchange.set_price("BTCUSDT", dec(98_980), MarketKind.PERP)
    stage.exchange.set_price("BTCUSDT", dec(98_980), "mark")
    await stage.run(watched(idle, **rules), hours=1)
    assert stage.position() == (ZERO if waits else dec("-0.5"))
    assert any("standard deviations" in text for text in told(stage, "basis:")) is waits
