"""The relation of two assets, held against the standard library's regression and against hand arithmetic."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from datetime import timedelta
from random import Random  # noqa: TID251 - seeded: the same returns at every run

import pytest

from counterpoise.domain.bars import Bar
from counterpoise.domain.numbers import dec
from counterpoise.domain.relation import Relation, relation_of
from tests.build import NOW

DAY = timedelta(days=1)


def bars(closes: Sequence[float]) -> tuple[Bar, ...]:
    return tuple(
        Bar(open_at=NOW + n * DAY, open=c, high=c, low=c, close=c)
        for n, c in enumerate(dec(f"{close:.12f}") for close in closes)
    )


def walk(returns: Sequence[float]) -> list[float]:
    closes = [100.0]
    for each in returns:
        closes.append(closes[-1] * math.exp(each))
    return closes


def related(beta: float, noise: float, seed: int = 7, count: int = 90) -> tuple[list[float], ...]:
    """Returns of the hedged and of the other asset."""
    random = Random(seed)  # noqa: S311 - no secret, returns
    its = [random.gauss(0, 0.03) for _ in range(count)]
    return [beta * v + random.gauss(0, noise) for v in its], its


def measured(own: Sequence[float], its: Sequence[float], **changes: object) -> Relation:
    found = relation_of(bars(walk(own)), bars(walk(its)), DAY, **changes)  # type: ignore[arg-type]  # beta
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("beta", "noise", "seed"), [(1.4, 0.01, 1), (0.6, 0.04, 2), (-0.8, 0.02, 3)]
)
def test_it_is_the_regression_of_the_standard_library(beta: float, noise: float, seed: int) -> None:
    own, its = related(beta, noise, seed)
    found = measured(own, its)
    line = statistics.linear_regression(its, own)
    assert float(found.measured) == pytest.approx(line.slope, rel=1e-6)
    assert found.beta == found.measured
    assert float(found.correlation) == pytest.approx(statistics.correlation(own, its), rel=1e-6)
    left = [u - line.intercept - line.slope * v for u, v in zip(own, its, strict=True)]
    free = len(own) - 2
    deviation = math.sqrt(sum(e * e for e in left) / free)
    spread = math.sqrt(sum((v - statistics.fmean(its)) ** 2 for v in its))
    assert float(found.error) == pytest.approx(deviation / spread, rel=1e-6)
    assert float(found.residual) == pytest.approx(deviation * math.sqrt(365), rel=1e-6)
    assert found.returns == 90
    # the truth lies within four standard errors
    assert abs(float(found.measured) - beta) < 4 * float(found.error)


def test_a_fixed_beta_leaves_what_it_leaves() -> None:
    """Twice as volatile as the other and nothing else: a beta of 1 leaves half of it, one of 2 leaves nothing."""
    _, its = related(0, 0)
    own = [2 * v for v in its]
    exact = measured(own, its, beta=dec(2))
    assert float(exact.residual) == pytest.approx(0, abs=1e-6)
    assert float(exact.correlation) == pytest.approx(1, abs=1e-9)
    half = measured(own, its, beta=dec(1))
    mean = statistics.fmean(its)
    deviation = math.sqrt(sum((v - mean) ** 2 for v in its) / (len(its) - 2))
    assert float(half.residual) == pytest.approx(deviation * math.sqrt(365), rel=1e-6)
    assert float(half.measured) == pytest.approx(2, rel=1e-6)
    assert half.beta == 1


def test_the_interval_puts_it_on_a_year() -> None:
    own, its = related(1, 0.01)
    days, hours = bars(walk(own)), bars(walk(its))
    slow, fast = relation_of(days, hours, DAY), relation_of(days, hours, timedelta(hours=6))
    assert slow is not None
    assert fast is not None
    assert float(fast.residual) == pytest.approx(2 * float(slow.residual), rel=1e-9)
    assert fast.beta == slow.beta


def test_what_stood_still_or_is_too_short_says_nothing() -> None:
    own, its = related(1, 0.01)
    still = bars([100.0] * 91)
    assert relation_of(bars(walk(own)), still, DAY) is None
    assert relation_of(still, bars(walk(its)), DAY) is None
    assert relation_of(bars(walk(own))[:3], bars(walk(its))[:3], DAY) is None
    assert relation_of(bars(walk(own))[:5], bars(walk(its))[:6], DAY) is None
