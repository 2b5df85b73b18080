"""A dead man's switch: a URL that is asked for after completed looks. Who watches it tells you when that ends.

The ping goes out when every portfolio has completed a look since the last one, and never more often than said. No look
waits for it. The URL is a credential: no error and no line of the log shows it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from contextlib import AsyncExitStack
from datetime import timedelta
from decimal import Decimal

import httpx
import structlog

from counterpoise.domain.access import HeartbeatAccess
from counterpoise.domain.numbers import dec
from counterpoise.ports import Clock

_LOG = structlog.get_logger(__name__)

#: How long the answer may take (wall time).
ANSWER_S = 10


class Heartbeat:
    """Pings for ``portfolios``; ``clock`` is the wall's."""

    def __init__(self, access: HeartbeatAccess, portfolios: Iterable[str], clock: Clock) -> None:
        self._url = access.url
        self._pause: Decimal = dec(access.every // timedelta(milliseconds=1)) / 1000
        self._clock = clock
        self._all = frozenset(portfolios)
        self._fresh: set[str] = set()
        self._due = asyncio.Event()
        self._failing = False
        self._client: httpx.AsyncClient | None = None
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to ping, in a task of its own."""
        self._task = asyncio.create_task(self.run(), name="heartbeat")

    async def close(self) -> None:
        """End it; safe to call twice."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    def looked(self, portfolio: str) -> None:
        """Say that a look of ``portfolio`` was completed; returns at once."""
        self._fresh.add(portfolio)
        if self._fresh >= self._all:
            self._due.set()

    async def run(self) -> None:
        """Ping until cancelled."""
        async with AsyncExitStack() as stack:
            while True:
                await self._due.wait()
                self._tell(await self._ping(stack))
                await self._clock.sleep(self._pause)
                # only what is completed from here on counts: a ping never speaks of the past
                self._fresh.clear()
                self._due.clear()

    async def _ping(self, stack: AsyncExitStack) -> str | None:
        """Return None when it was taken, else why not."""
        try:
            if self._client is None:
                # it fails where the environment names a proxy that cannot be used; reading certificates takes a while
                made = await asyncio.to_thread(_new_client)
                self._client = await stack.enter_async_context(made)
            # httpx bounds each read and each redirect, this the whole
            async with asyncio.timeout(ANSWER_S):
                answer = await self._client.get(self._url.reveal())
        except Exception as error:  # noqa: BLE001 - its text may hold the URL
            return type(error).__name__
        return None if answer.is_success else f"HTTP {answer.status_code}"

    def _tell(self, trouble: str | None) -> None:
        """Tell of the first failure, and of its end."""
        if trouble is not None:
            (_LOG.debug if self._failing else _LOG.warning)("heartbeat_failed", error=trouble)
        elif self._failing:
            _LOG.info("heartbeat_recovered")
        self._failing = trouble is not None


def _new_client() -> httpx.AsyncClient:
    return httpx.AsyncClient(timeout=ANSWER_S, follow_redirects=True)
