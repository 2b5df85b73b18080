"""One POST, and what came back: the way out for the sinks that speak HTTP.

An address may hold a secret (a bot's token is a part of it). So nothing that httpx raises or logs leaves this module:
a request that failed comes back as a few words of ours. Redirects are not followed: what was meant for one address is
never sent to another.
"""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from email.utils import parsedate_to_datetime
from functools import cache

import httpx

from counterpoise.domain.errors import SinkError

#: Less than what the relay gives a delivery, so that it is told what took so long.
_PATIENCE_S, _CONNECT_S = 8.0, 5.0
#: A reply of ours is a few hundred bytes; more is somebody else's page.
_LONGEST_REPLY = 64 * 1024
#: Whoever asks for more is asked again after this.
LONGEST_WAIT = timedelta(hours=1)
#: When told to wait, but not how long.
USUAL_WAIT = timedelta(seconds=30)

# they log whole addresses, at INFO and at DEBUG
for _name in ("httpx", "httpcore"):
    logging.getLogger(_name).disabled = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """An answer: ``status``, its headers by lower-case name, and the beginning of its body."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def text(self) -> str:
        """The body as text; what is no UTF-8 is replaced."""
        return self.body.decode(errors="replace")

    @property
    def retry_after(self) -> timedelta | None:
        """How long it asks to be left alone (``Retry-After``: seconds or a date), None when it does not say."""
        said = self.headers.get("retry-after", "").strip()
        try:
            if said.isascii() and said.isdigit():
                return wait_of(int(said))
            # by their own clock; ours may differ
            until, now = (parsedate_to_datetime(t) for t in (said, self.headers["date"]))
            return min(max(until - now, timedelta(0)), LONGEST_WAIT)
        except (KeyError, ValueError, TypeError, OverflowError):
            return None


def wait_of(seconds: object) -> timedelta | None:
    """Return ``seconds`` as a time to wait, at most an hour; None when it is no number of seconds."""
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not seconds >= 0:
        return None
    return timedelta(seconds=min(seconds, LONGEST_WAIT.total_seconds()))


async def post(
    url: str,
    content: bytes,
    headers: Mapping[str, str],
    *,
    patience_s: float = _PATIENCE_S,
    longest: int = _LONGEST_REPLY,
) -> Reply:
    """Send ``content`` to ``url`` and return the answer, whatever its status, of its body ``longest`` bytes at most.

    Raises SinkError when there is none; it may have arrived all the same. Its words and causes hold no address.
    """
    outcome = await _outcome(url, content, headers, patience_s, longest)
    if isinstance(outcome, str):
        # not inside an except: the cause carries the request
        raise SinkError(outcome)
    return outcome


async def _outcome(
    url: str, content: bytes, headers: Mapping[str, str], patience_s: float, longest: int
) -> Reply | str:
    timeout = httpx.Timeout(patience_s, connect=_CONNECT_S)
    try:
        verify = await asyncio.to_thread(_trusted)
        async with (
            # httpx bounds each read, this the whole: a server may drip for ever
            asyncio.timeout(patience_s + _CONNECT_S),
            httpx.AsyncClient(verify=verify, timeout=timeout, follow_redirects=False) as client,
            client.stream("POST", url, content=content, headers=dict(headers)) as answer,
        ):
            body = b""
            async for chunk in answer.aiter_bytes():
                body += chunk
                if len(body) >= longest:
                    break
            return Reply(
                status=answer.status_code,
                headers={k.lower(): v for k, v in answer.headers.items()},
                body=body[:longest],
            )
    except ImportError:
        return "no answer (the environment names a SOCKS proxy: pip install 'httpx[socks]')"
    except (httpx.TimeoutException, TimeoutError) as error:
        return f"no answer in time ({type(error).__name__})"
    except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError) as error:
        return f"no answer ({type(error).__name__}: {_why(error)})"


def _why(error: Exception) -> str:
    """Why a connection failed, in the system's words, without its address."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return f"the certificate is not accepted, {cause.verify_message}"
        if isinstance(cause, socket.gaierror):
            return "no such host, or no network"
        if isinstance(cause, OSError) and cause.errno is not None:
            # not its own words: they hold the address
            return os.strerror(cause.errno).lower()
        cause = cause.__cause__ or cause.__context__
    return "the connection failed"


@cache
def _trusted() -> ssl.SSLContext:
    """Made once and beside the loop: reading the certificates takes a while."""
    return httpx.create_ssl_context()
