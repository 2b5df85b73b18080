"""Profit ladder: scale out of a rally with shorts against the coin, and close them when the rally is over.

Each target that is reached adds a fraction of the *live* holding (spot + outside, MEANING 13): the overlay is always
minus the sum of the reached fractions times what is held now. So it shrinks when coins are sold and grows when coins
arrive, which is what "25 % of the holding is sold forward" means in every cycle; whether a deposit may add to it is
asked elsewhere (approvals). The coins themselves are never touched.

A target counts once until the ladder is armed anew, however often the price comes back to it; one cycle may reach
several. The rally's high counts from the first target on, as two cycles agree on it.
"""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from counterpoise.decide.answer import answered, asked, no_instrument
from counterpoise.decide.triggers import Reading, priced, read, read_price, settled
from counterpoise.domain.decision import Outcome, Wakeups
from counterpoise.domain.numbers import ONE, ZERO, shrink_step, text
from counterpoise.domain.operator import CommandKind
from counterpoise.domain.reasons import Reason, reason
from counterpoise.domain.scene import Scene
from counterpoise.domain.strategy import ProfitLadderPolicy, ProfitLadderState, overlay_of
from counterpoise.domain.strategy.conditions import At, Extreme, highest
from counterpoise.domain.strategy.profit_ladder import LadderPhase

#: The names of its ends, among those of its targets, which are numbers.
_ENDS = ("trail", "below")


def profit_ladder(policy: ProfitLadderPolicy, scene: Scene, state: ProfitLadderState) -> Outcome:
    """Return the one decision of a ladder; its overlay is <= 0, in base units."""
    previous = overlay_of(state, policy.asset)
    state, word = _told(policy, scene, state)
    state = replace(state, hit=min(state.hit, len(policy.targets)))
    if policy.asset not in scene.universe.futures:
        unseen = replace(state, held={}, high=highest(state.high, None, scene.now))
        return no_instrument(policy, scene, unseen)
    time = _time(policy, scene)
    if time is not None and time.holds and state.phase is not LadderPhase.ENDED:
        state, word = _ended(state), _ending(policy, time.says)
    if state.phase is LadderPhase.ENDED:
        return _over(policy, scene, state, previous, word)
    return _climbing(policy, scene, state, previous)


def _told(
    policy: ProfitLadderPolicy, scene: Scene, state: ProfitLadderState
) -> tuple[ProfitLadderState, Reason | None]:
    """The state after what operators ask now, and the reason for it where they ended it."""
    word = None
    for kind in asked(policy, scene):
        if kind in {CommandKind.RELEASE, CommandKind.CANCEL}:
            state = replace(_ended(state), cancelled=kind is CommandKind.CANCEL)
            word = _ending(policy, reason("if_asked"))
        elif kind is CommandKind.START and state.phase is LadderPhase.ENDED:
            state, word = _armed(state), None
    return state, word


def _time(policy: ProfitLadderPolicy, scene: Scene) -> Reading | None:
    at = policy.end.at
    return None if at is None else read(At(at=at), scene, policy.asset)


def _climbing(
    policy: ProfitLadderPolicy, scene: Scene, state: ProfitLadderState, previous: Decimal
) -> Outcome:
    """Armed or in a rally: takes the targets that are reached, or ends."""
    rally = state.phase is LadderPhase.RALLY
    if rally and policy.end.trail is not None:
        price = scene.price(policy.asset, policy.source)
        state = replace(state, high=highest(state.high, price, scene.now))
    targets = _targets(policy, scene, state)
    ends = _ends(policy, scene, state) if rally else {}
    names, held, wakeups = settled({**targets, **ends}, state.held, scene.now)
    for name in _ENDS:
        if name in names:
            word = _ending(policy, ends[name].says)
            return _over(policy, scene, _ended(state), previous, word)
    reached = state.hit + sum(name in names for name in targets)
    newest = targets[str(reached)] if reached > state.hit else None
    if newest is not None:
        state = _hit(policy, scene, state, reached)
        # at what has just been reached, the next levels are others
        wakeups = Wakeups(soon=True)
    overlay, why = _sized(policy, scene, state, newest)
    unknown = next((r.says for r in (*targets.values(), *ends.values()) if r.holds is None), None)
    if unknown is not None and overlay == previous:
        why = unknown
    return answered(
        policy,
        replace(state, held=held),
        overlay,
        why,
        previous=previous,
        waits_for=_waits(policy, scene, state),
        wakeups=wakeups | _watch(policy, scene, state),
    )


def _targets(
    policy: ProfitLadderPolicy, scene: Scene, state: ProfitLadderState
) -> dict[str, Reading]:
    """The targets yet to be reached, by number (from 1)."""
    return {
        str(number): read_price(scene, policy.asset, policy.source, target.price, rising=True)
        for number, target in enumerate(policy.targets, start=1)
        if number > state.hit
    }


def _ends(policy: ProfitLadderPolicy, scene: Scene, state: ProfitLadderState) -> dict[str, Reading]:
    """The prices at which the rally is over."""
    ends: dict[str, Reading] = {}
    asset, source, trail = policy.asset, policy.source, policy.end.trail
    if trail is not None and state.high.price is not None:
        level = state.high.price * (ONE - trail)
        says = reason(
            "if_fallen",
            size=text(trail),
            high=text(state.high.price),
            level=text(level),
            **priced(scene, asset, source),
        )
        ends["trail"] = read_price(scene, asset, source, level, rising=False, says=says)
    if policy.end.below is not None:
        ends["below"] = read_price(scene, asset, source, policy.end.below, rising=False)
    return ends


def _hit(
    policy: ProfitLadderPolicy, scene: Scene, state: ProfitLadderState, reached: int
) -> ProfitLadderState:
    """The state with ``reached`` targets; two cycles have agreed on the last of them as a high."""
    if state.phase is LadderPhase.RALLY or policy.end.trail is None:
        return replace(state, phase=LadderPhase.RALLY, hit=reached)
    high = Extreme(price=policy.targets[reached - 1].price)
    high = highest(high, scene.price(policy.asset, policy.source), scene.now)
    return replace(state, phase=LadderPhase.RALLY, hit=reached, high=high)


def _sized(
    policy: ProfitLadderPolicy, scene: Scene, state: ProfitLadderState, newest: Reading | None
) -> tuple[Decimal, Reason]:
    """The overlay of the targets reached so far; ``newest``: the last of them, if it was reached just now."""
    asset = policy.asset
    if state.hit == 0:
        return ZERO, reason("ladder_armed", asset=asset)
    seen, listing = scene.view.assets[asset], scene.universe.futures[asset]
    if seen.held_qty <= 0:
        return ZERO, reason("nothing_held", asset=asset)
    share = sum((t.add for t in policy.targets[: state.hit]), ZERO)
    overlay = -shrink_step(share * seen.held_qty, listing.instrument.lot_size)
    numbers = {
        "asset": asset,
        "hit": str(state.hit),
        "targets": str(len(policy.targets)),
        "share": text(share),
        "held": text(seen.held_qty),
        "overlay": text(overlay),
    }
    if newest is None:
        return overlay, reason("ladder_holds", **numbers)
    numbers = {**newest.says.numbers, **numbers}
    return overlay, reason("ladder_hit", because=newest.says.text, **numbers)


def _waits(
    policy: ProfitLadderPolicy, scene: Scene, state: ProfitLadderState
) -> tuple[Reason, ...]:
    """What would add the next short, and what would close them all."""
    readings = list(_targets(policy, scene, state).values())[:1]
    if state.phase is LadderPhase.RALLY:
        readings += _ends(policy, scene, state).values()
    time = _time(policy, scene)
    readings += [time] if time is not None else []
    # a price that is not known is said once, not by each that waits for it
    said = tuple({r.says.text: r.says for r in readings}.values())
    return said or (reason("release_waits_command", strategy=policy.id),)


def _watch(policy: ProfitLadderPolicy, scene: Scene, state: ProfitLadderState) -> Wakeups:
    """When to look again beside the levels: at its time, and at a new high."""
    time = _time(policy, scene)
    wakeups = time.wakeups if time is not None else Wakeups()
    if state.high.price is None:
        return wakeups
    high = Wakeups(soon=state.high.next is not None, above={policy.asset: state.high.price})
    return wakeups | high


def _over(
    policy: ProfitLadderPolicy,
    scene: Scene,
    state: ProfitLadderState,
    previous: Decimal,
    word: Reason | None,
) -> Outcome:
    """Nothing is short; a fall to ``rearm`` or an operator arms it anew. ``word``: why it ended just now."""
    why = word or reason("strategy_ended", strategy=policy.id)
    waits: tuple[Reason, ...] = (reason("start_waits_command", strategy=policy.id),)
    time = _time(policy, scene)
    if policy.rearm is None or state.cancelled or (time is not None and time.holds):
        state = replace(state, held={})
        return answered(policy, state, ZERO, why, previous=previous, waits_for=waits)
    low = read_price(scene, policy.asset, policy.source, policy.rearm, rising=False)
    names, held, wakeups = settled({"rearm": low}, state.held, scene.now)
    if word is None:
        over = reason("ladder_over", asset=policy.asset, strategy=policy.id)
        why = low.says if low.holds is None else over
    if "rearm" in names and word is None:
        arms = {**low.says.numbers, "strategy": policy.id, "because": low.says.text}
        state, held, why = _armed(state), {}, reason("ladder_arms", **arms)
        waits, wakeups = _waits(policy, scene, state), Wakeups(soon=True)
    else:
        waits = (low.says, *waits)
    state = replace(state, held=held)
    return answered(policy, state, ZERO, why, previous=previous, waits_for=waits, wakeups=wakeups)


def _armed(state: ProfitLadderState) -> ProfitLadderState:
    return ProfitLadderState(overlays=state.overlays)


def _ended(state: ProfitLadderState) -> ProfitLadderState:
    return ProfitLadderState(overlays=state.overlays, phase=LadderPhase.ENDED)


def _ending(policy: ProfitLadderPolicy, because: Reason) -> Reason:
    numbers = {**because.numbers, "asset": policy.asset, "strategy": policy.id}
    return reason("strategy_ends", **numbers, because=because.text)
