"""A stage for worked examples: flat markets whose prices jump when told, one account, the real cycle.

Prices stand still between jumps and the spread is two ticks of a cent, so that figures come out as on paper, to
within the cents that crossing the spread costs. Fees and funding are off unless given.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from counterpoise.app.clock import ManualClock
from counterpoise.app.cycle_report import CycleReport
from counterpoise.app.replay import replay
from counterpoise.domain.hedge_book import BookLine, ClosedHedge
from counterpoise.domain.instrument import base_of, is_spot
from counterpoise.domain.numbers import ZERO, dec
from counterpoise.domain.policy import (
    Band,
    ExecutionPolicy,
    LimitsPolicy,
    PortfolioPolicy,
    Sleeve,
)
from counterpoise.domain.portfolio import PortfolioView
from counterpoise.domain.records import Changes, Recorded
from counterpoise.domain.strategy import StrategyPolicy
from counterpoise.ports import Venue
from counterpoise.record.memory import MemoryStore
from counterpoise.venue.sim import (
    Candle,
    Fees,
    FundingRate,
    FundingSeries,
    MarketKind,
    OrderKind,
    PlaceRequest,
    Series,
    Side,
    SimExchange,
    SymbolRules,
    Wallet,
    dated_series,
)
from counterpoise.venue.sim.rules import expiry_of
from counterpoise.venue.sim.venue import SimVenue

START = datetime(2026, 1, 5, tzinfo=UTC)
NO_FEES = Fees(ZERO, ZERO, ZERO, ZERO)
#: 2 bps maker and 5 bps taker on futures, as asked for; coins cost 5 bps, paid in what is received.
REAL_FEES = Fees(dec("0.0005"), dec("0.0005"), dec("0.0002"), dec("0.0005"))
TICK = dec("0.01")


def flat(
    price: Decimal, bars: int, bar: timedelta, volume: Decimal = dec(1_000_000)
) -> tuple[Candle, ...]:
    """Bars that do not move."""
    return tuple(Candle(START + n * bar, price, price, price, price, volume) for n in range(bars))


def rules(kind: MarketKind, symbol: str) -> SymbolRules:
    """Fine steps, so that no figure is lost to rounding: ticks of a cent, futures in 0.001, coins in 0.00001."""
    return SymbolRules(
        symbol=symbol,
        kind=kind,
        base=symbol.removesuffix("USDT"),
        quote="USDT",
        tick_size=TICK,
        lot_size=dec("0.00001") if kind is MarketKind.SPOT else dec("0.001"),
        min_qty=dec("0.00001") if kind is MarketKind.SPOT else dec("0.001"),
        max_qty=dec(1_000_000),
        min_notional=dec("0.5"),
    )


@dataclass(slots=True)
class Stage:
    """One account on flat markets, and what cycles said of it."""

    exchange: SimExchange
    api_key: str
    clock: ManualClock
    every: timedelta
    store: MemoryStore = field(default_factory=MemoryStore)
    reports: list[CycleReport] = field(default_factory=list)
    #: Asked after every cycle: what must hold at all times.
    watch: Callable[[CycleReport], None] = lambda _: None
    #: Stands between the cycle and the exchange: what gets lost on the way.
    wrap: Callable[[Venue], Venue] = lambda venue: venue

    async def run(self, policy: PortfolioPolicy, hours: float) -> None:
        """Let ``hours`` pass under ``policy``, as a process that starts now."""

        def seen(report: CycleReport) -> None:
            self.reports.append(report)
            self.watch(report)

        await replay(
            policy,
            self.wrap(SimVenue("sim", self.exchange, self.api_key)),
            self.store,
            self.clock,
            until=self.clock.now() + timedelta(hours=hours),
            every=self.every,
            on_cycle=seen,
        )

    def price(self, **prices: object) -> None:
        """Let markets jump: ``price(BTC=90_000)``."""
        for asset, price in prices.items():
            self.exchange.set_price(f"{asset}USDT", dec(str(price)))

    def fall(self, asset: str, percent: object) -> None:
        """Let a market move by ``percent`` (negative: fall) of where it stands."""
        book = self.exchange.book(MarketKind.PERP, f"{asset}USDT")
        self.price(**{asset: book.last * (1 + dec(str(percent)) / 100)})

    def by_hand(self, side: Side, asset: str, qty: object, kind: MarketKind) -> None:
        """Trade as the account's owner would, with a market order."""
        self.exchange.place(
            self.api_key,
            PlaceRequest(
                kind=kind,
                symbol=f"{asset}USDT",
                side=side,
                order_kind=OrderKind.MARKET,
                qty=dec(str(qty)),
            ),
        )

    async def say(self, changes: Changes) -> None:
        """Commit what somebody else (an operator) writes."""
        await self.store.commit(changes)

    async def recorded(self) -> Recorded:
        """What is remembered now."""
        return await self.store.load("p", self.clock.now())

    async def lines(self, asset: str = "BTC", *, coins: bool = False) -> dict[str, BookLine]:
        """The hedge book's lines of ``asset`` by strategy."""
        book = (await self.recorded()).book.values()
        mine = (x for x in book if base_of(x.symbol) == asset and is_spot(x.symbol) is coins)
        return {x.strategy: x for x in mine}

    async def closed(self) -> tuple[ClosedHedge, ...]:
        """Positions that ended, oldest first."""
        return await self.store.closed_hedges("p", START)

    def position(self, asset: str = "BTC") -> Decimal:
        """The exchange's own word on the futures position, over all contracts of ``asset``."""
        view = self.exchange.account(self.api_key)
        return sum((p.qty for p in view.positions if p.symbol.startswith(asset)), ZERO)

    def coins(self, asset: str) -> Decimal:
        """The exchange's own word on the spot wallet."""
        held = self.exchange.account(self.api_key).spot.get(asset)
        return held.total if held is not None else ZERO

    @property
    def equity(self) -> Decimal:
        """Coins at their last price, wallets, and what is unrealised: from the exchange alone."""
        view = self.exchange.account(self.api_key)
        coins = sum(
            (
                b.total
                * (
                    dec(1)
                    if b.asset == "USDT"
                    else self.exchange.book(MarketKind.SPOT, f"{b.asset}USDT").last
                )
                for b in view.spot.values()
            ),
            ZERO,
        )
        return coins + sum((w.margin_balance for w in view.futures.values()), ZERO)

    @property
    def last(self) -> CycleReport:
        """What the last cycle said."""
        return self.reports[-1]

    def weights(self) -> dict[str, Decimal]:
        """Effective weights in percent as the last cycle saw them, to two places, quote included."""
        view = self.last.view
        assert isinstance(view, PortfolioView), view
        found = {a: v.effective_weight for a, v in view.assets.items()}
        found[view.quote] = view.effective_quote_weight
        return {a: (w * 100).quantize(dec("0.01")) for a, w in found.items()}

    def events(self, kind: str) -> list[dict[str, object]]:
        """Truth-log events of ``kind``."""
        return [e for e in self.exchange.log.after(0) if e["event"] == kind]

    def duplicates(self) -> int:
        """Placements that carry a client order id an earlier one carried."""
        ids = [e["client_id"] for e in self.events("place")]
        return len(ids) - len(set(ids))


def make_stage(
    prices: Mapping[str, object],
    coins: Mapping[str, object],
    *,
    futures: object = 0,
    fees: Fees = NO_FEES,
    funding: object | None = None,
    funding_hours: int = 8,
    days: int = 4,
    bar: timedelta = timedelta(minutes=15),
    every: timedelta = timedelta(minutes=15),
    leverage: int = 5,
    dated: Mapping[str, object] | None = None,
    volume: object = 1_000_000,
) -> Stage:
    """A stage at ``prices`` with ``coins`` in the spot wallet and ``futures`` USDT as collateral.

    ``funding``: the rate of every instant, or a tuple of one after the other (the last one stays).
    ``dated``: venue id of a dated future (``BTCUSDT_260110``) -> its yearly basis over the coin.
    ``volume``: of every bar, base units; takers get a tenth of it.
    """
    series, listed, rates = [], [], []
    bars = int(timedelta(days=days) / bar)
    for asset, price in prices.items():
        symbol = f"{asset}USDT"
        for kind in MarketKind:
            candles = flat(dec(str(price)), bars, bar, dec(str(volume)))
            series.append(Series(kind=kind.value, symbol=symbol, interval=bar, candles=candles))
            listed.append(rules(kind, symbol))
        if funding is not None:
            step = timedelta(hours=funding_hours)
            instants = [START + n * step for n in range(int(timedelta(days=days) / step) + 1)]
            given = funding if isinstance(funding, tuple) else (funding,)
            charged = [dec(str(given[min(n, len(given) - 1)])) for n in range(len(instants))]
            rates.append(
                FundingSeries(
                    symbol=symbol,
                    rates=tuple(
                        FundingRate(at=at, rate=rate)
                        for at, rate in zip(instants, charged, strict=True)
                    ),
                )
            )
    for symbol, basis in (dated or {}).items():
        pair = symbol.partition("_")[0]
        expiry_at = expiry_of(symbol)
        assert expiry_at is not None
        coin = next(s for s in series if (s.kind, s.symbol) == ("spot", pair))
        series.append(dated_series(coin, symbol, expiry_at, dec(str(basis)), TICK))
        perp = rules(MarketKind.PERP, pair)
        listed.append(replace(perp, symbol=symbol, expiry_at=expiry_at))
    exchange = SimExchange(rules=listed, series=series, funding=rates, now=START, fees=fees)
    keys = exchange.open_account(
        {
            **{(Wallet.SPOT, a): dec(str(q)) for a, q in coins.items()},
            (Wallet.FUTURES, "USDT"): dec(str(futures)),
        }
    )
    for symbol in (*(f"{asset}USDT" for asset in prices), *(dated or {})):
        exchange.set_leverage(keys.api_key, symbol, leverage)
    clock = ManualClock(START, exchange.advance)
    return Stage(exchange=exchange, api_key=keys.api_key, clock=clock, every=every)


def make_shape(
    *strategies: StrategyPolicy,
    shape: Mapping[str, tuple[object, Iterable[str]]] | None = None,
    band: object = "0.05",
    **changes: object,
) -> PortfolioPolicy:
    """A portfolio ``p`` on the stage: sleeve -> (weight in percent, its assets in equal parts)."""
    asked = shape or {"core": (80, ["BTC"]), "buffer": (20, ["USDT"])}
    sleeves = []
    for name, (weight, assets) in asked.items():
        each = list(assets)
        sleeves.append(
            Sleeve(
                id=name,
                weight=dec(str(weight)) / 100,
                assets={a: dec(1) / len(each) for a in each},
                band=Band(size=dec(str(band))),
            )
        )
    made: dict[str, object] = {
        "id": "p",
        "venues": ("sim",),
        "quote": "USDT",
        "sleeves": tuple(sleeves),
        "strategies": strategies,
        "execution": ExecutionPolicy(rungs=5, spacing=ZERO, patience=timedelta(minutes=1)),
        "limits": LimitsPolicy(max_turnover_24h=dec(100), max_leverage=dec(10)),
        **changes,
    }
    return PortfolioPolicy(**made)  # type: ignore[arg-type]  # keyword table of one dataclass
