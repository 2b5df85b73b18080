"""What people are told of ladders, conversions and strategies, compared with what the exchange really traded.

Every :meth:`~tests.scenario.stage.Stage.run` is a process that starts anew with the same database: what is told must
follow from that alone.
"""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from decimal import Decimal

import pytest

from counterpoise.domain.errors import StoreError
from counterpoise.domain.events import Alert, Severity
from counterpoise.domain.numbers import ZERO, dec, text
from counterpoise.domain.operator import CommandKind
from counterpoise.domain.policy import LadderKind, PortfolioPolicy
from counterpoise.domain.records import Changes
from counterpoise.domain.strategy import HedgePolicy, ProfitLadderPolicy, ScaleInPolicy
from counterpoise.domain.strategy.conversion import Level
from counterpoise.domain.strategy.dip_buy import TakeProfit
from counterpoise.domain.strategy.profit_ladder import LadderEnd, LadderTarget
from counterpoise.domain.strategy.scale_in import Confirm, Entry
from counterpoise.record.memory import MemoryStore
from counterpoise.venue.sim import MarketKind, Wallet
from tests.scenario.stage import REAL_FEES, Stage, make_shape, make_stage
from tests.scenario.test_ladders import MINUTE, half, stage_of
from tests.scenario.test_worked_tactics import DERISK, dipped, shape_60
from tests.scenario.test_worked_tactics import told as word

RUNGS = {"rungs": 5, "patience": timedelta(minutes=30), "spacing": dec("0.001")}


def heard(stage: Stage) -> list[Alert]:
    return [a for r in stage.reports for a in r.alerts]


def kinds(stage: Stage) -> list[str]:
    return [a.kind for a in heard(stage)]


def steps(stage: Stage) -> list[str]:
    return [a.data["step"] for a in heard(stage) if "step" in a.data]


def traded(stage: Stage) -> list[str]:
    """The trades that our fills are, by the exchange's own log."""
    return sorted(str(e["trade_id"]) for e in stage.events("fill"))


def spoken_of(stage: Stage) -> list[str]:
    """The trades in the data of alerts."""
    ids = [i for a in heard(stage) for i in a.data.get("trade_ids", "").split(",") if i]
    return sorted(ids)


async def goes_on(stage: Stage, policy: PortfolioPolicy, seconds: int = 30) -> None:
    """One process after the other looks until so much time has passed."""
    until = stage.clock.now() + timedelta(seconds=seconds)
    while stage.clock.now() < until:
        await stage.run(policy, hours=0)
        await stage.clock.sleep(dec(15))


async def climbing(stage: Stage, policy: PortfolioPolicy, minutes: int = 18) -> None:
    """The market rises a rung every three minutes."""
    await goes_on(stage, policy)
    for _ in range(minutes // 3):
        stage.fall("SOL", "0.1")
        await goes_on(stage, policy, seconds=180)


# --- ladders


async def test_a_ladder_of_five_rungs_is_three_messages_and_every_fill_is_in_one_of_them() -> None:
    stage = stage_of()
    await climbing(stage, half(**RUNGS))
    assert stage.position("SOL") == -50
    assert kinds(stage) == ["hedge_opened", "ladder", "hedge_adjusted"]
    begun, on, done = heard(stage)
    assert "on the way to -50 SOL (1 of 5 rungs filled)" in begun.text
    assert on.severity is Severity.INFO
    assert "since the last word" in on.text
    assert done.text.startswith("Hedge of SOL complete: in all sold 50 SOL with SOL/USDT:USDT at ")
    assert done.data["qty"] == "50"
    paid = sum((dec(str(e["qty"])) * dec(str(e["price"])) for e in stage.events("fill")), ZERO)
    assert dec(done.data["avg_price"]) == paid / 50
    assert spoken_of(stage) == traded(stage)
    assert len({a.data["decision"] for a in (begun, on, done)}) == 1


class Broken(MemoryStore):
    """A database that takes every transaction but one."""

    def __init__(self, fails: int) -> None:
        super().__init__()
        self._left = fails

    async def commit(self, changes: Changes) -> None:
        self._left -= 1
        if self._left == 0:
            raise StoreError("the disk is full")
        await super().commit(changes)


@pytest.mark.parametrize("fails", range(2, 30, 2))
async def test_a_look_that_is_not_recorded_is_told_by_the_next_one_and_nothing_twice(
    fails: int,
) -> None:
    """The even transactions are those that hold fills and what is told of them."""
    stage = stage_of()
    stage.store = Broken(fails)
    policy = half(**RUNGS)
    for minute in range(16):
        if minute % 2:
            stage.fall("SOL", "0.11")
        try:
            await goes_on(stage, policy)
        except StoreError:
            continue
    assert stage.position("SOL") == -50
    committed = [row.alert for row in await _outbox(stage)]
    ids = [i for a in committed for i in a.data.get("trade_ids", "").split(",") if i]
    assert sorted(ids) == traded(stage)
    (done,) = (a for a in committed if a.data.get("step") == "done")
    assert done.data["qty"] == "50"


async def _outbox(stage: Stage) -> tuple:  # type: ignore[type-arg]  # rows of the outbox
    await stage.store.enrol(["all"], stage.clock.now() - timedelta(days=9))
    return await stage.store.pending("all", 0, 1000)


async def test_a_goal_that_changes_on_the_way_ends_the_ladder_with_its_sum() -> None:
    stage = stage_of()
    policy = half(**RUNGS)
    await climbing(stage, policy, minutes=6)
    filled = text(-stage.position("SOL"))
    assert 0 < dec(filled) < 50
    stage.exchange.withdraw(stage.api_key, Wallet.SPOT, "SOL", dec(20))
    await stage.run(policy, hours=2 * MINUTE)
    (left,) = (a for a in heard(stage) if a.data.get("step") == "left")
    assert left.kind == "ladder"
    assert left.text.startswith(
        f"Hedge of SOL: the way to -50 SOL ends at -{filled}, as -40 SOL is"
    )
    assert f"In all sold {filled} SOL" in left.text
    await climbing(stage, policy, minutes=18)
    assert stage.position("SOL") == -40
    assert steps(stage)[-1] == "done"
    assert spoken_of(stage) == traded(stage)


@pytest.mark.parametrize("ladder", LadderKind)
async def test_patience_that_runs_out_is_told_with_the_fill(ladder: LadderKind) -> None:
    stage = stage_of()
    policy = half(ladder=ladder, rungs=3, patience=timedelta(minutes=3))
    await goes_on(stage, policy, seconds=600)
    assert stage.position("SOL") == -50
    assert spoken_of(stage) == traded(stage)
    if ladder is LadderKind.TIMED:  # it crosses with every part: that is its way
        assert steps(stage) == ["begun", "done"]
        assert "(1 of 3 rungs filled)" in heard(stage)[0].text
        assert not any("patience" in a.text for a in heard(stage))
        return
    (told,) = heard(stage)
    assert told.kind == "hedge_opened"
    assert "on average, after patience ran out; futures position 0 -> -50 SOL" in told.text
    assert told.data["reason"]


async def test_a_book_that_offers_too_little_is_told_once_and_with_what_it_gave() -> None:
    """Within a basis point takers get 20 SOL in a quarter of an hour; 50 are wanted."""
    stage = make_stage({"SOL": 100}, {"SOL": 100, "USDT": 5_000}, futures=20_000, volume=200)
    policy = half(rungs=3, patience=timedelta(minutes=3), max_slippage=dec("0.0001"))
    await goes_on(stage, policy, seconds=3600)
    assert stage.position("SOL") == -50
    assert spoken_of(stage) == traded(stage)
    begun, short, *on, done = heard(stage)
    assert (begun.data["step"], short.data["step"], done.data["step"]) == (
        "begun",
        "crosses",
        "done",
    )
    assert {a.data["step"] for a in on} == {"on"}
    assert (
        "after patience ran out; futures position 0 -> -20 SOL on the way to -50 SOL, eff"
        in begun.text
    )
    assert "20 of 50 SOL sold. -20 of -50 SOL is held; 30 SOL is missing" in short.text
    assert not any("patience" in a.text or "Why" in a.text or "rung" in a.text for a in (*on, done))
    assert begun.data["reason"] == done.data["reason"] != ""
    assert begun.data["decision"] == done.data["decision"] != ""


async def test_a_closed_hedge_says_what_it_earned_or_cost_as_the_book_has_it() -> None:
    stage = make_stage(
        {"SOL": 100}, {"SOL": 100, "USDT": 5_000}, futures=20_000, fees=REAL_FEES, funding="0.0001"
    )
    await stage.run(half(), hours=9)
    stage.fall("SOL", -10)
    stage.exchange.withdraw(stage.api_key, Wallet.SPOT, "SOL", dec(100))
    await stage.run(half(), hours=1)
    (closed,) = await stage.closed()
    (told,) = (a for a in heard(stage) if a.kind == "hedge_closed")
    earned = closed.price_pnl + closed.funding - closed.fees
    assert dec(told.data["earned"]) == earned > 0
    assert f"In all it earned {earned.quantize(dec('0.01')):,} USDT" in told.text
    assert "funding received" in told.text


# --- conversions


async def test_a_conversion_is_told_as_one_thing_with_its_sum() -> None:
    stage = make_stage(
        {"BTC": 1000}, {"BTC": 80, "USDT": 8_000}, futures=12_000, fees=REAL_FEES, funding="0.0001"
    )
    policy = shape_60(DERISK)
    await stage.run(policy, hours=2)
    await word(stage, CommandKind.CONVERT, "less")
    await goes_on(stage, policy, seconds=3600)
    assert stage.position() == 0
    told = [a for a in heard(stage) if a.kind.startswith("conversion")]
    begun, *on, ended = told
    assert (begun.kind, ended.kind) == ("conversion_begun", "conversion_ended")
    assert 1 <= len(on) <= 3
    assert {a.kind for a in on} == {"conversion"}
    assert "BTC: sell 20" in begun.text
    assert "close the short of 20" in begun.text
    assert ended.text.startswith("less has converted: BTC: sold 20")
    assert "futures -20 -> 0" in ended.text
    (closed,) = await stage.closed()
    assert dec(ended.data["earned"]) == closed.price_pnl + closed.funding - closed.fees
    assert spoken_of(stage) == traded(stage)


async def test_a_conversion_that_is_called_off_says_so_with_its_sum() -> None:
    stage = make_stage({"BTC": 1000}, {"BTC": 80, "USDT": 8_000}, futures=12_000)
    policy = shape_60(DERISK)
    await stage.run(policy, hours=2)
    await word(stage, CommandKind.CONVERT, "less")
    await stage.run(policy, hours=4 * MINUTE)
    sold = 80 - stage.coins("BTC")
    assert 0 < sold < 20
    await word(stage, CommandKind.CANCEL, "less")
    await stage.run(policy, hours=1)
    (ended,) = (a for a in heard(stage) if a.kind == "conversion_ended")
    assert ended.text.startswith("less ends its conversion before it is through: BTC: sold ")
    assert spoken_of(stage) == traded(stage)


async def test_a_profit_that_buys_coins_tells_dip_profit_and_coins() -> None:
    stage, policy = await dipped(
        TakeProfit(level=Level(value=dec("0.1"), relative=True), buy_spot=True)
    )
    stage.fall("ETH", "10.1")
    await stage.run(policy, hours=4)
    said = [k for k in kinds(stage) if k != "ladder"]
    assert said == [
        "tranche",
        "hedge_opened",
        "strategy_turned",
        "hedge_closed",
        "conversion_begun",
        "conversion_ended",
    ]
    texts = {a.kind: a.text for a in heard(stage)}
    assert texts["tranche"].startswith("dip buys the dip: 2 ETH in futures are wanted now. Why: ")
    assert texts["strategy_turned"].startswith("dip takes its profit")


# --- strategies


def sol(strategy: ProfitLadderPolicy | ScaleInPolicy) -> PortfolioPolicy:
    return make_shape(strategy, shape={"core": (80, ["SOL"]), "buffer": (20, ["USDT"])})


async def test_a_target_that_is_reached_is_told_once_and_so_is_the_end_of_the_rally() -> None:
    ladder = ProfitLadderPolicy(
        id="out",
        asset="SOL",
        targets=(
            LadderTarget(price=dec(110), add=dec("0.25")),
            LadderTarget(price=dec(115), add=dec("0.05")),
            LadderTarget(price=dec(130), add=dec("0.15")),
        ),
        end=LadderEnd(trail=dec("0.1")),
    )
    stage = stage_of()
    for price in (100, 116, 116, 112, 116, 131, 131, 100, 100):
        stage.price(SOL=price)
        await stage.run(sol(ladder), hours=0.5)
    hits = [a for a in heard(stage) if a.kind == "target_hit"]
    assert [a.text for a in hits] == [
        "SOL reached 115 (targets 1 to 2 of 3 of out): 30 % more of what is held is to be hedged, 30 % in all",
        "SOL reached 130 (target 3 of 3 of out): 15 % more of what is held is to be hedged, 45 % in all",
    ]
    (over,) = (a for a in heard(stage) if a.kind == "strategy_turned")
    assert over.text.startswith("out ends and holds no futures on SOL: SOL 10 % or more below")


async def test_tranches_and_a_long_that_was_wrong_are_told_once() -> None:
    strategy = ScaleInPolicy(
        id="in",
        asset="SOL",
        entry=Entry(qty=dec(5), above=dec(100)),
        confirm=Confirm(qty=dec(5), support=dec(95), bounce=dec("0.05"), resistance=dec(105)),
        invalidate=dec(90),
    )
    stage = stage_of()
    for price in (100, 106, 106, 89, 89, 89):
        stage.price(SOL=price)
        await stage.run(sol(strategy), hours=0.5)
    said = [a.text for a in heard(stage) if a.kind in {"tranche", "strategy_turned"}]
    assert [t.split(". Why")[0] for t in said[:2]] == [
        "in takes its entry: 5 SOL in futures are wanted now",
        "in takes its confirmation: 10 SOL in futures are wanted now",
    ]
    assert said[2].startswith("in ends and holds no futures on SOL: SOL at or below 90")
    assert len(said) == 3


async def test_what_an_operator_ended_is_told_with_the_word_and_not_again() -> None:
    ladder = ProfitLadderPolicy(
        id="out", asset="SOL", targets=(LadderTarget(price=dec(110), add=dec("0.25")),)
    )
    stage = stage_of()
    stage.price(SOL=111)
    await stage.run(sol(ladder), hours=1)
    await word(stage, CommandKind.RELEASE, "out")
    await stage.run(sol(ladder), hours=1)
    assert Counter(kinds(stage))["operator"] == 1
    assert "strategy_turned" not in kinds(stage)
    assert stage.position("SOL") == Decimal(0)


# --- what others did to our orders


async def open_ids(stage: Stage) -> set[str]:
    """What works, by the exchange's own log."""
    ended = {e["client_id"] for k in ("fill", "cancel") for e in stage.events(k)}
    return {str(e["client_id"]) for e in stage.events("place") if e["client_id"] not in ended}


async def test_orders_that_others_took_down_are_told_in_one_message_and_placed_anew() -> None:
    stage = stage_of()
    policy = half(**RUNGS)
    await goes_on(stage, policy)
    working = await open_ids(stage)
    assert len(working) > 1
    for id_ in working:
        stage.exchange.cancel(stage.api_key, MarketKind.PERP, "SOLUSDT", client_order_id=id_)
    await goes_on(stage, policy)
    (told,) = (a for a in heard(stage) if a.kind == "taken_down")
    assert told.severity is Severity.WARNING
    assert told.text.startswith(f"{len(working)} orders of ours on SOL/USDT:USDT at sim were taken")
    assert set(told.data["orders"].split(",")) == working
    assert await open_ids(stage), "what is wanted is placed anew"


async def test_what_we_take_down_ourselves_is_no_news_of_others() -> None:
    stage = stage_of()
    policy = half(**RUNGS)
    await climbing(stage, policy, minutes=6)
    stage.exchange.withdraw(stage.api_key, Wallet.SPOT, "SOL", dec(20))
    await goes_on(stage, policy, seconds=3600)
    assert stage.events("cancel")
    assert "taken_down" not in kinds(stage)


async def test_what_strategies_hold_against_each_other_counts_when_nothing_is_held_in_all() -> None:
    """One is short 25, the other then wants a long of 25: nothing is left, and the fall was earned."""
    short = HedgePolicy(id="short", asset="SOL", qty=dec(25))
    long = ScaleInPolicy(
        id="long",
        asset="SOL",
        entry=Entry(qty=dec(25), below=dec(90)),
        invalidate=dec(50),
    )
    policy = make_shape(
        short, long, shape={"core": (80, ["SOL"]), "buffer": (20, ["USDT"])}, band="0.9"
    )
    stage = stage_of()
    await stage.run(policy, hours=1)
    assert stage.position("SOL") == -25
    stage.price(SOL=80)
    await stage.run(policy, hours=1)
    assert stage.position("SOL") == 0
    (told,) = (a for a in heard(stage) if a.kind == "hedge_closed")
    sold, bought = (dec(str(e["price"])) for e in stage.events("fill"))
    assert dec(told.data["price_pnl"]) == (sold - bought) * 25
    assert "In all it earned 49" in told.text
