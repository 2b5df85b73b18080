"""Places alerts arrive, on loopback, for tests: a bot API as Telegram's, a web server, a mail server.

Each does what the real one is known to do, and what a test asks it for beside that: refuse, hang, talk nonsense, lose
its answer.
"""

from __future__ import annotations

import asyncio
import contextlib
import html.parser
import json
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

TOKEN = "123456789:AAF-bot_token_of_a_test_0123456789"
CHAT = "4711"
#: A person, and the bot's name behind an @.
USER, BOT = 815, "hedging_bot"
#: What a test asks for: an answer instead of the usual one, or one of these words.
HANG, CUT, LOSE = "hang", "cut", "lose"
Trouble = str | web.Response


class _Markup(html.parser.HTMLParser):
    """Reads Telegram's HTML as it does: known tags, well nested, everything else escaped."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.text = ""
        self.broken = ""

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        if tag not in {"b", "i", "u", "s", "code", "pre", "a"}:
            self.broken = f'Unsupported start tag "{tag}"'
        self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.broken = f'Unexpected end tag "{tag}"'

    def handle_data(self, data: str) -> None:
        self.text += data

    def handle_comment(self, data: str) -> None:
        self.broken = "Unsupported comment"


@dataclass(slots=True)
class BotServer:
    """A bot API. ``taken``: (chat, text as people see it, whether silent); ``sent_at``: when, by ``now``."""

    token: str = TOKEN
    chats: tuple[str, ...] = (CHAT,)
    now: Callable[[], float] | None = None
    url: str = ""
    taken: list[tuple[str, str, bool]] = field(default_factory=list)
    sent_at: list[float] = field(default_factory=list)
    asked: int = 0
    refused: int = 0
    troubles: deque[Trouble] = field(default_factory=deque)
    #: 400s of Telegram's own, because what was sent breaks its rules.
    broken: list[str] = field(default_factory=list)
    per_minute: int = 20
    #: What was said to the bot and not let go of yet, oldest first, and the offsets it asked from.
    updates: list[dict[str, Any]] = field(default_factory=list)
    offsets: list[int | None] = field(default_factory=list)
    #: Buttons of the last message: {text: data}; what presses were answered with; messages that lost their buttons.
    buttons: dict[str, str] = field(default_factory=dict)
    noticed: list[tuple[str, str]] = field(default_factory=list)
    bare: list[int] = field(default_factory=list)
    #: It sends again what was let go of, and so many messages to people get lost.
    forgets: bool = False
    lost_answers: int = 0
    _count: int = 700
    _news: asyncio.Event = field(default_factory=asyncio.Event)
    _another: asyncio.Event = field(default_factory=asyncio.Event)

    def write(self, text: str, *, at: float, user: int = USER, chat: int = int(CHAT)) -> None:
        """Let ``user`` write ``text`` in ``chat`` at ``at`` (Unix seconds)."""
        message = {
            "message_id": self._count,
            "date": int(at),
            "text": text,
            "chat": {"id": chat, "type": "private" if chat > 0 else "supergroup"},
            "from": {"id": user, "is_bot": False, "first_name": "<b>Ada</b>", "username": "ada"},
        }
        self.put(message=message)

    def press(self, data: str, *, user: int = USER, chat: int = int(CHAT)) -> None:
        """Let ``user`` press the button that says ``data``."""
        self.put(
            callback_query={
                "id": f"press-{self._count}",
                "data": data,
                "from": {"id": user, "is_bot": False, "first_name": "Ada"},
                "message": {"message_id": len(self.taken), "date": 1, "chat": {"id": chat}},
            }
        )

    def put(self, **parts: Any) -> None:
        """Let an update arrive."""
        self._count += 1
        self.updates.append({"update_id": self._count, **parts})
        self._news.set()

    async def reached(self, asked: int) -> None:
        """Wait until it was asked so often."""
        while self.asked < asked:
            self._another.clear()
            await self._another.wait()

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.asked += 1
        self._another.set()
        trouble = self.troubles.popleft() if self.troubles else None
        if trouble == HANG:
            await asyncio.Event().wait()
        if isinstance(trouble, web.Response):
            return trouble
        if trouble == CUT and request.transport is not None:
            request.transport.abort()
            raise ConnectionResetError
        start, _, method = request.path.rpartition("/")
        if start != f"/bot{self.token}":
            return said(401, "Unauthorized")
        content = await request.json()
        if method != "sendMessage":
            return await self._heard(method, content)
        if self.lost_answers:
            self.lost_answers -= 1
            return page(502)
        made = self._take(content)
        if trouble == LOSE and request.transport is not None:
            request.transport.abort()
            raise ConnectionResetError
        return made

    async def _heard(self, method: str, content: dict[str, Any]) -> web.Response:
        result: Any = True
        if method == "getMe":
            result = {"id": 123456789, "is_bot": True, "username": BOT}
        elif method == "getUpdates":
            result = await self._updates(content)
        elif method == "answerCallbackQuery":
            self.noticed.append((content["callback_query_id"], content["text"]))
        elif method == "editMessageReplyMarkup":
            self.bare.append(content["message_id"])
        else:
            return said(404, "Not Found")
        return web.json_response({"ok": True, "result": result})

    async def _updates(self, content: dict[str, Any]) -> list[dict[str, Any]]:
        offset = content.get("offset")
        self.offsets.append(offset)
        if offset is not None and not self.forgets:
            self.updates = [u for u in self.updates if u["update_id"] >= offset]
        if not self.updates:
            self._news.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(content["timeout"]):
                    await self._news.wait()
        return self.updates[: content["limit"]]

    def _take(self, content: dict[str, Any]) -> web.Response:
        chat = str(content["chat_id"])
        if chat not in self.chats:
            return said(400, "Bad Request: chat not found")
        if self.now is not None:
            recent = [t for t in self.sent_at if t > self.now() - 60]
            if len(recent) >= self.per_minute:
                self.refused += 1
                return busy(60 - (self.now() - recent[0]))
        markup = _Markup()
        markup.feed(content["text"])
        markup.close()
        text = markup.text.strip()
        wrong = markup.broken or ("unclosed tag" if markup.open else "")
        if wrong or content["parse_mode"] != "HTML":
            self.broken.append(wrong)
            return said(400, f"Bad Request: can't parse entities: {wrong}")
        if not text or len(text.encode("utf-16-le")) // 2 > 4096:
            self.broken.append("length")
            return said(400, f"Bad Request: message is {'too long' if text else 'empty'}")
        rows = content.get("reply_markup", {}).get("inline_keyboard", [])
        self.buttons = {b["text"]: b["callback_data"] for row in rows for b in row}
        if any(not 0 < len(data.encode()) <= 64 for data in self.buttons.values()):
            self.broken.append("button")
            return said(400, "Bad Request: BUTTON_DATA_INVALID")
        self.taken.append((chat, text, content["disable_notification"]))
        if self.now is not None:
            self.sent_at.append(self.now())
        return web.json_response({"ok": True, "result": {"message_id": len(self.taken)}})

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[BotServer]:
        async with _serving(self.answer) as self.url:
            yield self


def said(status: int, description: str, **parameters: Any) -> web.Response:
    """Return an error as Telegram puts it."""
    content: dict[str, Any] = {"ok": False, "error_code": status, "description": description}
    if parameters:
        content["parameters"] = parameters
    return web.json_response(content, status=status)


def busy(seconds: float) -> web.Response:
    """Return what Telegram says to who sends too much."""
    wait = int(seconds) + 1
    return said(429, f"Too Many Requests: retry after {wait}", retry_after=wait)


def page(status: int, text: str = "<html><body>Bad gateway</body></html>") -> web.Response:
    """Return a page of whoever stands between."""
    return web.Response(status=status, text=text, content_type="text/html")


@dataclass(slots=True)
class HookServer:
    """A web server that takes posts. ``answers`` come before 204."""

    url: str = ""
    taken: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    answers: deque[Trouble] = field(default_factory=deque)

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.paths.append(request.path_qs)
        trouble = self.answers.popleft() if self.answers else None
        if trouble == HANG:
            await asyncio.Event().wait()
        if isinstance(trouble, web.Response):
            return trouble
        self.taken.append((dict(request.headers), await request.read()))
        return web.Response(status=204)

    @property
    def documents(self) -> list[dict[str, Any]]:
        return [json.loads(body) for _, body in self.taken]

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[HookServer]:
        async with _serving(self.answer) as self.url:
            yield self


@asynccontextmanager
async def _serving(answer: Callable[..., Any]) -> AsyncIterator[str]:
    app = web.Application()
    app.router.add_route("*", "/{any:.*}", answer)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        host, port = runner.addresses[0][:2]
        yield f"http://{host}:{port}"
    finally:
        await runner.cleanup()


@dataclass(slots=True)
class MailServer:
    """A mail server that knows HELO, AUTH PLAIN and LOGIN, MAIL, RCPT, DATA, QUIT. ``mails``: what was handed in."""

    port: int = 0
    mails: list[str] = field(default_factory=list)
    logins: list[str] = field(default_factory=list)
    #: First answer to RCPT, when it is not 250.
    refuses: str = ""
    _server: asyncio.Server | None = None

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._talk, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()
            self._server = None

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        def say(line: str) -> None:
            writer.write(f"{line}\r\n".encode())

        say("220 mail of a test")
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            while line := (await reader.readline()).decode().strip():
                word = line.upper().split()[0]
                if word == "EHLO":
                    say("250-test")
                    say("250 AUTH PLAIN LOGIN")
                elif word == "AUTH":
                    self.logins.append(line)
                    say("235 welcome")
                elif word == "RCPT" and self.refuses:
                    say(self.refuses)
                elif word == "DATA":
                    say("354 go on")
                    self.mails.append((await reader.readuntil(b"\r\n.\r\n")).decode())
                    say("250 taken")
                else:
                    say("221 bye" if word == "QUIT" else "250 fine")
                if word == "QUIT":
                    break
        writer.close()
