from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

import pytest

from counterpoise.app.clock import ManualClock
from counterpoise.domain.errors import VenueAuthError, VenueError
from counterpoise.domain.instrument import Instrument
from counterpoise.domain.ledger import LedgerEntry
from counterpoise.domain.numbers import dec
from counterpoise.domain.order import Fill, Order, OrderState, VenueOrder
from counterpoise.domain.portfolio import Listing, Universe
from counterpoise.domain.records import PositionRecord, Recorded
from counterpoise.domain.snapshot import Account, Quote, Snapshot, VenueSnapshot
from counterpoise.observe.poller import OVERLAP, observe
from counterpoise.venue.sim import SimExchange
from counterpoise.venue.sim.venue import SimVenue
from tests.build import (
    BTC_PERP,
    NOW,
    PORTFOLIO,
    SOL_PERP,
    VENUE,
    make_account,
    make_fill,
    make_instrument,
    make_order,
    make_quote,
    make_recorded,
    make_venue_order,
)

SPOT = "BTC/USDT"
STARTED = NOW
HOUR = timedelta(hours=1)
S = OrderState


class ShownVenue(SimVenue):
    """A venue that shows what it is told to, fails where it is told to, and writes down what it was asked."""

    def __init__(self, venue_id: str = VENUE) -> None:
        super().__init__(venue_id, SimExchange(rules=[], series=[], now=NOW), "nobody")
        self.holds = make_account({"BTC": 1}, {"USDT": 20_000})
        self.resting: tuple[VenueOrder, ...] = ()
        self.executed: tuple[Fill, ...] = ()
        self.booked: tuple[LedgerEntry, ...] = ()
        self.errors: dict[str, VenueError] = {}
        self.asked: list[tuple[str, object]] = []

    async def _ask(self, what: str, about: object) -> None:
        self.asked.append((what, about))
        await asyncio.sleep(0)  # noqa: TID251 - a turn of the loop, as any answer takes
        if what in self.errors:
            raise self.errors[what]

    def instruments(self) -> Mapping[str, Instrument]:
        return {s: make_instrument(s) for s in (SPOT, BTC_PERP, SOL_PERP)}

    async def account(self) -> Account:
        await self._ask("account", None)
        return self.holds

    async def quotes(self, symbols: Iterable[str]) -> Mapping[str, Quote]:
        await self._ask("quotes", list(symbols))
        return {SPOT: make_quote(SPOT)}

    async def open_orders(self, symbols: Iterable[str]) -> tuple[VenueOrder, ...]:
        await self._ask("open orders", list(symbols))
        return self.resting

    async def ledger(self, since: datetime) -> tuple[LedgerEntry, ...]:
        await self._ask("ledger", since)
        return self.booked

    async def fills(self, symbol: str, since: datetime) -> tuple[Fill, ...]:
        await self._ask(f"fills {symbol}", since)
        return tuple(f for f in self.executed if f.symbol == symbol)

    def asked_for_fills(self) -> dict[str, object]:
        """Symbol -> the instant fills were asked from."""
        return {w.split()[1]: since for w, since in self.asked if w.startswith("fills")}


def universe(venue: str = VENUE) -> Universe:
    def listing(symbol: str, at: str = venue) -> Listing:
        return Listing(venue=at, instrument=make_instrument(symbol))

    return Universe(
        spot={"BTC": listing(SPOT), "SOL": listing("SOL/USDT", "elsewhere")},
        futures={"BTC": listing(BTC_PERP), "SOL": listing(SOL_PERP)},
    )


async def look(venue: ShownVenue, recorded: Recorded | None = None) -> VenueSnapshot:
    snapshot = await observe(
        PORTFOLIO, {VENUE: venue}, universe(), recorded or make_recorded(), {}, ManualClock(NOW)
    )
    return snapshot.venues[VENUE]


def live(minutes: int, symbol: str = BTC_PERP, **changes: object) -> Order:
    """An open order made so many minutes after the first start."""
    made = {
        "client_order_id": f"cp{symbol}{minutes}",
        "symbol": symbol,
        "state": S.OPEN,
        "created_at": STARTED + timedelta(minutes=minutes),
        **changes,
    }
    return make_order(**made)  # type: ignore[arg-type]  # keyword table of one builder


def own(qty: str, last_fill_at: datetime | None = None, baseline: str = "0") -> PositionRecord:
    return PositionRecord(
        venue=VENUE,
        symbol=BTC_PERP,
        own_qty=dec(qty),
        baseline_qty=dec(baseline),
        last_fill_at=last_fill_at,
    )


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
        ("ledger", STARTED - OVERLAP),
        ("open orders", [SPOT, BTC_PERP, SOL_PERP]),
        ("quotes", [SPOT, BTC_PERP, SOL_PERP]),
    ]


async def test_a_snapshot_names_its_portfolio_instant_and_outside_holdings() -> None:
    clock = ManualClock(NOW + HOUR)
    venues = {v: ShownVenue(v) for v in (VENUE, "side")}
    holdings = {"BTC": dec(2)}
    snapshot: Snapshot = await observe(
        PORTFOLIO, venues, universe(), make_recorded(), holdings, clock
    )
    assert (snapshot.portfolio, snapshot.as_of, snapshot.holdings) == (
        PORTFOLIO,
        NOW + HOUR,
        holdings,
    )
    assert list(snapshot.venues) == [VENUE, "side"]
    assert venues["side"].asked[1] == ("quotes", []), "nothing of the portfolio is listed there"


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
    snapshot = await observe(PORTFOLIO, venues, universe(), make_recorded(), {}, ManualClock(NOW))
    assert snapshot.venues[VENUE].account is not None
    assert snapshot.problems == ("side: account: down",)


@pytest.mark.parametrize("what", ["account", "quotes", "open orders", f"fills {BTC_PERP}"])
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


# --- fills are asked for where something can have happened, from when it can have


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


async def test_fills_are_read_after_everything_else() -> None:
    venue = ShownVenue()
    await look(venue, make_recorded(live(5)))
    assert [w for w, _ in venue.asked][-1] == f"fills {BTC_PERP}"
