"""The answer of a strategy that moves one asset: its decision, the state it goes on with, when to look again."""

from __future__ import annotations

from decimal import Decimal
from typing import Protocol

from counterpoise.domain.decision import Decision, Outcome, Wakeups
from counterpoise.domain.operator import CommandKind
from counterpoise.domain.reasons import Reason, reason
from counterpoise.domain.scene import Scene
from counterpoise.domain.strategy import StrategyState, overlay_of, with_overlays

_NEVER = Wakeups()


class OneAsset(Protocol):
    """A policy that moves one asset."""

    @property
    def id(self) -> str:
        """The strategy's id."""

    @property
    def kind(self) -> str:
        """Its kind."""

    @property
    def assets(self) -> tuple[str, ...]:
        """The one asset whose futures or coins it moves."""


def answered(
    policy: OneAsset,
    state: StrategyState,
    overlay: Decimal,
    why: Reason,
    *,
    previous: Decimal,
    coins: Decimal | None = None,
    waits_for: tuple[Reason, ...] = (),
    wakeups: Wakeups = _NEVER,
) -> Outcome:
    """Return the outcome of wanting ``overlay`` (signed base units) where ``previous`` was wanted before.

    ``coins``: what it shall have traded in coins in all, while it trades any.
    """
    (asset,) = policy.assets
    decision = Decision(
        strategy=policy.id,
        kind=policy.kind,
        asset=asset,
        overlay=overlay,
        previous=previous,
        reason=why,
        coins=coins,
        waits_for=waits_for,
    )
    state = with_overlays(state, {asset: overlay})
    return Outcome(decisions=(decision,), state=state, wakeups=wakeups)


def no_instrument(policy: OneAsset, scene: Scene, state: StrategyState) -> Outcome:
    """Return the outcome where nothing can be traded: the wish stays as it was, and nothing is seen."""
    (asset,) = policy.assets
    overlay = overlay_of(state, asset)
    why = reason("no_instrument", asset=asset, quote=scene.view.quote)
    return answered(policy, state, overlay, why, previous=overlay, wakeups=Wakeups(soon=True))


def asked(policy: OneAsset, scene: Scene) -> tuple[CommandKind, ...]:
    """Return what operators ask of this strategy in this cycle, in order."""
    return tuple(ask.kind for ask in scene.asks.get(policy.id, ()))
