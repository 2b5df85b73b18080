from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from counterpoise.domain.hedge_book import UNCLAIMED, Booked, BookLine
from counterpoise.domain.ledger import EntryKind, LedgerEntry, Settlement
from counterpoise.domain.numbers import ZERO, dec
from counterpoise.domain.order import Fill, Side
from counterpoise.domain.records import PositionRecord
from counterpoise.domain.snapshot import Snapshot
from counterpoise.execute.booking import booked
from counterpoise.execute.reconcile import reconcile
from tests.build import (
    BTC_PERP,
    NOW,
    VENUE,
    Number,
    make_fill,
    make_recorded,
    make_snapshot,
    with_venue,
)

SPOT = "BTC/USDT"
DATED = "BTC/USDT:USDT-250530"


def wish(strategy: str, wanted: Number, qty: Number = 0, symbol: str = BTC_PERP) -> BookLine:
    return BookLine(
        strategy=strategy,
        venue=VENUE,
        symbol=symbol,
        wanted=dec(wanted),
        qty=dec(qty),
        cost=dec(qty) * 100_000,
        opened_at=NOW if dec(qty) else None,
        peak_qty=dec(qty),
        entry_value=abs(dec(qty)) * 100_000,
        entry_qty=abs(dec(qty)),
    )


def funding(qty: Number, at: datetime = NOW, symbol: str = BTC_PERP) -> LedgerEntry:
    return LedgerEntry(
        venue=VENUE,
        id=at.isoformat(),
        kind=EntryKind.FUNDING,
        asset="USDT",
        qty=dec(qty),
        at=at,
        symbol=symbol,
    )


def after(
    *lines: BookLine,
    fills: Iterable[Fill] = (),
    entries: Iterable[LedgerEntry] = (),
    own: Number = 0,
    baseline: Number = 0,
    snapshot: Snapshot | None = None,
    strategies: Iterable[str] = ("a", "b"),
    symbol: str = BTC_PERP,
) -> Booked:
    record = PositionRecord(
        venue=VENUE, symbol=symbol, own_qty=dec(own), baseline_qty=dec(baseline)
    )
    return booked(
        {x.key: x for x in lines},
        {(VENUE, symbol): record},
        snapshot or make_snapshot(),
        fills,
        entries,
        strategies,
    )


def line(book: Booked, strategy: str = "a", symbol: str = BTC_PERP) -> BookLine:
    return book.lines[strategy, VENUE, symbol]


def test_fills_and_funding_are_booked_in_the_order_in_which_they_happened() -> None:
    """Half is sold before the instant, half after it: the payment is made on what was held then."""
    hour = timedelta(hours=1)
    early = make_fill(Side.SELL, "0.5", trade_id="1", filled_at=NOW - hour)
    late = make_fill(Side.SELL, "0.5", trade_id="2", filled_at=NOW + hour)
    book = after(
        wish("a", "-1"), fills=[late, early], entries=[funding(5)], own="-1", baseline="-0.5"
    )
    assert line(book).qty == -1
    assert line(book).funding == dec("2.5"), "half of the position then was foreign"


def test_funding_that_is_told_late_is_split_by_what_was_held_at_its_instant() -> None:
    """A short of 1 was paid 10; then it fell to a half, a long joined, and all of it was booked before the payment."""
    stroke = NOW.replace(minute=0, second=0, microsecond=0)
    minute = timedelta(minutes=1)
    sold = make_fill(Side.SELL, 1, trade_id="1", filled_at=stroke - 9 * minute)
    back = make_fill(Side.BUY, "0.5", trade_id="2", filled_at=stroke + minute)
    long = make_fill(Side.BUY, "0.2", trade_id="3", filled_at=stroke + 2 * minute)
    first = after(wish("a", "-1"), fills=[sold], own="-1")
    a = replace(line(first), wanted=dec("-0.5"))
    second = after(a, fills=[back], own="-0.5")
    third = after(line(second), wish("b", "0.2"), fills=[long], own="-0.3")
    paid = after(
        line(third), line(third, "b"), entries=[funding(10, stroke + timedelta(seconds=3))],
        own="-0.3",
    )  # fmt: skip
    assert (line(paid).funding, line(paid, "b").funding) == (10, 0)
    # the next one is split by what is held an hour later
    later = after(
        line(paid), line(paid, "b"), entries=[funding(3, stroke + timedelta(hours=1))], own="-0.3"
    )
    assert (line(later).funding, line(later, "b").funding) == (15, -2)


def test_funding_told_when_its_position_has_ended_is_lost_to_nobody() -> None:
    stroke = NOW.replace(minute=0, second=0, microsecond=0)
    minute = timedelta(minutes=1)
    sold = make_fill(Side.SELL, 1, trade_id="1", filled_at=stroke)
    back = make_fill(Side.BUY, 1, trade_id="2", filled_at=stroke + minute)
    first = after(wish("a", "-1"), wish("b", 0), fills=[sold], own="-1")
    second = after(replace(line(first), wanted=dec(0)), fills=[back], own=0)
    (closed,) = second.closed
    assert closed.funding == 0
    paid = after(line(second), wish("b", "-0.5", "-0.5"), entries=[funding(10, stroke)], own="-0.5")
    (told,) = paid.closed
    assert (told.strategy, told.qty, told.net) == ("a", 0, dec("6.66666667"))
    assert line(paid, "b").funding == dec("3.33333333"), "held since long before, for all it knows"


def test_a_fill_from_before_the_hour_that_is_told_late_counts_for_it() -> None:
    stroke = NOW.replace(minute=0, second=0, microsecond=0)
    minute = timedelta(minutes=1)
    later = make_fill(Side.SELL, "0.5", trade_id="2", filled_at=stroke + minute)
    early = make_fill(Side.SELL, "0.5", trade_id="1", filled_at=stroke - minute)
    first = after(wish("a", "-1"), fills=[later], own="-0.5")
    second = after(line(first), fills=[early], own="-1")
    assert line(second).qty_at(stroke) == dec("-0.5")


def test_s8_a_position_opened_exactly_at_an_instant_is_paid_for_it() -> None:
    book = after(wish("a", "-1"), fills=[make_fill(Side.SELL, 1)], entries=[funding(10)], own="-1")
    assert line(book).funding == 10


def test_the_fee_of_a_coin_is_in_its_quantity_and_of_a_contract_in_quote() -> None:
    bought = make_fill(
        Side.BUY, 2, 3000, symbol=SPOT, fee=dec("0.001"), fee_asset="BTC", trade_id="s"
    )
    book = after(wish("a", 2, symbol=SPOT), fills=[bought], symbol=SPOT, own="1.999")
    assert (line(book, symbol=SPOT).qty, line(book, symbol=SPOT).fees) == (dec("1.999"), 0)
    assert line(book, symbol=SPOT).cost == 6000
    sold = make_fill(Side.SELL, 1, 100, fee=dec("0.05"))
    assert line(after(wish("a", "-1"), fills=[sold], own="-1")).fees == dec("0.05")


def test_a_fee_in_another_coin_counts_at_its_price_where_that_is_known() -> None:
    sold = make_fill(Side.SELL, 1, 100, fee=dec("0.0001"), fee_asset="SOL")
    assert line(after(wish("a", "-1"), fills=[sold], own="-1")).fees == dec("0.01")
    other = replace(sold, fee_asset="BNB")
    assert line(after(wish("a", "-1"), fills=[other], own="-1")).fees == 0


def test_what_the_lines_do_not_explain_is_booked_at_the_mark() -> None:
    """A hedge adopted at the first start, or opened before there was a book."""
    book = after(own="-0.4")
    found = line(book, UNCLAIMED)
    assert (found.qty, found.entry_price) == (dec("-0.4"), 100_000)
    mine = after(wish("a", "-0.4"), own="-0.4")
    assert line(mine).qty == dec("-0.4"), "who wants it gets it"


def test_what_is_handed_over_leaves_the_lines_of_strategies_that_are_gone_first() -> None:
    book = after(wish("a", "-1", "-1"), wish("old", 0, "-0.5"), own="-1")
    assert (line(book).qty, line(book, "old").qty) == (dec(-1), ZERO)


def test_nothing_is_booked_at_a_price_nobody_knows() -> None:
    snapshot = make_snapshot()
    snapshot = with_venue(snapshot, quotes={})
    assert after(own="-0.4", snapshot=snapshot).lines == {}


# --- settlement of a dated future (MEANING 21) ---


def settling(price: Number | None = 90_000) -> Snapshot:
    ends = {} if price is None else {DATED: Settlement(symbol=DATED, price=dec(price), at=NOW)}
    return with_venue(make_snapshot(), settlements=ends)


def test_an_expiry_is_booked_at_the_settlement_price_and_nothing_is_unexplained() -> None:
    record = PositionRecord(venue=VENUE, symbol=DATED, own_qty=dec(-1), baseline_qty=dec("-0.5"))
    held = wish("a", "-1", "-1", symbol=DATED)
    recorded = make_recorded(positions=[record], book={held.key: held})
    seen = reconcile(recorded, settling(), {}, (), (), (), strategies=["a"])
    assert seen.unexplained == {}
    (after_it,) = seen.positions
    assert (after_it.own_qty, after_it.baseline_qty) == (0, 0)
    (closed,) = seen.booked.closed
    assert (closed.price_pnl, closed.exit) == (10_000, 90_000)
    assert line(seen.booked, symbol=DATED).qty == 0


@pytest.mark.parametrize("own", ["-1", "0"])
def test_an_expired_position_without_a_price_yet_waits_and_is_no_alarm(own: str) -> None:
    record = PositionRecord(
        venue=VENUE, symbol=DATED, own_qty=dec(own), baseline_qty=dec("-1") - dec(own)
    )
    recorded = make_recorded(positions=[record])
    seen = reconcile(recorded, settling(None), {}, (), (), ())
    (why,) = seen.unexplained.values()
    assert why.code == "settling"
    assert seen.positions == ()
