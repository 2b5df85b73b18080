"""What the rules engine wants, before anyone asks how: overlays per strategy and targets per asset."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from counterpoise.domain.reasons import Reason
from counterpoise.domain.strategy import StrategyState


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What one strategy wants in futures of one asset (``overlay``, signed base units), and why."""

    strategy: str
    kind: str
    asset: str
    overlay: Decimal
    previous: Decimal
    reason: Reason

    @property
    def changed(self) -> bool:
        """Whether this cycle changed the strategy's mind."""
        return self.overlay != self.previous


@dataclass(frozen=True, slots=True, kw_only=True)
class Want:
    """The position wanted in one contract: foreign baseline + sum of overlays, signed base units.

    ``why`` is the sentence of every strategy that changed its mind (of all that want something, if none did).
    """

    venue: str
    symbol: str
    asset: str
    qty: Decimal
    why: str = field(
        default="", compare=False
    )  # told to people; the same want in other words is no other want


@dataclass(frozen=True, slots=True, kw_only=True)
class Decisions:
    """The engine's whole answer. ``effective_targets`` are weights: shape target + the other overlays."""

    decisions: tuple[Decision, ...]
    wants: tuple[Want, ...]
    states: Mapping[str, StrategyState]
    effective_targets: Mapping[str, Decimal]
    notes: tuple[Reason, ...] = ()
