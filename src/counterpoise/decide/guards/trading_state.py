"""The trading state as a guard (MEANING 19): what it lets pass, and which working orders it takes down.

RUN lets everything pass. REDUCE_ONLY: |position| may only shrink, no coins are traded, and a close that leaves an
asset more exposed than it is needs an operator. CANCEL_ONLY: nothing passes, own working orders go. HALT: nothing is
sent, not even a cancel. What a guard closes passes in all states but HALT. While own futures are being closed by an
operator, what shrinks them passes and nothing else, whatever it does to the exposure.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from counterpoise.domain.instrument import base_of, is_spot, settle_of
from counterpoise.domain.numbers import text
from counterpoise.domain.order import Order
from counterpoise.domain.plan import Cancel, Plan
from counterpoise.domain.portfolio import PortfolioView, Universe
from counterpoise.domain.reasons import Reason, reason
from counterpoise.domain.records import Recorded, TradingState
from counterpoise.domain.snapshot import Snapshot

#: How soon to look again at orders that are being taken down.
SOON = timedelta(seconds=1)


def state_refusal(
    order: Order,
    snapshot: Snapshot,
    recorded: Recorded,
    view: PortfolioView | None,
    others: Iterable[Order],
) -> Reason | None:
    """Return why the trading state does not let ``order`` pass, or None.

    ``others`` are orders that may fill beside it; ``view`` is None where the portfolio could not be valued: then a
    close is not measured by what it does to the exposure.
    """
    portfolio = recorded.portfolio
    state = portfolio.trading_state
    if state is TradingState.HALT:
        return reason("trading_state", state=state.value)
    if order.guard is not None and order.reduce_only:
        return None
    if portfolio.flattening:
        return _flattening_refusal(order, recorded)
    if state is TradingState.CANCEL_ONLY:
        return reason("trading_state", state=state.value)
    if state is TradingState.REDUCE_ONLY:
        return _reduce_only_refusal(order, snapshot, view, others)
    return None


def restrained(
    plan: Plan,
    snapshot: Snapshot,
    recorded: Recorded,
    view: PortfolioView | None,
    stops: Mapping[tuple[str, str], Reason] | None = None,
) -> Plan:
    """Return ``plan`` with the cancels that the trading state and ``stops`` ask for, or without any in HALT.

    ``stops``: (venue, collateral) to which nothing may be added.

    Works where nothing was decided as well: what is withdrawn are our own rows. An order that is not proven has
    nothing to cancel until it is found.
    """
    if recorded.portfolio.trading_state is TradingState.HALT:
        return replace(plan, cancel=(), keep=(*plan.keep, *(c.order for c in plan.cancel)))
    going = {c.order.client_order_id for c in plan.cancel}
    kept: list[Order] = []
    cancels: list[Cancel] = []
    for order in recorded.orders:
        if order.state.is_final or order.client_order_id in going:
            continue
        stopped = stop_refusal(order, stops or {})
        why = state_refusal(order, snapshot, recorded, view, kept)
        if order.state.is_unproven or (why is None and stopped is None):
            kept.append(order)
        else:
            word = _short(recorded) if why is not None else "margin guard stops adding"
            cancels.append(Cancel(order=order, why=word))
    if not cancels:
        return plan
    going |= {c.order.client_order_id for c in cancels}
    soon = snapshot.as_of + SOON
    return replace(
        plan,
        cancel=(*plan.cancel, *cancels),
        keep=tuple(o for o in plan.keep if o.client_order_id not in going),
        wake_at=min(plan.wake_at, soon) if plan.wake_at is not None else soon,
    )


def parted(plan: Plan, recorded: Recorded, universe: Universe, at: datetime) -> Plan:
    """Return ``plan`` with the cancels of what still works for assets that left the config."""
    gone = {(x.venue, x.instrument.symbol) for x in universe.parting}
    cancels = tuple(
        Cancel(order=order, why="its asset is no longer configured")
        for order in recorded.orders
        if (order.venue, order.symbol) in gone
        and not order.state.is_final
        and not order.state.is_unproven
    )
    if not cancels:
        return plan
    soon = at + SOON
    wake_at = min(plan.wake_at, soon) if plan.wake_at is not None else soon
    return replace(plan, cancel=(*plan.cancel, *cancels), wake_at=wake_at)


def forbidden(recorded: Recorded) -> tuple[Cancel, ...]:
    """Return the cancels that the trading state asks for by the rows alone, where a look came to nothing."""
    state = recorded.portfolio.trading_state
    if state in {TradingState.RUN, TradingState.HALT}:
        return ()
    return tuple(
        Cancel(order=order, why=_short(recorded))
        for order in recorded.orders
        if not order.state.is_final
        and not order.state.is_unproven
        and (state is TradingState.CANCEL_ONLY or not order.reduce_only or is_spot(order.symbol))
    )


def stop_refusal(order: Order, stops: Mapping[tuple[str, str], Reason]) -> Reason | None:
    """Return why nothing may be added to the collateral that ``order`` would use, or None."""
    if order.reduce_only or is_spot(order.symbol):
        return None
    return stops.get((order.venue, settle_of(order.symbol) or ""))


def _short(recorded: Recorded) -> str:
    if recorded.portfolio.flattening:
        return "closing own futures"
    return f"trading state {recorded.portfolio.trading_state.value}"


def _flattening_refusal(order: Order, recorded: Recorded) -> Reason | None:
    if order.reduce_only and not is_spot(order.symbol):
        return None
    known = recorded.positions.get((order.venue, order.symbol))
    if known is not None and known.own_qty * known.baseline_qty < 0:
        return reason(
            "flattening_foreign",
            own=text(known.own_qty),
            symbol=order.symbol,
            baseline=text(known.baseline_qty),
        )
    return reason("flattening_adds")


def _reduce_only_refusal(
    order: Order, snapshot: Snapshot, view: PortfolioView | None, others: Iterable[Order]
) -> Reason | None:
    """Stops what adds to |position|, and a close that leaves the asset more exposed than it is."""
    if is_spot(order.symbol):
        return reason("trading_state_coins")
    if not order.reduce_only:
        return reason("trading_state_reduce_only")
    asset = asset_of(order, snapshot)
    if view is None or asset not in view.assets:
        return None
    exposure = view.assets[asset].exposure_qty
    for other in others:
        if is_spot(other.symbol):
            continue
        if other.side is order.side and asset_of(other, snapshot) == asset:
            exposure += other.remaining_qty * other.side.sign
    if abs(exposure + order.remaining_qty * order.side.sign) > abs(exposure):
        return reason("trading_state_net_exposure", asset=asset)
    return None


def asset_of(order: Order, snapshot: Snapshot) -> str:
    """Return the asset an order moves; of a contract that is no longer listed the symbol tells it."""
    instrument = snapshot.venues[order.venue].instruments.get(order.symbol)
    return instrument.base if instrument is not None else base_of(order.symbol)
