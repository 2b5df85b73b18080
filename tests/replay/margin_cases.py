"""Hedged BTC and ETH through markets that liquidate hedges: what the margin guard moves, cuts and keeps.

At a venue leverage of L the futures wallet begins with 1/L of what will be shorted, the rest of the cash lies in the
spot wallet: left alone, a rise of a little less than 1/L ends such a hedge.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

from counterpoise.app.backtest import BacktestOptions, prepare, run
from counterpoise.app.cycle_report import CycleReport
from counterpoise.domain.numbers import ZERO, dec
from counterpoise.domain.policy import (
    Band,
    LimitsPolicy,
    MarginPolicy,
    PortfolioPolicy,
    Sleeve,
)
from counterpoise.domain.portfolio import PortfolioView
from counterpoise.domain.strategy import HedgePolicy
from counterpoise.domain.transfer import Purse, TransferState
from counterpoise.record.memory import MemoryStore
from tests.replay.cases import Window
from tests.replay.replayed import POLL, market_of

ASSETS = ("BTC", "ETH")


def at(year: int, month: int, day: int, hour: int = 0) -> datetime:
    """Return an instant in UTC."""
    return datetime(year, month, day, hour, tzinfo=UTC)


#: Crashes with their rebounds, and rises in which shorts lose.
MARGIN_WINDOWS = (
    Window(name="2020-03-12", start=at(2020, 3, 12), end=at(2020, 3, 21), assets=ASSETS),
    Window(name="2020-03-13", start=at(2020, 3, 13, 3), end=at(2020, 3, 21), assets=ASSETS),
    Window(name="2021-02", start=at(2021, 2, 1), end=at(2021, 3, 1), assets=ASSETS),
    Window(name="2021-05", start=at(2021, 5, 19, 14), end=at(2021, 6, 10), assets=ASSETS),
    Window(name="2024-08", start=at(2024, 8, 5, 7), end=at(2024, 8, 26), assets=ASSETS),
    Window(
        name="rally 2020-10..2021-04", start=at(2020, 10, 1), end=at(2021, 4, 15), assets=ASSETS
    ),
)
LEVERAGES = (3, 5, 10)


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """What became of one hedged portfolio."""

    window: str
    leverage: int
    guarded: bool
    liquidations: int
    top_ups: int
    moved_in: Decimal
    swept: Decimal
    nearest: Decimal | None
    """The smallest distance to liquidation that a look saw."""
    gap: Decimal
    """The largest part of equity by which the hedge was smaller than asked for."""
    refused: int
    """Looks in which something was refused for want of collateral."""
    orders: int
    equity: tuple[Decimal, Decimal]


def hedged(*, guarded: bool, may_sell: tuple[str, ...] = ()) -> PortfolioPolicy:
    """BTC and ETH, hedged in full, and a third of equity in cash."""
    sleeves = (
        Sleeve(
            id="core",
            weight=dec("0.65"),
            assets={"BTC": dec("0.7"), "ETH": dec("0.3")},
            band=Band(size=dec(1)),
        ),
        Sleeve(id="buffer", weight=dec("0.35"), assets={"USDT": dec(1)}, band=Band(size=dec(1))),
    )
    return PortfolioPolicy(
        id="hedged",
        venues=("sim",),
        quote="USDT",
        sleeves=sleeves,
        strategies=tuple(HedgePolicy(id=f"full-{a}", asset=a, ratio=dec(1)) for a in ASSETS),
        limits=LimitsPolicy(max_turnover_24h=dec(100), max_leverage=dec(10)),
        margin=MarginPolicy(may_sell=may_sell) if guarded else None,
    )


def kept(
    folder: Path,
    window: Window,
    leverage: int,
    *,
    guarded: bool,
    may_sell: tuple[str, ...] = (),
    equity: int = 1_000_000,
) -> Kept:
    """Replay one hedged portfolio and say what became of it."""
    market = market_of(folder, window)
    prices = {
        s.symbol.removesuffix("USDT"): next(c.open for c in s.candles if c.open_at >= window.start)
        for s in market.series
        if s.kind == "spot"
    }
    policy = hedged(guarded=guarded, may_sell=may_sell)
    shorts = equity * dec("0.65")
    wallet = (shorts / leverage).quantize(dec(1))
    coins = {a: equity * policy.target_weight(a) / prices[a] for a in ASSETS}
    cash = equity * dec("0.35") - wallet
    balance = ",".join(
        [
            *(f"{a}={q.quantize(dec('0.001'))}" for a, q in coins.items()),
            f"USDT={cash.quantize(dec(1))}",
        ]
    )
    options = BacktestOptions(
        data=folder,
        start=window.start,
        end=window.end,
        balance=f"{balance},USDT@futures={wallet}",
    )
    prepared = prepare(policy, POLL, options, market)
    (key,) = prepared.exchange.accounts()
    for asset in ASSETS:
        prepared.exchange.set_leverage(key, f"{asset}USDT", leverage)
    seen = _Seen()
    store = MemoryStore()
    asyncio.run(run(prepared, seen.look, store))
    events = prepared.exchange.log.after(0)
    return Kept(
        window=window.name,
        leverage=leverage,
        guarded=guarded,
        liquidations=sum(e["event"] == "liquidation" for e in events),
        top_ups=seen.top_ups,
        moved_in=seen.moved_in,
        swept=seen.swept,
        nearest=seen.nearest,
        gap=seen.gap,
        refused=seen.refused,
        orders=sum(e["event"] == "place" for e in events),
        equity=(seen.first, seen.last),
    )


@dataclass(slots=True)
class _Seen:
    """Sums over the looks of one replay."""

    top_ups: int = 0
    moved_in: Decimal = ZERO
    swept: Decimal = ZERO
    nearest: Decimal | None = None
    gap: Decimal = ZERO
    refused: int = 0
    first: Decimal = ZERO
    last: Decimal = ZERO
    opened: bool = False

    def look(self, report: CycleReport) -> None:
        """Take one look in."""
        for transfer in report.transfers:
            if transfer.state is not TransferState.DONE:
                continue
            if transfer.source is Purse.SPOT:
                self.top_ups += 1
                self.moved_in += transfer.qty
            else:
                self.swept += transfer.qty
        for check in report.margin.checks:
            adverse = check.distance.adverse
            if adverse is not None:
                self.nearest = adverse if self.nearest is None else min(self.nearest, adverse)
        self.refused += any(r.guard == "margin" for r in report.refused)
        if isinstance(report.view, PortfolioView):
            self.first = self.first or report.view.equity
            self.last = report.view.equity
            exposed = sum((abs(a.effective_weight) for a in report.view.assets.values()), ZERO)
            # the first looks open the hedge: what is missing then is no gap
            self.opened = self.opened or exposed < dec("0.02")
            if self.opened:
                self.gap = max(self.gap, exposed)
