"""The last step before the network: which hosts a run may reach, and where a local run really goes.

ccxt keeps its production addresses, because it chooses its error tables by them; for ``environment: local``
this session sends the same request to our own test exchange over plain HTTP. A host that is not on the
list is refused before a byte leaves, and redirects are not followed, so neither a mistake in ccxt's tables
nor a reply can send a local run, or an order, elsewhere.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from counterpoise.domain.access import Environment
from counterpoise.domain.errors import VenueError
from counterpoise.venue.ccxt.call import CURRENT

_HOSTS: Mapping[Environment, tuple[str, ...]] = {
    Environment.LIVE: ("api.binance.com", "fapi.binance.com", "dapi.binance.com"),
    Environment.DEMO: ("demo-api.binance.com", "demo-fapi.binance.com", "demo-dapi.binance.com"),
}


class Transport:
    """The session ccxt uses: ``get``, ``post``, ``put``, ``delete`` of an aiohttp-like ``session``.

    ``to`` is the address that stands in for all ``hosts``; None leaves addresses as they are.
    ``plain`` says that ``session`` is aiohttp's own (then redirects are switched off).
    """

    def __init__(
        self, session: Any, *, hosts: tuple[str, ...], to: str | None = None, plain: bool = False
    ) -> None:
        self._session = session
        self._hosts = frozenset(hosts)
        self._to = to.rstrip("/") if to is not None else None
        self._options: dict[str, Any] = {"allow_redirects": False} if plain else {}

    @property
    def headers(self) -> Any:
        """Default headers of the session underneath; ccxt looks at them."""
        return getattr(self._session, "headers", {})

    def get(self, url: Any, **kwargs: Any) -> Any:
        """Start a GET."""
        return self._start("get", url, kwargs)

    def post(self, url: Any, **kwargs: Any) -> Any:
        """Start a POST."""
        return self._start("post", url, kwargs)

    def put(self, url: Any, **kwargs: Any) -> Any:
        """Start a PUT."""
        return self._start("put", url, kwargs)

    def delete(self, url: Any, **kwargs: Any) -> Any:
        """Start a DELETE."""
        return self._start("delete", url, kwargs)

    async def close(self) -> None:
        """Close the session underneath."""
        await self._session.close()

    def _start(self, method: str, url: Any, kwargs: dict[str, Any]) -> Any:
        parts = urlsplit(str(url))
        if parts.hostname not in self._hosts:
            raise VenueError(
                f"expected a request to {', '.join(sorted(self._hosts))}, was to {parts.hostname}:"
                " nothing was sent",
                retryable=False,
            )
        if self._to is not None:
            url = self._redirected(url)
        call = CURRENT.get()
        if call is not None:
            call.sent = True
        return getattr(self._session, method)(url, **kwargs, **self._options)

    def _redirected(self, url: Any) -> Any:
        # raw and encoded: the signature covers these very characters
        return type(url)(f"{self._to}{url.raw_path_qs}", encoded=True)


def hosts_of(environment: Environment) -> tuple[str, ...]:
    """Return the hosts that stock ccxt may ask in ``environment`` (local: those that are redirected)."""
    return _HOSTS[Environment.LIVE if environment is Environment.LOCAL else environment]


def local_address(url: str | None) -> str:
    """Return ``url`` if it can only be a machine near by. Raises VenueError."""
    parts = urlsplit(url or "")
    if parts.scheme != "http" or not parts.hostname or not _near(parts.hostname):
        raise VenueError(
            "environment local: expected the http:// address of a local exchange"
            f" (loopback, private network or a bare host name), was {url!r}",
            retryable=False,
        )
    return f"{parts.scheme}://{parts.netloc}"


def _near(host: str) -> bool:
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        # a bare name is one of the compose network; a dotted one could be anywhere
        return "." not in host
    return address.is_loopback or address.is_private
