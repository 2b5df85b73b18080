"""A backtest: the replay of one portfolio over recorded candles, and what the simulated exchange says came of it.

Money, trades and payments are read from the exchange's truth log; equity and bands from what each look saw; the
hedges from the book that the cycle keeps. Same data, config and options give the same hash.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

from counterpoise.app.clock import ManualClock, WallClock
from counterpoise.app.cycle_report import CycleReport
from counterpoise.app.lull import Lull
from counterpoise.app.recorded import RecordedMarket, recorded_market
from counterpoise.app.replay import replay
from counterpoise.domain.errors import CounterpoiseError
from counterpoise.domain.numbers import ONE, ZERO, dec, floor_step, text
from counterpoise.domain.policy import PortfolioPolicy
from counterpoise.domain.portfolio import Broke, PortfolioView, Unvalued
from counterpoise.record.memory import MemoryStore
from counterpoise.report.backtest import BacktestReport, breaches
from counterpoise.report.curve import Point, performance
from counterpoise.report.digest import Digest
from counterpoise.report.hedges import hedge_rows
from counterpoise.report.truth import trading
from counterpoise.venue.sim import Fees, MarketKind, SimExchange, Wallet, rules_of
from counterpoise.venue.sim.venue import SimVenue
from counterpoise.venue.testnet.balances import parse_balance

_FEES = Fees()

#: Equity that a backtest without ``--balance`` starts with, in the portfolio's quote.
DEFAULT_EQUITY = dec(100_000)
_HALF = dec("0.5")
_NOWHEN = Point(datetime.min.replace(tzinfo=UTC), ZERO)

Balances = Mapping[tuple[Wallet, str], Decimal]


@dataclass(frozen=True, slots=True, kw_only=True)
class BacktestOptions:
    """What a backtest is asked for. ``balance`` is ``BTC=1,USDT=50000,USDT@futures=20000``.

    Without ``start`` and ``end`` it covers what all recordings cover. Fees are fractions.
    """

    data: Path
    start: datetime | None = None
    end: datetime | None = None
    balance: str | None = None
    fees: Fees = _FEES
    funding: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Backtest:
    """A backtest ready to run: the market is loaded and the account open. ``notes`` are lines for people."""

    policy: PortfolioPolicy
    market: RecordedMarket
    exchange: SimExchange
    balance: Balances
    every: timedelta
    options: BacktestOptions
    notes: tuple[str, ...]
    began: datetime

    @property
    def venue(self) -> str:
        """The one venue everything is traded on."""
        return self.policy.venues[0]


def prepare(
    policy: PortfolioPolicy,
    poll: timedelta,
    options: BacktestOptions,
    market: RecordedMarket | None = None,
) -> Backtest:
    """Load the market and open the account; ``poll`` is how often the portfolio would be looked at live.

    ``market`` is one that was loaded before, for many runs on the same recordings.

    Raises
    ------
    ValueError
        For an option or recording that is not as expected, saying what was expected and what was there.
    """
    began = WallClock().now()
    given = None if options.balance is None else _given(options.balance, policy)
    if market is None:
        market = recorded_market(options.data, policy, options.start, options.end)
    exchange = SimExchange(
        rules=rules_of(market.series),
        series=market.series,
        funding=market.funding if options.funding else (),
        now=market.start,
        fees=options.fees,
    )
    balance = given if given is not None else _spread(policy, exchange)
    exchange.open_account(balance)
    notes = list(market.lacks)
    if len(policy.venues) > 1:
        notes.append(f"everything is traded on {policy.venues[0]}: a backtest has one venue")
    if policy.strategies and not balance.get((Wallet.FUTURES, policy.quote)):
        notes.append(f"the futures wallet is empty: hedges need margin, {policy.quote}@futures=...")
    return Backtest(
        policy=replace(policy, venues=policy.venues[:1]),
        market=market,
        exchange=exchange,
        balance=balance,
        every=max(poll, market.interval),
        options=options,
        notes=tuple(notes),
        began=began,
    )


async def run(
    prepared: Backtest,
    on_cycle: Callable[[CycleReport], None],
    store: MemoryStore | None = None,
    *,
    every_look: bool = False,
) -> BacktestReport:
    """Replay the whole window and report; ``on_cycle`` is told every look, ``store`` keeps the rows.

    With ``every_look`` none is left out (:mod:`counterpoise.app.lull`): the same result, later.

    Raises CounterpoiseError when the portfolio never had a value.
    """
    policy, market, exchange = prepared.policy, prepared.market, prepared.exchange
    (key,) = exchange.accounts()
    store = store or MemoryStore()
    watch = _Watch(on_cycle=on_cycle, lull=Lull(policy, exchange))
    watch.digest.add("policy", policy)
    watch.digest.add("balance", {f"{a}@{w}": q for (w, a), q in prepared.balance.items()})
    watch.digest.add("fees", prepared.options.fees)
    watch.digest.add("window", (market.start, market.end, prepared.every))
    cycles = await replay(
        policy,
        SimVenue(prepared.venue, exchange, key),
        store,
        ManualClock(market.start, exchange.advance),
        until=market.end,
        every=prepared.every,
        on_cycle=watch.look,
        may_leave_out=(lambda _: False) if every_look else watch.leave_out,
    )
    if not watch.points:
        raise CounterpoiseError(
            f"portfolio {policy.id} never had a value: {'; '.join(watch.missing) or 'no look at all'}"
        )
    entries = exchange.log.after(0)
    for entry in entries:
        watch.digest.add("log", {k: v for k, v in entry.items() if v is not None})
    watch.digest.add("end", (watch.points[-1].at, watch.points[-1].equity))
    recorded = await store.load(policy.id, market.end)
    flows = [
        (f.at, f.qty * f.price)
        for f in await store.flows(policy.id, market.start)
        if f.price is not None  # an asset without a price here is not part of equity either
    ]
    return BacktestReport(
        market_from=market.start,
        market_to=market.end,
        bars=market.bars,
        cycles=cycles,
        wall_s=dec(f"{(WallClock().now() - prepared.began).total_seconds():.2f}"),
        hash=watch.digest.hex(),
        equity=performance(watch.points, flows),
        trading=trading(entries, policy.quote),
        flows=sum((value for _, value in flows), ZERO),
        band_breaches=breaches(watch.inside),
        hedges=hedge_rows(
            await store.closed_hedges(policy.id, market.start), recorded.book.values(), watch.marks
        ),
    )


@dataclass(slots=True, kw_only=True)
class _Watch:
    """What is kept of every look, which is little: a decision goes into the digest when it changes."""

    on_cycle: Callable[[CycleReport], None]
    lull: Lull
    digest: Digest = field(default_factory=Digest)
    points: list[Point] = field(default_factory=list)
    seen: Point = _NOWHEN
    inside: list[bool] = field(default_factory=list)
    missing: tuple[str, ...] = ()
    marks: Mapping[tuple[str, str], Decimal] = field(default_factory=dict)
    _decided: object = None

    def look(self, report: CycleReport) -> None:
        """Take a cycle's report in."""
        match report.view:
            case PortfolioView(equity=equity) | Broke(equity=equity):
                self.seen = Point(report.as_of, equity, _margin(report))
                self.points.append(self.seen)
            case Unvalued(missing=missing):
                self.missing = missing
        if report.within_band is not None:
            self.inside.append(report.within_band)
        self.marks = _marks(report) or self.marks
        decided = _decided(report)
        if decided != self._decided:
            self._decided = decided
            self.digest.add("decided", (report.as_of, *decided))
        self.lull.begin(report)
        self.on_cycle(report)

    def leave_out(self, now: datetime) -> bool:
        """Whether no look is needed at ``now``; equity is noted all the same."""
        if not self.lull.lasts(now):
            return False
        moved = self.lull.moved()
        if moved is not None:
            self.points.append(self._moved(now, *moved))
        return True

    def _moved(self, now: datetime, equity: Decimal, futures: Decimal) -> Point:
        """The last look's point, moved by what prices did since."""
        margin = self.seen.margin
        return Point(
            now, self.seen.equity + equity, margin + futures if margin is not None else None
        )


def _margin(report: CycleReport) -> Decimal | None:
    """The futures wallets with their unrealised PnL, in the portfolio's quote."""
    view = report.view
    accounts = [seen.account for seen in report.snapshot.venues.values()]
    if not isinstance(view, PortfolioView) or None in accounts:
        return None
    wallets = [a.futures.get(view.quote) for a in accounts if a is not None]
    return sum((w.wallet_balance + w.unrealized_pnl for w in wallets if w is not None), ZERO)


def _decided(report: CycleReport) -> tuple[object, ...]:
    held = tuple(r.code for r in report.held)
    if report.decisions is None:
        return (held,)
    made = tuple(
        (d.strategy, d.asset, d.overlay, d.granted, d.coins) for d in report.decisions.decisions
    )
    return (held, *made)


def _marks(report: CycleReport) -> dict[tuple[str, str], Decimal]:
    return {
        (name, symbol): quote.fair
        for name, seen in report.snapshot.venues.items()
        for symbol, quote in seen.quotes.items()
        if quote.fair is not None
    }


def _given(written: str, policy: PortfolioPolicy) -> Balances:
    """The balance as the option says it; only what the portfolio knows can be valued."""
    try:
        balance = parse_balance(written)
    except ValueError as error:
        raise ValueError(f"--{error}") from None
    known = (*policy.assets, policy.quote)
    for wallet, asset in balance:
        allowed = known if wallet is Wallet.SPOT else (policy.quote,)
        if asset not in allowed:
            where = "" if wallet is Wallet.SPOT else "@futures"
            raise ValueError(
                f"--balance: expected assets of the portfolio in the {wallet} wallet"
                f" ({', '.join(allowed)}), was {asset}{where}"
            )
    if not any(balance.values()):
        raise ValueError("--balance: expected at least one quantity above 0, was none")
    return balance


def _spread(policy: PortfolioPolicy, exchange: SimExchange) -> Balances:
    """:data:`DEFAULT_EQUITY` in the shape of the sleeves at the first prices; half of the quote is margin.

    Coins held elsewhere count as part of the shape.
    """
    balance: dict[tuple[Wallet, str], Decimal] = {}
    quote = DEFAULT_EQUITY * (ONE - sum(map(policy.target_weight, policy.assets), ZERO))
    for asset in policy.assets:
        symbol = f"{asset}{policy.quote}"
        kinds = {r.kind for r in exchange.rules() if r.symbol == symbol}
        kind = MarketKind.SPOT if MarketKind.SPOT in kinds else MarketKind.PERP
        price = exchange.book(kind, symbol).last
        qty = DEFAULT_EQUITY * policy.target_weight(asset) / price
        missing = max(qty - policy.holdings.get(asset, ZERO), ZERO)
        balance[Wallet.SPOT, asset] = floor_step(missing, exchange.rule(kind, symbol).lot_size)
    for wallet in (Wallet.SPOT, Wallet.FUTURES):
        balance[wallet, policy.quote] = floor_step(quote * _HALF, dec("0.01"))
    return {key: qty for key, qty in balance.items() if qty > 0}


def written(balance: Balances) -> str:
    """Return ``balance`` as the option takes it."""
    return ",".join(
        f"{asset}{'' if wallet is Wallet.SPOT else '@futures'}={text(qty)}"
        for (wallet, asset), qty in balance.items()
    )
