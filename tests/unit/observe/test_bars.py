from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from counterpoise.domain.bars import Bar, Lookback, closed_tail
from counterpoise.domain.errors import VenueAuthError, VenueError
from counterpoise.domain.numbers import dec
from counterpoise.domain.portfolio import Listing, Universe
from counterpoise.domain.records import Changes
from counterpoise.observe.bars import LONGEST, SPARE, BarCache
from counterpoise.record.memory import MemoryStore
from counterpoise.venue.sim import SimExchange
from counterpoise.venue.sim.venue import SimVenue
from tests.build import BTC_PERP, NOW, PORTFOLIO, VENUE, make_instrument, make_recorded

HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)
LOOK = Lookback(asset="BTC", interval=HOUR, bars=5)
PERP = Universe(spot={}, futures={"BTC": Listing(venue=VENUE, instrument=make_instrument())})
KEY = (BTC_PERP, HOUR)
FIRST = NOW - (5 + SPARE) * HOUR


def bar(at: datetime) -> Bar:
    price = dec(100 + at.hour)
    return Bar(open_at=at, open=price, high=price, low=price, close=price)


class Tape(SimVenue):
    """A venue with a bar for every hour of ``hours`` but ``without``; writes down what it was asked."""

    def __init__(self, hours: range = range(-100, 100), *, without: tuple[int, ...] = ()) -> None:
        super().__init__(VENUE, SimExchange(rules=[], series=[], now=NOW), "nobody")
        self.now = NOW
        self.opens = [NOW + n * HOUR for n in hours if n not in without]
        self.asked: list[tuple[datetime, datetime]] = []
        self.error: VenueError | None = None
        self.hidden: set[datetime] = set()
        self.forming = False

    async def bars(
        self, symbol: str, interval: timedelta, since: datetime, until: datetime
    ) -> tuple[Bar, ...]:
        self.asked.append((since, until))
        if self.error is not None:
            raise self.error
        if self.forming:
            return tuple(bar(at) for at in self.opens if since <= at <= until)
        closed = [at for at in self.opens if at + interval <= self.now and at not in self.hidden]
        return tuple(bar(at) for at in closed if since <= at < until)


async def shown(
    cache: BarCache,
    tape: Tape,
    now: datetime = NOW,
    problems: list[str] | None = None,
    universe: Universe = PERP,
    venue: str = VENUE,
) -> dict[tuple[str, timedelta], tuple[Bar, ...]]:
    for question in cache.questions(venue, tape, universe, now):
        await question
    return cache.of(venue, universe, [] if problems is None else problems)


class Seen:
    """A cache on a tape: what looks show of it."""

    def __init__(self, tape: Tape, store: MemoryStore | None = None, look: Lookback = LOOK) -> None:
        self.tape = tape
        self.cache = BarCache((look,), store)
        self.problems: list[str] = []
        self.bars: tuple[Bar, ...] = ()

    async def at(self, since_noon: timedelta = timedelta(0)) -> list[tuple[datetime, datetime]]:
        """Look so long after noon; returns what the venue was asked in this look."""
        self.tape.now = NOW + since_noon
        self.tape.asked.clear()
        self.problems.clear()
        found = await shown(self.cache, self.tape, self.tape.now, self.problems)
        self.bars = found.get(KEY, ())
        return list(self.tape.asked)

    @property
    def tail(self) -> tuple[Bar, ...] | None:
        return closed_tail(self.bars, HOUR, self.tape.now, 5)

    @property
    def opens(self) -> list[datetime]:
        return [b.open_at for b in self.bars]


# --- filling


async def test_the_lookback_is_filled_once_and_then_bar_by_bar() -> None:
    seen = Seen(Tape())
    assert await seen.at() == [(FIRST, NOW)]
    assert seen.opens == [FIRST + n * HOUR for n in range(5 + SPARE)]
    assert await seen.at(59 * MINUTE) == [], "no bar has closed since"
    assert await seen.at(HOUR) == [(NOW, NOW + HOUR)]
    assert seen.tail is not None
    assert seen.tail[-1].open_at == NOW
    assert seen.opens == [FIRST + n * HOUR for n in range(1, 6 + SPARE)], "the oldest is let go"


async def test_a_look_after_a_long_sleep_asks_for_all_that_closed_meanwhile() -> None:
    seen = Seen(Tape())
    await seen.at()
    assert await seen.at(3 * HOUR) == [(NOW, NOW + 3 * HOUR)]
    assert await seen.at(70 * HOUR) == [(NOW + (70 - 5 - SPARE) * HOUR, NOW + 70 * HOUR)]
    assert seen.opens[0] == NOW + (70 - 5 - SPARE) * HOUR
    assert seen.tail is not None


async def test_the_bar_that_is_being_traded_is_never_taken() -> None:
    tape = Tape()
    tape.forming = True
    seen = Seen(tape)
    await seen.at(30 * MINUTE)
    assert seen.opens[-1] == NOW - HOUR
    await seen.at(HOUR)
    assert seen.opens[-1] == NOW


async def test_pages_that_overlap_give_each_bar_once() -> None:
    tape = Tape()
    tape.opens = sorted([*tape.opens, *tape.opens])
    seen = Seen(tape)
    await seen.at()
    await seen.at(HOUR)
    assert seen.opens == [FIRST + n * HOUR for n in range(1, 6 + SPARE)]
    assert len(seen.cache.new) == 6 + SPARE


async def test_two_intervals_and_an_asset_nobody_lists() -> None:
    tape = Tape()
    other = Lookback(asset="ETH", interval=HOUR, bars=5)
    daily = Lookback(asset="BTC", interval=24 * HOUR, bars=2)
    cache = BarCache((LOOK, other, daily), None)
    found = await shown(cache, tape)
    assert set(found) == {KEY, (BTC_PERP, 24 * HOUR)}
    assert await shown(cache, tape, venue="side") == {}, "listed at another venue"


async def test_another_contract_is_filled_from_the_start() -> None:
    seen = Seen(Tape())
    await seen.at()
    other = "BTC/USDT:USDT-250926"
    moved = Universe(
        spot={}, futures={"BTC": Listing(venue=VENUE, instrument=make_instrument(other))}
    )
    seen.tape.asked.clear()
    found = await shown(seen.cache, seen.tape, universe=moved)
    assert list(found) == [(other, HOUR)]
    assert seen.tape.asked == [(FIRST, NOW)]


# --- storing


async def test_new_bars_are_handed_out_until_they_are_stored() -> None:
    seen = Seen(Tape())
    await seen.at()
    assert [row.bar for row in seen.cache.new] == list(seen.bars)
    assert {(r.venue, r.symbol, r.interval) for r in seen.cache.new} == {(VENUE, *KEY)}
    await seen.at(HOUR)
    assert len(seen.cache.new) == 5 + SPARE + 1, "the first commit failed"
    seen.cache.stored()
    assert seen.cache.new == ()
    await seen.at(2 * HOUR)
    assert [row.bar.open_at for row in seen.cache.new] == [NOW + HOUR]


async def test_a_restart_goes_on_from_what_was_stored() -> None:
    store, tape = MemoryStore(), Tape()
    first = Seen(tape, store)
    await first.at()
    record = make_recorded().portfolio
    await store.commit(Changes(portfolio=PORTFOLIO, record=record, bars=first.cache.new))
    again = Seen(tape, store)
    assert await again.at() == []
    assert again.bars == first.bars
    assert again.cache.new == (), "it is stored"
    later = Seen(tape, store)
    assert await later.at(3 * HOUR) == [(NOW, NOW + 3 * HOUR)]
    longer = Seen(tape, store, Lookback(asset="BTC", interval=HOUR, bars=8))
    assert await longer.at() == [(FIRST - 3 * HOUR, FIRST)], "a longer lookback needs older ones"


# --- holes


async def test_a_hole_is_asked_for_once_again_and_then_stays_a_hole() -> None:
    seen = Seen(Tape(without=(-3,)))
    await seen.at()
    assert seen.tail is None
    assert await seen.at(30 * MINUTE) == [(NOW - 3 * HOUR, NOW - 2 * HOUR)]
    assert await seen.at(31 * MINUTE) == []
    assert await seen.at(HOUR) == [(NOW, NOW + HOUR)], "only the new bar"
    assert seen.tail is None, "never filled forward"
    for hours in (2, 3):
        await seen.at(hours * HOUR)
    assert seen.tail is not None, "it has passed"


async def test_a_hole_that_the_venue_fills_later_is_healed() -> None:
    tape = Tape()
    tape.hidden = {NOW - 3 * HOUR}
    seen = Seen(tape)
    await seen.at()
    assert seen.tail is None
    tape.hidden.clear()
    await seen.at(MINUTE)
    assert seen.tail is not None
    assert seen.cache.new[-1].bar.open_at == NOW - 3 * HOUR, "to be stored like any other"


async def test_several_holes_are_asked_for_few_at_a_time() -> None:
    look = Lookback(asset="BTC", interval=HOUR, bars=12)
    gone = (-10, -8, -6, -4)
    seen = Seen(Tape(without=gone), look=look)
    await seen.at()
    holes = [(NOW + n * HOUR, NOW + (n + 1) * HOUR) for n in gone]
    assert await seen.at(MINUTE) == holes[:3]
    assert await seen.at(2 * MINUTE) == holes[3:]
    assert await seen.at(3 * MINUTE) == []


async def test_a_young_market_is_asked_about_its_past_once_again() -> None:
    seen = Seen(Tape(range(-3, 100)))
    await seen.at()
    assert await seen.at(MINUTE) == [(FIRST, NOW - 3 * HOUR)]
    assert await seen.at(2 * MINUTE) == []
    assert await seen.at(HOUR) == [(NOW, NOW + HOUR)], "its past is known to be empty"
    assert (seen.tail, seen.problems) == (None, [])
    await seen.at(2 * HOUR)
    assert seen.tail is not None


# --- late, silent and failing venues


async def test_a_bar_that_is_published_late_is_asked_for_again_at_the_next_look() -> None:
    tape = Tape()
    seen = Seen(tape)
    await seen.at()
    tape.hidden = {NOW}
    second = timedelta(seconds=1)
    assert await seen.at(HOUR + second) == [(NOW, NOW + HOUR)]
    assert seen.tail is not None, "the one before it is new enough"
    tape.hidden.clear()
    assert await seen.at(HOUR + 2 * second) == [(NOW, NOW + HOUR)]
    assert seen.opens[-1] == NOW


async def test_a_market_that_stands_still_is_not_hammered() -> None:
    tape = Tape(range(-100, 0))
    seen = Seen(tape)
    await seen.at()
    asked = [bool(await seen.at(HOUR + n * timedelta(seconds=30))) for n in range(120)]
    assert asked[:3] == [True, True, True]
    assert sum(asked) < 12
    silent = max(
        (second - first for first, second in zip(_true(asked), _true(asked)[1:], strict=False))
    )
    assert silent * timedelta(seconds=30) <= LONGEST, "nor forgotten"
    assert await seen.at(2 * HOUR) == [(NOW, NOW + 2 * HOUR)], "the next bar is another question"
    assert seen.tail is None


def _true(flags: list[bool]) -> list[int]:
    return [n for n, flag in enumerate(flags) if flag]


async def test_looks_at_one_instant_ask_once() -> None:
    seen = Seen(Tape(range(-100, 0)))
    await seen.at(HOUR)
    await seen.at(HOUR)
    assert await seen.at(HOUR) == []


async def test_a_read_that_failed_is_a_problem_until_one_succeeds() -> None:
    tape = Tape()
    seen = Seen(tape)
    await seen.at()
    tape.error = VenueError("time-out")
    wrong = [f"bars of {BTC_PERP}: time-out"]
    looks = [await seen.at(2 * HOUR + n * timedelta(seconds=10)) for n in range(60)]
    assert seen.problems == wrong
    assert len(looks[0]) == 1
    assert 3 < sum(map(bool, looks)) < 12, "asked again, and not hammered"
    assert seen.opens[-1] == NOW - HOUR, "what is known stays"
    assert seen.tail is None, "too old to look back from"
    tape.error = None
    await seen.at(3 * HOUR)
    assert seen.problems == []
    assert seen.tail is not None


async def test_a_first_fill_that_failed_in_mid_bar_is_made_up_for_within_the_bar() -> None:
    tape = Tape()
    tape.error = VenueError("time-out")
    seen = Seen(tape)
    await seen.at(50 * MINUTE)
    tape.error = None
    await seen.at(51 * MINUTE)
    assert seen.tail is not None


async def test_a_hole_whose_question_failed_is_not_given_up() -> None:
    tape = Tape()
    tape.hidden = {NOW - 3 * HOUR}
    seen = Seen(tape)
    await seen.at()
    tape.error = VenueError("time-out")
    await seen.at(MINUTE)
    tape.error = None
    tape.hidden.clear()
    await seen.at(2 * MINUTE)
    assert seen.tail is not None


async def test_a_venue_that_fails_is_not_hammered_for_its_holes() -> None:
    tape = Tape()
    tape.hidden = {NOW - 3 * HOUR}
    seen = Seen(tape)
    await seen.at()
    tape.error = VenueError("time-out")
    asked = [bool(await seen.at(MINUTE + n * timedelta(seconds=10))) for n in range(60)]
    assert 3 < sum(asked) < 12


async def test_a_key_that_is_not_accepted_ends_the_look() -> None:
    tape = Tape()
    tape.error = VenueAuthError("invalid key")
    with pytest.raises(VenueAuthError):
        await Seen(tape).at()
