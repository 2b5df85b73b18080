"""Dated futures from end to end: the app, the real adapter with stock ccxt, Binance's dialect, the exchange's log."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from decimal import Decimal

from counterpoise.app.cycle_report import CycleReport
from counterpoise.domain.access import Environment, Secret, VenueAccess
from counterpoise.domain.numbers import ZERO, dec
from counterpoise.ports import Venue
from counterpoise.venue.ccxt.factory import open_venue
from counterpoise.venue.testnet.binance import HOSTS, BinanceDialect
from counterpoise.venue.testnet.face import Request, Response
from counterpoise.venue.testnet.session import InProcessSession
from tests.scenario.stage import Stage
from tests.scenario.test_dated_futures import hedged, held, staged

SOON, SOON_PERP = (
    "BTCUSDT_260107",
    "BTC/USDT:USDT-260107",
)  # two days and eight hours after the start


@dataclass(frozen=True)
class Watched:
    """The dialect, and what it was asked: ``METHOD /path``."""

    inner: BinanceDialect
    asked: list[str] = field(default_factory=list)

    def handle(self, request: Request) -> Response:
        self.asked.append(f"{request.method} {request.path}")
        return self.inner.handle(request)


@asynccontextmanager
async def through_ccxt(stage: Stage) -> AsyncIterator[list[str]]:
    """Let ``stage`` trade as on Binance; every run connects anew, as a process that starts does.

    Yields the requests, which grow as they are made.
    """
    secret = stage.exchange.secret_of(stage.api_key)
    assert secret is not None
    access = VenueAccess(
        id="sim",
        exchange="binance",
        environment=Environment.LOCAL,
        api_key=Secret(stage.api_key),
        secret=Secret(secret),
        url=None,
        venue_clock=True,
    )
    dialect = Watched(BinanceDialect(stage.exchange))
    opened: list[Venue] = []

    def connect(_: Venue) -> Venue:
        opened.append(open_venue(access, stage.clock, InProcessSession(dialect, HOSTS)))
        return opened[-1]

    stage.wrap = connect
    yield dialect.asked
    for venue in opened:
        await venue.close()


def trouble(stage: Stage) -> list[str]:
    return [p for report in stage.reports for p in report.snapshot.problems]


async def test_what_was_not_rolled_is_settled_and_opened_anew() -> None:
    stage = await staged(**{SOON: "0.5"})
    policy = hedged(roll_days=0)
    async with through_ccxt(stage):
        await stage.run(policy, hours=3)
        assert held(stage) == {SOON: -1}
        await stage.run(policy, hours=2 * 24 + 6)
    assert len(stage.events("settlement")) == 1
    assert held(stage) == {"BTCUSDT": -1}
    (ended,) = [c for c in await stage.closed() if c.symbol == SOON_PERP]
    (filled, _) = stage.events("fill")
    assert (ended.entry, ended.exit) == (dec(str(filled["price"])), 100_000)
    assert ended.price_pnl == dec(str(filled["price"])) - 100_000
    # the last hours were in the perpetual, whose funding the short received
    paid = sum((dec(str(e["qty"])) for e in stage.events("funding")), ZERO)
    assert stage.equity == 160_000 + ended.price_pnl + paid - dec("0.01")
    assert [a for r in stage.reports for a in r.alerts if a.kind == "position"] == []
    assert trouble(stage) == []


async def test_a_roll_is_never_unhedged_by_more_than_a_rung() -> None:
    stage = await staged(**{SOON: "0.5"})
    policy = hedged(roll_days=1)
    sums: list[Decimal] = []

    def look(report: CycleReport) -> None:
        account = report.snapshot.venues["sim"].account
        assert account is not None
        sums.append(sum((p.qty for p in account.positions.values()), ZERO))

    async with through_ccxt(stage):
        await stage.run(policy, hours=3)
        assert held(stage) == {SOON: -1}
        stage.watch = look
        await stage.run(policy, hours=30)
    assert held(stage) == {"BTCUSDT": -1}
    assert all(-1 - dec("0.2") <= s <= -1 for s in sums)
    assert (stage.duplicates(), stage.events("settlement"), stage.events("reject")) == (0, [], [])
    assert trouble(stage) == []
