"""From what a reply proves to what the product calls it: Accepted, NotPlaced, Gone or Unknown. The default is Unknown.

What an error proves stands in the tables of ``faults``. A success is believed only where its body is the very order
that was sent: ccxt returns an order for an empty reply too.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from counterpoise.domain.numbers import ZERO, text
from counterpoise.domain.order import (
    WRONG_REPLY,
    Accepted,
    Gone,
    NotPlaced,
    Order,
    PlaceOutcome,
    Unknown,
    VenueOrder,
)
from counterpoise.venue.ccxt.call import Call, CallFailed
from counterpoise.venue.ccxt.faults import (
    UNPROVEN_CODES,
    Deed,
    Proof,
    proof_of,
    table_of,
)
from counterpoise.venue.ccxt.instruments import Listing
from counterpoise.venue.ccxt.mapping import NOT_UNDERSTOOD, venue_order

NOT_SENT = "not_sent"
#: No connection came about: nothing left, and nothing was refused.
UNREACHABLE = "unreachable"
#: An overloaded venue asks for at least that long.
_OVERLOADED, _OVERLOAD_PAUSE_S = 503, Decimal(1)


@dataclass(frozen=True, slots=True)
class Duplicate:
    """It was done before: the venue knows this client id (look it up), or has no such order to cancel any more."""

    text: str


def judge_reply(order: Order, listing: Listing, reply: Any) -> PlaceOutcome:
    """Return Accepted only for a reply with an id that echoes our id, instrument, side and quantity."""
    if not isinstance(reply, Mapping):
        return Unknown(text=f"expected an order in the reply, was {type(reply).__name__}")
    try:
        placed = venue_order(order.symbol, reply)
        named = reply["symbol"]
    except NOT_UNDERSTOOD as error:
        return Unknown(text=f"expected an order in the reply, was without {error}")
    wrong = _differences(
        ("client order id", order.client_order_id, placed.client_order_id),
        ("symbol", listing.id, named),
        ("side", order.side, placed.side),
        ("quantity", order.qty, placed.qty),
    )
    return Unknown(text=wrong) if wrong is not None else _possible(placed)


def judge_failure(failure: CallFailed, deed: Deed = Deed.ORDER) -> NotPlaced | Unknown | Duplicate:
    """Return what a failed placement, cancel or transfer proves; Duplicate where it had its effect before."""
    table = table_of(failure.exchange, failure.scope, deed)
    match proof_of(table, failure.raw):
        case Proof.NOT_PLACED:
            code = str(failure.code) if failure.sent else NOT_SENT
            if failure.unreachable:
                code = UNREACHABLE
            pause_s = failure.retry_after_s
            if pause_s is None and failure.status == _OVERLOADED:
                pause_s = _OVERLOAD_PAUSE_S
            return NotPlaced(code=code, text=failure.text, retry_after_s=pause_s)
        case Proof.PLACED:
            return Duplicate(failure.text)
        case Proof.UNKNOWN:
            return Unknown(text=failure.text + _to_report(failure))


def _to_report(failure: CallFailed) -> str:
    """What a person can hand on of a code that no table of ours knows."""
    if failure.code is None or failure.code in UNPROVEN_CODES:
        return ""
    return f" (not a code we know: please report HTTP {failure.status}, {failure.body})"


def judge_cancelled_task(call: Call) -> NotPlaced | Unknown:
    """Return what is proven when the task was cancelled while placing."""
    if call.sent:
        return Unknown(text="cancelled while waiting for the venue's answer")
    return NotPlaced(code=NOT_SENT, text="cancelled before it was sent")


def judge_cancel_reply(
    order: Order, reply: Any, listing: Listing | None = None
) -> Accepted | Unknown:
    """Return Accepted when the reply is of the order we cancelled; its instrument counts where ``listing`` is given."""
    if not isinstance(reply, Mapping):
        return Unknown(text=f"expected an order in the reply, was {type(reply).__name__}")
    # spot renames the order in this reply and keeps our id in origClientOrderId
    named = reply.get("origClientOrderId") or reply.get("clientOrderId")
    wrong = _differences(("client order id", order.client_order_id, named))
    if wrong is not None:
        return Unknown(text=wrong)
    try:
        gone = venue_order(order.symbol, reply, order.client_order_id)
    except NOT_UNDERSTOOD as error:
        return Unknown(text=f"expected an order in the reply, was without {error}")
    wrong = _differences(
        ("symbol", listing.id if listing is not None else None, reply.get("symbol")),
        ("side", order.side, gone.side),
        ("quantity", order.qty, gone.qty),
    )
    return Unknown(text=wrong) if wrong is not None else _possible(gone)


def _possible(placed: VenueOrder) -> Accepted | Unknown:
    """Accepted, unless the reply tells of fills that cannot be: they would be waited for, for ever."""
    if ZERO <= placed.filled_qty <= placed.qty:
        return Accepted(order=placed)
    filled, qty = text(placed.filled_qty), text(placed.qty)
    return Unknown(text=f"{WRONG_REPLY}: expected 0 to {qty} filled, was {filled}")


def _differences(*parts: tuple[str, object, object]) -> str | None:
    """What a reply tells (name, expected, was) that is not of our order; None expects nothing."""
    wrong = [
        f"expected {what} {ours}, was {theirs}"
        for what, ours, theirs in parts
        if ours is not None and ours != theirs
    ]
    return f"{WRONG_REPLY}: {'; '.join(wrong)}" if wrong else None


def judge_cancel_failure(failure: CallFailed) -> Gone | NotPlaced | Unknown:
    """Return Gone only when the venue says that it has no such open order, NotPlaced when it refused to cancel."""
    verdict = judge_failure(failure, Deed.CANCEL)
    return Gone(text=verdict.text) if isinstance(verdict, Duplicate) else verdict
