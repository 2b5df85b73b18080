"""A ladder step by step: what a plan asks for becomes rows, and the next look sees them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from counterpoise.domain.numbers import ZERO, dec, text
from counterpoise.domain.order import Order, OrderState, TimeInForce
from counterpoise.domain.plan import Plan
from counterpoise.domain.policy import PortfolioPolicy
from counterpoise.domain.records import Recorded
from counterpoise.plan.planner import plan
from tests.build import (
    BTC_PERP,
    NOW,
    VENUE,
    Number,
    make_instrument,
    make_quote,
    make_recorded,
    make_snapshot,
    make_want,
    with_quote,
    with_venue,
)

S = OrderState


@dataclass(slots=True)
class Walk:
    """One contract under one policy; ``look`` plans and takes down and places what was asked for."""

    policy: PortfolioPolicy
    want: Decimal
    position: Decimal = ZERO
    price: Decimal = dec(100_000)
    now: datetime = NOW
    #: Whether a guard is why it moves.
    guarded: bool = False
    recorded: Recorded = field(default_factory=make_recorded)
    #: What a venue makes of a placement; by default a post-only order rests and one that crosses is filled.
    venue: Callable[[Order], Order] | None = None
    #: What differs from the usual contract.
    traded: Mapping[str, Any] = field(default_factory=dict)

    def look(self, seconds: float = 0, **quote: Any) -> Plan:
        """Let ``seconds`` pass, look, and act on what the plan says."""
        self.now += timedelta(seconds=seconds)
        snapshot = make_snapshot(
            spot={"BTC": 5},
            futures={"USDT": 1_000_000},
            positions={"BTC": self.position},
            as_of=self.now,
        )
        prices = make_quote(price=self.price)
        around = {"bid": prices.bid, "ask": prices.ask, "mark": prices.mark, **quote}
        snapshot = with_quote(snapshot, BTC_PERP, **around)
        seen = snapshot.venues[VENUE]
        listed = {**seen.instruments, BTC_PERP: make_instrument(**self.traded)}
        snapshot = with_venue(snapshot, instruments=listed)
        wanted = replace(make_want(self.want), guarded=self.guarded)
        made = plan((wanted,), snapshot, self.recorded, self.policy, {})
        targets = {(t.venue, t.symbol): t for t in made.targets}
        self.recorded = replace(self.recorded, targets={**self.recorded.targets, **targets})
        for cancel in made.cancel:
            self.ends(cancel.order, S.CANCELED)
        for order in made.place:
            self.placed(order)
        return made

    def placed(self, order: Order) -> None:
        """Send ``order``."""
        if self.venue is not None:
            order = self.venue(order)
        elif order.time_in_force is TimeInForce.IOC:
            order = replace(order, state=S.FILLED, filled_qty=order.qty)
        else:
            order = replace(order, state=S.OPEN)
        self.position += order.filled_qty * order.side.sign
        self.recorded = replace(self.recorded, orders=(*self.recorded.orders, order))

    def ends(self, order: Order, state: OrderState) -> None:
        """Give a row another state."""
        self._put(replace(order, state=state))

    def fills(self, qty: Number, which: int = -1) -> None:
        """Fill ``qty`` of the working order number ``which``."""
        order = self.live[which]
        filled = order.filled_qty + dec(qty)
        state = S.FILLED if filled == order.qty else S.PARTIALLY_FILLED
        self._put(replace(order, filled_qty=filled, state=state))
        self.position += dec(qty) * order.side.sign

    @property
    def live(self) -> list[Order]:
        """What works."""
        return [o for o in self.recorded.orders if not o.state.is_final]

    def _put(self, order: Order) -> None:
        rows = tuple(
            order if o.client_order_id == order.client_order_id else o for o in self.recorded.orders
        )
        self.recorded = replace(self.recorded, orders=rows)


def shown(orders: tuple[Order, ...]) -> list[tuple[str, str, str, int]]:
    """How long each order lives, its quantity, price and rung."""
    return [(o.time_in_force.value, text(o.qty), text(o.price or ZERO), o.rung) for o in orders]
