"""What arrives from Telegram, read: whatever it holds, nothing but what is expected comes out. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

_NAME = re.compile(r"[A-Za-z0-9_]{1,32}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Update:
    """A text in a chat, or a button pressed there (``callback`` is the press's id, ``text`` the button's data).

    ``at`` is None for a press: Telegram does not say when it was. ``message``: what a pressed button hangs on.
    """

    id: int
    chat: int
    user: int
    name: str | None
    text: str
    at: datetime | None = None
    callback: str | None = None
    message: int | None = None

    @property
    def who(self) -> str:
        """The person, for the audited row: the id is what counts, the name is what people know."""
        return f"@{self.name} ({self.user})" if self.name else f"user {self.user}"

    @property
    def token(self) -> str:
        """What names this update: the same however often it comes, another one for every other."""
        return f"{self.id} {self.callback or self.at}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Passed:
    """An update that is nothing for us, and why: edited, forwarded, by a bot, no text, not to be read."""

    id: int
    why: str


def read(raw: object) -> Update | Passed | None:
    """Return an update, or why it is none for us; None for what has no id."""
    if not isinstance(raw, dict):
        return None
    id_ = raw.get("update_id")
    if isinstance(id_, bool) or not isinstance(id_, int):
        return None
    try:
        if "message" in raw:
            return _message(id_, raw["message"])
        if "callback_query" in raw:
            return _press(id_, raw["callback_query"])
    except (AttributeError, KeyError, TypeError, ValueError, OverflowError, OSError):
        return Passed(id=id_, why="not to be read")
    kinds = [k for k in raw if k != "update_id" and _NAME.fullmatch(str(k))]
    return Passed(id=id_, why=f"a kind that is not heeded ({', '.join(kinds) or 'unnamed'})")


def _message(id_: int, raw: Mapping[str, Any]) -> Update | Passed:
    for sign, why in (
        ("forward_origin", "forwarded"),
        ("forward_date", "forwarded"),
        ("via_bot", "written by another bot"),
        ("sender_chat", "sent in the name of a chat"),
        ("edit_date", "edited"),
    ):
        if sign in raw:
            return Passed(id=id_, why=why)
    if not isinstance(raw.get("text"), str):
        return Passed(id=id_, why="no text")
    sender = raw["from"]
    if sender.get("is_bot") is not False:
        return Passed(id=id_, why="sent by a bot")
    return Update(
        id=id_,
        chat=_whole(raw["chat"]["id"]),
        user=_whole(sender["id"]),
        name=_name(sender),
        text=raw["text"],
        at=datetime.fromtimestamp(_whole(raw["date"]), UTC),
    )


def _press(id_: int, raw: Mapping[str, Any]) -> Update | Passed:
    sender, on = raw["from"], raw["message"]
    if not isinstance(raw.get("data"), str) or not isinstance(raw["id"], str):
        return Passed(id=id_, why="no button of ours")
    if sender.get("is_bot") is not False:
        return Passed(id=id_, why="pressed by a bot")
    return Update(
        id=id_,
        chat=_whole(on["chat"]["id"]),
        user=_whole(sender["id"]),
        name=_name(sender),
        text=raw["data"],
        callback=raw["id"],
        message=_whole(on["message_id"]),
    )


def _name(sender: Mapping[str, Any]) -> str | None:
    name = sender.get("username")
    return name if isinstance(name, str) and _NAME.fullmatch(name) else None


def _whole(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError("expected a whole number")
    return value
