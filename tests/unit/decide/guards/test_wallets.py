from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

import pytest

from counterpoise.decide.guards.wallets import WalletWatch
from counterpoise.domain.policy import PortfolioPolicy
from counterpoise.domain.records import Recorded, StrategyRecord
from counterpoise.domain.snapshot import Snapshot
from tests.build import (
    NOW,
    Number,
    make_account,
    make_policy,
    make_recorded,
    make_snapshot,
    make_venue_snapshot,
    make_venues_snapshot,
    with_venue,
)

FULL = {"BTC": 1, "SOL": 50}
NO_BTC = {"SOL": 50}


def look(
    spot: Mapping[str, Number], at_s: float = 0, futures: Mapping[str, Number] | None = None
) -> Snapshot:
    wallets = {"USDT": 1000} if futures is None else futures
    return make_snapshot(spot=spot, futures=wallets, as_of=NOW + timedelta(seconds=at_s))


def wishing(asset: str = "BTC", qty: str = "-0.5") -> Recorded:
    document = {"overlays": {asset: qty}}
    record = StrategyRecord(id="half", kind="hedge", document=document)
    return make_recorded(strategies={"half": record})


def doubted(
    *looks: Snapshot, recorded: Recorded | None = None, policy: PortfolioPolicy | None = None
) -> list[int]:
    """How many wallets each of ``looks`` leaves in doubt."""
    watch = WalletWatch(policy or make_policy())
    return [len(watch.doubts(seen, recorded or make_recorded())) for seen in looks]


def test_full_wallets_are_believed() -> None:
    assert doubted(look(FULL), look(FULL, 30), recorded=wishing()) == [0, 0]


def test_a_wallet_that_shrinks_is_believed_at_once() -> None:
    assert doubted(look(FULL), look({"BTC": "0.00000001", "SOL": 1}, 30)) == [0, 0]


def test_a_vanished_coin_is_named() -> None:
    watch = WalletWatch(make_policy())
    watch.doubts(look(FULL), make_recorded())
    (why,) = watch.doubts(look({**NO_BTC, "BTC": 0}, 30), make_recorded())
    assert why.code == "wallet_gone"
    assert "the spot wallet of BTC at main shows nothing" in why.text


@pytest.mark.parametrize(
    ("at_s", "expected"),
    [
        pytest.param((0, 30, 60), [1, 1, 0], id="three looks over a minute"),
        pytest.param((0, 30, 59.999), [1, 1, 1], id="three looks in less"),
        pytest.param((0, 600), [1, 1], id="two looks over more"),
        pytest.param((0, 1, 2, 60), [1, 1, 1, 0], id="many looks, a minute at last"),
        pytest.param((0, 0, 0, 60), [1, 1, 1, 1], id="one answer shown again is one look"),
    ],
)
def test_emptiness_is_believed_after_equal_looks_over_a_minute(
    at_s: tuple[float, ...], expected: list[int]
) -> None:
    looks = [look(NO_BTC, at) for at in at_s]
    assert doubted(look(FULL, -30), *looks) == [0, *expected]


def test_what_was_believed_empty_is_not_doubted_again() -> None:
    looks = [look(NO_BTC, at) for at in (0, 30, 60, 90)]
    assert doubted(look(FULL, -30), *looks, look(FULL, 120), look(NO_BTC, 150)) == [
        0,
        1,
        1,
        0,
        0,
        0,
        1,
    ]


@pytest.mark.parametrize("between", ["full", "unread", "emptier"])
def test_only_an_unbroken_row_counts(between: str) -> None:
    broken = {
        "full": look(FULL, 45),
        "unread": with_venue(look(FULL, 45), account=None),
        "emptier": look({}, 45),
    }[between]
    looks = [look(NO_BTC, 0), look(NO_BTC, 30), broken, look(NO_BTC, 60), look(NO_BTC, 90)]
    found = doubted(look(FULL, -30), *looks, look(NO_BTC, 120))
    assert found[:3] == [0, 1, 1]
    assert found[4:] == [1, 1, 0]


def test_after_a_restart_a_coin_is_missed_while_a_wish_rests_on_it() -> None:
    assert doubted(look(NO_BTC), recorded=wishing("BTC")) == [1]
    assert doubted(look(NO_BTC), recorded=wishing("SOL")) == [0]
    assert doubted(look(NO_BTC), recorded=wishing("BTC", "0")) == [0]
    assert doubted(look(NO_BTC)) == [0]


def test_the_futures_wallet_of_the_quote_is_missed_as_well() -> None:
    assert doubted(look(FULL), look(FULL, 30, futures={})) == [0, 1]
    assert doubted(look(FULL, futures={}), recorded=wishing()) == [1]
    assert doubted(look(FULL, futures={})) == [0]
    assert doubted(look(FULL), look(FULL, 30, futures={"USDT": 0})) == [0, 0], "used up, but shown"


def test_coins_on_one_venue_do_not_hide_that_another_lost_them() -> None:
    policy = make_policy(venues=("main", "side"))

    def looks(side: Mapping[str, Number], at_s: float) -> Snapshot:
        at = NOW + timedelta(seconds=at_s)
        accounts = {
            "main": make_account(FULL, {"USDT": 1}),
            "side": make_account(side, {"USDT": 1}),
        }
        venues = [
            make_venue_snapshot(replace(a, as_of=at), {"BTC": 100_000, "SOL": 100}, venue=v)
            for v, a in accounts.items()
        ]
        return make_venues_snapshot(*venues, as_of=at)

    assert doubted(looks({"BTC": 1}, 0), looks({}, 30), policy=policy) == [0, 1]
    assert doubted(looks({}, 0), looks({}, 30), policy=policy, recorded=wishing()) == [0, 0]


def test_a_long_rests_on_no_coins() -> None:
    assert doubted(look(NO_BTC), recorded=wishing(qty="0.5")) == [0]


def test_a_short_against_coins_kept_elsewhere_rests_on_no_wallet_here() -> None:
    policy = make_policy(holdings={"BTC": 1})
    assert doubted(look(NO_BTC), recorded=wishing(), policy=policy) == [0]
    assert doubted(look(NO_BTC), recorded=wishing()) == [1]
