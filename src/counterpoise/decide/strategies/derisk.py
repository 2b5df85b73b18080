"""Derisk: short the excess over a target weight at once, and turn the short into coins later.

It runs last, on the sum: it looks at spot + outside holdings + what the other strategies want + its own short, and
only ever adds shorts. The short is frozen when it is opened (``retarget: band`` sizes it anew when the effective
weight leaves its band) and never larger than what is held. A conversion trades the coins that bring exposure to the
target at the prices of that moment: which way they go follows from the arithmetic. After a deep fall that is a
purchase out of the short's profit. Afterwards no futures are left.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal

from counterpoise.decide.conversion import begin, pace_of, proceed
from counterpoise.decide.converts import Watch, convert_waits, convert_wakeups, fired
from counterpoise.decide.leg import in_lots, least_of
from counterpoise.decide.watch import Watched, quiet
from counterpoise.domain.decision import Decision, Outcome, Wakeups
from counterpoise.domain.numbers import ONE, ZERO, dec, quantize, shrink_step, text
from counterpoise.domain.operator import CommandKind
from counterpoise.domain.reasons import Reason, reason
from counterpoise.domain.scene import Scene
from counterpoise.domain.strategy import DeriskPolicy, DeriskState, overlay_of, with_overlays
from counterpoise.domain.strategy.derisk import DeriskPhase, Retarget

#: The band around the target of all crypto together; a sleeve has its own.
_CRYPTO_BAND = dec("0.05")
#: Less than this above the target is left alone: a short that is frozen at a sliver would protect nothing later.
_SLIVER = dec("0.01")
_SHOWN = dec("0.0001")


def derisk(policy: DeriskPolicy, scene: Scene, state: DeriskState) -> Outcome:
    """Return one decision per asset of the policy; overlays are <= 0."""
    before = state
    converts = False
    for ask in scene.asks.get(policy.id, ()):
        if ask.kind is CommandKind.START and state.phase is DeriskPhase.ENDED:
            state = DeriskState()
        elif ask.kind in {CommandKind.RELEASE, CommandKind.CANCEL}:
            state = DeriskState(phase=DeriskPhase.ENDED)
        elif ask.kind is CommandKind.CONVERT:
            converts = state.phase is DeriskPhase.HEDGED
    run = _Run(policy=policy, scene=scene, before=before)
    if state.phase is DeriskPhase.WAITING:
        return run.waiting(state)
    if state.phase is DeriskPhase.HEDGED:
        return run.hedged(state, converts=converts)
    if state.phase is DeriskPhase.CONVERTING:
        return run.converting(state)
    return run.ended(state)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Run:
    """One cycle of one derisk; ``before`` is the state it came with."""

    policy: DeriskPolicy
    scene: Scene
    before: DeriskState

    @property
    def what(self) -> str:
        return self.policy.sleeve if self.policy.sleeve is not None else "crypto"

    @property
    def band(self) -> Decimal:
        for sleeve in self.scene.policy.sleeves:
            if sleeve.id == self.policy.sleeve:
                return sleeve.band.width(self.policy.target)
        return _CRYPTO_BAND

    @property
    def exposures(self) -> dict[str, Decimal]:
        """Asset -> spot + outside + what the strategies before this one want."""
        others, assets = self.scene.others, self.scene.view.assets
        return {a: assets[a].held_qty + others.get(a, ZERO) for a in self.policy.assets}

    def weights(self, quantities: Mapping[str, Decimal]) -> dict[str, Decimal]:
        return {a: self.scene.view.assets[a].weight_of(q) for a, q in quantities.items()}

    def sizes(self) -> dict[str, Decimal]:
        """Asset -> the short (> 0, lots) that takes its share of the excess off; by value, over what is held."""
        weights = self.weights(self.exposures)
        excess = sum(weights.values(), ZERO) - self.policy.target
        long = sum((w for w in weights.values() if w > 0), ZERO)
        if excess <= 0 or long <= 0:
            return {}
        sizes: dict[str, Decimal] = {}
        for asset, weight in weights.items():
            listing = self.scene.universe.futures.get(asset)
            if weight <= 0 or listing is None:
                continue
            seen = self.scene.view.assets[asset]
            short = seen.qty_of(min(excess * weight / long, weight))
            short = in_lots(short, listing.instrument.lot_size)
            if short >= least_of(listing.instrument, seen.price):
                sizes[asset] = short
        return sizes

    def overlays(self, state: DeriskState) -> dict[str, Decimal]:
        """Asset -> the short wanted: as frozen, never more than what is held and not hedged by others."""
        wanted: dict[str, Decimal] = {}
        for asset in self.policy.assets:
            listing = self.scene.universe.futures.get(asset)
            if listing is None:
                wanted[asset] = overlay_of(state, asset)
                continue
            held = self.scene.view.assets[asset].held_qty
            # a cross hedge that is short here leaves these coins as they are
            free = self.exposures[asset] - self.scene.crossed.get(asset, ZERO)
            cap = max(min(held, free), ZERO)
            short = min(state.frozen.get(asset, ZERO), cap)
            wanted[asset] = -shrink_step(short, listing.instrument.lot_size)
        return wanted

    def waiting(self, state: DeriskState) -> Outcome:
        above = sum(self.weights(self.exposures).values(), ZERO) - self.policy.target
        sizes = self.sizes() if above > _SLIVER else {}
        if sizes:
            state = replace(
                state,
                phase=DeriskPhase.HEDGED,
                frozen=sizes,
                entry_prices={a: self.price_now(a) for a in sizes},
                held={},
            )
            return self.holding(state, "derisk_sized")
        exposures = self.exposures
        weights = self.weights(exposures)
        weight = sum(weights.values(), ZERO)
        over = weight - self.policy.target > _SLIVER
        code = "derisk_uncovered" if over else "derisk_waiting"
        waits = (reason("derisk_waits_weight", what=self.what, target=_shown(self.policy.target)),)
        decisions: list[Decision] = []
        for asset in self.policy.assets:
            unlisted = self.unlisted(asset) if over else None
            why = unlisted or reason(code, asset=asset, **self.numbers(weight))
            decisions.append(self.decision(asset, ZERO, why, waits_for=waits))
        rule = Watched(parts=weights, high=self.policy.target + _SLIVER)
        return Outcome(
            decisions=tuple(decisions),
            state=with_overlays(state, {}),
            wakeups=quiet((rule,), self.scene.view),
        )

    def hedged(self, state: DeriskState, *, converts: bool) -> Outcome:
        watch = self.watch(state)
        due, held = fired(self.policy.convert, watch, state.held, self.scene.now)
        state = replace(state, held=held)
        if converts or due:
            conversion = begin(
                self.policy.id,
                self.goals(),
                pace_of(self.policy.convert, self.scene),
                self.scene,
            )
            state = replace(state, phase=DeriskPhase.CONVERTING, conversion=conversion, held={})
            return self.converting(state)
        own = {a: q + overlay_of(state, a) for a, q in self.exposures.items()}
        weight = sum(self.weights(own).values(), ZERO)
        if self.policy.retarget is Retarget.BAND and abs(weight - self.policy.target) > self.band:
            sizes = self.sizes()
            if not sizes and weight < self.policy.target:
                return self.waiting(DeriskState())
            if sizes:
                entries = {a: state.entry_prices.get(a, self.price_now(a)) for a in sizes}
                state = replace(state, frozen=sizes, entry_prices=entries)
                return self.holding(state, "derisk_retargeted")
        return self.holding(state, "derisk_hedged")

    def holding(self, state: DeriskState, code: str) -> Outcome:
        overlays = self.overlays(state)
        exposures = self.exposures
        weight = sum(self.weights(exposures).values(), ZERO)
        after = {a: q + overlays[a] for a, q in exposures.items()}
        if code == "derisk_hedged":
            weight = sum(self.weights(after).values(), ZERO)
        watch = self.watch(state)
        waits = convert_waits(self.policy.convert, watch, self.policy.id)
        if self.policy.retarget is Retarget.BAND:
            waits = (
                *waits,
                reason("derisk_waits_band", band=_shown(self.band), **self.numbers(weight)),
            )
        decisions: list[Decision] = []
        for asset in self.policy.assets:
            frozen = state.frozen.get(asset, ZERO)
            held = self.scene.view.assets[asset].held_qty
            why = self.unlisted(asset)
            if why is None and -overlays[asset] < frozen:
                why = reason(
                    "derisk_capped",
                    asset=asset,
                    short=text(-overlays[asset]),
                    frozen=text(frozen),
                    held=text(held),
                )
            elif why is None:
                why = reason(
                    code,
                    asset=asset,
                    short=text(-overlays[asset]),
                    exposure=text(exposures[asset]),
                    band=_shown(self.band),
                    **self.numbers(weight),
                )
            decisions.append(self.decision(asset, overlays[asset], why, waits_for=waits))
        return Outcome(
            decisions=tuple(decisions),
            state=with_overlays(state, overlays),
            wakeups=self.wakeups(state, watch, after),
        )

    def goals(self) -> dict[str, Decimal]:
        """Asset -> coins to trade: what is held shrinks (or grows) by one factor until the target holds."""
        exposures = self.exposures
        long = {a: w for a, w in self.weights(exposures).items() if w > 0}
        whole = sum(long.values(), ZERO)
        goals = dict.fromkeys(self.policy.assets, ZERO)
        for asset, weight in long.items():
            seen = self.scene.view.assets[asset]
            goal = seen.qty_of(self.policy.target * weight / whole)
            coins = goal - exposures[asset]
            # what others hedge is no reason to buy: a purchase is measured on the coins themselves
            goals[asset] = coins if coins <= 0 else max(min(coins, goal - seen.held_qty), ZERO)
        return goals

    def converting(self, state: DeriskState) -> Outcome:
        if state.conversion is None:
            return self.ended(DeriskState(phase=DeriskPhase.ENDED))
        pace = pace_of(self.policy.convert, self.scene)
        progress = proceed(self.policy.id, state.conversion, pace, self.scene)
        decisions: list[Decision] = []
        for asset in self.policy.assets:
            move = progress.moves.get(asset)
            if move is None:
                decisions.append(self.decision(asset, ZERO, reason("convert_nothing", asset=asset)))
                continue
            decisions.append(
                self.decision(asset, move.overlay, move.reason, move.waits_for, move.coins)
            )
        overlays = {d.asset: d.overlay for d in decisions}
        after = replace(state, conversion=progress.conversion)
        if progress.done:
            after = DeriskState(phase=DeriskPhase.ENDED)
        return Outcome(
            decisions=tuple(decisions),
            state=with_overlays(after, overlays),
            wakeups=progress.wakeups,
        )

    def ended(self, state: DeriskState) -> Outcome:
        waits = (reason("start_waits_command", strategy=self.policy.id),)
        why = reason("strategy_ended", strategy=self.policy.id)
        decisions = tuple(self.decision(a, ZERO, why, waits_for=waits) for a in self.policy.assets)
        return Outcome(decisions=decisions, state=with_overlays(state, {}))

    def watch(self, state: DeriskState) -> Watch:
        """The average price of the frozen quantities: for one asset its price, for several their index."""
        whole = sum(state.frozen.values(), ZERO)
        prices = {a: self.scene.price(a, self.policy.convert.source) for a in state.frozen}
        entry = sum((q * state.entry_prices.get(a, ZERO) for a, q in state.frozen.items()), ZERO)
        known = [(state.frozen[a], p) for a, p in prices.items() if p is not None]
        now = sum((q * p for q, p in known), ZERO) / whole if whole > 0 else None
        names = "+".join(state.frozen)
        return Watch(
            what=f"{self.policy.convert.source.value} price of {names}",
            price=now if len(known) == len(prices) else None,
            entry=entry / whole if whole > 0 else ONE,
        )

    def wakeups(self, state: DeriskState, watch: Watch, after: Mapping[str, Decimal]) -> Wakeups:
        frozen = tuple(state.frozen)
        asked = convert_wakeups(self.policy.convert, watch, self.scene, frozen, state.held)
        if self.policy.retarget is not Retarget.BAND:
            return asked
        rule = Watched(
            parts=self.weights(after),
            low=self.policy.target - self.band,
            high=self.policy.target + self.band,
        )
        return asked | quiet((rule,), self.scene.view)

    def price_now(self, asset: str) -> Decimal:
        price = self.scene.price(asset, self.policy.convert.source)
        return price if price is not None else self.scene.view.assets[asset].price

    def unlisted(self, asset: str) -> Reason | None:
        if asset in self.scene.universe.futures:
            return None
        return reason("no_instrument", asset=asset, quote=self.scene.view.quote)

    def numbers(self, weight: Decimal) -> dict[str, str]:
        return {
            "what": self.what,
            "weight": _shown(weight),
            "target": _shown(self.policy.target),
        }

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


def _shown(weight: Decimal) -> str:
    return text(quantize(weight, _SHOWN))
