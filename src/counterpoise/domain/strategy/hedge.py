"""``hedge``: hold futures against a coin, always or while a condition holds. Policy and state."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum

from counterpoise.domain.bars import Lookback
from counterpoise.domain.numbers import dec
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
class Cross:
    """Hedge with the futures of another asset, ``by``, in value ``beta`` times what is hedged.

    ``beta``: fixed, or None: measured on ``window`` of closed bars of ``interval``. Once open it follows what is hedged
    in proportion, and is sized anew when it is off by more than ``band`` (a fraction of what it should be).
    """

    by: str
    beta: Decimal | None = None
    window: timedelta = timedelta(days=60)
    interval: timedelta = timedelta(days=1)
    band: Decimal = dec("0.10")

    @property
    def bars(self) -> int:
        """How many closed bars the window has; one more than it has returns."""
        return self.window // self.interval + 1


@dataclass(frozen=True, slots=True, kw_only=True)
class HedgePolicy:
    """Hold futures against ``asset``: ``ratio`` of live spot + outside holdings, or a fixed ``qty`` (base units).

    ``when`` opens it, ``release`` closes it; a :class:`During` also ends by itself. ``cross``: the futures are those of
    another asset.
    """

    id: str
    asset: str
    ratio: Decimal | None = None
    qty: Decimal | None = None
    side: HedgeSide = HedgeSide.SHORT
    when: When = field(default_factory=Always)
    release: Release = field(default_factory=Manual)
    kind: str = "hedge"
    cross: Cross | None = None

    @property
    def assets(self) -> tuple[str, ...]:
        """The assets it may move."""
        return (self.asset if self.cross is None else self.cross.by,)

    @property
    def lookbacks(self) -> tuple[Lookback, ...]:
        """The closed bars it needs."""
        told = tuple(
            Lookback(asset=self.asset, interval=c.interval, bars=c.bars)
            for c in (self.when, self.release)
            if isinstance(c, Drop | Volatility | Calm)
        )
        if (cross := self.cross) is None:
            return told
        related = (self.asset, cross.by)
        return told + tuple(
            Lookback(asset=a, interval=cross.interval, bars=cross.bars) for a in related
        )


class HedgePhase(StrEnum):
    """Where a hedge is in its life."""

    WAITING = "waiting"  # for its condition
    ON = "on"
    RELEASED = "released"  # waits until the condition is false once, then waits for it anew
    ENDED = "ended"  # until an operator starts it again


@dataclass(frozen=True, slots=True, kw_only=True)
class HedgeState:
    """``low``: the lowest price since it was opened, kept where a rebound releases it.

    ``against``: what a cross hedge was last sized against, in base units of what it hedges.
    """

    overlays: Mapping[str, Decimal] = field(default_factory=dict)
    phase: HedgePhase = HedgePhase.WAITING
    held: Mapping[str, datetime] = field(default_factory=dict)
    opened_at: datetime | None = None
    low: Extreme = field(default_factory=Extreme)
    against: Decimal | None = None
