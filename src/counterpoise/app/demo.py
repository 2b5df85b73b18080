"""The demo: the real daemon against the local testnet on a synthetic market with a crash and a rally in it.

Nothing is faked for it: a config file is written and loaded, the stock client trades over HTTP on loopback, rows go
to a real database in a temporary folder. What it reports at the end is read from the simulated exchange's truth log
and accounts, not from the daemon's word.
"""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

from counterpoise.app.build import open_app
from counterpoise.app.clock import WallClock
from counterpoise.app.cycle_report import CycleReport
from counterpoise.app.daemon import Daemon
from counterpoise.app.gate import pass_gate
from counterpoise.app.storage import open_storage
from counterpoise.config import Settings, load
from counterpoise.domain.message import Message
from counterpoise.domain.numbers import ONE, ZERO, dec, quantize
from counterpoise.domain.policy import PortfolioPolicy
from counterpoise.ports import Sink
from counterpoise.venue.sim import MarketKind, SimExchange
from counterpoise.venue.testnet.launch import Served, TestnetOptions, build_exchange, serving

_CONFIG = """\
store: sqlite:///demo.db
venues:
  demo:
    exchange: binance
    environment: local
    url: {url}
    clock: venue
    api_key: {api_key}
    secret: {secret}
    poll: 15m
portfolios:
  demo:
    venues: [demo]
    quote: USDT
    sleeves:
      core:      {{weight: 60%, assets: {{BTC: 100%}}, band: 2pp}}
      satellite: {{weight: 20%, assets: {{ETH: 100%}}, band: 2pp}}
      buffer:    {{weight: 20%, assets: {{USDT: 100%}}, band: 5pp}}
    strategies:
      - {{kind: hedge, id: half-btc, asset: BTC, ratio: 50%}}
      - {{kind: drift, id: keep-shape}}
    execution: {{ladder: resting, rungs: 4, spacing: 5bps, patience: 15m, max_slippage: 30bps}}
"""

#: A fixed beginning: the same seed shows the same market at any hour.
_START = datetime(2026, 1, 5, tzinfo=UTC)
#: What the demo's account starts with: about 60 / 20 / 20 at the synthetic market's first prices.
_BALANCE = "BTC=0.6667,ETH=6.667,USDT=2000,USDT@futures=18000"


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoSummary:
    """What a demo run came to, from the exchange's own log and accounts. Weights are fractions of equity."""

    cycles: int
    orders: int
    fills: int
    alerts: int
    weights_start: Mapping[str, Decimal]
    weights_end: Mapping[str, Decimal]
    targets: Mapping[str, Decimal]
    within_band: bool
    duplicates: int
    liquidations: int
    wall_s: Decimal
    market_from: datetime
    market_to: datetime
    equity_start: Decimal
    equity_end: Decimal


class _CountingSink:
    """A sink that counts what was delivered and hands it to whoever watches."""

    def __init__(self, on_alert: Callable[[Message], None]) -> None:
        self.delivered = 0
        self._on_alert = on_alert

    async def deliver(self, message: Message) -> None:
        """Count what is in it and show it."""
        self.delivered += message.count
        self._on_alert(message)


async def run_demo(
    *,
    seed: int,
    on_cycle: Callable[[CycleReport, datetime, datetime], None],
    on_alert: Callable[[Message], None],
) -> DemoSummary:
    """Run the synthetic market from its first to its last bar and return what came of it.

    ``on_cycle`` is told every report with the market's first and last instant.
    """
    wall = WallClock()
    began = wall.now()
    async with AsyncExitStack() as stack:
        exchange = build_exchange(
            TestnetOptions(synthetic=True, start=_START, seed=seed, balance=_BALANCE)
        )
        served = await stack.enter_async_context(serving(exchange, speed=ZERO))
        settings = _settings(served, stack)
        policy = settings.portfolios[0]
        start, end = exchange.now, exchange.end
        if end is None:
            raise ValueError("the synthetic market has no bars")
        before = weigh(exchange, served.api_key, policy)
        storage = await open_storage(settings, stack, migrate_to_head=True)
        app = await open_app(settings, stack, storage.store)
        await pass_gate(app, storage.store, None)
        sink = _CountingSink(on_alert)
        sinks: dict[str, Sink] = {"demo": sink}
        reports: list[CycleReport] = []

        def watch(report: CycleReport) -> None:
            reports.append(report)
            on_cycle(report, start, end)

        await Daemon(app, storage, sinks, watch).run(until=end)
        return _summary(
            exchange,
            policy,
            reports,
            before,
            weigh(exchange, served.api_key, policy),
            alerts=sink.delivered,
            market_from=start,
            wall_s=dec(f"{(wall.now() - began).total_seconds():.2f}"),
        )


def _settings(served: Served, stack: AsyncExitStack) -> Settings:
    """Write the config a user would write, in a folder that goes with ``stack``, and load it."""
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="counterpoise-demo-")))
    config = folder / "counterpoise.yaml"
    config.write_text(
        _CONFIG.format(url=served.url, api_key=served.api_key, secret=served.secret),
        encoding="utf-8",
    )
    return load(config)


def _summary(
    exchange: SimExchange,
    policy: PortfolioPolicy,
    reports: list[CycleReport],
    before: tuple[Decimal, Mapping[str, Decimal]],
    after: tuple[Decimal, Mapping[str, Decimal]],
    *,
    alerts: int,
    market_from: datetime,
    wall_s: Decimal,
) -> DemoSummary:
    """Count what the exchange's log holds; only the targets are the daemon's word (they are its wish)."""
    decisions = reports[-1].decisions if reports else None
    wanted = decisions.effective_targets if decisions is not None else {}
    targets = {a: _weight(w) for a, w in wanted.items()}
    events = exchange.log.after(0)
    placed = Counter(e["client_id"] for e in events if e["event"] == "place")
    return DemoSummary(
        cycles=len(reports),
        orders=sum(placed.values()),
        fills=sum(1 for e in events if e["event"] == "fill"),
        alerts=alerts,
        weights_start=before[1],
        weights_end=after[1],
        targets={**targets, policy.quote: ONE - sum(targets.values(), ZERO)},
        within_band=_within(policy, after[1], targets),
        duplicates=sum(n - 1 for n in placed.values()),
        liquidations=sum(1 for e in events if e["event"] == "liquidation"),
        wall_s=wall_s,
        market_from=market_from,
        market_to=exchange.now,
        equity_start=before[0],
        equity_end=after[0],
    )


def weigh(
    exchange: SimExchange, api_key: str, policy: PortfolioPolicy
) -> tuple[Decimal, dict[str, Decimal]]:
    """Return equity and effective weights by the exchange's own accounts and books."""
    account = exchange.account(api_key)
    futures = account.futures[policy.quote]
    equity = account.spot[policy.quote].free + account.spot[policy.quote].locked
    equity += futures.wallet_balance + futures.unrealized_pnl
    exposure: dict[str, Decimal] = {}
    positions = {p.symbol: p for p in account.positions}
    for asset in policy.assets:
        symbol = f"{asset}{policy.quote}"
        held = (
            account.spot[asset].free + account.spot[asset].locked if asset in account.spot else ZERO
        )
        spot, perp = exchange.book(MarketKind.SPOT, symbol), exchange.book(MarketKind.PERP, symbol)
        equity += held * spot.last
        short = positions[symbol].qty if symbol in positions else ZERO
        exposure[asset] = (held + short) * (perp.mark if perp.mark is not None else perp.last)
    weights = {asset: _weight(value / equity) for asset, value in exposure.items()}
    weights[policy.quote] = ONE - sum(weights.values(), ZERO)
    return equity, weights


def _weight(value: Decimal) -> Decimal:
    return quantize(value, dec("1e-8"))


def _within(
    policy: PortfolioPolicy, weights: Mapping[str, Decimal], targets: Mapping[str, Decimal]
) -> bool:
    """Whether every sleeve that futures can move ended inside its band."""
    for sleeve in policy.sleeves:
        assets = [a for a in sleeve.assets if a != policy.quote]
        away = sum((weights[a] - targets.get(a, ZERO) for a in assets), ZERO)
        if abs(away) > sleeve.band.width(sleeve.weight):
            return False
    return True
