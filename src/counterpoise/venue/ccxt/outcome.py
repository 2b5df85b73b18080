"""What a reply, or its absence, proves about an order. The default is Unknown.

ccxt's exception classes are no outcomes: it returns an order for an empty reply, and gives "rejected" classes to
timeouts. So the judgement is made on the raw HTTP status, code and words. NotPlaced needs proof: nothing
was sent, or the venue said one of the listed codes, each of which it documents as given before the matching
engine or as a refusal by it. Spot and futures have tables of their own: they use the same numbers
for different things. Sources: Binance "Error codes" of spot and USD-M, "General info" for HTTP statuses.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from types import MappingProxyType
from typing import Any

from counterpoise.domain.order import Accepted, Gone, NotPlaced, Order, PlaceOutcome, Unknown
from counterpoise.venue.ccxt.call import Call, CallFailed
from counterpoise.venue.ccxt.endpoints import Scope
from counterpoise.venue.ccxt.instruments import Listing
from counterpoise.venue.ccxt.mapping import NOT_UNDERSTOOD, venue_order

#: Malformed, wrongly signed, out of the receive window, or not allowed: refused before anything is matched.
_REQUEST_REFUSED = frozenset(
    {-1013, -1021, -1022, -1121, -1111, -2014, -2015}
    | set(range(-1106, -1099))
    | {-1115, -1116, -1117, -1122, -1128, -1130}
)
#: Refusals by rule, per API. -2010 is judged by its words.
_REFUSED: Mapping[Scope, frozenset[int]] = MappingProxyType(
    {
        # overflow, empty book, parameters that do not go together, empty ids
        Scope.SPOT: _REQUEST_REFUSED | {-1014, -1108, -1112, -1114, -1118},
        Scope.FUTURES: _REQUEST_REFUSED
        | {-2018, -2019, -2021, -2022, -2023, -2025, -2027, -2028}
        | {-4001, -4002, -4003, -4004, -4005, -4014, -4015, -4016, -4023, -4024, -4131, -4164}
        | {
            -4061,
            -4067,
            -4068,
            -4089,
            -4090,
            -4112,
            -4118,
            -4120,
            -4140,
            -4141,
            -4192,
            -4400,
            -4188,
        }
        | {-5021, -5022, -5028},
        # transfers: tiny amounts, not enough, no such asset, no futures account; -5012 says that one is under way
        Scope.WALLET: _REQUEST_REFUSED | {-5001, -5002, -5003, -5004, -5011, -5013},
    }
)
_REJECTED = -2010
_REJECTED_WORDS = (
    "insufficient balance",
    "would immediately match and take",
    "market is closed",
    "rest api trading is not enabled",
    "this account may not place or cancel orders",
    "this action is disabled on this account",
    "this symbol is not permitted for this account",
    "this symbol is restricted for this account",
    "market orders are not supported for this symbol",
    "unsupported order combination",
    "price * qty is zero or less",
)
_DUPLICATE = -4116
_DUPLICATE_WORDS = "duplicate order sent"
_OVERLOADED = -1008
_TOO_FAST = frozenset({-1003, -1015})
_UNKNOWN_ORDER = -2011
_UNKNOWN_ORDER_WORDS = "unknown order sent"
_NO_SUCH_ORDER = -2013

NOT_SENT = "not_sent"


@dataclass(frozen=True, slots=True)
class Duplicate:
    """The venue knows this client order id already: the order was placed and has to be looked up."""

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
    for what, ours, theirs in (
        ("client order id", order.client_order_id, placed.client_order_id),
        ("symbol", listing.id, named),
        ("side", order.side, placed.side),
        ("quantity", order.qty, placed.qty),
    ):
        if ours != theirs:
            return Unknown(
                text=f"the reply is of another order: expected {what} {ours}, was {theirs}"
            )
    return Accepted(order=placed)


def judge_failure(failure: CallFailed) -> NotPlaced | Unknown | Duplicate:
    """Return what a failed placement, or a failed transfer, proves."""
    code, status, words = failure.code, failure.status, failure.words.lower()
    if not failure.sent:
        return NotPlaced(code=NOT_SENT, text=failure.text)
    if code is None or status is None:
        return Unknown(text=failure.text)
    refused = NotPlaced(code=str(code), text=failure.text, retry_after_s=failure.retry_after_s)
    if status in {418, 429}:
        return refused if code in _TOO_FAST else Unknown(text=failure.text)
    if status == 503 and code == _OVERLOADED:
        # "Request throttled by system-level protection" is documented as a failure, retry after a second
        return NotPlaced(code=str(code), text=failure.text, retry_after_s=Decimal(1))
    if not 400 <= status < 500:
        return Unknown(text=failure.text)
    if (code == _DUPLICATE and failure.scope is Scope.FUTURES) or (
        code == _REJECTED and _DUPLICATE_WORDS in words
    ):
        return Duplicate(failure.text)
    if code in _REFUSED[failure.scope]:
        return refused
    if code == _REJECTED and any(known in words for known in _REJECTED_WORDS):
        return refused
    return Unknown(text=failure.text)


def judge_cancelled_task(call: Call) -> NotPlaced | Unknown:
    """Return what is proven when the task was cancelled while placing."""
    if call.sent:
        return Unknown(text="cancelled while waiting for the venue's answer")
    return NotPlaced(code=NOT_SENT, text="cancelled before it was sent")


def judge_cancel_reply(order: Order, reply: Any) -> Accepted | Unknown:
    """Return Accepted when the reply names the order we cancelled."""
    if not isinstance(reply, Mapping):
        return Unknown(text=f"expected an order in the reply, was {type(reply).__name__}")
    # spot renames the order in this reply and keeps our id in origClientOrderId
    named = reply.get("origClientOrderId") or reply.get("clientOrderId")
    if named != order.client_order_id:
        return Unknown(
            text=f"the reply is of another order: expected {order.client_order_id}, was {named}"
        )
    try:
        return Accepted(order=venue_order(order.symbol, reply, order.client_order_id))
    except NOT_UNDERSTOOD as error:
        return Unknown(text=f"expected an order in the reply, was without {error}")


def judge_cancel_failure(failure: CallFailed) -> Gone | Unknown:
    """Return Gone only when the venue says that it has no such open order."""
    if failure.status is not None and 400 <= failure.status < 500:
        if failure.code == _UNKNOWN_ORDER and _UNKNOWN_ORDER_WORDS in failure.words.lower():
            return Gone(text=failure.text)
        if failure.code == _NO_SUCH_ORDER:
            return Gone(text=failure.text)
    return Unknown(text=failure.text)
