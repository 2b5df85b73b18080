"""Converting futures into coins, rung by rung: shared by ``derisk``, ``dip_buy`` and ``drift`` (MEANING 14).

What offsets each other moves together: coins lead by at most one rung, each coin that was really traded (net of fees
in the coin) releases the futures it replaces, and the next rung is wished only when those are gone. What is left over
(one leg, or both in the same direction) is wished at once, because its ladder can move exposure one way only. So
effective exposure goes monotonically from where it was to the goal, at most one rung outside.

Everything follows from what was really filled and from the small :class:`ConversionState`; a wish in coins stands
until it was reached or can no longer be paid, so that a working order is not replaced with every tick.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal

from counterpoise.decide.agreed import within
from counterpoise.decide.leg import Leg, Pace, leg_of
from counterpoise.domain.decision import Wakeups
from counterpoise.domain.numbers import ZERO, floor_step, text
from counterpoise.domain.operator import CommandKind
from counterpoise.domain.reasons import Reason, reason
from counterpoise.domain.scene import Scene
from counterpoise.domain.strategy.conversion import (
    AssetConversion,
    ConversionState,
    ConvertMode,
    ConvertPolicy,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """What a conversion wants of one asset now; ``coins`` as in a Decision (None: nothing is under way there).

    ``idle``: nothing is on its way, it waits for something outside (money, a tranche, a quieter market).
    """

    overlay: Decimal
    coins: Decimal | None
    reason: Reason
    waits_for: tuple[Reason, ...] = ()
    done: bool = False
    idle: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """Where a conversion stands: a move per asset, the state to remember, and when to look again."""

    moves: Mapping[str, Move]
    conversion: ConversionState
    wakeups: Wakeups = field(default_factory=Wakeups)

    @property
    def done(self) -> bool:
        """Whether coins hold what futures held, and no futures are left."""
        return all(m.done for m in self.moves.values())

    @property
    def stuck(self) -> bool:
        """Whether it is not done, and nothing is on its way either."""
        return not self.done and all(m.done or m.idle for m in self.moves.values())


def pace_of(policy: ConvertPolicy, scene: Scene) -> Pace:
    """Return how fast ``policy`` converts: in the rungs of the portfolio's ladders, or in tranches."""
    if policy.mode is ConvertMode.GRADUAL:
        return Pace(steps=policy.tranches, every=policy.every, fee=policy.spot_fee)
    return Pace(steps=scene.policy.execution.rungs, fee=policy.spot_fee)


def begin(strategy: str, coins: Mapping[str, Decimal], pace: Pace, scene: Scene) -> ConversionState:
    """Return the conversion of ``strategy`` that trades ``coins`` in all (signed base units per asset).

    Futures are what it really has: an overlay that was not filled yet is not filled any more. While orders for it
    may still fill, that is not known yet, and the conversion waits for their end. Sales are capped by
    the live spot; less than the venue trades is nothing. An asset without futures and coins to trade has no part.
    What people did not allow in futures is not traded in coins instead, unless they ask for the conversion.
    """
    told = any(a.kind is CommandKind.CONVERT for a in scene.asks.get(strategy, ()))
    assets: dict[str, AssetConversion] = {}
    for asset, wanted in coins.items():
        held = scene.holding(strategy, asset)
        refused = not told and (strategy, asset) in scene.unallowed
        asked = within(wanted, held.futures) if refused else wanted
        unfilled = held.pending != 0 and scene.may_fill(asset, scene.now)
        part = AssetConversion(
            futures=held.futures, spot=asked, spot_from=held.coins, unfilled=unfilled
        )
        leg = leg_of(asset, part, held, pace, scene)
        qty = max(asked, -scene.view.assets[asset].spot_qty)
        part = replace(part, spot=leg.traded_lots(qty))
        if part.spot != 0 or part.futures != 0 or unfilled:
            assets[asset] = part
    every = pace.every
    return ConversionState(
        started_at=scene.now,
        assets=assets,
        tranches_done=1 if every is not None else 0,
        next_at=scene.now + every if every is not None and pace.steps > 1 else None,
    )


def proceed(strategy: str, conversion: ConversionState, pace: Pace, scene: Scene) -> Progress:
    """Return what ``conversion`` wants in this cycle.

    Sales go before purchases; purchases share what the spot wallets may spend, first those already under way.
    """
    # an asset that left the config meanwhile cannot be valued: its coins stay as they are
    known = {
        a: _based(strategy, a, part, conversion.started_at, scene)
        for a, part in conversion.assets.items()
        if a in scene.view.assets
    }
    conversion = _tranched(replace(conversion, assets=known), pace, scene)
    legs = {
        asset: leg_of(
            asset, part, scene.holding(strategy, asset), pace, scene, conversion.tranches_done
        )
        for asset, part in conversion.assets.items()
    }
    moves: dict[str, Move] = {}
    budget = scene.purse.get(scene.view.quote, ZERO)
    for asset in [a for a, x in legs.items() if x.part.unfilled]:
        moves[asset] = _held_back(legs[asset])
    for asset in [a for a, x in legs.items() if not x.buys and a not in moves]:
        legs[asset], moves[asset] = _sale(legs[asset])
    sales = {a: m for a, m in moves.items() if not legs[a].buys and not legs[a].sold}
    selling = any(not m.done and not m.idle for m in sales.values())
    buying = [a for a, x in legs.items() if x.buys and a not in moves]
    for asset in buying:
        legs[asset], budget = _kept(legs[asset], budget)
    for asset in buying:
        legs[asset], moves[asset], budget = _purchase(legs[asset], budget, scene, selling=selling)
    parts = {a: legs[a].part for a in conversion.assets}
    # money, a wallet or a quieter market do not announce themselves
    waiting = conversion.next_at is None and any(m.idle and not m.done for m in moves.values())
    waiting = waiting or any(x.part.unfilled for x in legs.values())
    return Progress(
        moves={a: moves[a] for a in conversion.assets},
        conversion=replace(conversion, assets=parts),
        wakeups=Wakeups(soon=waiting, at=conversion.next_at),
    )


def _based(
    strategy: str, asset: str, part: AssetConversion, started_at: datetime, scene: Scene
) -> AssetConversion:
    """What one asset really starts from: what is held when no order from before can fill any more."""
    if not part.unfilled:
        return part
    futures = scene.holding(strategy, asset).futures
    return replace(part, futures=futures, unfilled=scene.may_fill(asset, started_at))


def _held_back(leg: Leg) -> Move:
    """Nothing moves yet: wishing for what is held takes the orders down."""
    held = leg.held.futures
    why = reason("convert_orders_first", asset=leg.asset, futures=text(held))
    return Move(overlay=held, coins=None, reason=why, waits_for=(why,))


def _tranched(conversion: ConversionState, pace: Pace, scene: Scene) -> ConversionState:
    """The next tranche, once it is due; the one before may still be under way, its asset then catches up."""
    due = conversion.next_at
    if pace.every is None or due is None or scene.now < due:
        return conversion
    taken = conversion.tranches_done + 1
    following = scene.now + pace.every if taken < pace.steps else None
    return replace(conversion, tranches_done=taken, next_at=following)


def _sale(leg: Leg) -> tuple[Leg, Move]:
    """A leg that sells coins, or has none to trade at all: capped by what the wallet can deliver."""
    leg = leg.within(leg.deliverable)
    step, why = leg.step()
    if step > 0:
        got = min(step, leg.deliverable - leg.left_over)
        if got >= leg.least:
            leg = leg.wishing(got)
        else:
            why = reason(
                "convert_coins_locked",
                asset=leg.asset,
                step=text(step),
                available=text(leg.deliverable),
            )
    return leg, _move(leg, why)


def _kept(leg: Leg, budget: Decimal) -> tuple[Leg, Decimal]:
    """A purchase already wished for stands while it can be paid; what it costs is spoken for."""
    if leg.reached:
        return leg, budget
    if leg.missing * leg.price > budget:
        leg = leg.within(_payable(leg, budget))
    return leg, budget - max(leg.missing, ZERO) * leg.price


def _purchase(
    leg: Leg, budget: Decimal, scene: Scene, *, selling: bool
) -> tuple[Leg, Move, Decimal]:
    """A leg that buys coins: as much of its next step as can be paid, the rest waits."""
    step, why = leg.step()
    if step > 0 and selling:
        return (
            leg,
            _move(leg, reason("convert_sales_first", asset=leg.asset), on_its_way=True),
            budget,
        )
    if step > 0:
        got = min(step, _payable(leg, budget) - leg.left_over)
        if got < step:
            needed = step * leg.price * leg.margin
            why = reason(
                "convert_quote_short",
                asset=leg.asset,
                step=text(step),
                quote=scene.view.quote,
                needed=leg.money(needed),
                available=leg.money(max(budget, ZERO)),
                missing=leg.money(needed - budget),
            )
        if got >= leg.least:
            leg = leg.wishing(got)
            budget -= leg.missing * leg.price * leg.margin
    return leg, _move(leg, why), budget


def _payable(leg: Leg, budget: Decimal) -> Decimal:
    """How many coins ``budget`` buys, fee and slippage included, in lots."""
    return floor_step(max(budget, ZERO) / (leg.price * leg.margin), leg.lot)


def _move(leg: Leg, why: Reason | None, *, on_its_way: bool = False) -> Move:
    """The move of a leg whose wish is settled; ``why`` says what keeps it from wishing more, if something does."""
    moving = on_its_way or not leg.reached or leg.releasing
    waits = (why,) if why is not None else ()
    if leg.done:
        return Move(overlay=leg.overlay, coins=None, reason=leg.summary(), done=True)
    return Move(
        overlay=leg.overlay,
        coins=leg.coins,
        reason=why if why is not None and not moving else leg.summary(),
        waits_for=waits,
        idle=not moving,
    )
