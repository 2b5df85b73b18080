"""Equity through time: what it brought, how deep it fell and how much it swung, without deposits and withdrawals.

A flow changes equity and is nobody's merit (MEANING 11), so returns are chained: between two looks the change is
(equity after - flows between) / equity before - 1. Everything else follows from the chained index, never from
equity itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import pairwise

from counterpoise.domain.numbers import ONE, ZERO, dec, quantize

#: Ratios are shown to this.
RATIO = dec("1e-8")
_YEAR = timedelta(days=365)
_US = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Point:
    """Equity at an instant, in the portfolio's quote. ``margin``: the futures wallet with its unrealised PnL."""

    at: datetime
    equity: Decimal
    margin: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Performance:
    """Figures of a curve; ratios are fractions. ``max_drawdown`` is 0.2 when the index fell 20 % below a high.

    ``volatility`` is realised: the root of the sum of squared returns per year. It is None for a curve of one
    point, ``total_return`` and the rest when equity was not above 0 before its end.
    ``lowest_margin`` is the first point with the least margin, None where none was told.
    """

    start: Decimal
    end: Decimal
    lowest_margin: Point | None = None
    total_return: Decimal | None
    max_drawdown: Decimal | None
    volatility: Decimal | None


def performance(points: Sequence[Point], flows: Iterable[tuple[datetime, Decimal]]) -> Performance:
    """Return the figures of ``points`` (in order of time, at least one) with ``flows`` (instant, value in quote).

    A flow at the instant of a point belongs to the change that ends there; one before the first point is part of
    the start. Raises ValueError without a point.
    """
    if not points:
        raise ValueError("expected at least one point of equity, was none")
    returns = _returns(points, sorted(flows))
    start, end = points[0].equity, points[-1].equity
    lowest = min((p for p in points if p.margin is not None), key=_margin, default=None)
    if returns is None:
        return Performance(
            start=start,
            end=end,
            lowest_margin=lowest,
            total_return=None,
            max_drawdown=None,
            volatility=None,
        )
    index, high, deepest = ONE, ONE, ZERO
    for each in returns:
        index *= ONE + each
        high = max(high, index)
        deepest = max(deepest, ONE - index / high)
    return Performance(
        start=start,
        end=end,
        lowest_margin=lowest,
        total_return=quantize(index - ONE, RATIO),
        max_drawdown=quantize(deepest, RATIO),
        volatility=_volatility(returns, points[-1].at - points[0].at),
    )


def _margin(point: Point) -> Decimal:
    return point.margin or ZERO


def _returns(
    points: Sequence[Point], flows: Sequence[tuple[datetime, Decimal]]
) -> list[Decimal] | None:
    """The change between each two points; None where there is nothing to relate it to."""
    made: list[Decimal] = []
    due = 0
    while due < len(flows) and flows[due][0] <= points[0].at:
        due += 1
    for before, after in pairwise(points):
        flowed = ZERO
        while due < len(flows) and flows[due][0] <= after.at:
            flowed += flows[due][1]
            due += 1
        if before.equity <= 0:
            return None
        # digits beyond any meaning would only grow from step to step
        made.append(quantize((after.equity - flowed) / before.equity - ONE, dec("1e-18")))
    return made


def _volatility(returns: Sequence[Decimal], span: timedelta) -> Decimal | None:
    if not returns or not span:
        return None
    years = dec(span // _US) / dec(_YEAR // _US)
    return quantize((sum((r * r for r in returns), ZERO) / years).sqrt(), RATIO)
