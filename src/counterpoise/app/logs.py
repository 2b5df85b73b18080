"""Logs: structured, in UTC, on stderr, and never with a secret in them.

Everything goes through one chain, also what libraries log. A traceback is rendered without local variables
(a key is a local of whoever signs with it) and then, like every other value, through :class:`Redactor`.
``logged_at`` is wall time; what a line says in ``at`` may be a market's time.
stdout belongs to the commands.
"""

from __future__ import annotations

import json
import logging
import re
import sys
from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import TextIO

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from counterpoise.app import lines
from counterpoise.domain.access import Secret
from counterpoise.domain.leaks import spellings
from counterpoise.domain.numbers import text

HIDDEN = "***"
#: A shorter secret is not searched for: it would blank out ordinary words.
_SHORTEST = 6

_SECRET_KEY = re.compile(
    r"secret|passw|passphrase|token|api_?key|signature|authorization|private_?key|credential",
    re.IGNORECASE,
)
_IN_TEXT = re.compile(
    r"""(?P<name>(?:[\w-]*(?:secret|passw(?:or)?d|passphrase|token|api[-_]?key|signature|authorization|private[-_]?key)[\w-]*))
        (?P<is>["']?\s*[=:]\s*["']?)
        (?P<value>(?:(?:Bearer|Basic)\s+)?[^\s&"',;)}\]]+)""",
    re.IGNORECASE | re.VERBOSE,
)
#: Libraries whose lines carry keys (ccxt: headers and signatures; aiosqlite: parameters; httpx and urllib3: URLs) or
#: only noise.
_QUIET = {
    "ccxt": logging.INFO,
    "aiosqlite": logging.INFO,
    "aiohttp.access": logging.WARNING,
    "alembic": logging.WARNING,
    "apscheduler": logging.WARNING,
    "asyncio": logging.WARNING,
    "httpcore": logging.WARNING,
    "httpx": logging.WARNING,
    "requests_oauthlib": logging.INFO,
    "sqlalchemy": logging.WARNING,
    "urllib3": logging.INFO,
}


class LogFormat(StrEnum):
    """How a line looks."""

    AUTO = "auto"  # console on a terminal, JSON elsewhere
    CONSOLE = "console"
    JSON = "json"


class Redactor:
    """Blanks out secrets: by the name of a key, by a known value, by the look of a text."""

    def __init__(self) -> None:
        self._values: set[str] = set()

    def know(self, secrets: Iterable[Secret]) -> None:
        """Blank out these values, plain, URL-encoded or in base64, wherever they stand from now on."""
        for secret in secrets:
            value = secret.reveal()
            if len(value) >= _SHORTEST:
                self._values |= spellings(value)

    def text(self, message: str) -> str:
        """Return ``message`` without secrets."""
        for value in sorted(self._values, key=len, reverse=True):
            message = message.replace(value, HIDDEN)
        return _IN_TEXT.sub(lambda m: f"{m['name']}{m['is']}{HIDDEN}", message)

    def value(self, item: object) -> object:
        """Return ``item`` (anything) as something a line can hold, without secrets."""
        if item is None or isinstance(item, bool | int | float):
            return item
        if isinstance(item, Decimal):
            return text(item) if item.is_finite() else str(item)
        if isinstance(item, datetime):
            return item.isoformat()
        if isinstance(item, Mapping):
            return {str(k): self._of_key(str(k), v) for k, v in item.items()}
        if isinstance(item, list | tuple | set | frozenset):
            return [self.value(one) for one in item]
        if isinstance(item, bytes):
            return self.text(item.decode(errors="replace"))
        return self.text(item if isinstance(item, str) else str(item))

    def __call__(self, logger: WrappedLogger, name: str, event: EventDict) -> EventDict:
        """Redact a whole line: the last processor before rendering."""
        del logger, name
        return {key: self._of_key(key, item) for key, item in event.items()}

    def _of_key(self, key: str, item: object) -> object:
        if _SECRET_KEY.search(key.replace("-", "_")) and item is not None:
            return HIDDEN
        return self.value(item)


#: The process's redactor: secrets become known when a config is loaded, after logging was set up.
redactor = Redactor()


def set_up(
    *,
    level: str = "info",
    style: LogFormat = LogFormat.AUTO,
    stream: TextIO | None = None,
    secrets: Iterable[Secret] = (),
) -> None:
    """Send every log line of this process to ``stream`` (stderr), redacted. May be called again."""
    target = sys.stderr if stream is None else stream
    redactor.know(secrets)
    console = style is LogFormat.CONSOLE or (style is LogFormat.AUTO and target.isatty())
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="logged_at"),
        structlog.processors.StackInfoRenderer(),
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(target)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, structlog.stdlib.ExtraAdder()],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                *(_console(colors=target.isatty()) if console else _json()),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for name, least in _QUIET.items():
        logging.getLogger(name).setLevel(max(least, root.level))


def _json() -> list[Processor]:
    without_locals = structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
    return [
        structlog.processors.ExceptionRenderer(without_locals),
        redactor,
        structlog.processors.JSONRenderer(serializer=json.dumps),
    ]


def _console(*, colors: bool) -> list[Processor]:
    return [
        # into text before redaction; the renderer then prints it as it is
        structlog.processors.format_exc_info,
        redactor,
        lines.Lines(colors=colors),
    ]
