from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from counterpoise.domain.book_payments import funded, settled
from counterpoise.domain.hedge_book import (
    UNCLAIMED,
    Booked,
    BookLine,
    Execution,
    LineKey,
    apportioned,
    crossed,
    executed,
    traded,
    wanting,
)
from counterpoise.domain.numbers import ZERO, dec
from tests.build import BTC_PERP, NOW, VENUE, Number

LOT = dec("0.001")
CONTRACT = (VENUE, BTC_PERP)


def line(
    strategy: str = "h", qty: Number = 0, wanted: Number | None = None, at: Number = 100
) -> BookLine:
    """A line that holds ``qty`` opened at the price ``at``."""
    flat = BookLine(strategy=strategy, venue=VENUE, symbol=BTC_PERP)
    opened, _ = traded(flat, dec(qty), dec(qty) * dec(at), ZERO, NOW)
    return replace(opened, wanted=dec(qty if wanted is None else wanted))


def book(*lines: BookLine) -> dict[LineKey, BookLine]:
    return {x.key: x for x in lines}


def fill(qty: Number, price: Number, fee: Number = 0) -> Execution:
    signed = dec(qty)
    return Execution(
        venue=VENUE,
        symbol=BTC_PERP,
        qty=signed,
        value=signed * dec(price),
        fee=dec(fee),
        at=NOW + timedelta(hours=1),
        lot=LOT,
    )


def qtys(booked: Booked) -> dict[str, Decimal]:
    return {k[0]: x.qty for k, x in booked.lines.items()}


# --- one line ---


@pytest.mark.parametrize(
    ("opened", "at", "trade", "price", "pnl", "left"),
    [
        pytest.param("-1", 100_000, "1", 90_000, "10000", "0", id="S1: a short earns what falls"),
        pytest.param("1", 100, "-1", 90, "-10", "0", id="a long loses it"),
        pytest.param("-2", 100, "1", 110, "-10", "-1", id="half of a short closed in a rise"),
        pytest.param("0.5", 3000, "-0.5", 2850, "-75", "0", id="S2: 5 % off half an ETH"),
    ],
)
def test_what_leaves_a_position_realises_its_share(
    opened: str, at: int, trade: str, price: int, pnl: str, left: str
) -> None:
    after, closed = traded(line("h", opened, at=at), dec(trade), dec(trade) * price, ZERO, NOW)
    assert after.price_pnl == dec(pnl)
    assert after.qty == dec(left)
    assert (closed is not None) is (after.qty == 0)
    assert after.entry_price == (None if after.qty == 0 else dec(at))


def test_a_trade_through_zero_closes_and_opens() -> None:
    after, closed = traded(line("h", "-1", at=100), dec(3), dec(3) * 90, dec(3), NOW)
    assert closed is not None
    assert (closed.qty, closed.price_pnl, closed.fees, closed.net) == (-1, 10, 1, 9)
    assert (closed.entry, closed.exit) == (100, 90)
    assert (after.qty, after.entry_price, after.fees, after.price_pnl) == (2, 90, 2, 0)


def test_a_position_tells_its_largest_size_and_average_prices() -> None:
    grown, _ = traded(line("h", "-1", at=100), dec(-1), dec(-1) * 110, ZERO, NOW)
    assert grown.entry_price == 105
    half, none = traded(grown, dec("0.5"), dec("0.5") * 90, ZERO, NOW)
    assert none is None
    _, closed = traded(half, dec("1.5"), dec("1.5") * 100, ZERO, NOW)
    assert closed is not None
    assert (closed.qty, closed.entry, closed.exit) == (-2, 105, dec("97.5"))
    assert closed.price_pnl == 15


def test_the_last_of_a_position_takes_what_rounding_left() -> None:
    """Three thirds of a cost that does not divide: nothing stays behind."""
    held = line("h", 3, at="0.33333333")
    for _ in range(3):
        held, _ = traded(held, dec(-1), dec(-1) * dec("0.4"), ZERO, NOW)
    assert (held.qty, held.cost) == (0, 0)
    assert held.price_pnl == dec("1.2") - 3 * dec("0.33333333")


# --- wanting ---


def test_what_nobody_speaks_of_is_wanted_no_more_but_coins_stay() -> None:
    coins = BookLine(strategy="d", venue=VENUE, symbol="BTC/USDT", qty=dec("-0.3"))
    after = wanting(book(line("h", "-1"), coins), {("k", *CONTRACT): dec("-0.2")}, [coins.key])
    assert {k[0]: x.wanted for k, x in after.items()} == {
        "h": 0,
        "k": dec("-0.2"),
        "d": dec("-0.3"),
    }
    assert after[coins.key].pending == 0


# --- crossing (MEANING 8) ---


def test_opposing_changes_are_crossed_at_the_mark_and_booked_to_both() -> None:
    booked = crossed(
        book(line("h", "-1", wanted="-0.4"), line("k", 0, wanted="-0.9")),
        {CONTRACT: dec(90)},
        {CONTRACT: LOT},
        NOW,
    )
    assert qtys(booked) == {"h": dec("-0.4"), "k": dec("-0.6")}
    (cross,) = booked.crosses
    assert (cross.buyer, cross.seller, cross.qty, cross.price) == ("h", "k", dec("0.6"), 90)
    assert booked.lines["h", *CONTRACT].price_pnl == 6
    assert booked.lines["k", *CONTRACT].entry_price == 90
    assert booked.lines["k", *CONTRACT].pending == dec("-0.3"), "only the net is left to trade"


def test_three_strategies_cross_pro_rata() -> None:
    booked = crossed(
        book(line("a", 0, wanted=1), line("b", 0, wanted="-0.6"), line("c", 0, wanted="-1.8")),
        {CONTRACT: dec(100)},
        {CONTRACT: LOT},
        NOW,
    )
    assert qtys(booked) == {"a": 1, "b": dec("-0.25"), "c": dec("-0.75")}


def test_nothing_is_crossed_without_a_mark() -> None:
    lines = book(line("h", "-1", wanted=0), line("k", 0, wanted="-1"))
    assert crossed(lines, {}, {}, NOW) == Booked(lines=lines)


# --- fills ---


def test_a_fill_goes_to_those_who_want_it_pro_rata() -> None:
    booked = executed(
        book(line("a", 0, wanted="-0.3"), line("b", 0, wanted="-0.1"), line("c", "-0.5")),
        fill("-0.2", 100, fee="0.04"),
    )
    assert qtys(booked) == {"a": dec("-0.15"), "b": dec("-0.05"), "c": dec("-0.5")}
    assert booked.lines["a", *CONTRACT].fees == dec("0.03")


def test_what_does_not_divide_goes_to_the_largest_and_never_beyond_what_it_wants() -> None:
    assert apportioned(dec("0.002"), {"a": LOT, "b": LOT, "c": LOT}, LOT) == {
        "a": LOT,
        "b": LOT,
        "c": ZERO,
    }
    assert apportioned(dec("0.5"), {"a": dec("0.1"), "b": dec("0.2")}, LOT) == {
        "a": dec("0.1"),
        "b": dec("0.4"),
    }


def test_a_late_fill_that_nobody_wants_any_more_is_still_booked() -> None:
    booked = executed(book(line("a", "-0.2"), line("b", "0.1")), fill("0.1", 100))
    assert qtys(booked) == {"a": dec("-0.1"), "b": dec("0.1")}
    nobody = executed({}, fill("0.1", 100))
    assert qtys(nobody) == {UNCLAIMED: dec("0.1")}


# --- funding and settlement ---


def test_funding_is_split_by_overlay() -> None:
    """S8: a short of 100,000 at +0.01 % receives 10; its own lines share it by size, long ones pay."""
    lines = book(line("a", "-1.5", at=100_000), line("b", "0.5", at=100_000))
    paid = funded(lines, CONTRACT, dec(10), ZERO, NOW).lines
    assert {k[0]: x.funding for k, x in paid.items()} == {"a": dec(15), "b": dec(-5)}


def test_what_foreign_positions_are_paid_is_not_ours() -> None:
    paid = funded(book(line("a", "-1", at=100)), CONTRACT, dec(3), dec(-2), NOW).lines
    assert paid["a", *CONTRACT].funding == 1


def test_a_settlement_closes_every_line_at_its_price() -> None:
    booked = settled(
        book(line("a", "-1", at=100), line("b", "0.5", at=100)), CONTRACT, dec(90), NOW
    )
    assert qtys(booked) == {"a": 0, "b": 0}
    assert {c.strategy: c.price_pnl for c in booked.closed} == {"a": dec(10), "b": dec(-5)}


# --- whatever happens ---

QTY = st.integers(-2000, 2000).map(lambda n: n * LOT)
PRICE = st.integers(50, 150).map(Decimal)


@given(st.data())
def test_lines_add_up_and_every_cent_is_somewhere(data: st.DataObject) -> None:
    """MEANING 8 and 23: fills + crosses = lines, and value moves only by price, funding and fees."""
    lines: Mapping[LineKey, BookLine] = {}
    own = cash = fees = funding = ZERO
    totals: dict[str, Decimal] = {}
    crosses: list[tuple[str, Decimal]] = []
    shares: dict[str, Decimal] = {}
    done = ZERO
    for _ in range(data.draw(st.integers(1, 8))):
        wanted = {(s, *CONTRACT): data.draw(QTY) for s in "abc"}
        mark = data.draw(PRICE)
        result = crossed(wanting(lines, wanted, []), {CONTRACT: mark}, {CONTRACT: LOT}, NOW)
        for cross in result.crosses:
            crosses += [(cross.buyer, cross.qty), (cross.seller, -cross.qty)]
        signs = {x.pending > 0 for x in result.lines.values() if x.pending != 0}
        assert len(signs) <= 1, "only the net is left"
        done += sum((c.net for c in result.closed), ZERO)
        net = sum((x.pending for x in result.lines.values()), ZERO)
        part = data.draw(st.sampled_from([dec(0), dec("0.5"), dec(1)]))
        qty = (net * part / LOT).to_integral_value() * LOT
        before = {k[0]: x.qty for k, x in result.lines.items()}
        if qty != 0:
            price, fee = data.draw(PRICE), data.draw(st.integers(0, 7)) * dec("0.01")
            result = executed(result.lines, fill(qty, price, fee))
            done += sum((c.net for c in result.closed), ZERO)
            own, cash, fees = own + qty, cash - qty * price, fees + fee
        lines = result.lines
        for strategy, held in qtys(result).items():
            shares[strategy] = shares.get(strategy, ZERO) + held - before.get(strategy, ZERO)
        payment = data.draw(st.integers(-5, 5)) * dec("0.37") if own else ZERO
        late = data.draw(st.sampled_from([NOW, NOW - timedelta(hours=1)]))
        paid = funded(lines, CONTRACT, payment, ZERO, late)
        held = sum((x.qty_at(late) for x in lines.values()), ZERO)
        done += sum((c.net for c in paid.closed), ZERO)
        lines = paid.lines
        payment = payment if held != 0 else ZERO
        funding += payment
        totals = {k[0]: x.qty for k, x in lines.items()}
        assert sum(totals.values(), ZERO) == own
    for strategy, held in totals.items():
        crossed_qty = sum((q for s, q in crosses if s == strategy), ZERO)
        assert shares.get(strategy, ZERO) + crossed_qty == held
    if own != 0 or lines:
        open_value = sum((x.cost for x in lines.values()), ZERO)
        running = sum((x.earned for x in lines.values() if x.opened_at is not None), ZERO)
        assert done + running - open_value == cash + funding - fees, "every cent is somewhere"
