"""What the keys may do: one that can withdraw is refused, one that is loosely bound or ends soon is told of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from counterpoise.domain.access import Environment, KeyRights, VenueAccess
from counterpoise.domain.errors import SafetyRefusal, VenueError
from counterpoise.domain.instants import shown_at
from counterpoise.ports import Exchange

#: A key that ends sooner than this is told of.
ENDS_SOON = timedelta(days=14)


@dataclass(frozen=True, slots=True, kw_only=True)
class Oddity:
    """What people should know of a key; ``stops``: what it is there for cannot be done with it."""

    text: str
    stops: bool = False


async def check_rights(
    venues: Mapping[str, Exchange], accesses: Mapping[str, VenueAccess], now: datetime
) -> dict[str, tuple[str, ...]]:
    """Return venue -> what people should know of its key.

    Raises SafetyRefusal for a key that may withdraw where the config does not allow it. A venue that does not tell,
    or does not answer this, refuses nothing: what is unknown is said.
    """
    told: dict[str, tuple[str, ...]] = {}
    for name, venue in venues.items():
        try:
            rights = await venue.rights()
        except VenueError as error:
            told[name] = (unread(name, error),)
            continue
        if rights is not None:
            told[name] = tuple(o.text for o in oddities(name, accesses[name], rights, now))
    return {name: lines for name, lines in told.items() if lines}


def unread(name: str, error: VenueError) -> str:
    """Return what is said where the venue does not answer."""
    return f"what the key of {name} may do could not be read: {error}"


def oddities(name: str, access: VenueAccess, rights: KeyRights, now: datetime) -> list[Oddity]:
    """Return what is odd about the key of a venue. Raises SafetyRefusal for one that may withdraw unallowed."""
    if rights.withdraw and not access.allow_withdraw_key:
        raise SafetyRefusal(
            f"venues.{name}: expected a key that cannot withdraw, was one that can. Make one without that right,"
            " or set allow_withdraw_key: true"
        )
    found: list[Oddity] = []
    if rights.withdraw:
        text = (
            f"the key of {name} can withdraw, as allow_withdraw_key lets it: whoever gets hold of it can take"
            " everything; make one without that right"
        )
        found.append(Oddity(text=text))
    # a local practice exchange is reached from this machine only
    if access.environment is not Environment.LOCAL and rights.ip_bound is False:
        text = f"the key of {name} works from every address: bind it to yours at the exchange"
        found.append(Oddity(text=text))
    if rights.trade_futures is False:
        text = f"the key of {name} may not trade futures: hedges will be refused"
        found.append(Oddity(text=text, stops=True))
    if rights.transfer is False:
        text = (
            f"the key of {name} may not move collateral between wallets:"
            " set guards.margin.transfers: false or allow it"
        )
        found.append(Oddity(text=text))
    if rights.expires_at is not None and rights.expires_at - now < ENDS_SOON:
        days = max((rights.expires_at - now).days, 0)
        text = f"the key of {name} ends in {days} days, at {shown_at(rights.expires_at)}"
        found.append(Oddity(text=text))
    return found
