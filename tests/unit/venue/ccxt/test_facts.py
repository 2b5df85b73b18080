"""Slow figures: asked for rarely, believed for a while, never in the way of prices."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any, cast

import pytest

from counterpoise.app.clock import ManualClock
from counterpoise.domain.errors import VenueError
from counterpoise.domain.instrument import InstrumentKind
from counterpoise.domain.numbers import dec
from counterpoise.venue.ccxt.endpoints import Endpoint, Scope
from counterpoise.venue.ccxt.facts import Facts
from counterpoise.venue.ccxt.instruments import Listing
from counterpoise.venue.ccxt.wire import Wire
from tests.build import BTC_PERP, NOW, make_instrument

PERP = Listing(instrument=make_instrument(BTC_PERP), scope=Scope.FUTURES, id="BTCUSDT")
ODD = replace(PERP, id="ODDUSDT")
SPOT = Listing(instrument=make_instrument("BTC/USDT"), scope=Scope.SPOT, id="BTCUSDT")
DATED = Listing(
    instrument=replace(
        make_instrument(BTC_PERP), kind=InstrumentKind.FUTURE, expiry_at=NOW + timedelta(days=9)
    ),
    scope=Scope.FUTURES,
    id="BTCUSDT_250627",
)


class Venue:
    """Tells 4 hours for ODDUSDT and a volume by the length of the name; ``broken`` methods fail."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, Mapping[str, str]]] = []
        self.broken: set[str] = set()
        self.garbled: set[str] = set()
        self.hours: Any = 4

    async def ask(self, endpoint: Endpoint, params: Mapping[str, str]) -> Any:
        self.asked.append((endpoint.method, params))
        if endpoint.method in self.broken:
            raise VenueError("down")
        if endpoint.method in self.garbled:
            return {"odd": "reply"}
        if endpoint.method == "fapiPublicGetFundingInfo":
            return [{"symbol": "ODDUSDT", "fundingIntervalHours": self.hours}]
        if "symbol" in params:
            return self.row(params["symbol"])
        names = json.loads(params["symbols"]) if params else ["BTCUSDT", "ODDUSDT"]
        return [self.row(name) for name in names]

    @staticmethod
    def row(name: str) -> dict[str, str]:
        return {"symbol": name, "quoteVolume": f"{len(name)}.50"}

    def methods(self) -> list[str]:
        made = [method for method, _ in self.asked]
        self.asked.clear()
        return made


class Desk:
    def __init__(self) -> None:
        self.clock = ManualClock(NOW)
        self.venue = Venue()
        self.facts = Facts(self.clock)

    async def refresh(self, *listings: Listing) -> None:
        await self.facts.refresh(cast("Wire", self.venue), listings)

    async def wait(self, minutes: int) -> None:
        await self.clock.sleep(dec(60 * minutes))


INFO, TICKER, SPOTS = (
    "fapiPublicGetFundingInfo",
    "fapiPublicGetTicker24hr",
    "publicGetTicker24hr",
)


async def test_what_is_listed_and_what_is_not() -> None:
    desk = Desk()
    await desk.refresh(PERP, ODD, SPOT, DATED)
    assert desk.facts.funding_interval(PERP) == timedelta(hours=8)
    assert desk.facts.funding_interval(ODD) == timedelta(hours=4)
    assert desk.facts.funding_interval(SPOT) is None
    assert desk.facts.funding_interval(DATED) is None
    assert desk.facts.volume_24h(PERP) == dec("7.50")
    assert desk.facts.volume_24h(DATED) == dec("14.50")
    assert desk.facts.volume_24h(SPOT) == dec("7.50")


async def test_nothing_is_known_before_it_was_asked_for() -> None:
    desk = Desk()
    assert desk.facts.funding_interval(PERP) is None
    assert desk.facts.volume_24h(PERP) is None


async def test_a_look_costs_nothing_until_the_figures_are_old() -> None:
    desk = Desk()
    await desk.refresh(PERP, SPOT)
    assert desk.venue.methods() == [INFO, SPOTS, TICKER]
    await desk.wait(29)
    await desk.refresh(PERP, SPOT)
    assert desk.venue.methods() == []
    await desk.wait(1)
    await desk.refresh(PERP, SPOT)
    assert desk.venue.methods() == [INFO]
    await desk.wait(30)
    await desk.refresh(PERP, SPOT)
    assert desk.venue.methods() == [INFO, SPOTS, TICKER]


async def test_a_new_instrument_is_asked_for_alone() -> None:
    desk = Desk()
    await desk.refresh(PERP)
    desk.venue.methods()
    await desk.refresh(PERP, ODD)
    assert desk.venue.asked == [(TICKER, {"symbol": "ODDUSDT"})]


async def test_an_interval_may_change() -> None:
    desk = Desk()
    await desk.refresh(ODD)
    desk.venue.hours = "1"
    await desk.wait(31)
    await desk.refresh(ODD)
    assert desk.facts.funding_interval(ODD) == timedelta(hours=1)


@pytest.mark.parametrize("how", ["broken", "garbled"])
async def test_a_failure_leaves_what_was_known_for_two_hours(how: str) -> None:
    desk = Desk()
    await desk.refresh(PERP)
    getattr(desk.venue, how).update({INFO, TICKER})
    await desk.wait(119)
    await desk.refresh(PERP)
    assert desk.facts.funding_interval(PERP) == timedelta(hours=8)
    assert desk.facts.volume_24h(PERP) == dec("7.50")
    await desk.wait(1)
    await desk.refresh(PERP)
    assert desk.facts.funding_interval(PERP) is None
    assert desk.facts.volume_24h(PERP) is None


async def test_after_a_failure_the_venue_is_left_alone_for_a_minute() -> None:
    desk = Desk()
    desk.venue.broken.add(INFO)
    await desk.refresh(PERP)
    assert desk.venue.methods() == [INFO, TICKER]
    await desk.refresh(PERP)
    assert desk.venue.methods() == []
    desk.venue.broken.clear()
    await desk.wait(1)
    await desk.refresh(PERP)
    assert desk.venue.methods() == [INFO]
    assert desk.facts.funding_interval(PERP) == timedelta(hours=8)


async def test_what_trades_no_more_is_not_asked_for() -> None:
    desk = Desk()
    await desk.refresh(replace(PERP, instrument=replace(PERP.instrument, active=False)))
    assert desk.venue.methods() == []


async def test_many_contracts_are_asked_for_at_once_and_many_coins_in_twenties() -> None:
    desk = Desk()
    await desk.refresh(*(replace(PERP, id=f"C{n}USDT") for n in range(40)))
    assert desk.venue.asked == [(INFO, {}), (TICKER, {})]
    # what the answer does not name is not asked for again at once, and not known
    await desk.refresh(replace(PERP, id="C7USDT"))
    assert len(desk.venue.asked) == 2
    assert desk.facts.volume_24h(replace(PERP, id="C7USDT")) is None
    desk.venue.methods()
    await desk.refresh(*(replace(SPOT, id=f"C{n}USDT") for n in range(41)))
    assert desk.venue.methods() == [SPOTS] * 3


@pytest.mark.parametrize("hours", [0, -8, "many", None])
async def test_an_interval_that_makes_no_sense_is_not_believed(hours: object) -> None:
    desk = Desk()
    desk.venue.hours = hours
    await desk.refresh(ODD)
    assert desk.facts.funding_interval(ODD) is None
