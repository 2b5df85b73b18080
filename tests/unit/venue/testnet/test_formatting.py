from __future__ import annotations

from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal, localcontext

import pytest
from hypothesis import given
from hypothesis import strategies as st

from counterpoise.domain.numbers import dec
from counterpoise.venue.testnet.binance import formatting

MONEY = st.decimals(
    min_value=Decimal("-1e12"), max_value=Decimal("1e12"), allow_nan=False, places=12
)


@pytest.mark.parametrize(
    ("value", "places", "shown"),
    [
        ("1.5", 8, "1.50000000"),
        ("0", 8, "0.00000000"),
        ("-0", 2, "0.00"),
        ("1E+3", 2, "1000.00"),
        ("0.123456789", 8, "0.123456789"),
        ("60000", 0, "60000"),
    ],
)
def test_fixed_pads_and_never_cuts(value: str, places: int, shown: str) -> None:
    assert formatting.fixed(dec(value), places) == shown


@given(value=MONEY, places=st.integers(0, 10))
def test_what_is_printed_fixed_reads_back_as_the_same_number(value: Decimal, places: int) -> None:
    assert dec(formatting.fixed(value, places)) == value


@pytest.mark.parametrize(
    ("value", "places", "shown"),
    [("-0.000000001", 8, "0.00000000"), ("2.675", 2, "2.68"), ("-2.665", 2, "-2.66")],
)
def test_rounded_shows_no_negative_zero(value: str, places: int, shown: str) -> None:
    assert formatting.rounded(dec(value), places) == shown


def test_rounding_does_not_hang_on_the_context_of_the_thread() -> None:
    # ccxt sets ROUND_HALF_UP for the whole thread when it first rounds a price
    with localcontext(rounding=ROUND_HALF_UP):
        assert formatting.rounded(dec("0.125"), 2) == "0.12"
        assert formatting.average(dec("0.000000000005"), 1) == "0.0"


def test_an_average_has_at_most_eleven_decimals() -> None:
    assert formatting.average(dec(100) / 3, 1) == "33.33333333333"
    assert formatting.average(dec(100), 1) == "100.0"


@given(st.integers(0, 4_000_000_000_000))
def test_milliseconds_and_instants_are_inverse(stamp: int) -> None:
    assert formatting.ms(formatting.instant(stamp)) == stamp


def test_milliseconds_are_cut_not_rounded() -> None:
    assert formatting.ms(datetime(1970, 1, 1, 0, 0, 0, 1_999, tzinfo=UTC)) == 1


def test_a_step_prints_as_many_decimals_as_it_was_written_with() -> None:
    assert formatting.declared_places(dec("0.10")) == 2
    assert formatting.places_of(dec("0.10")) == 1
    assert formatting.declared_places(dec(1)) == 0
