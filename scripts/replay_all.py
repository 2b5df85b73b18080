#!/usr/bin/env python3
"""Replay every kind of strategy over all recorded years and judge each run by the exchange's log: ``make replay-all``.

    .venv/bin/python scripts/replay_all.py
    .venv/bin/python scripts/replay_all.py --case drift --window 2021

The cases are those of tests/replay/cases.py, over half years of BTC, ETH, ADA and XRP (and SOL from 2024 on), so
that their levels follow the market. Ends with 1 when a run fails or breaks a promise.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.replay.cases import CASES, Case, Window  # noqa: E402 - the path comes first
from tests.replay.judged import judged  # noqa: E402 - as above
from tests.replay.replayed import replayed  # noqa: E402 - as above

MARKET = Path(os.environ.get("COUNTERPOISE_SHARED", ROOT.parent / "shared")) / "market"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ran:
    """One case over one window."""

    case: str
    window: str
    looks: int = 0
    bars: int = 0
    orders: int = 0
    fills: int = 0
    breaches: int = 0
    hedges: int = 0
    seconds: float = 0.0
    wrong: tuple[str, ...] = ()


def main() -> int:
    """Run all, print a table per case and what broke a promise."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--case", help="only cases whose name holds this")
    parser.add_argument("--window", help="only windows whose name holds this")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    options = parser.parse_args()
    if not MARKET.is_dir():
        print(f"needs {MARKET}: recorded markets", file=sys.stderr)
        return 1
    pairs = [
        (window, case.name)
        for window in windows()
        if (options.window or "") in window.name
        for case in CASES
        if (options.case or "") in case.name
    ]
    began = time.monotonic()
    runs: list[Ran] = []
    with ProcessPoolExecutor(options.jobs) as pool:
        for ran in pool.map(one, *zip(*pairs, strict=True)):
            runs.append(ran)
            for line in ran.wrong:
                print(f"{ran.case} over {ran.window}: {line}", flush=True)
            if sys.stderr.isatty():
                print(f"\r{len(runs)} of {len(pairs)}", end="", file=sys.stderr, flush=True)
    table(runs)
    wrong = sum(len(ran.wrong) for ran in runs)
    wall = time.monotonic() - began
    print(
        f"{len(runs)} replays in {wall:.0f} s on {options.jobs} processes; {wrong} promises broken"
    )
    return 1 if wrong else 0


def windows() -> Iterator[Window]:
    """Half years from the first on in which all four have perpetuals."""
    four = ("BTC", "ETH", "ADA", "XRP")
    starts = [datetime(y, m, 1, tzinfo=UTC) for y in range(2020, 2026) for m in (1, 7)]
    starts[0] = datetime(2020, 2, 1, tzinfo=UTC)
    for start, end in pairwise(starts):
        yield Window(
            name=f"{start.year}-h{1 if start.month < 7 else 2}",
            start=start,
            end=end,
            assets=(*four, "SOL") if start.year >= 2024 else four,
        )


def one(window: Window, name: str) -> Ran:
    """Replay one case; what it raises is told as a broken promise."""
    case: Case = next(c for c in CASES if c.name == name)
    began = time.process_time()
    try:
        replay = replayed(MARKET, window, case)
    except Exception as error:  # noqa: BLE001 - one failure must not hide the others
        told = f"{type(error).__name__}: {error}"
        return Ran(case=name, window=window.name, wrong=(told,))
    report = replay.report
    return Ran(
        case=name,
        window=window.name,
        looks=report.cycles,
        bars=report.bars,
        orders=report.trading.orders,
        fills=report.trading.fills,
        breaches=report.band_breaches,
        hedges=len(report.hedges),
        seconds=time.process_time() - began,
        wrong=tuple(judged(replay)),
    )


def table(runs: list[Ran]) -> None:
    """Print one line per case, over all windows."""
    columns = ("bars", "looks", "orders", "fills", "breaches", "hedges")
    print(f"{'case':16}" + "".join(f"{c:>11}" for c in columns) + f"{'CPU s':>9}{'broken':>8}")
    for name in dict.fromkeys(ran.case for ran in runs):
        mine = [ran for ran in runs if ran.case == name]
        sums = Counter[str]()
        for ran in mine:
            sums.update({c: getattr(ran, c) for c in columns})
        broken = sum(len(ran.wrong) for ran in mine)
        figures = "".join(f"{sums[c]:>11,}" for c in columns)
        print(f"{name:16}{figures}{sum(r.seconds for r in mine):>9.0f}{broken:>8}")


if __name__ == "__main__":
    sys.exit(main())
