"""The bot's side of Telegram's bot API beyond alerts: what was said to it, and short answers.

The token is a part of every address, so it is in no error; no words of the server are repeated that hold a secret.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from counterpoise.domain.access import Secret
from counterpoise.domain.control import Answer
from counterpoise.domain.errors import SinkBusy, SinkError
from counterpoise.domain.leaks import Leaks
from counterpoise.notify.http import USUAL_WAIT, post, wait_of
from counterpoise.notify.telegram import LONGEST_TEXT, document_of, escaped
from counterpoise.notify.wording import cut, plain, units

#: How long Telegram holds a question for updates open when there are none.
POLL_S = 25
#: Updates at once; ten of the longest that Telegram sends are far below what is read of a reply.
AT_ONCE, _LONGEST_REPLY = 10, 4 * 1024 * 1024
_REMEDIES = {
    401: "Telegram does not know the bot's token, check it",
    404: "check the bot's token and alerts.telegram.base_url",
    409: "another program asks for this bot's updates, or it has a webhook: one only can have them",
}

Buttons = Sequence[Sequence[Mapping[str, str]]]


class BotApi:
    """Asks the server at ``base_url`` as the bot of ``token``. Whatever fails raises SinkBusy or SinkError."""

    def __init__(self, *, base_url: str, token: Secret, leaks: Leaks) -> None:
        self._base_url = base_url
        self._token = token
        self._leaks = leaks

    async def name(self) -> str:
        """Return the bot's user name: what stands behind the @ of a command in a group."""
        found = await self._ask("getMe", {})
        name = found.get("username") if isinstance(found, dict) else None
        if not isinstance(name, str) or not name:
            raise SinkError("expected the bot's name, was something else")
        return name

    async def updates(self, after: int | None, wait_s: int = POLL_S) -> list[Any]:
        """Return what arrived with an id of at least ``after`` (what is older is then forgotten), oldest first.

        Waits up to ``wait_s`` for the first.
        """
        content: dict[str, Any] = {
            "timeout": wait_s,
            "limit": AT_ONCE,
            "allowed_updates": ["message", "callback_query"],
        }
        if after is not None:
            content["offset"] = after
        found = await self._ask("getUpdates", content, patience_s=wait_s + 10.0)
        if not isinstance(found, list):
            raise SinkError("expected a list of updates, was something else")
        return found

    async def say(self, chat: int, answer: Answer, buttons: Buttons = ()) -> None:
        """Send a short answer into ``chat``; nothing in it is read as markup."""
        head = cut(plain(answer.head).replace("\n", " "), 256)
        body = cut(plain(answer.text), LONGEST_TEXT - units(head) - 2)
        content: dict[str, Any] = {
            "chat_id": chat,
            "text": f"<b>{escaped(head)}</b>\n{escaped(body)}".rstrip(),
            "parse_mode": "HTML",
            "disable_notification": False,
            "link_preview_options": {"is_disabled": True},
        }
        if buttons:
            content["reply_markup"] = {"inline_keyboard": [list(row) for row in buttons]}
        await self._ask("sendMessage", content)

    async def noticed(self, callback: str, text: str) -> None:
        """Say that a press was noticed: the button stops waiting, and ``text`` is shown for a moment."""
        await self._ask(
            "answerCallbackQuery", {"callback_query_id": callback, "text": plain(text)[:190]}
        )

    async def without_buttons(self, chat: int, message: int) -> None:
        """Take the buttons off a message."""
        await self._ask("editMessageReplyMarkup", {"chat_id": chat, "message_id": message})

    async def _ask(
        self, method: str, content: Mapping[str, Any], *, patience_s: float = 8.0
    ) -> object:
        url = f"{self._base_url}/bot{self._token.reveal()}/{method}"
        reply = await post(
            url,
            json.dumps(content).encode(),
            {"content-type": "application/json"},
            patience_s=patience_s,
            longest=_LONGEST_REPLY,
        )
        said = document_of(reply)
        status = reply.status
        if said is None:
            raise SinkError(
                f"{method}: expected Telegram's JSON, was something else with status {status}"
            )
        if status == 200 and said["ok"] is True:
            return said.get("result")
        words = self._leaks.words(str(said.get("description", "")))
        if status == 429:
            told = said.get("parameters")
            asked = wait_of(told.get("retry_after")) if isinstance(told, dict) else None
            wait = asked if asked is not None else reply.retry_after
            raise SinkBusy(
                f"{method}: 429, asked too often",
                retry_after=USUAL_WAIT if wait is None else wait,
            )
        remedy = f": {_REMEDIES[status]}" if status in _REMEDIES else ""
        raise SinkError(f"{method}: {status} {words}{remedy}")
