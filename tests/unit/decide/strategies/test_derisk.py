from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from counterpoise.decide.strategies.derisk import derisk
from counterpoise.domain.numbers import ONE, ZERO, dec
from counterpoise.domain.operator import CommandKind
from counterpoise.domain.policy import PortfolioPolicy
from counterpoise.domain.strategy import DeriskPolicy, DeriskState
from counterpoise.domain.strategy.conversion import ConvertMode, ConvertPolicy, Level
from counterpoise.domain.strategy.derisk import DeriskPhase, Retarget
from tests.build import NOW, make_policy, make_sleeve
from tests.unit.decide.floor import LOT, MINUTE, Floor, floored

SLEEVES = (make_sleeve("crypto", "0.8", {"ETH": 1}), make_sleeve("buffer", "0.2", {"USDT": 1}))
PAIR = (
    make_sleeve("crypto", "0.8", {"ETH": "0.75", "SOL": "0.25"}),
    make_sleeve("buffer", "0.2", {"USDT": 1}),
)


def portfolio(convert: ConvertPolicy | None = None, **changes: Any) -> PortfolioPolicy:
    sleeves = changes.pop("sleeves", SLEEVES)
    assets = tuple(a for a in sleeves[0].assets)
    strategy = DeriskPolicy(
        id="less", target=dec("0.6"), assets=assets, convert=convert or ConvertPolicy(), **changes
    )
    return make_policy(strategy, sleeves=sleeves)


def floor(convert: ConvertPolicy | None = None, **changes: Any) -> Floor:
    """S4 times 1,000: 80 ETH at 1,000, 20,000 USDT, half of it as collateral."""
    return floored(
        derisk,
        portfolio(convert, **changes),
        DeriskState(),
        {"ETH": 1000},
        {"ETH": 80, "USDT": 10_000},
        margin=10_000,
    )


def pair() -> Floor:
    """60 ETH at 1,000 and 200 SOL at 100, 20,000 USDT."""
    return floored(
        derisk,
        portfolio(sleeves=PAIR),
        DeriskState(),
        {"ETH": 1000, "SOL": 100},
        {"ETH": 60, "SOL": 200, "USDT": 10_000},
        margin=10_000,
    )


def phase(on: Floor) -> DeriskPhase:
    assert isinstance(on.state, DeriskState)
    return on.state.phase


def hedged(**changes: Any) -> Floor:
    on = floor(**changes)
    on.settle()
    return on


# --- S4: hedge first ---


def test_the_excess_is_shorted_at_once() -> None:
    on = floor()
    decision = on.cycle()["ETH"]
    assert (decision.overlay, decision.coins) == (-20, None)
    assert decision.reason.text == (
        "crypto weighs 80 % against a target of 60 %: short 20 ETH of 80 at once"
    )
    on.settle()
    assert on.value("ETH") / on.equity == dec("0.6")
    assert phase(on) is DeriskPhase.HEDGED
    assert on.decisions["ETH"].reason.code == "derisk_hedged"


def test_the_excess_is_shared_by_value() -> None:
    on = pair()
    decisions = on.cycle()
    assert {a: d.overlay for a, d in decisions.items()} == {"ETH": -15, "SOL": -50}


def test_it_looks_at_the_sum_and_adds_only_what_is_missing() -> None:
    on = floor()
    on.others = {"ETH": dec(-5)}
    assert on.cycle()["ETH"].overlay == -15
    on = floor()
    on.others = {"ETH": dec(-30)}
    decision = on.cycle()["ETH"]
    assert (decision.overlay, decision.reason.code) == (0, "derisk_waiting")
    assert [w.code for w in decision.waits_for] == ["derisk_waits_weight"]


def test_the_quantity_is_frozen_but_never_above_what_is_held() -> None:
    on = hedged()
    on.move(ETH="1.3")
    assert on.cycle()["ETH"].overlay == -20
    on.spot["ETH"] = dec("12.5")
    decision = on.cycle()["ETH"]
    assert (decision.overlay, decision.reason.code) == (dec("-12.5"), "derisk_capped")
    on.spot["ETH"] = dec(80)
    assert on.cycle()["ETH"].overlay == -20


def test_what_others_hedge_needs_no_second_short() -> None:
    on = hedged()
    on.others = {"ETH": dec(-70)}
    assert on.cycle()["ETH"].overlay == -10


def test_conversion_counts_what_others_hedge() -> None:
    on = floor()
    on.others = {"ETH": dec(-5)}
    on.settle()
    on.cycle(CommandKind.CONVERT)
    on.fill()
    on.settle()
    assert (on.spot["ETH"], on.futures["ETH"]) == (65, 0)


def test_a_band_sizes_it_anew_only_outside() -> None:
    on = hedged(retarget=Retarget.BAND)
    on.move(ETH="1.2")
    assert on.cycle()["ETH"].overlay == -20  # 64.3 %
    on.move(ETH="1.2")
    decision = on.cycle()["ETH"]
    # equity 126,400: 60 % is 52.666 ETH
    assert (decision.overlay, decision.reason.code) == (dec("-27.333"), "derisk_retargeted")
    on.settle()
    assert on.decisions["ETH"].reason.code == "derisk_hedged"
    assert abs(on.value("ETH") / on.equity - dec("0.6")) < dec("0.0001")


def test_a_band_lets_go_after_a_deep_fall() -> None:
    on = hedged(retarget=Retarget.BAND)
    on.move(ETH="0.5")
    assert on.cycle()["ETH"].overlay == 0
    assert phase(on) is DeriskPhase.WAITING


def test_what_cannot_be_shorted_says_so() -> None:
    on = pair()
    scene = on.scene()
    universe = replace(scene.universe, futures={"SOL": scene.universe.futures["SOL"]})
    outcome = derisk(on.strategy, replace(scene, universe=universe), DeriskState())  # type: ignore[arg-type]  # the floor's strategy is one
    said = {d.asset: (d.overlay, d.reason.code) for d in outcome.decisions}
    assert said == {"ETH": (0, "no_instrument"), "SOL": (-50, "derisk_sized")}


# --- S4: convert later, in all branches ---


@pytest.mark.parametrize(
    ("factor", "equity", "traded", "coins"),
    [
        pytest.param("1", 100_000, "-20", 60, id="unchanged"),
        pytest.param("0.8", 88_000, "-14", "52.8", id="S4: 20 % down sells 11.2"),
        pytest.param("1.2", 112_000, "-24", "67.2", id="S4: 20 % up sells 28.8"),
        pytest.param("0.5", 70_000, "4", 42, id="S4: 50 % down buys 2.0"),
    ],
)
@pytest.mark.parametrize("mode", list(ConvertMode))
def test_conversion_follows_the_arithmetic(
    factor: str, equity: int, traded: str, coins: str, mode: ConvertMode
) -> None:
    on = hedged(convert=ConvertPolicy(mode=mode))
    on.move(ETH=factor)
    assert on.equity == equity
    on.cycle(CommandKind.CONVERT)
    on.fill()
    for _ in range(20):
        on.cycle(after=timedelta(hours=1))
        on.fill()
    assert phase(on) is DeriskPhase.ENDED
    assert on.coins["ETH"] == dec(traded)
    assert on.futures["ETH"] == 0
    assert on.value("ETH") == dec(coins) * 1000
    assert on.equity == equity


def test_buying_starts_below_45_45_percent() -> None:
    for factor, buys in (("0.546", False), ("0.545", True)):
        on = hedged()
        on.move(ETH=factor)
        on.cycle(CommandKind.CONVERT)
        on.fill()
        on.settle()
        assert (on.coins.get("ETH", ZERO) > 0) is buys, factor
        assert on.futures["ETH"] == 0


def test_coins_lead_by_one_rung_and_release_what_they_replace() -> None:
    on = hedged()
    decision = on.cycle(CommandKind.CONVERT)["ETH"]
    assert (decision.overlay, decision.coins) == (-20, -4)
    on.fill_coins("ETH", dec("0.25"))
    decision = on.cycle()["ETH"]
    assert (decision.overlay, decision.coins) == (-19, -4)
    on.fill_coins("ETH")
    decision = on.cycle()["ETH"]
    assert (decision.overlay, decision.coins) == (-16, -4)
    assert [w.code for w in decision.waits_for] == ["convert_release_first"]
    on.fill_futures("ETH", dec("0.5"))
    assert on.cycle()["ETH"].coins == -4
    on.fill_futures("ETH")
    decision = on.cycle()["ETH"]
    assert (decision.overlay, decision.coins) == (-16, -8)


def test_gradual_takes_a_tranche_every_so_often() -> None:
    on = hedged(convert=ConvertPolicy(mode=ConvertMode.GRADUAL, tranches=4))
    decision = on.cycle(CommandKind.CONVERT)["ETH"]
    assert decision.coins == -5
    assert on.outcome is not None
    assert on.outcome.wakeups.at == on.now + timedelta(hours=1)
    on.fill()
    on.settle()
    decision = on.decisions["ETH"]
    assert (decision.overlay, decision.coins) == (-15, -5)
    assert decision.reason.code == "convert_next_tranche"
    assert on.cycle(after=timedelta(hours=1))["ETH"].coins == -10


def test_gradual_moves_both_legs_by_tranches_when_they_go_the_same_way() -> None:
    on = hedged(convert=ConvertPolicy(mode=ConvertMode.GRADUAL, tranches=4))
    on.move(ETH="0.5")
    decision = on.cycle(CommandKind.CONVERT)["ETH"]
    assert (decision.overlay, decision.coins) == (-15, 1)


# --- what starts it ---


@pytest.mark.parametrize(
    ("convert", "factor"),
    [
        pytest.param(ConvertPolicy(above=Level(value=dec(1100))), "1.1", id="absolute above"),
        pytest.param(ConvertPolicy(below=Level(value=dec(900))), "0.9", id="absolute below"),
        pytest.param(
            ConvertPolicy(above=Level(value=dec("0.1"), relative=True)), "1.1", id="10 % up"
        ),
        pytest.param(
            ConvertPolicy(below=Level(value=dec("0.1"), relative=True)), "0.9", id="10 % down"
        ),
    ],
)
def test_a_level_must_hold_in_two_cycles(convert: ConvertPolicy, factor: str) -> None:
    on = hedged(convert=convert)
    on.move(ETH=factor)
    on.cycle()
    assert phase(on) is DeriskPhase.HEDGED
    assert on.outcome is not None
    assert on.outcome.wakeups.soon
    on.prices["ETH"] = dec(1000)
    on.cycle()
    assert not on.outcome.wakeups.soon
    on.move(ETH=factor)
    on.cycle()
    assert phase(on) is DeriskPhase.HEDGED
    on.cycle()
    assert phase(on) is DeriskPhase.CONVERTING


def test_levels_of_several_assets_mean_their_index() -> None:
    on = pair()
    on.policy = portfolio(ConvertPolicy(above=Level(value=dec("0.1"), relative=True)), sleeves=PAIR)
    (on.strategy,) = on.policy.strategies
    on.settle()
    # the frozen quantities: 15 ETH at 1,000 and 50 SOL at 100; SOL alone must rise by 40 %
    on.move(SOL="1.39")
    on.cycle()
    on.cycle()
    assert phase(on) is DeriskPhase.HEDGED
    on.move(SOL="1.01")
    on.cycle()
    on.cycle()
    assert phase(on) is DeriskPhase.CONVERTING


def test_an_instant_starts_it_and_it_says_what_it_waits_for() -> None:
    at = NOW + timedelta(hours=6)
    on = hedged(convert=ConvertPolicy(at=at, above=Level(value=dec(1200))))
    said = [w.text for w in on.decisions["ETH"].waits_for]
    assert said == [
        f"converts at {at.isoformat()}",
        "converts when mark price of ETH is at or above 1200 in two cycles in a row: it is 1000",
        "converts when an operator says so: counterpoise strategy convert less",
    ]
    assert on.outcome is not None
    assert (on.outcome.wakeups.at, on.outcome.wakeups.above) == (at, {"ETH": 1200})
    on.cycle(after=at - on.now - MINUTE)
    assert phase(on) is DeriskPhase.HEDGED
    on.cycle()
    assert phase(on) is DeriskPhase.CONVERTING


@pytest.mark.parametrize("word", [CommandKind.RELEASE, CommandKind.CANCEL])
def test_release_and_cancel_close_without_converting(word: CommandKind) -> None:
    on = hedged()
    decision = on.cycle(word)["ETH"]
    assert (decision.overlay, decision.coins, phase(on)) == (0, None, DeriskPhase.ENDED)
    on.settle()
    assert (on.futures["ETH"], on.spot["ETH"]) == (0, 80)
    assert on.cycle()["ETH"].overlay == 0
    assert on.cycle(CommandKind.START)["ETH"].overlay == -20


def test_cancel_stops_a_conversion_where_it_is() -> None:
    on = hedged()
    on.cycle(CommandKind.CONVERT)
    on.fill_coins("ETH", dec("0.5"))
    decision = on.cycle(CommandKind.CANCEL)["ETH"]
    assert (decision.overlay, decision.coins) == (0, None)


# --- what may be in the way ---


def test_never_sells_more_than_is_there() -> None:
    on = hedged()
    on.cycle(CommandKind.CONVERT)
    on.fill()
    on.settle(2) if phase(on) is DeriskPhase.ENDED else on.cycle()
    on.spot["ETH"] = dec(3)
    before = on.spot["ETH"]
    on.cycle()
    on.fill()
    assert on.spot["ETH"] == before, "not while its futures make it net short"
    on.futures["ETH"] = dec(-3)  # the clamp cut them
    on.settle()
    assert phase(on) is DeriskPhase.ENDED
    assert (on.spot["ETH"], on.futures["ETH"]) == (0, 0)


def test_what_was_too_small_to_sell_counts_with_the_next_sale() -> None:
    on = hedged()
    on.move(ETH="1.2")
    on.cycle(CommandKind.CONVERT)
    for _ in range(4):
        on.fill_coins("ETH")
        on.cycle()
        on.fill_futures("ETH")
        on.cycle()
    # 0.004 of the last rung that replaces futures are left; of the rest, 4, somebody's order locks all but 4.001
    on.fill_coins("ETH", dec("0.999"))
    on.changes["purse"] = {"ETH": dec("4.001"), "USDT": ZERO}
    on.cycle()
    assert ZERO < -on.missing_coins("ETH") <= dec("4.001")


def test_coins_kept_elsewhere_are_never_sold() -> None:
    on = floor()
    on.policy = replace(on.policy, holdings={"ETH": dec(70)})
    on.spot["ETH"] = dec(10)
    on.settle()
    assert on.futures["ETH"] == -20
    assert on.cycle(CommandKind.CONVERT)["ETH"].coins == -2  # a rung of the ten that can be sold
    on.fill()
    on.settle()
    assert (on.spot["ETH"], on.futures["ETH"], phase(on)) == (0, 0, DeriskPhase.ENDED)


def test_too_little_quote_buys_partly_then_waits() -> None:
    on = hedged()
    on.move(ETH="0.5")
    on.spot["USDT"] -= 9000  # 1,000 is left; 4 ETH cost 2,000
    on.margin += 9000
    decision = on.cycle(CommandKind.CONVERT)["ETH"]
    assert (decision.overlay, decision.coins) == (0, dec("1.994"))
    assert decision.waits_for[0].code == "convert_quote_short"
    on.fill()
    on.settle()
    decision = on.decisions["ETH"]
    assert (phase(on), decision.reason.code) == (DeriskPhase.CONVERTING, "convert_quote_short")
    assert decision.reason.numbers["missing"] == "1003.01"
    before = on.state
    on.cycle()
    assert on.state == before
    on.spot["USDT"] += 9000
    on.margin -= 9000
    on.settle()
    assert (phase(on), on.coins["ETH"]) == (DeriskPhase.ENDED, 4)


def test_a_wish_stands_while_its_order_works() -> None:
    on = hedged()
    on.move(ETH="0.5")
    on.spot["USDT"] -= 7990
    on.margin += 7990
    assert on.cycle(CommandKind.CONVERT)["ETH"].coins == 4
    on.move(ETH="1.003")  # still payable, if only just
    assert on.cycle()["ETH"].coins == 4
    on.move(ETH="1.01")  # no longer
    shrunk = on.cycle()["ETH"].coins
    assert shrunk is not None
    assert shrunk < 4
    on.move(ETH="0.999")
    assert on.cycle()["ETH"].coins == shrunk


def test_a_wide_spread_stops_the_next_rung() -> None:
    on = hedged()
    quote = on.scene().coin_quotes["ETH"]
    on.changes = {"coin_quotes": {"ETH": replace(quote, bid=dec(990), ask=dec(1010))}}
    decision = on.cycle(CommandKind.CONVERT)["ETH"]
    assert (decision.overlay, decision.coins, decision.reason.code) == (-20, 0, "convert_spread")
    on.changes = {}
    assert on.cycle()["ETH"].coins == -4


def test_dust_ends_a_conversion_with_a_remark() -> None:
    on = hedged()
    on.cycle(CommandKind.CONVERT)
    for _ in range(20):
        on.fill_futures("ETH")
        on.fill_coins("ETH", dec("0.999"))  # a few of a rung's 4,000 lots stay unsold
        if on.cycle()["ETH"].coins is None:
            break
    assert phase(on) is DeriskPhase.ENDED
    assert on.decisions["ETH"].reason.text == (
        "ETH: -19.999 of -20 traded in coins, 0 left in futures: the missing 0.001 was a fee in the coin, is below"
        " what the venue trades, or is not in the wallet"
    )
    assert on.futures["ETH"] == 0


# --- whatever the market and the fills do ---

shares = st.sampled_from([dec(x) for x in ("0", "0.1", "0.5", "0.9", "1")])
factors = st.sampled_from(["0.97", "0.999", "1", "1.001", "1.04"])


@settings(max_examples=80, deadline=None)
@given(
    crash=st.decimals("0.3", "2", places=3),
    mode=st.sampled_from(ConvertMode),
    fee=st.sampled_from([ZERO, dec("0.0005")]),
    steps=st.lists(st.tuples(shares, shares, factors, st.booleans()), max_size=30),
)
def test_exposure_stays_in_its_corridor(
    crash: Decimal,
    mode: ConvertMode,
    fee: Decimal,
    steps: list[tuple[Decimal, Decimal, str, bool]],
) -> None:
    on = hedged(convert=ConvertPolicy(mode=mode))
    on.fee = fee
    on.move(ETH=str(crash))
    start = on.exposure("ETH")
    goal = dec("0.6") * on.equity / on.prices["ETH"]
    towards = ONE if goal >= start else -ONE
    # a rung of what is matched, or a tranche of all coins, at least twice what the venue trades
    led = abs(80 - goal) if mode is ConvertMode.GRADUAL else min(max(80 - goal, ZERO), dec(20))
    smallest = 2 * (5 / (on.prices["ETH"] * dec("0.9")) + LOT)
    slack = max(led / 5, smallest) + LOT + fee * abs(80 - goal)
    low, high = min(start, goal) - slack, max(start, goal) + slack
    reached = start
    on.cycle(CommandKind.CONVERT)
    for coins, futures, factor, coins_first in (*steps, *[(ONE, ONE, "1", True)] * 60):
        if phase(on) is DeriskPhase.ENDED and on.missing_futures("ETH") == 0:
            break  # a last bit that is too small to trade beside other orders is still closed
        fills = [(on.fill_coins, coins), (on.fill_futures, futures)]
        for fill, share in fills if coins_first else reversed(fills):
            if share:
                fill("ETH", share)
            now = on.exposure("ETH")
            assert low <= now <= high
            assert (now - reached) * towards >= -slack, "it went back"
            reached = max(now * towards, reached * towards) * towards
            assert on.futures["ETH"] <= 0
        on.move(ETH=factor)
        on.cycle(after=timedelta(minutes=30))
        if on.decisions["ETH"].reason.code == "convert_quote_short":
            on.spot["USDT"] += 10_000
    assert phase(on) is DeriskPhase.ENDED
    assert on.futures["ETH"] == 0
    # what may have been a fee of 0.1 % in the coin is not waited for
    assert abs(on.exposure("ETH") - goal) <= dec("0.02") + dec("0.001") * abs(80 - goal)
    before = on.state
    on.cycle()
    assert on.state == before
    assert not on.fill()
