"""One case replayed over one window, and what a judge needs of it: the exchange's log, and what each look saw."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import cache
from pathlib import Path

from counterpoise.app.backtest import Backtest, BacktestOptions, prepare, run
from counterpoise.app.cycle_report import CycleReport
from counterpoise.app.recorded import RecordedMarket, recorded_market
from counterpoise.domain.guarding import MARGIN
from counterpoise.domain.hedge_book import BookLine, ClosedHedge
from counterpoise.domain.numbers import ZERO
from counterpoise.domain.portfolio import PortfolioView
from counterpoise.domain.records import TradingState
from counterpoise.domain.transfer import Purse, TransferState
from counterpoise.record.memory import MemoryStore
from counterpoise.report.backtest import BacktestReport
from tests.replay.cases import Case, Scene, Window, portfolio

POLL = timedelta(seconds=30)
_MS = timedelta(milliseconds=1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What is judged of one cycle."""

    at: datetime
    within_band: bool | None
    held: tuple[str, ...]
    sent: int
    reasons: tuple[tuple[str, str, str], ...]  # strategy, asset, code
    exposures: tuple[tuple[str, Decimal], ...]
    refused: tuple[str, ...]
    guarded: bool
    """Whether the margin guard kept futures smaller than strategies wanted, or closed them for good."""
    moved_in: Decimal
    """Collateral moved into the futures wallet (out of it, below 0)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Replayed:
    """A replay that ended."""

    prepared: Backtest
    report: BacktestReport
    looks: Sequence[Look]
    lines: tuple[BookLine, ...]
    closed: tuple[ClosedHedge, ...]

    def events(self, kind: str) -> list[dict[str, str | int | bool | None]]:
        """The truth log's events of one kind."""
        return [e for e in self.prepared.exchange.log.after(0) if e["event"] == kind]

    def position(self, symbol: str) -> Decimal:
        """The exchange's word on a position."""
        (key,) = self.prepared.exchange.accounts()
        held = {p.symbol: p.qty for p in self.prepared.exchange.account(key).positions}
        return held.get(symbol, ZERO)


@cache
def market_of(folder: Path, window: Window) -> RecordedMarket:
    """The recordings of one window, loaded once in a process."""
    return recorded_market(folder, portfolio(window.assets, ()), window.start, window.end)


def scene_of(market: RecordedMarket, window: Window) -> Scene:
    """The window with each asset's first price in it."""
    prices = {
        each.symbol.removesuffix("USDT"): next(
            c.open for c in each.candles if c.open_at >= window.start
        )
        for each in market.series
        if each.kind == "spot"
    }
    return Scene(window=window, prices=prices)


def replayed(
    folder: Path,
    window: Window,
    case: Case,
    balance: str | None = None,
    *,
    every_look: bool = False,
) -> Replayed:
    """Replay ``case`` over ``window``, in the sleeves' shape unless told otherwise."""
    market = market_of(folder, window)
    policy = portfolio(window.assets, case.strategies(scene_of(market, window)))
    options = BacktestOptions(data=folder, start=window.start, end=window.end, balance=balance)
    prepared = prepare(policy, POLL, options, market)
    store = MemoryStore()
    looks: list[Look] = []
    report = asyncio.run(
        run(prepared, lambda cycle: looks.append(_look(cycle)), store, every_look=every_look)
    )
    recorded = asyncio.run(store.load(policy.id, window.end))
    closed = asyncio.run(store.closed_hedges(policy.id, window.start))
    return Replayed(
        prepared=prepared,
        report=report,
        looks=looks,
        lines=tuple(recorded.book.values()),
        closed=closed,
    )


def _look(cycle: CycleReport) -> Look:
    decided = cycle.decisions.decisions if cycle.decisions is not None else ()
    assets = cycle.view.assets if isinstance(cycle.view, PortfolioView) else {}
    return Look(
        at=cycle.as_of,
        within_band=cycle.within_band,
        held=tuple(r.code for r in cycle.held),
        sent=len(cycle.results),
        reasons=tuple((d.strategy, d.asset, d.reason.code) for d in decided),
        exposures=tuple((a, v.exposure_qty) for a, v in assets.items()),
        refused=tuple(r.reason.code for r in cycle.refused),
        guarded=bool(cycle.margin.caps or cycle.margin.stops)
        or cycle.state is not TradingState.RUN
        or any(r.guard == MARGIN for r in cycle.refused),
        moved_in=sum(
            (
                t.qty if t.target is Purse.FUTURES else -t.qty
                for t in cycle.transfers
                if t.state is TransferState.DONE
            ),
            ZERO,
        ),
    )


def instant(event: dict[str, str | int | bool | None]) -> datetime:
    """When an event of the log happened."""
    return _EPOCH + int(str(event["at"])) * _MS


def halts(market: RecordedMarket) -> list[tuple[datetime, datetime]]:
    """When a spot pair of the market did not trade though it did before and after: (closed, open again)."""
    found: set[tuple[datetime, datetime]] = set()
    for each in market.series:
        if each.kind == "spot":
            for before, after in zip(each.candles, each.candles[1:], strict=False):
                closed = before.open_at + each.interval
                if after.open_at > closed and market.start <= closed < market.end:
                    found.add((closed, after.open_at))
    return sorted(found)


def outside(looks: Sequence[Look]) -> list[tuple[datetime, timedelta]]:
    """Stretches outside the band: when each began, and how long it lasted while data was fresh and margin enough.

    What a guard refuses for want of margin is no failing of the strategy: it says how much is missing.
    """
    found: list[tuple[datetime, timedelta]] = []
    began: datetime | None = None
    lasted = timedelta(0)
    for look, after in zip(looks, [*looks[1:], replace(looks[-1])], strict=True):
        if look.within_band:
            if began is not None:
                found.append((began, lasted))
            began, lasted = None, timedelta(0)
        elif look.within_band is False:
            began = began or look.at
            short = look.guarded or "margin_short" in look.refused
            lasted += timedelta(0) if short else after.at - look.at
    return [*found, (began, lasted)] if began is not None else found
