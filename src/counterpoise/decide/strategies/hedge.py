"""Hedge: hold a short against a coin, so that a fall costs little while the coin stays where it is.

``ratio`` is measured on the live spot plus outside holdings of the asset (MEANING 6 and 13), never on what other
strategies do. The overlay is cut towards zero to the contract's lot: rounding may under-hedge, never over-hedge.
"""

from __future__ import annotations

from counterpoise.domain.decision import Decision, Outcome
from counterpoise.domain.numbers import ZERO, shrink_step, text
from counterpoise.domain.reasons import Reason, reason
from counterpoise.domain.scene import Scene
from counterpoise.domain.strategy import HedgePolicy, HedgeState, overlay_of, with_overlays


def hedge(policy: HedgePolicy, scene: Scene, state: HedgeState) -> Outcome:
    """Return the one decision of a hedge; its overlay is <= 0, in base units."""
    asset = scene.view.assets[policy.asset]
    previous = overlay_of(state, policy.asset)
    listing = scene.universe.futures.get(policy.asset)
    why: Reason
    if listing is None:
        why = reason("no_instrument", asset=policy.asset, quote=scene.view.quote)
        overlay = previous
    elif policy.qty is not None:
        overlay = -shrink_step(policy.qty, listing.instrument.lot_size)
        why = reason("hedge_qty", qty=text(policy.qty), asset=policy.asset, overlay=text(overlay))
    elif asset.held_qty <= 0:
        overlay = ZERO
        why = reason("nothing_held", asset=policy.asset)
    else:
        ratio = policy.ratio if policy.ratio is not None else ZERO
        overlay = -shrink_step(ratio * asset.held_qty, listing.instrument.lot_size)
        why = reason(
            "hedge_ratio",
            ratio=text(ratio),
            held=text(asset.held_qty),
            asset=policy.asset,
            overlay=text(overlay),
        )
    decision = Decision(
        strategy=policy.id,
        kind=policy.kind,
        asset=policy.asset,
        overlay=overlay,
        previous=previous,
        reason=why,
    )
    return Outcome(decisions=(decision,), state=with_overlays(state, {policy.asset: overlay}))
