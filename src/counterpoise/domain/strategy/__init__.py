"""What strategies are asked for (policies) and what they remember between cycles (states), one module per kind.

A strategy's *overlay* is what it wants in futures of one asset, signed, in base units. It is the wish, not the
position: fills follow it. States are small typed documents, saved with the orders they cause.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from typing import TypeVar

from counterpoise.domain.codec import decoded, document_of
from counterpoise.domain.numbers import ZERO
from counterpoise.domain.strategy.derisk import DeriskPolicy, DeriskState
from counterpoise.domain.strategy.dip_buy import DipBuyPolicy, DipBuyState
from counterpoise.domain.strategy.drift import DriftPolicy, DriftState
from counterpoise.domain.strategy.hedge import HedgePolicy, HedgeState
from counterpoise.domain.strategy.profit_ladder import ProfitLadderPolicy, ProfitLadderState
from counterpoise.domain.strategy.scale_in import ScaleInPolicy, ScaleInState

StrategyPolicy = (
    HedgePolicy | ProfitLadderPolicy | ScaleInPolicy | DipBuyPolicy | DriftPolicy | DeriskPolicy
)
StrategyState = (
    HedgeState | ProfitLadderState | ScaleInState | DipBuyState | DriftState | DeriskState
)
S = TypeVar("S", bound=StrategyState)

#: Kinds in order of priority (MEANING 7): the clamp cuts from the end, and derisk comes last, on the sum.
PRIORITY = ("hedge", "profit_ladder", "scale_in", "dip_buy", "drift", "derisk")

_STATES: Mapping[str, type[StrategyState]] = {
    "hedge": HedgeState,
    "profit_ladder": ProfitLadderState,
    "scale_in": ScaleInState,
    "dip_buy": DipBuyState,
    "drift": DriftState,
    "derisk": DeriskState,
}


def initial_state(kind: str) -> StrategyState:
    """Return the state of a strategy of ``kind`` that has never run; KeyError for an unknown kind."""
    return _STATES[kind]()


def overlay_of(state: StrategyState, asset: str) -> Decimal:
    """Return the overlay on ``asset``, zero when the strategy never wanted any."""
    return state.overlays.get(asset, ZERO)


def with_overlays(state: S, overlays: Mapping[str, Decimal]) -> S:
    """Return ``state`` with ``overlays``; zeros are left out so that equal states compare equal."""
    return replace(state, overlays={a: q for a, q in sorted(overlays.items()) if q != 0})


def to_document(state: StrategyState) -> dict[str, object]:
    """Return ``state`` as a JSON object."""
    return {"overlays": {}, **document_of(state)}


def from_document(kind: str, document: Mapping[str, object]) -> StrategyState:
    """Return the state that :func:`to_document` wrote.

    Raises
    ------
    ValueError
        When the document is not of this kind's shape.
    """
    if "overlays" not in document:
        raise ValueError(f"state of {kind}: expected overlays, was {document!r}")
    return decoded(_STATES[kind], document, f"state of {kind}")


__all__ = [
    "PRIORITY",
    "DeriskPolicy",
    "DeriskState",
    "DipBuyPolicy",
    "DipBuyState",
    "DriftPolicy",
    "DriftState",
    "HedgePolicy",
    "HedgeState",
    "ProfitLadderPolicy",
    "ProfitLadderState",
    "ScaleInPolicy",
    "ScaleInState",
    "StrategyPolicy",
    "StrategyState",
    "from_document",
    "initial_state",
    "overlay_of",
    "to_document",
    "with_overlays",
]
