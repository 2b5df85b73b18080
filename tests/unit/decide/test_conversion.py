"""What a conversion does where the strategies' own tests do not go: missing pairs, locked coins, a shared purse."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal

from counterpoise.decide.conversion import begin, proceed
from counterpoise.decide.engine import decide
from counterpoise.decide.leg import Pace, leg_of
from counterpoise.domain.numbers import dec
from counterpoise.domain.operator import Ask, CommandKind
from counterpoise.domain.scene import Held, Scene
from counterpoise.domain.strategy import (
    DeriskPolicy,
    DeriskState,
    DriftPolicy,
    DriftState,
    HedgePolicy,
)
from counterpoise.domain.strategy.conversion import AssetConversion, ConversionState
from counterpoise.domain.strategy.derisk import DeriskPhase
from counterpoise.domain.strategy.hedge import Cross
from tests.build import BTC_PERP, NOW, Number, make_policy, make_scene, make_snapshot

PACE = Pace(steps=5, fee=dec("0.001"))


def scene(
    futures: Number = 0,
    coins: Number = 0,
    *,
    spot: Number = 1,
    sol: Number = 100,
    quote: Number = 100_000,
) -> Scene:
    """BTC at 100,000 and SOL at 100; ``futures`` and ``coins`` are what ``x`` has of BTC."""
    snapshot = make_snapshot(
        {"BTC": 100_000, "SOL": 100},
        spot={"BTC": spot, "SOL": sol, "USDT": quote},
        futures={"USDT": 100_000},
    )
    held = {("x", "BTC"): Held(futures=dec(futures), coins=dec(coins))}
    return replace(make_scene(snapshot, make_policy()), held=held)


def test_only_what_there_is_to_do_takes_part() -> None:
    seen = scene(futures="-0.5")
    made = begin("x", {"BTC": dec("-0.5"), "SOL": dec("0.01")}, PACE, seen)
    assert made.assets == {
        "BTC": AssetConversion(futures=dec("-0.5"), spot=dec("-0.5"), spot_from=dec(0))
    }  # 0.01 SOL is less than the venue trades


def test_futures_that_were_never_filled_are_not_released() -> None:
    seen = scene(futures="-0.2")
    made = begin("x", {"BTC": dec("-0.5")}, PACE, seen)
    move = proceed("x", made, PACE, seen).moves["BTC"]
    assert (move.overlay, move.coins) == (dec("-0.2"), dec("-0.04"))


def test_orders_for_its_futures_are_waited_for_and_what_they_brought_is_the_start() -> None:
    before, later = NOW - timedelta(seconds=5), NOW + timedelta(seconds=5)

    def at(futures: Number, pending: Number, made: datetime | None) -> Scene:
        held = Held(futures=dec(futures), pending=dec(pending))
        working = {} if made is None else {"BTC": (made,)}
        return replace(scene(), held={("x", "BTC"): held}, working=working)

    made = begin("x", {"BTC": dec("-0.5")}, PACE, at(0, "-0.5", before))
    for futures in ("0", "-0.1"):
        progress = proceed("x", made, PACE, at(futures, 0, before))
        move = progress.moves["BTC"]
        assert (move.overlay, move.coins) == (dec(futures), None)
        assert move.waits_for[0].code == "convert_orders_first"
        assert not progress.done
        assert not progress.stuck
        made = progress.conversion
    # what another strategy orders later is none of its business, and the last fill counts
    progress = proceed("x", made, PACE, at("-0.3", 0, later))
    move = progress.moves["BTC"]
    assert (move.overlay, move.coins) == (dec("-0.3"), dec("-0.06"))
    # and from here on it stays as it is
    assert progress.conversion.assets["BTC"].futures == dec("-0.3")
    after = proceed("x", progress.conversion, PACE, at("-0.4", 0, before))
    assert after.moves["BTC"].overlay == dec("-0.3")


def test_an_overlay_that_nothing_works_on_is_not_waited_for() -> None:
    held = {("x", "BTC"): Held(futures=dec("-0.2"), pending=dec("-0.3"))}
    seen = replace(scene(), held=held)
    assert not begin("x", {"BTC": dec("-0.5")}, PACE, seen).assets["BTC"].unfilled


def test_nothing_to_do_is_done() -> None:
    seen = scene()
    progress = proceed("x", begin("x", {"BTC": dec(0)}, PACE, seen), PACE, seen)
    assert (progress.done, progress.stuck) == (True, False)


def test_without_a_spot_pair_the_futures_stay() -> None:
    seen = scene(futures="-0.5")
    made = begin("x", {"BTC": dec("-0.5")}, PACE, seen)
    seen = replace(seen, universe=replace(seen.universe, spot={}))
    progress = proceed("x", made, PACE, seen)
    move = progress.moves["BTC"]
    assert (move.overlay, move.reason.code) == (dec("-0.5"), "convert_no_pair")
    assert progress.stuck


def test_without_the_contract_no_more_coins_move() -> None:
    seen = scene(futures="-0.5")
    made = begin("x", {"BTC": dec("-0.5")}, PACE, seen)
    seen = replace(seen, universe=replace(seen.universe, futures={}))
    move = proceed("x", made, PACE, seen).moves["BTC"]
    assert (move.overlay, move.coins) == (dec("-0.5"), 0)
    assert move.reason.code == "convert_no_contract"


def test_coins_that_are_locked_by_others_wait() -> None:
    seen = scene(futures="-0.5")
    made = begin("x", {"BTC": dec("-0.5")}, PACE, seen)
    seen = replace(seen, purse={"BTC": dec("0.00001"), "USDT": dec(0)})
    progress = proceed("x", made, PACE, seen)
    assert progress.moves["BTC"].reason.code == "convert_coins_locked"
    assert progress.stuck
    assert progress.wakeups.soon


def test_purchases_share_the_purse_and_working_ones_come_first() -> None:
    seen = scene(quote=12_000)
    made = ConversionState(
        started_at=NOW,
        assets={
            "BTC": AssetConversion(futures=dec(0), spot=dec("0.1"), spot_from=dec(0)),
            "SOL": AssetConversion(futures=dec(0), spot=dec(50), spot_from=dec(0), wish=dec(50)),
        },
    )
    moves = proceed("x", made, PACE, seen).moves
    # SOL has 5,000 spoken for; 7,000 are left for BTC, fee and slippage included
    assert (moves["SOL"].coins, moves["BTC"].coins) == (50, dec("0.069"))


def test_tranches_missed_while_nobody_looked_are_not_caught_up_at_once() -> None:
    pace = Pace(steps=5, every=timedelta(hours=1), fee=dec(0))
    seen = scene(futures="-0.5")
    made = begin("x", {"BTC": dec("-0.5")}, pace, seen)
    later = NOW + timedelta(hours=10)
    seen = replace(seen, view=replace(seen.view, as_of=later))
    after = proceed("x", made, pace, seen).conversion
    assert (after.tranches_done, after.next_at) == (2, later + timedelta(hours=1))


def test_what_one_strategy_spends_is_not_there_for_the_next() -> None:
    """Drift's BTC is being bought; derisk, whose coins come later, finds the rest of the purse."""
    keep = DriftPolicy(id="x")
    less = DeriskPolicy(id="y", target=dec("0.5"), assets=("SOL",))
    snapshot = make_snapshot(
        {"BTC": 100_000, "SOL": 100}, spot={"BTC": 0, "SOL": 100, "USDT": 12_000}
    )
    buying = ConversionState(
        started_at=NOW,
        assets={
            "BTC": AssetConversion(
                futures=dec(0), spot=dec("0.1"), spot_from=dec(0), wish=dec("0.1")
            )
        },
    )
    states = {
        "x": DriftState(conversion=buying),
        "y": DeriskState(
            phase=DeriskPhase.HEDGED, frozen={"SOL": dec(10)}, entry_prices={"SOL": dec(200)}
        ),
    }
    seen = replace(
        make_scene(snapshot, make_policy(keep, less)),
        held={("y", "SOL"): Held(futures=dec(-10))},
        asks={"y": (Ask(kind=CommandKind.CONVERT, command="c", at=NOW),)},
    )
    wanted = {d.strategy: d.coins for d in decide(seen, states, {}).decisions if d.coins}
    # SOL's goal is 110 of an equity of 22,000; of 12,000 BTC takes 10,000: the ten cost 1,003
    assert wanted == {"x": dec("0.1"), "y": dec(10)}
    poor = replace(seen, purse={**seen.purse, "USDT": dec(10_500)})
    wanted = {d.strategy: d.coins for d in decide(poor, states, {}).decisions if d.coins}
    assert wanted == {"x": dec("0.1"), "y": dec("4.985")}


def test_coins_beside_a_cross_hedge_are_sold_as_without_it() -> None:
    """1 BTC is held and nothing is short of it; the 10 are short against SOL."""
    cross = HedgePolicy(id="h", asset="SOL", ratio=dec(1), cross=Cross(by="BTC"))
    snapshot = make_snapshot(spot={"BTC": 1, "SOL": 10_000}, positions={BTC_PERP: -10})
    part = AssetConversion(futures=dec(0), spot=dec("-0.5"), spot_from=dec(0))

    def short(own: Number) -> Decimal | None:
        scene = make_scene(snapshot, make_policy(cross))
        scene = replace(scene, held={("h", "BTC"): Held(futures=dec(own))})
        return leg_of("BTC", part, Held(), Pace(steps=1), scene).short

    assert short(-10) is None
    # 2 of them are somebody else's
    assert short(-8) == 1
