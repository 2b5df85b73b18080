"""What ``doctor`` asks a venue: whether it opens, whose clock is right, what the key may do."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from counterpoise.app.diagnosis import Check, Result, failed, fine, refused, warned
from counterpoise.app.rights import oddities, unread
from counterpoise.domain.access import KeyRights, VenueAccess
from counterpoise.domain.errors import SafetyRefusal, VenueAuthError, VenueError
from counterpoise.domain.numbers import dec, quantize, text
from counterpoise.domain.policy import PortfolioPolicy
from counterpoise.ports import Exchange

#: Clocks of a kept machine agree better than this.
_CLOSE = timedelta(seconds=1)
_WORDS = {None: "(not told)", True: "yes", False: "no"}
_KEEP_TIME = "let the machine keep its time (NTP, chrony)"


def unopened(error: VenueError) -> Check:
    """Return the check of a venue that could not be opened."""
    if isinstance(error, VenueAuthError):
        return failed("venue", str(error), "make the key anew, or correct it in the config")
    advice = "try again; if it stays, look at the network and at the exchange's status page"
    return failed("venue", str(error), advice if error.retryable else None)


def opened(access: VenueAccess, instruments: int) -> Check:
    """Return the check of a venue that took the key and told what can be traded."""
    said = f"{access.exchange}, environment {access.environment}: the key is taken, {instruments} markets"
    return fine("venue", said)


async def clock_check(venue: Exchange, policies: Iterable[PortfolioPolicy]) -> Check:
    """Compare our clock with the venue's; too far apart, nothing would be decided."""
    try:
        ahead = await venue.clock_ahead()
    except VenueError as error:
        return warned("clock", f"the venue's time could not be read: {error}")
    if ahead is None:
        return fine("clock", "its time is the venue's")
    rules = list(policies)
    behind = min((p.plausibility.max_skew for p in rules), default=_CLOSE)
    before = min((p.freshness.max_quote_age for p in rules), default=_CLOSE)
    way = (
        f"{_seconds(abs(ahead))} s {'ahead of' if ahead >= timedelta(0) else 'behind'} the venue's"
    )
    if ahead < -behind:
        return failed(
            "clock", f"our clock is {way}: its data would seem to be of later", _KEEP_TIME
        )
    if ahead > before:
        return failed("clock", f"our clock is {way}: its data would seem old", _KEEP_TIME)
    if abs(ahead) > _CLOSE:
        return warned("clock", f"our clock is {way}", _KEEP_TIME)
    return fine("clock", f"our clock is {way}")


async def key_checks(venue: Exchange, access: VenueAccess, now: datetime) -> list[Check]:
    """Look at what the key may do, as a start does."""
    try:
        rights = await venue.rights()
    except VenueError as error:
        return [warned("key", unread(access.id, error))]
    if rights is None:
        return [warned("key", f"{access.exchange} does not tell here what the key may do")]
    try:
        odd = oddities(access.id, access, rights, now)
    except SafetyRefusal as refusal:
        return [refused("key", str(refusal))]
    told = f"the key can: {_rights(rights)}"
    if not odd:
        return [fine("key", told)]
    checks: list[Check] = []
    for one in odd:
        what, _, advice = one.text.partition(": ")
        result = Result.FAIL if one.stops else Result.WARN
        checks.append(Check(name="key", result=result, text=what, advice=advice or None))
    return [*checks, fine("key", told)]


def _rights(rights: KeyRights) -> str:
    said = {
        "trade futures": rights.trade_futures,
        "move collateral": rights.transfer,
        "withdraw": rights.withdraw,
        "be used from bound addresses only": rights.ip_bound,
    }
    words = [f"{what} {_WORDS[may]}" for what, may in said.items()]
    if rights.expires_at is not None:
        words.append(f"until {rights.expires_at:%Y-%m-%d %H:%M} UTC")
    return ", ".join(words)


def _seconds(span: timedelta) -> str:
    return text(quantize(dec(span // timedelta(milliseconds=1)) / 1000, dec("0.001")))
