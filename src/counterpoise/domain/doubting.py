"""What is remembered of prices and stable coins from look to look, so that a restart believes nothing any earlier.

Contracts are written ``venue/symbol``, as in the margin guard's document.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from counterpoise.domain.portfolio import Contract
from counterpoise.domain.reasons import Reason

#: The id of the document.
PLAUSIBILITY = "plausibility"


@dataclass(frozen=True, slots=True, kw_only=True)
class GoodPrice:
    """A price that was believed."""

    price: Decimal
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Jump:
    """A price that is not believed yet: where it came from, and how many further looks agreed with it."""

    before: GoodPrice
    price: Decimal
    at: datetime
    looks: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Apart:
    """Prices of an asset that disagreed, why, and how many looks since agreed."""

    at: datetime
    why: Reason
    looks: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """How often another price has changed while one stood still, and what it was at the beginning."""

    moves: int
    price: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What a quote has shown since when; ``stamp`` is the instant it claimed then.

    ``others``: contract -> how it has moved meanwhile.
    """

    since: datetime
    stamp: datetime
    price: Decimal | None = None
    bid: Decimal | None = None
    ask: Decimal | None = None
    last: Decimal | None = None
    mark: Decimal | None = None
    others: Mapping[str, Moved] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Peg:
    """Looks in a row that say the opposite of what holds of a stable coin; ``why`` holds while it is off its peers."""

    at: datetime
    looks: int = 0
    why: Reason | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceMemory:
    """What is remembered of prices, by contract; ``apart`` by the contracts compared, joined by spaces.

    ``good``: the price that was believed last, at ``good_at``, but for those in ``older``. It changes with every look,
    so it is kept short.
    """

    good: Mapping[str, Decimal] = field(default_factory=dict)
    good_at: datetime | None = None
    older: Mapping[str, datetime] = field(default_factory=dict)
    jumps: Mapping[str, Jump] = field(default_factory=dict)
    apart: Mapping[str, Apart] = field(default_factory=dict)
    standing: Mapping[str, Standing] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlausibilityState:
    """The document. ``pegs``: stable coin -> what is known against what holds of it."""

    prices: PriceMemory = PriceMemory()
    pegs: Mapping[str, Peg] = field(default_factory=dict)


def good_prices(memory: PriceMemory) -> dict[Contract, GoodPrice]:
    """Return the prices that were believed; one whose time is not told is none."""
    times = {name: memory.older.get(name, memory.good_at) for name in memory.good}
    return {
        contract_of(name): GoodPrice(price=memory.good[name], at=at)
        for name, at in times.items()
        if at is not None
    }


def written(contract: Contract) -> str:
    """Return ``venue/symbol``."""
    return f"{contract[0]}/{contract[1]}"


def contract_of(name: str) -> Contract:
    """Return the contract that :func:`written` wrote."""
    venue, _, symbol = name.partition("/")
    return (venue, symbol)
