"""``hedge``: hold futures against a coin, always or while a condition holds. Policy and state."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from counterpoise.domain.bars import Lookback
from counterpoise.domain.strategy.conditions import (
    Always,
    Calm,
    Drop,
    Extreme,
    Manual,
    Release,
    Volatility,
    When,
)


class HedgeSide(StrEnum):
    """Short protects what is held; long adds to it."""

    SHORT = "short"
    LONG = "long"


@dataclass(frozen=True, slots=True, kw_only=True)
class HedgePolicy:
    """Hold futures against ``asset``: ``ratio`` of live spot + outside holdings, or a fixed ``qty`` (base units).

    ``when`` opens it, ``release`` closes it; a :class:`During` also ends by itself.
    """

    id: str
    asset: str
    ratio: Decimal | None = None
    qty: Decimal | None = None
    side: HedgeSide = HedgeSide.SHORT
    when: When = field(default_factory=Always)
    release: Release = field(default_factory=Manual)
    kind: str = "hedge"

    @property
    def assets(self) -> tuple[str, ...]:
        """The assets it may move."""
        return (self.asset,)

    @property
    def lookbacks(self) -> tuple[Lookback, ...]:
        """The closed bars it needs."""
        return tuple(
            Lookback(asset=self.asset, interval=c.interval, bars=c.bars)
            for c in (self.when, self.release)
            if isinstance(c, Drop | Volatility | Calm)
        )


class HedgePhase(StrEnum):
    """Where a hedge is in its life."""

    WAITING = "waiting"  # for its condition
    ON = "on"
    RELEASED = "released"  # waits until the condition is false once, then waits for it anew
    ENDED = "ended"  # until an operator starts it again


@dataclass(frozen=True, slots=True, kw_only=True)
class HedgeState:
    """``low``: the lowest price since it was opened, kept where a rebound releases it."""

    overlays: Mapping[str, Decimal] = field(default_factory=dict)
    phase: HedgePhase = HedgePhase.WAITING
    held: Mapping[str, datetime] = field(default_factory=dict)
    opened_at: datetime | None = None
    low: Extreme = field(default_factory=Extreme)
