"""Drift: keep every sleeve inside its band by moving futures instead of coins.

Each sleeve is measured on spot + outside holdings + drift's own overlay (MEANING 6), so another strategy's hedge
is not bought back. Inside the band nothing changes, whatever the overlay (hysteresis); outside it, the sleeve is
traded back to its target, its inner band, or half-way, and the assets of the sleeve to their shares of that.
``legs`` says which side may be opened; an overlay of the other side that is no longer needed is still let go.
"""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from counterpoise.domain.decision import Decision, Outcome
from counterpoise.domain.numbers import ZERO, dec, quantize, shrink_step, text
from counterpoise.domain.policy import Sleeve
from counterpoise.domain.portfolio import PortfolioView
from counterpoise.domain.reasons import Reason, reason
from counterpoise.domain.scene import Scene
from counterpoise.domain.strategy import DriftPolicy, DriftState, overlay_of, with_overlays
from counterpoise.domain.strategy.drift import Legs, TradeTo

_SHOWN = dec("0.0001")


def drift(policy: DriftPolicy, scene: Scene, state: DriftState) -> Outcome:
    """Return one decision per asset of every sleeve that is not made of quote alone."""
    decisions: list[Decision] = []
    for sleeve in scene.policy.sleeves:
        assets = [a for a in sleeve.assets if a != scene.policy.quote]
        if assets:
            decisions += _sleeve(policy, sleeve, assets, scene, state)
    overlays = {d.asset: d.overlay for d in decisions}
    return Outcome(decisions=tuple(decisions), state=with_overlays(state, overlays))


def _sleeve(
    policy: DriftPolicy, sleeve: Sleeve, assets: list[str], scene: Scene, state: DriftState
) -> list[Decision]:
    view = scene.view
    own = {a: view.assets[a].held_qty + overlay_of(state, a) for a in assets}
    weight = sum((view.assets[a].weight_of(q) for a, q in own.items()), ZERO)
    targets = {a: scene.policy.target_weight(a) for a in assets}
    target = sum(targets.values(), ZERO)
    width = sleeve.band.width(sleeve.weight)
    level = _level(policy, sleeve, weight, target, width)
    numbers = {
        "sleeve": sleeve.id,
        "weight": _shown(weight),
        "target": _shown(target),
        "band": _shown(width),
    }
    if abs(weight - target) <= width:
        why = reason("inside_band", **numbers)
        return [_keep(policy, a, state, why) for a in assets]
    why = reason("outside_band", to=_shown(level), **numbers)
    moves = [
        _move(policy, a, _share(targets, own, view, a) * level, scene, state, why) for a in assets
    ]
    excluded = Legs.UNDERWEIGHT if weight > target else Legs.OVERWEIGHT
    if policy.legs is excluded:
        why = reason("leg_excluded", legs=policy.legs.value, **numbers)
        return [_released(move, why, over=weight > target) for move in moves]
    return moves


def _level(
    policy: DriftPolicy, sleeve: Sleeve, weight: Decimal, target: Decimal, width: Decimal
) -> Decimal:
    """The sleeve weight to trade back to."""
    away = weight - target
    if policy.trade_to is TradeTo.HALF:
        return target + away / 2
    if policy.trade_to is TradeTo.INNER:
        inner = sleeve.inner.width(sleeve.weight) if sleeve.inner is not None else width / 2
        return target + inner.copy_sign(away)
    return target


def _share(
    targets: dict[str, Decimal], own: dict[str, Decimal], view: PortfolioView, asset: str
) -> Decimal:
    """The asset's share of its sleeve: as configured, or as held where the sleeve's target is zero."""
    whole = sum(targets.values(), ZERO)
    if whole != 0:
        return targets[asset] / whole
    weights = {a: view.assets[a].weight_of(q) for a, q in own.items()}
    return weights[asset] / sum(weights.values(), ZERO)


def _move(
    policy: DriftPolicy,
    asset: str,
    weight: Decimal,
    scene: Scene,
    state: DriftState,
    why: Reason,
) -> Decision:
    """The overlay that gives ``asset`` the own weight ``weight``."""
    listing = scene.universe.futures.get(asset)
    if listing is None:
        return _keep(
            policy, asset, state, reason("no_instrument", asset=asset, quote=scene.view.quote)
        )
    seen = scene.view.assets[asset]
    overlay = shrink_step(seen.qty_of(weight) - seen.held_qty, listing.instrument.lot_size)
    return Decision(
        strategy=policy.id,
        kind=policy.kind,
        asset=asset,
        overlay=overlay,
        previous=overlay_of(state, asset),
        reason=why,
    )


def _released(move: Decision, why: Reason, *, over: bool) -> Decision:
    """What is left of ``move`` on an excluded leg: to give back an overlay that itself leans to that side."""
    previous = move.previous
    if previous == 0 or (previous > 0) is not over:
        return replace(move, overlay=previous, reason=why)
    overlay = min(max(move.overlay, min(previous, ZERO)), max(previous, ZERO))
    return replace(move, overlay=overlay, reason=move.reason if overlay != previous else why)


def _keep(policy: DriftPolicy, asset: str, state: DriftState, why: Reason) -> Decision:
    overlay = overlay_of(state, asset)
    return Decision(
        strategy=policy.id,
        kind=policy.kind,
        asset=asset,
        overlay=overlay,
        previous=overlay,
        reason=why,
    )


def _shown(weight: Decimal) -> str:
    return text(quantize(weight, _SHOWN))
