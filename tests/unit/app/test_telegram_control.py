"""Control from Telegram: a bot API on loopback, the real database, the daemon on a simulated exchange."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import replace
from datetime import time, timedelta

import pytest
import structlog
from aiohttp import web

from counterpoise.app.clock import WallClock
from counterpoise.app.inquire import explain
from counterpoise.app.sinks import open_sinks
from counterpoise.config.settings import AlertSettings, Settings
from counterpoise.domain.access import Secret, TelegramAccess
from counterpoise.domain.numbers import dec
from counterpoise.domain.operator import ApprovalState, CommandState
from counterpoise.domain.records import Changes, TradingState
from counterpoise.domain.reporting import Period, ReportPlan
from counterpoise.notify.composing import message_of
from counterpoise.notify.operator_messages import approval_expired
from counterpoise.notify.telegram import asks
from tests.inboxes import (
    BOT,
    CHAT,
    CUT,
    TOKEN,
    USER,
    BotServer,
    Trouble,
    busy,
    page,
    said,
)
from tests.unit.app.desk import NewDesk, make_policy
from tests.unit.app.phone import ACCESS, GROUP, OTHER, STRANGER, Phone, asked, phone_on


@pytest.fixture(autouse=True)
def logged() -> Iterator[list[dict[str, object]]]:
    """What is logged, kept instead of printed."""
    with structlog.testing.capture_logs() as lines:
        yield lines


@pytest.fixture
async def phone(new_desk: NewDesk) -> AsyncIterator[Phone]:
    """Beside a daemon that has hedged half a bitcoin."""
    desk = await new_desk()
    await desk.run(hours=2)
    assert desk.world.position() == dec("-0.5")
    async with BotServer(chats=(CHAT, str(GROUP))).serving() as server:
        yield phone_on(desk, server)


# --- questions


async def test_status_reads_well_on_a_phone(phone: Phone) -> None:
    told = (await phone.says("/status")).splitlines()
    assert told[:2] == ["p RUN", "p: nothing to do (0 s ago)"]
    assert told[2].startswith("Equity 99,9")
    assert told[3] == "BTC 40 % (coins 80 %, target 40 %)"
    assert any(line.startswith("sim: ") and "from liquidation" in line for line in told)
    assert "0 orders at work" in told


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("/hedges", "half: -0.5 BTC from "),
        ("/orders", "0 orders at work"),
        ("/margin", "- USDT: balance "),
        ("/plan", "p, 03:00 CET: nothing to do"),
        ("/explain", "half: -0.5 BTC: "),
        ("/explain p-2026-01-05T02:00:00.000Z", "half: -0.5 BTC: "),
        ("/help", "/flatten - close own futures, then pause"),
        (f"/status@{BOT} p", "p RUN"),
    ],
)
async def test_what_can_be_asked(phone: Phone, text: str, line: str) -> None:
    told = (await phone.says(text)).splitlines()
    assert any(x.startswith(line) for x in told), told
    assert await phone.said() == []


async def test_report_tells_the_span_since_the_last_one_in_the_words_of_one(
    new_desk: NewDesk,
) -> None:
    desk = await new_desk(reports=ReportPlan(daily=time(1), told=frozenset({Period.DAILY})))
    await desk.run(hours=2)
    (sent,) = [a.text for r in desk.reports for a in r.alerts if a.kind == "report_daily"]
    assert "From Mon 05 Jan 00:00 " in sent
    assert "To Mon 05 Jan 01:00 " in sent
    async with BotServer().serving() as server:
        phone = phone_on(desk, server)
        day, week = await phone.says("/report"), await phone.says("/report week p")
        assert await phone.says("/report q") == "Not done\nexpected a portfolio: p"
        assert await phone.said() == [], "nothing was written"
    assert day.splitlines()[0] == "Report of the day (p)"
    assert "Unchanged in 60 min." in day
    assert "From Mon 05 Jan 01:00 " in day
    assert "To Mon 05 Jan 02:00 " in day
    assert "half: short 0.5 BTC from 79,999.9, net -20.05" in day
    assert week.splitlines()[0] == "Report of the week (p)"
    assert "since reports began" in week
    assert "From Mon 05 Jan 00:00 " in week


async def test_report_before_anything_was_counted(phone: Phone) -> None:
    assert "Nothing to report yet" in await phone.says("/report")


async def test_a_portfolio_or_look_that_is_not_there(phone: Phone) -> None:
    assert await phone.says("/status q") == "Not done\nexpected a portfolio: p"
    assert "expected the id of a cycle" in await phone.says("/explain p-1999")


# --- words


async def test_pause_is_done_at_once_and_recorded(phone: Phone) -> None:
    told = await phone.says("/pause")
    assert told.startswith("Pause (p): taken\nOwn working orders are taken down")
    assert await phone.said() == [("pause", f"@ada ({USER})", f"telegram@{CHAT}")]
    await phone.desk.run(hours=1)
    assert await phone.state() is TradingState.CANCEL_ONLY
    (row,) = await phone.rows()
    assert row.state is CommandState.DONE
    assert "Already CANCEL_ONLY" in await phone.says("/pause")


@pytest.mark.parametrize("way", ["button", "command", "code"])
async def test_flatten_is_done_after_a_yes(phone: Phone, way: str) -> None:
    told = await phone.says("/flatten")
    assert told.startswith("Flatten (p)\nOwn futures are closed with reduce-only orders (-0.5 BTC")
    assert "Sure? Within 2 min: the button, or /confirm 123456" in told
    assert await phone.said() == [], "asked, and nothing written"
    await phone.desk.run(hours=1)
    assert phone.desk.world.position() == dec("-0.5")
    if way == "button":
        # an hour later it is too late
        assert "expired" in await phone.presses("Yes")
        await phone.says("/flatten")
        done = await phone.presses("Yes: flatten")
        assert phone.server.noticed[-1][1] == "Flatten (p): taken"
        assert phone.server.bare, "the button is taken away"
    else:
        await phone.says("/flatten")
        code = phone.code()
        done = await phone.says(f"/confirm {code}" if way == "command" else code)
    assert done.startswith("Flatten (p): taken")
    await phone.desk.run(hours=2)
    assert phone.desk.world.position() == 0
    assert [kind for kind, *_ in await phone.said()] == ["flatten"]
    assert await phone.state() is TradingState.CANCEL_ONLY


async def test_a_code_is_used_once(phone: Phone) -> None:
    await phone.says("/flatten")
    code = phone.code()
    await phone.says(f"/confirm {code}")
    assert "nothing of yours waits" in await phone.says(f"/confirm {code}")
    assert len(await phone.said()) == 1


async def test_a_code_is_for_the_one_who_asked_in_that_chat(phone: Phone) -> None:
    await phone.says("/flatten", chat=GROUP)
    code, buttons = phone.code(), dict(phone.server.buttons)
    for user, chat in ((OTHER, GROUP), (USER, int(CHAT))):
        assert (await phone.says(f"/confirm {code}", user=user, chat=chat)).startswith("Not done")
    phone.server.buttons = buttons
    assert (await phone.presses("Yes", user=OTHER, chat=GROUP)).startswith("Not done")
    phone.server.buttons = buttons
    assert phone.server.bare == [], "another's press leaves the button where it is"
    assert await phone.said() == []
    assert "taken" in await phone.presses("Yes", chat=GROUP)


@pytest.mark.parametrize(
    ("state", "asks_first"),
    [
        (TradingState.HALT, {"pause", "reduceonly", "resume", "flatten"}),
        (TradingState.CANCEL_ONLY, {"reduceonly", "resume", "flatten"}),
        (TradingState.REDUCE_ONLY, {"resume", "flatten"}),
        (TradingState.RUN, {"flatten"}),
    ],
)
async def test_what_raises_asks_first(
    phone: Phone, state: TradingState, asks_first: set[str]
) -> None:
    known = await phone.desk.store.portfolio("p")
    assert known is not None
    asked = set()
    for word in ("pause", "reduceonly", "resume", "flatten"):
        record = replace(known, trading_state=state)
        done = [replace(c, state=CommandState.DONE) for c in await phone.rows()]
        await phone.desk.store.commit(Changes(portfolio="p", record=record, commands=tuple(done)))
        asked |= {word} if "Sure?" in await phone.says(f"/{word}") else set()
    # HALT sends nothing, so it refuses to flatten
    assert asked == asks_first - ({"flatten"} if state is TradingState.HALT else set())


async def test_what_is_confirmed_is_judged_by_what_holds_then(phone: Phone) -> None:
    await phone.says("/flatten")
    code = phone.code()
    known = await phone.desk.store.portfolio("p")
    assert known is not None
    halted = replace(known, trading_state=TradingState.HALT)
    await phone.desk.store.commit(Changes(portfolio="p", record=halted))
    assert "HALT sends nothing" in await phone.says(f"/confirm {code}")
    assert await phone.said() == []


async def test_with_several_portfolios_a_word_names_one(new_desk: NewDesk) -> None:
    desk = await new_desk(make_policy(), make_policy("q"))
    async with BotServer().serving() as server:
        phone = phone_on(desk, server)
        assert "several portfolios: say which (p, q)" in await phone.says("/pause")
        assert "Pause (q): taken" in await phone.says("/pause q")
        assert await phone.said() == []


# --- what is refused


@pytest.mark.parametrize(
    ("user", "chat"), [(STRANGER, int(CHAT)), (USER, 4712), (STRANGER, STRANGER), (OTHER, -1)]
)
async def test_who_or_where_is_not_listed_gets_no_answer(
    phone: Phone, logged: list[dict[str, object]], user: int, chat: int
) -> None:
    for text in ("/pause", "/status", "123456", "/flatten"):
        assert await phone.says(text, user=user, chat=chat) == ""
    phone.server.press("deny:0a1b2c3d", user=user, chat=chat)
    assert await phone.hears() == ""
    assert await phone.said() == []
    refused = [x for x in logged if x["event"] == "telegram_refused"]
    assert len(refused) == 5
    assert [x["log_level"] for x in refused] == ["warning", *["debug"] * 4]
    assert (refused[0]["user"], refused[0]["chat"]) == (user, chat)
    assert phone.server.noticed == [(phone.server.noticed[0][0], "You are not listed for this")]


@pytest.mark.parametrize(
    "text",
    [
        "/halt",
        "/resume p; DROP TABLE commands",
        "/resume p' OR '1'='1",
        "/resume <b>p</b>",
        "/approve <script>alert(1)</script>",
        "/pause " + "x" * 4000,
        "/flatten now or never",
    ],
)
async def test_what_is_not_understood_does_nothing(
    phone: Phone, logged: list[dict[str, object]], text: str
) -> None:
    told = await phone.says(text)
    assert told.startswith("Not done\n")
    assert "DROP" not in told
    assert "<" not in told
    assert await phone.said() == []
    assert any(x["event"] == "telegram_refused" for x in logged)


async def test_what_is_for_another_bot_is_not_answered(phone: Phone) -> None:
    assert await phone.says("/pause@other_bot", chat=GROUP) == ""
    assert await phone.says("good morning", chat=GROUP) == ""
    assert await phone.said() == []


@pytest.mark.parametrize("kind", ["edited_message", "channel_post", "edited_channel_post"])
async def test_edited_messages_and_channels_are_not_heeded(phone: Phone, kind: str) -> None:
    phone.server.write("/pause", at=phone.desk.world.clock.now().timestamp())
    update = phone.server.updates[-1]
    update[kind] = update.pop("message")
    assert await phone.hears() == ""
    assert await phone.said() == []


async def test_what_is_too_old_is_not_done_and_said(phone: Phone) -> None:
    now = phone.desk.world.clock.now().timestamp()
    phone.server.write("/pause", at=now - 301)
    told = await phone.says("/resume", age_s=3600)
    assert told == (
        "Came too late\n2 older than 5 min when I read them: nothing was done. Say again what you still mean"
    )
    assert await phone.said() == []
    assert "taken" in await phone.says("/pause", age_s=290)


async def test_an_update_that_comes_again_does_nothing(phone: Phone) -> None:
    assert "taken" in await phone.says("/pause")
    again = phone.server.updates[-1]
    await phone.desk.run(hours=1)
    await phone.says("/resume")
    await phone.presses("Yes")
    await phone.desk.run(hours=1)
    assert await phone.state() is TradingState.RUN
    phone.server.updates, phone.server.forgets = [again], True
    assert await phone.hears() == ""
    assert len(await phone.rows()) == 2
    await phone.desk.run(hours=1)
    assert await phone.state() is TradingState.RUN


async def test_a_row_is_not_written_twice_for_one_update(phone: Phone) -> None:
    assert "taken" in await phone.says("/pause")
    again = phone.server.updates[-1]
    (row,) = await phone.rows()
    known = await phone.desk.store.portfolio("p")
    assert known is not None
    done = replace(row, state=CommandState.DONE, answer="trading state RUN -> CANCEL_ONLY")
    await phone.desk.store.commit(Changes(portfolio="p", record=known, commands=(done,)))
    restarted = phone_on(phone.desk, phone.server)
    phone.server.updates = [again]
    assert f"Already taken: {row.id} is done" in await restarted.hears()
    assert await phone.rows() == [done]


# --- requests


async def show(phone: Phone) -> str:
    """Send the request's alert through the real sink, as the relay does."""
    settings = phone.desk.daemon._app.settings
    bot = TelegramAccess(
        token=Secret(TOKEN), base_url=phone.server.url, chats={"t": CHAT}, control=ACCESS
    )
    sinks = open_sinks(replace(settings, alerts=AlertSettings(telegram=bot)))
    (message,) = phone.desk.ear.of("approval")
    await sinks["t"].deliver(message)
    return phone.server.taken[-1][1]


async def test_a_request_is_shown_with_what_a_yes_leads_to_and_is_approved(
    new_desk: NewDesk,
) -> None:
    async with BotServer().serving() as server:
        phone, request = await asked(new_desk, server)
        told = await show(phone)
        assert "Sells 0.25 BTC in BTC/USDT:USDT, about 20,0" in told
        assert "of slippage. Margin after: " in told
        assert set(server.buttons) == {"Approve ...", "Deny"}
        assert f"/approve {request.id} or /deny {request.id}" in await phone.says("/status")
        await show(phone)
        sure = await phone.presses("Approve")
        assert sure.startswith(
            f"Approve {request.id} (p)\nhalf may take its futures to -0.75 BTC\nSells 0.25"
        )
        assert await phone.said() == []
        assert "taken" in await phone.presses("Yes: approve")
        await phone.desk.run(hours=1)
        assert phone.desk.world.position() == dec("-0.75")
        (known,) = await phone.desk.store.approvals("p", 9)
        assert known.state is ApprovalState.APPROVED
        assert known.answered_by == f"user {USER}"
        assert "approved already" in await phone.says(f"/deny {request.id}")


async def test_a_yes_where_nothing_may_trade_says_so(new_desk: NewDesk) -> None:
    async with BotServer().serving() as server:
        phone, request = await asked(new_desk, server)
        await phone.says("/pause")
        told = await phone.says(f"/approve {request.id}")
        assert "The portfolio is CANCEL_ONLY: only /resume lets it trade" in told


async def test_the_margin_foreseen_is_the_margin_that_comes(new_desk: NewDesk) -> None:
    async with BotServer().serving() as server:
        phone, request = await asked(new_desk, server)
        told = await phone.says(f"/approve {request.id}")
        foreseen = dec(told.partition("Margin after: ")[2].partition(" %")[0])
        before = dec(told.partition("(now ")[2].partition(" %")[0])
        assert foreseen < before
        await phone.presses("Yes")
        await phone.desk.run(hours=1)
        (cycle,) = (await explain(phone.control._outline, ("p",), None))["cycles"]
        distance = dec(cycle["margin"]["sim"]["distance"]) * 100
        assert abs(distance - foreseen) < 1, (distance, foreseen, before)


async def test_a_request_is_denied_at_once(new_desk: NewDesk) -> None:
    async with BotServer().serving() as server:
        phone, _ = await asked(new_desk, server)
        await show(phone)
        assert "taken" in await phone.presses("Deny")
        assert server.bare, "the buttons are taken away"
        await phone.desk.run(hours=2)
        assert phone.desk.world.position() == dec("-0.5")
        (known,) = await phone.desk.store.approvals("p", 9)
        assert known.state is ApprovalState.DENIED


async def test_a_request_that_is_over_is_not_approved(new_desk: NewDesk) -> None:
    async with BotServer().serving() as server:
        phone, request = await asked(new_desk, server)
        await show(phone)
        buttons = dict(server.buttons)
        await phone.presses("Approve")
        waiting = dict(server.buttons)
        await phone.desk.run(hours=9)
        server.buttons = waiting
        assert "the code has expired" in await phone.presses("Yes")
        server.buttons = buttons
        assert f"request {request.id} expired" in await phone.presses("Approve")
        assert phone.desk.world.position() == dec("-0.5")
        assert await phone.said() == []
        late = message_of([approval_expired(request, request.deadline_at)])
        assert asks(late) is None, "there is nothing left to press"


async def test_only_chats_that_may_answer_get_buttons(new_desk: NewDesk) -> None:
    async with BotServer().serving() as server:
        phone, _ = await asked(new_desk, server)
        settings: Settings = phone.desk.daemon._app.settings
        access = replace(ACCESS, chats=frozenset({GROUP}))
        for control in (None, access):
            bot = TelegramAccess(
                token=Secret(TOKEN), base_url=server.url, chats={"t": CHAT}, control=control
            )
            sinks = open_sinks(replace(settings, alerts=AlertSettings(telegram=bot)))
            await sinks["t"].deliver(phone.desk.ear.of("approval")[0])
            assert server.buttons == {}


# --- muting


async def test_muted_only_what_is_critical_comes(new_desk: NewDesk) -> None:
    desk = await new_desk(sink=f"telegram:{CHAT}")
    async with BotServer(chats=(CHAT, str(GROUP))).serving() as server:
        # the relay lives on the wall clock, as sinks do
        phone = phone_on(desk, server, WallClock())
        assert "nothing to mute" in await phone.says("/mute 2h", chat=GROUP)
        told = await phone.says("/mute 2h")
        assert re.match(r"Muted until (\w+ \d+ \w+ )?\d\d:\d\d(:\d\d)? CES?T\n", told)
        await phone.says("/pause")
        await desk.run(hours=1)
        assert desk.ear.heard == []
        assert "Not muted" in await phone.says("/mute off")
        await desk.run(hours=0.25)
        assert {"started", "operator"} <= set(desk.ear.kinds)


# --- trouble of the bot's own


async def listening(phone: Phone, until: int) -> None:
    """Let the bot run until the server was asked so often."""
    task = asyncio.create_task(phone.bot.run())
    async with asyncio.timeout(20):
        await phone.server.reached(until)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


@pytest.mark.parametrize(
    ("trouble", "told"),
    [
        (lambda: said(401, "Unauthorized"), "check it"),
        (lambda: said(404, "Not Found"), "check the bot's token and alerts.telegram.base_url"),
        (
            lambda: said(409, "Conflict: terminated by other getUpdates request"),
            "one only can have them",
        ),
        (lambda: busy(36), "asked too often"),
        (lambda: page(502), "something else with status 502"),
        (lambda: page(200), "something else with status 200"),
        (lambda: CUT, "no answer"),
    ],
)
async def test_what_fails_is_told_once_and_tried_again(
    phone: Phone, logged: list[dict[str, object]], trouble: Callable[[], Trouble], told: str
) -> None:
    await phone.says("/status")
    before = phone.desk.world.clock.now()
    phone.server.troubles.extend([trouble(), trouble()])
    await listening(phone, phone.server.asked + 3)
    waited = phone.desk.world.clock.now() - before
    assert waited == timedelta(seconds=74 if told == "asked too often" else 3)
    failures = [x for x in logged if x["event"] == "telegram_control_failed"]
    assert [x["log_level"] for x in failures] == ["warning", "debug"]
    assert told in str(failures[0]["error"])
    assert TOKEN not in str(logged)
    assert TOKEN.partition(":")[2][:6] not in str(logged)


@pytest.mark.parametrize("echo", [TOKEN, TOKEN[3:12], TOKEN.partition(":")[2]])
async def test_what_a_server_says_of_the_token_is_not_repeated(
    phone: Phone, logged: list[dict[str, object]], echo: str
) -> None:
    await phone.says("/status")
    for status in (400, 401, 500):
        phone.server.troubles.append(said(status, f"Bad Request: /bot{echo}/getUpdates"))
    phone.server.troubles.append(page(502, f"<html>{echo}</html>"))
    await listening(phone, phone.server.asked + 5)
    assert any(x["event"] == "telegram_control_failed" for x in logged)
    assert echo not in str(logged)


async def test_a_server_that_answers_at_once_with_nothing_is_asked_once_a_second(
    phone: Phone,
) -> None:
    await phone.says("/status")
    before = phone.desk.world.clock.now()
    nothing = [web.json_response({"ok": True, "result": [{"no": "id"}]}) for _ in range(5)]
    phone.server.troubles.extend(nothing)
    await listening(phone, phone.server.asked + 6)
    assert phone.desk.world.clock.now() - before >= timedelta(seconds=5)


async def test_an_answer_that_does_not_get_through_costs_only_the_answer(phone: Phone) -> None:
    await phone.says("/status")
    phone.server.write("/pause", at=phone.desk.world.clock.now().timestamp())
    phone.server.lost_answers = 1
    assert await phone.hears() == ""
    assert [kind for kind, *_ in await phone.said()] == ["pause"]
    assert "taken already" not in await phone.says("/orders")
