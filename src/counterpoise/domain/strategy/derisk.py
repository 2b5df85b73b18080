"""``derisk``: short the excess at once, convert to coins later. Policy and state."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from counterpoise.domain.bars import Lookback
from counterpoise.domain.strategy.conversion import ConversionState, ConvertPolicy


class Retarget(StrEnum):
    """Whether the frozen short follows the market while it waits."""

    NEVER = "never"
    BAND = "band"  # sized anew when the effective weight leaves the sleeve's band around the target


@dataclass(frozen=True, slots=True, kw_only=True)
class DeriskPolicy:
    """Bring ``assets`` (of ``sleeve``, or all crypto when None) to ``target`` (weight of equity)."""

    id: str
    target: Decimal
    assets: tuple[str, ...]
    sleeve: str | None = None
    convert: ConvertPolicy = field(default_factory=ConvertPolicy)
    retarget: Retarget = Retarget.NEVER
    kind: str = "derisk"

    @property
    def lookbacks(self) -> tuple[Lookback, ...]:
        """The closed bars it needs: none."""
        return ()


class DeriskPhase(StrEnum):
    """Where it is in its life."""

    WAITING = "waiting"  # not above its target yet
    HEDGED = "hedged"
    CONVERTING = "converting"
    ENDED = "ended"


@dataclass(frozen=True, slots=True, kw_only=True)
class DeriskState:
    """``frozen``: asset -> size of its short (> 0, base units) before the cap by what is held.

    ``entry_prices``: asset -> price when the short was first sized; the convert levels are relative to them.
    """

    overlays: Mapping[str, Decimal] = field(default_factory=dict)
    phase: DeriskPhase = DeriskPhase.WAITING
    held: Mapping[str, datetime] = field(default_factory=dict)
    frozen: Mapping[str, Decimal] = field(default_factory=dict)
    entry_prices: Mapping[str, Decimal] = field(default_factory=dict)
    conversion: ConversionState | None = None
