"""One reply to several orders -> what it proves about each of them. The default is Unknown.

An answer belongs to the order whose client id it carries, wherever it stands. An error carries none: it is given to
the order at its place only where everything shows that the reply keeps to the order of the request: it is as long,
each of its items is an error or the very order at its place. Else an error says nothing about any order.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from counterpoise.domain.order import (
    WRONG_REPLY,
    Accepted,
    CancelOutcome,
    Order,
    PlaceOutcome,
    Unknown,
)
from counterpoise.venue.ccxt.call import CallFailed
from counterpoise.venue.ccxt.instruments import Listing
from counterpoise.venue.ccxt.outcome import (
    Duplicate,
    judge_cancel_failure,
    judge_cancel_reply,
    judge_failure,
    judge_reply,
)

#: Makes a failure of its own of an error's code and words.
Refused = Callable[[int, str], CallFailed]


def judge_placed(
    orders: Sequence[Order], listing: Listing, reply: Any, refused: Refused
) -> list[PlaceOutcome | Duplicate]:
    """Return what ``reply`` proves of each of ``orders``; Duplicate where its client id was known before."""
    return _judged(
        orders,
        reply,
        lambda order, item: judge_reply(order, listing, item),
        lambda code, words: judge_failure(refused(code, words)),
    )


def judge_canceled(
    orders: Sequence[Order], listing: Listing, reply: Any, refused: Refused
) -> list[CancelOutcome]:
    """Return what ``reply`` proves of the cancel of each of ``orders``."""
    return _judged(
        orders,
        reply,
        lambda order, item: judge_cancel_reply(order, item, listing),
        lambda code, words: judge_cancel_failure(refused(code, words)),
    )


def _judged(
    orders: Sequence[Order],
    reply: Any,
    of_item: Callable[[Order, Any], Any],
    of_error: Callable[[int, str], Any],
) -> list[Any]:
    if not isinstance(reply, list):
        nothing = Unknown(text=f"expected a list of answers, was {type(reply).__name__}")
        return [nothing] * len(orders)
    own = [[i for i in reply if _name(i) == order.client_order_id] for order in orders]
    told: list[Any] = [
        of_item(order, items[0]) if len(items) == 1 else None
        for order, items in zip(orders, own, strict=True)
    ]
    numbers = Counter(o.order.venue_order_id for o in told if isinstance(o, Accepted))
    for n, judged in enumerate(told):
        if isinstance(judged, Accepted) and numbers[judged.order.venue_order_id] > 1:
            number = judged.order.venue_order_id
            told[n] = Unknown(text=f"{WRONG_REPLY}: several orders have the number {number} in it")
    # the errors that stand where an order of ours has no answer, if places mean anything in this reply
    errors = [_error(item) for item in reply]
    in_order = len(reply) == len(orders) and all(
        error is not None or (isinstance(judged, Accepted) and _name(item) == order.client_order_id)
        for error, judged, item, order in zip(errors, told, reply, orders, strict=True)
    )
    for n, items in enumerate(own):
        error = errors[n] if in_order else None
        if len(items) > 1:
            told[n] = Unknown(text=f"the reply has {len(items)} answers to it")
        elif told[n] is None and error is not None:
            told[n] = of_error(*error)
        elif told[n] is None:
            told[n] = Unknown(text=_unanswered(orders, n, reply))
    return told


def _unanswered(orders: Sequence[Order], number: int, reply: list[Any]) -> str:
    """Why nothing is known of an order; an answer about an order that is not ours has a person look."""
    ours = [order.client_order_id for order in orders]
    foreign = [name for name in map(_name, reply) if name is not None and name not in ours]
    if foreign:
        return f"{WRONG_REPLY}: expected client order id {ours[number]}, was {foreign[0]}"
    return "the reply has no answer that is surely to it"


def _name(item: Any) -> str | None:
    name = item.get("clientOrderId") if isinstance(item, dict) else None
    return name if isinstance(name, str) else None


def _error(item: Any) -> tuple[int, str] | None:
    """Return code and words of an item that is nothing but an error."""
    if not isinstance(item, dict) or "clientOrderId" in item or "orderId" in item:
        return None
    code, words = item.get("code"), item.get("msg")
    if isinstance(code, bool) or not isinstance(code, int) or not isinstance(words, str):
        return None
    return code, words
