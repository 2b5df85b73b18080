"""How a venue is reached: its environment and credentials. A :class:`Secret` never prints itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

#: How often a venue is looked at unless the config says so.
DEFAULT_POLL = timedelta(seconds=30)


class Environment(StrEnum):
    """Where orders go; never guessed."""

    LOCAL = "local"  # our own testnet server
    TESTNET = "testnet"
    DEMO = "demo"
    LIVE = "live"


class Secret:
    """A credential. ``reveal()`` is the only way to the text; repr, str and format show ``***``."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """Return the text, for signing only."""
        return self._value

    def __repr__(self) -> str:
        return "***"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._value == self._value

    def __hash__(self) -> int:
        return hash(self._value)


@dataclass(frozen=True, slots=True, kw_only=True)
class VenueAccess:
    """Everything needed to open one venue. ``url`` and ``venue_clock`` only for ``local``.

    ``dead_man``: after how long a silence of ours the venue takes our futures orders down; None: never.
    """

    id: str
    exchange: str
    environment: Environment
    api_key: Secret
    secret: Secret
    password: Secret | None = None
    url: str | None = None
    venue_clock: bool = False
    poll: timedelta = DEFAULT_POLL
    allow_withdraw_key: bool = False
    dead_man: timedelta | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyRights:
    """What a key may do, as the venue tells it; None: it does not say."""

    withdraw: bool | None
    trade_futures: bool | None = None
    transfer: bool | None = None
    ip_bound: bool | None = None
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsAccess:
    """How a server proves who it is, and we who we are: paths of PEM files.

    ``ca_file`` None: whom the system trusts.
    """

    ca_file: str | None = None
    cert_file: str | None = None
    key_file: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokerAccess:
    """How an MQTT broker is reached, and under which topics.

    ``prefix`` begins our topics, ``discovery`` those of Home Assistant (None: it is told nothing); neither begins or
    ends with a slash. ``tls`` None: in the clear.
    """

    host: str
    port: int
    prefix: str = "counterpoise"
    discovery: str | None = "homeassistant"
    user: str | None = None
    password: Secret | None = None
    tls: TlsAccess | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class HeartbeatAccess:
    """A URL that is asked for after completed looks, at most once within ``every``; who has it can fake us."""

    url: Secret
    every: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlAccess:
    """Who may speak to the bot: only these ``users``, and only in these ``chats``; both by Telegram's ids.

    What trades waits ``confirm_within`` for a yes.
    """

    chats: frozenset[int]
    users: frozenset[int]
    confirm_within: timedelta = timedelta(minutes=2)


@dataclass(frozen=True, slots=True, kw_only=True)
class TelegramAccess:
    """A bot and where it is reached. ``chats``: name of the sink -> id of the chat.

    ``control`` None: nothing that is said to the bot is read.
    """

    token: Secret
    base_url: str
    chats: Mapping[str, str]
    control: ControlAccess | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookAccess:
    """An address of the user's, which may hold a token, and the secret by which messages are signed."""

    url: Secret
    secret: Secret


@dataclass(frozen=True, slots=True, kw_only=True)
class NotifyAccess:
    """An address that Apprise sends to, which holds credentials; ``path``: where it stands in the config."""

    url: Secret
    path: str
