"""Tells the other sinks of one that takes nothing, as its silence looks like peace. A task beside the looks."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import timedelta
from decimal import Decimal

import structlog

from counterpoise.app.storage import Storage
from counterpoise.domain.errors import StoreError
from counterpoise.domain.events import Alert, Severity
from counterpoise.domain.instants import iso, shown_at
from counterpoise.domain.records import Changes, SinkRecord
from counterpoise.notify.clearing import cleared_text
from counterpoise.notify.messages import DEAD_SINK, condition_cleared, condition_raised
from counterpoise.ports import Clock

log = structlog.get_logger(__name__)

#: How often it looks (wall time), and for how long a sink has to fail, over and over, before that is told.
EVERY_S = Decimal(60)
DEAD_AFTER = timedelta(minutes=10)


class SinkWatch:
    """Watches how the sinks stand, and tells of each that fails as a lasting condition of one of ``portfolios``.

    Sinks are the process's, alerts a portfolio's: the first one has it, so that it is told once. ``clock`` stamps the
    alerts, ``wall`` is the time that sinks fail by.
    """

    def __init__(
        self, storage: Storage, portfolios: Collection[str], *, clock: Clock, wall: Clock
    ) -> None:
        self._storage = storage
        self._portfolios = tuple(portfolios)
        self._clock = clock
        self._wall = wall
        #: Key -> the portfolio it was told for; None: not read yet what earlier runs told.
        self._told: dict[str, str] | None = None

    async def run(self) -> None:
        """Look once a minute, until cancelled; a database that fails is asked again."""
        while True:
            await self._wall.sleep(EVERY_S)
            try:
                await self.look()
            except StoreError as error:
                log.warning("sinks_not_read", error=str(error))
            except Exception as error:
                # who watches sinks must not end with one look that broke
                log.exception("sink_watch_broke", error=str(error))

    async def look(self) -> None:
        """Commit what newly holds of the sinks, and what holds no longer. Raises StoreError."""
        sinks = {f"{DEAD_SINK}:{s.name}": s for s in await self._storage.outbox.sinks()}
        told = self._told if self._told is not None else await self._told_before()
        self._told = told
        for portfolio, said in (*self._over(sinks, told), *self._new(sinks, told)):
            await self._storage.store.commit(Changes(portfolio=portfolio, alerts=(said,)))
            if said.key is not None and said.cleared:
                told.pop(said.key)
            elif said.key is not None:
                told[said.key] = portfolio

    async def _told_before(self) -> dict[str, str]:
        found: dict[str, str] = {}
        for portfolio in self._portfolios:
            recorded = await self._storage.store.load(portfolio, self._clock.now())
            ours = (key for key in recorded.raised if key.startswith(f"{DEAD_SINK}:"))
            found |= dict.fromkeys(ours, portfolio)
        return found

    def _new(
        self, sinks: dict[str, SinkRecord], told: dict[str, str]
    ) -> Iterator[tuple[str, Alert]]:
        for key, sink in sinks.items():
            since, tried = sink.failing_since, sink.last_error_at
            # from one failure to another: one that is not tried again, as nothing may go, is not known to be down
            if key in told or since is None or tried is None or tried - since < DEAD_AFTER:
                continue
            message = (
                f"{sink.name} takes no alerts since {shown_at(since)}: {sink.last_error}. {sink.pending} wait for it."
                " It is tried again by itself; `counterpoise doctor` asks it what is wrong"
            )
            data = {"failing_since": iso(since), "failures": str(sink.failures)}
            first, now = self._portfolios[0], self._clock.now()
            yield (
                first,
                condition_raised(first, key, DEAD_SINK, Severity.WARNING, message, now, data),
            )

    def _over(
        self, sinks: dict[str, SinkRecord], told: dict[str, str]
    ) -> Iterator[tuple[str, Alert]]:
        for key, portfolio in tuple(told.items()):
            sink = sinks.get(key)
            if sink is not None and sink.failing_since is not None:
                continue
            said = cleared_text(key, gone=sink is None)
            yield (
                portfolio,
                condition_cleared(portfolio, key, DEAD_SINK, said, self._clock.now()),
            )
