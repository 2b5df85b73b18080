"""Telegram: one message of a bot in one chat. Each chat is a sink of its own, so that none waits for another.

The bot's token is a part of every address: it is in no error, and no words of the server are repeated that hold six
characters of it. What is wrong with the bot or the chat (401, 403, 404, no such chat) is tried again for as long as
it takes, since no message is to blame; only what Telegram says of the message itself gives that message up.
"""

from __future__ import annotations

import html
import json
from collections.abc import Mapping
from datetime import tzinfo
from typing import Any

from counterpoise.domain.access import Secret
from counterpoise.domain.errors import SinkBusy, SinkError, SinkRefusal
from counterpoise.domain.leaks import Leaks
from counterpoise.domain.message import Message
from counterpoise.notify.http import USUAL_WAIT, Reply, post, wait_of
from counterpoise.notify.operator_messages import ASKS
from counterpoise.notify.telegram_words import button
from counterpoise.notify.wording import cut, foot, head, plain, units

#: What Telegram takes, in UTF-16 units after its markup is read.
LONGEST_TEXT = 4096
#: A 400 that speaks of the chat, not of the message: (what stands in it, what to do).
_OF_THE_CHAT = (
    ("chat not found", "check alerts.telegram.chats, and write to the bot once from there"),
    ("upgraded to a supergroup", "the group has a new id: change alerts.telegram.chats"),
    ("peer_id_invalid", "check alerts.telegram.chats, and write to the bot once from there"),
    ("deactivated", "the chat is gone: change alerts.telegram.chats"),
    ("rights", "let the bot write in this chat"),
    ("write_forbidden", "let the bot write in this chat"),
    ("kicked", "add the bot to the chat again"),
    ("not a member", "add the bot to the chat again"),
    ("topic", "open the group's general topic"),
)


class TelegramSink:
    """Sends to ``chat`` through the bot of ``token``; times are shown by the clock of ``zone``.

    What a server said is not repeated where ``leaks`` finds a secret in it. ``answers``: people may answer requests
    in this chat, so these come with buttons.
    """

    def __init__(
        self,
        *,
        base_url: str,
        token: Secret,
        chat: str,
        zone: tzinfo,
        leaks: Leaks,
        answers: bool = False,
    ) -> None:
        self._base_url = base_url
        self._token = token
        self._chat = chat
        self._zone = zone
        self._leaks = leaks
        self._answers = answers

    async def deliver(self, message: Message) -> None:
        """Send one message. Raises SinkBusy, SinkRefusal, SinkError."""
        content: dict[str, Any] = {
            "chat_id": int(self._chat) if self._chat.lstrip("-").isdigit() else self._chat,
            "text": text_of(message, self._zone),
            "parse_mode": "HTML",
            "disable_notification": message.silent,
            "link_preview_options": {"is_disabled": True},
        }
        asked = asks(message) if self._answers else None
        if asked is not None:
            row = [button("Approve ...", "approve", asked), button("Deny", "deny", asked)]
            content["reply_markup"] = {"inline_keyboard": [row]}
        url = f"{self._base_url}/bot{self._token.reveal()}/sendMessage"
        reply = await post(url, json.dumps(content).encode(), {"content-type": "application/json"})
        self._judge(reply, document_of(reply))

    def _judge(self, reply: Reply, said: Mapping[str, Any] | None) -> None:
        """Raise what the answer means, unless the message was taken."""
        status = reply.status
        if said is None:
            raise SinkError(f"expected Telegram's JSON, was something else with status {status}")
        if status == 200 and said["ok"] is True:
            return
        words = self._leaks.words(str(said.get("description", "")))
        if status == 429:
            told = said.get("parameters")
            asked = wait_of(told.get("retry_after")) if isinstance(told, dict) else None
            wait = asked if asked is not None else reply.retry_after
            raise SinkBusy(
                "429, too many messages", retry_after=USUAL_WAIT if wait is None else wait
            )
        if status == 401:
            raise SinkError(f"401 {words}: Telegram does not know the bot's token, check it")
        if status == 403:
            raise SinkError(
                f"403 {words}: the bot may not write to {self._chat}; start or add it there again"
            )
        if status == 404:
            raise SinkError(f"404 {words}: check the bot's token and alerts.telegram.base_url")
        if status in {400, 413}:
            for sign, remedy in _OF_THE_CHAT if status == 400 else ():
                if sign in words.lower():
                    raise SinkError(f"400 {words}: {remedy}")
            raise SinkRefusal(f"{status} {words}")
        raise SinkError(f"{status} {words}")


def asks(message: Message) -> str | None:
    """Return the request that ``message`` asks for an answer to; None where it asks none, or several."""
    one = message.count == 1 and message.data.get("state") == ASKS
    return message.data.get("approval") if one else None


def text_of(message: Message, zone: tzinfo) -> str:
    """Return the message in Telegram's HTML, with everything in it that could be markup escaped."""
    top, end = cut(head(message), 256), foot(message, zone)
    body = cut(plain(message.text), LONGEST_TEXT - units(f"{top}\n\n{end}"))
    return f"<b>{escaped(top)}</b>\n{escaped(body)}\n<i>{escaped(end)}</i>"


def escaped(said: str) -> str:
    """Return ``said`` so that nothing in it is read as markup."""
    return html.escape(said, quote=False)


def document_of(reply: Reply) -> Mapping[str, Any] | None:
    """Return the answer as Telegram's, None when it comes from something else (a proxy, a login page)."""
    try:
        said = json.loads(reply.text)
    except (ValueError, RecursionError):
        return None
    return said if isinstance(said, dict) and isinstance(said.get("ok"), bool) else None
