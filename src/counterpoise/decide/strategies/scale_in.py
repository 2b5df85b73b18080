"""Scale in: build a long in tranches that each need a stronger reason, and let go when it proves wrong.

``entry`` comes first, then ``confirm`` (a bounce off the support and a break of the resistance), then ``commit``
(momentum of closed bars), at most one of them in a cycle. None is added to a position that loses: the mark must not be
below the average entry by the hedge book, or, as long as no fill has arrived there, below the mark at which it was
decided to enter. At or below ``invalidate`` it was wrong: it closes, or turns into a short of the size it wanted,
never more than the coins held. That is the only way it ever changes sign.
"""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from counterpoise.decide.answer import answered, asked, no_instrument
from counterpoise.decide.tranches import TRANCHES, entry_readings, losing, next_tranche
from counterpoise.decide.triggers import Reading, read_price, settled
from counterpoise.domain.decision import Outcome, Wakeups
from counterpoise.domain.numbers import ZERO, shrink_step, text
from counterpoise.domain.operator import CommandKind
from counterpoise.domain.reasons import Reason, reason
from counterpoise.domain.scene import Scene
from counterpoise.domain.strategy import ScaleInPolicy, ScaleInState, overlay_of
from counterpoise.domain.strategy.scale_in import OnInvalid, ScaleInPhase

_INVALID = "invalid"


def scale_in(policy: ScaleInPolicy, scene: Scene, state: ScaleInState) -> Outcome:
    """Return the one decision: a long (>= 0), or the short it was turned into, in base units."""
    previous = overlay_of(state, policy.asset)
    state, word = _told(policy, scene, state)
    if policy.asset not in scene.universe.futures:
        return no_instrument(policy, scene, replace(state, held={}))
    match state.phase:
        case ScaleInPhase.WAITING:
            return _waiting(policy, scene, state, previous)
        case ScaleInPhase.HEDGING:
            return _hedging(policy, scene, state, previous)
        case ScaleInPhase.ENDED:
            return _over(policy, state, previous, word)
        case _:
            return _long(policy, scene, state, previous)


def _told(
    policy: ScaleInPolicy, scene: Scene, state: ScaleInState
) -> tuple[ScaleInState, Reason | None]:
    """The state after what operators ask now, and the reason for it where they ended it."""
    word = None
    for kind in asked(policy, scene):
        if kind in {CommandKind.RELEASE, CommandKind.CANCEL}:
            state, word = _ended(state), _ending(policy, reason("if_asked"))
        elif kind is CommandKind.START and state.phase is ScaleInPhase.ENDED:
            state, word = ScaleInState(overlays=state.overlays), None
    return state, word


def _waiting(
    policy: ScaleInPolicy, scene: Scene, state: ScaleInState, previous: Decimal
) -> Outcome:
    """No position: enters when its prices count, unless the price is where the long would be wrong."""
    wrong = read_price(scene, policy.asset, policy.source, policy.invalidate, rising=False)
    entries = entry_readings(policy, scene)
    names, held, wakeups = settled(entries, state.held, scene.now)
    if wrong.holds is False and names == set(entries):
        state = replace(state, held=held, entry_price=scene.view.assets[policy.asset].price)
        return _stepped(policy, scene, state, previous, entries, ScaleInPhase.ENTERED)
    if wrong.holds is None:
        why = wrong.says
    elif wrong.holds:
        why = reason("scale_wrong_already", asset=policy.asset, because=wrong.says.text)
    else:
        why = reason("scale_waits", asset=policy.asset)
    waits = tuple(r.says for r in entries.values() if not r.fact)
    state = replace(state, held=held)
    wakeups |= Wakeups(above={policy.asset: policy.invalidate}) if wrong.holds else Wakeups()
    return answered(
        policy,
        state,
        ZERO,
        why,
        previous=previous,
        waits_for=waits or (wrong.says,),
        wakeups=wakeups,
    )


def _long(policy: ScaleInPolicy, scene: Scene, state: ScaleInState, previous: Decimal) -> Outcome:
    """A position is on: lets go when it is wrong, else adds the next tranche when that has its reason."""
    wrong = read_price(scene, policy.asset, policy.source, policy.invalidate, rising=False)
    phase, step = next_tranche(policy, scene, state)
    steps = {} if step is None else {phase.value: step}
    names, held, wakeups = settled({_INVALID: wrong, **steps}, state.held, scene.now)
    if _INVALID in names:
        return _invalid(policy, scene, state, previous, wrong.says)
    state = replace(state, held=held)
    loses = losing(policy, scene, state, phase)
    if phase.value in names and loses is None:
        return _stepped(policy, scene, state, previous, steps, phase)
    overlay = _size(policy, scene, state.phase)
    unknown = [r.says for r in (wrong, *steps.values()) if r.holds is None]
    why = reason("scale_holds", asset=policy.asset, overlay=text(overlay))
    if loses is not None and phase.value in names:
        why = loses
    elif unknown and overlay == previous:
        why = unknown[0]
    # an unknown price is said once, not by each that waits for it
    waits = {r.text: r for r in (*(s.says for s in steps.values()), wrong.says)}
    if loses is not None and step is not None:
        waits[loses.text] = loses
    return answered(
        policy,
        state,
        overlay,
        why,
        previous=previous,
        waits_for=tuple(waits.values()),
        wakeups=wakeups,
    )


def _stepped(
    policy: ScaleInPolicy,
    scene: Scene,
    state: ScaleInState,
    previous: Decimal,
    because: dict[str, Reading],
    phase: ScaleInPhase,
) -> Outcome:
    """Take the tranche that leads to ``phase``."""
    state = replace(state, phase=phase, stepped_at=scene.now)
    overlay = _size(policy, scene, phase)
    numbers = {k: v for r in because.values() for k, v in r.says.numbers.items()}
    why = reason(
        "scale_adds",
        **{**numbers, "asset": policy.asset},
        tranche=TRANCHES[phase],
        because=" and ".join(r.says.text for r in because.values()),
        overlay=text(overlay),
    )
    wrong = read_price(scene, policy.asset, policy.source, policy.invalidate, rising=False)
    _, step = next_tranche(policy, scene, state)
    waits = (wrong.says,) if step is None else (step.says, wrong.says)
    return answered(
        policy,
        state,
        overlay,
        why,
        previous=previous,
        waits_for=waits,
        # at what has just been reached, the next levels are others
        wakeups=wrong.wakeups | Wakeups(soon=True),
    )


def _invalid(
    policy: ScaleInPolicy, scene: Scene, state: ScaleInState, previous: Decimal, because: Reason
) -> Outcome:
    """The long was wrong: close it, or turn it into a hedge of the same size."""
    if policy.on_invalid is OnInvalid.CLOSE:
        return _over(policy, _ended(state), previous, _ending(policy, because))
    size = _size(policy, scene, state.phase)
    state = replace(_ended(state), phase=ScaleInPhase.HEDGING, hedged=size)
    return _hedging(policy, scene, state, previous, because)


def _hedging(
    policy: ScaleInPolicy,
    scene: Scene,
    state: ScaleInState,
    previous: Decimal,
    because: Reason | None = None,
) -> Outcome:
    """Short what the long was, within the coins held now; ``because``: what made it a hedge just now."""
    held = max(scene.view.assets[policy.asset].held_qty, ZERO)
    size = state.hedged if state.hedged is not None else ZERO
    overlay = -_cut(policy, scene, min(size, held))
    if because is None:
        why = reason(
            "scale_hedge_holds",
            qty=text(size),
            held=text(held),
            asset=policy.asset,
            overlay=text(overlay),
        )
    else:
        numbers = {**because.numbers, "asset": policy.asset, "overlay": text(overlay)}
        why = reason("scale_hedges", **numbers, because=because.text)
    waits = (reason("release_waits_command", strategy=policy.id),)
    return answered(policy, state, overlay, why, previous=previous, waits_for=waits)


def _over(
    policy: ScaleInPolicy, state: ScaleInState, previous: Decimal, word: Reason | None
) -> Outcome:
    why = word or reason("strategy_ended", strategy=policy.id)
    waits = (reason("start_waits_command", strategy=policy.id),)
    return answered(policy, state, ZERO, why, previous=previous, waits_for=waits)


def _size(policy: ScaleInPolicy, scene: Scene, phase: ScaleInPhase) -> Decimal:
    """The position wanted in ``phase``."""
    qty = policy.entry.qty
    if phase is not ScaleInPhase.ENTERED and policy.confirm is not None:
        qty += policy.confirm.qty
    if phase is ScaleInPhase.COMMITTED and policy.commit is not None:
        qty = policy.commit.to
    return _cut(policy, scene, qty)


def _cut(policy: ScaleInPolicy, scene: Scene, qty: Decimal) -> Decimal:
    return shrink_step(qty, scene.universe.futures[policy.asset].instrument.lot_size)


def _ended(state: ScaleInState) -> ScaleInState:
    return ScaleInState(overlays=state.overlays, phase=ScaleInPhase.ENDED)


def _ending(policy: ScaleInPolicy, because: Reason) -> Reason:
    numbers = {**because.numbers, "asset": policy.asset, "strategy": policy.id}
    return reason("strategy_ends", **numbers, because=because.text)
