from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from counterpoise.domain.hedge_book import BookLine, ClosedHedge, traded
from counterpoise.domain.numbers import ZERO, dec
from counterpoise.report.hedges import hedge_rows

AT = datetime(2024, 1, 1, tzinfo=UTC)
PERP = "BTC/USDT:USDT"


def line(symbol: str = PERP) -> BookLine:
    return BookLine(strategy="half", venue="main", symbol=symbol)


def after(
    book: BookLine, qty: str, price: str, fee: str, hours: int
) -> tuple[BookLine, list[ClosedHedge]]:
    made, closed = traded(
        book, dec(qty), dec(qty) * dec(price), dec(fee), AT + timedelta(hours=hours)
    )
    return made, [closed] if closed is not None else []


def test_a_closed_hedge_tells_what_it_brought() -> None:
    opened, _ = after(line(), "-1", "100", "0.5", 0)
    flat, closed = after(replace(opened, funding=dec(2)), "1", "90", "0.4", 5)
    (row,) = hedge_rows(closed, [flat], {})
    assert (row.strategy, row.asset, row.instrument) == ("half", "BTC", PERP)
    assert (row.opened_at, row.closed_at) == (AT, AT + timedelta(hours=5))
    assert (row.qty, row.entry, row.exit) == (-1, 100, 90)
    assert (row.price_pnl, row.funding, row.fees, row.unrealized) == (10, 2, dec("0.9"), 0)
    assert row.net == dec("11.1")


def test_an_open_hedge_is_valued_at_the_mark_of_the_end() -> None:
    opened, _ = after(line(), "-2", "100", "1", 0)
    half, closed = after(opened, "1", "90", "0", 1)
    assert not closed
    (row,) = hedge_rows((), [half], {("main", PERP): dec(80)})
    assert (row.closed_at, row.exit) == (None, None)
    assert (row.qty, row.entry) == (-2, 100)
    assert (row.price_pnl, row.unrealized) == (30, 20), "10 realised, 20 not yet"
    assert row.net == 29


def test_without_a_mark_only_what_was_realised_is_told() -> None:
    opened, _ = after(line(), "-1", "100", "1", 0)
    (row,) = hedge_rows((), [opened], {})
    assert row.unrealized is None
    assert row.price_pnl == ZERO


def test_rows_come_in_order_of_opening_and_coins_are_no_hedges() -> None:
    late, _ = after(replace(line(), strategy="late"), "1", "100", "0", 7)
    early, _ = after(replace(line(), strategy="early"), "1", "100", "0", 3)
    coins, _ = after(line("BTC/USDT"), "1", "100", "0", 0)
    marks: dict[tuple[str, str], Decimal] = {("main", PERP): dec(100)}
    assert [r.strategy for r in hedge_rows((), [late, coins, early], marks)] == ["early", "late"]
