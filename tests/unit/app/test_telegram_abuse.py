"""Control from Telegram by people who mean ill, or who do not know what has changed since."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import structlog
from aiohttp import web

from counterpoise.domain.numbers import dec
from counterpoise.domain.operator import ApprovalState
from counterpoise.domain.policy import ApprovePolicy
from counterpoise.domain.records import Changes, TradingState
from counterpoise.domain.strategy import DriftPolicy
from counterpoise.venue.sim import Wallet
from tests.inboxes import CHAT, BotServer, busy
from tests.scenario.world import line, make_world
from tests.unit.app.desk import NewDesk, make_policy
from tests.unit.app.phone import GROUP, OTHER, STRANGER, Phone, asked, phone_on


@pytest.fixture(autouse=True)
def logged() -> Iterator[list[Any]]:
    with structlog.testing.capture_logs() as lines:
        yield lines


@pytest.fixture
async def phone(new_desk: NewDesk) -> AsyncIterator[Phone]:
    """Beside a daemon that has hedged half a bitcoin."""
    desk = await new_desk()
    await desk.run(hours=2)
    async with BotServer(chats=(CHAT, str(GROUP))).serving() as server:
        yield phone_on(desk, server)


async def set_state(phone: Phone, state: TradingState) -> None:
    """Somebody else has set the trading state, and the daemon has heeded it."""
    known = await phone.desk.store.portfolio("p")
    assert known is not None
    record = replace(known, trading_state=state)
    await phone.desk.store.commit(Changes(portfolio="p", record=record))


# --- a yes for one thing is no yes for another


async def test_a_yes_to_resume_does_not_lift_a_halt_that_came_in_between(phone: Phone) -> None:
    await set_state(phone, TradingState.CANCEL_ONLY)
    await phone.says("/resume")
    first = phone.code()
    await set_state(phone, TradingState.HALT)
    told = await phone.says(f"/confirm {first}")
    assert told.startswith("Resume (p)\nSomething changed since you were asked: nothing was done")
    assert "HALT" in told
    assert await phone.said() == []
    assert phone.code() != first
    assert "taken" in await phone.presses("Yes: resume")
    assert [kind for kind, *_ in await phone.said()] == ["resume"]


async def test_a_yes_to_resume_does_not_end_a_flattening_that_began_in_between(
    phone: Phone,
) -> None:
    await set_state(phone, TradingState.REDUCE_ONLY)
    await phone.says("/resume", chat=GROUP)
    waiting = phone.code()
    await phone.says("/flatten", user=OTHER, chat=GROUP)
    await phone.says(f"/confirm {phone.code()}", user=OTHER, chat=GROUP)
    told = await phone.says(f"/confirm {waiting}", chat=GROUP)
    assert "Something changed since you were asked" in told
    assert "own futures are no longer closed" in told
    assert [kind for kind, *_ in await phone.said()] == ["flatten"]


@pytest.mark.parametrize("word", ["pause", "reduceonly", "resume"])
async def test_what_ends_a_flattening_says_so(phone: Phone, word: str) -> None:
    await phone.says("/flatten")
    await phone.presses("Yes")
    told = await phone.says(f"/{word}")
    assert "own futures are no longer closed, what is left of them stays on" in told


async def test_an_outlook_of_an_old_look_says_how_old(new_desk: NewDesk) -> None:
    async with BotServer().serving() as server:
        phone, request = await asked(new_desk, server)
        assert "looked at" not in await phone.says(f"/approve {request.id}")
        phone.desk.world.clock.advance(dec(3 * 3600))
        told = await phone.says(f"/approve {request.id}")
        assert "(looked at 180 min ago)" in told


# --- groups


@pytest.mark.parametrize(
    "text",
    ["A long story. " * 20, "/status@other_bot " + "x" * 300, "/status@other_bot\nand more"],
)
async def test_what_people_tell_each_other_at_length_is_none_of_ours(
    phone: Phone, text: str
) -> None:
    assert await phone.says(text, chat=GROUP) == ""


# --- floods


async def test_a_flood_of_a_listed_person_is_heeded_in_part_and_said_once(
    phone: Phone, logged: list[dict[str, object]]
) -> None:
    now = phone.desk.world.clock.now().timestamp()
    for _ in range(400):
        phone.server.write("/help", at=now)
    for _ in range(40):
        await phone.bot.listen()
    heeded = [t for _, t, _ in phone.server.taken if t.startswith("What I understand")]
    assert len(heeded) == 30
    assert len(phone.server.taken) == 31
    assert "Too many at once" in phone.server.taken[-1][1]
    assert len([x for x in logged if x["log_level"] == "warning"]) < 150
    phone.desk.world.clock.advance(dec(61))
    assert "taken" in await phone.says("/pause")


async def test_a_flood_does_not_keep_out_the_yes_to_what_was_asked_and_codes_are_no_way_around(
    phone: Phone,
) -> None:
    await phone.says("/flatten")
    code = phone.code()
    for _ in range(31):
        await phone.says("/help")
    for wrong in ("000001", "000002"):
        assert "not the code that waits" in await phone.says(f"/confirm {wrong}")
    assert "taken" in await phone.says(f"/confirm {code}")
    # nothing waits any more: a code is a message like another
    assert await phone.says(f"/confirm {code}") == ""
    assert [kind for kind, _, _ in await phone.said()] == ["flatten"]


async def test_a_flood_of_one_person_does_not_silence_another(phone: Phone) -> None:
    for _ in range(35):
        await phone.says("/help", chat=GROUP)
    assert await phone.says("/help", chat=GROUP) == ""
    assert "taken" in await phone.says("/pause", user=OTHER, chat=GROUP)


async def test_what_is_none_of_ours_does_not_fill_the_log(
    phone: Phone, logged: list[dict[str, object]]
) -> None:
    for _ in range(500):
        phone.server.put(message={"message_id": 1, "sticker": {}, "chat": {"id": STRANGER}})
    for _ in range(50):
        await phone.bot.listen()
    warned = [x for x in logged if x["log_level"] == "warning"]
    assert 0 < len(warned) <= 101


async def test_many_that_come_too_late_get_one_answer(phone: Phone) -> None:
    now = phone.desk.world.clock.now().timestamp()
    for _ in range(34):
        phone.server.write("/resume", at=now - 3600)
    for _ in range(4):
        await phone.bot.listen()
    (told,) = (text for _, text, _ in phone.server.taken)
    assert "34 older than 5 min" in told


async def test_a_bot_that_is_told_to_wait_does_not_answer_meanwhile(phone: Phone) -> None:
    """Alerts go through the same bot: who goes on asking is kept out for longer, and they with it."""
    assert await phone.says("/help")
    phone.server.write("/help", at=phone.desk.world.clock.now().timestamp())
    heard = web.json_response({"ok": True, "result": phone.server.updates[-1:]})
    phone.server.troubles.extend([heard, busy(30)])
    await phone.bot.listen()
    asked_so_far = phone.server.asked
    for _ in range(3):
        assert await phone.says("/pause") == ""
    assert phone.server.asked == asked_so_far + 3, "it listens, and says nothing"
    assert [kind for kind, *_ in await phone.said()] == ["pause"]
    phone.desk.world.clock.advance(dec(32))
    assert await phone.says("/help")


async def test_a_yes_to_one_size_trades_no_other(new_desk: NewDesk) -> None:
    """While a drift waits for its yes the price trebles, and with it what it wants to sell."""
    world = make_world([80_000] * 48 + line(80_000, 240_000, 48) + [240_000] * 200)
    drift = make_policy(
        strategies=(DriftPolicy(id="shape"),),
        approve=ApprovePolicy(deposits=True, deadline=timedelta(hours=72)),
    )
    async with BotServer().serving() as server:
        desk = await new_desk(drift, world=world)
        await desk.run(hours=2)
        world.exchange.deposit(world.api_key, Wallet.SPOT, "BTC", dec(1))
        await desk.run(hours=1)
        phone = phone_on(desk, server)
        (first,) = await desk.store.approvals("p", 9)
        assert "Sure?" in await phone.says(f"/approve {first.id}")
        await desk.run(hours=6)
        newest, *older = await desk.store.approvals("p", 9)
        assert abs(newest.wanted) > abs(first.wanted) * dec("1.1")
        assert f"request {first.id} no longer stands" in await phone.says(f"/approve {first.id}")
        assert [a.state for a in older] == [ApprovalState.MOOT] * len(older)
        assert len(older) <= 8, "and nobody is asked at every look"
        assert desk.world.position() == 0
