"""The venues that pass the contract suite, each on the same small market.

A factory opens one venue over one account of the given exchange and closes it afterwards. Whatever lies between
(nothing, or a dialect and a client), the market is the simulated exchange, so the suite can move time and look at
the truth behind the port.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from counterpoise.domain.access import Environment, Secret, VenueAccess
from counterpoise.domain.numbers import dec
from counterpoise.ports import Exchange
from counterpoise.venue.ccxt.factory import open_venue
from counterpoise.venue.sim import (
    AccountKeys,
    Candle,
    FundingRate,
    FundingSeries,
    MarketKind,
    Series,
    SimExchange,
    Wallet,
    dated_series,
    default_rules,
)
from counterpoise.venue.sim.venue import SimVenue
from counterpoise.venue.testnet.binance import HOSTS, BinanceDialect
from counterpoise.venue.testnet.server import MarketClock, listening
from counterpoise.venue.testnet.session import InProcessSession

START = datetime(2025, 1, 1, tzinfo=UTC)
HOUR, QUARTER = timedelta(hours=1), timedelta(minutes=15)
DATED_ID = "BTCUSDT_250101"
BALANCE: Mapping[tuple[Wallet, str], Decimal] = {
    (Wallet.SPOT, "BTC"): dec(2),
    (Wallet.SPOT, "USDT"): dec(400_000),
    (Wallet.FUTURES, "USDT"): dec(100_000),
}

Factory = Callable[[SimExchange, AccountKeys], AbstractAsyncContextManager[Exchange]]


def exchange() -> SimExchange:
    """BTC at 100,000, one BTC deep, at 01:00.

    The second hour trades from 99,000 to 101,000; everything else is flat. Spot is halted from 05:00 to 08:00.
    """
    flat = (100_000, 100_000, 100_000, 100_000)
    hours = [(100_000, 101_000, 99_000, 100_000) if hour == 1 else flat for hour in range(12)]
    bars = [Candle(START + HOUR * n, *map(dec, row), dec(10)) for n, row in enumerate(hours)]
    halt = {START + HOUR * hour for hour in (5, 6, 7)}
    spot = [bar for bar in bars if bar.open_at not in halt]
    return SimExchange(
        rules=[default_rules("BTCUSDT", kind) for kind in MarketKind],
        series=[
            Series(kind="spot", symbol="BTCUSDT", interval=HOUR, candles=tuple(spot)),
            Series(kind="perp", symbol="BTCUSDT", interval=HOUR, candles=tuple(bars)),
        ],
        funding=[
            FundingSeries(
                symbol="BTCUSDT",
                rates=tuple(FundingRate(START + 8 * HOUR * n, dec("0.0001")) for n in range(2)),
            )
        ],
        now=START + HOUR,
    )


def dated_exchange() -> SimExchange:
    """BTC that rises by 100 every hour from 100,000, its perpetual, and a future that ends at 08:00; at 01:00.

    The future is 36.5 % a year over the coin, so 1/24,000 of the price for every hour left. Spot's bars are of 15
    minutes: the settlement price is the mean of four closes.
    """
    ends = START + 8 * HOUR
    steps = [dec(100_000 + 25 * n) for n in range(4 * 24)]
    bars = tuple(
        Candle(START + n * QUARTER, at, at + 25, at, at + 25, dec(1000))
        for n, at in enumerate(steps)
    )
    spot = Series(kind="spot", symbol="BTCUSDT", interval=QUARTER, candles=bars)
    contract = default_rules(DATED_ID, MarketKind.PERP)
    return SimExchange(
        rules=[*(default_rules("BTCUSDT", kind) for kind in MarketKind), contract],
        series=[
            spot,
            replace(spot, kind="perp"),
            dated_series(spot, DATED_ID, ends, dec("0.365"), contract.tick_size),
        ],
        funding=[
            FundingSeries(
                symbol="BTCUSDT",
                rates=tuple(FundingRate(START + 4 * HOUR * n, dec("0.0001")) for n in range(6)),
            )
        ],
        now=START + HOUR,
    )


@asynccontextmanager
async def simulated(market: SimExchange, keys: AccountKeys) -> AsyncIterator[Exchange]:
    """The simulated exchange in process."""
    venue = SimVenue("main", market, keys.api_key)
    await venue.open()
    yield venue
    await venue.close()


class MarketTime:
    """The clock of a venue whose market the test moves by hand."""

    def __init__(self, market: SimExchange) -> None:
        self._market = market

    def now(self) -> datetime:
        return self._market.now

    async def sleep(self, seconds: Decimal) -> None:
        self._market.advance(seconds)


@asynccontextmanager
async def through_ccxt(
    market: SimExchange, keys: AccountKeys, url: str | None = None
) -> AsyncIterator[Exchange]:
    """Stock ccxt and Binance's dialect in between, in process or (with ``url``) over HTTP."""
    access = VenueAccess(
        id="main",
        exchange="binance",
        environment=Environment.LOCAL,
        api_key=Secret(keys.api_key),
        secret=Secret(keys.secret),
        url=url,
        venue_clock=True,
    )
    session = InProcessSession(BinanceDialect(market), HOSTS) if url is None else None
    venue = open_venue(access, MarketTime(market), session)
    await venue.open()
    yield venue
    await venue.close()


@asynccontextmanager
async def over_http(market: SimExchange, keys: AccountKeys) -> AsyncIterator[Exchange]:
    """The same behind a loopback socket."""
    still = MarketClock(market, dec(0))
    async with (
        listening(BinanceDialect(market), still) as url,
        through_ccxt(market, keys, url) as venue,
    ):
        yield venue


#: By the name the tests show.
FACTORIES: Mapping[str, Factory] = {
    "sim": simulated,
    "ccxt": through_ccxt,
    "ccxt over http": over_http,
}
