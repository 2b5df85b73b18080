"""The market a backtest trades on: which recordings a portfolio needs, over which window, and what they lack.

Files are told apart by their names (``spot_BTCUSDT_1h.csv.gz``). Nothing is filled in: what is not recorded is not
listed, and a window that the recordings do not cover is refused with what they do cover.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from counterpoise.domain.policy import PortfolioPolicy
from counterpoise.venue.sim import FundingSeries, Recording, Series, load_files
from counterpoise.venue.sim.feed import FeedKind, files_of, span_of
from counterpoise.venue.sim.rules import expiry_of

#: How much past is kept before the start at least, for candles and indicators.
PAST = timedelta(days=30)
#: How much is kept after the end, unseen: a halt that lasts beyond it must still be known for one.
BEYOND = timedelta(days=7)
_TRADED: tuple[FeedKind, ...] = ("spot", "perp")
_LATER = (".parquet", ".feather")

Files = dict[tuple[FeedKind, str], Path]
Spans = Mapping[tuple[FeedKind, str], tuple[datetime, datetime]]


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedMarket:
    """Series that are traded from ``start`` to ``end``; ``interval`` is the shortest bar. ``lacks`` is for people."""

    series: tuple[Series, ...]
    funding: tuple[FundingSeries, ...]
    start: datetime
    end: datetime
    interval: timedelta
    lacks: tuple[str, ...]

    @property
    def bars(self) -> int:
        """How many candles of spot and futures series close after the start and until the end."""
        return sum(
            self.start < candle.open_at + each.interval <= self.end
            for each in self.series
            if each.kind in _TRADED
            for candle in each.candles
        )


def recorded_market(
    folder: Path, policy: PortfolioPolicy, start: datetime | None, end: datetime | None
) -> RecordedMarket:
    """Return what ``folder`` holds of the assets of ``policy`` against its quote.

    Without ``start`` it begins where every asset has a price, without ``end`` where the first recording ends.

    Raises
    ------
    ValueError
        For a folder or file that is not as expected, an asset without candles, and a window outside the data.
    """
    symbols = {asset: f"{asset}{policy.quote}" for asset in policy.assets}
    files = files_of(folder, symbols.values())
    spans = {key: span_of(path) for key, path in files.items()}
    begins = {asset: _begin(folder, asset, policy.quote, spans) for asset in symbols}
    latest = max(begins, key=lambda asset: begins[asset])
    first = start or begins[latest]
    if first < begins[latest]:
        raise ValueError(
            f"--from: expected {_day(begins[latest])} or later, where the candles of {latest} begin,"
            f" was {_day(first)}"
        )
    past = max([PAST, *(look.interval * (look.bars + 2) for look in policy.lookbacks)])
    stop = end + BEYOND if end is not None else None
    needed = {
        k: p
        for k, p in files.items()
        if _meets(spans[k], first - past, stop) and not _over(k[1], first)
    }
    recording = load_files(needed, start=first - past, end=stop)
    last = _last(recording, spans)
    if not last:
        over = max(ended for _, ended in spans.values())
        raise ValueError(
            f"--from: expected {_day(over)} or earlier, where the candles end, was {_day(first)}"
        )
    if end is not None and end > min(last.values()):
        ended = min(last, key=lambda name: last[name])
        raise ValueError(
            f"--to: expected {_day(last[ended])} or earlier, where the candles of {ended} end, was {_day(end)}"
        )
    until = end or min(last.values())
    if first >= until:
        raise ValueError(f"--from: expected an instant before {_day(until)}, was {_day(first)}")
    return RecordedMarket(
        series=recording.series,
        funding=recording.funding,
        start=first,
        end=until,
        interval=min(each.interval for each in recording.series if each.kind in _TRADED),
        lacks=tuple(_lacks(symbols, spans, first)),
    )


def _begin(folder: Path, asset: str, quote: str, spans: Spans) -> datetime:
    """When ``asset`` has a price for the first time."""
    symbol = f"{asset}{quote}"
    begun = [span[0] for (kind, of), span in spans.items() if of == symbol and kind in _TRADED]
    if begun:
        return min(begun)
    later = [p.name for p in folder.iterdir() if symbol in p.name and p.suffix in _LATER]
    if later:
        raise ValueError(
            f"--data: expected CSV, was {later[0]}: parquet and feather come with a later version,"
            " convert it to CSV with the columns ts,open,high,low,close,volume"
        )
    known = sorted({of for kind, of in files_of(folder) if kind in _TRADED})
    raise ValueError(
        f"--data: expected candles of {asset} against {quote}, such as spot_{symbol}_1h.csv.gz, was none in"
        f" {folder} (it has {', '.join(known) or 'no candles at all'})"
    )


def _meets(span: tuple[datetime, datetime], start: datetime, end: datetime | None) -> bool:
    return span[1] > start and (end is None or span[0] < end)


def _over(symbol: str, start: datetime) -> bool:
    """Whether ``symbol`` is a dated future that had ended by the start."""
    expiry_at = expiry_of(symbol)
    return expiry_at is not None and expiry_at <= start


def _last(recording: Recording, spans: Spans) -> dict[str, datetime]:
    """Where the candles of each series end in their file, whatever part of it was loaded.

    A dated future is left out: it ends by its nature, and the market goes on.
    """
    return {
        f"{each.kind} {each.symbol}": spans[each.kind, each.symbol][1] + each.interval
        for each in recording.series
        if expiry_of(each.symbol) is None
    }


def _lacks(symbols: Mapping[str, str], spans: Spans, start: datetime) -> Iterable[str]:
    """What a reader of the result should know: no future, one that comes later, no mark, no funding."""
    for asset, symbol in symbols.items():
        perp = spans.get(("perp", symbol))
        if perp is None:
            yield f"{asset} has no futures here: nothing of it can be hedged"
            continue
        if perp[0] > start:
            yield f"{asset} has no futures before {_day(perp[0])}: nothing of it can be hedged until then"
        if ("mark", symbol) not in spans:
            yield f"{asset} has no mark prices here: the last price of its future stands for them"
        if ("funding", symbol) not in spans:
            yield f"{asset} has no funding rates here: none is paid"


def _day(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="minutes").replace("+00:00", "Z")
