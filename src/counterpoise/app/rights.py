"""What the keys may do: one that can withdraw is refused, one that is loosely bound or ends soon is told of."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from counterpoise.domain.access import Environment, KeyRights, VenueAccess
from counterpoise.domain.errors import SafetyRefusal, VenueError
from counterpoise.ports import Exchange

#: A key that ends sooner than this is told of.
ENDS_SOON = timedelta(days=14)


async def check_rights(
    venues: Mapping[str, Exchange], accesses: Mapping[str, VenueAccess], now: datetime
) -> dict[str, tuple[str, ...]]:
    """Return venue -> what people should know of its key.

    Raises SafetyRefusal for a key that may withdraw where the config does not allow it. A venue that does not tell,
    or does not answer this, refuses nothing: what is unknown is said.
    """
    told: dict[str, tuple[str, ...]] = {}
    for name, venue in venues.items():
        access = accesses[name]
        try:
            rights = await venue.rights()
        except VenueError as error:
            told[name] = (f"what the key of {name} may do could not be read: {error}",)
            continue
        if rights is None:
            continue
        if rights.withdraw and not access.allow_withdraw_key:
            raise SafetyRefusal(
                f"venues.{name}: expected a key that cannot withdraw, was one that can: make one without that right,"
                " or set allow_withdraw_key: true"
            )
        told[name] = tuple(_odd(name, access, rights, now))
    return {name: lines for name, lines in told.items() if lines}


def _odd(name: str, access: VenueAccess, rights: KeyRights, now: datetime) -> list[str]:
    lines: list[str] = []
    if access.environment is Environment.LIVE and rights.ip_bound is False:
        lines.append(
            f"the key of {name} works from every address: bind it to yours at the exchange"
        )
    if rights.trade_futures is False:
        lines.append(f"the key of {name} may not trade futures: hedges will be refused")
    if rights.transfer is False:
        lines.append(
            f"the key of {name} may not move collateral between wallets: set guards.margin.transfers: false or allow it"
        )
    if rights.expires_at is not None and rights.expires_at - now < ENDS_SOON:
        days = max((rights.expires_at - now).days, 0)
        lines.append(
            f"the key of {name} ends in {days} days, at {rights.expires_at:%Y-%m-%d %H:%M} UTC"
        )
    return lines
