"""What an order must meet before it is accepted. Every check raises :class:`SimReject` and changes nothing.

The order of the checks is that of real venues: shape and filters, then the market's state, then what the account
may do. A rejected order never existed; the caller writes the refusal into the truth log.
"""

from __future__ import annotations

from decimal import Decimal

from counterpoise.domain.numbers import ZERO, text
from counterpoise.venue.sim.accounts import Account
from counterpoise.venue.sim.listing import Perpetual
from counterpoise.venue.sim.margin import max_notional
from counterpoise.venue.sim.market import Level, Market
from counterpoise.venue.sim.model import (
    MarketKind,
    OrderKind,
    PlaceRequest,
    RejectCode,
    Side,
    SimReject,
    SymbolRules,
    TimeInForce,
)
from counterpoise.venue.sim.valuation import Valuation


def check_filters(rules: SymbolRules, request: PlaceRequest, reference: Decimal) -> None:
    """Check quantity, price and notional; ``reference`` is the market's price (mark of a perpetual)."""
    _check_qty(rules, request.qty)
    _check_price(rules, request, reference)
    price = request.price if request.price is not None else reference
    notional = request.qty * price
    if notional < rules.min_notional and not request.reduce_only:
        raise SimReject(
            RejectCode.BELOW_MIN_NOTIONAL,
            f"expected a notional of at least {text(rules.min_notional)}, was {text(notional)}",
        )


def _check_qty(rules: SymbolRules, qty: Decimal) -> None:
    if qty <= 0 or qty < rules.min_qty:
        raise SimReject(
            RejectCode.BELOW_MIN_QTY,
            f"expected a quantity of at least {text(rules.min_qty)}, was {text(qty)}",
        )
    if qty > rules.max_qty:
        raise SimReject(
            RejectCode.ABOVE_MAX_QTY,
            f"expected a quantity of at most {text(rules.max_qty)}, was {text(qty)}",
        )
    if qty % rules.lot_size:
        raise SimReject(
            RejectCode.BAD_QTY_STEP,
            f"expected a multiple of {text(rules.lot_size)}, was {text(qty)}",
        )


def _check_price(rules: SymbolRules, request: PlaceRequest, reference: Decimal) -> None:
    price = request.price
    if (price is None) is not (request.order_kind is OrderKind.MARKET):
        raise SimReject(
            RejectCode.BAD_PRICE, "expected a price with a limit order and none with a market order"
        )
    if price is None:
        return
    if price <= 0:
        raise SimReject(RejectCode.BAD_PRICE, f"expected a price above 0, was {text(price)}")
    if price % rules.tick_size:
        raise SimReject(
            RejectCode.BAD_PRICE_TICK,
            f"expected a multiple of {text(rules.tick_size)}, was {text(price)}",
        )
    low, high = reference * rules.price_band_down, reference * rules.price_band_up
    both = rules.kind is MarketKind.SPOT
    if (price > high and (both or request.side is Side.BUY)) or (
        price < low and (both or request.side is Side.SELL)
    ):
        raise SimReject(
            RejectCode.PERCENT_PRICE,
            f"expected a price from {text(low)} to {text(high)}, was {text(price)}",
        )


def check_open(market: Market) -> None:
    """Refuse everything while the market is halted."""
    if market.halted:
        raise SimReject(
            RejectCode.MARKET_CLOSED,
            f"expected {market.kind} {market.symbol} to be open, was halted",
        )


def check_client_id(account: Account, request: PlaceRequest, *, for_ever: bool) -> None:
    """Refuse a client id that another open order of the account and kind has, or, ``for_ever``, ever had."""
    wanted = request.client_order_id
    rivals = account.orders(request.kind, None, open_only=not for_ever)
    if wanted is not None and any(order.client_order_id == wanted for order in rivals):
        raise SimReject(
            RejectCode.DUPLICATE_CLIENT_ID, f"expected a client id not in use, was {wanted}"
        )


def check_reduce_only(account: Account, request: PlaceRequest) -> None:
    """Refuse a reduce-only order that, with the others, would do more than close the position."""
    if not request.reduce_only:
        return
    if request.kind is MarketKind.SPOT:
        raise SimReject(RejectCode.REDUCE_ONLY, "expected a perpetual for reduce-only, was spot")
    held = -account.position(request.symbol).qty * request.side.sign
    queued = sum(
        (o.remaining_qty for o in account.reduce_only_open(request.symbol, request.side)), ZERO
    )
    if queued + request.qty > held:
        raise SimReject(
            RejectCode.REDUCE_ONLY,
            f"expected at most {text(max(held - queued, ZERO))} left to reduce, was {text(request.qty)}",
        )


def check_time_in_force(market: Market, request: PlaceRequest, plan: tuple[Level, ...]) -> None:
    """Refuse a post-only order that would take, and a fill-or-kill order that would not fill."""
    touch = market.touch(request.side)
    if request.time_in_force is TimeInForce.POST_ONLY and touch is not None:
        crosses = request.price is None or (request.price - touch) * request.side.sign >= 0
        if crosses:
            raise SimReject(
                RejectCode.WOULD_TAKE, f"expected a price that rests, touch was {text(touch)}"
            )
    planned = sum((level.qty for level in plan), ZERO)
    if request.time_in_force is TimeInForce.FOK and planned < request.qty:
        raise SimReject(
            RejectCode.FOK_NOT_FILLED,
            f"expected {text(request.qty)} to fill at once, was {text(planned)}",
        )


def check_spot_funds(
    valuation: Valuation,
    account: Account,
    rules: SymbolRules,
    request: PlaceRequest,
    plan: tuple[Level, ...],
) -> None:
    """Refuse an order that the free spot balance cannot settle."""
    if request.side is Side.SELL:
        asset, needed = rules.base, request.qty
    else:
        asset, needed = rules.quote, _worst_cost(request, plan)
    free = valuation.free(account, asset)
    if needed > free:
        raise SimReject(
            RejectCode.INSUFFICIENT_BALANCE,
            f"expected at least {text(needed)} {asset} free, was {text(free)}",
        )


def check_margin(
    valuation: Valuation,
    account: Account,
    perp: Perpetual,
    request: PlaceRequest,
    plan: tuple[Level, ...],
) -> None:
    """Refuse an order whose additional initial margin is not available; one that needs none passes."""
    if request.reduce_only:
        return
    cost = _worst_cost(request, plan)
    _check_position_limit(valuation, account, perp, request, cost)
    before = valuation.margin(account, perp).total
    needed = valuation.margin(account, perp, extra=(request.side, cost)).total - before
    available = valuation.available(account, perp.market.rules.quote)
    if needed > 0 and needed > available:
        raise SimReject(
            RejectCode.INSUFFICIENT_MARGIN,
            f"expected margin of {text(needed)}, available was {text(max(available, ZERO))}",
        )


def _check_position_limit(
    valuation: Valuation,
    account: Account,
    perp: Perpetual,
    request: PlaceRequest,
    cost: Decimal,
) -> None:
    """Refuse an order that could make the position larger than its leverage allows; one that shrinks it passes."""
    rules = perp.market.rules
    leverage = account.leverage_of(rules.symbol, rules.max_leverage)
    most = max_notional(rules.margin_tiers, leverage)
    before = valuation.worst_notional(account, perp)
    after = valuation.worst_notional(account, perp, extra=(request.side, cost))
    if after > most and after > before:
        raise SimReject(
            RejectCode.ABOVE_MAX_POSITION,
            f"expected a position of at most {text(most)} at leverage {leverage}, was {text(after)}",
        )


def _worst_cost(request: PlaceRequest, plan: tuple[Level, ...]) -> Decimal:
    """Return quote: a limit order at its limit, a market order at the fills it would have."""
    if request.price is not None:
        return request.qty * request.price
    return sum((level.price * level.qty for level in plan), ZERO)
