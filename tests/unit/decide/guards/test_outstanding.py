from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from counterpoise.decide.guards.outstanding import (
    BOOKED_WITHIN,
    MOST_FUNDING,
    PAID_WITHIN,
    outstanding,
)
from counterpoise.domain.ledger import EntryKind, LedgerEntry
from counterpoise.domain.numbers import dec
from counterpoise.domain.order import Fill, Order, OrderState, Side
from counterpoise.domain.records import PositionRecord
from tests.build import (
    BTC_PERP,
    NOW,
    VENUE,
    make_account,
    make_fill,
    make_order,
    make_position,
    make_recorded,
    make_snapshot,
)

PAIR = "BTC/USDT"
HALF_PAST = NOW + timedelta(minutes=30)


def bound(
    asset: str = "USDT",
    *,
    orders: Iterable[Order] = (),
    own: str = "0",
    shown: str = "0",
    recent: Iterable[Fill | LedgerEntry] = (),
    symbol: str = BTC_PERP,
    **account: Any,
) -> tuple[object, object]:
    """The bound at half past noon, when no funding is due, at a price of 100,000."""
    position = PositionRecord(venue=VENUE, symbol=symbol, own_qty=dec(own))
    elsewhere = PositionRecord(venue="side", symbol=symbol, own_qty=dec(7))
    made = make_account(positions={symbol: shown} if dec(shown) else {}, as_of=HALF_PAST)
    return outstanding(
        VENUE,
        asset,
        replace(made, **account),
        make_snapshot({"BTC": 100_000}),
        make_recorded(*orders, positions=[position, elsewhere]),
        tuple(recent),
        "USDT",
    )


def spot_order(side: Side, **changes: Any) -> Order:
    return make_order(side, "1", 100_000, symbol=PAIR, **changes)


def entry(kind: EntryKind = EntryKind.COMMISSION, **changes: Any) -> LedgerEntry:
    made = LedgerEntry(
        venue=VENUE, id="1", kind=kind, asset="USDT", qty=dec(-5), at=HALF_PAST, symbol=BTC_PERP
    )
    return replace(made, **changes)


def fill(**changes: Any) -> Fill:
    return make_fill(**{"qty": "0.1", "fee": dec(5), "filled_at": HALF_PAST, **changes})


def test_where_all_is_told_nothing_is_outstanding() -> None:
    booked = spot_order(Side.SELL, state=OrderState.FILLED, filled_qty=dec(1), booked_qty=dec(1))
    assert bound("BTC", orders=[booked], own="-0.3", shown="-0.3") == (0, 0)
    assert bound("USDT", orders=[booked], own="-0.3", shown="-0.3") == (0, 0)


@pytest.mark.parametrize(
    ("side", "asset", "expected"),
    [
        (Side.SELL, "BTC", ("-0.4", "0")),
        (Side.BUY, "BTC", ("0", "0.4")),
        (Side.SELL, "USDT", ("0", "42000")),
        (Side.BUY, "USDT", ("-42000", "0")),
        (Side.BUY, "SOL", ("0", "0")),
    ],
)
def test_reported_spot_fills_that_were_not_read(
    side: Side, asset: str, expected: tuple[str, str]
) -> None:
    order = spot_order(
        side, state=OrderState.PARTIALLY_FILLED, filled_qty=dec("0.6"), booked_qty=dec("0.2")
    )
    assert bound(asset, orders=[order]) == tuple(map(dec, expected))
    assert bound(asset, orders=[replace(order, venue="side")]) == (0, 0)


@pytest.mark.parametrize(
    ("state", "expected"), [(OrderState.UNKNOWN, "-1"), (OrderState.OPEN, "0")]
)
def test_an_order_nobody_knows_the_end_of_counts_whole_but_one_that_is_open_does_not(
    state: OrderState, expected: str
) -> None:
    assert bound("BTC", orders=[spot_order(Side.SELL, state=state)]) == (dec(expected), 0)


def test_a_market_order_is_valued_at_the_price_known() -> None:
    order = replace(spot_order(Side.BUY, state=OrderState.UNKNOWN), price=None)
    assert bound("USDT", orders=[order]) == (-105_000, 0)


# --- futures


def test_a_fill_whose_commission_is_not_booked_may_have_moved_its_value() -> None:
    assert bound(recent=[fill()]) == (-10_000, 10_000)
    assert bound("BTC", recent=[fill()]) == (0, 0)


@pytest.mark.parametrize(
    "recent",
    [
        pytest.param([fill(), entry()], id="booked"),
        pytest.param([fill(), fill(), entry(), entry(id="2")], id="two are booked"),
        pytest.param([fill(), entry(at=HALF_PAST + timedelta(seconds=1))], id="a second later"),
        pytest.param([fill(fee=dec(0))], id="free of charge"),
        pytest.param([fill(symbol=PAIR)], id="coins"),
        pytest.param(
            [fill(filled_at=HALF_PAST - BOOKED_WITHIN - timedelta(seconds=1))], id="too long ago"
        ),
    ],
)
def test_a_fill_that_is_booked_or_old_explains_nothing(recent: list[Fill | LedgerEntry]) -> None:
    assert bound(recent=recent) == (0, 0)


@pytest.mark.parametrize(
    "other",
    [
        entry(at=HALF_PAST + timedelta(seconds=2)),
        entry(symbol="SOL/USDT:USDT"),
        entry(EntryKind.FUNDING),
        entry(EntryKind.REALIZED_PNL),
        entry(qty=dec(-4)),
    ],
)
def test_the_booking_of_another_event_is_not_the_fills(other: LedgerEntry) -> None:
    assert bound(recent=[fill(), other]) == (-10_000, 10_000)


@pytest.mark.parametrize(
    ("after_hour", "due"),
    [
        (timedelta(0), True),
        (PAID_WITHIN, True),
        (PAID_WITHIN + timedelta(seconds=1), False),
        (timedelta(minutes=59), False),
        (timedelta(minutes=59, seconds=54), False),
        (timedelta(minutes=59, seconds=55), True),  # what was read a moment later has it
    ],
)
def test_funding_may_be_on_its_way_after_every_full_hour(after_hour: timedelta, due: bool) -> None:
    most = 30_000 * MOST_FUNDING if due else 0
    assert bound(own="-0.3", shown="-0.3", as_of=NOW + after_hour) == (-most, most)


def test_one_commission_pays_for_one_fill() -> None:
    assert bound(recent=[fill(trade_id="a"), fill(trade_id="b"), entry()]) == (-10_000, 10_000)


def test_funding_that_was_paid_is_not_on_its_way() -> None:
    paid = entry(EntryKind.FUNDING, at=NOW)
    assert bound(own="-0.3", shown="-0.3", as_of=NOW, recent=[paid]) == (0, 0)
    before = replace(paid, at=NOW - timedelta(hours=1))
    assert bound(own="-0.3", shown="-0.3", as_of=NOW, recent=[before]) != (0, 0)
    other = replace(paid, symbol="SOL/USDT:USDT")
    assert bound(own="-0.3", shown="-0.3", as_of=NOW, recent=[other]) != (0, 0)


@pytest.mark.parametrize(("own", "shown"), [("0", "-0.3"), ("-0.3", "0"), ("0.1", "-0.2")])
def test_a_position_that_moved_beyond_the_records_may_have_earned_its_value(
    own: str, shown: str
) -> None:
    assert bound(own=own, shown=shown) == (-30_000, 30_000)
    assert bound("BTC", own=own, shown=shown) == (0, 0)


def test_the_contracts_own_mark_goes_first() -> None:
    held = {BTC_PERP: make_position(qty="-0.3", mark=90_000)}
    assert bound(positions=held) == (-27_000, 27_000)


def test_an_inverse_contract_settles_in_its_coin() -> None:
    inverse = "BTC/USD:BTC"
    assert bound("BTC", symbol=inverse, shown="-0.3") == (dec("-0.3"), dec("0.3"))
    assert bound("USDT", symbol=inverse, shown="-0.3") == (0, 0)
