from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from counterpoise.domain.numbers import dec
from counterpoise.plan.roll import legs, rung_of
from tests.build import make_instrument

LOT = dec("0.001")


@pytest.mark.parametrize(
    ("old", "new", "targets"),
    [
        pytest.param("-1", "0", ("-1", "-0.2"), id="the new leg is opened first, by a rung"),
        pytest.param("-1", "-0.1", ("-0.9", "-0.2"), id="the old one goes as the new one fills"),
        pytest.param("-0.8", "-0.2", ("-0.8", "-0.4"), id="then the next rung"),
        pytest.param("-0.2", "-0.8", ("-0.2", "-1"), id="the last rung"),
        pytest.param("0", "-0.8", ("0", "-1"), id="an old leg that expired: all at once"),
        pytest.param("-0.1", "-1", ("0", "-1"), id="the end"),
        pytest.param("0.3", "-0.5", ("0", "-1"), id="an old leg on the wrong side is closed"),
    ],
)
def test_a_hedge_of_one_is_rolled_in_fifths(old: str, new: str, targets: tuple[str, str]) -> None:
    assert legs(dec(-1), dec(old), dec(new), dec("0.2")) == tuple(dec(t) for t in targets)


def test_a_hedge_that_is_let_go_meanwhile_closes_both() -> None:
    assert legs(dec(0), dec("-0.5"), dec("-0.5"), dec("0.2")) == (0, 0)


def test_a_tranche_is_never_below_what_the_venue_trades() -> None:
    perp = make_instrument()
    assert rung_of(dec(-1), 5, perp, dec(100_000)) == dec("0.2")
    assert rung_of(dec("-0.001"), 5, perp, dec(100_000)) == LOT
    assert rung_of(dec("-0.01"), 5, perp, dec(1000)) == dec("0.005"), "min notional 5"


@given(st.data())
def test_a_roll_is_never_short_of_its_hedge_nor_more_than_a_rung_above(data: st.DataObject) -> None:
    """Whatever part of each leg fills, in whichever order."""
    sign = data.draw(st.sampled_from([-1, 1]))
    size = data.draw(st.integers(1, 2000)) * LOT
    rung = data.draw(st.integers(1, 500)) * LOT
    total, old, new = size * sign, size * sign, dec(0)
    for _ in range(3 * int(size / rung) + 40):
        to_old, to_new = legs(total, old, new, rung)
        assert abs(to_old) <= abs(old), "the old leg never grows"
        first = data.draw(st.booleans())
        for leg in ("old", "new") if first else ("new", "old"):
            part = data.draw(st.sampled_from([dec(0), dec("0.5"), dec(1), dec(1)]))
            if leg == "old":
                old += _lots((to_old - old) * part)
            else:
                new += _lots((to_new - new) * part)
            assert abs(total) <= abs(old + new) <= abs(total) + rung
    for _ in range(3 * int(size / rung) + 10):
        old, _ = legs(total, old, new, rung)
        _, new = legs(total, old, new, rung)
    assert (old, new) == (0, total)


def _lots(qty: Decimal) -> Decimal:
    return (qty / LOT).to_integral_value() * LOT
