"""One request's fate, written down while it travels.

ccxt keeps only "the last response" of an instance, which with several requests in the air may be another
one's, and its exception classes say nothing about the outcome. So a :class:`Call` goes along in a context
variable: the transport notes that it was handed to the network, the reply hook notes status, headers and
body. What happened to an order is then judged from this, not from the class of an exception.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from decimal import Decimal

from counterpoise.venue.ccxt.endpoints import Endpoint
from counterpoise.venue.ccxt.faults import RawReply


@dataclass(slots=True, kw_only=True)
class Call:
    """A request and, as far as it came, its reply. ``sent``: it may have left this machine."""

    endpoint: Endpoint
    #: Text, and of a batch lists: ccxt writes those down as the venue wants them.
    params: Mapping[str, object] = field(default_factory=dict)
    sent: bool = False
    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    body: str = ""

    def replied(self, status: int, headers: Mapping[str, str], body: str) -> None:
        """Note the reply; header names become lower case."""
        self.status = status
        self.headers = {name.lower(): value for name, value in headers.items()}
        self.body = body

    def verdict(self) -> tuple[int | None, str]:
        """Return the venue's own code and words, ``(None, "")`` unless the body is its JSON error.

        Venues call them ``code`` and ``msg``, or ``retCode`` and ``retMsg``.
        """
        try:
            error = json.loads(self.body)
        except (ValueError, RecursionError):
            return None, ""
        if not isinstance(error, dict):
            return None, ""
        code = error.get("code", error.get("retCode"))
        words = error.get("msg", error.get("retMsg"))
        if isinstance(code, bool) or not isinstance(code, int) or not isinstance(words, str):
            return None, ""
        return code, words


class CallFailed(Exception):
    """A request without a usable reply. ``text`` is fit for logs: it carries no signature and no key.

    ``exchange`` is the ccxt id of who was asked, ``body`` the start of what came back, as fit for logs as ``text``.
    ``unreachable``: no connection came about.
    """

    def __init__(
        self,
        call: Call,
        text: str,
        *,
        sent: bool,
        unreachable: bool = False,
        exchange: str = "binance",
        body: str = "",
    ) -> None:
        self.sent = sent
        self.unreachable = unreachable
        self.exchange = exchange
        self.status = call.status
        self.code, self.words = call.verdict()
        self.retry_after_s: Decimal | None = None
        self.scope = call.endpoint.scope
        self.text = text
        self.body = body
        super().__init__(text)

    @property
    def raw(self) -> RawReply:
        """What came back, as far as anything did."""
        return RawReply(sent=self.sent, status=self.status, code=self.code, words=self.words)


#: The request the running task is making; read by the transport and the reply hook.
CURRENT: ContextVar[Call | None] = ContextVar("current_call", default=None)
