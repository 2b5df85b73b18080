"""The drawdown guard: how far equity is below its high, deposits and withdrawals taken out, and what that does.

A flow scales the high as it scales equity, so that the drawdown after it is the drawdown before it (MEANING 11); a
change of what equity consists of (assets, outside holdings) does the same. A price has to hold in two looks in a row
to make a high or a loss: one wick does neither.

Tiers: ``slow`` halves orders that add to futures, until a tenth of its depth is made up; ``reduce_only`` and
``cancel_only`` lower the trading state. Only a person raises that again; from then on drawdown is measured from the
equity at that moment, so that the tier does not lower it at once. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from counterpoise.decide.guards.pool_case import percent
from counterpoise.decide.guards.tally import shown
from counterpoise.domain.guard_documents import kept, remembered
from counterpoise.domain.guarding import (
    DRAWDOWN,
    UNMEASURED,
    DrawdownState,
    DrawdownVerdict,
    Tier,
)
from counterpoise.domain.numbers import ONE, ZERO, dec, quantize
from counterpoise.domain.policy import DrawdownPolicy, PortfolioPolicy
from counterpoise.domain.portfolio import Broke, PortfolioView, Unvalued
from counterpoise.domain.reasons import reason
from counterpoise.domain.records import Flow, GuardRecord, Recorded, TradingState

#: What a high (in quote) and a drawdown (a fraction) are told to.
_EXACT = dec("1e-8")
#: The part of its level that a slow tier is left at.
_MADE_UP = dec("0.9")
#: Highs kept of a window: one for each such part of it.
_PARTS = 100
_STATES = {Tier.REDUCE_ONLY: TradingState.REDUCE_ONLY, Tier.CANCEL_ONLY: TradingState.CANCEL_ONLY}


def drawdown_state(recorded: Recorded) -> DrawdownState:
    """Return what the guard remembers. Raises ValueError for a document of another shape."""
    return remembered(DrawdownState, recorded, DRAWDOWN)


def drawdown_record(state: DrawdownState) -> GuardRecord:
    """Return ``state`` as it is kept."""
    return kept(DRAWDOWN, state)


def guard_drawdown(
    view: PortfolioView | Unvalued | Broke,
    recorded: Recorded,
    policy: PortfolioPolicy,
    flows: Iterable[Flow] = (),
) -> DrawdownVerdict:
    """Return what equity as ``view`` shows it asks for; ``flows`` are those that this very look booked.

    What cannot be valued moves no tier: flows are remembered until they can be.
    """
    tiers = policy.limits.drawdown
    if tiers is None:
        return UNMEASURED
    state = drawdown_state(recorded)
    state = replace(state, owed=_owed(state.owed, flows, policy))
    if isinstance(view, Unvalued) or (isinstance(view, Broke) and state.owed):
        return _verdict(state, tiers, None, policy.quote)
    state = _scaled(state, view, policy.counted)
    # a wick makes neither a high nor a loss
    before = state.equity
    low, best = sorted((view.equity, before if before is not None else view.equity))
    if _raised(state, recorded):
        state = replace(state, tier=0, highs={_instant(view.as_of): low})
    highs = dict(state.highs)
    if before is not None:
        highs = _with_high(highs, low, view.as_of, tiers.window)
    state = replace(state, highs=highs, equity=view.equity)
    high = max(highs.values(), default=None)
    depth = None
    if high is not None and high > 0:
        depth = quantize(max(ONE - best / high, ZERO), _EXACT)
    tier = _tier(depth, Tier(state.tier), tiers) if depth is not None else Tier(state.tier)
    made = _verdict(replace(state, tier=int(tier)), tiers, depth, policy.quote)
    # what an operator has closed ends in CANCEL_ONLY by itself
    return replace(made, lower=None) if recorded.portfolio.flattening else made


def _owed(
    owed: Mapping[str, Decimal], flows: Iterable[Flow], policy: PortfolioPolicy
) -> dict[str, Decimal]:
    """What came in or went out of what equity consists of, and is not accounted for yet."""
    found = dict(owed)
    for flow in flows:
        if flow.asset == policy.quote or flow.asset in policy.assets:
            found[flow.asset] = found.get(flow.asset, ZERO) + flow.qty
    return found


def _scaled(state: DrawdownState, view: PortfolioView | Broke, counted: str) -> DrawdownState:
    """The state as if flows had always been there, and equity had always consisted of what it does now."""
    came = ZERO
    for asset, qty in state.owed.items():
        known = view.assets.get(asset) if isinstance(view, PortfolioView) else None
        came += qty * (known.spot_price if known is not None else ONE)
    before: Decimal | None = view.equity - came
    if state.counted not in {"", counted}:
        before = state.equity
    done = replace(state, owed={}, counted=counted)
    if before == view.equity or not state.highs:
        return replace(done, equity=state.equity if before == view.equity else None)
    if before is None or before <= 0 or view.equity <= 0:
        return replace(done, highs={}, equity=None)
    scale = view.equity / before
    return replace(
        done,
        highs={at: quantize(high * scale, _EXACT) for at, high in state.highs.items()},
        equity=quantize(state.equity * scale, _EXACT) if state.equity is not None else None,
    )


def _raised(state: DrawdownState, recorded: Recorded) -> bool:
    """Whether a person has raised the trading state that a tier had lowered."""
    lowered = _STATES.get(Tier(state.tier))
    if lowered is None or recorded.portfolio.flattening:
        return False
    order = list(TradingState)
    return order.index(recorded.portfolio.trading_state) < order.index(lowered)


def _with_high(
    highs: Mapping[str, Decimal], equity: Decimal, now: datetime, window: timedelta | None
) -> dict[str, Decimal]:
    """``highs`` with ``equity``, without what it tops or what has left the window; falling, oldest first.

    Within one part of the window only the first of falling highs is kept: it leaves that much early.
    """
    ordered = sorted(highs.items())
    if window is not None:
        ordered = [(at, high) for at, high in ordered if datetime.fromisoformat(at) > now - window]
    kept = [(at, high) for at, high in ordered if high > equity]
    if kept and window is None:
        return dict(kept)
    if kept and window is not None:
        last = datetime.fromisoformat(kept[-1][0])
        if len(kept) > 1 and now - last < window / _PARTS:
            return dict(kept)
    return dict([*kept, (_instant(now), equity)])


def _tier(depth: Decimal, before: Tier, tiers: DrawdownPolicy) -> Tier:
    """The deepest tier reached; one that lowers the state stays until a person raises it."""
    reached = Tier.NONE
    for tier, level in _levels(tiers).items():
        stays = before is tier and (tier is not Tier.SLOW or depth >= level * _MADE_UP)
        if depth >= level or stays:
            reached = tier
    return reached


def _levels(tiers: DrawdownPolicy) -> dict[Tier, Decimal]:
    """The tiers that the config has, from the mildest on."""
    levels = {
        Tier.SLOW: tiers.slow,
        Tier.REDUCE_ONLY: tiers.reduce_only,
        Tier.CANCEL_ONLY: tiers.cancel_only,
    }
    return {tier: level for tier, level in levels.items() if level is not None}


def _verdict(
    state: DrawdownState, tiers: DrawdownPolicy, depth: Decimal | None, quote: str
) -> DrawdownVerdict:
    tier, high = Tier(state.tier), max(state.highs.values(), default=None)
    deeper = ((t, level) for t, level in _levels(tiers).items() if t > tier)
    made = DrawdownVerdict(
        state=state, depth=depth, high=high, tier=tier, following=next(deeper, None)
    )
    if tier is Tier.NONE or high is None or depth is None or state.equity is None:
        return made
    told = {"drawdown": percent(depth), "peak": shown(high), "quote": quote}
    if tier is Tier.SLOW:
        return replace(made, slowed=reason("drawdown_slow", **told))
    limit = tiers.cancel_only if tier is Tier.CANCEL_ONLY else tiers.reduce_only
    why = reason("drawdown", equity=shown(state.equity), limit=percent(limit), **told)
    return replace(made, lower=_STATES[tier], why=why)


def _instant(at: datetime) -> str:
    return at.astimezone(UTC).isoformat()
