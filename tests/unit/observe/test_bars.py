from __future__ import annotations

from datetime import datetime, timedelta

from counterpoise.domain.bars import Bar, Lookback, closed_tail
from counterpoise.domain.errors import VenueError
from counterpoise.domain.numbers import dec
from counterpoise.domain.portfolio import Listing, Universe
from counterpoise.domain.records import Changes
from counterpoise.observe.bars import SPARE, BarCache
from counterpoise.record.memory import MemoryStore
from counterpoise.venue.sim import SimExchange
from counterpoise.venue.sim.venue import SimVenue
from tests.build import BTC_PERP, NOW, PORTFOLIO, VENUE, make_instrument, make_recorded

HOUR = timedelta(hours=1)
LOOK = Lookback(asset="BTC", interval=HOUR, bars=5)
PERP = Universe(spot={}, futures={"BTC": Listing(venue=VENUE, instrument=make_instrument())})
KEY = (BTC_PERP, HOUR)


class Tape(SimVenue):
    """A venue whose bars are those in ``bars`` that are closed at ``now``; writes down what it was asked."""

    def __init__(self, hours: range, *, without: tuple[int, ...] = ()) -> None:
        super().__init__(VENUE, SimExchange(rules=[], series=[], now=NOW), "nobody")
        self.now = NOW
        self.opens = [NOW + n * HOUR for n in hours if n not in without]
        self.asked: list[tuple[datetime, datetime]] = []
        self.broken = False

    async def bars(
        self, symbol: str, interval: timedelta, since: datetime, until: datetime
    ) -> tuple[Bar, ...]:
        self.asked.append((since, until))
        if self.broken:
            raise VenueError("time-out")
        return tuple(
            bar(at) for at in self.opens if since <= at < until and at + interval <= self.now
        )


def bar(at: datetime) -> Bar:
    price = dec(100 + at.hour)
    return Bar(open_at=at, open=price, high=price, low=price, close=price)


async def read(cache: BarCache, tape: Tape, hours: float = 0) -> dict[str, list[str]]:
    tape.now = NOW + hours * HOUR
    return await cache.read({VENUE: tape}, PERP, tape.now)


async def test_the_lookback_is_filled_once_and_then_bar_by_bar() -> None:
    tape, cache = Tape(range(-100, 10)), BarCache((LOOK,), None)
    assert await read(cache, tape) == {}
    assert tape.asked == [(NOW - (5 + SPARE) * HOUR, NOW)]
    assert [b.open_at for b in cache.of(VENUE)[KEY]] == [NOW - n * HOUR for n in range(8, 0, -1)]
    await read(cache, tape, 0.5)
    assert len(tape.asked) == 1, "no bar has closed since"
    await read(cache, tape, 1)
    assert tape.asked[1:] == [(NOW, NOW + HOUR)]
    tail = closed_tail(cache.of(VENUE)[KEY], HOUR, tape.now, 5)
    assert tail is not None
    assert tail[-1].open_at == NOW


async def test_new_bars_are_handed_out_once_to_be_stored() -> None:
    tape, cache = Tape(range(-100, 10)), BarCache((LOOK,), None)
    await read(cache, tape)
    assert len(cache.drained()) == 8
    assert cache.drained() == ()
    await read(cache, tape, 1)
    assert [row.bar.open_at for row in cache.drained()] == [NOW]


async def test_a_restart_goes_on_from_what_was_stored() -> None:
    store, tape = MemoryStore(), Tape(range(-100, 10))
    first = BarCache((LOOK,), store)
    await read(first, tape)
    record = make_recorded().portfolio
    await store.commit(Changes(portfolio=PORTFOLIO, record=record, bars=first.drained()))
    tape.asked.clear()
    again = BarCache((LOOK,), store)
    await read(again, tape)
    assert tape.asked == []
    assert again.of(VENUE) == first.of(VENUE)


async def test_a_hole_is_asked_for_once_more_and_then_stays_a_hole() -> None:
    tape, cache = Tape(range(-100, 10), without=(-3,)), BarCache((LOOK,), None)
    await read(cache, tape)
    assert tape.asked[1:] == [(NOW - 3 * HOUR, NOW - 2 * HOUR)]
    await read(cache, tape, 1)
    assert len(tape.asked) == 3, "only the new bar"
    assert closed_tail(cache.of(VENUE)[KEY], HOUR, tape.now, 5) is None, "never filled forward"
    await read(cache, tape, 4)
    assert closed_tail(cache.of(VENUE)[KEY], HOUR, tape.now, 5) is not None, "it has passed"


async def test_a_hole_that_the_venue_fills_later_is_healed() -> None:
    tape, cache = Tape(range(-100, 10), without=(-3,)), BarCache((LOOK,), None)
    late = NOW - 3 * HOUR
    original = tape.bars

    async def slow(
        symbol: str, interval: timedelta, since: datetime, until: datetime
    ) -> tuple[Bar, ...]:
        found = await original(symbol, interval, since, until)
        return (bar(late),) if since == late else found

    tape.bars = slow  # type: ignore[method-assign]  # the second answer is another one
    await read(cache, tape)
    assert closed_tail(cache.of(VENUE)[KEY], HOUR, tape.now, 5) is not None


async def test_a_young_market_is_too_short_and_no_error() -> None:
    tape, cache = Tape(range(-3, 10)), BarCache((LOOK,), None)
    assert await read(cache, tape) == {}
    assert closed_tail(cache.of(VENUE)[KEY], HOUR, tape.now, 5) is None


async def test_a_read_that_failed_is_named_and_made_up_for() -> None:
    tape, cache = Tape(range(-100, 10)), BarCache((LOOK,), None)
    await read(cache, tape)
    tape.broken = True
    assert await read(cache, tape, 2) == {VENUE: [f"bars of {BTC_PERP}: time-out"]}
    assert closed_tail(cache.of(VENUE)[KEY], HOUR, tape.now, 5) is None, "too old to look back from"
    tape.broken = False
    await read(cache, tape, 3)
    assert closed_tail(cache.of(VENUE)[KEY], HOUR, tape.now, 5) is not None


async def test_an_asset_nobody_lists_is_not_asked_for() -> None:
    tape = Tape(range(-100, 10))
    cache = BarCache((Lookback(asset="ETH", interval=HOUR, bars=5),), None)
    assert await read(cache, tape) == {}
    assert (tape.asked, cache.of(VENUE)) == ([], {})
