"""The shape of a portfolio: what brings every sleeve back to its target, its inner band, or half-way.

Each sleeve is measured on spot + outside holdings + the strategy's own overlay (MEANING 6), so another strategy's
hedge is not bought back. Inside the band nothing changes, whatever the overlay (hysteresis); outside it, or when a
calendar calls, the sleeve is traded back, and its assets to their shares of that. ``legs`` says which side may be
opened; an overlay of the other side that is no longer needed is still let go.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from decimal import Decimal

from counterpoise.decide.watch import Watched
from counterpoise.domain.decision import Decision
from counterpoise.domain.numbers import ZERO, dec, quantize, shrink_step, text
from counterpoise.domain.policy import Sleeve
from counterpoise.domain.portfolio import PortfolioView
from counterpoise.domain.reasons import Reason, reason
from counterpoise.domain.scene import Scene
from counterpoise.domain.strategy import DriftPolicy, DriftState, overlay_of
from counterpoise.domain.strategy.drift import Legs, SettleMode, TradeTo

_SHOWN = dec("0.0001")


def shape(policy: DriftPolicy, scene: Scene, state: DriftState, *, called: bool) -> list[Decision]:
    """Return one decision per asset of every sleeve that is not made of quote alone.

    Overlays are what is wanted on top of what is held, signed base units in lots of what is traded for it: futures,
    or coins where drift settles in spot at once. ``called``: a calendar asks for the target even inside the band.
    """
    decisions: list[Decision] = []
    for sleeve in scene.policy.sleeves:
        assets = sleeve_assets(sleeve, scene)
        if assets:
            decisions += _sleeve(policy, sleeve, assets, scene, state, called=called)
    return decisions


def sleeve_assets(sleeve: Sleeve, scene: Scene) -> list[str]:
    """Return the assets of ``sleeve`` that can be traded: all but the quote."""
    return [a for a in sleeve.assets if a != scene.policy.quote]


def watched(
    policy: DriftPolicy, scene: Scene, overlays: Mapping[str, Decimal]
) -> Iterator[Watched]:
    """Yield what has to leave its limits before :func:`shape` could answer differently than ``overlays``."""
    view = scene.view
    for sleeve in scene.policy.sleeves:
        assets = sleeve_assets(sleeve, scene)
        own = {a: view.assets[a].held_qty + overlays.get(a, ZERO) for a in assets}
        parts = {a: view.assets[a].weight_of(q) for a, q in own.items()}
        target = sum((scene.policy.target_weight(a) for a in assets), ZERO)
        width = sleeve.band.width(sleeve.weight)
        idle = all(overlays.get(a, ZERO) == 0 for a in assets)
        yield Watched(
            parts=parts,
            low=None if idle and policy.legs is Legs.OVERWEIGHT else target - width,
            high=None if idle and policy.legs is Legs.UNDERWEIGHT else target + width,
        )


def settled_weights(policy: DriftPolicy, scene: Scene, state: DriftState) -> dict[str, Decimal]:
    """Return asset -> the weight its coins shall have once they follow the futures.

    That is the shape with ``trade_to: target``. Otherwise each sleeve of coins goes as far as ``trade_to`` says, or
    to where its futures have brought it, whichever is nearer to the target: settling never takes risk back out there.
    """
    weights: dict[str, Decimal] = {}
    view = scene.view
    for sleeve in scene.policy.sleeves:
        assets = sleeve_assets(sleeve, scene)
        targets = {a: scene.policy.target_weight(a) for a in assets}
        if policy.trade_to is TradeTo.TARGET:
            weights |= targets
            continue
        own = {a: view.assets[a].held_qty + overlay_of(state, a) for a in assets}
        target = sum(targets.values(), ZERO)
        moved = sum((view.assets[a].weight_of(q) for a, q in own.items()), ZERO)
        coins = sum((view.assets[a].weight_of(view.assets[a].held_qty) for a in assets), ZERO)
        level = _level(policy, sleeve, coins, target, sleeve.band.width(sleeve.weight))
        level = min(moved, coins, level, key=lambda weight: abs(weight - target))
        weights |= {a: _share(targets, own, view, a) * level for a in assets}
    return weights


def _sleeve(
    policy: DriftPolicy,
    sleeve: Sleeve,
    assets: list[str],
    scene: Scene,
    state: DriftState,
    *,
    called: bool,
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
    waits = (reason("drift_waits_band", **numbers),)
    inside = abs(weight - target) <= width
    if inside and not called:
        why = reason("inside_band", **numbers)
        return [_keep(policy, a, state, why, waits) for a in assets]
    if called:
        level = target
    why = reason("calendar_due" if inside else "outside_band", to=_shown(level), **numbers)
    moves = [
        _move(policy, a, _share(targets, own, view, a) * level, scene, state, why) for a in assets
    ]
    excluded = Legs.UNDERWEIGHT if weight > target else Legs.OVERWEIGHT
    if policy.legs is excluded:
        why = reason("leg_excluded", legs=policy.legs.value, **numbers)
        held = [_released(move, why, over=weight > target) for move in moves]
        return [replace(d, waits_for=waits) for d in held]
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
    held = sum(weights.values(), ZERO)
    return weights[asset] / held if held != 0 else ZERO


def _move(
    policy: DriftPolicy,
    asset: str,
    weight: Decimal,
    scene: Scene,
    state: DriftState,
    why: Reason,
) -> Decision:
    """The overlay that gives ``asset`` the own weight ``weight``."""
    in_coins = policy.settle.mode is SettleMode.SPOT
    listed = scene.universe.spot if in_coins else scene.universe.futures
    listing = listed.get(asset)
    if listing is None:
        missing = reason("no_instrument", asset=asset, quote=scene.view.quote)
        if in_coins:
            missing = reason("convert_no_pair", asset=asset)
        return _keep(policy, asset, state, missing)
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


def _keep(
    policy: DriftPolicy,
    asset: str,
    state: DriftState,
    why: Reason,
    waits_for: tuple[Reason, ...] = (),
) -> Decision:
    overlay = overlay_of(state, asset)
    return Decision(
        strategy=policy.id,
        kind=policy.kind,
        asset=asset,
        overlay=overlay,
        previous=overlay,
        reason=why,
        waits_for=waits_for,
    )


def _shown(weight: Decimal) -> str:
    return text(quantize(weight, _SHOWN))
