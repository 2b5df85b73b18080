"""The tables of proof: which code of which API, under which HTTP status, says that nothing was placed."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from counterpoise.domain.numbers import dec
from counterpoise.domain.order import WRONG_REPLY, Accepted, NotPlaced, Unknown
from counterpoise.venue.ccxt import endpoints as ask
from counterpoise.venue.ccxt.call import Call, CallFailed
from counterpoise.venue.ccxt.endpoints import Scope
from counterpoise.venue.ccxt.instruments import Listing
from counterpoise.venue.ccxt.outcome import (
    Duplicate,
    judge_cancel_reply,
    judge_cancelled_task,
    judge_failure,
    judge_reply,
)
from tests.build import make_instrument, make_order
from tests.wire.scripted import order_row


def failed(scope: Scope, status: int | None, body: str, *, sent: bool = True) -> CallFailed:
    call = Call(endpoint=ask.PLACE[scope], sent=sent)
    if status is not None:
        call.replied(status, {}, body)
    return CallFailed(call, "text", sent=sent)


def refused(scope: Scope, status: int, code: int, words: str = "Some words.") -> CallFailed:
    return failed(scope, status, json.dumps({"code": code, "msg": words}))


TRADED = (Scope.SPOT, Scope.FUTURES)
BOTH = [-1013, -1021, -1022, -1100, -1101, -1102, -1103, -1104, -1105, -1106]
BOTH += [-1111, -1115, -1116, -1117, -1121, -1122, -1128, -1130, -2014, -2015]
FUTURES_ONLY = [-2018, -2019, -2021, -2022, -2023, -2025, -2027, -2028, -4003, -4004, -4005]
FUTURES_ONLY += [
    -4014,
    -4015,
    -4016,
    -4023,
    -4024,
    -4061,
    -4112,
    -4118,
    -4131,
    -4140,
    -4141,
    -4164,
    -4192,
]
FUTURES_ONLY += [-4400, -5021, -5022]


@pytest.mark.parametrize("scope", TRADED)
@pytest.mark.parametrize("code", BOTH)
def test_refused_by_both(scope: Scope, code: int) -> None:
    assert judge_failure(refused(scope, 400, code)) == NotPlaced(code=str(code), text="text")


@pytest.mark.parametrize("code", FUTURES_ONLY)
def test_refused_by_futures_and_no_proof_on_spot(code: int) -> None:
    assert isinstance(judge_failure(refused(Scope.FUTURES, 400, code)), NotPlaced)
    # spot uses -2021 and -2022 for a replacement of which one leg may have landed
    assert isinstance(judge_failure(refused(Scope.SPOT, 400, code)), Unknown)


@pytest.mark.parametrize("code", [-1014, -1108, -1112, -1114, -1118])
def test_refused_by_spot_alone(code: int) -> None:
    assert isinstance(judge_failure(refused(Scope.SPOT, 400, code)), NotPlaced)
    assert isinstance(judge_failure(refused(Scope.FUTURES, 400, code)), Unknown)


@pytest.mark.parametrize("code", [-2018, -2019, -2021, -2022, -2027, -4164, -5022])
def test_numbers_of_futures_prove_nothing_on_spot(code: int) -> None:
    # spot's -2021 is a cancel-replace of which one half was done
    assert isinstance(judge_failure(refused(Scope.SPOT, 409, code)), Unknown)


@pytest.mark.parametrize("scope", TRADED)
@pytest.mark.parametrize("status", [200, 301, 500, 502, 503, 504, 524])
def test_a_refusal_needs_a_status_of_4xx(scope: Scope, status: int) -> None:
    assert isinstance(judge_failure(refused(scope, status, -1013)), Unknown)


@pytest.mark.parametrize("scope", TRADED)
@pytest.mark.parametrize("code", [-1000, -1001, -1006, -1007, -1016, -9999, 0, 200])
def test_an_open_or_new_code_is_unknown(scope: Scope, code: int) -> None:
    assert isinstance(judge_failure(refused(scope, 400, code)), Unknown)


@pytest.mark.parametrize(
    ("words", "kind"),
    [
        ("Account has insufficient balance for requested action.", NotPlaced),
        ("Order would immediately match and take.", NotPlaced),
        ("Market is closed.", NotPlaced),
        ("Rest API trading is not enabled.", NotPlaced),
        ("This account may not place or cancel orders.", NotPlaced),
        ("This action is disabled on this account.", NotPlaced),
        ("This symbol is not permitted for this account.", NotPlaced),
        ("This symbol is restricted for this account.", NotPlaced),
        ("Market orders are not supported for this symbol.", NotPlaced),
        ("Unsupported order combination", NotPlaced),
        ("Price * QTY is zero or less.", NotPlaced),
        ("Duplicate order sent.", Duplicate),
        ("Something that nobody has seen.", Unknown),
        ("", Unknown),
    ],
)
def test_2010_is_judged_by_its_words(words: str, kind: type) -> None:
    assert type(judge_failure(refused(Scope.SPOT, 400, -2010, words))) is kind


def test_4116_is_a_duplicate_on_futures_only() -> None:
    assert isinstance(judge_failure(refused(Scope.FUTURES, 400, -4116)), Duplicate)
    assert isinstance(judge_failure(refused(Scope.SPOT, 400, -4116)), Unknown)


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (429, -1003, NotPlaced),
        (418, -1003, NotPlaced),
        (429, -1015, NotPlaced),
        (429, -1000, Unknown),
        (503, -1008, NotPlaced),
        (500, -1008, Unknown),
    ],
)
def test_too_fast_and_overloaded(status: int, code: int, kind: type) -> None:
    assert type(judge_failure(refused(Scope.FUTURES, status, code))) is kind


def test_the_pause_goes_along() -> None:
    failure = refused(Scope.SPOT, 429, -1015)
    failure.retry_after_s = dec(9)
    outcome = judge_failure(failure)
    assert isinstance(outcome, NotPlaced)
    assert outcome.retry_after_s == 9


@pytest.mark.parametrize(
    "body",
    [
        "",
        "<html>",
        '{"code":"-2019","msg":"x"}',
        '{"code":-2019}',
        "[]",
        "[" * 100_000,
        "7",
        '{"code":true,"msg":""}',
    ],
)
def test_a_body_that_is_no_error_of_the_venue_is_unknown(body: str) -> None:
    assert isinstance(judge_failure(failed(Scope.FUTURES, 400, body)), Unknown)


def test_no_reply_is_unknown_unless_nothing_was_sent() -> None:
    assert isinstance(judge_failure(failed(Scope.SPOT, None, "")), Unknown)
    unsent = judge_failure(failed(Scope.SPOT, None, "", sent=False))
    assert unsent == NotPlaced(code="not_sent", text="text")


def test_a_cancelled_task_is_judged_by_whether_it_had_sent() -> None:
    call = Call(endpoint=ask.PLACE[Scope.SPOT])
    assert isinstance(judge_cancelled_task(call), NotPlaced)
    call.sent = True
    assert isinstance(judge_cancelled_task(call), Unknown)


ROW = order_row(origQty="0.1")
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([*ROW]), inner),
    max_leaves=8,
)
LISTING = Listing(instrument=make_instrument(), scope=Scope.FUTURES, id="BTCUSDT")


@given(JSON)
def test_no_reply_whatever_raises_or_is_taken_for_an_order(reply: Any) -> None:
    assert isinstance(judge_reply(make_order(), LISTING, reply), Unknown)
    assert isinstance(judge_cancel_reply(make_order(), reply), Unknown)


@given(st.sampled_from([*ROW]), JSON)
def test_one_garbled_field_is_never_another_order(field: str, value: Any) -> None:
    order = make_order()
    for outcome in (
        judge_reply(order, LISTING, ROW | {field: value}),
        judge_cancel_reply(order, ROW | {field: value}),
    ):
        if isinstance(outcome, Accepted):
            assert outcome.order.client_order_id == order.client_order_id
            assert int(outcome.order.venue_order_id) > 0


@pytest.mark.parametrize(
    ("bent", "said"),
    [
        ({"symbol": "ETHUSDT"}, "expected symbol BTCUSDT, was ETHUSDT"),
        ({"side": "BUY"}, "expected side sell, was buy"),
        ({"origQty": "0.2"}, "expected quantity 0.1, was 0.2"),
        ({"clientOrderId": "cp-x"}, "expected client order id cp-test-order, was cp-x"),
    ],
)
def test_what_a_reply_tells_of_another_order_is_named(bent: dict[str, Any], said: str) -> None:
    order = make_order()
    wrong = Unknown(text=f"{WRONG_REPLY}: {said}")
    assert judge_reply(order, LISTING, ROW | bent) == wrong
    assert judge_cancel_reply(order, ROW | {"status": "CANCELED"} | bent, LISTING) == wrong


def test_a_code_that_no_table_knows_is_handed_on_and_a_documented_one_is_not() -> None:
    new = failed(Scope.FUTURES, 400, '{"code": -9876, "msg": "New."}')
    new.body = '{"code": -9876, "msg": "New."}'
    assert judge_failure(new) == Unknown(
        text=f"text (not a code we know: please report HTTP 400, {new.body})"
    )
    assert judge_failure(refused(Scope.FUTURES, 408, -1007)) == Unknown(text="text")


@pytest.mark.parametrize("code", [-4087, -4088])
def test_an_account_that_may_only_close_placed_nothing(code: int) -> None:
    assert isinstance(judge_failure(refused(Scope.FUTURES, 400, code)), NotPlaced)
