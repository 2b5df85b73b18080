"""Position arithmetic is exact, whatever the sequence of fills."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from counterpoise.domain.numbers import ZERO, dec
from counterpoise.venue.sim.positions import BOOKED, Position

# signed lots of 0.001 and prices on a tick of 0.01
fills = st.lists(
    st.tuples(
        st.integers(-5000, 5000).filter(bool).map(lambda n: Decimal(n) / 1000),
        st.integers(1, 20_000_000).map(lambda n: Decimal(n) / 100),
    ),
    min_size=1,
    max_size=40,
)
marks = st.integers(1, 2_000_000_000).map(lambda n: Decimal(n) / 10_000)


def play(trades: list[tuple[Decimal, Decimal]]) -> tuple[Position, Decimal]:
    position, realized = Position(), ZERO
    for qty, price in trades:
        position, part = position.traded(qty, price)
        realized += part
    return position, realized


@given(fills, marks)
def test_realized_and_unrealized_add_up_to_the_cash_that_flowed(
    trades: list[tuple[Decimal, Decimal]], mark: Decimal
) -> None:
    position, realized = play(trades)
    qty = sum((qty for qty, _ in trades), ZERO)
    paid = sum((qty * price for qty, price in trades), ZERO)
    assert position.qty == qty
    assert realized + position.unrealized_pnl(mark) == qty * mark - paid


@given(fills)
def test_what_is_booked_has_at_most_eight_places(trades: list[tuple[Decimal, Decimal]]) -> None:
    position, realized = play(trades)
    assert realized % BOOKED == 0
    assert position.cost % BOOKED == 0


@given(fills)
def test_a_flat_position_has_cost_nothing(trades: list[tuple[Decimal, Decimal]]) -> None:
    position, _ = play(trades)
    flat, _ = position.traded(-position.qty, dec(100))
    assert flat == Position()


WORKED = [
    ("opening realises nothing", [("2", "100")], "2", "100", "0"),
    ("adding averages the entry", [("1", "100"), ("3", "104")], "4", "103", "0"),
    ("closing a long above its entry gains", [("2", "100"), ("-1", "110")], "1", "100", "10"),
    ("closing a short below its entry gains", [("-2", "100"), ("1", "90")], "-1", "100", "10"),
    ("closing a short above its entry loses", [("-2", "100"), ("2", "105")], "0", None, "-10"),
    ("a flip realises the old side and opens the new at the fill", [("1", "100"), ("-3", "110")], "-2", "110", "10"),
    (
        "an entry that does not divide evenly is shown rounded",
        [("1", "100"), ("2", "100.01")],
        "3",
        "100.00666667",
        "0",
    ),
]  # fmt: skip


@pytest.mark.parametrize(
    ("trades", "qty", "entry", "realized"),
    [row[1:] for row in WORKED],
    ids=[row[0] for row in WORKED],
)
def test_worked(trades: list[tuple[str, str]], qty: str, entry: str | None, realized: str) -> None:
    position, gained = play([(dec(q), dec(p)) for q, p in trades])
    assert position.qty == dec(qty)
    assert position.entry_price == (None if entry is None else dec(entry))
    assert gained == dec(realized)
