"""How much of an opening the collateral carries."""

from __future__ import annotations

import pytest

from counterpoise.decide.guards.pools import pools_of
from counterpoise.decide.guards.survival import carried
from counterpoise.domain.health import distance_of
from counterpoise.domain.numbers import dec
from counterpoise.domain.order import Order, Side
from counterpoise.domain.policy import MarginPolicy
from counterpoise.domain.snapshot import Snapshot
from tests.build import BTC_PERP, NOW, VENUE, make_instrument, make_order, with_venue
from tests.unit.decide.guards.test_margin import TIERS, book, world

POLICY = MarginPolicy()


def opening(futures: int) -> tuple[Snapshot, Order]:
    """A short of 1 BTC at 100,000 that is asked for, and ``futures`` to carry it."""
    made = with_venue(world(futures, qty=0), instruments={BTC_PERP: make_instrument("BTC")})
    return made, make_order(symbol=BTC_PERP, side=Side.SELL, qty=1)


def test_an_opening_that_survives_passes_whole() -> None:
    snapshot, order = opening(30_520)
    found = carried(order, snapshot.venues[VENUE], book(0), (), POLICY, NOW)
    assert (found.qty, found.why) == (1, None)


@pytest.mark.parametrize("futures", [30_500, 20_000])
def test_an_opening_that_is_cut_does_not_warn_at_once(futures: int) -> None:
    """It stops where the guard would let go of its warning, 2 points beyond 30 %."""
    snapshot, order = opening(futures)
    found = carried(order, snapshot.venues[VENUE], book(0), (), POLICY, NOW)
    assert found.why is not None
    assert found.why.numbers["survive"] == "30 %"
    (pool,) = pools_of(with_venue(world(futures, qty=-found.qty), tiers=TIERS).venues[VENUE]).pools
    distance = distance_of(pool).adverse
    assert distance is not None
    assert dec("0.32") <= distance < dec("0.33")
