"""The way into this package: a venue for an access, not yet connected."""

from __future__ import annotations

from counterpoise.domain.access import VenueAccess
from counterpoise.domain.errors import VenueError
from counterpoise.domain.leaks import Leaks
from counterpoise.ports import Clock, Pauses
from counterpoise.venue.ccxt.adapter import CcxtVenue
from counterpoise.venue.ccxt.limiter import Waits

#: ccxt ids this package knows.
EXCHANGES = frozenset({"binance"})


def open_venue(
    access: VenueAccess,
    clock: Clock,
    session: object | None = None,
    pauses: Pauses | None = None,
    waits: Waits | None = None,
    leaks: Leaks | None = None,
) -> CcxtVenue:
    """Return the venue of ``access``; nothing is sent before its ``open()``.

    ``session`` is anything with aiohttp's ``get/post/put/delete``, for a venue in the same process; it is asked
    with the production addresses and never closed. ``pauses``: where those are kept that the venue asks for;
    ``waits`` hears of questions that wait (API, until when, whether for such a pause); ``leaks`` knows
    secrets of others that its words must not show. Raises VenueError for an unknown exchange.
    """
    if access.exchange not in EXCHANGES:
        known = ", ".join(sorted(EXCHANGES))
        raise VenueError(
            f"venue {access.id}: expected one of {known}, was {access.exchange}", retryable=False
        )
    return CcxtVenue(access, clock, session, pauses, waits, leaks)
