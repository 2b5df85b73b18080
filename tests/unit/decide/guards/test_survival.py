"""How much of an opening the collateral carries, and that what it lets in is not told of at once."""

from __future__ import annotations

import pytest

from counterpoise.decide.guards.margin import guard_margin
from counterpoise.decide.guards.survival import carried
from counterpoise.domain.guarding import Step
from counterpoise.domain.numbers import dec
from counterpoise.domain.order import Order, Side
from counterpoise.domain.policy import MarginPolicy
from counterpoise.domain.snapshot import Snapshot
from tests.build import BTC_PERP, NOW, VENUE, make_instrument, make_order, make_policy, with_venue
from tests.unit.decide.guards.test_margin import TIERS, book, world

POLICY = MarginPolicy()


def opening(futures: int) -> tuple[Snapshot, Order]:
    """A short of 1 BTC at 100,000 that is asked for, and ``futures`` to carry it."""
    made = with_venue(world(futures, qty=0), instruments={BTC_PERP: make_instrument("BTC")})
    return with_venue(made, tiers=TIERS), make_order(symbol=BTC_PERP, side=Side.SELL, qty=1)


def step(futures: int, price: str, **changes: str) -> Step:
    """The step of what was opened on ``futures``, at ``price``."""
    policy = MarginPolicy(**{k: dec(v) for k, v in changes.items()})
    snapshot, order = opening(futures)
    found = carried(order, snapshot.venues[VENUE], book(0), (), policy, NOW)
    seen = world(futures, qty=-found.qty, price=price)
    (check,) = guard_margin(seen, book(-found.qty), make_policy(margin=policy)).checks
    return check.step


@pytest.mark.parametrize("price", ["100000", "100030", "100500"])
def test_an_opening_that_is_cut_does_not_warn_at_once(price: str) -> None:
    assert step(20_000, price) is Step.SAFE


def test_a_market_that_goes_on_is_told_of() -> None:
    assert step(20_000, "101000") is Step.WARN


def test_all_of_it_passes_at_what_it_must_survive() -> None:
    """100,400 x 1.3 - 100,000 = 30,520."""
    for futures, whole in ((30_520, True), (30_519, False)):
        snapshot, order = opening(futures)
        found = carried(order, snapshot.venues[VENUE], book(0), (), POLICY, NOW)
        assert (found.why is None) is whole
        assert (found.qty == 1) is whole
