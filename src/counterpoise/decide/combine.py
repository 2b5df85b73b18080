"""How strategies add up (MEANING 6-7): overlays are summed per asset, then clamped so that nothing is net short.

The clamp cuts the strategy of lowest priority first; every cut is noted with what was asked and what was given.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal

from counterpoise.decide.agreed import beyond
from counterpoise.decide.brakes import cut_by_guards, held_by_basis
from counterpoise.decide.leg import least_of
from counterpoise.domain.decision import Decision
from counterpoise.domain.instrument import base_of
from counterpoise.domain.numbers import ZERO, shrink_step, text
from counterpoise.domain.operator import Approval, ApprovalState
from counterpoise.domain.policy import PortfolioPolicy
from counterpoise.domain.portfolio import AssetView, PortfolioView, Universe
from counterpoise.domain.reasons import Reason, reason
from counterpoise.domain.scene import Scene
from counterpoise.domain.strategy import DriftPolicy
from counterpoise.domain.strategy.drift import Legs


def granted_of(
    decisions: Sequence[Decision],
    scene: Scene,
    baselines: Mapping[tuple[str, str], Decimal],
    approvals: tuple[Approval, ...] = (),
) -> tuple[tuple[Decision, ...], tuple[Reason, ...]]:
    """Return the decisions with what is given of each overlay, and a note for every overlay that was cut.

    ``decisions`` come in order of priority, highest first; ``baselines`` is (venue, symbol) -> foreign position.
    First what an operator has yet to approve is capped, and no other leg of a drift grows before the answer; then the
    clamp keeps every asset from going net short. Guards of carry and basis (``scene.brakes``) take away what is theirs
    to take before and after it.
    While own futures are being closed nothing is given, in futures or coins.
    """
    if scene.flattening:
        nothing = tuple(replace(d, given=ZERO, coins=None) for d in decisions)
        return nothing, (reason("flattening"),)
    notes: list[Reason] = []
    given: dict[tuple[str, str], Decimal] = {}
    caps = {(a.strategy, a.asset): a for a in approvals if a.caps}
    waiting = _waiting(decisions, caps)
    for asset in dict.fromkeys(d.asset for d in decisions):
        overlays = []
        for decision in (d for d in decisions if d.asset == asset):
            qty, note = _capped(decision, caps.get((decision.strategy, asset)))
            if not note and decision.strategy in waiting:
                qty, note = _beside(decision, waiting[decision.strategy], scene)
            qty, cut = cut_by_guards(decision.strategy, asset, qty, scene)
            overlays.append((decision.strategy, qty))
            notes += note + cut
        listing = scene.universe.futures.get(asset)
        if listing is not None and not scene.policy.allow_net_short:
            floor = -(scene.view.assets[asset].held_qty + _foreign(asset, baselines))
            # what a cross hedge is short of here stands against coins of another name, and is no part of it
            apart = scene.policy.cross_hedges
            shorts = {s: q for s, q in overlays if q < 0 and s in apart}
            own = [(s, q) for s, q in overlays if s not in shorts]
            clamped, cut = _clamp(asset, own, floor, listing.instrument.lot_size)
            left = dict(clamped) | shorts
            overlays = [(s, left[s]) for s, _ in overlays]
            notes += cut
        overlays, waits = held_by_basis(asset, overlays, scene)
        notes += waits
        given |= {(strategy, asset): qty for strategy, qty in overlays}
    return (
        tuple(replace(d, given=given[d.strategy, d.asset]) for d in decisions),
        tuple(notes),
    )


def _capped(decision: Decision, approval: Approval | None) -> tuple[Decimal, list[Reason]]:
    """The overlay within what an operator has approved so far."""
    if approval is None:
        return decision.overlay, []
    low, high = min(approval.cap, ZERO), max(approval.cap, ZERO)
    given = min(max(decision.overlay, low), high)
    if given == decision.overlay:
        return given, []
    return given, [
        reason(
            "awaits_approval",
            strategy=decision.strategy,
            asset=decision.asset,
            asked=text(decision.overlay),
            given=text(given),
            id=approval.id,
            state=approval.state.value,
        )
    ]


def _waiting(
    decisions: Sequence[Decision], caps: Mapping[tuple[str, str], Approval]
) -> dict[str, Approval]:
    """Drift strategy -> the request one of its legs waits for."""
    asked: dict[str, Approval] = {}
    for decision in decisions:
        approval = caps.get((decision.strategy, decision.asset))
        if decision.kind != "drift" or approval is None:
            continue
        if approval.state is ApprovalState.WAITING and beyond(decision.overlay, approval.cap):
            asked.setdefault(decision.strategy, approval)
    return asked


def _beside(decision: Decision, approval: Approval, scene: Scene) -> tuple[Decimal, list[Reason]]:
    """The overlay of a leg whose counterpart waits for an answer: no more than it was given so far.

    The legs of a shape offset each other; one that grows alone moves exposure away from it. Letting go never waits.
    """
    held = scene.holding(decision.strategy, decision.asset)
    given = held.futures + held.pending
    if decision.coins is not None or not beyond(decision.overlay, given):
        return decision.overlay, []
    # a leg that changes sides first goes back to nothing
    low, high = min(given, ZERO), max(given, ZERO)
    given = min(max(decision.overlay, low), high)
    return given, [
        reason(
            "awaits_other_leg",
            strategy=decision.strategy,
            asset=decision.asset,
            asked=text(decision.overlay),
            given=text(given),
            other=approval.asset,
            id=approval.id,
        )
    ]


def _foreign(asset: str, baselines: Mapping[tuple[str, str], Decimal]) -> Decimal:
    """Foreign futures on ``asset`` in whichever contract: each counts in spot + futures >= 0."""
    return sum((q for (_, s), q in baselines.items() if base_of(s) == asset), ZERO)


def _clamp(
    asset: str, overlays: list[tuple[str, Decimal]], floor: Decimal, lot: Decimal
) -> tuple[list[tuple[str, Decimal]], list[Reason]]:
    """Raise negative overlays, last first, until their sum is at least ``floor`` (cut to the lot)."""
    floor = min(shrink_step(floor, lot), ZERO)
    excess = floor - sum((q for _, q in overlays), ZERO)
    kept = list(overlays)
    notes: list[Reason] = []
    for index in range(len(kept) - 1, -1, -1):
        strategy, asked = kept[index]
        if excess <= 0 or asked >= 0:
            continue
        given = min(asked + excess, ZERO)
        excess -= given - asked
        kept[index] = (strategy, given)
        notes.append(
            reason(
                "net_short_clamp",
                asset=asset,
                strategy=strategy,
                asked=text(asked),
                given=text(given),
            )
        )
    return kept, notes


def effective_targets_of(decisions: Sequence[Decision], scene: Scene) -> dict[str, Decimal]:
    """Return the weight each asset's exposure is judged against (MEANING 6).

    With a drift strategy: the shape's weight plus the overlays of all others. Without one nobody keeps the shape,
    so it is what is held plus all overlays. Never below 0 where the clamp would stop it there.
    """
    policy, view = scene.policy, scene.view
    has_drift = any(s.kind == "drift" for s in policy.strategies)
    targets: dict[str, Decimal] = {}
    for asset in policy.assets:
        seen = view.assets[asset]
        others = sum((d.granted for d in decisions if d.asset == asset and d.kind != "drift"), ZERO)
        base = policy.target_weight(asset) if has_drift else seen.spot_weight
        target = base + seen.weight_of(others)
        crossed = [d for d in decisions if d.asset == asset and d.strategy in policy.cross_hedges]
        low = seen.weight_of(sum((min(d.granted, ZERO) for d in crossed), ZERO))
        targets[asset] = target if policy.allow_net_short else max(target, low)
    return targets


def within_band(
    policy: PortfolioPolicy,
    view: PortfolioView,
    effective_targets: Mapping[str, Decimal],
    universe: Universe,
) -> bool:
    """Whether every sleeve's effective weight is inside its band around the effective target.

    Only what the config may correct is judged (MEANING 3): not a sleeve of quote alone, which only futures on the
    others can move, and not a side that drift's ``legs`` leave alone. What every asset is off by may be less than its
    contract trades: then nothing can be done about the sleeve, and it counts as inside.
    """
    legs = {s.legs for s in policy.strategies if isinstance(s, DriftPolicy)}
    for sleeve in policy.sleeves:
        assets = [a for a in sleeve.assets if a != policy.quote]
        off = {a: view.assets[a].effective_weight - effective_targets[a] for a in assets}
        if not any(
            _tradable(view.assets[a], view.assets[a].qty_of(w), universe) for a, w in off.items()
        ):
            continue
        away = sum(off.values(), ZERO)
        side = Legs.OVERWEIGHT if away > 0 else Legs.UNDERWEIGHT
        judged = not legs or side in legs or Legs.BOTH in legs
        if judged and abs(away) > sleeve.band.width(sleeve.weight):
            return False
    return True


def _tradable(asset: AssetView, qty: Decimal, universe: Universe) -> bool:
    """Whether ``qty`` (signed base units) is no less than the contract of ``asset`` trades; without one, any is."""
    listing = universe.futures.get(asset.asset)
    return listing is None or abs(qty) >= least_of(listing.instrument, asset.price)
