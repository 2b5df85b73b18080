from __future__ import annotations

from datetime import timedelta

import pytest

from counterpoise.domain.errors import VenueError
from counterpoise.domain.numbers import dec
from counterpoise.observe.executions import OVERLAP
from tests.build import BTC_PERP, SOL_PERP, make_account, make_fill, make_recorded
from tests.unit.observe.shown import HOUR, SPOT, STARTED, S, ShownVenue, live, look, own


@pytest.mark.parametrize("state", [s for s in S if s.is_final])
async def test_an_explained_position_without_live_orders_needs_no_fills(state: S) -> None:
    venue = ShownVenue()
    venue.holds = make_account(positions={"BTC": "-0.4"})
    recorded = make_recorded(live(5, state=state), positions=[own("-0.3", baseline="-0.1")])
    seen = await look(venue, recorded)
    assert venue.asked_for_fills() == {}
    assert seen.fills == (), "nothing can have happened: that is known, not missing"


@pytest.mark.parametrize("state", [s for s in S if not s.is_final])
async def test_a_live_order_may_have_filled_since_it_was_made(state: S) -> None:
    venue = ShownVenue()
    venue.executed = (make_fill(),)
    seen = await look(venue, make_recorded(live(5, state=state)))
    assert venue.asked_for_fills() == {BTC_PERP: STARTED + timedelta(minutes=5) - OVERLAP}
    assert seen.fills == (make_fill(),)


async def test_an_order_that_ended_with_fills_unread_is_asked_about_since_it_was_made() -> None:
    venue = ShownVenue()
    awaited = live(5, state=S.FILLED, filled_qty=dec("0.1"), booked_qty=dec("0.04"))
    read = live(3, state=S.FILLED, filled_qty=dec("0.1"), booked_qty=dec("0.1"))
    await look(venue, make_recorded(read, awaited))
    assert venue.asked_for_fills() == {BTC_PERP: STARTED + timedelta(minutes=5) - OVERLAP}


async def test_of_several_live_orders_the_oldest_says_from_when() -> None:
    venue = ShownVenue()
    await look(venue, make_recorded(live(9), live(5), live(7), live(1, SOL_PERP)))
    assert venue.asked_for_fills() == {
        BTC_PERP: STARTED + timedelta(minutes=5) - OVERLAP,
        SOL_PERP: STARTED + timedelta(minutes=1) - OVERLAP,
    }


async def test_a_live_order_is_asked_about_from_its_making_however_new_the_newest_fill() -> None:
    venue = ShownVenue()
    venue.holds = make_account(positions={"BTC": "-0.3"})
    await look(venue, make_recorded(live(5), positions=[own("-0.3", STARTED + HOUR)]))
    assert venue.asked_for_fills() == {BTC_PERP: STARTED + timedelta(minutes=5) - OVERLAP}


async def test_an_unexplained_position_is_asked_about_from_the_newest_known_fill() -> None:
    venue = ShownVenue()
    venue.holds = make_account(positions={"BTC": "-0.5"})
    # although an order is live: what is missing may be older than it
    recorded = make_recorded(live(90), positions=[own("-0.3", STARTED + HOUR)])
    await look(venue, recorded)
    assert venue.asked_for_fills() == {BTC_PERP: STARTED + HOUR - OVERLAP}


async def test_an_unexplained_position_without_known_fills_is_asked_about_from_the_start() -> None:
    venue = ShownVenue()
    venue.holds = make_account(positions={"BTC": "-0.5"})
    await look(venue)
    assert venue.asked_for_fills() == {BTC_PERP: STARTED - OVERLAP}


async def test_a_position_that_is_gone_is_asked_about() -> None:
    venue = ShownVenue()
    await look(venue, make_recorded(positions=[own("-0.3", STARTED + HOUR)]))
    assert venue.asked_for_fills() == {BTC_PERP: STARTED + HOUR - OVERLAP}


async def test_without_an_account_fills_are_asked_for_everywhere_from_the_newest_known() -> None:
    venue = ShownVenue()
    venue.errors["account"] = VenueError("time-out")
    recorded = make_recorded(live(90), positions=[own("-0.3", STARTED + HOUR)])
    seen = await look(venue, recorded)
    assert venue.asked_for_fills() == {
        SPOT: STARTED - OVERLAP,
        BTC_PERP: STARTED + HOUR - OVERLAP,
        SOL_PERP: STARTED - OVERLAP,
    }
    assert seen.fills == ()
