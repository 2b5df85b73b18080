"""How far prices may go before a rule could answer differently: the price levels of a strategy's wake-ups.

The bounds are cautious: while every price stays within ``price / k`` and ``price * k``, no weight that is watched
leaves its limits, in whatever order and direction the assets move.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from counterpoise.domain.decision import Wakeups
from counterpoise.domain.numbers import ONE, ZERO, dec
from counterpoise.domain.portfolio import PortfolioView

#: Factors tried, widest first; ONE means: look at every price.
_FACTORS = tuple(
    dec(k) for k in ("2", "1.5", "1.2", "1.1", "1.05", "1.02", "1.01", "1.005", "1.002", "1.001")
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """A weight made of ``parts`` (asset -> weight now) that changes nothing between ``low`` and ``high``."""

    parts: Mapping[str, Decimal]
    low: Decimal | None = None
    high: Decimal | None = None


def quiet_factor(watched: Iterable[Watched], view: PortfolioView) -> Decimal:
    """Return the ``k`` (>= 1) within which all prices may move without any of ``watched`` leaving its limits."""
    rules = tuple(watched)
    for factor in _FACTORS:
        if all(_stays(rule, view, factor) for rule in rules):
            return factor
    return ONE


def quiet(watched: Iterable[Watched], view: PortfolioView) -> Wakeups:
    """Return the prices at which one of ``watched`` may have left its limits."""
    factor = quiet_factor(watched, view)
    return Wakeups(
        above={a: seen.price * factor for a, seen in view.assets.items()},
        below={a: seen.price / factor for a, seen in view.assets.items()},
    )


def _stays(rule: Watched, view: PortfolioView, factor: Decimal) -> bool:
    """Interval arithmetic: the weight at its largest and smallest, over equity at its smallest and largest."""
    most = sum((max(w * factor, w / factor) for w in rule.parts.values()), ZERO)
    least = sum((min(w * factor, w / factor) for w in rule.parts.values()), ZERO)
    swings = [seen.effective_weight for seen in view.assets.values()]
    low_equity = ONE + sum((min(w * (factor - 1), w * (1 / factor - 1)) for w in swings), ZERO)
    high_equity = ONE + sum((max(w * (factor - 1), w * (1 / factor - 1)) for w in swings), ZERO)
    if low_equity <= 0:
        return False
    top = most / (low_equity if most >= 0 else high_equity)
    bottom = least / (high_equity if least >= 0 else low_equity)
    return (rule.high is None or top <= rule.high) and (rule.low is None or bottom >= rule.low)
