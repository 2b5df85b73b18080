from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from counterpoise.app.clock import ManualClock, VenueClock, WallClock
from counterpoise.domain.errors import VenueError
from counterpoise.domain.numbers import ZERO, dec
from counterpoise.venue.testnet.launch import Served, serving
from tests.scenario.world import START, World, make_world

# --- a manual clock


def test_a_manual_clock_moves_only_when_told() -> None:
    clock = ManualClock(START)
    assert clock.now() == START
    clock.advance(dec("1.5"))
    assert clock.now() == START + timedelta(seconds=1, milliseconds=500)


async def test_sleeping_moves_a_manual_clock_at_once_and_tells_the_market() -> None:
    told: list[Decimal] = []
    clock = ManualClock(START, told.append)
    await clock.sleep(dec(900))
    await clock.sleep(ZERO)
    assert clock.now() == START + timedelta(minutes=15)
    assert told == [900, 0]


async def test_sleeping_on_a_manual_clock_gives_others_a_turn() -> None:
    turns: list[str] = []

    async def other() -> None:
        turns.append("other")

    task = asyncio.create_task(other())
    await ManualClock(START).sleep(dec(1))
    assert turns == ["other"]
    await task


async def test_the_wall_clock_is_aware_utc_and_can_wait_for_nothing() -> None:
    clock = WallClock()
    await clock.sleep(ZERO)
    assert clock.now().tzinfo is UTC


# --- a testnet's market time, over HTTP


@pytest.fixture
def world() -> World:
    return make_world([80_000, 81_000, 82_000, 83_000])


@pytest.fixture
async def served(world: World) -> AsyncIterator[Served]:
    async with serving(world.exchange) as made:
        yield made


@pytest.fixture
async def clock(served: Served) -> AsyncIterator[VenueClock]:
    made = VenueClock(served.url)
    await made.open()
    yield made
    await made.close()


async def test_market_time_is_known_once_opened(clock: VenueClock, world: World) -> None:
    assert clock.now() == world.exchange.now == START


async def test_market_time_is_not_guessed_before(served: Served) -> None:
    with pytest.raises(VenueError, match="before it was opened"):
        VenueClock(served.url).now()


async def test_sleeping_moves_the_market_and_its_prices(clock: VenueClock, world: World) -> None:
    await clock.sleep(dec(600))
    assert clock.now() == world.exchange.now == START + timedelta(minutes=10)
    assert world.exchange.now - START == timedelta(minutes=10)
    await clock.sleep(dec("0.25"))
    assert clock.now() == START + timedelta(minutes=10, milliseconds=250)
    await clock.sleep(ZERO)
    assert clock.now() == START + timedelta(minutes=10, milliseconds=250)


async def test_time_that_another_moved_shows_at_the_next_exchange(
    clock: VenueClock, world: World
) -> None:
    world.exchange.advance(dec(300))
    assert clock.now() == START
    await clock.sleep(ZERO)
    assert clock.now() == START + timedelta(minutes=5)


async def test_a_url_may_end_in_a_slash(served: Served) -> None:
    clock = VenueClock(f"{served.url}/")
    await clock.open()
    assert clock.now() == START
    await clock.close()


async def test_closing_twice_is_safe_and_a_closed_clock_opens_again(clock: VenueClock) -> None:
    await clock.close()
    await clock.close()
    await clock.sleep(dec(1))
    assert clock.now() == START + timedelta(seconds=1)


async def test_a_testnet_that_refuses_is_quoted(clock: VenueClock, served: Served) -> None:
    with pytest.raises(VenueError) as refusal:
        await clock.sleep(dec(-1))
    said = str(refusal.value)
    assert f"the local testnet at {served.url} refused to advance: 400" in said
    assert "expected 0 to" in said
    assert clock.now() == START, "what was known before still holds"


async def test_a_testnet_that_is_not_there_is_named() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
        clock = VenueClock(url)
        with pytest.raises(VenueError, match=f"the local testnet at {url} does not answer"):
            await clock.open()
        await clock.close()


async def test_market_time_is_exact_for_a_late_market(world: World) -> None:
    end = datetime(2026, 1, 5, 0, 19, 59, 999000, tzinfo=UTC)
    async with serving(world.exchange) as served:
        clock = VenueClock(served.url)
        await clock.sleep(dec((end - START) // timedelta(milliseconds=1)) / 1000)
        assert clock.now() == end
        await clock.close()
