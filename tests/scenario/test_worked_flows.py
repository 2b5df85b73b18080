"""Worked example S10: the owner sells half his coins by hand, then deposits as much again."""

from __future__ import annotations

import pytest

from counterpoise.domain.numbers import ZERO, dec
from counterpoise.domain.operator import Command, CommandKind
from counterpoise.domain.policy import ApprovePolicy
from counterpoise.domain.records import Changes
from counterpoise.domain.strategy import HedgePolicy
from counterpoise.venue.sim import MarketKind, Side, Wallet
from tests.scenario.stage import START, Stage, make_shape, make_stage

FULL = HedgePolicy(id="full", asset="BTC", ratio=dec(1))


async def say(stage: Stage, kind: CommandKind, request: str) -> None:
    now = stage.clock.now()
    command = Command(
        id=f"{kind.value}-{request}",
        portfolio="p",
        kind=kind,
        who="ann",
        origin="test",
        asked_at=now,
        args={"approval": request},
    )
    await stage.say(Changes(portfolio="p", commands=(command,)))


@pytest.mark.parametrize("asks", [True, False])
async def test_s10_a_sale_is_followed_at_once_and_a_deposit_asks_where_configured(
    asks: bool,
) -> None:
    policy = make_shape(FULL, approve=ApprovePolicy(deposits=asks))
    stage = make_stage({"BTC": 100_000}, {"BTC": 2, "USDT": 1_000}, futures=150_000)
    await stage.run(policy, hours=2)
    assert stage.position() == -2
    stage.by_hand(Side.SELL, "BTC", 1, MarketKind.SPOT)
    await stage.run(policy, hours=1)
    assert stage.position() == -1, "cut to the new spot, without asking"
    assert not (await stage.recorded()).approvals
    flows = {f.asset: f.qty for f in await stage.store.flows("p", START)}
    assert flows["BTC"] == -1
    assert abs(flows["USDT"] - 100_000) < 1, "what the sale brought is a flow as well"

    stage.exchange.deposit(stage.api_key, Wallet.SPOT, "BTC", dec(1))
    await stage.run(policy, hours=1)
    booked = await stage.store.flows("p", START)
    assert [(f.asset, f.qty) for f in booked][-1] == ("BTC", 1)
    if not asks:
        assert stage.position() == -2
        return
    assert stage.position() == -1, "it waits"
    (request,) = (await stage.recorded()).approvals
    assert (request.strategy, request.cap, request.wanted) == ("full", -1, -2)
    told = [a.text for r in stage.reports for a in r.alerts if request.id in a.text]
    assert any(f"approve {request.id}" in t for t in told)
    await say(stage, CommandKind.APPROVE, request.id)
    await stage.run(policy, hours=1)
    assert stage.position() == -2
    assert stage.duplicates() == 0


async def test_s10_both_are_flows_and_no_profit() -> None:
    """MEANING 23: start equity + price PnL + funding - fees + flows = end equity."""
    policy = make_shape(FULL)
    stage = make_stage({"BTC": 100_000}, {"BTC": 2, "USDT": 1_000}, futures=150_000)
    start = stage.equity
    await stage.run(policy, hours=1)
    stage.exchange.deposit(stage.api_key, Wallet.SPOT, "BTC", dec("0.5"))
    await stage.run(policy, hours=1)
    stage.exchange.withdraw(stage.api_key, Wallet.SPOT, "BTC", dec("0.25"))
    await stage.run(policy, hours=1)
    flows = await stage.store.flows("p", START)
    worth = sum((f.qty * (f.price or ZERO) for f in flows), ZERO)
    lines = (await stage.lines()).values()
    earned = sum((x.unrealized(dec(100_000)) + x.earned for x in lines), ZERO)
    assert stage.equity == start + worth + earned
    assert stage.position() == dec("-2.25")
