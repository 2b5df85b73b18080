from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from counterpoise.domain.instrument import Instrument
from counterpoise.domain.numbers import dec, text
from counterpoise.domain.order import Side
from counterpoise.domain.policy import ExecutionPolicy
from counterpoise.domain.snapshot import Quote
from counterpoise.plan.ladder import Rung, cap_qty, crossing_price, resting_rungs
from tests.build import Number, make_instrument, make_quote

BUY, SELL = Side.BUY, Side.SELL
EXECUTION = ExecutionPolicy(rungs=5, spacing=dec("0.001"))


def rungs(
    side: Side,
    qty: Number,
    free: tuple[int, ...] = (0, 1, 2, 3, 4),
    quote: Quote | None = None,
    instrument: Instrument | None = None,
    max_notional: Number | None = None,
) -> tuple[Rung, ...]:
    return resting_rungs(
        side,
        dec(qty),
        free,
        quote or make_quote(),
        instrument or make_instrument(),
        EXECUTION,
        None if max_notional is None else dec(max_notional),
    )


def shown(made: tuple[Rung, ...]) -> list[tuple[int, str, str]]:
    return [(r.index, text(r.qty), text(r.price)) for r in made]


@pytest.mark.parametrize(
    ("side", "qty", "expected"),
    [
        pytest.param(
            SELL,
            "0.5",
            [
                (0, "0.1", "100000.1"),
                (1, "0.1", "100100.2"),
                (2, "0.1", "100200.2"),
                (3, "0.1", "100300.2"),
                (4, "0.1", "100400.2"),
            ],
            id="a sell rests at the ask and above it, rounded away from the market",
        ),
        pytest.param(
            BUY,
            "0.5",
            [
                (0, "0.1", "99999.9"),
                (1, "0.1", "99899.9"),
                (2, "0.1", "99799.9"),
                (3, "0.1", "99699.9"),
                (4, "0.1", "99599.9"),
            ],
            id="a buy rests at the bid and below it, rounded away from the market",
        ),
        pytest.param(
            SELL,
            "0.0137",
            [
                (0, "0.005", "100000.1"),
                (1, "0.002", "100100.2"),
                (2, "0.002", "100200.2"),
                (3, "0.002", "100300.2"),
                (4, "0.002", "100400.2"),
            ],
            id="what does not divide goes to the nearest rung, what is no lot to none",
        ),
        pytest.param(
            SELL,
            "0.003",
            [(0, "0.001", "100000.1"), (1, "0.001", "100100.2"), (2, "0.001", "100200.2")],
            id="three lots make three rungs",
        ),
        pytest.param(SELL, "0.001", [(0, "0.001", "100000.1")], id="one lot makes one rung"),
        pytest.param(SELL, "0.0009", [], id="less than a lot makes none"),
        pytest.param(SELL, "0", [], id="nothing makes none"),
    ],
)
def test_a_ladder(side: Side, qty: str, expected: list[tuple[int, str, str]]) -> None:
    assert shown(rungs(side, qty)) == expected


def test_rungs_below_the_smallest_notional_are_merged() -> None:
    instrument = make_instrument(min_notional=dec(250))
    assert shown(rungs(SELL, "0.009", instrument=instrument)) == [
        (0, "0.003", "100000.1"),
        (1, "0.003", "100100.2"),
        (2, "0.003", "100200.2"),
    ]
    assert rungs(SELL, "0.002", instrument=instrument) == ()


def test_only_free_rungs_are_used_nearest_first() -> None:
    assert [r.index for r in rungs(SELL, "0.5", free=(1, 3))] == [1, 3]
    assert [r.index for r in rungs(SELL, "0.001", free=(1, 3))] == [1]
    assert rungs(SELL, "0.5", free=()) == ()


@pytest.mark.parametrize(
    ("side", "quote", "price"),
    [
        pytest.param(SELL, make_quote(ask=None), "100000.1", id="a tick above the mark"),
        pytest.param(BUY, make_quote(bid=None), "99999.9", id="a tick below the mark"),
        pytest.param(SELL, make_quote(ask=dec(0)), "100000.1", id="an ask of zero is no ask"),
        pytest.param(SELL, make_quote(mark=None), "100000.1", id="the ask needs no mark"),
    ],
)
def test_without_a_book_a_ladder_starts_beside_the_mark(
    side: Side, quote: Quote, price: str
) -> None:
    assert rungs(side, "0.5", quote=quote)[0].price == dec(price)


def test_without_any_price_there_is_no_ladder() -> None:
    assert rungs(SELL, "0.5", quote=make_quote(ask=None, mark=None)) == ()


@pytest.mark.parametrize(
    ("side", "mark", "largest"),
    [
        pytest.param(SELL, 100_000, "0.099", id="a sell's dearest rung stays under the limit"),
        pytest.param(BUY, 100_000, "0.100", id="at the mark a buy may be as large"),
        pytest.param(BUY, 101_000, "0.099", id="a bid below the mark counts at the mark"),
        pytest.param(SELL, 105_000, "0.095", id="an ask below the mark counts at the mark"),
    ],
)
def test_no_rung_is_larger_than_the_largest_order(side: Side, mark: int, largest: str) -> None:
    """The guard values an order at the worse of its price and the mark; so must the ladder."""
    made = rungs(side, 5, quote=make_quote(mark=dec(mark)), max_notional=10_000)
    assert len(made) == 5
    assert {r.qty for r in made} == {dec(largest)}
    assert all(r.qty * max(r.price, dec(mark)) <= 10_000 for r in made)


def test_no_rung_is_larger_than_the_venue_takes() -> None:
    made = rungs(SELL, 5, instrument=make_instrument(max_qty=dec("0.2")))
    assert [r.qty for r in made] == [dec("0.2")] * 5


@pytest.mark.parametrize(
    ("qty", "max_notional", "max_qty", "capped"),
    [
        pytest.param("1.2345", None, None, "1.234", id="cut to a lot"),
        pytest.param("1.2345", "100000", None, "1", id="cut to the largest notional"),
        pytest.param("1.2345", "99999", None, "0.999", id="cut to a lot below it"),
        pytest.param("1.2345", "100000", "0.5", "0.5", id="cut to the venue's largest"),
        pytest.param("0.2", "100000", "0.5", "0.2", id="left alone below both"),
    ],
)
def test_caps(qty: str, max_notional: str | None, max_qty: str | None, capped: str) -> None:
    instrument = make_instrument(max_qty=None if max_qty is None else dec(max_qty))
    limit = None if max_notional is None else dec(max_notional)
    assert cap_qty(dec(qty), dec(100_000), instrument, limit) == dec(capped)


def test_a_crossing_price_is_the_mark_and_the_slippage_against_us_never_more() -> None:
    execution = ExecutionPolicy(max_slippage=dec("0.0020011"))
    instrument = make_instrument(tick_size=dec("0.5"))
    mark = dec(100_000)
    assert crossing_price(BUY, mark, instrument, execution) == dec("100200")  # 100,200.11
    assert crossing_price(SELL, mark, instrument, execution) == dec("99800")  # 99,799.89


@given(
    side=st.sampled_from(Side),
    qty=st.decimals(min_value=0, max_value=50, places=6),
    free=st.sets(st.integers(0, 6)).map(lambda s: tuple(sorted(s))),
    price=st.decimals(min_value=Decimal(1), max_value=Decimal(200_000), places=3),
    lot=st.sampled_from(["0.001", "0.1", "1", "5"]),
    tick=st.sampled_from(["0.01", "0.1", "0.5"]),
    min_notional=st.sampled_from(["0", "5", "100"]),
    max_notional=st.none() | st.integers(1, 500_000).map(Decimal),
    max_qty=st.none() | st.integers(1, 20).map(Decimal),
)
def test_a_ladder_never_exceeds_what_is_missing_and_every_rung_can_be_placed(
    *,
    side: Side,
    qty: Decimal,
    free: tuple[int, ...],
    price: Decimal,
    lot: str,
    tick: str,
    min_notional: str,
    max_notional: Decimal | None,
    max_qty: Decimal | None,
) -> None:
    instrument = make_instrument(
        lot_size=dec(lot),
        min_qty=dec(lot),
        tick_size=dec(tick),
        min_notional=dec(min_notional),
        max_qty=max_qty,
    )
    quote = make_quote(price=price)
    made = rungs(side, qty, free, quote, instrument, max_notional)
    assert sum(r.qty for r in made) <= qty
    assert [r.index for r in made] == list(free[: len(made)])
    for rung in made:
        assert instrument.tradable(rung.qty, rung.price)
        assert rung.qty % dec(lot) == rung.price % dec(tick) == 0
        assert max_qty is None or rung.qty <= max_qty
        assert max_notional is None or rung.qty * max(rung.price, price) <= max_notional
        touch = quote.ask if side is SELL else quote.bid
        assert touch is not None
        assert (rung.price - touch) * side.sign <= 0
    whole = qty - qty % dec(lot)
    if made and max_qty is None and max_notional is None:
        assert sum(r.qty for r in made) == whole
    prices = [r.price * -side.sign for r in made]
    assert prices == sorted(prices)
