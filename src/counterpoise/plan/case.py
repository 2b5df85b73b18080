"""One instrument's situation, and the small steps every kind of ladder is made of.

A ladder has no state of its own: when it began, what it has done and how often it tried all follow from its orders.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from counterpoise.domain.decision import Want
from counterpoise.domain.instants import shown_at
from counterpoise.domain.instrument import Instrument
from counterpoise.domain.numbers import ZERO, text
from counterpoise.domain.order import Order, OrderState, OrderType, Side, TimeInForce
from counterpoise.domain.plan import Cancel, Hold, Plan, Target
from counterpoise.domain.policy import PortfolioPolicy
from counterpoise.domain.reasons import Reason, reason
from counterpoise.domain.snapshot import Quote
from counterpoise.plan.ids import client_order_id

#: Rung number of an order that crosses the book after patience ran out; other rungs count from 0. One that ends the
#: slot before slot ``n`` of a timed ladder is rung ``CROSSING + n``.
CROSSING = 100
#: How often one rung may be placed anew (post-only rejects) before patience decides.
MAX_ATTEMPTS = 5
#: How soon to look again when something is on its way.
SOON = timedelta(seconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Guarded:
    """A contract that a guard shrinks: its orders carry the guard's name, and nothing that is in doubt holds them up.

    ``urgent``: cross at once. ``max_slippage``: how far from the mark (fraction).
    """

    guard: str
    max_slippage: Decimal
    urgent: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One instrument's situation: everything a plan needs, and nothing that changes meanwhile."""

    policy: PortfolioPolicy
    want: Want
    target: Target
    instrument: Instrument
    quote: Quote
    position: Decimal
    orders: tuple[Order, ...]
    now: datetime
    guard: Guarded | None = None

    @property
    def live(self) -> tuple[Order, ...]:
        """Orders that may still fill."""
        return tuple(o for o in self.orders if not o.state.is_final)

    @property
    def coins(self) -> bool:
        """Whether coins are traded: then ``position`` is what we traded so far, and there is nothing to close."""
        return not self.instrument.is_future

    @property
    def delta(self) -> Decimal:
        """What is missing on the way to the target, signed; a position's change of sign stops at zero first."""
        goal = self.target.qty
        if self.coins:
            return goal - self.position
        if self.position != 0 and goal != 0 and (goal > 0) != (self.position > 0):
            goal = ZERO
        return goal - self.position

    @property
    def reduces(self) -> bool:
        """Whether closing the delta brings the position nearer to zero."""
        if self.coins:
            return False
        return self.position != 0 and (self.delta > 0) != (self.position > 0)

    @property
    def closes(self) -> bool:
        """Whether the delta ends the position."""
        return not self.coins and self.position != 0 and self.delta == -self.position

    @property
    def mine(self) -> tuple[Order, ...]:
        """Orders of the current decision, ended ones too."""
        return tuple(o for o in self.orders if o.decision_id == self.target.decision_id)

    def leg(self, side: Side) -> tuple[Order, ...]:
        """Orders of the current decision that move the position as the delta does: closing and opening are apart."""
        return tuple(o for o in self.mine if o.side is side and o.reduce_only == self.reduces)

    def attempts(self, rung: int) -> int:
        """How often ``rung`` was placed."""
        return sum(1 for o in self.mine if o.rung == rung)


def started(case: Case, side: Side) -> datetime | None:
    """When this leg's first order was placed: patience runs from there, anew for what opens after a close."""
    return min((o.created_at for o in case.leg(side)), default=None)


def order_of(
    case: Case, side: Side, qty: Decimal, price: Decimal, rung: int, lifetime: TimeInForce
) -> Order:
    """Return the order to be, with its id made."""
    attempt = case.attempts(rung)
    account = f"{case.policy.id}/{case.want.venue}"
    return Order(
        client_order_id=client_order_id(account, case.target.decision_id, rung, attempt),
        portfolio=case.policy.id,
        venue=case.want.venue,
        symbol=case.want.symbol,
        side=side,
        type=OrderType.LIMIT,
        time_in_force=lifetime,
        qty=qty,
        price=price,
        reduce_only=case.reduces,
        decision_id=case.target.decision_id,
        rung=rung,
        attempt=attempt,
        state=OrderState.PENDING,
        created_at=case.now,
        updated_at=case.now,
        reason=case.want.why if case.want.guarded and (case.reduces or case.coins) else None,
    )


def cancels_of(orders: tuple[Order, ...], why: str) -> tuple[Cancel, ...]:
    """Cancels for proven orders; an unproven one has nothing to cancel until it is found."""
    return tuple(Cancel(order=o, why=why) for o in orders if not o.state.is_unproven)


def too_small(case: Case, missing: Decimal) -> Reason:
    """Return why ``missing`` is not traded."""
    instrument, asset = case.instrument, case.want.asset
    least = f"{text(instrument.min_qty)} {asset}"
    if missing >= instrument.min_qty:
        least = f"{text(instrument.min_notional)} {instrument.quote} in value"
    return reason("below_minimum", qty=text(missing), asset=asset, least=least)


def refused_often(case: Case, again: datetime) -> Reason:
    """Return why no post-only order is tried any more before patience decides, and when that is."""
    last = max(case.mine, key=lambda o: o.created_at, default=None)
    told = refused_before(last, again) if last is not None else None
    return told or reason("rungs_refused", symbol=case.want.symbol, attempts=MAX_ATTEMPTS)


def refused_before(order: Order, again: datetime) -> Reason | None:
    """Return that ``order`` was refused, why, and when it is tried again; None where that is not known."""
    if not order.is_refusal or order.reason is None:
        return None
    return reason(
        "order_refused",
        side=order.side.value,
        qty=text(order.qty),
        symbol=order.symbol,
        why=order.reason,
        until=shown_at(again),
    )


def hold(
    case: Case,
    why: Reason | None,
    cancels: tuple[Cancel, ...] = (),
    *,
    soon: bool = False,
    wake_at: datetime | None = None,
) -> Plan:
    """Return the plan that places nothing."""
    canceled = {c.order.client_order_id for c in cancels}
    return Plan(
        targets=(case.target,),
        cancel=cancels,
        keep=tuple(o for o in case.live if o.client_order_id not in canceled),
        holds=(Hold(symbol=case.want.symbol, reason=why),) if why is not None else (),
        wake_at=case.now + SOON if soon else wake_at,
    )
