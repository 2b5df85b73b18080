"""How large a cross hedge is: futures of another asset that move as much, in value, as what they hedge.

``overlay = -hedged x price x beta / price of the other``, cut towards zero to the lot. Prices move at every look, so
an open hedge is left as it is within a band; what is held it follows at once, in proportion. Where how the two move
together cannot be measured now, it only follows downwards.
"""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from counterpoise.decide.triggers import span
from counterpoise.domain.decision import Wakeups
from counterpoise.domain.numbers import (
    ONE,
    ZERO,
    ceil_step,
    dec,
    floor_step,
    quantize,
    shrink_step,
    text,
)
from counterpoise.domain.reasons import Reason, reason, shown_percent
from counterpoise.domain.scene import Scene
from counterpoise.domain.strategy import HedgePolicy, HedgeState, overlay_of
from counterpoise.domain.strategy.hedge import Cross

_HUNDREDTH = dec("0.01")


def cross_sized(
    policy: HedgePolicy,
    cross: Cross,
    scene: Scene,
    state: HedgeState,
    sign: int,
    hedged: Decimal,
    previous: Decimal,
) -> tuple[HedgeState, Decimal, Reason]:
    """Return the state, the overlay in futures of ``cross.by``, and what it was reckoned from.

    ``hedged``: base units of the policy's asset it stands against (above 0); ``sign``: -1 short, 1 long; ``previous``:
    the overlay so far.
    """
    lot = scene.universe.futures[cross.by].instrument.lot_size
    relation = scene.relations.get(policy.id)
    names = {"asset": policy.asset, "by": cross.by, "held": text(hedged)}
    if relation is None:
        return _unmeasured(policy, cross, state, hedged, previous, lot)
    own, its = (scene.view.assets[a].price for a in (policy.asset, cross.by))
    ideal = sign * shrink_step(max(relation.beta, ZERO) * hedged * own / its, lot)
    if state.against:
        # dust that comes in must not trade all that the band has let be
        followed = previous
        if state.against != hedged:
            followed = shrink_step(previous * hedged / state.against, lot)
        if abs(ideal - followed) <= cross.band * abs(ideal):
            room = shown_percent(cross.band)
            why = reason(
                "cross_kept", **names, overlay=text(followed), ideal=text(ideal), room=room
            )
            return replace(state, against=hedged), followed, why
    why = reason(
        "cross_sized",
        **names,
        overlay=text(ideal),
        beta=text(quantize(relation.beta, _HUNDREDTH)),
        error=text(quantize(relation.error, _HUNDREDTH)),
        correlation=shown_percent(relation.correlation),
    )
    return replace(state, against=hedged), ideal, why


def _unmeasured(
    policy: HedgePolicy,
    cross: Cross,
    state: HedgeState,
    hedged: Decimal,
    previous: Decimal,
    lot: Decimal,
) -> tuple[HedgeState, Decimal, Reason]:
    """What stands stays, less what no longer has anything to stand against; nothing is added."""
    if previous == 0 or not state.against:
        why = reason(
            "relation_unmeasured",
            asset=policy.asset,
            by=cross.by,
            bars=text(dec(cross.bars)),
            interval=span(cross.interval),
        )
        return state, previous, why
    overlay = previous
    if hedged < state.against:
        overlay = shrink_step(previous * hedged / state.against, lot)
        state = replace(state, against=hedged)
    names = {"asset": policy.asset, "by": cross.by, "held": text(hedged)}
    return state, overlay, reason("cross_unmeasured", **names, overlay=text(overlay))


def cross_wakeups(policy: HedgePolicy, cross: Cross, scene: Scene, state: HedgeState) -> Wakeups:
    """Return at which prices its size may be off by more than its band.

    It stands off by a part of the band already; what is left of it is shared by the two prices, which may move apart.
    """
    relation, kept = scene.relations.get(policy.id), abs(overlay_of(state, cross.by))
    lot = scene.universe.futures[cross.by].instrument.lot_size
    own, its = (scene.view.assets[a].price for a in (policy.asset, cross.by))
    exact = ZERO
    if relation is not None:
        exact = max(relation.beta, ZERO) * (state.against or ZERO) * own / its
    if exact <= 0:
        return Wakeups()
    dearer, cheaper = {}, {}
    if cross.band < ONE:
        up = ((floor_step(kept / (ONE - cross.band), lot) + lot) / exact).sqrt()
        dearer, cheaper = {policy.asset: own * up}, {cross.by: its / up}
    if kept > 0:
        down = (ceil_step(kept / (ONE + cross.band), lot) / exact).sqrt()
        dearer, cheaper = {**dearer, cross.by: its / down}, {**cheaper, policy.asset: own * down}
    return Wakeups(above=dearer, below=cheaper)
