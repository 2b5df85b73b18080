"""The dead man's switch: the venue takes our orders down when the trading loop has fallen silent.

It is armed anew after every look that came to its end, and by nothing else: a process that hangs, or that only its
relay survives, lets it run out. It goes by contract, and takes foreign orders on the same contract down with ours:
so it is off unless the config asks for it.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

import structlog

from counterpoise.app.cycle_report import CycleReport
from counterpoise.domain.errors import VenueError
from counterpoise.domain.instrument import is_spot
from counterpoise.ports import Clock, Exchange

log = structlog.get_logger(__name__)


class DeadMan:
    """Keeps the countdowns of one portfolio's venues running while there are orders of ours to take down."""

    def __init__(
        self, venues: Mapping[str, Exchange], spans: Mapping[str, timedelta], clock: Clock
    ) -> None:
        self._venues = venues
        self._spans = spans
        self._clock = clock
        #: (venue, symbol) -> when its countdown was last set.
        self._armed: dict[tuple[str, str], datetime] = {}
        self._failing = False
        #: Whether the last look set what the one before it could not.
        self.recovered = False

    async def alive(self, report: CycleReport) -> str | None:
        """Take note of a look that came to its end. Returns what a venue did not do, None where all is well."""
        working = {
            (o.venue, o.symbol)
            for o in (*report.plan.keep, *report.results)
            if not o.state.is_final and not is_spot(o.symbol) and o.venue in self._spans
        }
        failed: str | None = None
        for venue, span in self._spans.items():
            symbols = [s for v, s in working if v == venue and self._due(v, s, span)]
            done = [s for v, s in self._armed if v == venue and (v, s) not in working]
            failed = await self._set(venue, symbols, span) or failed
            failed = await self._set(venue, done, None) or failed
        self.recovered = self._failing and failed is None
        self._failing = failed is not None
        return failed

    async def rest(self) -> None:
        """Disarm everything: what stays on after a clean stop was left on purpose. Never raises for a venue."""
        for venue in self._spans:
            await self._set(venue, [s for v, s in self._armed if v == venue], None)

    def _due(self, venue: str, symbol: str, span: timedelta) -> bool:
        last = self._armed.get((venue, symbol))
        return last is None or self._clock.now() - last >= span / 3

    async def _set(self, venue: str, symbols: list[str], span: timedelta | None) -> str | None:
        if not symbols:
            return None
        try:
            await self._venues[venue].countdown(sorted(symbols), span)
        except VenueError as error:
            log.warning("countdown_failed", venue=venue, symbols=sorted(symbols), error=str(error))
            return (
                f"{venue}: the countdown that takes orders down without us is not running: {error}"
            )
        for symbol in symbols:
            if span is None:
                self._armed.pop((venue, symbol), None)
            else:
                self._armed[venue, symbol] = self._clock.now()
        return None
