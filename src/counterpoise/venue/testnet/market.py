"""Finds the market a testnet trades: recorded files or the synthetic story, and where its time begins.

A folder may hold years of several coins: only what is needed is kept, from :data:`LOOKBACK` before the start
on, and a market of the folder that had not begun by then, or a dated future that had ended, is not listed. Files given
one by one are always listed; they replace the folder's for the same kind and symbol. A dated future nobody recorded can
be made of its coin's prices.
"""

from __future__ import annotations

import gzip
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

from counterpoise.venue.sim import FundingSeries, MarketKind, Series, SymbolRules, dated_series
from counterpoise.venue.sim.feed import FeedKind, load_files, named
from counterpoise.venue.sim.rules import expiry_of, rules_of
from counterpoise.venue.sim.synthetic import synthetic_market
from counterpoise.venue.testnet.binance.formatting import EPOCH
from counterpoise.venue.testnet.options import TestnetOptions, parse_dated, parse_series

#: History that is kept before the start, for candles and indicators.
LOOKBACK = timedelta(days=120)
#: How much of the synthetic story has passed when it starts: a day, so that 24 h tickers are full.
SYNTHETIC_PAST = timedelta(hours=24)
SYNTHETIC_GRID = timedelta(minutes=5)

Files = dict[tuple[FeedKind, str], Path]


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenMarket:
    """What an exchange is made of, and the instant its time begins at."""

    rules: tuple[SymbolRules, ...]
    series: tuple[Series, ...]
    funding: tuple[FundingSeries, ...]
    start: datetime


def open_market(options: TestnetOptions, now: datetime) -> OpenMarket:
    """Return the market of ``options``; ``now`` is where a synthetic one begins that is not told.

    Raises ``ValueError`` for a folder without series, a broken file, or a start outside the data.
    """
    market = _recorded(options) if options.recorded else _synthetic(options, now)
    for written in options.dated:
        market = _with_dated(market, *parse_dated(written))
    return market


def _synthetic(options: TestnetOptions, now: datetime) -> OpenMarket:
    start = options.start or now
    first = start - SYNTHETIC_PAST
    # bars lie on the grid of the clock, so that coarser candles are made of whole ones
    first -= (first - EPOCH) % SYNTHETIC_GRID
    story = synthetic_market(seed=options.seed, start=first, interval=SYNTHETIC_GRID)
    return OpenMarket(rules=story.rules, series=story.series, funding=story.funding, start=start)


def _with_dated(market: OpenMarket, symbol: str, basis: Decimal) -> OpenMarket:
    """Return ``market`` with a future made of its coin's prices at a yearly ``basis``."""
    pair, expiry_at = symbol.partition("_")[0], expiry_of(symbol)
    coin = next((s for s in market.series if (s.kind, s.symbol) == ("spot", pair)), None)
    if coin is None:
        raise ValueError(f"--dated: expected a coin whose spot market is here, was {symbol}")
    if any(known.symbol == symbol for known in market.rules):
        raise ValueError(f"--dated: expected a future that is not there yet, was {symbol}")
    if expiry_at is None or expiry_at <= market.start:
        raise ValueError(
            f"--dated: expected a day after {market.start.isoformat()}, where the market begins, was"
            f" {symbol}"
        )
    perpetual = next(
        (r for r in market.rules if (r.kind, r.symbol) == (MarketKind.PERP, pair)), None
    )
    steps = perpetual or rules_of([replace(coin, kind="perp")])[0]
    rule = replace(steps, symbol=symbol, expiry_at=expiry_at)
    try:
        future = dated_series(coin, symbol, expiry_at, basis, rule.tick_size)
    except ValueError as error:
        raise ValueError(f"--dated: {error}") from None
    return replace(market, rules=(*market.rules, rule), series=(*market.series, future))


def _recorded(options: TestnetOptions) -> OpenMarket:
    single: Files = {}
    for written in options.series:
        kind, symbol, path = parse_series(written)
        if (kind, symbol) in single:
            raise ValueError(f"--series: expected {kind}:{symbol} once, was given twice")
        single[kind, symbol] = path
    folder = {} if options.market is None else _folder(options.market, single)
    if not any(kind in ("spot", "perp") for kind, _ in (*single, *folder)):
        raise ValueError("--market, --series: expected a spot or perp series, was none")
    begins = {key: _first(path) for key, path in folder.items()}
    start = options.start or _default_start(single, begins)
    kept = {
        key: path
        for key, path in folder.items()
        if begins[key] <= start < (expiry_of(key[1]) or datetime.max.replace(tzinfo=UTC))
    }
    recording = load_files({**kept, **single}, start=start - LOOKBACK)
    _check_start(start, recording.series)
    return OpenMarket(
        rules=rules_of(recording.series),
        series=recording.series,
        funding=recording.funding,
        start=start,
    )


def _folder(folder: Path, single: Mapping[tuple[FeedKind, str], Path]) -> Files:
    found: Files = {}
    for path in sorted(folder.iterdir()):
        what = named(path)
        if what is None or what in single:
            continue
        if what in found:
            raise ValueError(
                f"--market: expected one file for {what[0]}:{what[1]} in {folder}, was"
                f" {found[what].name} and {path.name}"
            )
        found[what] = path
    return found


def _default_start(single: Files, begins: Mapping[tuple[FeedKind, str], datetime]) -> datetime:
    """Return the first instant at which the single files, or else all of the folder's, have begun.

    Dated futures come and go: they count only where nothing else is there.
    """
    firsts = {key: _first(path) for key, path in single.items()} or begins
    traded = {key: at for key, at in firsts.items() if key[0] != "funding"}
    lasting = [at for (_, symbol), at in traded.items() if expiry_of(symbol) is None]
    return max(lasting or traded.values())


def _first(path: Path) -> datetime:
    """Return the instant of a file's first row without reading the rest."""
    opener = gzip.open if path.suffix == ".gz" else open
    try:
        with opener(path, "rt", encoding="ascii") as lines:
            next(lines, "")
            stamp = next(lines, "").partition(",")[0].strip()
    except (OSError, EOFError, UnicodeDecodeError) as error:
        raise ValueError(
            f"{path}: expected a readable CSV file, was {type(error).__name__}: {error}"
        ) from None
    if not stamp.isdecimal():
        raise ValueError(f"{path}:2: expected a ts in ms, was {stamp!r}")
    return EPOCH + timedelta(milliseconds=int(stamp))


def _check_start(start: datetime, series: tuple[Series, ...]) -> None:
    first = min(one.candles[0].open_at for one in series)
    last = max(one.candles[-1].open_at + one.interval for one in series)
    if not first <= start < last:
        raise ValueError(
            f"--from: expected an instant from {first.isoformat()} to {last.isoformat()}, was"
            f" {start.isoformat()}"
        )
