"""A small world for scenarios: a scripted market, the simulated exchange, the real cycle on a manual clock."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from counterpoise.app.clock import ManualClock
from counterpoise.app.cycle import Cycle
from counterpoise.app.cycle_report import CycleReport
from counterpoise.app.replay import replay
from counterpoise.domain.numbers import ZERO, dec
from counterpoise.domain.policy import PortfolioPolicy
from counterpoise.ports import Venue
from counterpoise.record.memory import MemoryStore
from counterpoise.venue.sim import Candle, MarketKind, Series, SimExchange, Wallet
from counterpoise.venue.sim.rules import default_rules
from counterpoise.venue.sim.venue import SimVenue

START = datetime(2026, 1, 5, tzinfo=UTC)
BAR = timedelta(minutes=5)
EVERY = timedelta(minutes=15)


def bars(closes: Sequence[Decimal | int | str], *, volume: str = "500") -> tuple[Candle, ...]:
    """Bars of five minutes: each opens at the last close and strays 0.1 % beyond its ends."""
    made: list[Candle] = []
    last = dec(closes[0])
    for number, value in enumerate(closes):
        close = dec(value)
        high, low = max(last, close), min(last, close)
        made.append(
            Candle(
                open_at=START + number * BAR,
                open=last,
                high=high + (high / 1000).quantize(dec("0.1")),
                low=low - (low / 1000).quantize(dec("0.1")),
                close=close,
                volume=dec(volume),
            )
        )
        last = close
    return tuple(made)


def line(start: int, end: int, steps: int) -> list[Decimal]:
    """``steps`` prices from ``start`` (excluded) to ``end`` (included), on the tick."""
    return [
        (dec(start) + dec(end - start) * n / steps).quantize(dec("0.1"))
        for n in range(1, steps + 1)
    ]


@dataclass(slots=True)
class World:
    """An exchange with one account, and a portfolio's records. ``reports`` collects what cycles said."""

    exchange: SimExchange
    venue: Venue
    clock: ManualClock
    api_key: str
    store: MemoryStore = field(default_factory=MemoryStore)
    reports: list[CycleReport] = field(default_factory=list)

    def cycle(self, policy: PortfolioPolicy) -> Cycle:
        """A cycle as a freshly started process would have it."""
        return Cycle(policy, {self.venue.id: self.venue}, self.store, self.clock)

    async def run(self, policy: PortfolioPolicy, hours: float) -> int:
        """Replay ``hours`` of market and return the number of cycles."""
        until = self.clock.now() + timedelta(hours=hours)
        return await replay(
            policy,
            self.venue,
            self.store,
            self.clock,
            until=until,
            every=EVERY,
            on_cycle=self.reports.append,
        )

    @property
    def last(self) -> CycleReport:
        """What the last cycle said."""
        return self.reports[-1]

    def position(self, symbol: str = "BTCUSDT") -> Decimal:
        """The exchange's own word on the position."""
        held = [p.qty for p in self.exchange.account(self.api_key).positions if p.symbol == symbol]
        return held[0] if held else ZERO

    def events(self, kind: str) -> list[dict[str, object]]:
        """Truth-log events of ``kind``."""
        return [e for e in self.exchange.log.after(0) if e["event"] == kind]

    def duplicates(self) -> int:
        """How many placements carry a client order id that an earlier one carried."""
        ids = [e["client_id"] for e in self.events("place")]
        return len(ids) - len(set(ids))


def make_world(
    btc: Sequence[Decimal | int | str],
    eth: Sequence[Decimal | int | str] = (),
    *,
    btc_qty: str = "1",
    eth_qty: str = "0",
    futures: str = "20000",
    volume: str = "500",
) -> World:
    """A market of the given closes (spot and perpetual alike) and an account in it."""
    series, rules = [], []
    for symbol, closes in (("BTCUSDT", btc), ("ETHUSDT", eth)):
        for kind in (MarketKind.SPOT, MarketKind.PERP) if closes else ():
            candles = bars(closes, volume=volume)
            series.append(Series(kind=kind.value, symbol=symbol, interval=BAR, candles=candles))
            rules.append(default_rules(symbol, kind))
    exchange = SimExchange(rules=rules, series=series, now=START)
    keys = exchange.open_account(
        {
            (Wallet.SPOT, "BTC"): dec(btc_qty),
            (Wallet.SPOT, "ETH"): dec(eth_qty),
            (Wallet.FUTURES, "USDT"): dec(futures),
        }
    )
    clock = ManualClock(START, exchange.advance)
    venue = SimVenue("sim", exchange, keys.api_key)
    return World(exchange=exchange, venue=venue, clock=clock, api_key=keys.api_key)
