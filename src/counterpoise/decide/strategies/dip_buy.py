"""Dip buy: a long in futures when the price has fallen far enough, then its profit, or coins in its place.

The dip is measured from the highest high of closed bars. The long is a fixed quantity, or what is missing to an
exposure (measured on spot + outside holdings, MEANING 6), within the leverage allowed; it stays as it is until its
exit. ``take_profit`` closes it at a level and may spend what it earned on coins. ``convert`` buys coins with free
quote while the long is released for them: at its levels, by an operator's word, or, when it names no level and is
not ``on_command``, as soon as the long is on. A stop closes whatever is left of the long.
"""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from counterpoise.decide.answer import answered, asked, no_instrument
from counterpoise.decide.conversion import Progress, begin, pace_of, proceed
from counterpoise.decide.converts import level_price
from counterpoise.decide.leg import in_lots, least_of
from counterpoise.decide.triggers import Reading, read, read_price, settled
from counterpoise.decide.watch import Watched, quiet
from counterpoise.domain.decision import Outcome, Wakeups
from counterpoise.domain.numbers import ZERO, dec, text
from counterpoise.domain.operator import CommandKind
from counterpoise.domain.reasons import Reason, reason
from counterpoise.domain.scene import Scene
from counterpoise.domain.strategy import DipBuyPolicy, DipBuyState, overlay_of
from counterpoise.domain.strategy.conditions import At, Drop
from counterpoise.domain.strategy.conversion import ConvertPolicy, Level
from counterpoise.domain.strategy.dip_buy import DipBuyPhase, TakeProfit

#: How far below the leverage allowed a long is cut that went above it, so that it is not cut with every tick.
_ROOM = dec("0.95")


def dip_buy(policy: DipBuyPolicy, scene: Scene, state: DipBuyState) -> Outcome:
    """Return the one decision: a long (>= 0) in base units, and coins while it is converted or its profit spent."""
    previous = overlay_of(state, policy.asset)
    converts, word = False, None
    for kind in asked(policy, scene):
        if kind in {CommandKind.RELEASE, CommandKind.CANCEL}:
            state, word = _over(state), _ends(policy, reason("if_asked"))
        elif kind is CommandKind.START and state.phase is DipBuyPhase.ENDED:
            state, word = DipBuyState(overlays=state.overlays), None
        elif kind is CommandKind.CONVERT:
            converts = state.phase is DipBuyPhase.LONG
    match state.phase:
        case DipBuyPhase.WAITING | DipBuyPhase.LONG if policy.asset not in scene.universe.futures:
            return no_instrument(policy, scene, replace(state, held={}))
        case DipBuyPhase.WAITING:
            return _waiting(policy, scene, state, previous)
        case DipBuyPhase.LONG:
            return _long(policy, scene, state, previous, converts=converts)
        case DipBuyPhase.CONVERTING:
            return _converting(policy, scene, state, previous)
        case DipBuyPhase.SPENDING:
            return _spending(policy, scene, state, previous)
        case _:
            return _ended(policy, state, previous, word)


def _waiting(policy: DipBuyPolicy, scene: Scene, state: DipBuyState, previous: Decimal) -> Outcome:
    """No long yet: buys once the dip was there in two cycles."""
    drop = Drop(size=policy.drop, interval=policy.interval, bars=policy.bars, source=policy.source)
    dip = read(drop, scene, policy.asset)
    names, held, wakeups = settled({"dip": dip}, state.held, scene.now)
    price = scene.price(policy.asset, policy.source)
    if names and price is not None:
        overlay, short_of = _size(policy, scene)
        if overlay > 0:
            state = replace(
                state,
                phase=DipBuyPhase.LONG,
                held={},
                entry_price=price,
                earned_before=scene.holding(policy.id, policy.asset).earned,
            )
            why = reason(
                "dip_bought", asset=policy.asset, overlay=text(overlay), because=dip.says.text
            )
            # the exit is looked at from the next cycle on
            return answered(
                policy, state, overlay, why, previous=previous, wakeups=Wakeups(soon=True)
            )
        why = short_of
    else:
        why = dip.says if dip.holds is None else reason("dip_waits", asset=policy.asset)
    state = replace(state, held=held)
    return answered(
        policy, state, ZERO, why, previous=previous, waits_for=(dip.says,), wakeups=wakeups
    )


def _size(policy: DipBuyPolicy, scene: Scene) -> tuple[Decimal, Reason]:
    """The long in lots (0: none can be bought) and why there is none."""
    instrument = scene.universe.futures[policy.asset].instrument
    seen = scene.view.assets[policy.asset]
    wanted = policy.qty if policy.qty is not None else (policy.to or ZERO) - seen.held_qty
    qty = in_lots(min(wanted, seen.qty_of(policy.max_leverage)), instrument.lot_size)
    if qty >= least_of(instrument, seen.price):
        return qty, reason("dip_waits", asset=policy.asset)
    return ZERO, reason(
        "dip_nothing", asset=policy.asset, held=text(seen.held_qty), qty=text(max(qty, ZERO))
    )


def _long(
    policy: DipBuyPolicy, scene: Scene, state: DipBuyState, previous: Decimal, *, converts: bool
) -> Outcome:
    """The long is on: stop first, then its exit, then its leverage."""
    readings = _exits(policy, scene, state)
    names, held, wakeups = settled(readings, state.held, scene.now)
    if "stop" in names:
        return _ended(policy, _over(state), previous, _ends(policy, readings["stop"].says))
    if "profit" in names:
        return _taken(policy, scene, state, previous, readings["profit"].says)
    if converts or names or _at_once(policy, scene, previous):
        state = replace(state, phase=DipBuyPhase.CONVERTING, held={})
        pace = pace_of(_conversion(policy), scene)
        conversion = begin(policy.id, {policy.asset: previous}, pace, scene)
        return _converting(policy, scene, replace(state, conversion=conversion), previous)
    overlay = _within_leverage(policy, scene, previous)
    numbers = {"asset": policy.asset, "overlay": text(overlay)}
    why = reason("dip_holds", entry=text(state.entry_price or ZERO), **numbers)
    if overlay != previous:
        why = reason("dip_leverage", leverage=text(policy.max_leverage), **numbers)
    waits = tuple(r.says for r in readings.values())
    if isinstance(policy.exit, ConvertPolicy):
        waits = (*waits, reason("convert_waits_command", strategy=policy.id))
    weight = scene.view.assets[policy.asset].weight_of(overlay)
    rule = Watched(parts={policy.asset: weight}, high=policy.max_leverage)
    return answered(
        policy,
        replace(state, held=held),
        overlay,
        why,
        previous=previous,
        waits_for=waits,
        wakeups=wakeups | quiet((rule,), scene.view),
    )


def _exits(policy: DipBuyPolicy, scene: Scene, state: DipBuyState) -> dict[str, Reading]:
    """What may end the long, by name."""
    readings: dict[str, Reading] = {}
    match policy.exit:
        case TakeProfit():
            readings["profit"] = _level(policy, scene, state, policy.exit.level, rising=True)
        case ConvertPolicy():
            if policy.exit.at is not None:
                readings["at"] = read(At(at=policy.exit.at), scene, policy.asset)
            if policy.exit.above is not None:
                readings["above"] = _level(policy, scene, state, policy.exit.above, rising=True)
            if policy.exit.below is not None:
                readings["below"] = _level(policy, scene, state, policy.exit.below, rising=False)
    if policy.stop is not None:
        readings["stop"] = _level(policy, scene, state, policy.stop, rising=False)
    return readings


def _level(
    policy: DipBuyPolicy, scene: Scene, state: DipBuyState, level: Level, *, rising: bool
) -> Reading:
    price = level_price(level, state.entry_price or ZERO, above=rising)
    return read_price(scene, policy.asset, policy.source, price, rising=rising)


def _at_once(policy: DipBuyPolicy, scene: Scene, wanted: Decimal) -> bool:
    """Whether the exit needs no more than the long to be on, and it is."""
    exit_ = policy.exit
    if isinstance(exit_, TakeProfit) or exit_.on_command:
        return False
    if exit_.at is not None or exit_.above is not None or exit_.below is not None:
        return False
    instrument = scene.universe.futures[policy.asset].instrument
    missing = wanted - scene.holding(policy.id, policy.asset).futures
    return missing < least_of(instrument, scene.view.assets[policy.asset].price)


def _conversion(policy: DipBuyPolicy) -> ConvertPolicy:
    """How coins are bought; a profit is spent as fast as a conversion that says nothing else."""
    return policy.exit if isinstance(policy.exit, ConvertPolicy) else ConvertPolicy()


def _within_leverage(policy: DipBuyPolicy, scene: Scene, overlay: Decimal) -> Decimal:
    seen = scene.view.assets[policy.asset]
    if overlay <= seen.qty_of(policy.max_leverage):
        return overlay
    lot = scene.universe.futures[policy.asset].instrument.lot_size
    return in_lots(seen.qty_of(policy.max_leverage * _ROOM), lot)


def _converting(
    policy: DipBuyPolicy, scene: Scene, state: DipBuyState, previous: Decimal
) -> Outcome:
    """Coins take the long's place; a stop still closes what is left of it."""
    stops = {k: r for k, r in _exits(policy, scene, state).items() if k == "stop"}
    names, held, wakeups = settled(stops, state.held, scene.now)
    if names:
        return _ended(policy, _over(state), previous, _ends(policy, stops["stop"].says))
    if state.conversion is None:
        return _ended(policy, _over(state), previous, None)
    pace = pace_of(_conversion(policy), scene)
    progress = proceed(policy.id, state.conversion, pace, scene)
    return _moved(policy, replace(state, held=held), previous, progress, wakeups)


def _taken(
    policy: DipBuyPolicy, scene: Scene, state: DipBuyState, previous: Decimal, because: Reason
) -> Outcome:
    """The profit is taken; coins are bought with it where that was asked for."""
    if not isinstance(policy.exit, TakeProfit) or not policy.exit.buy_spot:
        return _ended(policy, _over(state), previous, _ends(policy, because))
    state = replace(state, phase=DipBuyPhase.SPENDING, held={}, conversion=None)
    return _spending(policy, scene, state, previous)


def _spending(policy: DipBuyPolicy, scene: Scene, state: DipBuyState, previous: Decimal) -> Outcome:
    """First the long closes, so that its profit is known; then that buys coins."""
    pace = pace_of(_conversion(policy), scene)
    held = scene.holding(policy.id, policy.asset)
    conversion = state.conversion
    if conversion is None:
        listing = scene.universe.futures.get(policy.asset)
        seen = scene.view.assets[policy.asset]
        if listing is None or held.futures >= least_of(listing.instrument, seen.price):
            why = reason("dip_closes", asset=policy.asset, futures=text(held.futures))
            return answered(policy, state, ZERO, why, previous=previous)
        # a long that was never filled leaves the figures of the one before it
        if held.earned <= 0 or held.earned == state.earned_before:
            why = reason("dip_no_profit", asset=policy.asset, earned=text(held.earned))
            return _ended(policy, _over(state), previous, why)
        coins = held.earned / (seen.spot_price * (1 + pace.fee))
        conversion = begin(policy.id, {policy.asset: coins}, pace, scene)
    progress = proceed(policy.id, conversion, pace, scene)
    return _moved(policy, state, previous, progress, Wakeups())


def _moved(
    policy: DipBuyPolicy,
    state: DipBuyState,
    previous: Decimal,
    progress: Progress,
    wakeups: Wakeups,
) -> Outcome:
    """The answer of a conversion, or the end it came to."""
    move = progress.moves.get(policy.asset)
    if move is None or progress.done:
        nothing = reason("convert_nothing", asset=policy.asset)
        why = move.reason if move is not None else nothing
        return _ended(policy, _over(state), previous, why)
    return answered(
        policy,
        replace(state, conversion=progress.conversion),
        move.overlay,
        move.reason,
        previous=previous,
        coins=move.coins,
        waits_for=move.waits_for,
        wakeups=wakeups | progress.wakeups,
    )


def _over(state: DipBuyState) -> DipBuyState:
    return DipBuyState(overlays=state.overlays, phase=DipBuyPhase.ENDED)


def _ends(policy: DipBuyPolicy, because: Reason) -> Reason:
    return reason("strategy_ends", strategy=policy.id, asset=policy.asset, because=because.text)


def _ended(
    policy: DipBuyPolicy, state: DipBuyState, previous: Decimal, why: Reason | None
) -> Outcome:
    why = why if why is not None else reason("strategy_ended", strategy=policy.id)
    waits = (reason("start_waits_command", strategy=policy.id),)
    return answered(policy, state, ZERO, why, previous=previous, waits_for=waits)
