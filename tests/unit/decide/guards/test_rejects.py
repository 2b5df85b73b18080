"""The same refusal again and again: three an hour on one contract, then it is left alone until the hour is over."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from counterpoise.decide.guards.rejects import (
    AT_ONCE,
    FLATTENING,
    MOST_REFUSED,
    quarantine_refusal,
    together,
)
from counterpoise.domain.order import Side
from counterpoise.domain.records import Refusal
from tests.build import BTC_PERP, NOW, SOL_PERP, VENUE, make_order

HOUR = timedelta(hours=1)
LOT = "-1013: Filter failure: LOT_SIZE"


def refused(
    minutes_ago: float,
    why: str = LOT,
    symbol: str = BTC_PERP,
    venue: str = VENUE,
    side: Side = Side.SELL,
    reduce_only: bool = False,
) -> Refusal:
    return Refusal(
        at=NOW - timedelta(minutes=minutes_ago),
        venue=venue,
        symbol=symbol,
        side=side,
        reduce_only=reduce_only,
        why=why,
    )


def test_the_third_refusal_within_an_hour_ends_it_for_the_rest_of_the_hour() -> None:
    order = make_order()
    assert quarantine_refusal(order, [refused(50), refused(20)], NOW) is None
    found = quarantine_refusal(order, [refused(50), refused(20), refused(1)], NOW)
    assert found is not None
    assert (found.code, found.numbers["times"]) == ("quarantined", "3")
    assert "3 times within 1h (-1013: Filter failure: LOT_SIZE)" in found.text
    assert found.text.endswith("none is sent before 2025-06-02 12:10:00Z")
    # the oldest of three leaves the hour
    assert quarantine_refusal(order, [refused(60), refused(20), refused(1)], NOW) is None


@pytest.mark.parametrize(
    "third",
    [
        refused(1, symbol=SOL_PERP),
        refused(1, venue="other"),
        refused(1, why="-2019: Margin is insufficient."),
    ],
)
def test_other_contracts_venues_and_reasons_do_not_add_up(third: Refusal) -> None:
    assert quarantine_refusal(make_order(), [refused(3), refused(2), third], NOW) is None


@pytest.mark.parametrize(
    "why",
    [
        "-1015: Too many new orders",
        "-1008: overloaded",
        "-1021: ahead",
        "absent",
        "unreachable: no reply (ClientConnectorError)",
    ],
)
def test_what_passes_by_itself_is_no_reason(why: str) -> None:
    assert (
        quarantine_refusal(make_order(), [refused(n, why=why) for n in (9, 8, 7, 6)], NOW) is None
    )


def test_openings_that_are_refused_keep_no_close_from_being_sent() -> None:
    refusals = [refused(n, why="-2019: Margin is insufficient.") for n in (3, 2, 1)]
    assert quarantine_refusal(make_order(side=Side.SELL), refusals, NOW) is not None
    close = make_order(side=Side.BUY, reduce_only=True)
    assert quarantine_refusal(close, refusals, NOW) is None
    closes = [refused(n, side=Side.BUY, reduce_only=True) for n in (3, 2, 1)]
    assert quarantine_refusal(close, [*refusals, *closes], NOW) is not None


def test_purchases_that_are_refused_keep_no_sale_of_coins_from_being_sent() -> None:
    broke = [
        refused(n, why="-2010: Account has insufficient balance", symbol="BTC/USDT", side=Side.BUY)
        for n in (3, 2, 1)
    ]
    bought, sold = (make_order(symbol="BTC/USDT", side=side) for side in (Side.BUY, Side.SELL))
    assert quarantine_refusal(bought, broke, NOW) is not None
    assert quarantine_refusal(sold, broke, NOW) is None


def test_an_operators_closes_are_tried_again_after_minutes() -> None:
    close = make_order(reduce_only=True)
    told = [replace(refused(n), reduce_only=True) for n in (6, 4, 1)]
    assert quarantine_refusal(close, told, NOW) is not None
    assert quarantine_refusal(close, told, NOW, flattening=True) is None
    assert quarantine_refusal(
        close, [*told, replace(refused(0), reduce_only=True)], NOW, flattening=True
    )
    adds = [refused(n) for n in (6, 4, 1)]
    assert quarantine_refusal(make_order(), adds, NOW, flattening=True) is not None


@pytest.mark.parametrize("code", AT_ONCE)
def test_one_refusal_that_says_all_is_enough_and_says_what_to_do(code: str) -> None:
    told = [refused(10, why=f"{code}: Words of the venue.")]
    found = quarantine_refusal(make_order(), told, NOW)
    assert found is not None
    assert found.code == "quarantined_at_once"
    assert f"({code}: Words of the venue.): {AT_ONCE[code]}. Nothing more" in found.text
    assert found.text.endswith(f"on {BTC_PERP} before 2025-06-02 12:50:00Z")
    assert quarantine_refusal(make_order(), [replace(told[0], at=NOW - HOUR)], NOW) is None


@pytest.mark.parametrize(
    ("order", "bars"),
    [
        ({"symbol": SOL_PERP}, True),
        ({"side": Side.BUY}, True),
        ({"venue": "other"}, False),
        ({"symbol": "BTC/USDT"}, False),
        ({"side": Side.BUY, "reduce_only": True}, False),
    ],
    ids=["another contract", "the other side", "another venue", "coins", "a close"],
)
def test_what_a_venue_says_of_an_account_bars_all_that_adds_in_the_same_market(
    order: dict[str, Any], bars: bool
) -> None:
    told = [refused(1, why="-4400: Quantitative Rules violated")]
    assert (quarantine_refusal(make_order(**order), told, NOW) is not None) is bars
    of_it_alone = [refused(1, why="-4120: Use the Algo endpoints")]
    assert quarantine_refusal(make_order(**order), of_it_alone, NOW) is None


def test_a_close_that_is_refused_once_for_all_is_tried_again_after_minutes() -> None:
    close = make_order(side=Side.BUY, reduce_only=True)
    told = refused(4.9, why="-2023: In liquidation", side=Side.BUY, reduce_only=True)
    assert quarantine_refusal(close, [told], NOW) is not None
    assert quarantine_refusal(close, [replace(told, at=NOW - FLATTENING)], NOW) is None


def test_as_many_go_together_as_may_be_refused() -> None:
    assert together(make_order(), [], NOW) == MOST_REFUSED
    elsewhere = [refused(1, symbol=SOL_PERP), refused(1, venue="other"), refused(60)]
    assert together(make_order(), elsewhere, NOW) == MOST_REFUSED


@pytest.mark.parametrize(
    "last", [refused(59), refused(1, side=Side.BUY), refused(1, reduce_only=True)]
)
def test_where_anything_was_refused_each_goes_alone(last: Refusal) -> None:
    assert together(make_order(), [last], NOW) == 1
