"""A venue that shows what it is told to, and a look at it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from counterpoise.app.clock import ManualClock
from counterpoise.domain.errors import VenueError
from counterpoise.domain.instrument import Instrument
from counterpoise.domain.ledger import LedgerEntry, Settlement
from counterpoise.domain.numbers import dec
from counterpoise.domain.order import Fill, Order, OrderState, VenueOrder
from counterpoise.domain.portfolio import Listing, Universe
from counterpoise.domain.records import PositionRecord, Recorded
from counterpoise.domain.snapshot import Account, Quote, Snapshot, VenueSnapshot
from counterpoise.observe.poller import Observer
from counterpoise.ports import Exchange
from counterpoise.venue.sim import SimExchange
from counterpoise.venue.sim.venue import SimVenue
from tests.build import (
    BTC_PERP,
    NOW,
    SOL_PERP,
    VENUE,
    make_account,
    make_instrument,
    make_order,
    make_policy,
    make_quote,
    make_recorded,
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
        self.ended: dict[str, Settlement] = {}
        self.listed = {s: make_instrument(s) for s in (SPOT, BTC_PERP, SOL_PERP)}
        self.errors: dict[str, VenueError] = {}
        self.asked: list[tuple[str, object]] = []

    async def _ask(self, what: str, about: object) -> None:
        self.asked.append((what, about))
        await asyncio.sleep(0)  # noqa: TID251 - a turn of the loop, as any answer takes
        if what in self.errors:
            raise self.errors[what]

    def instruments(self) -> Mapping[str, Instrument]:
        return self.listed

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

    async def settlement(self, symbol: str) -> Settlement | None:
        await self._ask(f"settlement {symbol}", None)
        return self.ended.get(symbol)

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
    """What one look at noon shows of the one venue."""
    return (await look_at({VENUE: venue}, recorded)).venues[VENUE]


async def look_at(
    venues: Mapping[str, Exchange],
    recorded: Recorded | None = None,
    at: datetime = NOW,
    **changes: Any,
) -> Snapshot:
    """One look of a new observer; ``changes`` are the policy's."""
    policy = make_policy(venues=tuple(venues), **changes)
    observer = Observer(policy, venues, None, ManualClock(at))
    return await observer.look(universe(), recorded or make_recorded())


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
