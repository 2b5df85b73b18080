from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from counterpoise.domain.access import Secret
from counterpoise.domain.errors import SinkBusy, SinkError, SinkRefusal
from counterpoise.domain.events import Severity, alert
from counterpoise.domain.leaks import Leaks
from counterpoise.domain.message import Message
from counterpoise.domain.templates import AlertTemplate, template
from counterpoise.notify.composing import Wording, message_of
from counterpoise.notify.telegram import LONGEST_TEXT, TelegramSink, text_of
from counterpoise.notify.wording import units
from tests.inboxes import CHAT, CUT, TOKEN, BotServer, Trouble, busy, page, said

AT = datetime(2025, 4, 7, 12, tzinfo=UTC)
BERLIN = ZoneInfo("Europe/Berlin")
OPENED = message_of([alert("treasury", "hedge_opened", Severity.INFO, "Hedge of BTC opened", AT)])


def sink(server: BotServer, *, token: str = TOKEN, chat: str = CHAT) -> TelegramSink:
    return TelegramSink(
        base_url=server.url, token=Secret(token), chat=chat, zone=BERLIN, leaks=Leaks([])
    )


@pytest.fixture
async def server() -> AsyncIterator[BotServer]:
    async with BotServer().serving() as running:
        yield running


async def test_a_message_tells_what_when_by_the_users_clock_and_its_id(server: BotServer) -> None:
    await sink(server).deliver(OPENED)
    assert server.taken == [
        (
            CHAT,
            (f"Hedge opened\nHedge of BTC opened\n2025-04-07 14:00 CEST, id {OPENED.ids[0]}"),
            False,
        )
    ]


async def test_what_is_silent_makes_no_sound(server: BotServer) -> None:
    await sink(server).deliver(replace(OPENED, silent=True))
    assert server.taken[0][2] is True


async def test_what_is_critical_is_shouted_until_it_is_over(server: BotServer) -> None:
    await sink(server).deliver(replace(OPENED, severity=Severity.CRITICAL))
    await sink(server).deliver(replace(OPENED, severity=Severity.CRITICAL, cleared=True))
    heads = [text.splitlines()[0] for _, text, _ in server.taken]
    assert heads == ["CRITICAL: Hedge opened", "Hedge opened"]


NASTY = "<b>bold</b> & <a href='tg://user?id=1'>you</a> &lt; </i> <script> \x1b[2J \ud800 a\nb"


async def test_markup_in_a_text_is_shown_and_never_read(server: BotServer) -> None:
    await sink(server).deliver(replace(OPENED, title=NASTY, portfolio="<p>", text=NASTY))
    ((_, text, _),) = server.taken
    shown = NASTY.replace("\x1b", " ").replace("\ud800", " ")
    assert text.splitlines()[1:3] == shown.splitlines()
    assert not server.broken


async def test_markup_in_a_value_of_ones_own_template_is_never_read(server: BotServer) -> None:
    own = AlertTemplate(title=template("<i>{asset}"), text=template("</b>{asset} {{"))
    one = alert("p", "hedge_opened", Severity.INFO, "x", AT, data={"asset": NASTY})
    await sink(server).deliver(message_of([one], wording=Wording(templates={"hedge_opened": own})))
    ((_, text, _),) = server.taken
    assert text.startswith("<i><b>bold</b> & <a href=")
    assert not server.broken


@pytest.mark.parametrize("char", ["a", "<", "&", "\U0001f7e2", "ä", "\n", '"'])
@pytest.mark.parametrize("length", [3900, 4096, 5000, 50_000])
async def test_a_long_text_is_cut_to_what_telegram_takes(
    server: BotServer, char: str, length: int
) -> None:
    await sink(server).deliver(replace(OPENED, text=f"x{char * length}y", title="t" * 999))
    assert not server.broken
    ((_, text, _),) = server.taken
    assert units(text) <= LONGEST_TEXT
    assert "the whole text is in the journal)" in text or (length == 3900 and units(char) == 1)
    assert text.endswith(f"id {OPENED.ids[0]}")


def test_of_several_alerts_the_first_id_and_the_count_are_told() -> None:
    alerts = [alert("treasury", "flow", Severity.INFO, str(n), AT) for n in range(3)]
    assert f"id {alerts[0].id}, and 2 more" in text_of(message_of(alerts), UTC)


BUSY: list[tuple[Trouble, float]] = [
    (busy(36), 37),
    (said(429, "Too Many Requests"), 30),
    (said(429, "Too Many Requests", retry_after=0), 0),
    (said(429, "Too Many Requests", retry_after=10**12), 3600),
    (said(429, "Too Many Requests", retry_after=-5), 30),
    (said(429, "Too Many Requests", retry_after="soon"), 30),
    (said(429, "Too Many Requests", retry_after=True), 30),
]


@pytest.mark.parametrize("n", range(len(BUSY)))
async def test_a_429_says_how_long_it_is_left_alone(server: BotServer, n: int) -> None:
    # an answer can be given once: each test makes its own
    answer, seconds = BUSY[n]
    server.troubles.append(answer)
    with pytest.raises(SinkBusy) as told:
        await sink(server).deliver(OPENED)
    assert told.value.retry_after == timedelta(seconds=seconds)
    assert not server.taken


async def failure(server: BotServer, answer: Trouble, message: Message = OPENED) -> SinkError:
    server.troubles.append(answer)
    with pytest.raises(SinkError) as told:
        await sink(server).deliver(message)
    return told.value


@pytest.mark.parametrize(
    ("status", "description", "remedy"),
    [
        (401, "Unauthorized", "Telegram does not know the bot's token"),
        (403, "Forbidden: bot was blocked by the user", "may not write to 4711; start or add it"),
        (403, "Forbidden: bot was kicked from the group chat", "may not write to 4711"),
        (404, "Not Found", "check the bot's token and alerts.telegram.base_url"),
        (400, "Bad Request: chat not found", "check alerts.telegram.chats"),
        (400, "Bad Request: group chat was upgraded to a supergroup chat", "has a new id"),
        (400, "Bad Request: not enough rights to send text messages to the chat", "let the bot"),
        (500, "Internal Server Error", "500 Internal Server Error"),
        (420, "Flood", "420 Flood"),
    ],
)
async def test_what_is_wrong_with_the_bot_or_the_chat_gives_no_message_up(
    server: BotServer, status: int, description: str, remedy: str
) -> None:
    error = await failure(server, said(status, description))
    assert not isinstance(error, SinkRefusal | SinkBusy)
    assert description in str(error)
    assert remedy in str(error)


@pytest.mark.parametrize(
    ("status", "description"),
    [
        (400, "Bad Request: can't parse entities: Unsupported start tag"),
        (400, "Bad Request: message is too long"),
        (413, "Request Entity Too Large"),
    ],
)
async def test_what_telegram_says_of_the_message_gives_it_up(
    server: BotServer, status: int, description: str
) -> None:
    error = await failure(server, said(status, description))
    assert isinstance(error, SinkRefusal)
    assert description in str(error)


@pytest.mark.parametrize("status", [200, 302, 400, 401, 403, 404, 429, 500, 502])
async def test_a_page_of_somebody_else_proves_nothing(server: BotServer, status: int) -> None:
    error = await failure(server, page(status))
    assert not isinstance(error, SinkRefusal | SinkBusy)
    assert str(status) in str(error)


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"ok": 1}', '{"ok": "true"}', "null", '{"ok": false}', "[" * 60_000]
)
async def test_nonsense_is_no_receipt(server: BotServer, text: str) -> None:
    error = await failure(server, page(200, text))
    assert not isinstance(error, SinkRefusal)


async def test_a_cut_line_and_a_closed_port_are_tried_again(server: BotServer) -> None:
    assert "no answer" in str(await failure(server, CUT))
    closed = TelegramSink(
        base_url="http://127.0.0.1:9", token=Secret(TOKEN), chat=CHAT, zone=UTC, leaks=Leaks([])
    )
    with pytest.raises(SinkError, match="connection refused"):
        await closed.deliver(OPENED)


async def test_a_redirect_is_not_followed(server: BotServer) -> None:
    async with BotServer().serving() as other:
        from aiohttp import web

        location = {"location": f"{other.url}/bot{TOKEN}/sendMessage"}
        await failure(server, web.Response(status=307, headers=location))
        assert other.asked == 0


async def test_a_wrong_token_and_a_chat_nobody_knows_are_told(server: BotServer) -> None:
    with pytest.raises(SinkError, match="401 Unauthorized"):
        await sink(server, token="1:other").deliver(OPENED)
    with pytest.raises(SinkError, match="chat not found"):
        await sink(server, chat="-100").deliver(OPENED)
    assert not server.taken


async def test_a_named_channel_is_a_chat() -> None:
    async with BotServer(chats=("@alarms",)).serving() as server:
        await sink(server, chat="@alarms").deliver(OPENED)
        assert server.taken[0][0] == "@alarms"
