"""The tables of proof themselves: what each row needs to speak, and what no table may say."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from counterpoise.venue.ccxt.endpoints import Scope
from counterpoise.venue.ccxt.faults import (
    BINANCE,
    GENERAL,
    Deed,
    Proof,
    RawReply,
    is_not_found,
    proof_of,
    table_of,
)

TRADED = (Scope.SPOT, Scope.FUTURES)


def proof(
    scope: Scope, deed: Deed, status: int | None, code: int | None, words: str = "Some words."
) -> Proof:
    reply = RawReply(sent=True, status=status, code=code, words=words)
    return proof_of(table_of("binance", scope, deed), reply)


INTERNAL = "Internal error; unable to process your request. Please try again."


@pytest.mark.parametrize(("scope", "deed"), [*product(TRADED, (Deed.ORDER, Deed.CANCEL))])
def test_of_503_three_sentences_are_a_failure(scope: Scope, deed: Deed) -> None:
    assert proof(scope, deed, 503, -1008) is Proof.NOT_PLACED
    assert proof(scope, deed, 503, -1001, INTERNAL) is Proof.NOT_PLACED
    assert proof(scope, deed, 503, -1000, "Service Unavailable.") is Proof.NOT_PLACED
    unknown = "Unknown error, please check your request or try again later."
    assert proof(scope, deed, 503, -1000, unknown) is Proof.UNKNOWN
    assert proof(scope, deed, 503, -1001, f"{INTERNAL} Or not.") is Proof.UNKNOWN
    assert proof(scope, deed, 503, -1000, "Service Unavailable. Or not.") is Proof.UNKNOWN
    assert proof(scope, deed, 502, -1000, "Service Unavailable.") is Proof.UNKNOWN
    assert proof(scope, deed, 503, None, "Service Unavailable.") is Proof.UNKNOWN


def test_the_wallets_5xx_are_all_unknown() -> None:
    for code, words in ((-1008, ""), (-1001, INTERNAL), (-1000, "Service Unavailable.")):
        assert proof(Scope.WALLET, Deed.TRANSFER, 503, code, words) is Proof.UNKNOWN


@pytest.mark.parametrize("scope", TRADED)
def test_an_order_that_left_the_book_is_told_by_its_words(scope: Scope) -> None:
    assert proof(scope, Deed.CANCEL, 400, -2011, "Unknown order sent.") is Proof.PLACED
    assert proof(scope, Deed.CANCEL, 400, -2011, "Not cancelled.") is Proof.UNKNOWN
    assert proof(scope, Deed.CANCEL, 400, -2013, "Order does not exist.") is Proof.UNKNOWN
    assert proof(scope, Deed.ORDER, 400, -2011, "Unknown order sent.") is Proof.UNKNOWN


@pytest.mark.parametrize("code", [-2010, -2019, -2022, -4164, -5022, -4116])
@pytest.mark.parametrize("scope", TRADED)
def test_rules_for_orders_prove_nothing_of_a_cancel(scope: Scope, code: int) -> None:
    words = "Account has insufficient balance for requested action."
    assert proof(scope, Deed.CANCEL, 400, code, words) is Proof.UNKNOWN


@pytest.mark.parametrize("code", [-5002, -5011, -5013])
def test_the_wallets_rules_are_for_transfers(code: int) -> None:
    assert proof(Scope.WALLET, Deed.TRANSFER, 400, code) is Proof.NOT_PLACED
    assert proof(Scope.FUTURES, Deed.ORDER, 400, code) is Proof.UNKNOWN
    assert proof(Scope.WALLET, Deed.TRANSFER, 400, -5012) is Proof.UNKNOWN


def test_what_nobody_planned_has_an_empty_table() -> None:
    assert table_of("binance", Scope.SPOT, Deed.TRANSFER) == ()
    assert table_of("binance", Scope.WALLET, Deed.ORDER) == ()


@pytest.mark.parametrize(("scope", "deed"), [*BINANCE])
def test_nothing_sent_is_the_only_proof_without_an_answer(scope: Scope, deed: Deed) -> None:
    table = table_of("binance", scope, deed)
    assert proof_of(table, RawReply(sent=False)) is Proof.NOT_PLACED
    assert proof_of(table, RawReply(sent=True)) is Proof.UNKNOWN


@given(
    scope_deed=st.sampled_from([*BINANCE]),
    status=st.none() | st.integers(100, 399) | st.integers(500, 599).filter(lambda s: s != 503),
    code=st.none() | st.integers(-6000, 200_000),
    words=st.text(max_size=60),
)
def test_no_success_and_no_failing_server_is_ever_proof(
    scope_deed: tuple[Scope, Deed], status: int | None, code: int | None, words: str
) -> None:
    assert proof(*scope_deed, status, code, words) is Proof.UNKNOWN


@pytest.mark.parametrize("code", [-1000, -1001, -1006, -1007, -1016, -2011, -2013, -9999, 10000])
@pytest.mark.parametrize("status", [400, 401, 403, 404, 408, 409, 418, 429, 500, 502, 503, 504])
@pytest.mark.parametrize("scope", TRADED)
def test_ambiguous_codes_stay_ambiguous_under_every_status(
    scope: Scope, status: int, code: int
) -> None:
    assert proof(scope, Deed.ORDER, status, code) is Proof.UNKNOWN


def test_other_venues_have_the_general_table() -> None:
    for deed in Deed:
        assert table_of("bybit", Scope.FUTURES, deed) is GENERAL
    poor = RawReply(sent=True, status=400, code=110007, words="Insufficient balance.")
    assert proof_of(GENERAL, poor) is Proof.NOT_PLACED
    for status, code, words in (
        (200, 170146, "Order creation timeout"),
        (400, 170146, "Order creation timeout"),
        (200, 110007, "Insufficient balance."),
        (500, 110007, "Insufficient balance."),
        (429, 10006, "Too many visits"),
        (400, -2019, "Margin is insufficient."),
    ):
        reply = RawReply(sent=True, status=status, code=code, words=words)
        assert proof_of(GENERAL, reply) is Proof.UNKNOWN


def test_not_found_is_said_in_different_numbers() -> None:
    def said(status: int, code: int) -> RawReply:
        return RawReply(sent=True, status=status, code=code)

    assert is_not_found(Scope.SPOT, said(400, -2013))
    assert is_not_found(Scope.SPOT, said(400, -2026))
    assert is_not_found(Scope.FUTURES, said(400, -2013))
    # another meaning there
    assert not is_not_found(Scope.FUTURES, said(400, -2026))
    assert not is_not_found(Scope.FUTURES, said(500, -2013))
