from __future__ import annotations

import pytest

from tests.unit.config.good import Change, Load


@pytest.mark.parametrize(
    "change",
    [
        ("    quote: USDT", "    # a remark\n    quote: USDT   # another"),
        (
            "      cash: {weight: 20%, assets: {USDT: 100%}}\n",
            "      cash: {assets: {USDT: 100.0%}, weight: 20.00 %}\n",
        ),
        ("{BTC: 70%, ETH: 30%}, band: 5pp", "{ETH: 30%, BTC: 70.0%}, band: 5.0pp"),
        ("patience: 2m", "patience: 120s"),
        ("spacing: 5bps", "spacing: 0.05%"),
        ("25000 USDT", "25000.00 USDT"),
        ("    execution:", "    allow_net_short: false\n    execution:"),
        ("${KEY}", "another-fake-key"),
        ("environment: demo", "environment: demo\n    existing: keep"),
        ("environment: demo", "environment: demo\n    poll: 5s"),
        ("sqlite:///here.db", "sqlite:///there.db"),
    ],
)
def test_what_means_the_same_has_the_same_hash(loaded: Load, change: Change) -> None:
    assert loaded(change).hashes == loaded().hashes


def test_the_order_of_sleeves_does_not_count(loaded: Load) -> None:
    core = "      core: {weight: 60%, assets: {BTC: 70%, ETH: 30%}, band: 5pp}\n"
    cash = "      cash: {weight: 20%, assets: {USDT: 100%}}\n"
    moved = loaded((core, ""), (cash, cash + core))
    assert [s.id for s in moved.portfolios[0].sleeves] == ["sat", "cash", "core"]
    assert moved.hashes == loaded().hashes


@pytest.mark.parametrize(
    "change",
    [
        ("ratio: 50%", "ratio: 50.1%"),
        ("band: 5pp", "band: 5%"),
        ("id: half", "id: halves"),
        ("rungs: 4", "rungs: 5"),
        ("25000 USDT", "25001 USDT"),
        ("holdings: {BTC: 0.5}", "holdings: {BTC: 0.6}"),
        ("    execution:", "    retire: {old: close}\n    execution:"),
        ("environment: demo", "environment: testnet"),
    ],
)
def test_what_means_something_else_has_another_hash(loaded: Load, change: Change) -> None:
    assert loaded(change).hashes != loaded().hashes


def test_the_order_of_strategies_is_their_priority_and_counts(loaded: Load) -> None:
    hedge = "      - {kind: hedge, id: half, asset: BTC, ratio: 50%}\n"
    drift = "      - {kind: drift, id: keep-shape}\n"
    assert loaded((drift + hedge, hedge + drift)).hashes != loaded().hashes


def test_a_hash_is_pinned_so_that_a_new_version_does_not_change_it(loaded: Load) -> None:
    # a change here means that every running portfolio asks for --accept-config after an upgrade
    assert loaded().hashes == {
        "treasury": "dcf108935e071fd947312b5e51a4fa2d61209c1522c92a3cd0e3a3f7435f33d4"
    }
