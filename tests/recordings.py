"""Recorded markets for tests: candle files as a user would have them, from a list of closes."""

from __future__ import annotations

import gzip
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

from counterpoise.domain.numbers import dec
from counterpoise.venue.sim.log import ms_of

START = datetime(2024, 3, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)


def candle_rows(
    closes: Sequence[Decimal | int | str | None], *, start: datetime = START, volume: str = "5000"
) -> list[str]:
    """Rows of hourly candles; each opens at the close before it and strays 0.1 % beyond its ends. None is a halt."""
    rows: list[str] = []
    known = [dec(c) for c in closes if c is not None]
    last = known[0]
    for number, value in enumerate(closes):
        if value is None:
            continue
        close = dec(value)
        high = (max(last, close) * dec("1.001")).quantize(dec("0.1"))
        low = (min(last, close) * dec("0.999")).quantize(dec("0.1"))
        rows.append(f"{ms_of(start + number * HOUR)},{last},{high},{low},{close},{volume}")
        last = close
    return rows


def write_series(
    folder: Path,
    kind: str,
    symbol: str,
    closes: Sequence[Decimal | int | str | None],
    *,
    start: datetime = START,
    zipped: bool = False,
) -> Path:
    """Write one candle file and return where it is."""
    rows = candle_rows(closes, start=start)
    if kind == "mark":
        rows = [row.rpartition(",")[0] for row in rows]
    head = "ts,open,high,low,close" + ("" if kind == "mark" else ",volume")
    path = folder / f"{kind}_{symbol}_1h.csv{'.gz' if zipped else ''}"
    text = "\n".join([head, *rows]) + "\n"
    path.write_bytes(gzip.compress(text.encode()) if zipped else text.encode())
    return path


def write_funding(
    folder: Path, symbol: str, rates: Sequence[str], *, start: datetime = START
) -> Path:
    """Write a funding file: a rate every 8 hours, the first 8 hours after ``start``."""
    path = folder / f"funding_{symbol}_8h.csv"
    rows = [f"{ms_of(start + (n + 1) * 8 * HOUR)},{rate}" for n, rate in enumerate(rates)]
    path.write_text("\n".join(["ts,rate", *rows]) + "\n")
    return path


def write_market(folder: Path, symbol: str, closes: Sequence[Decimal | int | str | None]) -> None:
    """Write spot, perpetual and mark of one symbol, all alike, without funding."""
    for kind in ("spot", "perp", "mark"):
        write_series(folder, kind, symbol, closes)
