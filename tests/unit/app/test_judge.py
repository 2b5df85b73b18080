"""One look judged as a whole: what the margin guard closes whatever else is decided."""

from __future__ import annotations

from dataclasses import replace

import pytest

from counterpoise.app.judge import Judgement, judge
from counterpoise.app.safekeeping import unclaimed
from counterpoise.domain.hedge_book import BookLine
from counterpoise.domain.margin import flat_tier
from counterpoise.domain.numbers import ZERO, dec
from counterpoise.domain.order import Side
from counterpoise.domain.policy import MarginPolicy, PortfolioPolicy
from counterpoise.domain.reasons import reason
from counterpoise.domain.records import PositionRecord, Recorded
from counterpoise.domain.snapshot import Snapshot
from tests.build import (
    NOW,
    VENUE,
    Number,
    make_policy,
    make_recorded,
    make_snapshot,
    make_universe,
    with_venue,
)

#: Ours, and in no sleeve: nothing is decided about it.
STRAY = "ETH/USDT:USDT"


def world(futures: Number, *, stale: bool = False) -> Snapshot:
    """Short 10 ETH at 10,000: 100,000 of notional, carried by ``futures``."""
    made = make_snapshot(
        prices={"BTC": 100_000, "SOL": 100, "ETH": 10_000},
        spot={"BTC": 1},
        futures={"USDT": futures},
        positions={STRAY: -10},
        as_of=NOW,
    )
    account = made.venues[VENUE].account
    assert account is not None
    held = replace(account.positions[STRAY], entry_price=dec(10_000), mark_price=dec(10_000))
    account = replace(account, positions={STRAY: held})
    if stale:
        made = with_venue(made, open_orders=None)
    return with_venue(made, account=account, tiers={STRAY: flat_tier(dec("0.004"))})


def book() -> Recorded:
    line = BookLine(strategy="gone", venue=VENUE, symbol=STRAY, wanted=dec(-10), qty=dec(-10))
    position = PositionRecord(venue=VENUE, symbol=STRAY, own_qty=dec(-10))
    return make_recorded(positions=[position], book={line.key: line})


def judged(snapshot: Snapshot, policy: PortfolioPolicy | None = None) -> Judgement:
    rules = policy or make_policy(margin=MarginPolicy())
    why = reason("no_instrument", asset="ETH", quote="USDT")
    universe = make_universe(rules, snapshot)
    return judge(snapshot, book(), rules, universe, {(VENUE, STRAY): why})


@pytest.mark.parametrize("stale", [False, True])
def test_what_no_strategy_claims_is_cut_too_whether_anything_is_decided_or_not(stale: bool) -> None:
    """10 % away: reduced until 20 % are left. 10,000 carry a short of 10,000 / 20,480 = 0.488 of it."""
    found = judged(world(10_000, stale=stale))
    assert (found.decisions is None) is stale
    orders = [a.order for a in found.approved]
    assert {(o.symbol, o.side, o.reduce_only) for o in orders} == {(STRAY, Side.BUY, True)}
    assert sum(o.qty for o in orders) == dec("5.118")
    assert found.booked is not None
    line = found.booked.lines["gone", VENUE, STRAY]
    assert (line.wanted, line.qty) == (dec("-4.882"), dec(-10))


def test_what_is_safe_is_left_alone_and_told() -> None:
    found = judged(world(90_000))
    assert found.approved == ()
    assert STRAY in [h.symbol for h in found.plan.holds]


def test_what_is_claimed_is_not_claimed_again() -> None:
    snapshot = world(10_000)
    margin = judged(snapshot).margin
    known = {(VENUE, STRAY)}
    assert unclaimed(margin, snapshot, book(), set()).wants != ()
    assert unclaimed(margin, snapshot, book(), known).wants == ()
    assert unclaimed(margin, snapshot, book(), known).claims == {}


def test_what_is_not_listed_cannot_be_closed() -> None:
    snapshot = world(10_000)
    margin = judged(snapshot).margin
    listed = {k: i for k, i in snapshot.venues[VENUE].instruments.items() if k != STRAY}
    gone = with_venue(snapshot, instruments=listed)
    assert unclaimed(margin, gone, book(), set()).wants == ()
    assert all(a.order.qty > ZERO for a in judged(snapshot).approved)
