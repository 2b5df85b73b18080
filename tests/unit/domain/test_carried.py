from __future__ import annotations

import pytest

from counterpoise.domain.carried import carried_of, strays_of
from counterpoise.domain.instrument import base_of
from counterpoise.domain.numbers import dec
from counterpoise.domain.order import OrderState
from counterpoise.domain.portfolio import Contract, universe_of
from counterpoise.domain.records import PositionRecord
from tests.build import (
    BTC_PERP,
    SOL_PERP,
    VENUE,
    make_instrument,
    make_order,
    make_policy,
    make_recorded,
    make_snapshot,
    make_universe,
)

HERE = (VENUE, BTC_PERP)


def held(
    own: str, baseline: str = "0", venue: str = VENUE, symbol: str = BTC_PERP
) -> PositionRecord:
    return PositionRecord(venue=venue, symbol=symbol, own_qty=dec(own), baseline_qty=dec(baseline))


def test_own_quantity_and_working_orders_carry() -> None:
    recorded = make_recorded(
        make_order(state=OrderState.UNKNOWN, symbol=SOL_PERP), positions=[held("-0.5")]
    )
    assert carried_of(recorded) == {"BTC": {HERE}, "SOL": {(VENUE, SOL_PERP)}}


def test_foreign_quantity_and_ended_orders_do_not() -> None:
    recorded = make_recorded(make_order(state=OrderState.FILLED), positions=[held("0", "-0.5")])
    assert carried_of(recorded) == {}


def test_the_base_of_a_contract_is_in_its_symbol() -> None:
    assert base_of("BTC/USDT:USDT-250627") == "BTC"


def test_what_is_carried_outside_the_universe_strays() -> None:
    universe = make_universe(make_policy(), make_snapshot())
    recorded = make_recorded(positions=[held("-0.5"), held("1", venue="old")])
    assert strays_of(recorded, universe) == {("old", BTC_PERP): "BTC"}


@pytest.mark.parametrize(
    ("carried", "venue"),
    [
        pytest.param(set(), "one", id="nothing is carried: the first venue"),
        pytest.param({("one", BTC_PERP)}, "one", id="carried by the first"),
        pytest.param({("two", BTC_PERP)}, "two", id="carried by the second"),
        pytest.param({("three", BTC_PERP)}, None, id="carried where it is not listed"),
        pytest.param({("one", "BTC/USDT:USDT-250627")}, None, id="carried by another contract"),
        pytest.param({("one", BTC_PERP), ("two", BTC_PERP)}, None, id="carried twice"),
    ],
)
def test_an_asset_stays_in_the_contract_that_carries_it(
    carried: set[Contract], venue: str | None
) -> None:
    listed = {BTC_PERP: make_instrument(BTC_PERP), SOL_PERP: make_instrument(SOL_PERP)}
    policy = make_policy(venues=("one", "two"))
    universe = universe_of(policy, {"one": listed, "two": listed}, {"BTC": carried})
    found = universe.futures.get("BTC")
    assert (found.venue if found is not None else None) == venue
    assert universe.futures["SOL"].venue == "one"


def test_an_order_whose_fills_were_not_all_read_carries() -> None:
    ended = make_order(state=OrderState.FILLED, filled_qty=dec("0.5"), booked_qty=dec("0.2"))
    assert carried_of(make_recorded(ended)) == {"BTC": {HERE}}
