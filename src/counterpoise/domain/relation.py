"""How one asset moves with another, measured on closed bars: what a cross hedge is sized and watched by.

Also what the relation guard remembers of it and answers. Returns are logarithms of closes; ``beta`` is by how much
the hedged asset moves when the other moves by one, in value.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal, localcontext
from functools import lru_cache
from itertools import pairwise

from counterpoise.domain.bars import Bar
from counterpoise.domain.carrying import Cut
from counterpoise.domain.indicators import STATISTICS, YEAR, log_return
from counterpoise.domain.numbers import ONE, ZERO, dec
from counterpoise.domain.reasons import Reason

#: The guard's id: key of its document.
RELATION = "relation"
#: A line through fewer returns than that has no error to speak of.
LEAST_RETURNS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Relation:
    """A measured relation.

    ``beta``: what a hedge is sized by (measured, or fixed by the config); ``measured`` and ``error``: the regression's
    slope and its standard error; ``correlation``: -1 to 1; ``residual``: the yearly deviation of what a hedge by
    ``beta`` leaves, as a fraction of what is hedged; ``returns``: how many it was measured on.
    """

    beta: Decimal
    measured: Decimal
    error: Decimal
    correlation: Decimal
    residual: Decimal
    returns: int


def relation_of(
    hedged: Sequence[Bar], other: Sequence[Bar], interval: timedelta, beta: Decimal | None = None
) -> Relation | None:
    """Return how ``hedged`` moves with ``other`` (bars of the same opens, oldest first); None: it cannot be said.

    Ordinary least squares of the returns u of the hedged on the returns v of the other, with intercept: slope
    ``Suv / Svv``, standard error ``sqrt(SSE / (n - 2) / Svv)``, correlation ``Suv / sqrt(Suu Svv)`` (J. Hull, *Options,
    Futures, and Other Derivatives*, "Cross hedging": the minimum variance hedge ratio). The residual is the deviation
    of ``u - beta v``, put on a year of 365 days. A price that stood still all along moves with nothing.
    """
    closes = (tuple(bar.close for bar in bars) for bars in (hedged, other))
    return _regressed(*closes, interval, beta)


# closed bars change once an interval, and every look asks
@lru_cache(maxsize=64)
def _regressed(
    hedged: tuple[Decimal, ...],
    other: tuple[Decimal, ...],
    interval: timedelta,
    beta: Decimal | None,
) -> Relation | None:
    if len(hedged) != len(other) or len(hedged) <= LEAST_RETURNS:
        return None
    own = [log_return(before, after) for before, after in pairwise(hedged)]
    its = [log_return(before, after) for before, after in pairwise(other)]
    with localcontext(STATISTICS):
        count = dec(len(own))
        own_mean, its_mean = sum(own, ZERO) / count, sum(its, ZERO) / count
        own_off, its_off = [u - own_mean for u in own], [v - its_mean for v in its]
        suu = sum((u * u for u in own_off), ZERO)
        svv = sum((v * v for v in its_off), ZERO)
        suv = sum((u * v for u, v in zip(own_off, its_off, strict=True)), ZERO)
        if suu == 0 or svv == 0:
            return None
        measured = suv / svv
        used = measured if beta is None else beta
        free = count - 2
        unexplained = max(suu - measured * suv, ZERO)
        left = max(suu - 2 * used * suv + used * used * svv, ZERO)
        a_year = dec(YEAR // _MICROSECOND) / dec(interval // _MICROSECOND)
        return Relation(
            beta=used,
            measured=measured,
            error=(unexplained / free / svv).sqrt(),
            correlation=max(min(suv / (suu * svv).sqrt(), ONE), -ONE),
            residual=(left / free * a_year).sqrt(),
            returns=len(own),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Broken:
    """What is remembered of a relation that broke; ``held``: whether a hedge stood on it then."""

    since: datetime
    held: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class RelationState:
    """The relation guard's document. ``hedges``: strategy -> since when its relation is broken."""

    hedges: Mapping[str, Broken] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class RelationCheck:
    """One cross hedge in one look. ``relation`` is None while too few bars are known.

    ``held``: what it has in futures of ``by``, signed base units. ``share``: how much of what it wants it may have.
    ``until``: when less will be left of it, should the relation stay broken.
    """

    strategy: str
    asset: str
    by: str
    held: Decimal = ZERO
    relation: Relation | None = None
    share: Decimal = ONE
    since: datetime | None = None
    until: datetime | None = None
    why: Reason | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RelationVerdict:
    """What the relation guard wants done. ``cuts``: (strategy, asset it holds futures of) -> the part it may have."""

    state: RelationState = RelationState()
    checks: tuple[RelationCheck, ...] = ()
    cuts: Mapping[tuple[str, str], Cut] = field(default_factory=dict)
    wake_at: datetime | None = None

    @property
    def relations(self) -> dict[str, Relation]:
        """Strategy -> what its cross hedge is sized by, where that is known."""
        return {c.strategy: c.relation for c in self.checks if c.relation is not None}


_MICROSECOND = timedelta(microseconds=1)
#: Where nothing is hedged with anything else.
UNRELATED = RelationVerdict()
