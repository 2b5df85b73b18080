"""A start that waits for a venue's pause is told like any other trouble: nothing is watched meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import datetime
from types import TracebackType
from typing import Self

import structlog

from counterpoise.app.clock import WallClock
from counterpoise.app.logs import redactor
from counterpoise.app.sinks import wording_of
from counterpoise.app.storage import Storage
from counterpoise.config.settings import Settings
from counterpoise.domain.errors import StoreError
from counterpoise.domain.events import Severity
from counterpoise.domain.instants import iso
from counterpoise.domain.records import Changes
from counterpoise.notify.messages import condition_raised
from counterpoise.notify.relay import Relay
from counterpoise.ports import Sink

log = structlog.get_logger(__name__)


class WaitingRoom:
    """Tells of waits as long as it is open. The first look after the start says that the wait is over."""

    def __init__(self, settings: Settings, storage: Storage, sinks: Mapping[str, Sink]) -> None:
        self._settings = settings
        self._storage = storage
        self._sinks = sinks
        self._relay: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._relay is not None:
            self._relay.cancel()
            await asyncio.gather(self._relay, return_exceptions=True)

    async def tell(self, venue: str, until: datetime, now: datetime) -> None:
        """Raise the alert for every portfolio: one that was never started has nothing to be watched.

        A database that fails costs the alert, not the wait.
        """
        key = f"start_waits:{venue}"
        message = (
            f"The start waits until {iso(until)}: {venue} asked for a pause. Until then nothing is asked, sent or"
            " watched, no margin either; orders that work there go on. Look at the exchange yourself"
        )
        store = self._storage.store
        for policy in self._settings.portfolios:
            try:
                known = await store.portfolio(policy.id)
                if known is None or key in (await store.load(policy.id, now)).raised:
                    continue
                warning = condition_raised(
                    policy.id, key, "start_waits", Severity.CRITICAL, message, now
                )
                await store.commit(Changes(portfolio=policy.id, alerts=(warning,)))
            except StoreError as error:
                log.exception("database_failed", portfolio=policy.id, error=str(error))
        if self._relay is None:
            relay = Relay(
                self._storage.outbox,
                self._sinks,
                WallClock(),
                policies=self._settings.alerts.policies,
                redact=redactor.text,
                wording=wording_of(self._settings),
            )
            self._relay = asyncio.create_task(relay.run())
