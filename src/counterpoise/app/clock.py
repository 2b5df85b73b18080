"""The clocks: wall time, a manual one for replay, and a local testnet's market time.

This is the one module that may ask the machine for the time. Everything else is given a
:class:`~counterpoise.ports.Clock`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from counterpoise.domain.errors import VenueError
from counterpoise.domain.numbers import ZERO, text

if TYPE_CHECKING:
    import aiohttp

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class WallClock:
    """Real time."""

    def now(self) -> datetime:
        """Return the present instant, aware UTC."""
        return datetime.now(UTC)

    async def sleep(self, seconds: Decimal) -> None:
        """Let ``seconds`` pass."""
        await asyncio.sleep(float(seconds))  # a pause is no money: float is exact enough


class ManualClock:
    """Time that moves only when told: ``sleep`` moves it at once and tells ``on_advance`` by how many seconds."""

    def __init__(
        self, start: datetime, on_advance: Callable[[Decimal], None] | None = None
    ) -> None:
        self._now = start
        self._on_advance = on_advance

    def now(self) -> datetime:
        """Return the present instant of this clock."""
        return self._now

    async def sleep(self, seconds: Decimal) -> None:
        """Move time by ``seconds``; gives other tasks one turn."""
        self.advance(seconds)
        await asyncio.sleep(0)

    def advance(self, seconds: Decimal) -> None:
        """Move time by ``seconds`` (>= 0)."""
        self._now += timedelta(microseconds=int(seconds * 1_000_000))
        if self._on_advance is not None:
            self._on_advance(seconds)


class VenueClock:
    """A local testnet's market time, in lock-step: ``sleep`` asks the testnet to move its market."""

    def __init__(self, url: str) -> None:
        self._url = url.rstrip("/")
        self._now: datetime | None = None
        self._session: aiohttp.ClientSession | None = None

    async def open(self) -> None:
        """Connect and learn the market's time. Raises VenueError."""
        await self.sleep(ZERO)

    async def close(self) -> None:
        """Let the connection go; safe to call twice."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    def now(self) -> datetime:
        """Return market time as of the last exchange with the testnet."""
        if self._now is None:
            raise VenueError("the local testnet's clock was asked before it was opened")
        return self._now

    async def sleep(self, seconds: Decimal) -> None:
        """Advance the market by ``seconds`` (0 only reads its time)."""
        # here: whoever only asks the wall clock the time loads no network library
        import aiohttp

        if self._session is None:
            self._session = aiohttp.ClientSession()
        try:
            async with self._session.post(
                f"{self._url}/_control/advance", json={"seconds": text(seconds)}
            ) as response:
                if response.status != 200:
                    said = (await response.text())[:200]
                    raise VenueError(
                        f"the local testnet at {self._url} refused to advance: {response.status} {said}"
                    )
                body = await response.json()
        except aiohttp.ClientError as error:
            raise VenueError(f"the local testnet at {self._url} does not answer: {error}") from None
        self._now = _EPOCH + timedelta(milliseconds=int(body["now"]))
