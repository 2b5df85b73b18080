"""The two value types every dialect speaks: a request as it was on the wire, and a reply.

Both are plain data, so that the same handler answers a socket (``server``) and a client in the same process
(``session``). The query and the body stay raw text, because signatures are computed over the exact
characters sent. Nothing here opens a socket or reads a clock.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import Protocol

from counterpoise.domain.numbers import ZERO


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One HTTP request.

    ``path`` has no query; ``query`` and ``body`` are undecoded; ``headers`` have lower-case names.
    ``elapsed_ms`` is the time in market milliseconds that passed on the caller's clock since the venue's
    clock last moved (0 in process): a market that stands still must not refuse a client whose clock
    runs on. ``remote`` tells callers apart for the limits that count by address.
    """

    method: str
    path: str
    query: str = ""
    body: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    elapsed_ms: int = 0
    remote: str = ""


class Delivery(StrEnum):
    """How a reply reaches the caller; anything but WHOLE is a fault somebody asked for."""

    WHOLE = "whole"
    NEVER = "never"  # the caller waits until it gives up
    RESET = "reset"  # the connection is reset instead
    CUT = "cut"  # the connection ends in the middle of the body


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """One HTTP reply; ``body`` is text, ``headers`` as they go on the wire.

    ``cut_at`` is how many bytes of the body arrive when the delivery is CUT; ``delay_s`` is by how much it is late, in
    the caller's seconds.
    """

    status: int
    body: str
    headers: Mapping[str, str] = field(default_factory=dict)
    delivery: Delivery = Delivery.WHOLE
    cut_at: int = 0
    delay_s: Decimal = ZERO


class Handler(Protocol):
    """Answers requests; a dialect, the control door, or both behind one face."""

    def handle(self, request: Request) -> Response:
        """Return the reply; must not raise for anything a client can send."""
        ...


JSON_TYPE = "application/json;charset=UTF-8"


def json_response(
    payload: object, *, status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    """Return ``payload`` as compact JSON; Decimals must have been turned into text before."""
    return Response(
        status=status,
        body=json.dumps(payload, separators=(",", ":")),
        headers={"Content-Type": JSON_TYPE, **(headers or {})},
    )
