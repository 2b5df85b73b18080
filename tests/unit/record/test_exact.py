from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from types import MappingProxyType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from counterpoise.domain.errors import StoreError
from counterpoise.record.exact import (
    decimal_text,
    document,
    document_text,
    instant,
    instant_text,
)


def test_a_decimal_is_plain_text_without_exponent_or_trailing_zeros() -> None:
    assert decimal_text(Decimal("1E+3")) == "1000"
    assert decimal_text(Decimal("0.123456789012345678")) == "0.123456789012345678"
    assert decimal_text(Decimal("-1.500")) == "-1.5"
    assert decimal_text(Decimal("-0.0")) == "0"


@given(st.integers(min_value=-(10**60) + 1, max_value=10**60 - 1), st.integers(-40, 40))
def test_up_to_60_digits_are_kept(digits: int, exponent: int) -> None:
    number = Decimal(digits).scaleb(exponent)
    assert Decimal(decimal_text(number)) == number


def test_a_number_that_would_be_rounded_is_refused() -> None:
    with pytest.raises(ValueError, match="at most 60 digits"):
        decimal_text(Decimal("1" * 61))


@pytest.mark.parametrize("value", [0.1, 1, "1"])
def test_only_a_decimal_is_taken(value: object) -> None:
    with pytest.raises(TypeError, match="expected Decimal, was"):
        decimal_text(value)  # type: ignore[arg-type]  # that is the test


@given(st.datetimes(), st.integers(-720, 720))
def test_an_instant_comes_back_in_utc(local: datetime, offset: int) -> None:
    aware = local.replace(tzinfo=timezone(timedelta(minutes=offset)))
    try:
        written = instant_text(aware)
    except OverflowError:
        return  # within a day of the first or last year there is
    assert instant(written) == aware
    assert instant(written).tzinfo is UTC


@given(st.datetimes(timezones=st.just(UTC)), st.datetimes(timezones=st.just(UTC)))
def test_instants_sort_as_text(one: datetime, other: datetime) -> None:
    assert (instant_text(one) < instant_text(other)) == (one < other)


def test_a_naive_datetime_is_refused() -> None:
    with pytest.raises(ValueError, match="expected an aware datetime"):
        instant_text(datetime(2025, 1, 1))  # noqa: DTZ001 - that is the test


def test_a_document_keeps_its_order_and_its_letters() -> None:
    inner: Mapping[str, object] = MappingProxyType({"z": 1, "a": "≤"})
    written = document_text({"b": inner, "a": None}, "row")
    assert written == '{"b":{"z":1,"a":"≤"},"a":null}'
    assert document(written) == {"b": {"z": 1, "a": "≤"}, "a": None}


def test_a_document_that_is_no_json_is_refused_by_name() -> None:
    with pytest.raises(StoreError, match=r"journal row c1: expected a JSON document.*Decimal"):
        document_text({"qty": Decimal(1)}, "journal row c1")
