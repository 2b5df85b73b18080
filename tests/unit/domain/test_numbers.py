from __future__ import annotations

import decimal
import threading
from decimal import ROUND_DOWN, ROUND_UP, Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

import counterpoise
from counterpoise.domain.numbers import (
    PRECISION,
    ceil_step,
    dec,
    floor_step,
    nearest_step,
    quantize,
    shrink_step,
    split,
    text,
)

DECIMALS = st.decimals(
    min_value=Decimal("-1e18"), max_value=Decimal("1e18"), allow_nan=False, places=12
)
STEPS = st.sampled_from([dec(s) for s in ("1", "0.1", "0.001", "0.00000001", "5", "0.25", "0.003")])


@pytest.mark.parametrize(
    "value",
    [
        pytest.param(0.1, id="a float has lost digits before it came"),
        pytest.param(1.0, id="a whole float is still a float"),
        pytest.param(True, id="a truth is no number"),
        pytest.param(None, id="missing is not zero"),
        pytest.param(b"1", id="bytes are no text"),
    ],
)
def test_a_number_of_another_type_is_refused(value: object) -> None:
    with pytest.raises(TypeError, match="expected str, int or Decimal, was"):
        dec(value)  # type: ignore[arg-type]  # the refusal is what is tested


@pytest.mark.parametrize("value", ["", "ten", "1,5", "0x10", "NaN", "Infinity", "-inf", "sNaN"])
def test_text_that_is_no_finite_number_is_refused(value: str) -> None:
    with pytest.raises(ValueError, match="expected a"):
        dec(value)


@pytest.mark.parametrize("value", [Decimal("NaN"), Decimal("Infinity")])
def test_a_decimal_that_is_not_finite_is_refused(value: Decimal) -> None:
    with pytest.raises(ValueError, match="expected a finite number"):
        dec(value)


def test_text_keeps_every_digit_that_a_float_would_lose() -> None:
    digits = "12345678901.123456789012345678"
    assert text(dec(digits)) == digits
    assert text(dec("0.1") + dec("0.2")) == "0.3"


@pytest.mark.parametrize(
    ("value", "form"),
    [
        pytest.param("1.500", "1.5", id="no trailing zeros"),
        pytest.param("1E+3", "1000", id="no exponent for large numbers"),
        pytest.param("1E-8", "0.00000001", id="no exponent for small numbers"),
        pytest.param("-0", "0", id="no negative zero"),
        pytest.param("0.000", "0", id="zero has one form"),
        pytest.param("-100", "-100", id="whole tens keep their zeros"),
    ],
)
def test_a_number_has_one_text_form(value: str, form: str) -> None:
    assert text(dec(value)) == form


@given(DECIMALS)
def test_text_round_trips_exactly(value: Decimal) -> None:
    assert dec(text(value)) == value
    assert text(dec(text(value))) == text(value)


def test_sixty_digits_hold_in_this_thread_and_in_threads_started_later() -> None:
    """MEANING 23: with Python's 28 digits the sum below silently loses its last part."""
    small = dec("0.000000000000000001")
    large = dec(10) ** 20

    def exact() -> bool:
        return large + small - large == small and decimal.getcontext().prec == PRECISION

    seen: list[bool] = []
    thread = threading.Thread(target=lambda: seen.append(exact()))
    thread.start()
    thread.join()
    assert exact()
    assert seen == [True]
    assert PRECISION == counterpoise.DECIMAL_PRECISION == 60


@pytest.mark.parametrize(
    ("value", "floor", "ceil", "shrunk", "nearest"),
    [
        pytest.param("1.27", "1.2", "1.3", "1.2", "1.3", id="between two steps"),
        pytest.param("-1.27", "-1.3", "-1.2", "-1.2", "-1.3", id="below zero: shrink goes up"),
        pytest.param("1.2", "1.2", "1.2", "1.2", "1.2", id="on a step nothing moves"),
        pytest.param("0.04", "0", "0.1", "0", "0", id="less than a step shrinks to nothing"),
        pytest.param("0.25", "0.2", "0.3", "0.2", "0.2", id="a half goes to the even step"),
        pytest.param("0.35", "0.3", "0.4", "0.3", "0.4", id="the other half too"),
    ],
)
def test_each_rounding_has_its_direction(
    value: str, floor: str, ceil: str, shrunk: str, nearest: str
) -> None:
    step = dec("0.1")
    assert floor_step(dec(value), step) == dec(floor)
    assert ceil_step(dec(value), step) == dec(ceil)
    assert shrink_step(dec(value), step) == dec(shrunk)
    assert nearest_step(dec(value), step) == dec(nearest)


@given(DECIMALS, STEPS)
def test_steps_enclose_the_value_and_lie_on_the_grid(value: Decimal, step: Decimal) -> None:
    below, above = floor_step(value, step), ceil_step(value, step)
    assert below <= value <= above
    assert above - below in (0, step)
    assert below % step == above % step == 0
    assert abs(shrink_step(value, step)) <= abs(value)
    assert abs(nearest_step(value, step) - value) * 2 <= step


def test_quantize_takes_the_rounding_it_is_told() -> None:
    cent = dec("0.01")
    assert quantize(dec("1.005"), cent) == dec("1.00")
    assert quantize(dec("1.001"), cent, ROUND_UP) == dec("1.01")
    assert quantize(dec("-1.009"), cent, ROUND_DOWN) == dec("-1.00")


def test_the_rest_of_a_split_goes_to_the_largest_share() -> None:
    """MEANING 23: cutting each share alone would lose 0.01 of 100."""
    thirds = split(dec(100), {"a": dec(1), "b": dec(1), "c": dec(1)}, dec("0.01"))
    assert thirds == {"a": dec("33.34"), "b": dec("33.33"), "c": dec("33.33")}
    uneven = split(dec("0.10"), {"a": dec(1), "b": dec(2)}, dec("0.01"))
    assert uneven == {"a": dec("0.03"), "b": dec("0.07")}


def test_a_split_over_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="more than 0, was 0"):
        split(dec(1), {}, dec("0.01"))
    with pytest.raises(ValueError, match="more than 0, was 0"):
        split(dec(1), {"a": dec(0)}, dec("0.01"))


@given(
    st.integers(min_value=-(10**15), max_value=10**15),
    st.dictionaries(
        st.text(min_size=1, max_size=3),
        st.decimals(min_value=Decimal("0.01"), max_value=Decimal(10**6), places=2),
        min_size=1,
        max_size=6,
    ),
    STEPS,
)
def test_a_split_loses_and_invents_nothing(
    steps: int, weights: dict[str, Decimal], quantum: Decimal
) -> None:
    total = steps * quantum
    shares = split(total, weights, quantum)
    assert sum(shares.values()) == total
    assert set(shares) == set(weights)
    assert all(share % quantum == 0 for share in shares.values())
    whole = sum(weights.values())
    for key, share in shares.items():
        fair = total * weights[key] / whole
        assert abs(share - fair) <= quantum * len(weights)
        assert share * total >= 0
