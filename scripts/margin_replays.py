#!/usr/bin/env python3
"""Replay hedges through recorded rises and rebounds and write the tables of docs/margin.md.

    .venv/bin/python scripts/margin_replays.py            # prints
    .venv/bin/python scripts/margin_replays.py --write    # into docs/margin.md

Takes about two minutes. Needs recorded markets in ../shared (or COUNTERPOISE_SHARED).
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from concurrent.futures import ProcessPoolExecutor
from decimal import Decimal
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.replay.cases import Window  # noqa: E402 - the path comes first
from tests.replay.margin_cases import LEVERAGES, MARGIN_WINDOWS, Kept, kept  # noqa: E402 - as above
from tests.scenario import gap  # noqa: E402 - as above

MARKET = Path(os.environ.get("COUNTERPOISE_SHARED", ROOT.parent / "shared")) / "market"
PAGE = ROOT / "docs" / "margin.md"
_COLUMNS = (
    "window",
    "venue leverage",
    "liquidations",
    "left alone",
    "moved in",
    "moved back",
    "nearest",
    "open",
    "looks with a refusal",
    "equity after",
)
MARK = "<!-- what follows is written by scripts/margin_replays.py -->"


def main() -> int:
    """Replay all and print, or write, the tables."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--write", action="store_true", help="into docs/margin.md")
    options = parser.parse_args()
    if not MARKET.is_dir():
        print(f"needs {MARKET}: recorded markets", file=sys.stderr)
        return 1
    asked = [(w, n) for w in MARGIN_WINDOWS for n in LEVERAGES]
    with ProcessPoolExecutor(2) as pool:
        found = list(pool.map(both, *zip(*asked, strict=True)))
        sold = pool.submit(selling, MARGIN_WINDOWS[-1], 5).result()
    text = "\n".join([*_replays(found, sold), "", *_gaps()])
    if not options.write:
        print(text)
        return 0
    head = PAGE.read_text().partition(MARK)[0]
    PAGE.write_text(f"{head}{MARK}\n\n{text}\n")
    return 0


def both(window: Window, leverage: int) -> tuple[Kept, Kept]:
    """One window at one leverage, guarded and left alone."""
    return (
        kept(MARKET, window, leverage, guarded=True),
        kept(MARKET, window, leverage, guarded=False),
    )


def selling(window: Window, leverage: int) -> Kept:
    """The same with coins that the guard may sell."""
    return kept(MARKET, window, leverage, guarded=True, may_sell=("BTC", "ETH"))


def _replays(found: list[tuple[Kept, Kept]], sold: Kept) -> list[str]:
    rows = [
        "## Recorded markets",
        "",
        "1,000,000 USDT: BTC and ETH for 650,000, hedged in full, 350,000 in cash; of that 1/leverage of the shorts",
        "in the futures wallet, the rest in the spot wallet. Hourly candles and marks with real funding; liquidation",
        "is judged at each bar's extreme mark.",
        "*Open*: the largest share of equity by which the hedge was smaller than asked for.",
        "",
        "| " + " | ".join(_COLUMNS) + " |",
        "|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|",
    ]
    rows += [_row(guarded, alone.liquidations) for guarded, alone in found]
    rows.append(_row(sold, None, " (`guard_may_sell: [BTC, ETH]`)"))
    return rows


def _row(found: Kept, alone: int | None, note: str = "") -> str:
    cells = [
        f"{found.window}{note}",
        f"{found.leverage}x",
        f"**{found.liquidations}**",
        "" if alone is None else str(alone),
        f"{found.top_ups}: {found.moved_in:,.0f}",
        f"{found.swept:,.0f}",
        _percent(found.nearest),
        _percent(found.gap),
        str(found.refused),
        f"{found.equity[1]:,.0f}",
    ]
    return f"| {' | '.join(cells)} |"


def _gaps() -> list[str]:
    rows = [
        "## Gaps",
        "",
        "A short of 1 BTC, hedged in full, with 1/leverage of it in the futures wallet and plenty in the spot wallet;",
        "then the price opens so much higher that nobody could act in between. First guarded, then left alone:",
        "",
        f"| venue leverage | {' | '.join(f'+{g} %' for g in gap.GAPS)} |",
        f"|---:|{'---|' * len(gap.GAPS)}",
    ]
    for leverage in gap.LEVERAGES:
        cells = [
            " | ".join(
                [
                    _word(asyncio.run(gap.survives(leverage, g, guarded=True)))
                    + ", "
                    + _word(asyncio.run(gap.survives(leverage, g, guarded=False)))
                    for g in gap.GAPS
                ]
            )
        ]
        rows.append(f"| {leverage}x | {' | '.join(cells)} |")
    return rows


def _word(lives: bool) -> str:  # noqa: FBT001 - a word for a bool
    return "lives" if lives else "dies"


def _percent(value: Decimal | None) -> str:
    return "-" if value is None else f"{value * 100:.1f} %"


if __name__ == "__main__":
    sys.exit(main())
