"""Drift: keep every sleeve inside its band by moving futures, and bring coins to the shape later.

What is wanted follows from the shape alone (``decide/shape``); a calendar asks for the target even inside the band.
``settle`` says what becomes of it. ``futures_first``: futures move the risk at once; coins follow at a deadline, when
carrying the futures costs more than trading coins, or by an operator's word. Then coins go to the shape in every
asset (as far as ``trade_to`` says), futures to nothing, and what a hedge earned is spent on the sleeve that is light.
``spot``: coins move the risk themselves. A shape that changes meanwhile is followed from where things stand. A
settling that only waits (for money, say) while a sleeve leaves its band is given up: futures take over again, and the
deadline starts anew.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal

from counterpoise.decide.carry import read_carry
from counterpoise.decide.conversion import Progress, begin, proceed
from counterpoise.decide.leg import Pace, least_of
from counterpoise.decide.shape import settled_weights, shape, sleeve_assets, watched
from counterpoise.decide.triggers import instant, settled
from counterpoise.decide.watch import quiet
from counterpoise.domain.decision import Decision, Outcome, Wakeups
from counterpoise.domain.numbers import ZERO
from counterpoise.domain.operator import CommandKind
from counterpoise.domain.reasons import Reason, reason
from counterpoise.domain.scene import Scene
from counterpoise.domain.strategy import DriftPolicy, DriftState, overlay_of, with_overlays
from counterpoise.domain.strategy.drift import SettleMode


def drift(policy: DriftPolicy, scene: Scene, state: DriftState) -> Outcome:
    """Return one decision per asset of every sleeve that is not made of quote alone."""
    run = _Run(policy=policy, scene=scene, before=state)
    converts, word = False, None
    for ask in scene.asks.get(policy.id, ()):
        if ask.kind in {CommandKind.RELEASE, CommandKind.CANCEL}:
            state = DriftState(calendar_at=state.calendar_at, stopped=True)
            word = reason("if_asked")
        elif ask.kind is CommandKind.START and state.stopped:
            state = DriftState(overlays=run.before.overlays, calendar_at=state.calendar_at)
        elif ask.kind is CommandKind.CONVERT:
            converts = not state.stopped
    if state.stopped:
        return run.stopped(state, word)
    if run.reshaped(state):
        if policy.settle.mode is not SettleMode.SPOT:
            return run.converted(state, run.goals(state), None)
        state = replace(state, conversion=None)
    if state.conversion is not None:
        outcome = run.settling(state)
        if outcome is not None:
            return outcome
        state = replace(state, conversion=None, opened_at=None)
    return run.shaping(state, converts=converts)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Run:
    """One cycle of one drift; ``before`` is the state it came with."""

    policy: DriftPolicy
    scene: Scene
    before: DriftState

    @property
    def assets(self) -> tuple[str, ...]:
        sleeves = self.scene.policy.sleeves
        return tuple(a for s in sleeves for a in sleeve_assets(s, self.scene))

    @property
    def pace(self) -> Pace:
        return Pace(steps=self.scene.policy.execution.rungs, fee=self.policy.settle.spot_fee)

    def shaping(self, state: DriftState, *, converts: bool) -> Outcome:
        """Band and calendar: through futures, or through coins where those shall move the risk."""
        newest = self.scene.calendar.get(self.policy.id)
        called = newest is not None and state.calendar_at is not None and newest > state.calendar_at
        if newest is not None:
            state = replace(state, calendar_at=newest)
        decisions = shape(self.policy, self.scene, state, called=called)
        if self.policy.settle.mode is SettleMode.SPOT:
            return self.in_coins(state, decisions)
        overlays = {d.asset: d.overlay for d in decisions}
        state = self.opened(state, overlays)
        held, waits, wakeups, due = self.due(state, overlays)
        state = replace(state, held=held)
        if due or (converts and any(q != 0 for q in overlays.values())):
            return self.converted(state, self.goals(state), None)
        return self.shaped(state, decisions, waits, wakeups)

    def opened(self, state: DriftState, overlays: dict[str, Decimal]) -> DriftState:
        """Since when futures are on, as far as coins shall ever follow them."""
        on = any(q != 0 for q in overlays.values())
        if not on or self.policy.settle.mode is not SettleMode.FUTURES_FIRST:
            return replace(state, opened_at=None)
        return state if state.opened_at is not None else replace(state, opened_at=self.scene.now)

    def due(
        self, state: DriftState, overlays: dict[str, Decimal]
    ) -> tuple[dict[str, datetime], tuple[Reason, ...], Wakeups, bool]:
        """What carry has held since when, what settling waits for, when to look, and whether it is due."""
        if state.opened_at is None:
            return {}, (), Wakeups(), False
        settle, now = self.policy.settle, self.scene.now
        until = None if settle.deadline is None else state.opened_at + settle.deadline
        if until is not None and now >= until:
            return {}, (), Wakeups(), True
        carry = read_carry(settle, self.scene, overlays, until)
        names, held, wakeups = settled({"carry": carry}, state.held, now)
        waits = [carry.says, reason("convert_waits_command", strategy=self.policy.id)]
        if until is not None:
            waits.insert(0, reason("settle_waits_at", at=instant(until)))
        return held, tuple(waits), wakeups | Wakeups(at=until), bool(names)

    @property
    def targets(self) -> dict[str, Decimal]:
        return {a: self.scene.policy.target_weight(a) for a in self.assets}

    def reshaped(self, state: DriftState) -> bool:
        """Whether coins are on their way to a shape that does not hold any more (an operator's target, say)."""
        return state.conversion is not None and bool(state.shape) and state.shape != self.targets

    def goals(self, state: DriftState) -> dict[str, Decimal]:
        """Asset -> coins that bring spot and outside holdings to where the futures of ``state`` shall be settled."""
        seen = self.scene.view.assets
        weights = settled_weights(self.policy, self.scene, state)
        return {a: seen[a].qty_of(weights[a]) - seen[a].held_qty for a in self.assets}

    def in_coins(self, state: DriftState, decisions: list[Decision]) -> Outcome:
        """What the shape wants on top of what is held is traded in coins, unless it is too little to trade."""
        goals = {d.asset: d.overlay for d in decisions}
        if begin(self.policy.id, goals, self.pace, self.scene).assets:
            because = {d.asset: d.reason for d in decisions}
            return self.converted(state, goals, because)
        kept = [replace(d, overlay=d.previous) for d in decisions]
        return self.shaped(state, kept, (), Wakeups())

    def converted(
        self, state: DriftState, goals: dict[str, Decimal], because: dict[str, Reason] | None
    ) -> Outcome:
        """Begin to trade coins; ``because`` is what made it begin, where that was the shape itself."""
        conversion = begin(self.policy.id, goals, self.pace, self.scene)
        state = replace(state, conversion=conversion, shape=self.targets, held={})
        progress = proceed(self.policy.id, conversion, self.pace, self.scene)
        return self.moved(state, progress, because or {})

    def settling(self, state: DriftState) -> Outcome | None:
        """A settling goes on; None: it is given up, because it only waits while the shape asks for more."""
        if state.conversion is None:
            return None
        progress = proceed(self.policy.id, state.conversion, self.pace, self.scene)
        if progress.stuck and self.outgrown(state, progress):
            return None
        return self.moved(state, progress, {})

    def outgrown(self, state: DriftState, progress: Progress) -> bool:
        """Whether the shape, seen anew, asks for something else than the settling still waits to do."""
        overlays = {a: m.overlay for a, m in progress.moves.items()}
        seen = shape(self.policy, self.scene, with_overlays(state, overlays), called=False)
        if self.policy.settle.mode is not SettleMode.SPOT:
            return any(d.changed for d in seen)
        return any(self.differs(d, progress) for d in seen if d.changed)

    def differs(self, wanted: Decision, progress: Progress) -> bool:
        pair = self.scene.universe.spot.get(wanted.asset)
        if pair is None:
            return False
        part = progress.conversion.assets.get(wanted.asset)
        left = ZERO
        if part is not None:
            traded = self.scene.holding(self.policy.id, wanted.asset).coins - part.spot_from
            left = part.spot - traded
        price = self.scene.view.assets[wanted.asset].spot_price
        return abs(wanted.overlay - left) >= least_of(pair.instrument, price)

    def moved(self, state: DriftState, progress: Progress, because: dict[str, Reason]) -> Outcome:
        decisions: list[Decision] = []
        for asset in self.assets:
            move = progress.moves.get(asset)
            if move is None:
                why = because.get(asset, reason("convert_nothing", asset=asset))
                decisions.append(self.decision(asset, ZERO, why))
                continue
            why = move.reason
            if asset in because and not move.idle:
                why = reason("drift_trades_coins", asset=asset, because=because[asset].text)
            decisions.append(self.decision(asset, move.overlay, why, move.waits_for, move.coins))
        after = replace(state, conversion=progress.conversion)
        if progress.done:
            after = DriftState(calendar_at=state.calendar_at)
        return self.outcome(after, decisions, progress.wakeups)

    def shaped(
        self,
        state: DriftState,
        decisions: list[Decision],
        waits: Iterable[Reason],
        wakeups: Wakeups,
    ) -> Outcome:
        more = tuple(waits)
        if self.policy.calendar is not None:
            more = (reason("drift_waits_calendar", calendar=self.policy.calendar), *more)
        decisions = [replace(d, waits_for=(*d.waits_for, *more)) for d in decisions]
        overlays = {d.asset: d.overlay for d in decisions}
        rules = tuple(watched(self.policy, self.scene, overlays))
        return self.outcome(state, decisions, wakeups | quiet(rules, self.scene.view))

    def stopped(self, state: DriftState, word: Reason | None) -> Outcome:
        decisions: list[Decision] = []
        for asset in self.assets:
            why = reason("strategy_ended", strategy=self.policy.id)
            if word is not None:
                why = reason(
                    "strategy_ends", strategy=self.policy.id, asset=asset, because=word.text
                )
            waits = (reason("start_waits_command", strategy=self.policy.id),)
            decisions.append(self.decision(asset, ZERO, why, waits))
        return self.outcome(state, decisions, Wakeups())

    def decision(
        self,
        asset: str,
        overlay: Decimal,
        why: Reason,
        waits_for: tuple[Reason, ...] = (),
        coins: Decimal | None = None,
    ) -> Decision:
        return Decision(
            strategy=self.policy.id,
            kind=self.policy.kind,
            asset=asset,
            overlay=overlay,
            previous=overlay_of(self.before, asset),
            reason=why,
            coins=coins,
            waits_for=waits_for,
        )

    def outcome(self, state: DriftState, decisions: list[Decision], wakeups: Wakeups) -> Outcome:
        overlays = {d.asset: d.overlay for d in decisions}
        return Outcome(
            decisions=tuple(decisions), state=with_overlays(state, overlays), wakeups=wakeups
        )
