from __future__ import annotations

import pytest

from counterpoise.domain.numbers import dec
from counterpoise.venue.testnet.binance.errors import ApiError
from counterpoise.venue.testnet.binance.params import Params


def code(act: object) -> int:
    with pytest.raises(ApiError) as caught:
        act()  # type: ignore[operator]  # a table of callables
    return caught.value.code


def test_the_query_wins_over_the_body() -> None:
    params = Params.of("symbol=BTCUSDT", "symbol=ETHUSDT&side=BUY")
    assert (params.need("symbol"), params.need("side")) == ("BTCUSDT", "BUY")


def test_text_is_decoded() -> None:
    assert Params.of("symbols=%5B%22BTCUSDT%22%5D", "").json_list("symbols") == ["BTCUSDT"]


def test_empty_counts_as_not_sent() -> None:
    params = Params.of("price=", "")
    assert params.opt("price") is None
    assert not params.has("price")
    assert code(lambda: params.need("price")) == -1102


@pytest.mark.parametrize("written", ["abc", "-1", "1e5", "1.", ".5", "1,5", "\u0661", "0x1", " 1"])
def test_a_number_that_is_none_is_refused_by_name(written: str) -> None:
    params = Params({"quantity": written})
    with pytest.raises(ApiError) as caught:
        params.decimal("quantity")
    assert caught.value.code == -1100
    assert "'quantity'" in caught.value.msg


def test_numbers_are_exact() -> None:
    assert Params({"price": "0.10"}).need_decimal("price") == dec("0.10")
    assert Params({"orderId": "12"}).integer("orderId") == 12
    assert code(lambda: Params({"orderId": "None"}).integer("orderId")) == -1100


@pytest.mark.parametrize(("written", "flag"), [("true", True), ("TRUE", True), ("false", False)])
def test_flags(written: str, flag: bool) -> None:
    assert Params({"reduceOnly": written}).flag("reduceOnly") is flag


def test_a_flag_is_never_guessed() -> None:
    assert code(lambda: Params({"reduceOnly": "1"}).flag("reduceOnly")) == -1130
    assert Params({}).flag("reduceOnly") is False


@pytest.mark.parametrize("written", ["a" * 37, "with space", "ä", "a;b"])
def test_client_ids_outside_the_pattern_are_refused(written: str) -> None:
    assert code(lambda: Params({"id": written}).client_id("id")) == -1100


def test_limits_are_cut_to_the_most() -> None:
    assert Params({"limit": "9999"}).limit(500, 1_000) == 1_000
    assert Params({}).limit(500, 1_000) == 500
    assert code(lambda: Params({"limit": "0"}).limit(500, 1_000)) == -1130


@pytest.mark.parametrize("written", ["BTCUSDT", "{}", '"BTCUSDT"', "[1"])
def test_a_list_must_be_one(written: str) -> None:
    assert code(lambda: Params({"symbols": written}).json_list("symbols")) == -1130
