"""Flatten while strategies are in the middle of something: what is over ends, conversions stop, the rest stands."""

from __future__ import annotations

from datetime import timedelta

import pytest

from counterpoise.domain.numbers import dec
from counterpoise.domain.operator import CommandKind
from counterpoise.domain.policy import ExecutionPolicy, PortfolioPolicy
from counterpoise.domain.records import TradingState
from counterpoise.domain.strategy import DeriskPolicy, ProfitLadderPolicy
from counterpoise.domain.strategy.conversion import ConvertMode, ConvertPolicy
from counterpoise.domain.strategy.drift import Legs
from counterpoise.domain.strategy.profit_ladder import LadderTarget
from tests.scenario.stage import Stage, make_shape, make_stage
from tests.scenario.test_worked_drift import drifted, drifting
from tests.scenario.test_worked_tactics import shape_60, told

GRADUAL = DeriskPolicy(
    id="less",
    target=dec("0.6"),
    assets=("BTC",),
    convert=ConvertPolicy(
        mode=ConvertMode.GRADUAL, tranches=5, every=timedelta(hours=1), on_command=True
    ),
)


async def paused(stage: Stage) -> bool:
    known = (await stage.recorded()).portfolio
    return known.trading_state is TradingState.CANCEL_ONLY and not known.flattening


async def test_a_conversion_stops_where_it_is_and_derisk_is_over() -> None:
    stage = make_stage({"BTC": 1000}, {"BTC": 80, "USDT": 8_000}, futures=12_000)
    policy = shape_60(GRADUAL)
    await stage.run(policy, hours=2)
    await told(stage, CommandKind.CONVERT, "less")
    await stage.run(policy, hours=2.5)
    coins = stage.coins("BTC")
    assert 60 < coins < 80, "in the middle of it"
    assert stage.position() < 0
    await told(stage, CommandKind.FLATTEN, "")
    await stage.run(policy, hours=3)
    assert stage.position() == 0
    assert stage.coins("BTC") == coins, "coins stay as they are"
    assert await paused(stage)
    await told(stage, CommandKind.RESUME, "")
    await stage.run(policy, hours=6)
    assert (stage.position(), stage.coins("BTC")) == (0, coins), "it is over, also after resume"
    commands = await stage.store.commands("p", 9)
    assert [(c.kind, c.args.get("strategy")) for c in commands if c.kind is CommandKind.CANCEL] == [
        (CommandKind.CANCEL, "less")
    ]


async def test_a_settling_stops_and_drift_opens_again_after_resume() -> None:
    stage = drifted()
    policy = drifting(Legs.OVERWEIGHT)
    # a slow ladder: the settling is still under way when it is stopped
    slow = ExecutionPolicy(rungs=20, spacing=dec(0), patience=timedelta(minutes=30))
    await stage.run(policy, hours=2)
    assert stage.position("ETH") == -100
    await told(stage, CommandKind.CONVERT, "shape")
    await stage.run(drifting_with(slow), hours=2)
    coins = stage.coins("ETH")
    assert 200 < coins < 300, "in the middle of it"
    await told(stage, CommandKind.FLATTEN, "")
    await stage.run(policy, hours=3)
    assert (stage.position("ETH"), stage.position("BTC")) == (0, 0)
    assert stage.coins("ETH") == coins, "coins stay as they are"
    assert await paused(stage)
    state = (await stage.recorded()).strategies["shape"].document
    assert state.get("conversion") is None
    await told(stage, CommandKind.RESUME, "")
    await stage.run(policy, hours=3)
    assert stage.position("ETH") < 0, "a standing strategy opens again"
    assert stage.coins("ETH") == coins


def drifting_with(execution: ExecutionPolicy) -> PortfolioPolicy:
    made = drifting(Legs.OVERWEIGHT)
    return make_shape(
        *made.strategies,
        shape={"core": (60, ["BTC"]), "satellite": (20, ["ETH"]), "buffer": (20, ["USDT"])},
        execution=execution,
    )


@pytest.mark.parametrize("hits", [0, 1])
async def test_a_ladder_is_over_also_where_it_had_nothing_on(hits: int) -> None:
    stage = make_stage({"BTC": 1000}, {"BTC": 8, "USDT": 2_000}, futures=5_000)
    ladder = ProfitLadderPolicy(
        id="out", asset="BTC", targets=(LadderTarget(price=dec(1100), add=dec("0.25")),)
    )
    policy = make_shape(ladder)
    await stage.run(policy, hours=1)
    if hits:
        stage.price(BTC=1150)
        await stage.run(policy, hours=2)
    assert stage.position() == -2 * hits
    await told(stage, CommandKind.FLATTEN, "")
    await stage.run(policy, hours=2)
    assert stage.position() == 0
    assert await paused(stage)
    await told(stage, CommandKind.RESUME, "")
    stage.price(BTC=1200)
    await stage.run(policy, hours=2)
    assert stage.position() == 0
    await told(stage, CommandKind.START, "out")
    await stage.run(policy, hours=2)
    assert stage.position() == -2
