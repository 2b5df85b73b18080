"""``profit_ladder``: scale out of a rally with shorts against live spot. Policy and state."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from counterpoise.domain.bars import Lookback
from counterpoise.domain.strategy.conditions import Extreme, PriceSource


@dataclass(frozen=True, slots=True, kw_only=True)
class LadderTarget:
    """At ``price`` (quote) short another ``add`` (fraction of live spot). ``gain``: the % over cost it came from."""

    price: Decimal
    add: Decimal
    gain: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LadderEnd:
    """When the rally is over: a fall of ``trail`` from its high, a price at or below ``below``, or ``at``."""

    trail: Decimal | None = None
    below: Decimal | None = None
    at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ProfitLadderPolicy:
    """Targets ascend; fractions add up to at most 1. ``rearm``: at or below this price an ended ladder arms anew."""

    id: str
    asset: str
    targets: tuple[LadderTarget, ...]
    end: LadderEnd = LadderEnd()
    rearm: Decimal | None = None
    source: PriceSource = PriceSource.MARK
    kind: str = "profit_ladder"

    @property
    def assets(self) -> tuple[str, ...]:
        """The assets it may move."""
        return (self.asset,)

    @property
    def lookbacks(self) -> tuple[Lookback, ...]:
        """The closed bars it needs: none."""
        return ()


class LadderPhase(StrEnum):
    """Where a ladder is in its life."""

    ARMED = "armed"
    RALLY = "rally"  # at least one target was hit
    ENDED = "ended"  # shorts closed; arms anew below ``rearm`` or by an operator


@dataclass(frozen=True, slots=True, kw_only=True)
class ProfitLadderState:
    """``hit``: how many targets were reached since it was armed; ``high``: the rally's high, from the first hit on.

    ``cancelled``: an operator ended it, so that only an operator arms it anew.
    """

    overlays: Mapping[str, Decimal] = field(default_factory=dict)
    phase: LadderPhase = LadderPhase.ARMED
    held: Mapping[str, datetime] = field(default_factory=dict)
    hit: int = 0
    high: Extreme = field(default_factory=Extreme)
    cancelled: bool = False
