"""Indicators: pure functions of closed bars (MEANING 12), oldest first and without a gap (``closed_tail``).

They never guess: too few bars is a ValueError here, because whoever asks must have said ``warming_up`` before.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from decimal import Context, Decimal, localcontext
from functools import lru_cache
from itertools import pairwise

from counterpoise.domain.bars import Bar
from counterpoise.domain.numbers import ZERO, dec

YEAR = timedelta(days=365)  # coins trade on every day of it

#: Statistics of logarithms need fewer digits than money, and each costs: a year of hours is looked at every cycle.
STATISTICS = Context(prec=28)


def rolling_high(bars: Sequence[Bar]) -> Decimal:
    """Return the highest high of ``bars`` (quote)."""
    return max(bar.high for bar in _enough(bars, 1))


def moving_average(bars: Sequence[Bar]) -> Decimal:
    """Return the simple moving average: the mean of the closes of ``bars`` (quote)."""
    return sum((bar.close for bar in _enough(bars, 1)), ZERO) / len(bars)


def realised_volatility(bars: Sequence[Bar], interval: timedelta) -> Decimal:
    """Return how much the closes of ``bars`` moved, as an annualised fraction (0.8 = 80 % a year).

    The standard deviation of the log returns ``u_i = ln(close_i / close_{i-1})`` with the sample's own mean,
    ``s = sqrt(sum((u_i - mean)^2) / (n - 1))``, scaled by the square root of the number of intervals in a year of
    365 days (J. Hull, *Options, Futures, and Other Derivatives*, "Estimating volatility from historical data").

    Raises
    ------
    ValueError
        For fewer than 3 bars (2 returns): one return has no deviation.
    """
    _enough(bars, 3)
    returns = [log_return(before.close, bar.close) for before, bar in pairwise(bars)]
    with localcontext(STATISTICS):
        mean = sum(returns, ZERO) / len(returns)
        deviations = [each - mean for each in returns]
        variance = sum((d * d for d in deviations), ZERO) / (len(returns) - 1)
        return (variance * _microseconds(YEAR) / _microseconds(interval)).sqrt()


# consecutive looks share all bars but one
@lru_cache(maxsize=16_384)
def log_return(before: Decimal, after: Decimal) -> Decimal:
    """Return ``ln(after / before)``; both above 0."""
    return (after / before).ln(STATISTICS)


def _microseconds(interval: timedelta) -> Decimal:
    return dec(interval // timedelta(microseconds=1))


def _enough(bars: Sequence[Bar], count: int) -> Sequence[Bar]:
    if len(bars) < count:
        raise ValueError(f"expected at least {count} bars, was {len(bars)}")
    return bars
