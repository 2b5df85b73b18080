"""The parts ``alerts.telegram``, ``alerts.webhook`` and ``alerts.notify``: what each needs, and its credentials.

Every address of a webhook or of Apprise is a credential, so none is ever shown.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from decimal import Decimal
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import ConfigDict, Field, PlainValidator, WithJsonSchema

from counterpoise.config.fields import ENV, Duration, Text, Url
from counterpoise.config.problems import Path
from counterpoise.config.reading import Document
from counterpoise.config.secrets import secret, warn_of_literal
from counterpoise.config.section import Section
from counterpoise.config.shape import Shape, exactly_one, given
from counterpoise.config.units import Expected, duration
from counterpoise.domain.access import (
    ControlAccess,
    NotifyAccess,
    Secret,
    TelegramAccess,
    WebhookAccess,
)

TELEGRAM_URL = "https://api.telegram.org"
HIDDEN = "something else (its value is not shown)"
_TOKEN = re.compile(r"\d{1,20}:[A-Za-z0-9_-]{1,100}")
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://.")
_CHANNEL = re.compile(r"@[A-Za-z0-9_]{4,32}")
_CHAT_ID = re.compile(r"-?[1-9]\d{0,18}")
_USER_ID = re.compile(r"[1-9]\d{0,18}")
#: How long a yes may be waited for.
_SOONEST, _LATEST = timedelta(seconds=10), timedelta(hours=1)
#: Keys of these parts whose values may be shown: no credential belongs there, nor looks as if it did.
_SHOWN = frozenset({"routing", "quiet", "rate", "every"})
#: What is shorter is found by trying.
_SHORTEST_SECRET = 16
_PARTS = frozenset({"telegram", "webhook", "notify", "heartbeat"})


def is_hidden(path: Path) -> bool:
    """Return whether what stands at ``path`` may be a credential, in its place or out of it."""
    of_a_part = len(path) > 1 and path[0] == "alerts" and path[1] in _PARTS
    return of_a_part and not _SHOWN.intersection(path[2:4])


def chat(value: object) -> str:
    """Return the id of a chat: a whole number (groups are negative), or the name of a public channel."""
    said = str(value) if isinstance(value, str | Decimal) else ""
    if not _CHAT_ID.fullmatch(said) and not _CHANNEL.fullmatch(said):
        raise Expected("the id of a chat such as 123456789 or -1001234567890, or '@channel'")
    return said


def _ids(pattern: re.Pattern[str]) -> WithJsonSchema:
    written = {"type": "string", "pattern": rf"^({pattern.pattern}|{ENV})$"}
    return WithJsonSchema({"anyOf": [{"type": "integer"}, written], "examples": [123456789]})


Chat = Annotated[
    str,
    PlainValidator(chat),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "integer"},
                {
                    "type": "string",
                    "pattern": rf"^({_CHANNEL.pattern}|{_CHAT_ID.pattern}|{ENV})$",
                },
            ],
            "examples": [123456789, "@channel"],
        }
    ),
]


def _id(value: object, pattern: re.Pattern[str], expected: str) -> int:
    said = str(value) if isinstance(value, str | Decimal) else ""
    if not pattern.fullmatch(said):
        raise Expected(expected)
    return int(said)


def personal_chat(value: object) -> int:
    """Return the id of a chat in which people can be told apart: not a channel."""
    return _id(value, _CHAT_ID, "the id of a chat such as 123456789 or -1001234567890")


def user(value: object) -> int:
    """Return the id of a person."""
    return _id(
        value, _USER_ID, "the id of a person such as 123456789 (not a @name: names change hands)"
    )


PersonalChat = Annotated[int, PlainValidator(personal_chat), _ids(_CHAT_ID)]
User = Annotated[int, PlainValidator(user), _ids(_USER_ID)]


class ControlShape(Shape):
    """Who may speak to the bot: listed people in listed chats. Without this nothing said to it is read."""

    chats: list[PersonalChat] = Field(
        min_length=1, description="chats it is spoken to in: [123456789]; ids, groups are negative"
    )
    users: list[User] = Field(
        min_length=1, description="who may speak, by Telegram's ids of people: [123456789]"
    )
    confirm_within: Duration | None = Field(
        default=None, description="how long a yes is waited for to what trades; default 2m"
    )


class TelegramShape(Shape):
    """A bot, and the chats it writes to."""

    model_config = ConfigDict(json_schema_extra=exactly_one("token", "token_file"))

    token: Text | None = Field(default=None, description="the bot's token, best as ${NAME}")
    token_file: Text | None = Field(default=None, description="a file that holds the bot's token")
    chats: list[Chat] = Field(min_length=1, description="ids of chats: [123456789, -1001234567890]")
    base_url: Url | None = Field(
        default=None, description=f"the server of the bot API; default {TELEGRAM_URL}"
    )
    control: ControlShape | None = Field(
        default=None,
        description="commands to the bot: {chats: [123456789], users: [123456789]}; default off",
    )


class WebhookShape(Shape):
    """An address of yours that takes alerts as JSON, signed."""

    model_config = ConfigDict(
        json_schema_extra={
            "allOf": [exactly_one("url", "url_file"), exactly_one("secret", "secret_file")]
        }
    )

    url: Text | None = Field(default=None, description="where to post to, best as ${NAME}")
    url_file: Text | None = Field(default=None, description="a file that holds the address")
    secret: Text | None = Field(
        default=None, description="what messages are signed with, best as ${NAME}"
    )
    secret_file: Text | None = Field(default=None, description="a file that holds that secret")


class ServiceShape(Shape):
    """A service that Apprise sends to."""

    model_config = ConfigDict(json_schema_extra=exactly_one("url", "url_file"))

    url: Text | None = Field(default=None, description="its address for Apprise, best as ${NAME}")
    url_file: Text | None = Field(default=None, description="a file that holds the address")


def outlet_secrets(document: Document, warnings: list[str]) -> dict[str, Secret | None]:
    """Return the credentials of these sinks by their path below ``alerts``, None for one that has a problem."""
    made: dict[str, Secret | None] = {}
    alerts = Section(document=document, path=("alerts",))
    if alerts.is_mapping("telegram"):
        made["telegram.token"] = _fit(document, ("telegram",), "token", warnings)
        _check_once(alerts.at("telegram"), "chats", chat)
        _check_control(alerts.at("telegram", "control"))
    if alerts.is_mapping("webhook"):
        made["webhook.url"] = _fit(document, ("webhook",), "url", warnings)
        made["webhook.secret"] = _fit(document, ("webhook",), "secret", warnings)
    for n, item in enumerate(alerts.items("notify")):
        if item.is_mapping():
            found = _fit(document, ("notify", n), "url", warnings)
        else:
            written = item.word()
            found = Secret(written) if written else None
            warn_of_literal(document, item.path, warnings, better="{url_file: ...}")
        made[f"notify[{n}]"] = found
        if found is not None and not _SCHEME.match(found.reveal()):
            expected = "an address for Apprise such as ntfy://topic"
            document.complain(_written(document, item.path, "url"), expected, was=HIDDEN)
    return made


def telegram(model: TelegramShape, secrets: Mapping[str, Secret]) -> TelegramAccess:
    """Return how the bot is reached; each chat is a sink of its own."""
    return TelegramAccess(
        token=secrets["telegram.token"],
        base_url=model.base_url or TELEGRAM_URL,
        chats={f"telegram:{one}": one for one in model.chats},
        control=ControlAccess(
            chats=frozenset(model.control.chats),
            users=frozenset(model.control.users),
            **given(confirm_within=model.control.confirm_within),
        )
        if model.control is not None
        else None,
    )


def webhook(secrets: Mapping[str, Secret]) -> WebhookAccess:
    """Return where messages are posted to, and how they are signed."""
    return WebhookAccess(url=secrets["webhook.url"], secret=secrets["webhook.secret"])


def services(secrets: Mapping[str, Secret]) -> dict[str, NotifyAccess]:
    """Return the addresses for Apprise by sink: ``notify:ntfy``, the second of a kind ``notify:ntfy-2``."""
    made: dict[str, NotifyAccess] = {}
    for path, url in secrets.items():
        scheme = _SCHEME.match(url.reveal())
        if not path.startswith("notify[") or scheme is None:
            continue
        kind = f"notify:{scheme[1].lower()}"
        names = (kind, *(f"{kind}-{n}" for n in range(2, len(secrets) + 2)))
        made[_free(names, made)] = NotifyAccess(url=url, path=f"alerts.{path}")
    return made


def _free(names: Iterable[str], taken: Mapping[str, object]) -> str:
    return next(name for name in names if name not in taken)


def _check_once(section: Section, key: str, reader: Callable[[object], str | int]) -> None:
    seen: set[str | int] = set()
    for item in section.items(key):
        one = item.read(reader)
        if one in seen:
            item.complain((), f"each {key.removesuffix('s')} once", was=f"{one} again")
        seen |= {one} if one is not None else set()


def _check_control(section: Section) -> None:
    _check_once(section, "chats", personal_chat)
    _check_once(section, "users", user)
    within = section.read(duration, "confirm_within")
    if within is not None and not _SOONEST <= within <= _LATEST:
        section.complain(("confirm_within",), "a time from 10s to 1h")


def _fit(document: Document, part: Path, key: str, warnings: list[str]) -> Secret | None:
    """Return a credential that looks like one of its kind."""
    where = ("alerts", *part)
    found = secret(document, where, key, needed=True, warnings=warnings)
    if found is None:
        return None
    if key == "token" and not _TOKEN.fullmatch(found.reveal()):
        expected = "the token of a bot as BotFather gives it: digits, a colon, letters and digits"
    elif key == "secret" and len(found.reveal()) < _SHORTEST_SECRET:
        expected = f"a secret of at least {_SHORTEST_SECRET} characters (openssl rand -hex 32)"
    elif key == "url" and part == ("webhook",) and not is_url(found.reveal()):
        expected = "an address such as https://example.org/alerts"
    else:
        return found
    document.complain(_written(document, where, key), expected, was=HIDDEN)
    return None


def _written(document: Document, where: Path, key: str) -> Path:
    for name in (key, f"{key}_file"):
        if document.find((*where, name)) is not None:
            return (*where, name)
    return where


def is_url(value: str) -> bool:
    """Return whether ``value`` is an address of the web, as a request takes it."""
    try:
        parts = urlsplit(value)
        sound = parts.port != 0
    except ValueError:
        return False
    named = parts.scheme in {"http", "https"} and bool(parts.hostname)
    return sound and named and value.isascii() and value.isprintable() and " " not in value
