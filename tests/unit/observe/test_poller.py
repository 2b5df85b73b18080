from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from counterpoise.app.clock import ManualClock
from counterpoise.domain.errors import VenueAuthError, VenueError
from counterpoise.domain.ledger import Settlement
from counterpoise.domain.numbers import dec
from counterpoise.domain.portfolio import Listing, Universe
from counterpoise.observe import books
from counterpoise.observe.poller import Observer
from tests.build import (
    BTC_PERP,
    NOW,
    PORTFOLIO,
    SOL_PERP,
    VENUE,
    make_fill,
    make_instrument,
    make_order,
    make_policy,
    make_quote,
    make_recorded,
    make_venue_order,
)
from tests.unit.observe.shown import (
    HOUR,
    SPOT,
    STARTED,
    ShownVenue,
    live,
    look,
    look_at,
    own,
    universe,
)

DATED = "BTC/USDT:USDT-250627"

# --- a healthy look


async def test_a_look_carries_everything_the_venue_shows() -> None:
    venue = ShownVenue()
    venue.resting = (make_venue_order(make_order()),)
    seen = await look(venue)
    assert seen.venue == VENUE
    assert seen.account is venue.holds
    assert seen.quotes == {SPOT: make_quote(SPOT)}
    assert seen.open_orders == venue.resting
    assert seen.fills == ()
    assert set(seen.instruments) == {SPOT, BTC_PERP, SOL_PERP}
    assert seen.problems == ()


async def test_only_what_this_venue_lists_of_the_portfolio_is_asked_for() -> None:
    venue = ShownVenue()
    await look(venue)
    assert sorted(venue.asked, key=str) == [
        ("account", None),
        ("ledger", STARTED - books.OVERLAP),
        ("open orders", [SPOT, BTC_PERP, SOL_PERP]),
        ("quotes", [SPOT, BTC_PERP, SOL_PERP]),
    ]


async def test_what_carries_something_of_ours_outside_the_universe_is_watched_too() -> None:
    """The margin guard may have to close it: for that its price, its orders and its fills must be known."""
    stray, elsewhere, unlisted = "ETH/USDT:USDT", "XRP/USDT:USDT", "LTC/USDT:USDT"
    venue = ShownVenue()
    venue.listed = {**venue.listed, **{s: make_instrument(s) for s in (stray, elsewhere)}}
    held = replace(own("-1"), symbol=stray)
    others = [
        replace(held, symbol=elsewhere, own_qty=dec(0), baseline_qty=dec(1)),
        replace(held, symbol=unlisted),
        replace(held, symbol="ETH/USDT"),
    ]
    await look(venue, make_recorded(positions=[held, *others]))
    for what in ("quotes", "open orders"):
        (asked,) = [about for name, about in venue.asked if name == what]
        assert asked == [SPOT, BTC_PERP, SOL_PERP, stray]
    assert list(venue.asked_for_fills()) == [stray], "its position is not what we know of"


async def test_a_snapshot_names_its_portfolio_instant_and_outside_holdings() -> None:
    venues = {v: ShownVenue(v) for v in (VENUE, "side")}
    holdings = {"BTC": dec(2)}
    snapshot = await look_at(venues, at=NOW + HOUR, holdings=holdings)
    assert (snapshot.portfolio, snapshot.as_of, snapshot.holdings) == (
        PORTFOLIO,
        NOW + HOUR,
        holdings,
    )
    assert list(snapshot.venues) == [VENUE, "side"]
    assert ("quotes", []) in venues["side"].asked, "nothing of the portfolio is listed there"


# --- what was not answered is missing, never empty


async def test_an_account_that_was_not_answered_is_missing() -> None:
    venue = ShownVenue()
    venue.errors["account"] = VenueError("time-out")
    seen = await look(venue)
    assert seen.account is None
    assert seen.problems == ("account: time-out",)
    assert seen.open_orders == ()


async def test_open_orders_that_were_not_answered_are_missing() -> None:
    venue = ShownVenue()
    venue.errors["open orders"] = VenueError("502")
    seen = await look(venue)
    assert seen.open_orders is None
    assert seen.problems == ("open orders: 502",)
    assert seen.account is not None


async def test_a_ledger_that_was_not_answered_is_missing() -> None:
    venue = ShownVenue()
    venue.errors["ledger"] = VenueError("time-out")
    seen = await look(venue)
    assert seen.ledger is None
    assert seen.problems == ("ledger: time-out",)
    assert seen.account is not None


async def test_prices_that_were_not_answered_are_absent() -> None:
    venue = ShownVenue()
    venue.errors["quotes"] = VenueError("429")
    seen = await look(venue)
    assert seen.quotes == {}
    assert seen.problems == ("prices: 429",)


async def test_fills_are_missing_as_a_whole_when_one_symbol_was_not_answered() -> None:
    venue = ShownVenue()
    venue.executed = (make_fill(),)
    venue.errors[f"fills {SOL_PERP}"] = VenueError("time-out")
    seen = await look(venue, make_recorded(live(0), live(0, SOL_PERP)))
    assert list(venue.asked_for_fills()) == [BTC_PERP, SOL_PERP]
    assert seen.fills is None
    assert seen.problems == (f"fills of {SOL_PERP}: time-out",)


async def test_every_failed_read_is_named() -> None:
    venue = ShownVenue()
    for what in ("account", "quotes", "open orders", "ledger", f"fills {BTC_PERP}"):
        venue.errors[what] = VenueError(f"no {what}")
    seen = await look(venue)
    assert (seen.account, seen.open_orders, seen.fills) == (None, None, None)
    assert seen.ledger is None
    assert set(seen.problems) == {
        "account: no account",
        "prices: no quotes",
        "open orders: no open orders",
        "ledger: no ledger",
        f"fills of {BTC_PERP}: no fills {BTC_PERP}",
    }


async def test_a_venue_that_is_down_does_not_hide_another() -> None:
    venues = {v: ShownVenue(v) for v in (VENUE, "side")}
    venues["side"].errors["account"] = VenueError("down")
    snapshot = await look_at(venues)
    assert snapshot.venues[VENUE].account is not None
    assert snapshot.problems == ("side: account: down",)


@pytest.mark.parametrize(
    "what", ["account", "quotes", "open orders", "ledger", f"fills {BTC_PERP}"]
)
async def test_a_key_that_is_not_accepted_ends_the_look(what: str) -> None:
    venue = ShownVenue()
    venue.errors[what] = VenueAuthError("invalid key")
    with pytest.raises(VenueAuthError, match="invalid key"):
        await look(venue, make_recorded(live(0)))


async def test_a_mistake_of_ours_is_not_taken_for_silence() -> None:
    venue = ShownVenue()
    venue.errors["account"] = TypeError("a bug")  # type: ignore[assignment]  # anything may be raised
    with pytest.raises(TypeError, match="a bug"):
        await look(venue)


async def test_candidates_are_priced_and_what_is_leaving_is_watched() -> None:
    """Prices choose the contract; orders and fills can be only where something of ours is."""
    venue = ShownVenue()
    leaving = Listing(venue=VENUE, instrument=make_instrument(DATED))
    other = Listing(venue=VENUE, instrument=make_instrument("BTC/USDT:USDT-251226"))
    seen = universe()
    wide = Universe(
        spot=seen.spot,
        futures=seen.futures,
        leaving={"BTC": leaving},
        candidates={"BTC": (seen.futures["BTC"], other)},
    )
    observer = Observer(make_policy(), {VENUE: venue}, None, ManualClock(NOW))
    venue.errors["account"] = VenueError("down")
    await observer.look(wide, make_recorded())
    traded = [SPOT, BTC_PERP, SOL_PERP, DATED]
    asked = dict(venue.asked)
    assert asked["open orders"] == traded
    assert asked["quotes"] == [*traded, "BTC/USDT:USDT-251226"]
    assert set(venue.asked_for_fills()) == set(traded)


async def test_fills_and_ledger_are_never_older_than_the_account() -> None:
    venue = ShownVenue()
    await look(venue, make_recorded(live(5)))
    order = [w for w, _ in venue.asked]
    assert set(order[-2:]) == {f"fills {BTC_PERP}", "ledger"}


async def test_settlements_are_part_of_a_look() -> None:
    venue = ShownVenue()
    ended = Settlement(symbol=DATED, price=dec(90_000), at=NOW)
    venue.ended[DATED] = ended
    expected = replace(own("-0.3"), symbol=DATED)
    later = NOW + timedelta(days=30)
    seen = await look_at({VENUE: venue}, make_recorded(positions=[expected]), at=later)
    assert seen.venues[VENUE].settlements == {DATED: ended}
