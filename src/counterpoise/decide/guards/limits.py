"""Limits: the one choke point every order passes before it may be sent.

Orders are judged one after the other, each on top of what is open, unproven and already approved, at its worst
case. Orders that only shrink a position are exempt from the limits on positions, leverage, turnover and margin (they
may always take risk off), never from the price collar, the largest order or the rate limits. What passes becomes
:class:`Approved`, here and nowhere else.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from decimal import ROUND_CEILING, Decimal

from counterpoise.decide.guards.survival import Carried, carried
from counterpoise.decide.guards.trading_state import state_refusal, stop_refusal
from counterpoise.domain.guarding import MARGIN, UNGUARDED, MarginVerdict
from counterpoise.domain.instrument import is_spot
from counterpoise.domain.numbers import ONE, ZERO, dec, quantize, text
from counterpoise.domain.order import Fill, Order, Side
from counterpoise.domain.plan import Approved, Refused
from counterpoise.domain.policy import PortfolioPolicy
from counterpoise.domain.portfolio import PortfolioView
from counterpoise.domain.reasons import Reason, reason
from counterpoise.domain.records import Recorded
from counterpoise.domain.snapshot import Snapshot

_SHOWN = dec("0.01")


@dataclass(slots=True)
class _Tally:
    """What has been let through so far, at its worst case, in quote. ``unvalued`` names what ``gross`` lacks."""

    turnover: Decimal
    gross: Decimal
    unvalued: str | None
    open_orders: int
    recent: int
    margin: dict[tuple[str, str], Decimal] = field(default_factory=dict)
    spent: dict[tuple[str, str], Decimal] = field(default_factory=dict)
    approved: list[Order] = field(default_factory=list)


def review(
    orders: Iterable[Order],
    snapshot: Snapshot,
    recorded: Recorded,
    policy: PortfolioPolicy,
    view: PortfolioView | None,
    margin: MarginVerdict = UNGUARDED,
) -> tuple[tuple[Approved, ...], tuple[Refused, ...]]:
    """Return which of ``orders`` may be sent, and which may not and why. Order is kept.

    ``view`` is None where the portfolio could not be valued: then only what a guard closes may pass.
    """
    refused: list[Refused] = []
    tally = _start(snapshot, recorded)
    valid_until = snapshot.as_of + policy.freshness.approval
    for order in orders:
        why = _refusal(order, snapshot, recorded, policy, view, tally, margin)
        if why is not None:
            refused.append(_refused(order, "limits", why))
            continue
        passes = _carried(order, snapshot, recorded, policy, tally)
        if passes.why is not None:
            refused.append(_refused(replace(order, qty=order.qty - passes.qty), MARGIN, passes.why))
        part = replace(order, qty=passes.qty)
        if passes.why is None or _tradable(part, snapshot):
            _count(part, snapshot, tally)
    approved = tuple(Approved(order=o, valid_until=valid_until) for o in tally.approved)
    return approved, tuple(refused)


def _refused(order: Order, guard: str, why: Reason) -> Refused:
    missing = why.numbers.get("missing") if why.code in {"margin_short", "not_survivable"} else None
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
    tally: _Tally,
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
    mark = _mark(snapshot, order.venue, order.symbol) or ZERO
    instrument = snapshot.venues[order.venue].instruments[order.symbol]
    return instrument.tradable(order.qty, order.price or mark)


def _start(snapshot: Snapshot, recorded: Recorded) -> _Tally:
    live = [o for o in recorded.orders if not o.state.is_final]
    turnover = sum((_filled_notional(f) for f in recorded.recent_fills), ZERO)
    turnover += sum(
        (_notional(o, o.remaining_qty, snapshot) for o in live if not o.reduce_only), ZERO
    )
    gross, unvalued = ZERO, None
    for venue, seen in snapshot.venues.items():
        if seen.account is None:
            unvalued = f"account of {venue}"
            continue
        for symbol, position in seen.account.positions.items():
            mark = _mark(snapshot, venue, symbol) or position.mark_price
            if mark is None and position.qty != 0:
                unvalued = f"mark price of {symbol}"
            gross += abs(position.qty) * (mark or ZERO)
    adding = [o for o in live if not o.reduce_only and not is_spot(o.symbol)]
    gross += sum((_notional(o, o.remaining_qty, snapshot) for o in adding), ZERO)
    return _Tally(
        turnover=turnover,
        gross=gross,
        unvalued=unvalued,
        open_orders=len(live),
        recent=len(recorded.placed_at),
    )


def _refusal(
    order: Order,
    snapshot: Snapshot,
    recorded: Recorded,
    policy: PortfolioPolicy,
    view: PortfolioView | None,
    tally: _Tally,
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
        return _collar_refusal(order, snapshot, _guard_collar(policy))
    if view is None:
        return reason("not_valued", missing="the portfolio")
    if snapshot.venues[order.venue].account is None:
        return reason("not_valued", missing=f"account of {order.venue}")
    if tally.recent + 1 > limits.max_orders_per_minute:
        return reason("max_orders_per_minute", limit=limits.max_orders_per_minute)
    if tally.open_orders + 1 > limits.max_open_orders:
        return reason("max_open_orders", limit=limits.max_open_orders)
    why = _collar_refusal(order, snapshot, limits.price_collar)
    if why is not None:
        return why
    notional = _notional(order, order.qty, snapshot)
    if limits.max_order_notional is not None and notional > limits.max_order_notional:
        return reason(
            "max_order_notional",
            notional=_shown(notional),
            limit=_shown(limits.max_order_notional),
        )
    if order.reduce_only:
        return None
    return _size_refusal(order, notional, snapshot, recorded, policy, view, tally)


def _collar_refusal(order: Order, snapshot: Snapshot, collar: Decimal) -> Reason | None:
    """Whether the order's price is too far from the mark, or there is no mark to tell."""
    mark = _mark(snapshot, order.venue, order.symbol)
    if mark is None:
        return reason("not_valued", missing=f"mark price of {order.symbol}")
    if order.price is None or abs(order.price / mark - ONE) <= collar:
        return None
    return reason(
        "price_collar",
        price=text(order.price),
        mark=text(mark),
        distance=_shown(abs(order.price / mark - ONE) * 100) + " %",
        limit=_shown(collar * 100) + " %",
    )


def _guard_collar(policy: PortfolioPolicy) -> Decimal:
    """How far from the mark a guard may cross: its own limit where that is wider."""
    own = policy.margin.max_slippage if policy.margin is not None else ZERO
    return max(policy.limits.price_collar, own)


def _size_refusal(
    order: Order,
    notional: Decimal,
    snapshot: Snapshot,
    recorded: Recorded,
    policy: PortfolioPolicy,
    view: PortfolioView,
    tally: _Tally,
) -> Reason | None:
    """Limits on how large things may become; only orders that add are judged by them."""
    limits = policy.limits
    if tally.unvalued is not None:
        return reason("not_valued", missing=tally.unvalued)
    if tally.turnover + notional > limits.max_turnover_24h * view.equity:
        return reason(
            "max_turnover_24h",
            turnover=_shown(tally.turnover + notional),
            limit=_shown(limits.max_turnover_24h * view.equity),
        )
    if is_spot(order.symbol):
        return _purse_refusal(order, snapshot, tally)
    if tally.gross + notional > limits.max_leverage * view.equity:
        return reason(
            "max_leverage",
            leverage=_shown((tally.gross + notional) / view.equity),
            limit=_shown(limits.max_leverage),
        )
    worst = _worst_position(order, snapshot, recorded, tally)
    if limits.max_position_notional is not None and worst > limits.max_position_notional:
        return reason(
            "max_position_notional",
            notional=_shown(worst),
            limit=_shown(limits.max_position_notional),
        )
    return _margin_refusal(order, notional, snapshot, tally)


def _purse_refusal(order: Order, snapshot: Snapshot, tally: _Tally) -> Reason | None:
    """Whether the spot wallet pays for it: the coins for a sale, the quote for a purchase."""
    asset, needed = _spent(order, snapshot)
    account = snapshot.venues[order.venue].account
    balance = account.spot.get(asset) if account is not None else None
    available = balance.free if balance is not None else ZERO
    total = tally.spent.get((order.venue, asset), ZERO) + needed
    if total <= available:
        return None
    return reason(
        "coins_short",
        asset=asset,
        needed=text(total),
        available=text(available),
        missing=text(total - available),
    )


def _spent(order: Order, snapshot: Snapshot) -> tuple[str, Decimal]:
    """What a spot order takes out of the wallet."""
    pair = snapshot.venues[order.venue].instruments[order.symbol]
    if order.side is Side.SELL:
        return pair.base, order.qty
    return pair.quote, order.qty * (order.price or ZERO)


def _margin_refusal(
    order: Order, notional: Decimal, snapshot: Snapshot, tally: _Tally
) -> Reason | None:
    """Whether the futures wallet carries the initial margin; a leverage nobody told counts as 1."""
    seen = snapshot.venues[order.venue]
    settle = seen.instruments[order.symbol].settle
    if settle is None or seen.account is None:
        return None
    wallet = seen.account.futures.get(settle)
    available = wallet.available if wallet is not None else ZERO
    used = tally.margin.get((order.venue, settle), ZERO)
    needed = notional / _leverage(snapshot, order.venue, order.symbol)
    if used + needed <= available:
        return None
    return reason(
        "margin_short",
        asset=settle,
        needed=_shown(used + needed),
        available=_shown(available),
        missing=text(quantize(used + needed - available, _SHOWN, ROUND_CEILING)),
    )


def _count(order: Order, snapshot: Snapshot, tally: _Tally) -> None:
    tally.approved.append(order)
    tally.recent += 1
    tally.open_orders += 1
    if order.reduce_only:
        return
    notional = _notional(order, order.qty, snapshot)
    tally.turnover += notional
    if is_spot(order.symbol):
        asset, qty = _spent(order, snapshot)
        tally.spent[order.venue, asset] = tally.spent.get((order.venue, asset), ZERO) + qty
        return
    tally.gross += notional
    settle = snapshot.venues[order.venue].instruments[order.symbol].settle
    if settle is not None:
        purse = (order.venue, settle)
        needed = notional / _leverage(snapshot, order.venue, order.symbol)
        tally.margin[purse] = tally.margin.get(purse, ZERO) + needed


def _worst_position(order: Order, snapshot: Snapshot, recorded: Recorded, tally: _Tally) -> Decimal:
    """|position| in quote if everything on this side fills: position + open + unproven + approved + this."""
    account = snapshot.venues[order.venue].account
    held = account.positions.get(order.symbol) if account is not None else None
    qty = held.qty if held is not None else ZERO
    for other in (*recorded.orders, *tally.approved):
        if (other.venue, other.symbol, other.side) == (order.venue, order.symbol, order.side):
            qty += other.remaining_qty * other.side.sign
    qty += order.qty * order.side.sign
    return abs(qty) * (_mark(snapshot, order.venue, order.symbol) or ZERO)


def _leverage(snapshot: Snapshot, venue: str, symbol: str) -> Decimal:
    account = snapshot.venues[venue].account
    if account is None:
        return ONE
    held = account.positions.get(symbol)
    known = held.leverage if held is not None else None
    leverage = known if known is not None else account.leverage.get(symbol)
    return leverage if leverage is not None and leverage > 0 else ONE


def _mark(snapshot: Snapshot, venue: str, symbol: str) -> Decimal | None:
    quote = snapshot.venues[venue].quotes.get(symbol)
    return quote.fair if quote is not None else None


def _notional(order: Order, qty: Decimal, snapshot: Snapshot) -> Decimal:
    """Quote value of ``qty`` at the worse of the order's price and the mark."""
    mark = _mark(snapshot, order.venue, order.symbol) or ZERO
    return qty * max(order.price or ZERO, mark)


def _filled_notional(fill: Fill) -> Decimal:
    return fill.qty * fill.price


def _shown(value: Decimal) -> str:
    return text(quantize(value, _SHOWN))
