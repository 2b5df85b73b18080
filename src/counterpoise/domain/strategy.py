"""What strategies remember between cycles: small typed documents, saved with the orders they cause.

A strategy's *overlay* is what it wants in futures of one asset, signed, in base units. It is the wish, not the
position: fills follow it. Documents are plain JSON objects with Decimals as text; a document of another shape is
refused, never half-read.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from counterpoise.domain.numbers import ZERO, dec, text


@dataclass(frozen=True, slots=True, kw_only=True)
class HedgeState:
    """The overlay of a hedge on its asset."""

    overlays: Mapping[str, Decimal] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class DriftState:
    """The overlay of drift per asset; kept while a sleeve stays inside its band (hysteresis)."""

    overlays: Mapping[str, Decimal] = field(default_factory=dict)


StrategyState = HedgeState | DriftState

_KINDS: Mapping[str, type[HedgeState | DriftState]] = {
    "hedge": HedgeState,
    "drift": DriftState,
}


def initial_state(kind: str) -> StrategyState:
    """Return the state of a strategy of ``kind`` that has never run; KeyError for an unknown kind."""
    return _KINDS[kind]()


def overlay_of(state: StrategyState, asset: str) -> Decimal:
    """Return the overlay on ``asset``, zero when the strategy never wanted any."""
    return state.overlays.get(asset, ZERO)


def with_overlay(kind: str, overlays: Mapping[str, Decimal]) -> StrategyState:
    """Return a state of ``kind`` with ``overlays``; zeros are left out so that equal states compare equal."""
    return _KINDS[kind](overlays={a: q for a, q in sorted(overlays.items()) if q != 0})


def to_document(state: StrategyState) -> dict[str, object]:
    """Return ``state`` as a JSON object."""
    return {"overlays": {asset: text(qty) for asset, qty in state.overlays.items()}}


def from_document(kind: str, document: Mapping[str, object]) -> StrategyState:
    """Return the state that :func:`to_document` wrote.

    Raises
    ------
    ValueError
        When the document is not of this kind's shape.
    """
    overlays = document.get("overlays")
    if (
        set(document) != {"overlays"}
        or not isinstance(overlays, dict)
        or not all(isinstance(q, str) for q in overlays.values())
    ):
        raise ValueError(
            f"state of {kind}: expected an object with overlays as text, was {document!r}"
        )
    return with_overlay(kind, {str(a): dec(q) for a, q in overlays.items()})
