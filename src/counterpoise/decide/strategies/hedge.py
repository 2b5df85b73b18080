"""Hedge: hold futures against a coin, so that a fall costs little while the coin stays where it is.

``ratio`` is measured on the live spot plus outside holdings of the asset (MEANING 6 and 13), never on what other
strategies do. The overlay is cut towards zero to the contract's lot: rounding may under-hedge, never over-hedge.

It opens when its condition holds, unless what would release it holds as well, and closes by its release. Closed by a
price or an operator, it must see its condition pass before that may open it anew (hysteresis); closed by time, it has
ended. What is not known opens nothing and closes nothing.
"""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from counterpoise.decide.answer import answered, asked, no_instrument
from counterpoise.decide.strategies.cross import cross_sized, cross_wakeups
from counterpoise.decide.triggers import Reading, next_bar, passed, read, settled
from counterpoise.domain.decision import Outcome
from counterpoise.domain.numbers import ZERO, shrink_step, text
from counterpoise.domain.operator import CommandKind
from counterpoise.domain.reasons import Reason, reason
from counterpoise.domain.scene import Scene
from counterpoise.domain.strategy import HedgePolicy, HedgeState, overlay_of, with_overlays
from counterpoise.domain.strategy.conditions import (
    Always,
    At,
    During,
    Extreme,
    Manual,
    Rebound,
    lowest,
)
from counterpoise.domain.strategy.hedge import HedgePhase, HedgeSide


def hedge(policy: HedgePolicy, scene: Scene, state: HedgeState) -> Outcome:
    """Return the one decision of a hedge: short (<= 0) or long (>= 0) base units of what it moves."""
    outcome = _hedged(policy, scene, state)
    if policy.cross is None:
        return outcome
    # how the two move together breaks and heals with closed bars, also while nothing is open
    seen = outcome.wakeups | next_bar(scene, policy.cross.interval)
    return replace(outcome, wakeups=seen)


def _hedged(policy: HedgePolicy, scene: Scene, state: HedgeState) -> Outcome:
    (moved,) = policy.assets
    previous = overlay_of(state, moved)
    state, word = _told(policy, scene, state)
    if moved not in scene.universe.futures:
        return no_instrument(policy, scene, replace(state, held={}))
    over = _over(policy, scene)
    if over is not None and state.phase is not HedgePhase.ENDED:
        state, word = _closed(state, HedgePhase.ENDED), _ending(policy, over.says)
    match state.phase:
        case HedgePhase.WAITING:
            return _waiting(policy, scene, state, previous)
        case HedgePhase.ON:
            return _on(policy, scene, state, previous)
        case HedgePhase.RELEASED:
            return _released(policy, scene, state, previous, word)
        case HedgePhase.ENDED:
            why = word or reason("strategy_ended", strategy=policy.id)
            waits = (reason("start_waits_command", strategy=policy.id),)
            return answered(policy, state, ZERO, why, previous=previous, waits_for=waits)


def _told(policy: HedgePolicy, scene: Scene, state: HedgeState) -> tuple[HedgeState, Reason | None]:
    """The state after what operators ask now, and the reason for it where something was closed."""
    word = None
    for kind in asked(policy, scene):
        if kind is CommandKind.CANCEL:
            state, word = _closed(state, HedgePhase.ENDED), _ending(policy, reason("if_asked"))
        elif kind is CommandKind.RELEASE and state.phase is HedgePhase.ON:
            state = _closed(state, HedgePhase.RELEASED)
            word = _releasing(policy, reason("if_asked"))
        elif kind is CommandKind.START and state.phase in {HedgePhase.RELEASED, HedgePhase.ENDED}:
            state, word = _closed(state, HedgePhase.WAITING), None
    return state, word


def _over(policy: HedgePolicy, scene: Scene) -> Reading | None:
    """The reading of the instant after which there is no hedge any more, once it has come."""
    ends = [At(at=policy.when.end_at)] if isinstance(policy.when, During) else []
    ends += [policy.release] if isinstance(policy.release, At) else []
    return next((r for r in (read(end, scene, policy.asset) for end in ends) if r.holds), None)


def _waiting(policy: HedgePolicy, scene: Scene, state: HedgeState, previous: Decimal) -> Outcome:
    """Closed: opens when its condition counts and its release does not hold."""
    when, release = (read(c, scene, policy.asset) for c in (policy.when, policy.release))
    names, held, wakeups = settled({"when": when}, state.held, scene.now)
    if "when" in names and release.holds is not True:
        return _on(policy, scene, _opened(state, scene), previous, opening=when)
    waits: tuple[Reason, ...] = (when.says,)
    if "when" in names:
        why = reason("hedge_release_holds", asset=policy.asset, because=release.says.text)
        waits = (passed(release).says,)
        wakeups |= passed(release).wakeups
    else:
        why = when.says if when.holds is None else reason("hedge_waits", asset=policy.asset)
    state = replace(state, held=held)
    return answered(policy, state, ZERO, why, previous=previous, waits_for=waits, wakeups=wakeups)


def _opened(state: HedgeState, scene: Scene) -> HedgeState:
    return replace(state, phase=HedgePhase.ON, held={}, opened_at=scene.now)


def _on(
    policy: HedgePolicy,
    scene: Scene,
    state: HedgeState,
    previous: Decimal,
    opening: Reading | None = None,
) -> Outcome:
    """Open: follows what is held until it is released. ``opening``: what opened it in this very cycle."""
    if isinstance(policy.release, Rebound):
        price = scene.price(policy.asset, policy.release.source)
        state = replace(state, low=lowest(state.low, price, scene.now))
    release = read(policy.release, scene, policy.asset, state.low)
    names, held, wakeups = settled({"release": release}, state.held, scene.now)
    if "release" in names and opening is None:
        word = _releasing(policy, release.says)
        return _released(policy, scene, _closed(state, HedgePhase.RELEASED), previous, word)
    state, overlay, why = _sized(policy, scene, state, previous)
    if policy.cross is not None:
        sized = with_overlays(state, {policy.cross.by: overlay})
        wakeups |= cross_wakeups(policy, policy.cross, scene, sized)
    if overlay == previous and release.holds is None:
        why = release.says
    elif opening is not None and not isinstance(policy.when, Always) and overlay != 0:
        why = reason(
            "hedge_opens",
            **{**opening.says.numbers, "asset": policy.asset},
            overlay=text(overlay),
            because=opening.says.text,
        )
    if isinstance(policy.when, During):
        wakeups |= read(policy.when, scene, policy.asset).wakeups
    waits = _endings(policy, scene, release)
    state = replace(state, held=held)
    return answered(
        policy, state, overlay, why, previous=previous, waits_for=waits, wakeups=wakeups
    )


def _endings(policy: HedgePolicy, scene: Scene, release: Reading) -> tuple[Reason, ...]:
    """What would close it, in words; nothing but an operator goes without saying."""
    ends: tuple[Reason, ...] = ()
    if isinstance(policy.when, During):
        ends = (read(At(at=policy.when.end_at), scene, policy.asset).says,)
    if not isinstance(policy.release, Manual):
        ends = (*ends, release.says)
    return ends or (reason("release_waits_command", strategy=policy.id),)


def _released(
    policy: HedgePolicy, scene: Scene, state: HedgeState, previous: Decimal, word: Reason | None
) -> Outcome:
    """Closed, and not open to its condition before that has passed; ``word``: why it was closed just now."""
    gone = passed(read(policy.when, scene, policy.asset))
    names, held, wakeups = settled({"passed": gone}, state.held, scene.now)
    if "passed" in names and word is None:
        return _waiting(policy, scene, replace(state, phase=HedgePhase.WAITING, held={}), previous)
    always = isinstance(policy.when, Always)
    rests = reason("hedge_rests_always" if always else "hedge_rests", asset=policy.asset)
    why = word or (gone.says if gone.holds is None else rests)
    waits = (reason("start_waits_command", strategy=policy.id),) if always else (gone.says,)
    state = replace(state, held=held)
    return answered(policy, state, ZERO, why, previous=previous, waits_for=waits, wakeups=wakeups)


def _closed(state: HedgeState, phase: HedgePhase) -> HedgeState:
    return replace(state, phase=phase, held={}, opened_at=None, low=Extreme(), against=None)


def _releasing(policy: HedgePolicy, because: Reason) -> Reason:
    numbers = {**because.numbers, "asset": policy.asset}
    return reason("hedge_released", **numbers, because=because.text)


def _ending(policy: HedgePolicy, because: Reason) -> Reason:
    numbers = {**because.numbers, "asset": policy.asset, "strategy": policy.id}
    return reason("strategy_ends", **numbers, because=because.text)


def _sized(
    policy: HedgePolicy, scene: Scene, state: HedgeState, previous: Decimal
) -> tuple[HedgeState, Decimal, Reason]:
    """The overlay of an open hedge, and what it was reckoned from."""
    held = scene.view.assets[policy.asset].held_qty
    sign = 1 if policy.side is HedgeSide.LONG else -1
    ratio = policy.ratio if policy.ratio is not None else ZERO
    hedged = policy.qty if policy.qty is not None else ratio * held
    if policy.qty is None and held <= 0:
        return state, ZERO, reason("nothing_held", asset=policy.asset)
    if policy.cross is not None:
        return cross_sized(policy, policy.cross, scene, state, sign, hedged, previous)
    lot = scene.universe.futures[policy.asset].instrument.lot_size
    overlay = sign * shrink_step(hedged, lot)
    size = {"asset": policy.asset, "overlay": text(overlay)}
    if policy.qty is not None:
        return state, overlay, reason("hedge_qty", qty=text(policy.qty), **size)
    return state, overlay, reason("hedge_ratio", ratio=text(ratio), held=text(held), **size)
