from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from counterpoise.decide.guards.freshness import stale_reasons
from counterpoise.domain.policy import FreshnessPolicy
from counterpoise.domain.snapshot import Snapshot
from tests.build import (
    BTC_PERP,
    NOW,
    make_policy,
    make_snapshot,
    make_universe,
    with_quote,
    with_venue,
)

POLICY = make_policy(
    freshness=FreshnessPolicy(
        max_quote_age=timedelta(seconds=120), max_account_age=timedelta(seconds=60)
    )
)


def told(snapshot: Snapshot, age_s: float = 0) -> list[str]:
    universe = make_universe(POLICY, make_snapshot())
    found = stale_reasons(snapshot, POLICY, universe, NOW + timedelta(seconds=age_s))
    return [why.text for why in found]


@pytest.mark.parametrize(
    ("age_s", "old"),
    [
        pytest.param(0, [], id="just read"),
        pytest.param(60, [], id="an account exactly at its limit is young enough"),
        pytest.param(60.001, ["account of main"], id="a millisecond over it is not"),
        pytest.param(120, ["account of main"], id="prices exactly at their limit are young enough"),
        pytest.param(
            120.001,
            [
                "account of main",
                "price of BTC/USDT",
                "price of SOL/USDT",
                "price of BTC/USDT:USDT",
                "price of SOL/USDT:USDT",
            ],
            id="a millisecond over it none is",
        ),
    ],
)
def test_nothing_is_decided_on_old_data(age_s: float, old: list[str]) -> None:
    assert [text.partition(" is ")[0] for text in told(make_snapshot(), age_s)] == old


def test_an_old_part_says_how_old_and_what_is_allowed() -> None:
    assert told(make_snapshot(), 75) == ["account of main is 1m 15s old, more than 1m"]


def test_one_old_price_is_enough() -> None:
    snapshot = with_quote(make_snapshot(), BTC_PERP, as_of=NOW - timedelta(seconds=121))
    assert told(snapshot) == ["price of BTC/USDT:USDT is 2m 1s old, more than 2m"]


@pytest.mark.parametrize(
    ("changes", "missing"),
    [
        pytest.param({"account": None}, "account of main", id="an account that was not read"),
        pytest.param({"open_orders": None}, "open orders of main", id="open orders not read"),
        pytest.param({"fills": None}, "fills of main", id="fills that were not read"),
    ],
)
def test_what_was_not_answered_is_missing_not_empty(changes: dict[str, Any], missing: str) -> None:
    snapshot = with_venue(make_snapshot(), **changes)
    assert told(snapshot) == [f"cannot value the portfolio: {missing}"]


def test_a_missing_account_hides_no_missing_price() -> None:
    snapshot = with_quote(with_venue(make_snapshot(), account=None), BTC_PERP, mark=None, bid=None)
    assert told(snapshot) == [
        "cannot value the portfolio: account of main",
        "cannot value the portfolio: price of BTC/USDT:USDT",
    ]


def test_a_price_that_was_not_answered_is_missing() -> None:
    quotes = dict(make_snapshot().venues["main"].quotes)
    del quotes["SOL/USDT"]
    assert told(with_venue(make_snapshot(), quotes=quotes)) == [
        "cannot value the portfolio: price of SOL/USDT"
    ]


def test_a_venue_that_was_not_asked_is_missing_with_all_its_prices() -> None:
    assert len(told(replace(make_snapshot(), venues={}))) == 5


@pytest.mark.parametrize(
    ("ahead_s", "found"),
    [
        pytest.param(5, [], id="five seconds ahead: clocks differ"),
        pytest.param(
            6,
            ["account of main claims to be 6s ahead of our clock, more than 5s"],
            id="more than that: one of the clocks is wrong",
        ),
    ],
)
def test_what_claims_to_be_from_the_future_is_not_believed(ahead_s: int, found: list[str]) -> None:
    snapshot = make_snapshot()
    account = snapshot.venues["main"].account
    assert account is not None
    later = replace(account, as_of=NOW + timedelta(seconds=ahead_s))
    assert told(with_venue(snapshot, account=later)) == found


def test_a_price_from_the_future_is_not_believed() -> None:
    snapshot = with_quote(make_snapshot(), BTC_PERP, as_of=NOW + timedelta(seconds=6))
    assert told(snapshot) == [
        "price of BTC/USDT:USDT claims to be 6s ahead of our clock, more than 5s"
    ]
