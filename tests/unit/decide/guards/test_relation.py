"""When a relation breaks, how much stands then, and what it takes to heal; what is not known does neither."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from counterpoise.decide.guards.relation import guard_relation, relation_record
from counterpoise.domain.bars import Bar, last_closed_open
from counterpoise.domain.hedge_book import BookLine
from counterpoise.domain.numbers import dec
from counterpoise.domain.policy import BasisPolicy
from counterpoise.domain.records import GuardRecord
from counterpoise.domain.relation import RelationCheck, RelationVerdict
from counterpoise.domain.strategy import HedgePolicy
from counterpoise.domain.strategy.hedge import Cross
from tests.build import (
    NOW,
    VENUE,
    make_policy,
    make_recorded,
    make_snapshot,
    make_universe,
    with_venue,
)

DAY = timedelta(days=1)
CROSS = Cross(by="BTC", window=timedelta(days=40), interval=DAY)
HEDGE = HedgePolicy(id="x", asset="SOL", ratio=dec(1), cross=CROSS)
SOL, BTC = "SOL/USDT:USDT", "BTC/USDT:USDT"


def returns(mix: float) -> tuple[list[float], list[float]]:
    """Returns of SOL and BTC whose correlation is exactly ``mix`` and whose deviations are alike.

    Two waves that are orthogonal over 40 days: SOL has ``mix`` of BTC's and the rest of its own.
    """
    days = range(40)
    its = [0.03 * math.sqrt(2) * math.sin(2 * math.pi * 3 * n / 40) for n in days]
    own = [0.03 * math.sqrt(2) * math.cos(2 * math.pi * 3 * n / 40) for n in days]
    rest = math.sqrt(1 - mix * mix)
    return [mix * v + rest * u for v, u in zip(its, own, strict=True)], its


def bars(each: list[float], start: float, now_open: object) -> tuple[Bar, ...]:
    price, closes = start, [start]
    for r in each:
        price *= math.exp(r)
        closes.append(price)
    first = last_closed_open(now_open, DAY) - (len(closes) - 1) * DAY  # type: ignore[arg-type]  # an instant
    made = [dec(f"{c:.10f}") for c in closes]
    return tuple(
        Bar(open_at=first + n * DAY, open=c, high=c, low=c, close=c) for n, c in enumerate(made)
    )


class Past:
    """Looks in a row that remember through their document, as a store keeps it."""

    def __init__(self, held: str = "-1", **rules: object) -> None:
        self.policy = make_policy(HEDGE, basis=BasisPolicy(allow_cross=True, **rules))  # type: ignore[arg-type]  # keywords
        self.held = dec(held)
        self.guard: GuardRecord | None = None
        self.now = NOW
        self.verdict = RelationVerdict()

    def look(self, mix: float | None, after: timedelta = DAY) -> RelationCheck:
        self.now += after
        snapshot = make_snapshot(as_of=self.now)
        if mix is not None:
            own, its = returns(mix)
            found = {
                (SOL, DAY): bars(own, 100, self.now),
                (BTC, DAY): bars(its, 100_000, self.now),
            }
            snapshot = with_venue(snapshot, bars=found)
        line = BookLine(strategy="x", venue=VENUE, symbol=BTC, qty=self.held, cost=dec(-100_000))
        recorded = replace(
            make_recorded(),
            book={("x", VENUE, BTC): line} if self.held else {},
            guards={} if self.guard is None else {self.guard.id: self.guard},
        )
        universe = make_universe(self.policy, snapshot)
        self.verdict = guard_relation(snapshot, recorded, self.policy, universe)
        kept = relation_record(self.verdict.state)
        self.guard = replace(kept, document=json.loads(json.dumps(kept.document)))
        (check,) = self.verdict.checks
        return check

    @property
    def share(self) -> Decimal | None:
        cut = self.verdict.cuts.get(("x", "BTC"))
        return cut.share if cut is not None else None


def test_the_waves_are_what_they_are_said_to_be() -> None:
    check = Past().look(0.8)
    assert check.relation is not None
    assert float(check.relation.correlation) == pytest.approx(0.8, abs=1e-6)
    assert float(check.relation.beta) == pytest.approx(0.8, abs=1e-6)


@pytest.mark.parametrize(("mix", "broken"), [(0.71, False), (0.69, True), (-0.9, True)])
def test_it_breaks_below_its_least_correlation(mix: float, broken: bool) -> None:
    past = Past(max_residual=dec(9))
    check = past.look(mix)
    assert (check.since is not None) is broken
    assert past.share == (dec("0.5") if broken else None)


def test_half_stands_for_three_bars_then_nothing() -> None:
    past = Past(max_residual=dec(9))
    broke = past.look(0.5)
    assert (past.share, broke.until) == (dec("0.5"), past.now + 3 * DAY)
    assert past.verdict.wake_at == past.now + 3 * DAY
    past.look(0.5, after=3 * DAY - timedelta(seconds=1))
    assert past.share == dec("0.5")
    ended = past.look(0.5, after=timedelta(seconds=1))
    assert (past.share, ended.until) == (dec(0), None)
    assert past.verdict.wake_at is None


def test_it_heals_only_clearly_above_what_broke_it() -> None:
    past = Past(max_residual=dec(9))
    past.look(0.5)
    # a fifth of the way from 0.70 to 1
    assert past.look(0.755, after=timedelta(hours=1)).since is not None
    assert past.look(0.765, after=timedelta(hours=1)).since is None
    assert past.share is None
    # and does not break again between the two
    assert past.look(0.71, after=timedelta(hours=1)).since is None


def test_what_is_not_held_is_not_opened_at_all() -> None:
    past = Past(held="0", max_residual=dec(9))
    past.look(0.5)
    assert past.share == dec(0)
    past.look(0.9)
    assert past.share is None


def test_what_was_closed_since_is_not_opened_on_a_broken_relation() -> None:
    past = Past(max_residual=dec(9))
    past.look(0.5)
    past.held = dec(0)
    assert past.look(0.5, after=timedelta(hours=1)).until is None
    assert past.share == dec(0)
    past.held = dec("-0.1")
    past.look(0.5, after=timedelta(hours=1))
    assert past.share == dec(0)


def test_what_cannot_be_measured_neither_breaks_nor_heals() -> None:
    past = Past(max_residual=dec(9))
    assert past.look(None).since is None
    assert past.share is None
    past.look(0.5)
    unknown = past.look(None)
    assert unknown.why is not None
    assert unknown.why.code == "relation_unknown"
    assert past.share == dec("0.5")
    past.look(None, after=2 * DAY)
    assert past.share == dec(0)


def test_what_it_leaves_a_year_is_a_limit_too() -> None:
    """Deviations of 3 % a day: a correlation of 0.8 leaves 0.6 of them, 0.018 x sqrt(40 / 38 x 365) = 35.3 %."""
    past = Past(max_residual=dec("0.36"))
    check = past.look(0.8)
    assert check.relation is not None
    left = 0.03 * 0.6 * math.sqrt(40 / 38 * 365)
    assert float(check.relation.residual) == pytest.approx(left, rel=1e-4)
    assert check.since is None
    tight = Past(max_residual=dec("0.34"))
    broke = tight.look(0.8)
    assert broke.why is not None
    assert broke.why.code == "relation_leaves"


def test_a_slope_that_is_not_sure_is_none() -> None:
    """A correlation of 0.3 over 40 days: 0.30 for 1 with a standard error of 0.155, less than two of them."""
    past = Past(max_residual=dec(9), min_correlation=dec("0.2"))
    check = past.look(0.3)
    assert check.why is not None
    assert check.why.code == "relation_unsure"
    assert past.look(0.4).since is None


def test_one_market_may_publish_its_bar_a_little_later() -> None:
    past = Past()
    own, its = returns(0.9)
    snapshot = make_snapshot(as_of=NOW)
    late = bars(its, 100_000, NOW - DAY)
    snapshot = with_venue(snapshot, bars={(SOL, DAY): bars(own, 100, NOW), (BTC, DAY): late})
    universe = make_universe(past.policy, snapshot)
    (check,) = guard_relation(snapshot, make_recorded(), past.policy, universe).checks
    assert check.relation is not None
    assert check.relation.returns == 39
