"""Where plans wait for a yes: what the exchange's log says was traded before, with and without one."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from counterpoise.domain.events import Alert
from counterpoise.domain.numbers import dec
from counterpoise.domain.operator import ApprovalState, CommandKind
from counterpoise.domain.policy import ApprovePolicy, Band, MarginPolicy, PortfolioPolicy, Sleeve
from counterpoise.domain.strategy import DipBuyPolicy
from counterpoise.domain.strategy.conversion import ConvertPolicy, Level
from counterpoise.venue.sim import Wallet
from tests.scenario.test_main_job import DRIFT, HALF, policy_of
from tests.scenario.test_steering import placed, say
from tests.scenario.world import World, line, make_world

HOUR = timedelta(hours=1)


def asking(*strategies: Any, plans: int = 0, deadline: timedelta = 8 * HOUR) -> PortfolioPolicy:
    return replace(
        policy_of(*strategies), approve=ApprovePolicy(plans=dec(plans), deadline=deadline)
    )


def approvals(world: World) -> list[Alert]:
    return [a for r in world.reports for a in r.alerts if a.kind == "approval"]


async def answer(world: World, kind: CommandKind) -> None:
    (asked,) = (a for a in await world.store.approvals("p", 9) if a.state is ApprovalState.WAITING)
    await say(world, kind, {"approval": asked.id})


async def test_nothing_is_sent_before_a_yes_and_all_of_it_after() -> None:
    world, policy = make_world([80_000] * 400), asking(HALF)
    await world.run(policy, hours=4)
    assert placed(world) == 0
    (asked,) = approvals(world)
    assert asked.text.startswith(
        "half would take its futures on BTC from 0 to -0.5: hedge 50 % of 1 BTC"
    )
    for part in ("Sells 0.5 BTC in BTC/USDT:USDT, about 40,000.00 USDT; costs", "Margin after: "):
        assert part in asked.text, "what it does, costs and leaves"
    await answer(world, CommandKind.APPROVE)
    await world.run(policy, hours=2)
    assert world.position() == dec("-0.5")
    assert len(approvals(world)) == 1, "one yes is enough"


async def test_a_no_is_a_no() -> None:
    world, policy = make_world([80_000] * 400), asking(HALF)
    await world.run(policy, hours=1)
    await answer(world, CommandKind.DENY)
    await world.run(policy, hours=20)
    assert placed(world) == 0
    assert len(approvals(world)) == 1, "and nobody is asked again"


async def test_no_answer_is_a_no_and_told() -> None:
    world, policy = make_world([80_000] * 400), asking(HALF, deadline=2 * HOUR)
    await world.run(policy, hours=20)
    assert placed(world) == 0
    asked, late = approvals(world)
    assert late.text.startswith(f"Nobody answered request {asked.data['approval']} by ")


async def test_a_new_process_keeps_waiting_and_asks_no_second_time() -> None:
    world, policy = make_world([80_000] * 400), asking(HALF)
    for _ in range(6):
        await world.run(policy, hours=0.5)
    assert placed(world) == 0
    assert len(approvals(world)) == 1
    await answer(world, CommandKind.APPROVE)
    for _ in range(4):
        await world.run(policy, hours=0.5)
    assert world.position() == dec("-0.5")
    assert len(approvals(world)) == 1


async def test_what_is_less_than_the_amount_goes_without_asking() -> None:
    world = make_world([80_000] * 400)
    await world.run(asking(HALF, plans=40_000), hours=3)
    assert (world.position(), approvals(world)) == (dec("-0.5"), [])
    more = replace(HALF, ratio=dec("0.9"))  # 0.4 BTC more: 32,000
    await world.run(asking(more, plans=30_000), hours=3)
    assert world.position() == dec("-0.5")
    assert len(approvals(world)) == 1


async def test_what_shrinks_never_waits() -> None:
    world = make_world([80_000] * 400)
    await world.run(policy_of(HALF), hours=3)
    await world.run(asking(replace(HALF, ratio=dec("0.2"))), hours=3)
    assert (world.position(), approvals(world)) == (dec("-0.2"), [])


async def test_a_withdrawal_is_cut_without_asking() -> None:
    world = make_world([80_000] * 800)
    full = replace(HALF, ratio=dec(1))
    await world.run(policy_of(full), hours=3)
    assert world.position() == -1
    world.exchange.withdraw(world.api_key, Wallet.SPOT, "BTC", dec("0.4"))
    await world.run(asking(full), hours=5)
    assert (world.position(), approvals(world)) == (dec("-0.6"), [])


async def test_the_legs_of_a_drift_wait_for_each_other() -> None:
    rally = [80_000, *line(80_000, 110_000, 20), *[110_000] * 400]
    world = make_world(rally, [4_000] * 421, eth_qty="12")
    shape = (("core", "0.55", "BTC"), ("more", "0.3", "ETH"), ("buffer", "0.15", "USDT"))
    sleeves = tuple(
        Sleeve(id=id_, weight=dec(w), assets={a: dec(1)}, band=Band(size=dec("0.02")))
        for id_, w, a in shape
    )
    policy = replace(asking(DRIFT), sleeves=sleeves)
    await world.run(policy, hours=6)
    assert placed(world) == 0
    first, second = (
        a for a in await world.store.approvals("p", 99) if a.state is ApprovalState.WAITING
    )
    assert {first.asset, second.asset} == {"BTC", "ETH"}
    await say(world, CommandKind.APPROVE, {"approval": first.id})
    await world.run(policy, hours=1)
    assert placed(world) == 0, "one leg alone would move the shape away"
    await say(world, CommandKind.APPROVE, {"approval": second.id})
    await world.run(policy, hours=1)
    assert world.position() < 0 < world.position("ETHUSDT")


async def test_what_was_wanted_before_people_were_asked_waits_for_a_yes_too() -> None:
    world, full = make_world([80_000] * 400), replace(HALF, ratio=dec(1))
    await world.run(policy_of(HALF), hours=3)
    await say(world, CommandKind.PAUSE)
    await world.run(policy_of(full), hours=1)
    assert world.position() == dec("-0.5"), "paused: the wish is saved, and nothing is sent"
    await say(world, CommandKind.RESUME)
    await world.run(asking(full), hours=3)
    assert world.position() == dec("-0.5")
    assert len(approvals(world)) == 1
    await answer(world, CommandKind.APPROVE)
    await world.run(asking(full), hours=3)
    assert (world.position(), len(approvals(world))) == (-1, 1)


async def test_what_was_flattened_opens_by_another_yes_only() -> None:
    world, policy = make_world([80_000] * 800), asking(HALF)
    await world.run(policy_of(HALF), hours=3)
    await world.run(policy, hours=1)
    assert (world.position(), approvals(world)) == (dec("-0.5"), [])
    await say(world, CommandKind.FLATTEN)
    await world.run(policy, hours=3)
    assert world.position() == 0
    await say(world, CommandKind.RESUME)
    await world.run(policy, hours=2)
    assert world.position() == 0
    assert len(approvals(world)) == 1
    await answer(world, CommandKind.APPROVE)
    await world.run(policy, hours=2)
    assert (world.position(), len(approvals(world))) == (dec("-0.5"), 1)


async def test_small_steps_add_up() -> None:
    world = make_world([80_000] * 800)
    for ratio in ("0.1", "0.2", "0.3", "0.4", "0.5"):
        await world.run(asking(replace(HALF, ratio=dec(ratio)), plans=20_000), hours=2)
    assert world.position() == dec("-0.2"), "24,000 in all would be more than 20,000"
    assert approvals(world)


async def test_a_yes_is_said_to_a_size() -> None:
    world = make_world([80_000] * 400)
    await world.run(asking(replace(HALF, ratio=dec("0.2"))), hours=1)
    await answer(world, CommandKind.APPROVE)
    await world.run(asking(HALF), hours=2)
    assert world.position() == dec("-0.2")
    heard = [a.text for r in world.reports for a in r.alerts if a.kind == "operator"]
    assert any("half may go to -0.2 on BTC" in said for said in heard)
    await answer(world, CommandKind.APPROVE)
    await world.run(asking(HALF), hours=2)
    assert world.position() == dec("-0.5")


@pytest.mark.parametrize("said", [None, CommandKind.DENY])
async def test_a_wish_that_creeps_floods_nobody(said: CommandKind | None) -> None:
    world, ratio = make_world([80_000] * 400), dec("0.1")
    await world.run(policy_of(replace(HALF, ratio=ratio)), hours=3)
    for _ in range(96):
        ratio += dec("0.003")
        await world.run(asking(replace(HALF, ratio=ratio)), hours=0.25)
        if said is not None and any(
            a.state is ApprovalState.WAITING for a in await world.store.approvals("p", 9)
        ):
            await answer(world, said)
    assert world.position() == dec("-0.1")
    assert 1 <= len(approvals(world)) <= 24, "once an hour at most"


async def test_the_margin_guard_never_waits_and_what_it_cut_grows_again_by_a_yes_only() -> None:
    peak = [*line(80_000, 104_000, 120), *[104_000] * 24, *line(104_000, 80_000, 60)]
    world = make_world([*[80_000] * 60, *peak, *[80_000] * 200], futures="25000")
    full = replace(HALF, ratio=dec(1))
    guarded = replace(policy_of(full), margin=MarginPolicy())
    await world.run(guarded, hours=4)
    assert world.position() == -1
    policy = replace(guarded, approve=ApprovePolicy(plans=dec(0)))
    await world.run(policy, hours=12)
    cut = world.position()
    assert -1 < cut < 0
    await world.run(policy, hours=9)
    assert world.position() == cut
    assert approvals(world)
    await say(world, CommandKind.START, {"strategy": "half"})
    await world.run(policy, hours=1)
    assert world.position() < cut


@pytest.mark.parametrize("told", [False, True], ids=["by itself", "by a person"])
async def test_what_was_refused_in_futures_is_not_bought_in_coins_unless_a_person_says_so(
    *, told: bool
) -> None:
    closes = [*[80_000] * 40, *line(80_000, 68_000, 6), *[68_000] * 60, *line(68_000, 75_000, 20)]
    world = make_world([*closes, *[75_000] * 300])
    world.exchange.deposit(world.api_key, Wallet.SPOT, "USDT", dec(60_000))
    above = ConvertPolicy(above=Level(value=dec("0.03"), relative=True))
    dip = DipBuyPolicy(
        id="dip",
        asset="BTC",
        drop=dec("0.1"),
        interval=HOUR / 4,
        bars=6,
        qty=dec("0.3"),
        exit=above,
    )
    await world.run(asking(dip), hours=6)
    await answer(world, CommandKind.DENY)
    await world.run(asking(dip), hours=1)
    if told:
        await say(world, CommandKind.CONVERT, {"strategy": "dip"})
    await world.run(asking(dip), hours=17)
    bought = [e for e in world.events("place") if e["market"] == "spot"]
    assert (world.position(), bool(bought)) == (0, told)
