from __future__ import annotations

import asyncio
from datetime import datetime, timedelta

import pytest
from structlog.testing import capture_logs

from counterpoise.app.clock import ManualClock, WallClock
from counterpoise.app.pauses import (
    OnlyRead,
    StoppedWaiting,
    lasting,
    pause_rows,
    waited_out,
    waiting_said,
)
from counterpoise.domain.access import Environment, VenueAccess
from counterpoise.record.memory import MemoryStore
from tests.build import NOW

TEN = NOW + timedelta(minutes=10)


async def test_a_start_waits_until_everything_may_be_asked_and_says_until_when() -> None:
    clock = ManualClock(NOW)
    paused = {"spot": NOW + timedelta(minutes=3), "futures": TEN, "spot orders": NOW.max}
    with capture_logs() as said:
        await waited_out("main", paused, clock, asyncio.Event())
    assert clock.now() == TEN
    ((event, venue, until),) = ((x["event"], x["venue"], x["until"]) for x in said)
    assert (event, venue, until) == ("venue_wants_a_pause", "main", "2025-06-02T12:10:00.000Z")


@pytest.mark.parametrize("paused", [{}, {"spot": NOW}, {"futures orders": TEN}, {"wallet": TEN}])
async def test_what_is_over_or_no_start_needs_keeps_none_waiting(
    paused: dict[str, object],
) -> None:
    clock = ManualClock(NOW)
    await waited_out("main", paused, clock, asyncio.Event())  # type: ignore[arg-type]  # instants
    assert clock.now() == NOW


@pytest.mark.parametrize(("minutes", "told"), [(1, 0), (2, 1)])
async def test_people_hear_of_a_long_wait_before_it_begins(minutes: int, told: int) -> None:
    clock, heard = ManualClock(NOW), []

    async def tell(venue: str, until: datetime, now: datetime) -> None:
        heard.append((venue, until, now, clock.now()))

    until = NOW + timedelta(minutes=minutes)
    await waited_out("main", {"futures": until}, clock, asyncio.Event(), tell)
    assert heard == [("main", until, NOW, NOW)] * told


async def test_a_stop_ends_the_wait() -> None:
    stop, clock = asyncio.Event(), WallClock()
    later = clock.now() + timedelta(hours=1)
    waiting = asyncio.create_task(waited_out("main", {"futures": later}, clock, stop))
    await asyncio.wait({waiting}, timeout=0.01)
    assert not waiting.done()
    stop.set()
    with pytest.raises(StoppedWaiting):
        await waiting


async def test_who_only_reads_heeds_what_is_kept_and_writes_nothing() -> None:
    store = MemoryStore()
    await store.keep_pauses("main", {"live/spot": TEN})
    reader = OnlyRead(kept=store)
    assert await reader.pauses("main") == {"live/spot": TEN}
    await reader.keep_pauses("main", {"live/spot": NOW})
    assert await store.pauses("main") == {"live/spot": TEN}


def test_pauses_that_last_are_shown() -> None:
    kept = {("main", "live/futures"): TEN, ("main", "live/spot"): NOW}
    assert pause_rows(kept, NOW) == [
        {"venue": "main", "api": "futures", "until": "2025-06-02T12:10:00.000Z"}
    ]


async def test_pauses_that_keep_a_look_waiting_are_named() -> None:
    store = MemoryStore()
    kept = {"live/futures": TEN, "live/spot": NOW, "demo/spot": TEN, "live/futures orders": TEN}
    await store.keep_pauses("main", kept)
    access = VenueAccess(
        id="main", exchange="binance", environment=Environment.LIVE, api_key=None, secret=None
    )
    said = await lasting(store, {"main": access}, ["main"], NOW)
    assert said == ("main (futures) asked for a pause until 2025-06-02 12:10:00 UTC",)


@pytest.mark.parametrize("asked", [True, False])
def test_a_person_is_told_what_a_command_waits_for(asked: bool) -> None:
    why = "asked for a pause" if asked else "has no room for more questions by our count"
    said = waiting_said("practice", "futures", TEN, asked=asked)
    assert said == f"practice (futures) {why} until 2025-06-02 12:10:00 UTC: waiting"
