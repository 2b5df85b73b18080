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


HEDGE = "{kind: hedge, id: half, asset: BTC, ratio: 50%}"
LADDER = "kind: profit_ladder, id: x, asset: BTC"
SCALE = "kind: scale_in, id: x, asset: ETH, invalidate: 2800, tranches: {entry: {qty: 1}"
CONFIRM = "confirm: {qty: 1, bounce: 2%, support: 2900, resistance: 3050}"
DERISK = "kind: derisk, id: x, target: 40%"
DIP = "kind: dip_buy, id: x, asset: ETH, drop: 10%, window: 30d, qty: 2"

#: Strategies that differ in one thing each; no two may have the same hash.
DIFFERENT = [
    "kind: hedge, id: half, asset: BTC, ratio: 50%",
    "kind: hedge, id: half, asset: BTC, ratio: 50%, side: long",
    *(
        f"kind: hedge, id: half, asset: BTC, ratio: 50%, {more}"
        for more in (
            "when: {window: {from: 2026-03-01T08:00Z, until: 2026-03-02T08:00Z}}",
            "when: {window: {from: 2026-03-01T08:01Z, until: 2026-03-02T08:00Z}}",
            "when: {window: {from: 2026-03-01T08:00Z, until: 2026-03-02T08:01Z}}",
            "when: {above: 80000}, release: manual",
            "when: {below: 80000}, release: manual",
            "when: {below: 80001}, release: manual",
            "when: {below: 80000, price: last}, release: manual",
            "when: {drop: 10%, window: 7d}, release: manual",
            "when: {drop: 11%, window: 7d}, release: manual",
            "when: {drop: 10%, window: 8d}, release: manual",
            "when: {drop: 10%, window: 7d, interval: 4h}, release: manual",
            "when: {drop: 10%, window: 7d, price: last}, release: manual",
            "when: {volatility: 80%, window: 7d}, release: manual",
            "when: {volatility: 81%, window: 7d}, release: manual",
            "when: {volatility: 80%, window: 7d}, release: {calm: 60%}",
            "when: {volatility: 80%, window: 7d}, release: {calm: 60%, window: 8d}",
            "when: {below: 80000}, release: {at: 2026-03-01T08:00Z}",
            "when: {below: 80000}, release: {above: 90000}",
            "when: {below: 80000}, release: {below: 70000}",
            "when: {below: 80000}, release: {rebound: 10%}",
            "when: {below: 80000}, release: {rebound: 10%, price: last}",
            "when: {below: 80000}, release: {calm: 60%, window: 7d}",
        )
    ),
    *(
        f"{LADDER}, {more}"
        for more in (
            "targets: [{price: 90000, add: 25%}]",
            "targets: [{price: 90000, add: 26%}]",
            "targets: [{price: 90000, add: 25%}, {price: 91000, add: 25%}]",
            "targets: [{price: 90000, add: 25%}], rearm: 80000",
            "targets: [{price: 90000, add: 25%}], rearm: 10%",
            "targets: [{price: 90000, add: 25%}], end: {trail: 10%}",
            "targets: [{price: 90000, add: 25%}], end: {below: 80000}",
            "targets: [{price: 90000, add: 25%}], end: {at: 2026-03-01T08:00Z}",
            "targets: [{price: 90000, add: 25%}], price: last",
        )
    ),
    f"{SCALE}}}",
    f"{SCALE.replace('qty: 1', 'qty: 1, below: 3000')}}}",
    f"{SCALE.replace('qty: 1', 'qty: 1, above: 3000')}}}",
    f"{SCALE}}}, on_invalid: hedge",
    f"{SCALE}}}, add_to_loser: true",
    f"{SCALE}}}, price: last",
    f"{SCALE}, {CONFIRM}}}",
    f"{SCALE}, {CONFIRM.replace('2%', '3%')}}}",
    f"{SCALE}, commit: {{to: 3, new_high: 20}}}}",
    f"{SCALE}, commit: {{to: 3, average: 20}}}}",
    f"{SCALE}, commit: {{to: 3, average: 20, interval: 4h}}}}",
    f"{DERISK}, crypto: true",
    f"{DERISK}, sleeve: core",
    f"{DERISK}, sleeve: core, retarget: band",
    *(
        f"{DERISK}, sleeve: sat, convert: {{{more}}}"
        for more in (
            "mode: at_once",
            "mode: gradual",
            "mode: gradual, tranches: 6",
            "mode: gradual, every: 2h",
            "at: 2026-03-01T08:00Z",
            "above: 20%",
            "above: 20",
            "below: 20%",
            "on_command: true",
            "price: last",
            "spot_fee: 5bps",
        )
    ),
    *(
        f"{DIP}, {more}"
        for more in (
            "exit: {mode: take_profit, gain: 10%}",
            "exit: {mode: take_profit, gain: 10%, buy_spot: true}",
            "exit: {mode: take_profit, above: 10}",
            "exit: {mode: convert}",
            "exit: {mode: convert, pace: gradual}",
            "exit: {mode: convert}, stop: 5%",
            "exit: {mode: convert}, stop: 5",
            "exit: {mode: convert}, max_leverage: 2",
            "exit: {mode: convert}, price: last",
            "exit: {mode: convert}, interval: 4h",
        )
    ),
    f"{DIP.replace('qty: 2', 'to: 2')}, exit: {{mode: convert}}",
    *(
        f"kind: drift, id: x, {more}"
        for more in (
            "legs: both",
            "legs: overweight",
            "trade_to: half",
            "calendar: 0 8 * * mon",
            "calendar: 0 8 * * tue",
            "settle: {mode: spot}",
            "settle: {mode: futures_first}",
            "settle: {mode: futures_first, deadline: 7d}",
            "settle: {mode: futures_first, horizon: 7d}",
            "settle: {mode: futures_first, spot_fee: 5bps}",
        )
    ),
]


def test_no_two_strategies_have_the_same_hash(loaded: Load) -> None:
    hashes = {text: loaded((HEDGE, f"{{{text}}}")).hashes["treasury"] for text in DIFFERENT}
    assert len(set(hashes.values())) == len(DIFFERENT)


@pytest.mark.parametrize(
    "change",
    [
        (HEDGE, HEDGE.replace("50%", "50%, when: always, release: manual, side: short")),
        ("id: keep-shape", "id: keep-shape, legs: both, settle: {mode: never}"),
        (
            "rungs: 4",
            (
                "rungs: 4, ladder: resting, follow: 2bps, contract: cheapest, horizon: 30d, fee: 5bps, roll: 120h,"
                " min_volume_24h: 1000000 USDT"
            ),
        ),
        ("    execution:", "    approve: {deposits: false, deadline: 240m}\n    execution:"),
        ("    execution:", "    cost_basis: {BTC: 60000}\n    execution:"),
    ],
)
def test_a_default_written_out_does_not_count(loaded: Load, change: Change) -> None:
    assert loaded(change).hashes == loaded().hashes


@pytest.mark.parametrize(
    "change",
    [
        ("rungs: 4", "rungs: 4, ladder: timed"),
        ("rungs: 4", "rungs: 4, ladder: chase"),
        ("rungs: 4", "rungs: 4, every: 5s"),
        ("rungs: 4", "rungs: 4, follow: 3bps"),
        ("rungs: 4", "rungs: 4, contract: dated"),
        ("rungs: 4", "rungs: 4, horizon: 31d"),
        ("rungs: 4", "rungs: 4, fee: 6bps"),
        ("rungs: 4", "rungs: 4, roll: 6d"),
        ("rungs: 4", "rungs: 4, min_volume_24h: 1 USDT"),
        ("    execution:", "    approve: {deposits: true}\n    execution:"),
        ("    execution:", "    approve: {deadline: 5h}\n    execution:"),
    ],
)
def test_what_later_versions_added_counts_when_it_is_used(loaded: Load, change: Change) -> None:
    assert loaded(change).hashes != loaded().hashes


def test_one_moment_in_two_offsets_is_one_moment(loaded: Load) -> None:
    here = HEDGE.replace("50%", "50%, release: {at: 2026-03-01T08:00Z}")
    there = HEDGE.replace("50%", "50%, release: {at: 2026-03-01T10:00+02:00}")
    assert loaded((HEDGE, here)).hashes == loaded((HEDGE, there)).hashes


def test_the_cost_of_coins_counts_where_a_gain_is_reckoned_from_it(loaded: Load) -> None:
    ladder = f"{{{LADDER}, targets: [{{gain: 50%, add: 25%}}]}}"
    cost = "    execution:", "    cost_basis: {BTC: %d}\n    execution:"
    one, other = (loaded((HEDGE, ladder), (cost[0], cost[1] % n)) for n in (60000, 60001))
    assert one.hashes != other.hashes


def test_a_hash_is_pinned_so_that_a_new_version_does_not_change_it(loaded: Load) -> None:
    # a change here means that every running portfolio asks for --accept-config after an upgrade
    assert loaded().hashes == {
        "treasury": "dcf108935e071fd947312b5e51a4fa2d61209c1522c92a3cd0e3a3f7435f33d4"
    }
