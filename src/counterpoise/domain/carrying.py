"""What guards of carry and basis remember and answer, and the brakes they put on strategies.

Carry is counted as a cost: above 0 it is paid, below 0 received; yearly figures are fractions of notional. Basis is
contract / coin - 1.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from counterpoise.domain.numbers import ONE, ZERO
from counterpoise.domain.policy import Spent
from counterpoise.domain.portfolio import Contract
from counterpoise.domain.reasons import Reason

#: Guard ids: keys of their documents.
FUNDING = "funding"
BASIS = "basis"


@dataclass(frozen=True, slots=True, kw_only=True)
class LineCarry:
    """What is remembered of one strategy in one contract since ``opened_at``.

    ``side``: +1 long, -1 short. ``basis``: the contract's when it was first seen open (dated futures only).
    ``since``: from when on its budget counts (None: from its opening), ``carried`` and ``fees`` what it had cost by
    then, in quote. ``over_since``: since when it is beyond its budget; ``calm_since``: since when little is expected.
    """

    side: int
    opened_at: datetime | None = None
    basis: Decimal | None = None
    since: datetime | None = None
    carried: Decimal = ZERO
    fees: Decimal = ZERO
    over_since: datetime | None = None
    calm_since: datetime | None = None
    spent: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class CarryState:
    """The funding guard's document. ``lines``: ``strategy/venue/symbol`` -> what is remembered of it."""

    lines: Mapping[str, LineCarry] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class CarryCheck:
    """One line in one look; money in quote. What is not known is None.

    ``funding`` (received > 0), ``basis`` (earned > 0, of a dated future, pro rata) and ``fees`` are those since it was
    opened; ``realised`` and ``expected`` are yearly, ``cost`` a fraction of notional, since the budget counts;
    ``max_carry`` (a year) and ``max_cost`` are what they are held against.
    """

    strategy: str
    venue: str
    symbol: str
    qty: Decimal
    notional: Decimal | None = None
    funding: Decimal = ZERO
    basis: Decimal = ZERO
    fees: Decimal = ZERO
    realised: Decimal | None = None
    expected: Decimal | None = None
    cost: Decimal | None = None
    max_carry: Decimal | None = None
    max_cost: Decimal | None = None
    then: Spent = Spent.ALERT
    over_since: datetime | None = None
    spent: bool = False
    why: Reason | None = None

    @property
    def key(self) -> str:
        """Names the line in documents and alerts."""
        return f"{self.strategy}/{self.venue}/{self.symbol}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """How much of what a strategy wants in futures it may have (a fraction), and why."""

    share: Decimal = ONE
    why: Reason | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CarryVerdict:
    """What the funding guard wants done. ``cuts``: (strategy, asset) -> the part it may have."""

    state: CarryState = CarryState()
    checks: tuple[CarryCheck, ...] = ()
    cuts: Mapping[tuple[str, str], Cut] = field(default_factory=dict)
    wake_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Apart:
    """What is remembered of a contract that stands absurdly far from its coin."""

    since: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class BasisState:
    """The basis guard's document. ``contracts``: ``venue/symbol`` -> since when it is absurd."""

    contracts: Mapping[str, Apart] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class BasisCheck:
    """One contract in one look. ``zscore``: None where bars are not looked at, or too few.

    ``traded``: the asset's futures are held in it. ``since``: since when it is absurd (None: it is not); ``until``:
    adding waits up to then.
    """

    asset: str
    venue: str
    symbol: str
    basis: Decimal | None = None
    zscore: Decimal | None = None
    traded: bool = False
    since: datetime | None = None
    until: datetime | None = None
    why: Reason | None = None

    @property
    def key(self) -> str:
        """Names the contract in documents and alerts."""
        return f"{self.venue}/{self.symbol}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wait:
    """Until when futures of an asset may not grow, and why."""

    until: datetime
    why: Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class BasisVerdict:
    """What the basis guard wants done. ``waits``: asset -> nothing is added to its futures.

    ``apart``: contracts that are absurd now: no hedge is opened in one where there is another.
    """

    state: BasisState = BasisState()
    checks: tuple[BasisCheck, ...] = ()
    waits: Mapping[str, Wait] = field(default_factory=dict)
    apart: frozenset[Contract] = frozenset()
    wake_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Brakes:
    """What guards leave of what strategies want: ``cuts`` by (strategy, asset), ``waits`` by asset."""

    cuts: Mapping[tuple[str, str], Cut] = field(default_factory=dict)
    waits: Mapping[str, Wait] = field(default_factory=dict)


def tightest(
    *guards: Mapping[tuple[str, str], Cut],
) -> dict[tuple[str, str], Cut]:
    """Return the smallest share that any of ``guards`` leaves, with its reason, for each (strategy, asset)."""
    found: dict[tuple[str, str], Cut] = {}
    for cuts in guards:
        for key, cut in cuts.items():
            if key not in found or cut.share < found[key].share:
                found[key] = cut
    return found


#: Where nothing is guarded.
UNCOUNTED = CarryVerdict()
UNWATCHED = BasisVerdict()
NO_BRAKES = Brakes()
