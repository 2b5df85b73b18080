"""What ``plan`` shows of words that wait, and that it writes none of it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from counterpoise.app.preview import preview_of
from counterpoise.cli.plan_view import print_plan
from counterpoise.domain.numbers import dec
from counterpoise.domain.operator import Command, CommandKind, CommandState
from counterpoise.domain.policy import (
    DrawdownPolicy,
    ExecutionPolicy,
    FundingPolicy,
    LadderKind,
    LimitsPolicy,
)
from counterpoise.domain.records import Changes, TradingState
from counterpoise.venue.sim.model import KeyRights
from counterpoise.venue.sim.venue import SimVenue
from tests.scenario.world import World, make_world
from tests.unit.app.desk import make_app, make_policy


async def hedged() -> tuple[World, SimVenue]:
    """Half of the BTC hedged."""
    world = make_world([80_000] * 100)
    await world.run(make_policy(), hours=2)
    venue = SimVenue("sim", world.exchange, world.api_key)
    await venue.open()
    return world, venue


def word(world: World, kind: CommandKind, **args: str) -> Command:
    return Command(
        id=kind.value, portfolio="p", kind=kind, who="ada", origin="cli@desk",
        asked_at=world.clock.now(), args=args,
    )  # fmt: skip


async def test_a_plan_shows_what_a_waiting_word_will_do_and_leaves_it_waiting(
    capsys: pytest.CaptureFixture[str],
) -> None:
    world, venue = await hedged()
    flatten = word(world, CommandKind.FLATTEN)
    await world.store.commit(Changes(portfolio="p", commands=(flatten,)))
    app = make_app(world.clock, {"sim": venue}, make_policy())
    document = await preview_of(app, world.store, make_policy())
    assert (document["state"], document["flattening"]) == ("REDUCE_ONLY", True)
    (command,) = document["commands"]  # type: ignore[misc]  # JSON
    assert (command["kind"], command["state"]) == ("flatten", "done")
    orders = document["orders"]
    assert orders
    assert all(o["reduce_only"] and o["side"] == "buy" for o in orders)  # type: ignore[attr-defined]  # JSON
    print_plan(document)
    told = capsys.readouterr().out
    assert "Own futures are being closed; then CANCEL_ONLY." in told
    assert "Would be heeded: flatten, asked by ada (cli@desk) as flatten: done" in told
    # nothing of it is written
    known = await world.store.portfolio("p")
    assert known is not None
    assert (known.trading_state, known.flattening) == (TradingState.RUN, False)
    assert await world.store.commands("p", 9) == (flatten,)


async def test_a_plan_shows_carry_and_drawdown(capsys: pytest.CaptureFixture[str]) -> None:
    drawdown = DrawdownPolicy(slow=dec("0.05"))
    policy = make_policy(limits=LimitsPolicy(drawdown=drawdown), funding=FundingPolicy())
    world = make_world([80_000] * 100)
    await world.run(policy, hours=2)
    venue = SimVenue("sim", world.exchange, world.api_key)
    await venue.open()
    app = make_app(world.clock, {"sim": venue}, policy)
    document = await preview_of(app, world.store, policy)
    drawn: dict[str, object] = document["drawdown"]  # type: ignore[assignment]  # JSON
    assert drawn["next"] == {"tier": "slow", "at": "0.05"}
    assert drawn["high"] is not None
    (carried,) = document["carry"]  # type: ignore[misc]  # JSON
    assert (carried["max_carry"], carried["max_cost"]) == ("0.15", "0.005")
    print_plan(document)
    assert "half BTC/USDT:USDT" in capsys.readouterr().out


async def test_a_plan_shows_what_a_strategy_makes_of_a_word() -> None:
    world, venue = await hedged()
    release = word(world, CommandKind.RELEASE, strategy="half")
    await world.store.commit(Changes(portfolio="p", commands=(release,)))
    app = make_app(world.clock, {"sim": venue}, make_policy())
    document = await preview_of(app, world.store, make_policy())
    (command,) = document["commands"]  # type: ignore[misc]  # JSON
    assert command["state"] == "done"
    (decision,) = document["decisions"]  # type: ignore[misc]  # JSON
    assert decision["overlay"]["qty"] == "0"
    assert command["answer"] == decision["text"]
    (kept,) = await world.store.commands("p", 9)
    assert kept.state is CommandState.PENDING


async def test_a_plan_says_how_its_orders_go_on(capsys: pytest.CaptureFixture[str]) -> None:
    world = make_world([80_000] * 10)
    venue = SimVenue("sim", world.exchange, world.api_key)
    await venue.open()
    policy = make_policy(execution=ExecutionPolicy(ladder=LadderKind.TIMED))
    document = await preview_of(make_app(world.clock, {"sim": venue}, policy), None, policy)
    assert document["ladder"] == {
        "kind": "timed",
        "rungs": 5,
        "patience_s": 120.0,
        "every_s": 24.0,
    }
    (order,) = document["orders"]  # type: ignore[misc]  # JSON
    assert order["qty"] == "0.1"
    print_plan(document)
    assert "5 in all, one each 24 s" in " ".join(capsys.readouterr().out.split())


async def test_a_plan_tells_of_keys_as_a_start_would(capsys: pytest.CaptureFixture[str]) -> None:
    world, venue = await hedged()
    world.exchange.set_rights(world.api_key, KeyRights(withdraw=True))
    app = make_app(world.clock, {"sim": venue}, make_policy())
    document = await preview_of(app, world.store, make_policy())
    print_plan(document)
    told = capsys.readouterr().out
    assert "A start on this config would be refused: venues.sim: expected a key that cannot" in told
    venues = {n: replace(a, allow_withdraw_key=True) for n, a in app.settings.venues.items()}
    allowed = replace(app, settings=replace(app.settings, venues=venues))
    document = await preview_of(allowed, world.store, make_policy())
    assert document["start_refused"] is None
    print_plan(document)
    assert "Warning: the key of sim can withdraw" in capsys.readouterr().out
