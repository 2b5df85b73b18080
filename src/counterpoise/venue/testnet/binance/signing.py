"""Who sent a signed request, and whether it is in time.

Acceptance is Binance's: ``server - recvWindow <= timestamp < server + 1000 ms``, HMAC SHA256 over the query
followed by the body, without the signature itself. Two things are this exchange's own. The window is
multiplied by ``scale``, because at market speed N a wall second is N market seconds. And where the
market's clock stands still, every instant between it and the caller's own clock (``elapsed_ms`` later)
counts as "now": otherwise a stock client would fall out of a market that nobody moves.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Callable
from dataclasses import dataclass

from counterpoise.venue.testnet.binance.errors import ApiError, missing
from counterpoise.venue.testnet.binance.params import Params
from counterpoise.venue.testnet.http import Request

DEFAULT_WINDOW_MS = 5_000
MAX_WINDOW_MS = 60_000
AHEAD_MS = 1_000

_KEY_PATTERN = re.compile(r"^[A-Za-z0-9_-]{8,128}$")
_SIGNATURE = re.compile(r"(^|&)signature=[^&]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Signed:
    """A proven caller: its API key and the instant it claims to have signed at (ms)."""

    api_key: str
    signed_at_ms: int


def api_key_of(request: Request) -> str | None:
    """Return the API key a request carries, or None."""
    return request.headers.get("x-mbx-apikey") or None


def payload_of(request: Request) -> str:
    """Return the text a signature covers: query, then body, without the signature."""
    return _SIGNATURE.sub("", request.query) + _SIGNATURE.sub("", request.body)


def sign(secret: str, payload: str) -> str:
    """Return the hexadecimal HMAC SHA256 of ``payload``."""
    return hmac.new(secret.encode(), payload.encode("utf-8", "replace"), hashlib.sha256).hexdigest()


def check_key(request: Request, secret_of: Callable[[str], str | None]) -> tuple[str, str]:
    """Return the API key of ``request`` with its secret; -2014 when malformed, -2015 when unknown."""
    key = api_key_of(request)
    if key is None or not _KEY_PATTERN.match(key):
        raise ApiError(-2014, "API-key format invalid.", 401)
    secret = secret_of(key)
    if secret is None:
        raise ApiError(-2015, "Invalid API-key, IP, or permissions for action.", 401)
    return key, secret


def check(
    request: Request,
    params: Params,
    *,
    now_ms: int,
    scale: int,
    secret_of: Callable[[str], str | None],
) -> Signed:
    """Return the caller of a signed request.

    Raises
    ------
    ApiError
        -2014 and -2015 for the key, -1102 for missing parts, -1131 for the window, -1021 when out of
        time, -1022 for the signature.
    """
    key, secret = check_key(request, secret_of)
    timestamp = params.need_integer("timestamp")
    signature = params.opt("signature")
    if signature is None:
        raise missing("signature")
    _check_time(request, params, timestamp, now_ms, scale)
    expected = sign(secret, payload_of(request))
    if not hmac.compare_digest(expected.encode(), signature.lower().encode("utf-8", "replace")):
        raise ApiError(-1022, "Signature for this request is not valid.")
    return Signed(api_key=key, signed_at_ms=timestamp)


def _check_time(request: Request, params: Params, timestamp: int, now_ms: int, scale: int) -> None:
    window = params.integer("recvWindow")
    if window is None:
        window = DEFAULT_WINDOW_MS
    if window > MAX_WINDOW_MS:
        raise ApiError(-1131, f"recvWindow must be less than {MAX_WINDOW_MS}.")
    if timestamp < now_ms - window * scale:
        raise ApiError(-1021, "Timestamp for this request is outside of the recvWindow.")
    if timestamp >= now_ms + max(0, request.elapsed_ms) + AHEAD_MS * scale:
        raise ApiError(-1021, "Timestamp for this request was 1000ms ahead of the server's time.")
