"""Orders and fills: their identity, their states, and the one table of legal moves.

``qty`` of an order is positive with a :class:`Side`. ``client_order_id`` is ours and made before anything is sent;
``venue_order_id`` is theirs. An order whose outcome is not proven is UNKNOWN and counts at full size.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from types import MappingProxyType

from counterpoise.domain.errors import IllegalMove
from counterpoise.domain.instrument import base_of, is_spot
from counterpoise.domain.numbers import ZERO


class Side(StrEnum):
    """Direction of an order."""

    BUY = "buy"
    SELL = "sell"

    @property
    def sign(self) -> int:
        """+1 for a buy, -1 for a sell."""
        return 1 if self is Side.BUY else -1


class OrderType(StrEnum):
    """Limit or market."""

    LIMIT = "limit"
    MARKET = "market"


class TimeInForce(StrEnum):
    """Lifetime of an order; GTX is post-only (maker or nothing)."""

    GTC = "GTC"
    IOC = "IOC"
    FOK = "FOK"
    GTX = "GTX"


class OrderState(StrEnum):
    """Where an order is in its life, as far as it is proven."""

    PENDING = "PENDING"  # saved, not sent
    SUBMITTED = "SUBMITTED"  # being sent, no answer yet
    OPEN = "OPEN"
    PARTIALLY_FILLED = "PARTIALLY_FILLED"
    PENDING_CANCEL = "PENDING_CANCEL"  # cancel being sent, no answer yet
    UNKNOWN = "UNKNOWN"  # outcome not proven; counts at full size
    FILLED = "FILLED"
    CANCELED = "CANCELED"
    REJECTED = "REJECTED"
    EXPIRED = "EXPIRED"

    @property
    def is_final(self) -> bool:
        """Whether no further fill is expected (though the venue may still prove otherwise)."""
        return self in _FINAL

    @property
    def is_unproven(self) -> bool:
        """Whether we do not know if the venue has it."""
        return self in {OrderState.PENDING, OrderState.SUBMITTED, OrderState.UNKNOWN}


_FINAL = frozenset(
    {OrderState.FILLED, OrderState.CANCELED, OrderState.REJECTED, OrderState.EXPIRED}
)

#: Why an order ended that is proven never to have reached the venue.
ABSENT = "absent"
#: How rejections begin of what never left this machine.
UNSENT = ("not sent", "not_sent", "limited", "unreachable")
#: How rejections begin that belong to the game: a post-only order that would have taken is priced anew, and what was
#: never sent says nothing about the venue.
EXPECTED_REJECTS = ("-5022", "-2010: Order would immediately", "would_take", "limited", "not sent")

#: How the text of an outcome begins that is unproven because the answer tells of an order that is not ours.
WRONG_REPLY = "the reply is of another order"

_P, _S, _O, _PF = (
    OrderState.PENDING,
    OrderState.SUBMITTED,
    OrderState.OPEN,
    OrderState.PARTIALLY_FILLED,
)
_PC, _U = OrderState.PENDING_CANCEL, OrderState.UNKNOWN
_F, _C, _R, _E = OrderState.FILLED, OrderState.CANCELED, OrderState.REJECTED, OrderState.EXPIRED

#: Legal moves. A move to the same state is always legal (a repeated report).
MOVES: Mapping[OrderState, frozenset[OrderState]] = MappingProxyType(
    {
        _P: frozenset(
            {
                _S,
                _R,  # refused by ourselves, or proven absent after a crash before sending
                _U,  # found after a crash: nobody knows whether it was sent
                _O,
                _PF,
                _F,
                _C,
                _E,  # found on the venue after a crash between send and record
            }
        ),
        _S: frozenset(
            {
                _O,
                _PF,
                _F,  # filled at once: OPEN was never seen
                _R,
                _U,
                _C,  # post-only that the venue cancels instead of rejecting
                _E,  # IOC without a fill
            }
        ),
        _O: frozenset({_PF, _F, _C, _E, _PC, _U}),
        _PF: frozenset({_F, _C, _E, _PC, _U}),
        _PC: frozenset(
            {
                _O,  # the cancel was refused or never arrived
                _PF,
                _C,
                _F,  # the fill won the race
                _E,
                _U,
            }
        ),
        _U: frozenset({_O, _PF, _F, _C, _R, _E}),
        _F: frozenset(),
        _C: frozenset(
            {
                _F,  # real world: the cancel was acknowledged, then the last fill arrived
                _O,  # real world: it was acknowledged, and the order is shown open after all
                _PF,
            }
        ),
        _R: frozenset({_O, _PF, _F, _C, _E}),  # real world: "absent" was wrong; the venue wins
        _E: frozenset(
            {_F, _O, _PF}
        ),  # real world: expired reported before its fills, or shown open after all
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """One order of ours, from intent to end.

    ``decision_id`` and ``rung`` say which target change it serves; ``attempt`` counts placements of that rung.
    ``qty`` and ``filled_qty`` are base units, ``price`` is None only for a market order. ``filled_qty`` is what the
    venue reports, ``booked_qty`` what our booked fills add up to: while they differ, fills are still on their way.
    ``guard`` names the guard that takes risk off with it; None: a strategy wants it. ``leaving_since``: when its cancel
    was asked for first, however often it was asked for again since; None: it is to stay.
    """

    client_order_id: str
    portfolio: str
    venue: str
    symbol: str
    side: Side
    type: OrderType
    time_in_force: TimeInForce
    qty: Decimal
    price: Decimal | None
    reduce_only: bool
    decision_id: str
    rung: int
    attempt: int
    state: OrderState
    created_at: datetime
    updated_at: datetime
    venue_order_id: str | None = None
    filled_qty: Decimal = ZERO
    booked_qty: Decimal = ZERO
    reason: str | None = None
    guard: str | None = None
    leaving_since: datetime | None = None

    @property
    def post_only(self) -> bool:
        """Whether it may only rest, never take."""
        return self.time_in_force is TimeInForce.GTX

    @property
    def awaits_fills(self) -> bool:
        """Whether the venue reported more filled than was booked."""
        return self.filled_qty > self.booked_qty

    @property
    def is_refusal(self) -> bool:
        """Whether the venue did not take it, for a reason that is not part of the game."""
        return is_refusal(self.state, self.reason)

    @property
    def is_unsent(self) -> bool:
        """Whether it ended without ever being sent."""
        return is_unsent(self.state, self.reason)

    @property
    def is_absent(self) -> bool:
        """Whether it is proven that it never reached the venue."""
        return self.state is OrderState.REJECTED and self.reason == ABSENT

    @property
    def is_settled(self) -> bool:
        """Whether it has ended and every fill that was reported is booked."""
        return self.state.is_final and not self.awaits_fills

    @property
    def remaining_qty(self) -> Decimal:
        """What may still fill, in base units: zero once the state is final."""
        return ZERO if self.state.is_final else self.qty - self.filled_qty

    def moved(self, state: OrderState, *, at: datetime, reason: str | None = None) -> Order:
        """Return the order in ``state``.

        Raises
        ------
        IllegalMove
            When the table does not allow it.
        """
        if state is not self.state and state not in MOVES[self.state]:
            raise IllegalMove(f"order {self.client_order_id}: {self.state} may not become {state}")
        return replace(
            self, state=state, updated_at=at, reason=reason if reason is not None else self.reason
        )

    def leaving(self, *, at: datetime, why: str) -> Order:
        """Return the order with its cancel about to be sent. Raises IllegalMove.

        A cancel that had no effect is asked for again at every look: it began with the first of them.
        """
        moved = self.moved(OrderState.PENDING_CANCEL, at=at, reason=why)
        return replace(moved, leaving_since=self.leaving_since or at)

    @property
    def wanted_again(self) -> Order:
        """The order with the cancel forgotten that was asked for and did not take it down."""
        return replace(self, leaving_since=None)


def is_unsent(state: OrderState, why: str | None) -> bool:
    """Return whether an order in ``state``, for the reason ``why``, ended without ever being sent."""
    return state is OrderState.REJECTED and (why or "").startswith(UNSENT)


def is_refusal(state: OrderState, why: str | None) -> bool:
    """Return whether an order in ``state``, for the reason ``why``, was refused by the venue unexpectedly."""
    return state is OrderState.REJECTED and not (why or "").startswith(EXPECTED_REJECTS)


def with_code(code: str, said: str) -> str:
    """Return a refusal in one line that begins with its code; of a text that names it itself, too, it is taken off."""
    return f"{code}: {said.removeprefix(f'{code} ').removeprefix(f'{code}: ')}"


@dataclass(frozen=True, slots=True, kw_only=True)
class VenueOrder:
    """An order as the venue reports it (ours or foreign)."""

    symbol: str
    client_order_id: str | None
    venue_order_id: str
    side: Side
    qty: Decimal
    filled_qty: Decimal
    price: Decimal | None
    state: OrderState
    reduce_only: bool
    created_at: datetime | None = None
    avg_fill_price: Decimal | None = None


class Forced(StrEnum):
    """Why a venue trades for an account that did not ask for it."""

    LIQUIDATION = "liquidation"
    DELEVERAGING = "deleveraging"  # a winner's position is closed to cover a loser's
    SETTLEMENT = "settlement"  # of a contract that is taken from the list


@dataclass(frozen=True, slots=True, kw_only=True)
class Fill:
    """One execution; ``trade_id`` with venue and symbol is its identity. ``fee`` is what was paid (a rebate < 0).

    ``forced``: the venue is known to have made it itself, and why; ``client_order_id``: its order's, where that was
    told. Neither is kept with the row.
    """

    venue: str
    symbol: str
    trade_id: str
    venue_order_id: str
    side: Side
    qty: Decimal
    price: Decimal
    fee: Decimal
    fee_asset: str | None
    maker: bool | None
    filled_at: datetime
    forced: Forced | None = None
    client_order_id: str | None = None

    @property
    def signed_qty(self) -> Decimal:
        """Base units, negative for a sell."""
        return self.qty * self.side.sign

    @property
    def net_qty(self) -> Decimal:
        """What it changed the holding by, signed base units: a coin bought loses the fee paid in that coin."""
        if is_spot(self.symbol) and self.fee_asset == base_of(self.symbol):
            return self.signed_qty - self.fee
        return self.signed_qty

    @property
    def key(self) -> tuple[str, str, str]:
        """Identity: venue, symbol, trade id."""
        return (self.venue, self.symbol, self.trade_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """The venue has it: the reply carried an id and our client order id."""

    order: VenueOrder


@dataclass(frozen=True, slots=True, kw_only=True)
class NotPlaced:
    """Proven without effect: never accepted, or, of a cancel, not cancelled.

    ``code`` is the venue's own code, ``text`` its words without secrets.
    """

    code: str
    text: str
    retry_after_s: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Unknown:
    """Not proven either way: counts at full size until it is."""

    text: str


PlaceOutcome = Accepted | NotPlaced | Unknown


@dataclass(frozen=True, slots=True, kw_only=True)
class Gone:
    """A cancel found no such open order: it may have filled; read it before believing anything."""

    text: str


CancelOutcome = Accepted | Gone | NotPlaced | Unknown


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchLimit:
    """How many orders of one contract a venue takes, and how many it cancels, in one request."""

    place: int = 1
    cancel: int = 1


#: A venue without such requests: everything goes one by one.
ALONE = BatchLimit()
