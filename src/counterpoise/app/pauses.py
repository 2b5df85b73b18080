"""Pauses that venues ask for: waited for at a start, never written by who only looks, shown to people."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

import structlog

from counterpoise.domain.access import VenueAccess
from counterpoise.domain.errors import CounterpoiseError, StoreError
from counterpoise.domain.instants import iso
from counterpoise.ports import Clock, Pauses

log = structlog.get_logger(__name__)

#: Pauses of orders alone keep no question from being asked, and a start can do without what the wallet API tells.
_OF_ORDERS, _OF_WALLET = " orders", "wallet"
#: A wait that is not over so soon is told to people.
TOLD_FROM = timedelta(minutes=2)
_MICROSECOND = timedelta(microseconds=1)

#: Is told which venue a start waits for, until when, and when it began to.
Tell = Callable[[str, datetime, datetime], Awaitable[None]]


class StoppedWaiting(CounterpoiseError):
    """A stop was asked for while a start still waited for a venue; nothing was opened."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OnlyRead:
    """Pauses for those that write nothing: they heed what is known and keep what they learn to themselves."""

    kept: Pauses

    async def pauses(self, venue: str) -> Mapping[str, datetime]:
        """Return what may not be asked at ``venue`` -> until when. Raises StoreError."""
        return await self.kept.pauses(venue)

    async def keep_pauses(self, venue: str, pauses: Mapping[str, datetime]) -> None:
        """Nothing is written."""


#: Is told where a question waits (venue, API), until when, and whether the venue asked for it (else: our budget).
Waits = Callable[[str, str, datetime, bool], None]


async def lasting(
    kept: Pauses, accesses: Mapping[str, VenueAccess], venues: Iterable[str], now: datetime
) -> tuple[str, ...]:
    """Return "main (futures) asked for a pause until ..." for each API of ``venues`` that may not be asked now.

    A database that does not answer tells of none.
    """
    said: list[str] = []
    for venue in venues:
        try:
            paused = await kept.pauses(venue)
        except StoreError:
            continue
        here = f"{accesses[venue].environment}/"
        said += [
            f"{venue} ({key.removeprefix(here)}) asked for a pause until {_moment(until)}"
            for key, until in paused.items()
            if key.startswith(here) and not key.endswith(_OF_ORDERS) and until > now
        ]
    return tuple(said)


def waiting_said(venue: str, api: str, until: datetime, *, asked: bool) -> str:
    """Return what a person at a terminal is told of a question that waits."""
    why = "asked for a pause" if asked else "has no room for more questions by our count"
    return f"{venue} ({api}) {why} until {_moment(until)}: waiting"


def _moment(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S} UTC"


async def waited_out(
    venue: str,
    paused: Mapping[str, datetime],
    clock: Clock,
    stop: asyncio.Event,
    tell: Tell | None = None,
) -> None:
    """Let the pauses of ``venue`` pass in which what a start needs may not be asked.

    ``tell`` hears of a wait that is long. Raises StoppedWaiting once ``stop`` is set.
    """
    until = max(
        (at for api, at in paused.items() if not api.endswith(_OF_ORDERS) and api != _OF_WALLET),
        default=None,
    )
    if until is None or until <= clock.now():
        return
    log.warning(
        "venue_wants_a_pause",
        venue=venue,
        until=iso(until),
        said="the start waits: nothing is asked there before, and nothing is watched",
    )
    if tell is not None and until - clock.now() >= TOLD_FROM:
        await tell(venue, until, clock.now())
    seconds = Decimal((until - clock.now()) // _MICROSECOND) / 1_000_000
    sleep = asyncio.create_task(clock.sleep(seconds))
    stopped = asyncio.create_task(stop.wait())
    done, waiting = await asyncio.wait({sleep, stopped}, return_when=asyncio.FIRST_COMPLETED)
    for task in waiting:
        task.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)
    if sleep in done:
        sleep.result()
    if stop.is_set():
        raise StoppedWaiting(f"stopped while waiting for {venue}")


def pause_rows(
    kept: Mapping[tuple[str, str], datetime], now: datetime | None
) -> list[dict[str, str]]:
    """Return ``[{"venue", "api", "until"}]`` of pauses that last at ``now``; None: of all that were ever kept."""
    return [
        {"venue": venue, "api": api.rpartition("/")[2], "until": iso(until)}
        for (venue, api), until in kept.items()
        if now is None or until > now
    ]
