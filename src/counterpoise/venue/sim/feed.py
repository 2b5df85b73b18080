"""Recorded candles and funding rates from CSV files.

``spot_BTCUSDT_1h.csv.gz`` says by its name what it holds; any other file needs ``kind`` and ``symbol`` told. A dated
future is ``future_BTCUSDT_260327_1h.csv``: a contract, so its kind is that of a perpetual (and ``perp_`` before such a
symbol means the same). The interval is read off the rows, not the name. A file that is wrong anywhere is refused whole,
with a ValueError that names file, line, what was expected and what was there: a market with a hole nobody mentioned is
worse than none. Nothing is ever filled in.
"""

from __future__ import annotations

import gzip
import re
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from itertools import pairwise
from pathlib import Path
from typing import Literal, cast

from counterpoise.domain.numbers import ZERO
from counterpoise.venue.sim.log import ms_of
from counterpoise.venue.sim.model import Candle, FundingRate, FundingSeries, Series

FeedKind = Literal["spot", "perp", "mark", "funding"]

_NAME = re.compile(
    r"(?:(spot|perp|mark|funding)_([A-Z0-9]+(?:_\d{6})?)|future_([A-Z0-9]+_\d{6}))_\d+[smhdw]\.csv(?:\.gz)?"
)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_COLUMNS: dict[FeedKind, str] = {
    "spot": "ts,open,high,low,close,volume",
    "perp": "ts,open,high,low,close,volume",
    "mark": "ts,open,high,low,close",
    "funding": "ts,rate",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """A recorded market: what a :class:`SimExchange` needs beside rules."""

    series: tuple[Series, ...]
    funding: tuple[FundingSeries, ...]


def named(path: Path) -> tuple[FeedKind, str] | None:
    """Return (kind, symbol) as the file's name says, None for another name."""
    match = _NAME.fullmatch(path.name)
    if match is None:
        return None
    return ("perp", match[3]) if match[3] else (cast("FeedKind", match[1]), match[2])


def files_of(
    folder: Path, symbols: Iterable[str] | None = None
) -> dict[tuple[FeedKind, str], Path]:
    """Return the files in ``folder`` whose name says what they hold, of ``symbols`` (and their dated futures) if given.

    Other names are left alone. Raises ValueError for what is no folder, and for two files of one kind and symbol.
    """
    if not folder.is_dir():
        raise ValueError(f"{folder}: expected a folder with recorded candles, was none")
    wanted = None if symbols is None else set(symbols)
    found: dict[tuple[FeedKind, str], Path] = {}
    for path in sorted(folder.iterdir()):
        what = named(path)
        if what is None or (wanted is not None and what[1].partition("_")[0] not in wanted):
            continue
        if what in found:
            raise ValueError(
                f"{path}: expected one file for {' '.join(what)}, was {found[what].name} too"
            )
        found[what] = path
    return found


def span_of(path: Path) -> tuple[datetime, datetime]:
    """Return the instants of the first and the last row of one file. Raises ValueError.

    Nothing between them is looked at: that is for :func:`load_series`.
    """
    lines = _lines(path)
    stamps = [line.partition(",")[0] for line in (*lines[1:2], *lines[-1:])]
    if len(lines) < 2 or not all(stamp.isdecimal() for stamp in stamps):
        raise ValueError(f"{path}: expected rows that begin with a ts in ms, was {lines[1:2]}")
    first, last = (_EPOCH + timedelta(milliseconds=int(stamp)) for stamp in stamps)
    return first, last


def load_series(
    path: Path,
    *,
    kind: FeedKind | None = None,
    symbol: str | None = None,
    start: datetime | None = None,
    end: datetime | None = None,
) -> Series | FundingSeries:
    """Return the rows with ``start`` <= ts < ``end`` of one file.

    Raises
    ------
    ValueError
        Naming file, line, what was expected and what was there.
    """
    if kind is None or symbol is None:
        told = named(path)
        if told is None:
            raise ValueError(
                f"{path}: expected a name like spot_BTCUSDT_1h.csv.gz, or kind and symbol, was "
                f"{path.name}"
            )
        kind, symbol = kind or told[0], symbol or told[1]
    rows = _Rows(path, kind, start, end)
    if kind == "funding":
        return FundingSeries(symbol=symbol, rates=tuple(rows.rates()))
    candles = tuple(rows.candles())
    return Series(kind=kind, symbol=symbol, interval=rows.interval(candles), candles=candles)


def load_folder(
    folder: Path,
    *,
    symbols: Iterable[str] | None = None,
    start: datetime | None = None,
    end: datetime | None = None,
    overrides: Mapping[tuple[FeedKind, str], Path] | None = None,
) -> Recording:
    """Return everything in ``folder`` whose name says what it is, of ``symbols`` where given.

    A file in ``overrides`` is used instead of the folder's for that kind and symbol (which is then not read).
    Other names are left alone. Raises ValueError, also for two files of the same kind and symbol.
    """
    chosen = {**files_of(folder, symbols), **(overrides or {})}
    return load_files(chosen, start=start, end=end)


def load_files(
    files: Mapping[tuple[FeedKind, str], Path],
    *,
    start: datetime | None = None,
    end: datetime | None = None,
) -> Recording:
    """Return the series of ``files`` by (kind, symbol). Raises ValueError."""
    loaded = [
        load_series(path, kind=kind, symbol=symbol, start=start, end=end)
        for (kind, symbol), path in sorted(files.items())
    ]
    return Recording(
        series=tuple(each for each in loaded if isinstance(each, Series)),
        funding=tuple(each for each in loaded if isinstance(each, FundingSeries)),
    )


def _lines(path: Path) -> list[str]:
    try:
        raw = path.read_bytes()
        data = gzip.decompress(raw) if path.suffix == ".gz" else raw
        return data.decode("ascii").splitlines()
    except (OSError, EOFError, zlib.error, UnicodeDecodeError) as error:
        raise ValueError(
            f"{path}: expected a readable CSV file, was {type(error).__name__}: {error}"
        ) from error


@dataclass(slots=True)
class _Rows:
    """One file being read; ``line`` is where an error would be."""

    path: Path
    kind: FeedKind
    start: datetime | None
    end: datetime | None
    line: int = field(default=0, init=False)

    def _wrong(self, expected: str, was: str) -> ValueError:
        return ValueError(f"{self.path}:{self.line}: expected {expected}, was {was}")

    def _cells(self) -> Iterator[tuple[datetime, list[str]]]:
        """Yield the instant and the other cells of every wanted row, in checked order."""
        lines = _lines(self.path)
        columns = _COLUMNS[self.kind]
        self.line = 1
        if not lines or lines[0].strip().lower() != columns:
            raise self._wrong(f"the columns {columns}", lines[0] if lines else "an empty file")
        width = columns.count(",") + 1
        low = ms_of(self.start) if self.start is not None else None
        high = ms_of(self.end) if self.end is not None else None
        before = -1
        for self.line, text in enumerate(lines[1:], start=2):
            cells = text.split(",")
            if len(cells) != width:
                raise self._wrong(f"{width} cells", f"{len(cells)} in {text!r}")
            stamp = self._stamp(cells[0])
            if stamp <= before:
                raise self._wrong(f"a ts after {before}", cells[0])
            before = stamp
            if (low is not None and stamp < low) or (high is not None and stamp >= high):
                continue
            yield _EPOCH + timedelta(milliseconds=stamp), cells

    def _stamp(self, cell: str) -> int:
        if not cell.isdecimal():
            raise self._wrong("a ts in ms", repr(cell))
        return int(cell)

    def rates(self) -> Iterator[FundingRate]:
        """Yield funding rates."""
        for at, cells in self._cells():
            rate = self._number(cells[1])
            if not -1 < rate < 1:
                raise self._wrong("a rate as a fraction", cells[1])
            yield FundingRate(at, rate)

    def candles(self) -> Iterator[Candle]:
        """Yield bars; OHLC must be above zero and in order."""
        for at, cells in self._cells():
            # Decimal itself, not dec(): this is the one hot loop, and the line below admits finite numbers only
            try:
                prices = [Decimal(cell) for cell in cells[1:]]
                opened, high, low, close = prices[:4]
                volume = prices[4] if len(prices) > 4 else ZERO
                sound = 0 < low <= opened <= high and low <= close <= high and volume >= 0
            except InvalidOperation:
                raise self._wrong("numbers", ",".join(cells)) from None
            if not sound or not (high + volume).is_finite():
                raise self._wrong("0 < low <= open, close <= high and volume >= 0", ",".join(cells))
            yield Candle(at, opened, high, low, close, volume)

    def _number(self, cell: str) -> Decimal:
        try:
            number = Decimal(cell)
        except InvalidOperation:
            raise self._wrong("a number", repr(cell)) from None
        if not number.is_finite():
            raise self._wrong("a finite number", repr(cell))
        return number

    def interval(self, candles: tuple[Candle, ...]) -> timedelta:
        """Return the smallest step between bars; every other step must be a multiple of it."""
        if len(candles) < 2:
            raise ValueError(f"{self.path}: expected at least 2 bars, was {len(candles)}")
        opens = [candle.open_at for candle in candles]
        steps = [after - before for before, after in pairwise(opens)]
        interval = min(steps)
        for index, step in enumerate(steps):
            if step % interval:
                raise ValueError(
                    f"{self.path}: expected bars on a grid of {interval}, was a step of {step} "
                    f"after {opens[index].isoformat()}"
                )
        return interval
