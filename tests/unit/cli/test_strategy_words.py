"""What each strategy is asked for, in the words of ``counterpoise check``."""

from __future__ import annotations

import pytest

from tests.unit.cli.conftest import Cli, Config

HEDGE = "{kind: hedge, id: half, asset: BTC, ratio: 50%}"
H = "kind: hedge, id: x, asset: BTC, ratio: 50%"
P = "kind: profit_ladder, id: x, asset: BTC, targets: [{price: 90000, add: 25%}]"
S = "kind: scale_in, id: x, asset: ETH, invalidate: 2800, tranches: {entry: {qty: 0.5}"
B = "kind: dip_buy, id: x, asset: ETH, drop: 10%, window: 30d"
D = "kind: derisk, id: x, target: 40%"

SENTENCES = {
    "kind: hedge, id: x, asset: BTC, qty: 0.25, side: long": "long 0.25 BTC",
    f"{H}, release: {{at: 2026-03-01T09:00+01:00}}": (
        "short 50% of the BTC until 2026-03-01 08:00 UTC"
    ),
    f"{H}, when: {{window: {{from: 2026-03-01T08:00Z, until: 2026-03-02T08:00Z}}}}": (
        "short 50% of the BTC from 2026-03-01 08:00 UTC to 2026-03-02 08:00 UTC"
    ),
    f"{H}, when: {{below: 80000, price: last}}, release: {{above: 85000.5}}": (
        "short 50% of the BTC when the last price is 80,000 or less until the last price is 85,000.5 or more"
    ),
    f"{H}, when: {{above: 80000}}, release: manual": (
        "short 50% of the BTC when the mark is 80,000 or more until an operator says so"
    ),
    f"{H}, when: {{drop: 12.5%, window: 36h}}, release: {{rebound: 8%}}": (
        "short 50% of the BTC when the mark is 12.5% below its high of 36h (1h bars) until the mark"
        " is 8% above its low since"
    ),
    f"{H}, when: {{volatility: 80%, window: 7d, interval: 4h}}, release: {{calm: 60%}}": (
        "short 50% of the BTC when volatility over 7d (4h bars) is 80% a year or more until"
        " volatility over 7d (4h bars) is 60% a year or less"
    ),
    P: "short BTC: 25% from 90,000 (mark); closed when an operator says so",
    (
        f"{P.replace('25%}', '25%}, {price: 100000, add: 15%}')}, price: last, rearm: 5%,"
        " end: {trail: 10%, below: 80000, at: 2026-03-01T08:00Z}"
    ): (
        "short BTC: 25% from 90,000, 40% from 100,000 (last); closed 10% below the high of the"
        " rally, at 80,000 or at 2026-03-01 08:00 UTC; anew from 85,500 down"
    ),
    f"{S}}}": "long ETH: 0.5 at once (mark); closed at 2,800",
    (
        f"{S.replace('0.5', '0.5, above: 3000')}, confirm: {{qty: 1, bounce: 2%, support: 2900,"
        " resistance: 3050}, commit: {to: 3, new_high: 20}}, on_invalid: hedge, add_to_loser: true"
    ): (
        "long ETH: 0.5 from 3,000 up, 1.5 after 2% off 2,900 and from 3,050 up, 3 at a new high of"
        " 20 bars of 1h (mark); turned into a hedge at 2,800; adds to a loser"
    ),
    f"{S.replace('0.5', '0.5, below: 3000')}, commit: {{to: 3, average: 50, interval: 1d}}}}": (
        "long ETH: 0.5 from 3,000 down, 3 on a rising average of 50 bars of 1d (mark);"
        " closed at 2,800"
    ),
    f"{B}, qty: 2, exit: {{mode: take_profit, gain: 10%, buy_spot: true}}, stop: 2700": (
        "long 2 ETH when the mark is 10% below its high of 30d (1h bars); closed 10% above the"
        " entry, the profit spent on coins; stopped at 2,700; at most 1 x equity"
    ),
    f"{B}, to: 12, exit: {{mode: convert}}, max_leverage: 2": (
        "long ETH up to 12 when the mark is 10% below its high of 30d (1h bars); turned into coins"
        " once it is on; at most 2 x equity"
    ),
    f"{B}, to: 12, exit: {{mode: convert, on_command: true, pace: gradual}}": (
        "long ETH up to 12 when the mark is 10% below its high of 30d (1h bars); turned into coins"
        " when an operator says so, in 5 parts 1h apart; at most 1 x equity"
    ),
    "kind: drift, id: x, legs: overweight, trade_to: inner, settle: {mode: futures_first}": (
        "every overweight sleeve outside its band back to its inner band;"
        " coins follow when carry says so"
    ),
    (
        "kind: drift, id: x, trade_to: half, calendar: 0 8 * * mon,"
        " settle: {mode: futures_first, deadline: 90m}"
    ): (
        "every sleeve outside its band back half-way; also at 0 8 * * mon (UTC);"
        " coins follow within 90m"
    ),
    "kind: drift, id: x, settle: {mode: spot}": (
        "every sleeve outside its band back to its target; in coins"
    ),
    f"{D}, crypto: true": (
        "short all crypto down to 40% of equity; turned into coins when an operator says so"
    ),
    f"{D}, crypto: true, convert: {{at: 2999-03-01T08:00Z, on_command: true}}": (
        "short all crypto down to 40% of equity; turned into coins at 2999-03-01 08:00 UTC or when an"
        " operator says so"
    ),
    (
        f"{D}, sleeve: sat, retarget: band, convert: {{mode: gradual, below: 20%, above: 250,"
        " at: 2026-03-01T08:00Z}"
    ): (
        "short sleeve sat down to 40% of equity; follows its band; turned into coins at"
        " 2026-03-01 08:00 UTC, at 250 or 20% below the entry, in 5 parts 1h apart"
    ),
}


@pytest.mark.parametrize("text", SENTENCES)
def test_a_strategy_is_told_in_a_sentence(text: str, cli: Cli, config: Config) -> None:
    config((HEDGE, f"{{{text}}}"))
    document = cli("check", "--json").json
    assert document["portfolios"][0]["strategies"][1]["text"] == SENTENCES[text]


def test_a_portfolio_without_strategies_says_what_that_means(cli: Cli, config: Config) -> None:
    config(
        (
            f"    strategies:\n      - {{kind: drift, id: keep-shape}}\n      - {HEDGE}\n",
            "    strategies: []\n    approve: {deposits: true}\n",
        )
    )
    lines = cli("check").out.splitlines()
    assert "No strategies: nothing is traded" in lines
    assert "Asked first: a hedge that grows with a deposit (within 4h)" in lines
