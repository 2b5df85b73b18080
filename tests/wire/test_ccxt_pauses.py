"""A pause that a venue asks for outlives the process that was told: nothing is asked before it is over."""

from __future__ import annotations

from datetime import timedelta

import pytest

from counterpoise.domain.errors import StoreError, VenueError
from counterpoise.domain.numbers import dec
from counterpoise.domain.order import NotPlaced
from counterpoise.record.memory import MemoryStore
from counterpoise.venue.ccxt.adapter import CcxtVenue
from counterpoise.venue.ccxt.factory import open_venue
from tests.build import BTC_PERP, NOW, make_order
from tests.wire.world import World, world


def born(made: World, store: MemoryStore) -> CcxtVenue:
    """The venue of a new process."""
    return open_venue(made.access, made.clock, made.session, store)


def asked(made: World) -> int:
    return len(made.log("request"))


@pytest.mark.parametrize("told_by", ["a read", "an order"])
async def test_the_next_process_asks_nothing_before_the_pause_is_over(told_by: str) -> None:
    store = MemoryStore()
    async with world() as made:
        first = born(made, store)
        await first.open()
        made.arm("rate_limit", "/fapi/*", args={"retry_after": 600})
        if told_by == "a read":
            with pytest.raises(VenueError):
                await first.open_orders([BTC_PERP])
        else:
            assert isinstance(await first.place(make_order()), NotPlaced)
        until = NOW + timedelta(minutes=10)
        assert await store.pauses("main") == {"local/futures": until}
        # killed; the next one is there at once
        second, before = born(made, store), asked(made)
        assert await second.paused() == {"futures": until}
        with pytest.raises(VenueError, match="nothing is asked before 2025-06-02 12:10:00 UTC"):
            await second.open()
        assert asked(made) == before
        made.clock.advance(dec(600))
        await second.open()
        assert await second.open_orders([BTC_PERP]) == ()
        for venue in (first, second):
            await venue.close()


async def test_what_was_told_elsewhere_under_this_name_holds_nothing_up() -> None:
    store = MemoryStore()
    await store.keep_pauses("main", {"live/futures": NOW + timedelta(days=1)})
    async with world() as made:
        venue = born(made, store)
        await venue.open()
        assert await venue.paused() == {}
        await venue.close()


async def test_a_database_that_fails_changes_nothing_of_what_an_answer_proves() -> None:
    class Broken(MemoryStore):
        async def keep_pauses(self, venue: str, pauses: object) -> None:
            raise StoreError("disk I/O error")

    async with world() as made:
        venue = born(made, Broken())
        await venue.open()
        made.arm("rate_limit", "/fapi/*", args={"retry_after": 600})
        refused = await venue.place(make_order())
        assert isinstance(refused, NotPlaced)
        assert refused.retry_after_s == 600
        before = asked(made)
        assert isinstance(await venue.place(make_order()), NotPlaced)
        assert asked(made) == before
        await venue.close()


async def test_a_ban_is_told_with_an_instant_that_people_can_read() -> None:
    async with world() as made:
        venue = born(made, MemoryStore())
        await venue.open()
        until = NOW + timedelta(minutes=3)
        words = f"Way too many requests; IP banned until {int(until.timestamp() * 1000)}."
        made.arm("code", "/fapi/*", args={"code": -1003, "msg": words, "status": 418})
        with pytest.raises(VenueError, match="banned until 2025-06-02 12:03:00 UTC"):
            await venue.open_orders([BTC_PERP])
        await venue.close()
