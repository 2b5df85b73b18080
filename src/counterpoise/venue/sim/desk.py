"""The order desk: accepts, matches, cancels and expires orders.

Everything an order can go through happens here, in one place and one order: checks, acceptance (written to the
truth log before its fills), taking, resting, later fills as maker, cancel, expiry. A reduce-only order can never
raise or flip a position, whatever happened since it was accepted.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from datetime import datetime
from decimal import Decimal

from counterpoise.domain.numbers import ZERO
from counterpoise.venue.sim import gate
from counterpoise.venue.sim.accounts import Account, Accounts
from counterpoise.venue.sim.clearing import Clearing, Forced
from counterpoise.venue.sim.listing import Listing
from counterpoise.venue.sim.log import LogFields, TruthLog
from counterpoise.venue.sim.market import Level, Market
from counterpoise.venue.sim.model import (
    Candle,
    MarketKind,
    OrderKind,
    OrderStatus,
    PlaceRequest,
    RejectCode,
    Side,
    SimOrder,
    SimReject,
    TimeInForce,
)
from counterpoise.venue.sim.valuation import Valuation


class OrderDesk:
    """Orders of all accounts in all markets."""

    def __init__(
        self,
        *,
        listing: Listing,
        accounts: Accounts,
        clearing: Clearing,
        valuation: Valuation,
        log: TruthLog,
    ) -> None:
        self._listing = listing
        self._accounts = accounts
        self._clearing = clearing
        self._valuation = valuation
        self._log = log
        self._last_order_id = 0
        #: Whether a client id is refused for ever once an order had it; Binance frees it with the order's end.
        self.ids_for_ever = False

    # accepting

    def acknowledge(self, request: PlaceRequest, at: datetime) -> SimOrder:
        """Return the order that ``request`` will become when it is placed with this id: nothing is checked yet."""
        return self._new_order(request, at)

    def place(
        self,
        api_key: str,
        request: PlaceRequest,
        *,
        at: datetime,
        signed_at: datetime | None,
        acknowledged: SimOrder | None = None,
    ) -> SimOrder:
        """Accept and match an order, one that was ``acknowledged`` before under its id. Raises SimReject, logged."""
        try:
            account = self._accounts.known(api_key)
            market = self._listing.market(request.kind, request.symbol)
            plan = self._check(account, market, request)
        except SimReject as refusal:
            fields = _request_fields(api_key, request, signed_at)
            fields["code"] = refusal.code
            self._log.append("reject", at, **fields)
            raise
        order = acknowledged or self._new_order(request, at)
        order = self._accept(account, replace(order, created_at=at, updated_at=at), signed_at)
        for level in plan:
            order = self._clearing.fill(account, market, order, level, maker=False, at=at)
            market.taken(order.side, level.qty)
        if order.status.is_open:
            order = self._rest_or_expire(account, market, order, at)
        self._sweep_reduce_only(account, market, at)
        return account.order(order.order_id)

    def _check(self, account: Account, market: Market, request: PlaceRequest) -> tuple[Level, ...]:
        """Run every check. Returns the fills the order will have at once."""
        spot = request.kind is MarketKind.SPOT
        reference = market.last if spot else self._listing.perp(request.symbol).mark.value
        gate.check_filters(market.rules, request, reference)
        gate.check_open(market)
        gate.check_client_id(account, request, for_ever=self.ids_for_ever)
        gate.check_reduce_only(account, request)
        plan = market.plan_take(request.side, request.qty, request.price)
        gate.check_time_in_force(market, request, plan)
        if spot:
            gate.check_spot_funds(self._valuation, account, market.rules, request, plan)
        else:
            perp = self._listing.perp(request.symbol)
            gate.check_margin(self._valuation, account, perp, request, plan)
        return plan

    def _accept(self, account: Account, order: SimOrder, signed_at: datetime | None) -> SimOrder:
        account.save(order)
        self._log.append("place", order.created_at, **_order_fields(account, order, signed_at))
        return order

    def _new_order(self, request: PlaceRequest, at: datetime) -> SimOrder:
        self._last_order_id += 1
        return SimOrder(
            order_id=self._last_order_id,
            client_order_id=request.client_order_id or f"sim-{self._last_order_id}",
            kind=request.kind,
            symbol=request.symbol,
            side=request.side,
            order_kind=request.order_kind,
            time_in_force=request.time_in_force,
            qty=request.qty,
            price=request.price,
            reduce_only=request.reduce_only,
            status=OrderStatus.OPEN,
            filled_qty=ZERO,
            filled_quote=ZERO,
            created_at=at,
            updated_at=at,
        )

    def _rest_or_expire(
        self, account: Account, market: Market, order: SimOrder, at: datetime
    ) -> SimOrder:
        rests = order.order_kind is OrderKind.LIMIT and order.time_in_force in {
            TimeInForce.GTC,
            TimeInForce.POST_ONLY,
        }
        if rests and order.price is not None:
            market.resting.add(order.side, order.price, order.order_id, account.id)
            return order
        return self._end(account, order, OrderStatus.EXPIRED, at)

    # ending

    def cancel(
        self, account: Account, order: SimOrder, *, at: datetime, signed_at: datetime | None
    ) -> SimOrder:
        """Cancel an open order. Raises SimReject(UNKNOWN_ORDER) for one that is not open (any more)."""
        if not order.status.is_open:
            raise SimReject(
                RejectCode.UNKNOWN_ORDER, f"expected an open order, was {order.status.value}"
            )
        self._unrest(order)
        return self._end(account, order, OrderStatus.CANCELED, at, signed_at)

    def cancel_later(
        self, account: Account, order_id: int, *, at: datetime, signed_at: datetime | None
    ) -> SimOrder:
        """Cancel an order as it is by now. Raises SimReject(UNKNOWN_ORDER) when it has ended meanwhile."""
        return self.cancel(account, account.order(order_id), at=at, signed_at=signed_at)

    def _unrest(self, order: SimOrder) -> None:
        if order.price is not None:
            book = self._listing.market(order.kind, order.symbol).resting
            book.remove(order.side, order.price, order.order_id)

    def _end(
        self,
        account: Account,
        order: SimOrder,
        status: OrderStatus,
        at: datetime,
        signed_at: datetime | None = None,
    ) -> SimOrder:
        ended = replace(order, status=status, updated_at=at)
        account.save(ended)
        fields = _order_fields(account, ended, signed_at)
        fields["qty"] = order.remaining_qty
        self._log.append("cancel", at, **fields)
        return ended

    def _sweep_reduce_only(self, account: Account, market: Market, at: datetime) -> None:
        """Expire resting reduce-only orders that have nothing left to reduce."""
        if market.kind is MarketKind.SPOT:
            return
        for order in account.reduce_only_open(market.symbol):
            if _reducible(account, order) == 0:
                self._unrest(order)
                self._end(account, order, OrderStatus.EXPIRED, at)

    def close(self, market: Market, at: datetime) -> None:
        """End a market for good: every open order expires."""
        market.closed = True
        for account in self._accounts:
            for order in account.orders(market.kind, market.symbol, open_only=True):
                self._unrest(order)
                self._end(account, order, OrderStatus.EXPIRED, at)

    def cancel_contracts(self, account: Account, symbols: Collection[str], at: datetime) -> None:
        """Cancel every open order of an account in the contracts ``symbols``, nobody asking for it."""
        for order in account.orders(MarketKind.PERP, None, open_only=True):
            if order.symbol in symbols:
                self._unrest(order)
                self._end(account, order, OrderStatus.CANCELED, at)

    def force(
        self,
        account: Account,
        market: Market,
        side: Side,
        fill: Level,
        *,
        client_order_id: str,
        forced: Forced,
        at: datetime,
    ) -> SimOrder:
        """Trade for an account that did not ask for it: no check, no depth; the order is found filled."""
        request = PlaceRequest(
            kind=market.kind,
            symbol=market.symbol,
            side=side,
            order_kind=OrderKind.MARKET,
            qty=fill.qty,
            reduce_only=True,
            client_order_id=client_order_id,
        )
        order = self._new_order(request, at)
        after = self._clearing.fill(account, market, order, fill, maker=False, at=at, forced=forced)
        self._sweep_reduce_only(account, market, at)
        return after

    # matching what rests

    def match(self, market: Market, bar: Candle, at: datetime) -> None:
        """Fill the resting orders that ``bar`` traded beyond, at their limits, up to its budget in total."""
        budget = market.budget(bar)
        for place in market.resting.crossed(bar):
            if budget <= 0:
                return
            account = self._accounts.known(place.account)
            order = account.order(place.order_id)
            if order.status.is_open:  # an earlier fill of this bar may have expired it
                budget -= self._fill_resting(account, market, order, budget, at)

    def _fill_resting(
        self, account: Account, market: Market, order: SimOrder, budget: Decimal, at: datetime
    ) -> Decimal:
        """Fill one resting order as far as possible. Returns the quantity."""
        reducible = _reducible(account, order)
        qty = min(order.remaining_qty, budget, reducible)
        if order.price is None or qty <= 0:
            return ZERO
        fill = Level(order.price, qty)
        after = self._clearing.fill(account, market, order, fill, maker=True, at=at)
        if not after.status.is_open:
            market.resting.remove(order.side, order.price, order.order_id)
        self._sweep_reduce_only(account, market, at)
        return qty


def _reducible(account: Account, order: SimOrder) -> Decimal:
    """Return how much of ``order`` may still fill: for reduce-only, never more than closes the position."""
    if not order.reduce_only:
        return order.remaining_qty
    held = -account.position(order.symbol).qty * order.side.sign
    return max(min(order.remaining_qty, held), ZERO)


def _order_fields(account: Account, order: SimOrder, signed_at: datetime | None) -> LogFields:
    return {
        "account": account.id,
        "market": order.kind,
        "symbol": order.symbol,
        "client_id": order.client_order_id,
        "order_id": order.order_id,
        "side": order.side,
        "qty": order.qty,
        "price": order.price,
        "reduce_only": order.reduce_only,
        "signed_at": signed_at,
        "status": order.status,
    }


def _request_fields(api_key: str, request: PlaceRequest, signed_at: datetime | None) -> LogFields:
    return {
        "account": api_key,
        "market": request.kind,
        "symbol": request.symbol,
        "client_id": request.client_order_id,
        "side": request.side,
        "qty": request.qty,
        "price": request.price,
        "reduce_only": request.reduce_only,
        "signed_at": signed_at,
    }
