"""One reply to several orders: an answer is of the order whose id it has, an error of none unless its place is sure."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from counterpoise.domain.order import WRONG_REPLY, Accepted, Gone, NotPlaced, OrderState, Unknown
from counterpoise.venue.ccxt import endpoints as ask
from counterpoise.venue.ccxt.batches import judge_canceled, judge_placed
from counterpoise.venue.ccxt.call import Call, CallFailed
from counterpoise.venue.ccxt.endpoints import Scope
from counterpoise.venue.ccxt.instruments import Listing
from counterpoise.venue.ccxt.outcome import Duplicate
from tests.build import make_instrument, make_order
from tests.wire.scripted import order_row

IDS = ("cp-a", "cp-b", "cp-c")
ORDERS = [make_order(client_order_id=name) for name in IDS]
LISTING = Listing(instrument=make_instrument(), id="BTCUSDT", scope=Scope.FUTURES)
MARGIN = {"code": -2019, "msg": "Margin is insufficient."}
A, B, C = (order_row(clientOrderId=name, orderId=n) for n, name in enumerate(IDS, 1))


def refused(code: int, words: str) -> CallFailed:
    body = json.dumps({"code": code, "msg": words})
    call = Call(endpoint=ask.PLACE_BATCH, sent=True, status=400, body=body)
    return CallFailed(call, f"{code} {words}", sent=True)


def letters(reply: Any) -> str:
    """A: accepted, N: not placed, D: known before, U: unknown; in the order of the orders."""
    names = {Accepted: "A", NotPlaced: "N", Duplicate: "D", Unknown: "U"}
    return "".join(names[type(o)] for o in judge_placed(ORDERS, LISTING, reply, refused))


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        ([A, B, C], "AAA"),
        # answers are found by their ids, wherever they stand
        ([C, A, B], "AAA"),
        ([B], "UAU"),
        ([], "UUU"),
        ([A, B, C, order_row(clientOrderId="cp-of-another")], "AAA"),
        # an error where everything else is at its place
        ([A, MARGIN, C], "ANA"),
        ([MARGIN, MARGIN, MARGIN], "NNN"),
        ([A, {"code": -4116, "msg": "ClientOrderId is duplicated."}, C], "ADA"),
        ([A, {"code": -1007, "msg": "Timeout waiting for response."}, C], "AUA"),
        ([A, {"code": -1006, "msg": "An unexpected response."}, C], "AUA"),
        ([A, {"code": -1015, "msg": "Too many new orders."}, C], "AUA"),
        ([A, {"code": -9999, "msg": "A code nobody has seen."}, C], "AUA"),
        # an error in a reply whose places mean nothing is nobody's
        ([C, MARGIN, A], "AUA"),
        ([MARGIN, A, C], "AUA"),
        ([A, MARGIN], "AUU"),
        ([MARGIN], "UUU"),
        ([A, MARGIN, MARGIN, MARGIN], "AUU"),
        ([A, MARGIN, None], "AUU"),
        ([A, MARGIN, {}], "AUU"),
        ([A, MARGIN, order_row(clientOrderId="cp-of-another")], "AUU"),
        ([A, MARGIN, C | {"origQty": "0.2"}], "AUU"),
        ([A, MARGIN, C | {"orderId": None}], "AUU"),
        ([A, MARGIN, B], "AAU"),
        # one number for two orders: one of the two answers is not what it says
        ([A, B, C | {"orderId": 1}], "UAU"),
        ([A, MARGIN, C | {"orderId": 1}], "UUU"),
        # more filled than was sent
        ([A, MARGIN, C | {"executedQty": "0.101"}], "AUU"),
        ([A, B, C | {"executedQty": "-0.1"}], "AAU"),
        # one that is told twice, and what is half an answer and half an error
        ([A, A, B], "UAU"),
        ([A, B, C | MARGIN], "AAA"),
        ([A, {**MARGIN, "clientOrderId": "cp-b"}, C], "AUA"),
        ([A, {**MARGIN, "orderId": 7}, C], "AUA"),
        ([A, {"code": True, "msg": "?"}, C], "AUA"),
        ([A, {"code": -2019}, C], "AUA"),
        ([A, {"code": "-2019", "msg": "Margin is insufficient."}, C], "AUA"),
        # no list at all
        (A, "UUU"),
        (MARGIN, "UUU"),
        ({}, "UUU"),
        (None, "UUU"),
        ("<html>", "UUU"),
    ],
)
def test_a_reply_to_three_orders(reply: Any, said: str) -> None:
    assert letters(reply) == said


def test_an_answer_about_an_order_that_is_not_ours_is_said_to_be_one() -> None:
    foreign = order_row(clientOrderId="cp-of-another")
    first, second, _ = judge_placed(ORDERS, LISTING, [A, foreign, C], refused)
    assert isinstance(first, Accepted)
    assert isinstance(second, Unknown)
    assert second.text.startswith(WRONG_REPLY)
    wrong = judge_placed(ORDERS, LISTING, [A, B | {"origQty": "0.2"}, C], refused)[1]
    assert isinstance(wrong, Unknown)
    assert wrong.text.startswith(WRONG_REPLY)


def test_a_refusal_carries_the_venues_code_and_words() -> None:
    _, second, _ = judge_placed(ORDERS, LISTING, [A, MARGIN, C], refused)
    assert second == NotPlaced(code="-2019", text="-2019 Margin is insufficient.")


_ITEM = st.one_of(
    st.sampled_from([A, B, C, MARGIN, A | {"side": "BUY"}, C | {"symbol": "ETHUSDT"}]),
    st.none(),
    st.integers(),
    st.dictionaries(
        st.sampled_from(["clientOrderId", "orderId", "code", "msg"]),
        st.one_of(st.none(), st.integers(), st.sampled_from(IDS), st.text(max_size=3)),
    ),
)


@given(reply=st.one_of(st.lists(_ITEM, max_size=6), _ITEM))
def test_whatever_comes_nothing_is_concluded_from_an_answer_that_may_be_anothers(
    reply: Any,
) -> None:
    judged = judge_placed(ORDERS, LISTING, reply, refused)
    assert len(judged) == len(ORDERS)
    for n, (order, outcome) in enumerate(zip(ORDERS, judged, strict=True)):
        if isinstance(outcome, Accepted):
            own = [i for i in reply if isinstance(i, dict) and i.get("clientOrderId") == IDS[n]]
            assert len(own) == 1
            assert outcome.order.client_order_id == order.client_order_id
            assert (outcome.order.side, outcome.order.qty) == (order.side, order.qty)
        elif not isinstance(outcome, Unknown):
            assert isinstance(reply, list)
            assert len(reply) == len(ORDERS)
            assert "clientOrderId" not in reply[n]
            assert all(
                i.get("clientOrderId", name) == name for i, name in zip(reply, IDS, strict=True)
            )


GONE = {"code": -2011, "msg": "Unknown order sent."}


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        ([A, B, C], "AAA"),
        ([C, B, A], "AAA"),
        ([A, GONE, C], "AGA"),
        ([GONE, GONE, GONE], "GGG"),
        ([A, {"code": -1121, "msg": "Invalid symbol."}, C], "ANA"),
        ([A, {"code": -2013, "msg": "Order does not exist."}, C], "AUA"),
        ([C, GONE, A], "AUA"),
        ([GONE, C], "UUA"),
        ({}, "UUU"),
    ],
)
def test_a_reply_to_three_cancels(reply: Any, said: str) -> None:
    if isinstance(reply, list):
        reply = [i | {"status": "CANCELED"} if "orderId" in i else i for i in reply]
    judged = judge_canceled(ORDERS, LISTING, reply, refused)
    names = {Accepted: "A", Gone: "G", NotPlaced: "N", Unknown: "U"}
    assert "".join(names[type(o)] for o in judged) == said
    ended = [o.order.state for o in judged if isinstance(o, Accepted)]
    assert set(ended) <= {OrderState.CANCELED}
