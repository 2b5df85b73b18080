#!/usr/bin/env python3
"""How fast a backtest replays, and whether its time grows with the bars: ``make bench``.

A made-up market of BTC and ETH in bars of five minutes, spot and perpetual with funding, a hedge beside drift. The
engine is the live one with orders, fees, funding, hedge book and journal; loading files is not counted.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench.results import Result, keep, result, show
from counterpoise.app.backtest import BacktestOptions, prepare, run
from counterpoise.app.recorded import RecordedMarket
from counterpoise.domain.numbers import dec
from counterpoise.domain.policy import Band, PortfolioPolicy, Sleeve
from counterpoise.domain.strategy import DriftPolicy, HedgePolicy
from counterpoise.venue.sim import synthetic_market

START = datetime(2026, 1, 5, tzinfo=UTC)
BAR = timedelta(minutes=5)


def main() -> int:
    """Measure, print, keep; 0 when every target is held."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--pairs", type=int, default=7)
    parser.add_argument("--hours", type=int, default=120, help="of market, in bars of 5 minutes")
    options = parser.parse_args()
    results = measured(options.pairs, options.hours)
    show(results)
    keep(results)
    return 0 if all(r.holds for r in results) else 1


def measured(pairs: int, hours: int) -> list[Result]:
    """Replay the market in three ways, ``pairs`` times in turn."""
    single, double = market(hours), market(2 * hours)
    speeds: list[float] = []
    gained: list[float] = []
    growth: list[float] = []
    for _ in range(pairs):
        short = seconds(single)
        every = seconds(single, every_look=True)
        twice = seconds(double, every_look=True)
        speeds.append(single.bars / short)
        gained.append(every / short)
        growth.append(twice / every)
    return [
        result("replay: bars per second", "bars/s", speeds, target=1000, direction="min"),
        result("replay: every look / looks needed", "x", gained, target=1.5, direction="min"),
        result("replay: twice the bars / the bars", "x", growth, target=2.3, direction="max"),
    ]


def market(hours: int) -> RecordedMarket:
    """The made-up story over so many hours, as if it had been recorded."""
    story = synthetic_market(seed=7, start=START, hours=hours, interval=BAR)
    return RecordedMarket(
        series=story.series,
        funding=story.funding,
        start=START + timedelta(hours=1),
        end=START + timedelta(hours=hours),
        interval=BAR,
        lacks=(),
    )


def seconds(recorded: RecordedMarket, *, every_look: bool = False) -> float:
    """CPU seconds of one replay."""
    prepared = prepare(policy(), BAR, BacktestOptions(data=Path()), recorded)
    began = time.process_time()
    asyncio.run(run(prepared, lambda _: None, every_look=every_look))
    return time.process_time() - began


def policy() -> PortfolioPolicy:
    """Sleeves of 60 / 20 / 20 with a hedge of half the BTC beside drift."""
    shape = (("core", "0.6", "BTC"), ("satellite", "0.2", "ETH"), ("buffer", "0.2", "USDT"))
    return PortfolioPolicy(
        id="bench",
        venues=("sim",),
        quote="USDT",
        sleeves=tuple(
            Sleeve(id=name, weight=dec(w), assets={a: dec(1)}, band=Band(size=dec("0.03")))
            for name, w, a in shape
        ),
        strategies=(
            HedgePolicy(id="half", asset="BTC", ratio=dec("0.5")),
            DriftPolicy(id="shape"),
        ),
    )


if __name__ == "__main__":
    sys.exit(main())
