"""What strategies cannot mean: where each is told, and in which words.

A row is a strategy that takes the place of the second one of the good config; ``^`` stands right before the place
that the problem must name.
"""

from __future__ import annotations

import pytest

from counterpoise.domain.errors import ConfigError
from tests.unit.config.good import GOOD, Load

HEDGE = "{kind: hedge, id: half, asset: BTC, ratio: 50%}"
LINE, COLUMN = next((i, s.index(HEDGE)) for i, s in enumerate(GOOD.splitlines(), 1) if HEDGE in s)

H = "kind: hedge, id: x, asset: BTC, ratio: 50%"
P = "kind: profit_ladder, id: x, asset: BTC"
S = "kind: scale_in, id: x, asset: ETH, invalidate: 2800"
D = "kind: derisk, id: x, sleeve: core, target: 40%"
B = "kind: dip_buy, id: x, asset: ETH, drop: 10%, window: 30d"
TAKE = "exit: {mode: take_profit, gain: 10%}"
LADDER = "targets: [{price: 90000, add: 25%}, {price: 100000, add: 15%}]"
CONFIRM = "confirm: {qty: 1, bounce: 2%, support: 2900, resistance: 3050}"

INSTANT = "expected an instant such as 2026-03-01T08:00:00Z"
PLANS = "expected always, or an amount such as above 10000 USDT"
PRICE = "expected a price above 0 in the portfolio's quote, such as 90000"
PART = "expected a percentage above 0% and below 100%, such as 10%"
RISE = "expected a percentage above 0%, such as 50%"
BARS = "expected a bar length (1m, 5m, 15m, 30m, 1h, 2h, 4h, 6h, 8h, 12h or 1d)"
ENDS = (
    "release: expected what ends it: manual, or {at: ...}, {above: ...}, {below: ...},"
    " {rebound: ...} or {calm: ...}, was missing"
)
ONE = "expected one condition: window {from, until}, above, below, drop or volatility"
ONE_END = "expected one of at, above, below, rebound and calm"
CRON = (
    "calendar: expected a calendar in five fields (minute hour day month weekday, in UTC),"
    " such as '0 8 * * mon'"
)

HEDGES: dict[str, tuple[str, str]] = {
    "a word that is no condition": (
        f"{H}, when: ^allways",
        (
            "when: expected always, or a condition such as {below: 80000}, was 'allways';"
            " did you mean 'always'?"
        ),
    ),
    "a condition without a price": (
        f"{H}, when: ^above, release: manual",
        "when: expected always, or a condition such as {below: 80000}, was 'above'",
    ),
    "no condition": (
        f"{H}, when: ^{{}}, release: manual",
        f"when: {ONE}, was an empty mapping",
    ),
    "two conditions": (
        f"{H}, when: {{above: 100000, below: ^80000}}, release: manual",
        f"when.below: {ONE}, was above and below",
    ),
    "an event and a price": (
        (
            f"{H}, when: {{below: 80000, window: ^{{from: 2026-03-01T08:00Z, until: 2026-03-02T08:00Z}}}},"
            " release: manual"
        ),
        f"when.window: {ONE}, was below and window",
    ),
    "a condition misspelt": (
        f"{H}, when: {{^abov: 100000}}, release: manual",
        "when.abov: expected a known key (did you mean 'above'?), was 'abov'",
    ),
    "a condition nobody knows": (
        f"{H}, when: {{above: 100000, ^moon: full}}, release: manual",
        (
            "when.moon: expected one of window, above, below, drop, volatility, price, interval,"
            " was 'moon'"
        ),
    ),
    "a price below nothing": (
        f"{H}, when: {{below: ^0}}, release: manual",
        f"when.below: {PRICE}, was 0",
    ),
    "a price with its asset": (
        f"{H}, when: {{below: ^80000 USDT}}, release: manual",
        f"when.below: {PRICE}, was '80000 USDT'; write the number alone",
    ),
    "a price of another kind": (
        f"{H}, when: {{below: 80000, price: ^index}}, release: manual",
        "when.price: expected mark or last, was 'index'",
    ),
    "a condition that nothing ends": (f"^{H}, when: {{below: 80000}}", ENDS),
    "a fall that nothing ends": (f"^{H}, when: {{drop: 10%, window: 30d}}", ENDS),
    "a window that ends before it begins": (
        f"{H}, when: {{window: {{from: 2026-03-02T08:00Z, until: ^2026-03-01T08:00Z}}}}",
        "when.window.until: expected an instant after from, was '2026-03-01T08:00Z'",
    ),
    "a window of no length in two offsets": (
        f"{H}, when: {{window: {{from: 2026-03-02T08:00Z, until: ^2026-03-02T10:00+02:00}}}}",
        "when.window.until: expected an instant after from, was '2026-03-02T10:00+02:00'",
    ),
    "a window without an end": (
        f"{H}, when: {{^window: {{from: 2026-03-02T08:00Z}}}}",
        "when.window.until: expected when it ends: 2026-03-03T08:00:00Z, was missing",
    ),
    "a look-back alone": (
        f"{H}, when: {{window: ^30d}}",
        (
            "when.window: expected an event {from: ..., until: ...}, was '30d';"
            " a look-back such as 30d stands beside drop or volatility"
        ),
    ),
    "an instant without its offset": (
        f"{H}, when: {{window: {{from: ^2026-03-01T08:00:00, until: 2026-03-02T08:00Z}}}}",
        (
            f"when.window.from: {INSTANT}, was '2026-03-01T08:00:00';"
            " write Z for UTC, or an offset such as +02:00"
        ),
    ),
    "a day without its time": (
        f"{H}, release: {{at: ^2026-03-01}}",
        f"release.at: {INSTANT}, was '2026-03-01'; write the time too: 2026-03-01T00:00Z",
    ),
    "a day that is none": (
        f"{H}, release: {{at: ^2026-02-30T08:00Z}}",
        f"release.at: {INSTANT}, was '2026-02-30T08:00Z'; there is no such moment",
    ),
    "a fall without a window": (
        f"{H}, ^when: {{drop: 10%}}, release: manual",
        "when.window: expected how far to look back, such as 30d, was missing",
    ),
    "a fall without its unit": (
        f"{H}, when: {{drop: ^10, window: 30d}}, release: manual",
        f"when.drop: {PART}, was 10; the unit % is missing",
    ),
    "a fall to nothing": (
        f"{H}, when: {{drop: ^100%, window: 30d}}, release: manual",
        f"when.drop: {PART}, was '100%'",
    ),
    "a bar no venue keeps": (
        f"{H}, when: {{drop: 10%, window: 30d, interval: ^7h}}, release: manual",
        f"when.interval: {BARS}, was '7h'",
    ),
    "a window of broken bars": (
        f"{H}, when: {{drop: 10%, window: ^90m}}, release: manual",
        "when.window: expected a whole number of bars of 1h, was '90m'",
    ),
    "a window of one bar": (
        f"{H}, when: {{volatility: 80%, window: ^1d, interval: 1d}}, release: manual",
        "when.window: expected at least 2 bars of 1d, was '1d'",
    ),
    "a window of too many bars": (
        f"{H}, when: {{volatility: 80%, window: ^30d, interval: 1m}}, release: manual",
        "when.window: expected at most 5000 bars of 1m, was '30d'; take a longer interval",
    ),
    "bars that a price does not look at": (
        f"{H}, when: {{below: 80000, ^interval: 1h}}, release: manual",
        "when.interval: expected no interval beside below, which looks at no bars, was 'interval'",
    ),
    "a window that a price does not look at": (
        f"{H}, when: {{below: 80000}}, release: {{rebound: 10%, ^window: 30d}}",
        "release.window: expected no window beside rebound, which looks at no bars, was 'window'",
    ),
    "a price that volatility does not look at": (
        f"{H}, when: {{volatility: 80%, window: 7d, ^price: last}}, release: manual",
        "when.price: expected no price beside volatility, which looks at none, was 'price'",
    ),
    "a price that time does not look at": (
        f"{H}, release: {{at: 2026-03-01T08:00Z, ^price: last}}",
        "release.price: expected no price beside at, which looks at none, was 'price'",
    ),
    "no release": (f"{H}, release: ^{{price: mark}}", f"release: {ONE_END}, was a mapping"),
    "two releases": (
        f"{H}, release: {{rebound: 10%, above: ^90000}}",
        f"release.above: {ONE_END}, was rebound and above",
    ),
    "a release that comes at once, below": (
        f"{H}, when: {{below: 80000}}, release: {{above: ^79000}}",
        "release.above: expected a price above the 80000 that opens it, was 79000",
    ),
    "a release at the very price": (
        f"{H}, when: {{below: 80000}}, release: {{above: ^80000}}",
        "release.above: expected a price above the 80000 that opens it, was 80000",
    ),
    "a profit that is none": (
        f"{H}, when: {{below: 80000}}, release: {{below: ^81000}}",
        "release.below: expected a price below the 80000 that opens it, was 81000",
    ),
    "a release that comes at once, above": (
        f"{H}, when: {{above: 80000}}, release: {{below: ^80000}}",
        "release.below: expected a price below the 80000 that opens it, was 80000",
    ),
    "a release before the window": (
        (
            f"{H}, when: {{window: {{from: 2026-03-01T08:00Z, until: 2026-03-02T08:00Z}}}},"
            " release: {at: ^2026-03-01T08:00Z}"
        ),
        (
            "release.at: expected an instant inside the window (which ends by itself),"
            " was '2026-03-01T08:00Z'"
        ),
    ),
    "a release at the end of the window": (
        (
            f"{H}, when: {{window: {{from: 2026-03-01T08:00Z, until: 2026-03-02T08:00Z}}}},"
            " release: {at: ^2026-03-02T08:00Z}"
        ),
        (
            "release.at: expected an instant inside the window (which ends by itself),"
            " was '2026-03-02T08:00Z'"
        ),
    ),
    "a release from a window without an end": (
        (
            f"{H}, when: {{^window: {{from: 2026-03-01T08:00Z}}}}, release: {{at: 2026-03-01T07:00Z}}"
        ),
        "when.window.until: expected when it ends: 2026-03-03T08:00:00Z, was missing",
    ),
    "a release from a window without a beginning": (
        (
            f"{H}, when: {{^window: {{until: 2026-03-01T08:00Z}}}}, release: {{at: 2026-03-01T09:00Z}}"
        ),
        "when.window.from: expected when it begins: 2026-03-01T08:00:00Z, was missing",
    ),
    "a release after the window": (
        (
            f"{H}, when: {{window: {{from: 2026-03-01T08:00Z, until: 2026-03-02T08:00Z}}}},"
            " release: {at: ^2026-03-03T08:00Z}"
        ),
        (
            "release.at: expected an instant inside the window (which ends by itself),"
            " was '2026-03-03T08:00Z'"
        ),
    ),
    "a calm that is none": (
        f"{H}, when: {{volatility: 60%, window: 7d}}, release: {{calm: ^60%}}",
        "release.calm: expected a volatility below the one that opens it, was '60%'",
    ),
    "a calm of no time": (
        f"{H}, when: {{below: 80000}}, ^release: {{calm: 60%}}",
        "release.window: expected how far to look back, such as 7d, was missing",
    ),
    "a calm of broken bars": (
        f"{H}, when: {{volatility: 80%, window: 9h}}, release: {{calm: 60%, interval: ^4h}}",
        "release.interval: expected a whole number of bars in the window of when, was '4h'",
    ),
    "a side misspelt": (
        f"{H}, side: ^sort",
        "side: expected short or long, was 'sort'; did you mean 'short'?",
    ),
}

LADDERS: dict[str, tuple[str, str]] = {
    "no targets": (
        f"{P}, targets: ^[]",
        (
            "targets: expected prices upwards: [{price: 90000, add: 25%}, {price: 100000, add: 15%}],"
            " was an empty list"
        ),
    ),
    "targets that are no list": (
        f"{P}, targets: ^{{price: 90000, add: 25%}}",
        "targets: expected a list, was a mapping",
    ),
    "targets that do not ascend": (
        f"{P}, targets: [{{price: 100000, add: 25%}}, {{price: ^90000, add: 15%}}]",
        "targets[1].price: expected targets that ascend: more than 100000 here, was 90000",
    ),
    "a target twice": (
        f"{P}, targets: [{{price: 100000, add: 25%}}, {{price: ^100000, add: 15%}}]",
        "targets[1].price: expected targets that ascend: more than 100000 here, was 100000",
    ),
    "parts of more than all": (
        f"{P}, targets: ^[{{price: 90000, add: 60%}}, {{price: 100000, add: 50.5%}}]",
        (
            "targets: expected parts that come to at most 100%, was 110.5% (60% + 50.5%);"
            " take 10.5% away"
        ),
    ),
    "a part of more than all": (
        f"{P}, targets: [{{price: 90000, add: ^110%}}]",
        "targets[0].add: expected a percentage above 0% and up to 100%, such as 60%, was '110%'",
    ),
    "a target without a part": (
        f"{P}, targets: [^{{price: 90000}}]",
        "targets[0].add: expected the part of the holding to add to the short: 25%, was missing",
    ),
    "a target without a price": (
        f"{P}, targets: [^{{add: 25%}}]",
        "targets[0].price: expected price (such as 90000) or gain (such as 50%), was missing",
    ),
    "a target of two prices": (
        f"{P}, targets: [{{price: 90000, gain: ^50%, add: 25%}}]",
        "targets[0].gain: expected price or gain, was both; remove one",
    ),
    "a gain over nothing": (
        f"{P}, targets: [{{gain: ^50%, add: 25%}}]",
        (
            "targets[0].gain: expected a gain over what BTC has cost, was a gain over nothing;"
            " add cost_basis: {BTC: <what one has cost>} to the portfolio"
        ),
    ),
    "a key of a target misspelt": (
        f"{P}, targets: [{{^prize: 90000, add: 25%}}]",
        "targets[0].prize: expected a known key (did you mean 'price'?), was 'prize'",
    ),
    "rearming at the target": (
        f"{P}, {LADDER}, rearm: ^90000",
        "rearm: expected a price below the lowest target, 90000, was 90000",
    ),
    "rearming at nothing": (
        f"{P}, {LADDER}, rearm: ^100%",
        (
            "rearm: expected a price, or a percentage of the entry above 0% and below 100%,"
            " such as 90000 or 5%, was '100%'"
        ),
    ),
    "an end that comes with the first target": (
        f"{P}, {LADDER}, end: {{below: ^95000}}",
        "end.below: expected a price below the lowest target, 90000, was 95000",
    ),
    "an end at the first target": (
        f"{P}, {LADDER}, end: {{below: ^90000}}",
        "end.below: expected a price below the lowest target, 90000, was 90000",
    ),
    "an end that says nothing": (
        f"{P}, {LADDER}, end: ^{{}}",
        "end: expected at least one of trail, below and at, or manual, was an empty mapping",
    ),
    "an end in other words": (
        f"{P}, {LADDER}, end: ^never",
        "end: expected manual, or a condition such as {at: 2026-03-01T08:00:00Z}, was 'never'",
    ),
    "an asset of no sleeve": (
        f"kind: profit_ladder, id: x, asset: ^BCT, {LADDER}",
        (
            "asset: expected an asset of a sleeve and not the quote (BTC, ETH, SOL), was 'BCT';"
            " did you mean BTC?"
        ),
    ),
}

SCALES: dict[str, tuple[str, str]] = {
    "no tranche": (
        f"^{S}",
        "tranches: expected entry, confirm and commit, such as {entry: {qty: 0.5}}, was missing",
    ),
    "no entry": (
        f"{S}, ^tranches: {{{CONFIRM}}}",
        "tranches.entry: expected the first: {qty: 0.5}, {qty: 0.5, below: 2900}, was missing",
    ),
    "nothing that proves it wrong": (
        "^kind: scale_in, id: x, asset: ETH, tranches: {entry: {qty: 1}}",
        "invalidate: expected the price at or below which it was wrong: 2850, was missing",
    ),
    "a tranche misspelt": (
        f"{S}, tranches: {{entry: {{qty: 1}}, ^confrim: {CONFIRM.partition(': ')[2]}}}",
        "tranches.confrim: expected a known key (did you mean 'confirm'?), was 'confrim'",
    ),
    "an entry of two prices": (
        f"{S}, tranches: {{entry: {{qty: 1, above: 3000, below: ^2900}}}}",
        "tranches.entry.below: expected above or below, was both; remove one",
    ),
    "a resistance below the support": (
        (
            f"{S}, tranches: {{entry: {{qty: 1}}, confirm: {{qty: 1, bounce: 2%, support: 3000,"
            " resistance: ^2950}}"
        ),
        "tranches.confirm.resistance: expected a price above the support, 3000, was 2950",
    ),
    "a resistance at the support": (
        (
            f"{S}, tranches: {{entry: {{qty: 1}}, confirm: {{qty: 1, bounce: 2%, support: 3000,"
            " resistance: ^3000}}"
        ),
        "tranches.confirm.resistance: expected a price above the support, 3000, was 3000",
    ),
    "wrong above the support": (
        (
            "kind: scale_in, id: x, asset: ETH, invalidate: ^2900, tranches: {entry: {qty: 1},"
            f" {CONFIRM}}}"
        ),
        "invalidate: expected a price below the support, 2900, was 2900",
    ),
    "wrong before it is entered": (
        (
            "kind: scale_in, id: x, asset: ETH, invalidate: ^3100,"
            " tranches: {entry: {qty: 1, below: 3000}}"
        ),
        "invalidate: expected a price below the entry, 3000, was 3100",
    ),
    "a commitment to less": (
        f"{S}, tranches: {{entry: {{qty: 0.5}}, {CONFIRM}, commit: {{to: ^1.5, new_high: 20}}}}",
        "tranches.commit.to: expected more than the 1.5 of the tranches before it, was 1.5",
    ),
    "a commitment without a reason": (
        f"{S}, tranches: {{entry: {{qty: 0.5}}, ^commit: {{to: 3}}}}",
        (
            "tranches.commit.new_high: expected new_high (bars, such as 20) or average (bars, such"
            " as 20), was missing"
        ),
    ),
    "a commitment with two": (
        f"{S}, tranches: {{entry: {{qty: 0.5}}, commit: {{to: 3, new_high: 20, average: ^20}}}}",
        "tranches.commit.average: expected new_high or average, was both; remove one",
    ),
    "a high of one bar": (
        f"{S}, tranches: {{entry: {{qty: 0.5}}, commit: {{to: 3, new_high: ^1}}}}",
        "tranches.commit.new_high: expected a whole number of at least 2, was 1",
    ),
    "a high of too many bars": (
        f"{S}, tranches: {{entry: {{qty: 0.5}}, commit: {{to: 3, new_high: ^5000}}}}",
        (
            "tranches.commit.new_high: expected a whole number below 5000, was 5000;"
            " take a longer interval"
        ),
    ),
    "a way out nobody knows": (
        f"{S}, on_invalid: ^hegde, tranches: {{entry: {{qty: 1}}}}",
        "on_invalid: expected close or hedge, was 'hegde'; did you mean 'hedge'?",
    ),
}

DERISKS: dict[str, tuple[str, str]] = {
    "nothing to bring down": (
        "^kind: derisk, id: x, target: 40%",
        "sleeve: expected sleeve (such as core) or crypto: true, was missing",
    ),
    "a sleeve and everything": (
        f"{D}, crypto: ^true",
        "crypto: expected sleeve or crypto, was both; remove one",
    ),
    "no crypto": (
        "kind: derisk, id: x, target: 40%, crypto: ^false",
        "crypto: expected true, was false; name a sleeve instead",
    ),
    "a sleeve that is not there": (
        "kind: derisk, id: x, target: 40%, sleeve: ^cor",
        (
            "sleeve: expected a sleeve of this portfolio (core, sat, cash), was 'cor';"
            " did you mean 'core'?"
        ),
    ),
    "a sleeve of quote": (
        "kind: derisk, id: x, target: 40%, sleeve: ^cash",
        "sleeve: expected a sleeve that holds more than the quote, was 'cash'",
    ),
    "a weight of more than all": (
        "kind: derisk, id: x, sleeve: core, target: ^140%",
        "target: expected a percentage from 0% to 100%, such as 60%, was '140%'",
    ),
    "one price for two assets": (
        f"{D}, convert: {{below: ^50000}}",
        (
            "convert.below: expected a percentage of the entry, such as 20%, where several assets are"
            " meant, was 50000"
        ),
    ),
    "prices that cross": (
        "kind: derisk, id: x, sleeve: sat, target: 10%, convert: {above: ^100, below: 200}",
        "convert.above: expected a price above that of below, was 100",
    ),
    "prices that meet": (
        "kind: derisk, id: x, sleeve: sat, target: 10%, convert: {above: ^200, below: 200}",
        "convert.above: expected a price above that of below, was 200",
    ),
    "a fall of more than all": (
        f"{D}, convert: {{below: ^120%}}",
        (
            "convert.below: expected a price, or a percentage of the entry above 0% and below 100%,"
            " such as 90000 or 5%, was '120%'"
        ),
    ),
    "tranches at once": (
        f"{D}, convert: {{mode: at_once, ^tranches: 5}}",
        "convert.tranches: expected no tranches without mode: gradual, was 'tranches'",
    ),
    "one tranche": (
        f"{D}, convert: {{mode: gradual, tranches: ^1}}",
        "convert.tranches: expected a whole number of at least 2, was 1",
    ),
    "a pace nobody knows": (
        f"{D}, convert: {{mode: ^slowly}}",
        "convert.mode: expected at_once or gradual, was 'slowly'",
    ),
    "a band around nothing": (
        "kind: derisk, id: x, sleeve: sat, target: 0%, retarget: ^band",
        (
            "retarget: expected a band of sleeve 'sat' in pp, as a percentage of a target of 0% is"
            " nothing, was 'band'"
        ),
    ),
    "a way to follow nobody knows": (
        f"{D}, retarget: ^often",
        "retarget: expected never or band, was 'often'",
    ),
}

DIPS: dict[str, tuple[str, str]] = {
    "no size": (
        f"^{B}, {TAKE}",
        "qty: expected qty (how much to buy) or to (up to which exposure), was missing",
    ),
    "two sizes": (f"{B}, {TAKE}, qty: 2, to: ^12", "to: expected qty or to, was both; remove one"),
    "no exit": (
        f"^{B}, qty: 2",
        (
            "exit: expected how it ends: {mode: take_profit, gain: 10%} or {mode: convert, above: 10%},"
            " was missing"
        ),
    ),
    "an exit without a mode": (
        f"{B}, qty: 2, ^exit: {{gain: 10%}}",
        "exit.mode: expected convert or take_profit, was missing",
    ),
    "an exit nobody knows": (
        f"{B}, qty: 2, exit: {{mode: ^take_profits, gain: 10%}}",
        (
            "exit.mode: expected convert or take_profit, was 'take_profits';"
            " did you mean 'take_profit'?"
        ),
    ),
    "an exit that is a word": (
        f"{B}, qty: 2, exit: ^convert",
        "exit: expected a mapping, was 'convert'",
    ),
    "a profit of no size": (
        f"{B}, qty: 2, ^exit: {{mode: take_profit}}",
        "exit.gain: expected gain (such as 10%) or above (a price), was missing",
    ),
    "a profit of two sizes": (
        f"{B}, qty: 2, exit: {{mode: take_profit, gain: 10%, above: ^3300}}",
        "exit.above: expected gain or above, was both; remove one",
    ),
    "a key of the other exit": (
        f"{B}, qty: 2, exit: {{mode: take_profit, gain: 10%, ^pace: gradual}}",
        "exit.pace: expected one of mode, gain, above, buy_spot, was 'pace'",
    ),
    "tranches without a pace": (
        f"{B}, qty: 2, exit: {{mode: convert, ^every: 1h}}",
        "exit.every: expected no every without pace: gradual, was 'every'",
    ),
    "a stop of more than all": (
        f"{B}, qty: 2, {TAKE}, stop: ^105%",
        (
            "stop: expected a price, or a percentage of the entry above 0% and below 100%,"
            " such as 90000 or 5%, was '105%'"
        ),
    ),
    "a stop above the exit": (
        f"{B}, qty: 2, exit: {{mode: take_profit, above: 3300}}, stop: ^3300",
        "stop: expected a price below the exit, 3300, was 3300",
    ),
    "a stop above the conversion": (
        f"{B}, qty: 2, exit: {{mode: convert, above: 3300}}, stop: ^3400",
        "stop: expected a price below the exit, 3300, was 3400",
    ),
    "a conversion that the stop forestalls": (
        f"{B}, qty: 2, exit: {{mode: convert, below: ^2600}}, stop: 2700",
        "exit.below: expected a level above the stop, which closes the long, was 2600",
    ),
    "a conversion that the stop forestalls, in percent": (
        f"{B}, qty: 2, exit: {{mode: convert, below: ^10%}}, stop: 5%",
        "exit.below: expected a level above the stop, which closes the long, was '10%'",
    ),
    "a conversion at the stop": (
        f"{B}, qty: 2, exit: {{mode: convert, below: ^2700}}, stop: 2700",
        "exit.below: expected a level above the stop, which closes the long, was 2700",
    ),
    "a conversion at the stop, in percent": (
        f"{B}, qty: 2, exit: {{mode: convert, below: ^5%}}, stop: 5%",
        "exit.below: expected a level above the stop, which closes the long, was '5%'",
    ),
    "a stop at the conversion": (
        f"{B}, qty: 2, exit: {{mode: convert, above: 3300}}, stop: ^3300",
        "stop: expected a price below the exit, 3300, was 3300",
    ),
    "a window of broken bars": (
        f"kind: dip_buy, id: x, asset: ETH, drop: 10%, window: ^30h, interval: 4h, qty: 2, {TAKE}",
        "window: expected a whole number of bars of 4h, was '30h'",
    ),
    "a leverage of nothing": (
        f"{B}, qty: 2, {TAKE}, max_leverage: ^0",
        "max_leverage: expected a number above 0, was 0",
    ),
}

DRIFTS: dict[str, tuple[str, str]] = {
    "weekdays by number": (
        "kind: drift, id: x, calendar: ^0 0 * * 1",
        (
            f"{CRON}, was '0 0 * * 1'; weekday: numbers are ambiguous,"
            " write names: mon, tue, wed, thu, fri, sat, sun"
        ),
    ),
    "a calendar of six fields": (
        "kind: drift, id: x, calendar: ^0 0 8 * * mon",
        f"{CRON}, was '0 0 8 * * mon'; this has 6",
    ),
    "a calendar that is a word": (
        "kind: drift, id: x, calendar: ^weekly",
        f"{CRON}, was 'weekly'; this has 1",
    ),
    "a deadline for nothing": (
        "kind: drift, id: x, settle: {mode: never, ^deadline: 7d}",
        (
            "settle.deadline: expected no deadline with mode: never, where nothing is settled,"
            " was 'deadline'"
        ),
    ),
    "a deadline for coins that move at once": (
        "kind: drift, id: x, settle: {mode: spot, spot_fee: 5bps, ^deadline: 7d}",
        (
            "settle.deadline: expected no deadline with mode: spot, where no futures wait for coins,"
            " was 'deadline'"
        ),
    ),
    "settling nobody knows": (
        "kind: drift, id: x, settle: {mode: ^futures}",
        (
            "settle.mode: expected never, futures_first or spot, was 'futures';"
            " did you mean 'futures_first'?"
        ),
    ),
    "settling without a mode": (
        "kind: drift, id: x, ^settle: {deadline: 7d}",
        (
            "settle.mode: expected never: futures stay futures; futures_first: coins follow;"
            " spot: coins only, was missing"
        ),
    ),
}

ROWS = {
    f"{kind}: {name}": row
    for kind, rows in {
        "hedge": HEDGES,
        "ladder": LADDERS,
        "scale_in": SCALES,
        "derisk": DERISKS,
        "dip": DIPS,
        "drift": DRIFTS,
    }.items()
    for name, row in rows.items()
}


@pytest.mark.parametrize("name", ROWS)
def test_what_cannot_be_meant_is_told_where_it_is(name: str, loaded: Load) -> None:
    marked, told = ROWS[name]
    # what is missing from the strategy itself is told at its opening brace
    column = COLUMN + 1 + (0 if marked.startswith("^") else 1 + marked.index("^"))
    with pytest.raises(ConfigError) as raised:
        loaded((HEDGE, "{" + marked.replace("^", "", 1) + "}"))
    place = f"c.yaml:{LINE}:{column} portfolios.treasury.strategies[1]."
    assert raised.value.problems == [place + told]


def test_problems_of_one_strategy_are_told_at_once(loaded: Load) -> None:
    text = (
        "{kind: profit_ladder, id: x, asset: BCT, targets: [{price: 100000, add: 80%},"
        " {prize: 90000, add: 30%}], end: {below: 100001}}"
    )
    with pytest.raises(ConfigError) as raised:
        loaded((HEDGE, text))
    assert [
        line.partition(": expected")[0].rpartition(".")[2] for line in raised.value.problems
    ] == [
        "asset",
        "targets",
        "prize",
        "price",
        "below",
    ]


def test_a_short_that_follows_a_band_needs_one(loaded: Load) -> None:
    derisk = "{kind: derisk, id: x, sleeve: core, target: 40%, retarget: band}"
    with pytest.raises(ConfigError) as raised:
        loaded(
            (HEDGE, derisk),
            (", band: 5pp", ""),
            ("{kind: drift, id: keep-shape}", HEDGE.replace("half", "other")),
        )
    assert raised.value.problems == [
        (
            "c.yaml:19:68 portfolios.treasury.strategies[1].retarget: expected a band of sleeve"
            " 'core' to follow, was 'band'; add band: 5pp"
        )
    ]


def test_gains_that_do_not_ascend_are_told_in_prices(loaded: Load) -> None:
    text = "{kind: profit_ladder, id: x, asset: BTC, targets: [{price: 90000, add: 5%}, {gain: 40%, add: 5%}]}"
    with pytest.raises(ConfigError) as raised:
        loaded((HEDGE, text), ("    quote: USDT", "    cost_basis: {BTC: 60000}\n    quote: USDT"))
    assert raised.value.problems == [
        (
            "c.yaml:20:92 portfolios.treasury.strategies[1].targets[1].gain: expected targets that"
            " ascend: more than 90000 here, was 84000"
        )
    ]


@pytest.mark.parametrize(
    ("written", "told"),
    [
        (
            "cost_basis: {DOGE: 1}",
            (
                "12:18 portfolios.treasury.cost_basis.DOGE: expected an asset of a sleeve and not the"
                " quote (BTC, ETH, SOL), was 'DOGE'"
            ),
        ),
        (
            "cost_basis: {USDT: 1}",
            (
                "12:18 portfolios.treasury.cost_basis.USDT: expected an asset of a sleeve and not the"
                " quote (BTC, ETH, SOL), was 'USDT'"
            ),
        ),
        (
            "cost_basis: {BTC: -1}",
            f"12:23 portfolios.treasury.cost_basis.BTC: {PRICE}, was -1",
        ),
        (
            "approve: {deposits: yes}",
            "12:25 portfolios.treasury.approve.deposits: expected true or false, was 'yes'",
        ),
        (
            "approve: {withdrawals: true}",
            (
                "12:15 portfolios.treasury.approve.withdrawals: expected one of plans, deposits,"
                " deadline, was 'withdrawals'"
            ),
        ),
        (
            "approve: sometimes",
            f"12:14 portfolios.treasury.approve: {PLANS}, was 'sometimes'",
        ),
        (
            "approve: above 10000",
            f"12:14 portfolios.treasury.approve: {PLANS}, was 'above 10000'; the asset is missing",
        ),
        (
            "approve: {plans: above 10000 EUR}",
            (
                "12:22 portfolios.treasury.approve.plans: expected above an amount in the portfolio's"
                " quote, USDT, was 'above 10000 EUR'"
            ),
        ),
        (
            "approve: above 10000 EUR",
            (
                "12:14 portfolios.treasury.approve: expected above an amount in the portfolio's quote,"
                " USDT, was 'above 10000 EUR'"
            ),
        ),
    ],
)
def test_a_portfolio_says_what_coins_cost_and_who_is_asked(
    written: str, told: str, loaded: Load
) -> None:
    with pytest.raises(ConfigError) as raised:
        loaded(("    quote: USDT\n", f"    quote: USDT\n    {written}\n"))
    assert raised.value.problems == [f"c.yaml:{told}"]


@pytest.mark.parametrize(
    ("written", "told"),
    [
        (
            "contract: quarterly",
            (
                "27 portfolios.treasury.execution.contract: expected perpetual, dated or cheapest,"
                " was 'quarterly'"
            ),
        ),
        (
            "min_volume_24h: 5 BTC",
            (
                "33 portfolios.treasury.execution.min_volume_24h: expected an amount in the"
                " portfolio's quote, USDT, was '5 BTC'"
            ),
        ),
        (
            "roll: 5",
            (
                "23 portfolios.treasury.execution.roll: expected a duration of at least 1s, such as"
                " 30s, 2m, 8h or 1d, was 5; the unit s, m, h or d is missing"
            ),
        ),
    ],
)
def test_the_choice_of_a_contract_is_checked(written: str, told: str, loaded: Load) -> None:
    with pytest.raises(ConfigError) as raised:
        loaded(("{rungs: 4,", f"{{{written}, rungs: 4,"))
    assert raised.value.problems == [f"c.yaml:20:{told}"]


@pytest.mark.parametrize("kind", ["profit_ladder", "scale_in", "dip_buy", "derisk"])
def test_only_what_holds_a_size_at_all_times_adopts_a_position(kind: str, loaded: Load) -> None:
    more = {
        "profit_ladder": f"asset: BTC, {LADDER}",
        "scale_in": "asset: BTC, invalidate: 1, tranches: {entry: {qty: 1}}",
        "dip_buy": f"asset: BTC, drop: 10%, window: 30d, qty: 2, {TAKE}",
        "derisk": "crypto: true, target: 40%",
    }[kind]
    with pytest.raises(ConfigError) as raised:
        loaded(
            (HEDGE, f"{{kind: {kind}, id: out, {more}}}"),
            ("environment: demo", "environment: demo\n    existing: adopt:out"),
        )
    assert raised.value.problems == [
        (
            "c.yaml:6:15 venues.main.existing: expected adopt:<id of a hedge or drift of portfolio"
            " 'treasury'> (keep-shape), was 'adopt:out'"
        )
    ]
