"""Wiring: settings to live objects, by explicit constructor calls. Live or local is known here and nowhere else."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

from counterpoise.app.clock import VenueClock, WallClock
from counterpoise.app.pauses import Tell, Waits, waited_out
from counterpoise.config.settings import Settings
from counterpoise.domain.errors import ConfigError
from counterpoise.domain.leaks import Leaks
from counterpoise.ports import Clock, Exchange, Pauses
from counterpoise.venue.ccxt.factory import open_venue


@dataclass(frozen=True, slots=True, kw_only=True)
class App:
    """Everything a daemon or a preview works with, opened."""

    settings: Settings
    clock: Clock
    venues: Mapping[str, Exchange]

    def poll(self, venues: tuple[str, ...]) -> timedelta:
        """Return the cycle interval of a portfolio on ``venues``: their shortest poll."""
        return min(self.settings.venues[v].poll for v in venues)

    def dead_men(self, venues: tuple[str, ...]) -> dict[str, timedelta]:
        """Return venue -> after how long a silence it shall take our orders down."""
        spans = {v: self.settings.venues[v].dead_man for v in venues}
        return {venue: span for venue, span in spans.items() if span is not None}


async def open_app(
    settings: Settings,
    stack: AsyncExitStack,
    pauses: Pauses | None = None,
    stop: asyncio.Event | None = None,
    tell: Tell | None = None,
    waits: Waits | None = None,
) -> App:
    """Open the clock and every venue that a portfolio uses; ``stack`` closes them, last opened first.

    ``pauses``: those that venues asked for, kept from earlier processes; None before there is a database. With
    ``stop`` a venue in a pause is waited for until it is set, and ``tell`` hears of it; without, it is an error.
    ``waits`` hears of every question that waits for some seconds.

    Raises VenueError, VenueAuthError, ConfigError, StoreError, StoppedWaiting.
    """
    clock = await open_clock(settings, stack)
    venues = {
        name: await open_exchange(settings, name, clock, stack, pauses, stop, tell, waits)
        for name in used(settings)
    }
    return App(settings=settings, clock=clock, venues=venues)


def used(settings: Settings) -> list[str]:
    """Return the venues that a portfolio uses."""
    return sorted({v for p in settings.portfolios for v in p.venues})


async def open_exchange(
    settings: Settings,
    name: str,
    clock: Clock,
    stack: AsyncExitStack,
    pauses: Pauses | None = None,
    stop: asyncio.Event | None = None,
    tell: Tell | None = None,
    waits: Waits | None = None,
) -> Exchange:
    """Open one venue; ``stack`` closes it; the rest as for :func:`open_app`. Raises as it does."""
    venue = open_venue(
        settings.venues[name],
        clock,
        pauses=pauses,
        waits=partial(waits, name) if waits is not None else None,
        leaks=Leaks(settings.secrets),
    )
    stack.push_async_callback(venue.close)
    if stop is not None:
        await waited_out(name, await venue.paused(), clock, stop, tell)
    await venue.open()
    return venue


async def open_clock(settings: Settings, stack: AsyncExitStack) -> Clock:
    """Return the wall clock, or the market time of the one local testnet that asks for it.

    Raises VenueError, ConfigError.
    """
    urls = {a.url for a in settings.venues.values() if a.venue_clock}
    if not urls:
        return WallClock()
    url = urls.pop()
    if urls or url is None or any(not a.venue_clock for a in settings.venues.values()):
        raise ConfigError(
            [
                f"{settings.path}: venues: expected one clock for all venues, was clock: venue beside another"
            ]
        )
    clock = VenueClock(url)
    stack.push_async_callback(clock.close)
    await clock.open()
    return clock
