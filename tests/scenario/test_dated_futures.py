"""Choice and roll of dated futures with real fills: opened by carry, rolled a rung at a time, settled by the venue."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

from counterpoise.app.cycle_report import CycleReport
from counterpoise.domain.numbers import ZERO, dec
from counterpoise.domain.policy import ContractChoice, ExecutionPolicy, PortfolioPolicy
from counterpoise.domain.strategy import HedgePolicy
from tests.scenario.stage import Stage, make_shape, make_stage

FULL = HedgePolicy(id="full", asset="BTC", ratio=dec(1))
SOON, LATER = "BTCUSDT_260112", "BTCUSDT_260327"  # seven and eighty-one days after the start
PERP, SOON_PERP = "BTC/USDT:USDT", "BTC/USDT:USDT-260112"


def hedged(roll_days: float = 2, **changes: object) -> PortfolioPolicy:
    execution = {
        "rungs": 5,
        "spacing": ZERO,
        "patience": timedelta(minutes=1),
        "roll_before": timedelta(days=roll_days),
        **changes,
    }
    return make_shape(FULL, execution=ExecutionPolicy(**execution))  # type: ignore[arg-type]  # keyword table


async def staged(**dated: object) -> Stage:
    """A stage on which two hours have been traded: before that nobody knows whether anyone trades."""
    stage = make_stage(
        {"BTC": 100_000},
        {"BTC": 1},
        futures=60_000,
        funding="0.00001",
        days=12,
        bar=timedelta(hours=1),
        every=timedelta(hours=1),
        dated=dated,
    )
    await stage.clock.sleep(dec(2 * 3600))
    return stage


def held(stage: Stage) -> dict[str, Decimal]:
    """The exchange's own word: position per venue id."""
    view = stage.exchange.account(stage.api_key)
    return {p.symbol: p.qty for p in view.positions if p.qty}


async def test_a_premium_opens_the_dated_future_and_all_else_the_perpetual() -> None:
    stage = await staged(**{LATER: "0.3"})
    await stage.run(hedged(), hours=3)
    assert held(stage) == {LATER: -1}
    stage = await staged(**{LATER: "-0.3"})
    await stage.run(hedged(), hours=3)
    assert held(stage) == {"BTCUSDT": -1}
    stage = await staged(**{LATER: "0.3"})
    await stage.run(hedged(contract=ContractChoice.PERPETUAL), hours=3)
    assert held(stage) == {"BTCUSDT": -1}


async def test_a_roll_is_never_unhedged_by_more_than_a_rung() -> None:
    stage = await staged(**{SOON: "0.5"})
    policy = hedged(roll_days=2)
    await stage.run(policy, hours=3)
    assert held(stage) == {SOON: -1}
    sums: list[Decimal] = []
    legs: list[int] = []

    def look(report: CycleReport) -> None:
        positions = report.snapshot.venues["sim"].account
        assert positions is not None
        sums.append(sum((p.qty for p in positions.positions.values()), ZERO))
        legs.append(len(positions.positions))

    stage.watch = look
    await stage.run(policy, hours=5 * 24 + 8)
    assert held(stage) == {"BTCUSDT": -1}, "rolled into the perpetual"
    assert max(legs) == 2, "both legs at once"
    assert all(-1 - dec("0.2") <= s <= -1 for s in sums), "never less than the hedge"
    assert stage.duplicates() == 0
    assert not stage.events("settlement")
    lines = (await stage.recorded()).book
    assert lines["full", "sim", SOON_PERP].qty == 0
    assert lines["full", "sim", PERP].qty == -1


async def test_what_was_not_rolled_is_settled_and_opened_anew() -> None:
    """MEANING 21: an expected change, booked at the settlement price, never an unexplained position."""
    stage = await staged(**{SOON: "0.5"})
    policy = hedged(roll_days=0)
    await stage.run(policy, hours=3)
    assert held(stage) == {SOON: -1}
    await stage.run(policy, hours=7 * 24 + 12)
    assert len(stage.events("settlement")) == 1
    assert held(stage) == {"BTCUSDT": -1}, "a hedge all the same"
    alarms = [a for r in stage.reports for a in r.alerts if a.kind == "position"]
    assert alarms == []
    (told,) = [a for r in stage.reports for a in r.alerts if a.kind == "hedge_closed"]
    assert told.text.startswith(
        "Hedge of BTC closed: BTC/USDT:USDT-260112 expired, and the venue settled 1 BTC at 100,000; futures position"
        " -1 -> 0 BTC, effective weight 0 % -> "
    )
    assert "In all it earned " in told.text
    assert (told.data["side"], told.data["qty"], told.data["after_qty"]) == ("buy", "1", "0")
    over = [a for r in stage.reports for a in r.alerts if a.kind == "inactive" and a.cleared]
    assert all("or nothing is held" in a.text for a in over), (
        "an expired contract never trades again"
    )
    closed = [c for c in await stage.closed() if c.symbol == SOON_PERP]
    assert len(closed) == 1
    assert closed[0].exit == 100_000
    # opened at the premium, settled at the coin's price: the basis is earned
    # 50 % a year over the seven days and six hours that were left
    assert abs(closed[0].price_pnl - 100_000 * dec("0.5") * (7 * 24 + 6) / (365 * 24)) < 1
    recorded = await stage.recorded()
    assert recorded.positions["sim", SOON_PERP].own_qty == 0


async def test_a_hedge_let_go_in_the_middle_of_a_roll_closes_both_legs() -> None:
    stage = await staged(**{SOON: "0.5"})
    await stage.run(hedged(roll_days=0), hours=3)
    assert held(stage) == {SOON: -1}
    for _ in range(30):
        await stage.run(hedged(roll_days=7.5), hours=0)
        await stage.clock.sleep(dec(30))
        if len(held(stage)) == 2:
            break
    assert len(held(stage)) == 2
    none = make_shape(
        HedgePolicy(id="full", asset="BTC", ratio=ZERO), execution=hedged(roll_days=7.5).execution
    )
    await stage.run(none, hours=4)
    assert held(stage) == {}
