"""A small simulated exchange with one account, reached by the real adapter: in process or over loopback HTTP."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any, Literal

from counterpoise.app.clock import ManualClock
from counterpoise.domain.access import Environment, Secret, VenueAccess
from counterpoise.domain.numbers import dec
from counterpoise.venue.ccxt.adapter import CcxtVenue
from counterpoise.venue.ccxt.factory import open_venue
from counterpoise.venue.sim import (
    Candle,
    FundingRate,
    FundingSeries,
    MarketKind,
    Series,
    SimExchange,
    SymbolRules,
    Wallet,
)
from counterpoise.venue.testnet.binance import HOSTS
from counterpoise.venue.testnet.http import Handler, Request
from counterpoise.venue.testnet.launch import face_of
from counterpoise.venue.testnet.server import MarketClock, listening
from counterpoise.venue.testnet.session import InProcessSession
from tests.build import NOW

Way = Literal["in process", "http"]
WAYS: tuple[Way, ...] = ("in process", "http")
PRICES = {"BTC": dec(100_000), "ETH": dec(4_000)}
DAYS = 20


@dataclass(frozen=True)
class World:
    """The exchange, its time, and how to get at it."""

    sim: SimExchange
    clock: ManualClock
    access: VenueAccess
    session: InProcessSession | None
    face: Handler

    def arm(self, kind: str, path: str, *, method: str | None = None, **rest: Any) -> str:
        """Arm a fault through the control door and return its id."""
        match = {"path": path} | ({"method": method} if method else {})
        return str(self.control("POST", "fault", {"match": match, "kind": kind, **rest})["id"])

    def fault(self, number: str) -> dict[str, Any]:
        """Return a fault as the control door lists it."""
        rows: list[dict[str, Any]] = self.control("GET", "fault")["faults"]
        return next(row for row in rows if row["id"] == number)

    def control(self, method: str, door: str, body: object = None) -> Any:
        """Return what the control door answers."""
        text = "" if body is None else json.dumps(body)
        reply = self.face.handle(Request(method=method, path=f"/_control/{door}", body=text))
        assert reply.status == 200, reply.body
        return json.loads(reply.body)

    def venue(self) -> CcxtVenue:
        return open_venue(self.access, self.clock, self.session)

    def log(self, event: str) -> list[dict[str, str | int | bool | None]]:
        return [entry for entry in self.sim.log.after(0) if entry["event"] == event]


def make_sim() -> SimExchange:
    """BTC and ETH, spot and perpetual, hourly bars that swing by 1 % and come back."""
    rules = [
        SymbolRules(
            symbol=f"{asset}USDT",
            kind=kind,
            base=asset,
            quote="USDT",
            tick_size=dec("0.1"),
            lot_size=dec("0.001"),
            min_qty=dec("0.001"),
            max_qty=dec(1000),
            min_notional=dec(5),
        )
        for asset in PRICES
        for kind in MarketKind
    ]
    series = [
        Series(
            kind="spot" if kind is MarketKind.SPOT else "perp",
            symbol=f"{asset}USDT",
            interval=timedelta(hours=1),
            candles=_bars(price),
        )
        for asset, price in PRICES.items()
        for kind in MarketKind
    ]
    funding = [
        FundingSeries(
            symbol=f"{asset}USDT",
            rates=tuple(
                FundingRate(NOW + timedelta(hours=4 + 8 * n), dec("0.0001"))
                for n in range(3 * DAYS)
            ),
        )
        for asset in PRICES
    ]
    return SimExchange(rules=rules, series=series, funding=funding, now=NOW)


def _bars(price: Decimal) -> tuple[Candle, ...]:
    high, low = price * dec("1.01"), price * dec("0.99")
    return tuple(
        Candle(NOW + timedelta(hours=n), price, high, low, price, dec(5000))
        for n in range(-1, 24 * DAYS)
    )


@asynccontextmanager
async def world(way: Way = "in process") -> AsyncIterator[World]:
    """One account with 1 BTC in spot, 50,000 USDT in each wallet."""
    sim = make_sim()
    keys = sim.open_account(
        {
            (Wallet.SPOT, "BTC"): dec(1),
            (Wallet.SPOT, "USDT"): dec(50_000),
            (Wallet.FUTURES, "USDT"): dec(50_000),
        }
    )
    face, clock = face_of(sim), ManualClock(NOW, sim.advance)
    async with AsyncExitStack() as stack:
        url = None
        if way == "http":
            still = MarketClock(sim, dec(0))
            url = await stack.enter_async_context(listening(face, still))
        access = VenueAccess(
            id="main",
            exchange="binance",
            environment=Environment.LOCAL,
            api_key=Secret(keys.api_key),
            secret=Secret(keys.secret),
            url=url,
            venue_clock=True,
        )
        session = InProcessSession(face, HOSTS, clock.sleep) if url is None else None
        yield World(sim=sim, clock=clock, access=access, session=session, face=face)
