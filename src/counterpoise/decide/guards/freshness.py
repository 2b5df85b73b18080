"""Freshness: no decision on old or missing data. Missing is never zero, and old is as good as missing.

What claims to be of a later instant than our clock's is no better than old.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from counterpoise.domain.policy import FreshnessPolicy, PortfolioPolicy
from counterpoise.domain.portfolio import Universe
from counterpoise.domain.reasons import Reason, reason
from counterpoise.domain.snapshot import Snapshot


def stale_reasons(
    snapshot: Snapshot, policy: PortfolioPolicy, universe: Universe, now: datetime
) -> tuple[Reason, ...]:
    """Return why nothing may be decided on ``snapshot``; empty when everything needed is there and young."""
    found: list[Reason] = []
    limits: FreshnessPolicy = policy.freshness
    skew = policy.plausibility.max_skew
    for venue in policy.venues:
        seen = snapshot.venues.get(venue)
        if seen is None or seen.account is None:
            found.append(reason("not_valued", missing=f"account of {venue}"))
            continue
        if seen.open_orders is None:
            found.append(reason("not_valued", missing=f"open orders of {venue}"))
        if seen.fills is None:
            found.append(reason("not_valued", missing=f"fills of {venue}"))
        found += _old(f"account of {venue}", seen.account.as_of, limits.max_account_age, now, skew)
    for listing in (*universe.spot.values(), *(x for _, x in universe.contracts)):
        symbol = listing.instrument.symbol
        seen = snapshot.venues.get(listing.venue)
        quote = seen.quotes.get(symbol) if seen is not None else None
        if quote is None or quote.fair is None:
            found.append(reason("not_valued", missing=f"price of {symbol}"))
        else:
            found += _old(f"price of {symbol}", quote.as_of, limits.max_quote_age, now, skew)
    return tuple(found)


def _old(
    what: str, as_of: datetime, limit: timedelta, now: datetime, skew: timedelta
) -> list[Reason]:
    age = now - as_of
    if age < -skew:
        # one of the two clocks is wrong: then no age can be told, and what is old may look new
        return [reason("ahead", what=what, age=_seconds(-age), limit=_seconds(skew))]
    if age <= limit:
        return []
    return [reason("stale", what=what, age=_seconds(age), limit=_seconds(limit))]


def _seconds(span: timedelta) -> str:
    return f"{int(span.total_seconds())} s"
