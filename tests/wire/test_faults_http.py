"""Faults over real sockets: those of the testnet, and those of a proxy that breaks the connection itself.

What aiohttp makes of a broken connection over HTTP and what the in-process session raises must be the same for the
adapter, or the thousands of cases without sockets would prove nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import aiohttp
import pytest

from counterpoise.domain.errors import VenueError
from counterpoise.domain.order import Accepted, Order, PlaceOutcome, Side, Unknown
from counterpoise.venue.ccxt.adapter import CcxtVenue
from tests.build import make_order
from tests.wire.proxy import Mode, Proxy, proxied
from tests.wire.world import WAYS, Way, World, world

PATIENCE_MS = 300


@pytest.fixture(params=WAYS)
async def here(request: pytest.FixtureRequest) -> AsyncIterator[World]:
    way: Way = request.param
    async with world(way) as made:
        yield made


@pytest.fixture
async def venue(here: World) -> AsyncIterator[CcxtVenue]:
    made = here.venue()
    await made.open()
    impatient(made)
    yield made
    await made.close()


def impatient(venue: CcxtVenue) -> None:
    """Let ccxt wait for a fraction of a second, where waiting costs real time."""
    venue._wire._exchange.timeout = PATIENCE_MS


def sell(cid: str = "cp-one") -> Order:
    return make_order(Side.SELL, "0.1", "100500", client_order_id=cid)


FAULTS = {
    "timeout": {},
    "reset": {},
    "truncate": {},
    "cut": {},
    "empty": {},
    "html": {"status": 524},
    "code": {"code": -1007},
}


#: What ccxt was told by aiohttp, the same over a socket and in process.
CAUSES = {
    "timeout": {"TimeoutError", "ServerTimeoutError", "SocketTimeoutError"},
    "reset": {"ClientOSError", "ServerDisconnectedError"},
    "truncate": {"ClientPayloadError"},
}


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("kind", FAULTS)
async def test_lost_and_torn_replies_are_unknown(
    here: World, venue: CcxtVenue, kind: str, when: str
) -> None:
    fault = here.arm(kind, "/fapi/v1/order", method="POST", when=when, args=FAULTS[kind])
    outcome = await venue.place(sell())
    assert isinstance(outcome, Unknown)
    causes = CAUSES.get(kind)
    assert causes is None or any(f"({cause})" in outcome.text for cause in causes), outcome.text
    assert here.fault(fault)["struck"] == 1
    assert len(here.log("place")) == (when == "after")
    found = await venue.order(sell().symbol, "cp-one")
    assert (found is not None) is (when == "after")


async def test_a_late_reply_is_a_reply(here: World, venue: CcxtVenue) -> None:
    here.arm("delay", "/fapi/v1/order", when="after", args={"seconds": "0.1"})
    assert isinstance(await venue.place(sell()), Accepted)


async def test_a_reply_that_comes_too_late_is_unknown(here: World, venue: CcxtVenue) -> None:
    here.arm("delay", "/fapi/v1/order", when="after", args={"seconds": "0.6"})
    assert isinstance(await venue.place(sell()), Unknown)
    assert len(here.log("place")) == 1


async def test_no_time_passes_in_process_while_nothing_is_answered() -> None:
    async with world("in process") as here:
        venue = here.venue()
        await venue.open()
        here.arm("timeout", "/fapi/v1/order")
        before, began = here.clock.now(), asyncio.get_running_loop().time()
        assert isinstance(await venue.place(sell()), Unknown)
        # ccxt gives up after ten seconds: of the virtual clock
        assert (here.clock.now() - before).total_seconds() == 10
        assert asyncio.get_running_loop().time() - began < 2
        await venue.close()


@pytest.fixture
async def broken() -> AsyncIterator[tuple[World, CcxtVenue, Proxy]]:
    async with world("http") as made, proxied(str(made.access.url)) as proxy:
        venue = replace(made, access=replace(made.access, url=proxy.url)).venue()
        await venue.open()
        impatient(venue)
        yield made, venue, proxy
        await venue.close()


async def placed(venue: CcxtVenue, proxy: Proxy, mode: Mode, after: int = 0) -> PlaceOutcome:
    proxy.mode, proxy.after = mode, after
    outcome = await venue.place(sell())
    proxy.mode = Mode.CLEAR
    # a kept connection may still be in the hands of the old mode
    await proxy.end()
    return outcome


async def test_what_passes_is_not_touched(broken: tuple[World, CcxtVenue, Proxy]) -> None:
    here, venue, proxy = broken
    assert isinstance(await placed(venue, proxy, Mode.LATE), Accepted)
    assert proxy.passed > 0
    assert len(here.log("place")) == 1


@pytest.mark.parametrize(
    ("mode", "after", "arrives"),
    [
        (Mode.BLACK_HOLE, 0, True),
        (Mode.DEAF, 0, False),
        (Mode.RESET, 0, True),
        (Mode.CUT, 0, True),
        (Mode.CUT, 40, True),
        (Mode.CUT, 330, True),
        (Mode.RESET, 330, True),
    ],
)
async def test_a_broken_connection_is_unknown_whatever_arrived(
    broken: tuple[World, CcxtVenue, Proxy], mode: Mode, after: int, arrives: bool
) -> None:
    here, venue, proxy = broken
    assert isinstance(await placed(venue, proxy, mode, after), Unknown)
    assert len(here.log("place")) == arrives
    assert (await venue.order(sell().symbol, "cp-one") is not None) is arrives


async def test_a_read_through_a_black_hole_fails(broken: tuple[World, CcxtVenue, Proxy]) -> None:
    _, venue, proxy = broken
    proxy.mode = Mode.BLACK_HOLE
    with pytest.raises(VenueError):
        await venue.account()


async def test_the_door_over_http_lists_arms_and_removes() -> None:
    async with world("http") as here, aiohttp.ClientSession() as http:
        door = f"{here.access.url}/_control/fault"
        async with http.post(door, json={"kind": "nothing"}) as refused:
            assert refused.status == 400
            assert (await refused.json())["error"].startswith("kind: expected ")
        async with http.post(door, json={"kind": "timeout"}) as armed:
            number = (await armed.json())["id"]
        async with http.delete(f"{door}/{number}") as removed:
            assert await removed.json() == {"id": number, "matched": 0, "struck": 0}
