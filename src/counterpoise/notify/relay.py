"""Carries committed alerts from the outbox to the sinks: at least once, in order, each sink at its own pace.

Every sink has a lane and a task of its own: one that fails, hangs or is slow delays only itself. What each sink has
had is recorded per sink, so that a restart repeats nothing to the others; a message whose record was cut off by a
crash arrives twice, with the same ids. How a sink is served (routing, quiet hours, rate) is its policy.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

import structlog

from counterpoise.domain.errors import StoreError
from counterpoise.domain.routing import SinkPolicy
from counterpoise.notify.composing import STANDARD, Wording
from counterpoise.notify.lane import Lane
from counterpoise.ports import Clock, Outbox, Sink

_LOG = structlog.get_logger(__name__)

#: How often a lane looks for alerts when nobody wakes it, and when something may go that could not before.
_LOOK_S = Decimal(1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """What one pass did: alerts taken, over all sinks, and failing sinks with their failures in a row.

    ``retry_at`` is the first instant at which a failing sink is tried again, None when none fails.
    """

    taken: int
    failing: Mapping[str, int]
    retry_at: datetime | None


class Relay:
    """Delivers what is in ``outbox`` to ``sinks`` (by name, at least one), each by its policy.

    A sink without a policy gets every alert at once. ``timeout_s`` (wall seconds) bounds one delivery; ``redact``
    takes secrets out of what a sink's error says before it is logged and kept. ``wording``: how messages are worded.
    """

    def __init__(
        self,
        outbox: Outbox,
        sinks: Mapping[str, Sink],
        clock: Clock,
        *,
        policies: Mapping[str, SinkPolicy] | None = None,
        timeout_s: Decimal = Decimal(10),
        redact: Callable[[str], str] = str,
        wording: Wording = STANDARD,
    ) -> None:
        if not sinks:
            raise ValueError("expected at least one sink, was none")
        self._outbox = outbox
        self._clock = clock
        self._enrolled = False
        self._news = {name: asyncio.Event() for name in sinks}
        self._lanes = [
            Lane(
                name=name,
                sink=sink,
                policy=(policies or {}).get(name, SinkPolicy()),
                outbox=outbox,
                clock=clock,
                timeout_s=timeout_s,
                redact=redact,
                wording=wording,
            )
            for name, sink in sinks.items()
        ]

    def wake(self) -> None:
        """Say that there may be something new."""
        for news in self._news.values():
            news.set()

    def mute(self, sink: str, until: datetime | None) -> bool:
        """Hold back what is not critical at ``sink`` until then, None: no more. Return whether there is such a sink."""
        for lane in self._lanes:
            if lane.name == sink:
                lane.mute(until)
                self._news[sink].set()
                return True
        return False

    async def run(self) -> None:
        """Serve every sink in a task of its own, until cancelled."""
        async with asyncio.TaskGroup() as group:
            for lane in self._lanes:
                group.create_task(self._keep(lane), name=f"sink {lane.name}")

    async def deliver_pending(self) -> Delivery:
        """Make one pass over every lane, all at once.

        A failing sink never raises here. Raises StoreError when the outbox cannot be read or written: then
        nothing is lost, and what was delivered is not delivered again by this process.
        """
        await self._enrol()
        counts = await asyncio.gather(
            *(lane.serve() for lane in self._lanes), return_exceptions=True
        )
        taken = 0
        for count in counts:
            if isinstance(count, BaseException):
                raise count
            taken += count
        retries = [lane.retry_at for lane in self._lanes if lane.retry_at is not None]
        return Delivery(
            taken=taken,
            failing={lane.name: lane.failures for lane in self._lanes if lane.failures},
            retry_at=min(retries, default=None),
        )

    async def _keep(self, lane: Lane) -> None:
        """Serve one lane as alerts come; a database that fails is asked again."""
        news, told = self._news[lane.name], False
        while True:
            news.clear()
            try:
                await self._enrol()
                await lane.serve()
                told = False
            except StoreError as error:
                (_LOG.debug if told else _LOG.warning)("outbox_failed", error=str(error))
                told = True
            except Exception as error:  # noqa: BLE001 - a bug in one lane must not silence the others
                _LOG.exception("lane_broke", sink=lane.name, error=str(error))
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(float(_LOOK_S)):
                    await news.wait()

    async def _enrol(self) -> None:
        """Join the outbox, once."""
        if not self._enrolled:
            await self._outbox.enrol(self._news, self._clock.now())
            self._enrolled = True
