"""Whether a start can see what it would have to know: balances, positions, open orders and fills of every venue.

A daemon that starts half blind would take down or place orders beside those it does not see. So it does not start.
"""

from __future__ import annotations

from collections.abc import Mapping

from counterpoise.domain.errors import VenueError
from counterpoise.domain.policy import PortfolioPolicy
from counterpoise.domain.portfolio import Universe
from counterpoise.domain.records import Recorded
from counterpoise.observe.executions import may_have_filled, read_fills
from counterpoise.observe.reading import read
from counterpoise.ports import Clock, Venue


async def check_readable(
    policy: PortfolioPolicy,
    venues: Mapping[str, Venue],
    universe: Universe,
    recorded: Recorded | None,
    clock: Clock,
) -> None:
    """Ask every venue of ``policy`` once; ``recorded`` is None at the first start.

    Raises VenueError that names each part that was not answered, VenueAuthError.
    """
    unread: list[str] = []
    for name in policy.venues:
        problems: list[str] = []
        await _ask(name, venues[name], universe, recorded, clock, problems)
        unread += [f"{problem} (at {name})" for problem in problems]
    if unread:
        raise VenueError(
            f"portfolio {policy.id}: not started, because not all could be read that a start must know:"
            f" {'; '.join(unread)}. Nothing was sent or changed; orders of an earlier run work on at the exchange."
            " Start again when the venue answers"
        )


async def _ask(
    name: str,
    venue: Venue,
    universe: Universe,
    recorded: Recorded | None,
    clock: Clock,
    problems: list[str],
) -> None:
    listings = (*universe.spot.values(), *(x for _, x in universe.contracts), *universe.parting)
    symbols = list(dict.fromkeys(x.instrument.symbol for x in listings if x.venue == name))
    account = await read("balances and positions", venue.account(), problems)
    if not symbols:
        return
    await read("open orders", venue.open_orders(symbols), problems)
    unread = may_have_filled(name, symbols, account, recorded) if recorded is not None else []
    if recorded is not None and unread:
        await read_fills(name, venue, unread, account, recorded, problems)
    else:
        # nothing is missing, so one question tells whether fills are answered at all
        await read(f"fills of {symbols[0]}", venue.fills(symbols[0], clock.now()), problems)
