"""What is written about strategies, and the policies it becomes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from counterpoise.domain.numbers import ZERO, dec
from counterpoise.domain.policy import ApprovePolicy, ContractChoice, ExecutionPolicy, LadderKind
from counterpoise.domain.strategy import (
    DeriskPolicy,
    DipBuyPolicy,
    DriftPolicy,
    HedgePolicy,
    ProfitLadderPolicy,
    ScaleInPolicy,
    StrategyPolicy,
)
from counterpoise.domain.strategy.conditions import (
    Above,
    Always,
    At,
    Below,
    Calm,
    Drop,
    During,
    Manual,
    PriceSource,
    Rebound,
    Volatility,
)
from counterpoise.domain.strategy.conversion import ConvertMode, ConvertPolicy, Level
from counterpoise.domain.strategy.derisk import Retarget
from counterpoise.domain.strategy.dip_buy import TakeProfit
from counterpoise.domain.strategy.drift import Legs, SettleMode, SettlePolicy, TradeTo
from counterpoise.domain.strategy.hedge import HedgeSide
from counterpoise.domain.strategy.profit_ladder import LadderEnd, LadderTarget
from counterpoise.domain.strategy.scale_in import Commit, Confirm, Entry, OnInvalid
from tests.unit.config.good import Load

HEDGE = "{kind: hedge, id: half, asset: BTC, ratio: 50%}"
MARCH = datetime(2026, 3, 1, 8, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
LAST = PriceSource.LAST


def strategy(loaded: Load, text: str) -> StrategyPolicy:
    return loaded((HEDGE, text)).portfolios[0].strategies[1]


def hedge(loaded: Load, more: str) -> HedgePolicy:
    made = strategy(loaded, f"{{kind: hedge, id: half, asset: BTC, ratio: 50%, {more}}}")
    assert isinstance(made, HedgePolicy)
    return made


CONDITIONS = {
    "when: always": (Always(), Manual()),
    "release: manual": (Always(), Manual()),
    "release: {at: 2026-03-01T08:00:00Z}": (Always(), At(at=MARCH)),
    "when: {window: {from: '2026-03-01T08:00Z', until: 2026-03-02 10:30:00 +0230}}": (
        During(start_at=MARCH, end_at=MARCH + DAY),
        Manual(),
    ),
    (
        "when: {window: {from: 2026-03-01T08:00Z, until: 2026-03-02T08:00Z}},"
        " release: {at: 2026-03-01T09:00Z}"
    ): (During(start_at=MARCH, end_at=MARCH + DAY), At(at=MARCH + HOUR)),
    (
        "when: {window: {from: 2026-03-01T08:00Z, until: 2026-03-02T08:00Z}},"
        " release: {rebound: 5%}"
    ): (During(start_at=MARCH, end_at=MARCH + DAY), Rebound(size=dec("0.05"))),
    "when: {above: 100000}, release: {below: 95000}": (
        Above(price=dec(100000)),
        Below(price=dec(95000)),
    ),
    "when: {below: 80000, price: last}, release: {above: 85000.5}": (
        Below(price=dec(80000), source=LAST),
        Above(price=dec("85000.5"), source=LAST),
    ),
    "when: {below: 80000, price: last}, release: {above: 85000, price: mark}": (
        Below(price=dec(80000), source=LAST),
        Above(price=dec(85000)),
    ),
    "when: {drop: 10%, window: 30d}, release: {rebound: 5%}": (
        Drop(size=dec("0.1"), interval=HOUR, bars=720),
        Rebound(size=dec("0.05")),
    ),
    "when: {drop: 10%, window: 30d, interval: 4h, price: last}, release: manual": (
        Drop(size=dec("0.1"), interval=4 * HOUR, bars=180, source=LAST),
        Manual(),
    ),
    "when: {volatility: 80%, window: 7d, interval: 60m}, release: {calm: 60%}": (
        Volatility(above=dec("0.8"), interval=HOUR, bars=168),
        Calm(below=dec("0.6"), interval=HOUR, bars=168),
    ),
    "when: {volatility: 150%, window: 7d}, release: {calm: 60%, window: 14d, interval: 1d}": (
        Volatility(above=dec("1.5"), interval=HOUR, bars=168),
        Calm(below=dec("0.6"), interval=DAY, bars=14),
    ),
    "when: {volatility: 80%, window: 8d, interval: 4h}, release: {calm: 60%, window: 12h}": (
        Volatility(above=dec("0.8"), interval=4 * HOUR, bars=48),
        Calm(below=dec("0.6"), interval=4 * HOUR, bars=3),
    ),
    "when: {below: 80000}, release: {calm: 60%, window: 7d}": (
        Below(price=dec(80000)),
        Calm(below=dec("0.6"), interval=HOUR, bars=168),
    ),
}


@pytest.mark.parametrize("text", CONDITIONS)
def test_a_hedge_opens_and_ends_on_conditions(text: str, loaded: Load) -> None:
    made = hedge(loaded, text)
    assert (made.when, made.release) == CONDITIONS[text]


def test_a_hedge_has_a_side_and_may_exceed_what_is_held_where_that_is_allowed(loaded: Load) -> None:
    assert hedge(loaded, "side: short").side is HedgeSide.SHORT
    long = hedge(loaded, "side: long")
    assert long == HedgePolicy(id="half", asset="BTC", ratio=dec("0.5"), side=HedgeSide.LONG)
    more = (
        loaded(
            ("ratio: 50%", "ratio: 150%"),
            ("    quote: USDT", "    quote: USDT\n    allow_net_short: true"),
        )
        .portfolios[0]
        .strategies[1]
    )
    assert more == HedgePolicy(id="half", asset="BTC", ratio=dec("1.5"))
    assert strategy(loaded, HEDGE.replace("50%", "200%, side: long")) == HedgePolicy(
        id="half", asset="BTC", ratio=dec(2), side=HedgeSide.LONG
    )


def test_a_ladder(loaded: Load) -> None:
    text = "{kind: profit_ladder, id: out, asset: BTC, targets: [{price: 90000, add: 25%}]}"
    assert strategy(loaded, text) == ProfitLadderPolicy(
        id="out", asset="BTC", targets=(LadderTarget(price=dec(90000), add=dec("0.25")),)
    )


def test_a_ladder_reckons_gains_from_cost_and_percentages_from_its_lowest_target(
    loaded: Load,
) -> None:
    text = (
        "{kind: profit_ladder, id: out, asset: BTC, price: last, rearm: 5%,"
        " targets: [{gain: 50%, add: 25%}, {price: 100000, add: 15%}, {gain: 100.5%, add: 60%}],"
        " end: {trail: 10%, below: 80000, at: 2026-03-01T08:00:00Z}}"
    )
    policy = (
        loaded(
            (HEDGE, text),
            ("    quote: USDT", "    quote: USDT\n    cost_basis: {BTC: 60000, ETH: 2000}"),
        )
        .portfolios[0]
        .strategies[1]
    )
    assert policy == ProfitLadderPolicy(
        id="out",
        asset="BTC",
        targets=(
            LadderTarget(price=dec(90000), add=dec("0.25"), gain=dec("0.5")),
            LadderTarget(price=dec(100000), add=dec("0.15")),
            LadderTarget(price=dec(120300), add=dec("0.6"), gain=dec("1.005")),
        ),
        end=LadderEnd(trail=dec("0.1"), below=dec(80000), at=MARCH),
        rearm=dec(85500),
        source=LAST,
    )


def test_a_ladder_may_rearm_at_a_price_and_end_by_command(loaded: Load) -> None:
    text = (
        "{kind: profit_ladder, id: out, asset: BTC, targets: [{price: 90000, add: 100%}],"
        " rearm: 85000, end: manual}"
    )
    policy = strategy(loaded, text)
    assert isinstance(policy, ProfitLadderPolicy)
    assert (policy.rearm, policy.end) == (dec(85000), LadderEnd())


def test_a_scale_in_of_one_tranche(loaded: Load) -> None:
    text = "{kind: scale_in, id: up, asset: ETH, tranches: {entry: {qty: 0.5}}, invalidate: 2850}"
    assert strategy(loaded, text) == ScaleInPolicy(
        id="up", asset="ETH", entry=Entry(qty=dec("0.5")), invalidate=dec(2850)
    )


@pytest.mark.parametrize(
    ("commit", "made"),
    [
        ("{to: 3, new_high: 20}", Commit(to=dec(3), interval=HOUR, high_bars=20)),
        ("{to: 3, average: 50, interval: 1d}", Commit(to=dec(3), interval=DAY, average_bars=50)),
    ],
)
def test_a_scale_in_of_three_tranches(loaded: Load, commit: str, made: Commit) -> None:
    text = (
        "{kind: scale_in, id: up, asset: ETH, invalidate: 2850, on_invalid: hedge,"
        " add_to_loser: true, price: last, tranches: {entry: {qty: 0.5, below: 3000},"
        " confirm: {qty: 1, bounce: 2%, support: 2900, resistance: 3050}, commit: "
        f"{commit}}}}}"
    )
    assert strategy(loaded, text) == ScaleInPolicy(
        id="up",
        asset="ETH",
        entry=Entry(qty=dec("0.5"), below=dec(3000)),
        confirm=Confirm(qty=dec(1), support=dec(2900), bounce=dec("0.02"), resistance=dec(3050)),
        commit=made,
        invalidate=dec(2850),
        on_invalid=OnInvalid.HEDGE,
        add_to_loser=True,
        source=LAST,
    )


def test_derisk_means_a_sleeve_or_all_crypto(loaded: Load) -> None:
    assert strategy(loaded, "{kind: derisk, id: calm, sleeve: core, target: 40%}") == DeriskPolicy(
        id="calm", target=dec("0.4"), assets=("BTC", "ETH"), sleeve="core"
    )
    assert strategy(loaded, "{kind: derisk, id: calm, crypto: true, target: 0%}") == DeriskPolicy(
        id="calm", target=dec(0), assets=("BTC", "ETH", "SOL")
    )


def test_derisk_converts_when_it_is_told_to(loaded: Load) -> None:
    text = (
        "{kind: derisk, id: calm, sleeve: sat, target: 10%, retarget: band, convert:"
        " {mode: gradual, at: 2026-03-01T08:00:00Z, above: 250, below: 20%, tranches: 8,"
        " every: 30m, price: last, spot_fee: 5bps, on_command: true}}"
    )
    assert strategy(loaded, text) == DeriskPolicy(
        id="calm",
        target=dec("0.1"),
        assets=("SOL",),
        sleeve="sat",
        retarget=Retarget.BAND,
        convert=ConvertPolicy(
            mode=ConvertMode.GRADUAL,
            at=MARCH,
            above=Level(value=dec(250)),
            below=Level(value=dec("0.2"), relative=True),
            tranches=8,
            every=timedelta(minutes=30),
            on_command=True,
            source=LAST,
            spot_fee=dec("0.0005"),
        ),
    )


def test_a_dip_is_bought_and_its_profit_taken(loaded: Load) -> None:
    text = (
        "{kind: dip_buy, id: dip, asset: ETH, drop: 10%, window: 30d, qty: 2,"
        " exit: {mode: take_profit, gain: 10%}}"
    )
    assert strategy(loaded, text) == DipBuyPolicy(
        id="dip",
        asset="ETH",
        drop=dec("0.1"),
        interval=HOUR,
        bars=720,
        qty=dec(2),
        exit=TakeProfit(level=Level(value=dec("0.1"), relative=True)),
    )


def test_a_dip_is_bought_up_to_an_exposure_with_a_stop(loaded: Load) -> None:
    text = (
        "{kind: dip_buy, id: dip, asset: ETH, drop: 10%, window: 30d, interval: 1d, to: 12,"
        " exit: {mode: take_profit, above: 3300, buy_spot: true}, stop: 2700, max_leverage: 2,"
        " price: last}"
    )
    assert strategy(loaded, text) == DipBuyPolicy(
        id="dip",
        asset="ETH",
        drop=dec("0.1"),
        interval=DAY,
        bars=30,
        to=dec(12),
        exit=TakeProfit(level=Level(value=dec(3300)), buy_spot=True),
        stop=Level(value=dec(2700)),
        max_leverage=dec(2),
        source=LAST,
    )


def test_a_dip_is_turned_into_coins(loaded: Load) -> None:
    text = (
        "{kind: dip_buy, id: dip, asset: ETH, drop: 10%, window: 30d, qty: 2, stop: 5%,"
        " exit: {mode: convert, pace: gradual, above: 3300, tranches: 2}}"
    )
    policy = strategy(loaded, text)
    assert isinstance(policy, DipBuyPolicy)
    assert policy.stop == Level(value=dec("0.05"), relative=True)
    assert policy.exit == ConvertPolicy(
        mode=ConvertMode.GRADUAL, above=Level(value=dec(3300)), tranches=2
    )
    policy = strategy(
        loaded, text.replace("pace: gradual, above: 3300, tranches: 2", "on_command: true")
    )
    assert isinstance(policy, DipBuyPolicy)
    assert policy.exit == ConvertPolicy(on_command=True)


def test_levels_of_two_kinds_are_not_held_against_each_other(loaded: Load) -> None:
    dip = (
        "{kind: dip_buy, id: dip, asset: ETH, drop: 10%, window: 30d, qty: 2, stop: 2700,"
        " exit: {mode: convert, above: 5%, below: 2%}}"
    )
    policy = strategy(loaded, dip)
    assert isinstance(policy, DipBuyPolicy)
    assert policy.exit == ConvertPolicy(
        above=Level(value=dec("0.05"), relative=True), below=Level(value=dec("0.02"), relative=True)
    )
    calm = "{kind: derisk, id: x, sleeve: sat, target: 10%, convert: {above: 20%, below: 100}}"
    policy = strategy(loaded, calm)
    assert isinstance(policy, DeriskPolicy)
    assert policy.convert == ConvertPolicy(
        above=Level(value=dec("0.2"), relative=True), below=Level(value=dec(100))
    )


@pytest.mark.parametrize(("window", "bars"), [("2m", 2), ("5000m", 5000)])
def test_a_window_has_two_bars_to_five_thousand(loaded: Load, window: str, bars: int) -> None:
    made = hedge(loaded, f"when: {{drop: 10%, window: {window}, interval: 1m}}, release: manual")
    assert made.when == Drop(size=dec("0.1"), interval=timedelta(minutes=1), bars=bars)


def test_drift_has_a_calendar_and_settles(loaded: Load) -> None:
    text = (
        "{kind: drift, id: shape, trade_to: inner, legs: underweight, calendar: '0  8 * * MON,thu',"
        " settle: {mode: futures_first, deadline: 7d, horizon: 14d, spot_fee: 0.2%}}"
    )
    assert strategy(loaded, text) == DriftPolicy(
        id="shape",
        trade_to=TradeTo.INNER,
        legs=Legs.UNDERWEIGHT,
        calendar="0 8 * * mon,thu",
        settle=SettlePolicy(
            mode=SettleMode.FUTURES_FIRST,
            deadline=timedelta(days=7),
            horizon=timedelta(days=14),
            spot_fee=dec("0.002"),
        ),
    )
    for mode in SettleMode:
        made = strategy(loaded, f"{{kind: drift, id: shape, settle: {{mode: {mode}}}}}")
        assert made == DriftPolicy(id="shape", settle=SettlePolicy(mode=mode))


@pytest.mark.parametrize(
    ("written", "slot_s", "pause_s"),
    [
        pytest.param(
            "{ladder: timed, rungs: 4, patience: 2m}", 30, 5, id="patience in equal slots"
        ),
        pytest.param(
            "{ladder: timed, rungs: 4, patience: 2m, every: 1h}", 3600, 3600, id="written"
        ),
        pytest.param("{ladder: chase, every: 10s, follow: 3bps}", 10, 10, id="a chase that waits"),
    ],
)
def test_a_ladder_has_its_kind_and_times(
    loaded: Load, written: str, slot_s: int, pause_s: int
) -> None:
    policy = loaded(("{rungs: 4, spacing: 5bps, patience: 2m}", written)).portfolios[0]
    made = policy.execution
    assert f"ladder: {made.ladder}" in written
    assert made.slot == timedelta(seconds=slot_s)
    assert made.pause == timedelta(seconds=pause_s)
    assert made.follow == (dec("0.0003") if "follow" in written else dec("0.0002"))
    assert loaded().portfolios[0].execution.ladder is LadderKind.RESTING


def test_contracts_are_chosen_and_deposits_approved(loaded: Load) -> None:
    policy = loaded(
        (
            "{rungs: 4, spacing: 5bps, patience: 2m}",
            "{contract: dated, horizon: 14d, fee: 4bps, roll: 3d, min_volume_24h: 0 USDT}",
        ),
        ("    quote: USDT", "    quote: USDT\n    approve: {deposits: true, deadline: 90m}"),
    ).portfolios[0]
    assert policy.execution == ExecutionPolicy(
        contract=ContractChoice.DATED,
        horizon=timedelta(days=14),
        fee=dec("0.0004"),
        roll_before=timedelta(days=3),
        min_volume_24h=dec(0),
    )
    assert policy.approve == ApprovePolicy(deposits=True, deadline=timedelta(minutes=90))
    assert loaded().portfolios[0].approve == ApprovePolicy()


COINS = {
    "{kind: derisk, id: x, crypto: true, target: 50%, convert: {at: 2027-01-01T00:00Z}}": True,
    "{kind: derisk, id: x, crypto: true, target: 50%, convert: {on_command: true}}": False,
    "{kind: derisk, id: x, crypto: true, target: 50%}": False,
    "{kind: dip_buy, id: x, asset: BTC, drop: 10%, window: 3d, qty: 1, exit: {mode: convert}}": True,
    (
        "{kind: dip_buy, id: x, asset: BTC, drop: 10%, window: 3d, qty: 1,"
        " exit: {mode: convert, on_command: true}}"
    ): False,
    (
        "{kind: dip_buy, id: x, asset: BTC, drop: 10%, window: 3d, qty: 1,"
        " exit: {mode: take_profit, gain: 5%}}"
    ): False,
    "{kind: drift, id: x, settle: {mode: futures_first}}": True,
    "{kind: drift, id: x, settle: {mode: never}}": False,
    "{kind: drift, id: x}": False,
}


@pytest.mark.parametrize(("strategy", "warned"), COINS.items())
def test_coins_that_are_traded_without_asking_are_warned_of(
    strategy: str, *, warned: bool, loaded: Load
) -> None:
    asked = ("    quote: USDT", "    quote: USDT\n    approve: always")
    found = loaded((HEDGE, strategy), ("{kind: drift, id: keep-shape}", HEDGE), asked).warnings
    told = "strategies[1]: this trades coins by itself, and approve asks about futures only"
    assert [told in w for w in found if "approve" in w] == [True] * warned


@pytest.mark.parametrize(
    ("written", "policy"),
    [
        ("always", ApprovePolicy(plans=ZERO)),
        ("above 10000 USDT", ApprovePolicy(plans=dec(10_000))),
        ("{plans: always, deadline: 30m}", ApprovePolicy(plans=ZERO, deadline=HOUR / 2)),
        (
            "{plans: above 2500.5 USDT, deposits: true}",
            ApprovePolicy(plans=dec("2500.5"), deposits=True),
        ),
    ],
)
def test_plans_are_approved_always_or_from_an_amount_on(
    written: str, policy: ApprovePolicy, loaded: Load
) -> None:
    asked = ("    quote: USDT", f"    quote: USDT\n    approve: {written}")
    assert loaded(asked).portfolios[0].approve == policy


def test_one_portfolio_may_have_several_of_a_kind(loaded: Load) -> None:
    dip = "{kind: dip_buy, id: dip-%d, asset: ETH, drop: %d%%, window: 30d, qty: 2, exit: {mode: convert}}"
    both = f"{dip % (1, 10)}\n      - {dip % (2, 20)}"
    assert [s.id for s in loaded((HEDGE, both)).portfolios[0].strategies] == [
        "keep-shape",
        "dip-1",
        "dip-2",
    ]
