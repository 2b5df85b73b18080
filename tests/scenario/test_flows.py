"""Deposits, withdrawals and trades by hand, beside a running hedge (MEANING 11; S10, its first half).

The exchange's own log says what was sent; the records say what was taken for a flow.
"""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest

from counterpoise.domain.errors import StoreError, VenueError
from counterpoise.domain.ledger import LedgerEntry
from counterpoise.domain.numbers import ZERO, dec
from counterpoise.domain.operator import Command, CommandKind
from counterpoise.domain.policy import ApprovePolicy
from counterpoise.domain.records import Changes
from counterpoise.domain.strategy import DriftPolicy, HedgePolicy
from counterpoise.domain.strategy.drift import Legs
from counterpoise.record.memory import MemoryStore
from counterpoise.venue.sim import MarketKind, Side, Wallet
from counterpoise.venue.sim.venue import SimVenue
from tests.scenario.stage import NO_FEES, REAL_FEES, START, Stage, make_shape, make_stage
from tests.scenario.test_worked_tactics import DERISK, shape_60
from tests.scenario.test_worked_tactics import told as say

FULL = HedgePolicy(id="full", asset="BTC", ratio=dec(1))
ASKS = ApprovePolicy(deposits=True)


async def hedged(**stage: object) -> Stage:
    """Two hours of a full hedge of one BTC at 100,000."""
    made = make_stage({"BTC": 100_000}, {"BTC": 1}, futures=50_000, **stage)  # type: ignore[arg-type]  # keyword table
    await made.run(make_shape(FULL), hours=2)
    assert made.position() == -1
    return made


async def flows(stage: Stage) -> list[tuple[str, Decimal, str]]:
    return [(f.asset, f.qty, f.source) for f in await stage.store.flows("p", START)]


def held(stage: Stage, since: int = 0) -> list[list[str]]:
    return [[r.code for r in report.held] for report in stage.reports[since:]]


def told(stage: Stage, kind: str) -> list[str]:
    return [a.text for r in stage.reports for a in r.alerts if a.kind == kind]


# --- S10, its first half


async def test_s10_coins_sold_by_hand_cut_the_short_without_asking() -> None:
    stage = await hedged()
    policy = make_shape(FULL, approve=ASKS)
    looks, sent = len(stage.reports), len(stage.events("place"))
    sold_at = stage.clock.now()
    stage.by_hand(Side.SELL, "BTC", "0.5", MarketKind.SPOT)
    await stage.run(policy, hours=1)
    assert held(stage, looks)[:3] == [["flow_unconfirmed"] * 2] * 2 + [[]]
    assert stage.reports[looks + 2].as_of - sold_at == timedelta(seconds=60)
    assert stage.position() == dec("-0.5")
    cuts = stage.events("place")[sent + 1 :]
    assert cuts
    assert all(o["reduce_only"] and o["side"] == "buy" for o in cuts)
    btc, usdt = sorted(await stage.store.flows("p", START), key=lambda f: f.asset)
    assert (btc.asset, btc.qty, btc.price, btc.source) == ("BTC", dec("-0.5"), 100_000, "looks")
    assert (usdt.asset, usdt.qty) == ("USDT", dec("49999.995")), "at the bid"
    assert await stage.store.approvals("p", 9) == ()
    first, second = sorted(told(stage, "flow"))
    assert first.startswith("Deposit of 49999.995 USDT found at sim: several equal looks show it.")
    assert second.startswith("Withdrawal of 0.5 BTC, worth 50,000.00 USDT, found at sim: several")


async def test_s10_coins_deposited_grow_the_hedge_by_themselves_where_nobody_wants_to_be_asked() -> (
    None
):
    stage = await hedged()
    stage.exchange.deposit(stage.api_key, Wallet.SPOT, "BTC", dec("0.5"))
    await stage.run(make_shape(FULL), hours=1)
    assert await flows(stage) == [("BTC", dec("0.5"), "ledger")]
    assert stage.position() == dec("-1.5")
    assert not any(held(stage)), "the venue's own books show it"


async def test_s10_coins_deposited_wait_for_a_word_where_that_is_wanted() -> None:
    stage = await hedged()
    policy = make_shape(FULL, approve=ASKS)
    stage.exchange.deposit(stage.api_key, Wallet.SPOT, "BTC", dec("0.5"))
    await stage.run(policy, hours=1)
    assert stage.position() == -1
    (asked,) = await stage.store.approvals("p", 9)
    assert (asked.strategy, asked.cap, asked.wanted) == ("full", -1, dec("-1.5"))


@pytest.mark.parametrize("answer", [CommandKind.APPROVE, CommandKind.DENY])
async def test_coins_deposited_hold_both_legs_of_a_drift_until_the_answer(
    answer: CommandKind,
) -> None:
    """40 of 60 + 40 coins shall be hedged in part, and 80 ETH bought with that: not the one without the other."""
    shape = {"core": (60, ["BTC"]), "satellite": (20, ["ETH"]), "buffer": (20, ["USDT"])}
    policy = make_shape(DriftPolicy(id="shape"), shape=shape, approve=ASKS)
    stage = make_stage(
        {"BTC": 1000, "ETH": 100}, {"BTC": 60, "ETH": 200, "USDT": 8_000}, futures=12_000
    )
    await stage.run(policy, hours=1)
    stage.exchange.deposit(stage.api_key, Wallet.SPOT, "BTC", dec(40))
    await stage.run(policy, hours=2)
    assert (stage.position("BTC"), stage.position("ETH")) == (0, 0)
    (asked,) = await stage.store.approvals("p", 9)
    assert (asked.asset, asked.wanted) == ("BTC", -16)
    notes = {n.code for n in stage.last.decisions.notes}  # type: ignore[union-attr]  # decided
    assert notes == {"awaits_approval", "awaits_other_leg"}
    word = Command(
        id="answer",
        portfolio="p",
        kind=answer,
        who="ann",
        origin="test",
        asked_at=stage.clock.now(),
        args={"approval": asked.id},
    )
    await stage.say(Changes(portfolio="p", commands=(word,)))
    await stage.run(policy, hours=2)
    btc = -16 if answer is CommandKind.APPROVE else 0
    assert (stage.position("BTC"), stage.position("ETH")) == (btc, 80)


async def test_coins_withdrawn_while_nobody_looks_are_found_at_the_next_start() -> None:
    stage = await hedged()
    stage.exchange.withdraw(stage.api_key, Wallet.SPOT, "BTC", dec("0.25"))
    stage.exchange.advance(dec(5 * 3600))
    stage.clock = type(stage.clock)(stage.exchange.now, stage.exchange.advance)
    await stage.run(make_shape(FULL), hours=1)
    assert await flows(stage) == [("BTC", dec("-0.25"), "ledger")]
    assert stage.position() == dec("-0.75")


async def test_collateral_moved_between_wallets_is_no_flow() -> None:
    stage = make_stage({"BTC": 100_000}, {"BTC": 1, "USDT": 9_000}, futures=50_000)
    await stage.run(make_shape(FULL), hours=1)
    stage.exchange.transfer(stage.api_key, "USDT", dec(7_000), Wallet.SPOT, Wallet.FUTURES)
    await stage.run(make_shape(FULL), hours=1)
    assert await flows(stage) == []
    assert not any(held(stage))


async def test_collateral_deposited_is_a_flow_and_moves_no_hedge() -> None:
    stage = await hedged()
    stage.exchange.deposit(stage.api_key, Wallet.FUTURES, "USDT", dec(1_000))
    await stage.run(make_shape(FULL), hours=1)
    assert await flows(stage) == [("USDT", dec(1_000), "ledger")]
    assert stage.position() == -1


# --- what is ours is no flow, and the books balance


async def test_a_week_of_fees_funding_and_conversions_finds_no_flow() -> None:
    shape = {"core": (60, ["BTC"]), "satellite": (20, ["ETH"]), "buffer": (20, ["USDT"])}
    drift = DriftPolicy(id="shape", legs=Legs.BOTH)
    half = HedgePolicy(id="half", asset="BTC", ratio=dec("0.5"))
    policy = make_shape(half, drift, shape=shape, band="0.02")
    stage = make_stage(
        {"BTC": 90_000, "ETH": 3_000},
        {"BTC": 1, "ETH": 15, "USDT": 10_000},
        futures=40_000,
        fees=REAL_FEES,
        funding="0.0003",
        days=8,
    )
    for btc, eth in ((90_000, 3_000), (99_000, 2_500), (70_000, 2_800), (85_000, 3_600)):
        stage.price(BTC=btc, ETH=eth)
        await stage.run(policy, hours=40)
    assert stage.events("funding")
    assert len(stage.events("fill")) >= 8
    assert await flows(stage) == []
    assert not any("flow_unconfirmed" in codes for codes in held(stage))


@pytest.mark.parametrize("move", [20, -50], ids=["coins are sold", "coins are bought"])
async def test_a_conversion_into_coins_finds_no_flow(move: int) -> None:
    """Coins change hands rung by rung, with fees in what is received, beside the futures they replace."""
    stage = make_stage(
        {"BTC": 1000},
        {"BTC": 80, "USDT": 8_000},
        futures=12_000,
        fees=REAL_FEES,
        funding="0.0001",
    )
    await stage.run(shape_60(DERISK), hours=2)
    stage.fall("BTC", move)
    await say(stage, CommandKind.CONVERT, "less")
    await stage.run(shape_60(DERISK), hours=20)
    assert any(e["market"] == "spot" for e in stage.events("fill"))
    assert stage.position() == 0
    assert await flows(stage) == []
    assert not any("flow_unconfirmed" in codes for codes in held(stage))
    wallets = (await stage.recorded()).wallets
    shown = stage.exchange.account(stage.api_key)
    assert wallets["sim", "BTC"].qty == stage.coins("BTC")
    assert wallets["sim", "USDT"].qty == stage.coins("USDT") + shown.futures["USDT"].wallet_balance


@pytest.mark.parametrize("fees", [NO_FEES, REAL_FEES], ids=["free", "with fees"])
async def test_the_books_balance_to_the_last_digit(fees: object) -> None:
    """Start equity + price PnL + funding - fees + flows = end equity (MEANING 23)."""
    stage = make_stage(
        {"BTC": 100_000}, {"BTC": 1}, futures=50_000, fees=fees, funding="0.0001", days=8
    )  # type: ignore[arg-type]  # parametrised
    policy = make_shape(FULL)
    before, coins = stage.equity, ZERO
    steps = (
        lambda: None,
        lambda: stage.by_hand(Side.SELL, "BTC", "0.5", MarketKind.SPOT),
        lambda: stage.exchange.deposit(stage.api_key, Wallet.SPOT, "BTC", dec("0.7")),
        lambda: stage.exchange.withdraw(stage.api_key, Wallet.FUTURES, "USDT", dec(1_234)),
    )
    price = dec(100_000)
    for step, move in zip(steps, (-5_000, 12_000, -9_000, 3_000), strict=True):
        step()
        await stage.run(policy, hours=25)
        coins += stage.coins("BTC") * move
        price += move
        stage.price(BTC=price)
    await stage.run(policy, hours=1)
    (line,) = (await stage.lines()).values()
    closed = await stage.store.closed_hedges("p", START)
    assert closed == (), "one hedge, from the first to the last"
    earned = line.price_pnl + line.unrealized(price) + line.funding - line.fees
    flowed = sum((f.qty * (f.price or ZERO) for f in await stage.store.flows("p", START)), ZERO)
    assert sorted(a for a, _, _ in await flows(stage)) == ["BTC", "BTC", "USDT", "USDT"]
    assert line.funding != 0
    assert before + coins + earned + flowed == stage.equity


# --- crashes and silence


class FullDisk(MemoryStore):
    """A store whose next commits of a flow fail."""

    broken = 0

    async def commit(self, changes: Changes) -> None:
        if changes.flows and self.broken:
            self.broken -= 1
            raise StoreError("disk full")
        await super().commit(changes)


@pytest.mark.parametrize("how", ["ledger", "looks"])
async def test_a_crash_between_look_and_commit_books_a_flow_once(how: str) -> None:
    stage = make_stage({"BTC": 100_000}, {"BTC": 1, "USDT": 60_000}, futures=90_000)
    stage.store = FullDisk()
    policy = make_shape(FULL)
    await stage.run(policy, hours=1)
    if how == "ledger":
        stage.exchange.deposit(stage.api_key, Wallet.SPOT, "BTC", dec("0.5"))
    else:
        stage.by_hand(Side.BUY, "BTC", "0.5", MarketKind.SPOT)
    stage.store.broken = 2
    for _ in range(2):
        with pytest.raises(StoreError):
            await stage.run(policy, hours=1)
        assert stage.position() == -1
    await stage.run(policy, hours=1)
    found = [f for f in await stage.store.flows("p", START) if f.asset == "BTC"]
    assert [f.qty for f in found] == [dec("0.5")]
    assert stage.position() == dec("-1.5")


class DeafBooks(SimVenue):
    """A venue that does not answer for its books so many times."""

    def __init__(self, stage: Stage, times: int) -> None:
        super().__init__("sim", stage.exchange, stage.api_key)
        self.times = times

    async def ledger(self, since: object) -> tuple[LedgerEntry, ...]:
        if self.times:
            self.times -= 1
            raise VenueError("time-out")
        return await super().ledger(since)  # type: ignore[arg-type]  # an instant


async def test_funding_while_the_books_are_silent_is_no_flow(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stage = await hedged(funding="0.0001", days=2)
    deaf = DeafBooks(stage, 0)
    monkeypatch.setattr("tests.scenario.stage.SimVenue", lambda *_: deaf)
    await stage.run(make_shape(FULL), hours=5.8)
    looks = len(stage.reports)
    deaf.times = 12
    await stage.run(make_shape(FULL), hours=2)
    codes = held(stage, looks)
    assert codes.count(["flow_unconfirmed"]) > 4, (
        "it cannot be explained yet, however often it is seen"
    )
    assert codes[-1] == []
    assert await flows(stage) == []
    (line,) = (await stage.lines()).values()
    assert line.funding == 10


async def test_a_flow_is_told_once_and_dust_not_at_all() -> None:
    stage = await hedged()
    stage.exchange.deposit(stage.api_key, Wallet.SPOT, "USDT", dec("0.5"))
    await stage.run(make_shape(FULL), hours=1)
    assert await flows(stage) == [("USDT", dec("0.5"), "ledger")]
    assert told(stage, "flow") == []
    stage.exchange.deposit(stage.api_key, Wallet.SPOT, "BTC", dec("0.5"))
    await stage.run(make_shape(FULL), hours=3)
    (said,) = told(stage, "flow")
    assert said == (
        "Deposit of 0.5 BTC, worth 50,000.00 USDT, found at sim: the venue's books show it. It counts as no gain"
    )
    (row,) = [a for r in stage.reports for a in r.alerts if a.kind == "flow"]
    assert row.data == {
        "asset": "BTC", "venue": "sim", "qty": "0.5", "price": "100000", "source": "ledger",
    }  # fmt: skip
