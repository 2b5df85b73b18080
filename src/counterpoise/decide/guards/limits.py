"""Limits: the one choke point every order passes before it may be sent.

Orders are judged one after the other, each on top of what is open, unproven and already approved, at its worst
case. Orders that only shrink a position are exempt from the limits on positions, leverage, turnover and margin (they
may always take risk off), never from the price collar, the largest order, the rate limits or the net exposure, which
a close raises as well. What a guard closes is held to the collar alone. What passes becomes :class:`Approved`, here
and nowhere else.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from decimal import Decimal

from counterpoise.decide.guards.exposure_limits import (
    affordable,
    margin_refusal,
    net_refusal,
    size_refusal,
)
from counterpoise.decide.guards.rejects import quarantine_refusal, reject_refusal, together
from counterpoise.decide.guards.survival import Carried, carried
from counterpoise.decide.guards.tally import Tally, mark_of, notional_of, shown, tally_of
from counterpoise.decide.guards.trading_state import state_refusal, stop_refusal
from counterpoise.domain.guarding import DRAWDOWN, MARGIN, UNGUARDED, MarginVerdict
from counterpoise.domain.instrument import is_spot
from counterpoise.domain.numbers import ONE, ZERO, dec, text
from counterpoise.domain.order import Order, TimeInForce
from counterpoise.domain.plan import Approved, Refused
from counterpoise.domain.policy import PortfolioPolicy
from counterpoise.domain.portfolio import PortfolioView
from counterpoise.domain.reasons import Reason, reason
from counterpoise.domain.records import Recorded
from counterpoise.domain.snapshot import Quote, Snapshot

LIMITS = "limits"
#: Reasons that say how much collateral is missing.
_MISSING = ("margin_short", "not_survivable")


def review(
    orders: Iterable[Order],
    snapshot: Snapshot,
    recorded: Recorded,
    policy: PortfolioPolicy,
    view: PortfolioView | None,
    margin: MarginVerdict = UNGUARDED,
    slowed: Reason | None = None,
) -> tuple[tuple[Approved, ...], tuple[Refused, ...]]:
    """Return which of ``orders`` may be sent, and which may not and why. Order is kept.

    ``view`` is None where the portfolio could not be valued: then only what a guard closes may pass. ``slowed``: why
    orders that add to futures are sent at half their size; one that cannot be halved is sent whole.
    """
    refused: list[Refused] = []
    tally = tally_of(snapshot, recorded, view)
    valid_until = snapshot.as_of + policy.freshness.approval
    for whole in orders:
        order, short = _afforded(whole, snapshot, policy, view, tally)
        asked = _halved(order, snapshot) if slowed is not None else order
        why = _refusal(asked, snapshot, recorded, policy, view, tally, margin)
        if why is not None:
            refused.append(_refused(whole, _guard_of(why, asked, margin), why))
            continue
        passes = _carried(asked, snapshot, recorded, policy, tally)
        part = replace(asked, qty=passes.qty)
        # one refusal for an order, by the guard that leaves the least of it
        if passes.why is not None:
            refused.append(_refused(_rest(whole, part), MARGIN, passes.why))
        elif slowed is not None and asked.qty != order.qty:
            refused.append(_refused(_rest(whole, part), DRAWDOWN, slowed))
        elif short is not None:
            refused.append(_refused(_rest(whole, part), LIMITS, short))
        if passes.why is None or _tradable(part, snapshot):
            tally.count(part, snapshot)
    approved = tuple(
        Approved(
            order=order,
            valid_until=valid_until,
            together=together(order, recorded.refusals, snapshot.as_of),
        )
        for order in tally.approved
    )
    return approved, tuple(refused)


def _rest(whole: Order, part: Order) -> Order:
    """What of an order does not pass."""
    return replace(whole, qty=whole.qty - part.qty)


def _guard_of(why: Reason, order: Order, margin: MarginVerdict) -> str:
    """Who refuses: the margin guard where it lets nothing be added, else the limits."""
    return MARGIN if why == stop_refusal(order, margin.stops) else LIMITS


def _afforded(
    order: Order,
    snapshot: Snapshot,
    policy: PortfolioPolicy,
    view: PortfolioView | None,
    tally: Tally,
) -> tuple[Order, Reason | None]:
    """As much of a crossing order as the futures wallet carries, and what keeps the rest.

    It is one order for all that is missing: refused as a whole it would leave everything open, where rungs do not.
    """
    adds = not order.reduce_only and not is_spot(order.symbol)
    if view is None or not adds or order.time_in_force is not TimeInForce.IOC:
        return order, None
    notional = notional_of(order, order.qty, snapshot)
    short = margin_refusal(order, notional, snapshot, tally, policy)
    if short is None:
        return order, None
    part = replace(order, qty=affordable(order, notional, snapshot, tally))
    return (part, short) if part.qty > 0 and _tradable(part, snapshot) else (order, None)


def _halved(order: Order, snapshot: Snapshot) -> Order:
    """An order that adds to futures at half its size, where the venue trades that."""
    if order.reduce_only or is_spot(order.symbol):
        return order
    instrument = snapshot.venues[order.venue].instruments[order.symbol]
    half = replace(order, qty=instrument.shrink_qty(order.qty / 2))
    return half if _tradable(half, snapshot) else order


def _refused(order: Order, guard: str, why: Reason) -> Refused:
    missing = why.numbers.get("missing") if why.code in _MISSING else None
    return Refused(
        order=order,
        guard=guard,
        reason=why,
        margin_missing=dec(missing) if missing is not None else None,
    )


def _carried(
    order: Order,
    snapshot: Snapshot,
    recorded: Recorded,
    policy: PortfolioPolicy,
    tally: Tally,
) -> Carried:
    """How much of an order the collateral carries; what does not add to futures passes whole."""
    if policy.margin is None or order.reduce_only or is_spot(order.symbol):
        return Carried(qty=order.qty)
    seen = snapshot.venues[order.venue]
    return carried(
        order,
        seen,
        recorded,
        (*recorded.orders, *tally.approved),
        policy.margin,
        snapshot.as_of,
        tally.spent.get((order.venue, seen.instruments[order.symbol].settle or ""), ZERO),
    )


def _tradable(order: Order, snapshot: Snapshot) -> bool:
    mark = mark_of(snapshot, order.venue, order.symbol) or ZERO
    instrument = snapshot.venues[order.venue].instruments[order.symbol]
    return instrument.tradable(order.qty, order.price or mark)


def _refusal(
    order: Order,
    snapshot: Snapshot,
    recorded: Recorded,
    policy: PortfolioPolicy,
    view: PortfolioView | None,
    tally: Tally,
    margin: MarginVerdict,
) -> Reason | None:
    """The first reason to stop ``order``, or None."""
    limits = policy.limits
    others = (*recorded.orders, *tally.approved)
    why = state_refusal(order, snapshot, recorded, view, others)
    why = why or stop_refusal(order, margin.stops)
    if why is not None:
        return why
    if order.guard is not None and order.reduce_only:
        return _collar_refusal(order, _quote(order, snapshot), _guard_collar(policy), None)
    if view is None:
        return reason("not_valued", missing="the portfolio")
    if snapshot.venues[order.venue].account is None:
        return reason("not_valued", missing=f"account of {order.venue}")
    flattening = recorded.portfolio.flattening
    why = quarantine_refusal(order, recorded.refusals, snapshot.as_of, flattening=flattening)
    why = why or _rate_refusal(order, snapshot, recorded, policy, tally)
    young = snapshot.as_of - policy.freshness.max_quote_age
    why = why or _collar_refusal(order, _quote(order, snapshot), limits.price_collar, young)
    if why is not None:
        return why
    notional = notional_of(order, order.qty, snapshot)
    if limits.max_order_notional is not None and notional > limits.max_order_notional:
        return reason(
            "max_order_notional",
            notional=shown(notional),
            limit=shown(limits.max_order_notional),
        )
    # what an operator has closed may lean as it will
    if not (order.reduce_only and recorded.portfolio.flattening):
        why = net_refusal(order, notional, policy, view, tally)
    if why is not None or order.reduce_only:
        return why
    return size_refusal(order, notional, snapshot, recorded, policy, view, tally)


def _rate_refusal(
    order: Order, snapshot: Snapshot, recorded: Recorded, policy: PortfolioPolicy, tally: Tally
) -> Reason | None:
    """Limits on how many orders there may be, and how many of them the venue may refuse."""
    limits = policy.limits
    if tally.recent + 1 > limits.max_orders_per_minute:
        return reason("max_orders_per_minute", limit=limits.max_orders_per_minute)
    if tally.day + 1 > limits.max_orders_per_day:
        return reason("max_orders_per_day", limit=limits.max_orders_per_day)
    if tally.open_orders + 1 > limits.max_open_orders:
        return reason("max_open_orders", limit=limits.max_open_orders)
    if order.reduce_only:
        return None
    late = snapshot.venues[order.venue].untimely
    if late is not None and late.blocks(snapshot.as_of):
        return late.why(order.venue)
    return reject_refusal(recorded.tried, limits.max_rejects, snapshot.as_of)


def _quote(order: Order, snapshot: Snapshot) -> Quote | None:
    return snapshot.venues[order.venue].quotes.get(order.symbol)


def _collar_refusal(
    order: Order, quote: Quote | None, collar: Decimal, young: datetime | None
) -> Reason | None:
    """Whether the order's price is too far from the mark or the mid, or there is no mark to tell.

    ``young``: prices from before it do not count as told; None goes by the mark alone, however old.
    """
    mark = quote.fair if quote is not None else None
    if quote is None or mark is None or mark <= 0 or (young is not None and quote.as_of < young):
        return reason("not_valued", missing=f"mark price of {order.symbol}")
    for what, price in (("mark", mark), ("mid", quote.mid if young is not None else None)):
        if order.price is None or not price or abs(order.price / price - ONE) <= collar:
            continue
        return reason(
            "price_collar",
            price=text(order.price),
            what=what,
            mark=text(price),
            distance=shown(abs(order.price / price - ONE) * 100) + " %",
            limit=shown(collar * 100) + " %",
        )
    return None


def _guard_collar(policy: PortfolioPolicy) -> Decimal:
    """How far from the mark a guard may cross: its own limit where that is wider."""
    own = policy.margin.max_slippage if policy.margin is not None else ZERO
    return max(policy.limits.price_collar, own)
