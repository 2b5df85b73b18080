"""Bars: all pages, only closed ones by the venue's time, at the documented price."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, cast

import pytest

from counterpoise.domain.bars import Bar
from counterpoise.domain.errors import VenueError
from counterpoise.venue.ccxt import endpoints as ask
from counterpoise.venue.ccxt import klines
from counterpoise.venue.ccxt.endpoints import Endpoint, Scope
from counterpoise.venue.ccxt.instants import from_ms, to_ms
from counterpoise.venue.ccxt.instruments import Listing
from counterpoise.venue.ccxt.wire import Wire
from tests.build import BTC_PERP, NOW, make_instrument

HOUR = timedelta(hours=1)
HOUR_MS = 3_600_000
PERP = Listing(instrument=make_instrument(BTC_PERP), scope=Scope.FUTURES, id="BTCUSDT")
SPOT = Listing(instrument=make_instrument("BTC/USDT"), scope=Scope.SPOT, id="BTCUSDT")


def row(open_ms: int) -> list[Any]:
    return [
        open_ms,
        "1.10",
        "1.30",
        "1.00",
        "1.20",
        "7.5",
        open_ms + HOUR_MS - 1,
        "9",
        3,
        "4",
        "5",
        "0",
    ]


class Venue:
    """Has a bar at every hour except ``holes``; answers the first ``limit`` of the span, the forming one too."""

    def __init__(self, *, holes: frozenset[int] = frozenset(), now: datetime = NOW) -> None:
        self.asked: list[tuple[Endpoint, Mapping[str, str]]] = []
        self.holes = holes
        self.now = now

    def venue_now(self) -> datetime:
        return self.now

    async def read(self, endpoint: Endpoint, params: Mapping[str, str]) -> Any:
        self.asked.append((endpoint, params))
        start, end = int(params["startTime"]), min(int(params["endTime"]), to_ms(self.now))
        first = -(-start // HOUR_MS) * HOUR_MS
        found = [at for at in range(first, end + 1, HOUR_MS) if at not in self.holes]
        return [row(at) for at in found[: int(params["limit"])]]


async def bars(
    venue: Venue, since: datetime, until: datetime, listing: Listing = PERP
) -> list[Bar]:
    return list(await klines.bars_between(cast("Wire", venue), listing, HOUR, since, until))


async def test_a_row_is_read_exactly() -> None:
    (one,) = await bars(Venue(), NOW - HOUR, NOW)
    assert one == Bar(
        open_at=NOW - HOUR,
        open=Decimal("1.10"),
        high=Decimal("1.30"),
        low=Decimal("1.00"),
        close=Decimal("1.20"),
        volume=Decimal("7.5"),
    )


async def test_the_forming_bar_is_left_out_to_the_millisecond() -> None:
    almost = Venue(now=NOW - timedelta(milliseconds=1))
    assert [b.open_at for b in await bars(almost, NOW - 3 * HOUR, NOW + HOUR)] == [
        NOW - 3 * HOUR,
        NOW - 2 * HOUR,
    ]
    found = await bars(Venue(), NOW - 3 * HOUR, NOW + HOUR)
    assert found[-1].open_at == NOW - HOUR


@pytest.mark.parametrize("hours", [1, 99, 1000, 1001, 2500])
@pytest.mark.parametrize("listing", [SPOT, PERP])
async def test_any_length_is_read_whole(hours: int, listing: Listing) -> None:
    venue = Venue()
    found = await bars(venue, NOW - hours * HOUR, NOW, listing)
    assert [b.open_at for b in found] == [NOW - n * HOUR for n in range(hours, 0, -1)]
    assert len(venue.asked) == -(-hours // 1000)


async def test_holes_do_not_end_the_reading() -> None:
    start_ms = to_ms(NOW) - 2500 * HOUR_MS
    holes = frozenset(range(start_ms + 10 * HOUR_MS, start_ms + 60 * HOUR_MS, HOUR_MS))
    found = await bars(Venue(holes=holes), from_ms(start_ms), NOW)
    assert len(found) == 2450
    assert len({b.open_at for b in found}) == 2450


async def test_nothing_closed_asks_nothing() -> None:
    venue = Venue()
    assert await bars(venue, NOW - HOUR / 2, NOW + HOUR) == []
    assert await bars(venue, NOW, NOW - HOUR) == []
    assert venue.asked == []


async def test_a_venue_that_repeats_itself_is_an_error_not_a_loop() -> None:
    class Stuck(Venue):
        async def read(self, endpoint: Endpoint, params: Mapping[str, str]) -> Any:
            del endpoint
            return [row(to_ms(NOW) - 5000 * HOUR_MS)] * int(params["limit"])

    with pytest.raises(VenueError, match="expected bars from"):
        await bars(Stuck(), NOW - 2000 * HOUR, NOW)


@pytest.mark.parametrize("reply", [{"code": 1}, [[1, "2"]], [["x", *"12345"]], [[5, "a", *"2345"]]])
async def test_a_garbled_reply_is_a_venue_error(reply: Any) -> None:
    class Garbled(Venue):
        async def read(self, endpoint: Endpoint, params: Mapping[str, str]) -> Any:
            del endpoint, params
            return reply

    with pytest.raises(VenueError, match="klines: the reply"):
        await bars(Garbled(), NOW - HOUR, NOW)


async def test_an_interval_that_is_not_offered_is_refused_for_good() -> None:
    with pytest.raises(VenueError, match=r"expected bars of 1m, .*, was 0:07:00") as caught:
        await klines.bars_between(
            cast("Wire", Venue()), PERP, timedelta(minutes=7), NOW - HOUR, NOW
        )
    assert not caught.value.retryable


@pytest.mark.parametrize(
    ("limit", "weight"), [(1, 1), (99, 1), (100, 2), (499, 2), (500, 5), (1000, 5), (1001, 10)]
)
def test_futures_weigh_by_how_much_is_asked(limit: int, weight: int) -> None:
    assert ask.klines(Scope.FUTURES, limit).weight == weight
    assert ask.klines(Scope.SPOT, limit).weight == 2
