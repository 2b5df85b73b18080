"""An HTTP session without HTTP: what a client sends goes straight to a handler in the same process.

Stock ``ccxt.async_support`` takes it as its ``session`` and then trades on the simulated exchange under a
virtual clock, with its real URLs (its error tables hang on them), without sockets. The session answers
only the hosts it was given; any other is a programming error and says so. A reply that does not come, comes late or
is torn raises what aiohttp raises, and costs no real time: ``pause`` is how time passes meanwhile. It never
imports ccxt.
"""

from __future__ import annotations

import errno
import json
import types
from collections.abc import Awaitable, Callable, Collection, Generator, Mapping
from decimal import Decimal
from http import HTTPStatus
from typing import Any, Self
from urllib.parse import urlsplit

from counterpoise.domain.numbers import dec
from counterpoise.venue.testnet.http import Delivery, Handler, Request, Response

#: Lets a span of the caller's seconds pass.
Pause = Callable[[Decimal], Awaitable[None]]
#: How long a caller waits that does not say.
PATIENCE_S = Decimal(10)


class SessionResponse:
    """A finished reply with the attributes of aiohttp's ``ClientResponse`` that clients use."""

    def __init__(self, response: Response, method: str, url: str) -> None:
        self.status = response.status
        self.reason = _phrase(response.status)
        self.headers: dict[str, str] = dict(response.headers)
        self.content = response.body.encode()
        self.method = method
        self.url = url
        self._text = response.body
        self._torn = response.delivery is Delivery.CUT

    @property
    def ok(self) -> bool:
        """Whether the state is below 400."""
        return self.status < 400

    async def text(self, encoding: str | None = None, errors: str = "strict") -> str:
        """Return the body as text. Raises ClientPayloadError when it ended too early."""
        del encoding, errors
        self._check()
        return self._text

    async def json(self, **_options: Any) -> Any:
        """Return the body parsed as JSON. Raises ClientPayloadError when it ended too early."""
        self._check()
        return json.loads(self._text)

    async def read(self) -> bytes:
        """Return the body as bytes. Raises ClientPayloadError when it ended too early."""
        self._check()
        return self.content

    def _check(self) -> None:
        if self._torn:
            import aiohttp

            raise aiohttp.ClientPayloadError("Response payload is not completed")

    def release(self) -> None:
        """Do nothing: there is no connection to give back."""

    close = release


class _Exchange:
    """One request on its way: awaited, or entered as a context, it yields the reply."""

    def __init__(
        self, session: InProcessSession, request: Request, url: str, patience_s: Decimal
    ) -> None:
        self._session = session
        self._request = request
        self._url = url
        self._patience_s = patience_s

    async def _send(self) -> SessionResponse:
        # a socket would let other tasks run here; without this, a busy client would starve them
        await _next_turn()
        response = self._session.handler.handle(self._request)
        if response.delivery is Delivery.NEVER or response.delay_s >= self._patience_s:
            await self._session.wait(self._patience_s)
            raise TimeoutError
        if response.delay_s > 0:
            await self._session.wait(response.delay_s)
        if response.delivery is Delivery.RESET:
            import aiohttp

            raise aiohttp.ClientOSError(errno.ECONNRESET, "Connection reset by peer")
        return SessionResponse(response, self._request.method, self._url)

    def __await__(self) -> Generator[Any, Any, SessionResponse]:
        return self._send().__await__()

    async def __aenter__(self) -> SessionResponse:
        return await self._send()

    async def __aexit__(self, *_exc: object) -> None:
        return None


class InProcessSession:
    """Dispatches requests for ``hosts`` to ``handler``; everything else about HTTP is pretended.

    ``pause`` is asked to let the caller's time pass while it waits for a reply (the ``sleep`` of a virtual clock);
    without it no time passes.

    Raises
    ------
    RuntimeError
        When a request is made after :meth:`close`.
    ValueError
        For a URL of another host.
    """

    def __init__(
        self, handler: Handler, hosts: Collection[str], pause: Pause | None = None
    ) -> None:
        self.handler = handler
        self._pause = pause
        self.headers: dict[str, str] = {}
        self._hosts = frozenset(hosts)
        self._closed = False

    @property
    def closed(self) -> bool:
        """Whether :meth:`close` was called."""
        return self._closed

    async def close(self) -> None:
        """Refuse further requests."""
        self._closed = True

    async def wait(self, seconds: Decimal) -> None:
        """Let ``seconds`` of the caller's time pass."""
        if self._pause is not None:
            await self._pause(seconds)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_exc: object) -> None:
        await self.close()

    def request(
        self,
        method: str,
        url: object,
        *,
        data: str | bytes | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: object = None,
        **_transport: Any,
    ) -> _Exchange:
        """Prepare one request; ``timeout`` is aiohttp's, other options of the transport (proxy, TLS) mean nothing."""
        if self._closed:
            raise RuntimeError("expected an open session, was a closed one")
        parts = urlsplit(str(url))
        if parts.hostname not in self._hosts:
            known = ", ".join(sorted(self._hosts))
            raise ValueError(f"expected a URL of {known}, was {parts.scheme}://{parts.netloc}")
        sent = {**self.headers, **(headers or {})}
        request = Request(
            method=method.upper(),
            path=parts.path,
            query=parts.query,
            body=data.decode() if isinstance(data, bytes) else data or "",
            headers={name.lower(): value for name, value in sent.items()},
            remote="in-process",
        )
        total = getattr(timeout, "total", None)
        patience_s = dec(str(total)) if isinstance(total, int | float) else PATIENCE_S
        return _Exchange(self, request, str(url), patience_s)

    def get(self, url: object, **options: Any) -> _Exchange:
        """Prepare a GET."""
        return self.request("GET", url, **options)

    def post(self, url: object, **options: Any) -> _Exchange:
        """Prepare a POST."""
        return self.request("POST", url, **options)

    def put(self, url: object, **options: Any) -> _Exchange:
        """Prepare a PUT."""
        return self.request("PUT", url, **options)

    def delete(self, url: object, **options: Any) -> _Exchange:
        """Prepare a DELETE."""
        return self.request("DELETE", url, **options)


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:  # what the firms in front of an exchange made up, such as 524
        return ""


@types.coroutine
def _next_turn() -> Generator[None, None, None]:
    """Let the event loop run everything else that is ready, once."""
    yield
