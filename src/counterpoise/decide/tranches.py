"""What the tranches of a scale-in wait for: entry, confirmation, commitment, and that the position does not lose."""

from __future__ import annotations

from counterpoise.decide.triggers import (
    Reading,
    next_bar,
    priced,
    read_bars,
    read_price,
    span,
    unknown_price,
)
from counterpoise.domain.bars import Bar
from counterpoise.domain.decision import Wakeups
from counterpoise.domain.indicators import moving_average, rolling_high
from counterpoise.domain.numbers import ONE, dec, quantize, text
from counterpoise.domain.reasons import Reason, reason
from counterpoise.domain.scene import Scene
from counterpoise.domain.strategy import ScaleInPolicy, ScaleInState
from counterpoise.domain.strategy.scale_in import Commit, Confirm, ScaleInPhase

#: Averages are told with eight digits behind the point; they are judged in full.
_SHOWN = dec("1e-8")
#: What people call the tranche that leads to a phase.
TRANCHES = {
    ScaleInPhase.ENTERED: "entry",
    ScaleInPhase.CONFIRMED: "confirmation",
    ScaleInPhase.COMMITTED: "commitment",
}


def entry_readings(policy: ScaleInPolicy, scene: Scene) -> dict[str, Reading]:
    """Return the conditions of the first tranche by name; all of them must hold."""
    asset, source, entry = policy.asset, policy.source, policy.entry
    found: dict[str, Reading] = {}
    if entry.above is not None:
        found["above"] = read_price(scene, asset, source, entry.above, rising=True)
    if entry.below is not None:
        found["below"] = read_price(scene, asset, source, entry.below, rising=False)
    return found or {"at_once": Reading(holds=True, fact=True, says=reason("if_at_once"))}


def next_tranche(
    policy: ScaleInPolicy, scene: Scene, state: ScaleInState
) -> tuple[ScaleInPhase, Reading | None]:
    """Return the phase the next tranche leads to, and what that tranche waits for; None when there is none."""
    if state.phase is ScaleInPhase.ENTERED and policy.confirm is not None:
        return ScaleInPhase.CONFIRMED, _confirmation(policy, policy.confirm, scene)
    if state.phase is not ScaleInPhase.COMMITTED and policy.commit is not None:
        return ScaleInPhase.COMMITTED, _commitment(policy, policy.commit, scene, state)
    return ScaleInPhase.COMMITTED, None


def losing(
    policy: ScaleInPolicy, scene: Scene, state: ScaleInState, phase: ScaleInPhase
) -> Reason | None:
    """Return why nothing may be added to a position below its entry; None when it is not, or nobody minds.

    ``phase``: where the tranche would lead. The entry is the hedge book's average; as long as no fill has arrived
    there, the mark at which it was decided to enter.
    """
    if policy.add_to_loser:
        return None
    has = scene.holding(policy.id, policy.asset)
    entry = has.entry_price if has.futures > 0 else None
    entry = entry if entry is not None else state.entry_price
    mark = scene.view.assets[policy.asset].price
    if entry is not None and mark >= entry:
        return None
    return reason(
        "scale_loses",
        tranche=TRANCHES[phase],
        asset=policy.asset,
        mark=text(mark),
        entry="not known" if entry is None else text(entry),
    )


def _confirmation(policy: ScaleInPolicy, confirm: Confirm, scene: Scene) -> Reading:
    """A bounce off the support and a break of the resistance, both at once."""
    price = scene.price(policy.asset, policy.source)
    if price is None:
        return unknown_price(policy.asset, policy.source)
    level = confirm.support * (ONE + confirm.bounce)
    says = reason(
        "if_bounced",
        level=text(level),
        size=text(confirm.bounce),
        support=text(confirm.support),
        resistance=text(confirm.resistance),
        **priced(scene, policy.asset, policy.source),
    )
    above = {policy.asset: max(level, confirm.resistance)}
    holds = price >= level and price > confirm.resistance
    return Reading(holds=holds, says=says, wakeups=Wakeups(above=above))


def _commitment(
    policy: ScaleInPolicy, commit: Commit, scene: Scene, state: ScaleInState
) -> Reading:
    """Momentum, judged on a bar that closed after the tranche before."""
    count = (commit.high_bars or commit.average_bars or 0) + 1
    bars = read_bars(scene, policy.asset, commit.interval, count)
    if isinstance(bars, Reading):
        return bars
    closed_at = bars[-1].open_at + commit.interval
    fresh = state.stepped_at is None or closed_at > state.stepped_at
    if commit.high_bars is not None:
        return _new_high(policy, commit, scene, bars, fresh=fresh)
    return _rising(policy, commit, scene, bars, fresh=fresh)


def _new_high(
    policy: ScaleInPolicy, commit: Commit, scene: Scene, bars: tuple[Bar, ...], *, fresh: bool
) -> Reading:
    *before, newest = bars
    high = rolling_high(before)
    says = reason(
        "if_new_high",
        asset=policy.asset,
        interval=span(commit.interval),
        high=text(high),
        bars=len(before),
        close=text(newest.close),
    )
    return Reading(
        holds=fresh and newest.close > high,
        fact=True,
        says=says,
        wakeups=next_bar(scene, commit.interval),
    )


def _rising(
    policy: ScaleInPolicy, commit: Commit, scene: Scene, bars: tuple[Bar, ...], *, fresh: bool
) -> Reading:
    price = scene.price(policy.asset, policy.source)
    if price is None:
        return unknown_price(policy.asset, policy.source)
    before, average = moving_average(bars[:-1]), moving_average(bars[1:])
    says = reason(
        "if_average_rises",
        interval=span(commit.interval),
        bars=len(bars) - 1,
        average=text(quantize(average, _SHOWN)),
        before=text(quantize(before, _SHOWN)),
        **priced(scene, policy.asset, policy.source),
    )
    wakeups = next_bar(scene, commit.interval)
    if average > before:
        wakeups |= Wakeups(above={policy.asset: average})
    return Reading(holds=fresh and average > before and price > average, says=says, wakeups=wakeups)
