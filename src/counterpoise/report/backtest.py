"""A backtest as one document: the fields of ``backtest --json`` (CONTRACTS), computed from what the run left behind."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from counterpoise.domain.hedge_book import CENT
from counterpoise.domain.instants import iso
from counterpoise.domain.numbers import quantize, text
from counterpoise.report.curve import Performance
from counterpoise.report.hedges import HedgeRow, hedge_document
from counterpoise.report.truth import Trading


@dataclass(frozen=True, slots=True, kw_only=True)
class BacktestReport:
    """Everything a backtest tells. ``bars`` are the candles that closed in the run, over all spot and futures series.

    ``flows`` is the sum of deposits and withdrawals in quote. ``band_breaches`` counts how often the portfolio left
    its bands, not for how long. ``hash`` leaves out ``wall_s`` and with it ``bars_per_s``.
    """

    market_from: datetime
    market_to: datetime
    bars: int
    cycles: int
    wall_s: Decimal
    hash: str
    equity: Performance
    trading: Trading
    flows: Decimal
    band_breaches: int
    hedges: tuple[HedgeRow, ...]


def document_of(report: BacktestReport) -> dict[str, object]:
    """Return ``report`` as a JSON object (Decimals as text). ``benchmarks`` is null: this version has none yet."""
    equity, trading = report.equity, report.trading
    lowest = equity.lowest_margin
    return {
        "from": iso(report.market_from),
        "to": iso(report.market_to),
        "bars": report.bars,
        "cycles": report.cycles,
        "bars_per_s": text(per_second(report.bars, report.wall_s)),
        "wall_s": text(report.wall_s),
        "hash": report.hash,
        "equity": {
            "start": _money(equity.start),
            "end": _money(equity.end),
            "return": _ratio(equity.total_return),
            "max_drawdown": _ratio(equity.max_drawdown),
            "volatility": _ratio(equity.volatility),
        },
        "benchmarks": None,
        "turnover": {
            "spot": _money(trading.spot_turnover),
            "futures": _money(trading.futures_turnover),
        },
        "fees": _money(trading.fees),
        "funding": _money(trading.funding),
        "flows": _money(report.flows),
        "margin": {
            "lowest": _money(lowest.margin) if lowest and lowest.margin is not None else None,
            "at": iso(lowest.at) if lowest else None,
        },
        "orders": trading.orders,
        "fills": trading.fills,
        "liquidations": trading.liquidations,
        "band_breaches": report.band_breaches,
        "hedges": [hedge_document(row) for row in report.hedges],
    }


def per_second(count: int, wall_s: Decimal) -> Decimal:
    """Return how many per second, to a tenth; 0 for a run too short to measure."""
    return quantize(count / wall_s, Decimal("0.1")) if wall_s > 0 else Decimal(0)


def breaches(inside: Sequence[bool]) -> int:
    """Return how often a run of looks left the band: a stretch outside counts once, however long."""
    return sum(not now and before for before, now in zip((True, *inside), inside, strict=False))


def _money(amount: Decimal) -> str:
    return text(quantize(amount, CENT))


def _ratio(value: Decimal | None) -> str | None:
    return text(value) if value is not None else None
