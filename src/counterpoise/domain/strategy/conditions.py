"""When a strategy acts: conditions on time, price and closed bars, and how often one must hold before it counts.

A price condition says which price it means and must hold in two consecutive cycles (MEANING 12): one wick fires
nothing. What held so far is part of the strategy's state, as name -> the first cycle of the present row.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum

from counterpoise.domain.numbers import ONE


class PriceSource(StrEnum):
    """Which price a trigger means."""

    MARK = "mark"
    LAST = "last"


@dataclass(frozen=True, slots=True, kw_only=True)
class Always:
    """Holds at all times."""


@dataclass(frozen=True, slots=True, kw_only=True)
class During:
    """Holds from ``start_at`` (included) to ``end_at`` (excluded): an event."""

    start_at: datetime
    end_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Above:
    """Holds while the price is at or above ``price``."""

    price: Decimal
    source: PriceSource = PriceSource.MARK


@dataclass(frozen=True, slots=True, kw_only=True)
class Below:
    """Holds while the price is at or below ``price``."""

    price: Decimal
    source: PriceSource = PriceSource.MARK


@dataclass(frozen=True, slots=True, kw_only=True)
class Drop:
    """Holds while the price is ``size`` (a fraction) or more below the highest high of ``bars`` closed bars."""

    size: Decimal
    interval: timedelta
    bars: int
    source: PriceSource = PriceSource.MARK


@dataclass(frozen=True, slots=True, kw_only=True)
class Volatility:
    """Holds while realised volatility, annualised, is at or above ``above`` (0.8 = 80 % a year)."""

    above: Decimal
    interval: timedelta
    bars: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Manual:
    """Holds only when an operator says so."""


@dataclass(frozen=True, slots=True, kw_only=True)
class At:
    """Holds from ``at`` on."""

    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Rebound:
    """Holds once the price is ``size`` (a fraction) or more above its confirmed lowest since the strategy acted."""

    size: Decimal
    source: PriceSource = PriceSource.MARK


@dataclass(frozen=True, slots=True, kw_only=True)
class Calm:
    """Holds while realised volatility, annualised, is at or below ``below``."""

    below: Decimal
    interval: timedelta
    bars: int


When = Always | During | Above | Below | Drop | Volatility
Release = Manual | At | Above | Below | Rebound | Calm


def confirmed(
    held: Mapping[str, datetime], holds: Mapping[str, bool], now: datetime
) -> tuple[frozenset[str], dict[str, datetime]]:
    """Return the names that hold now and held in the cycle before, and what to remember.

    ``held`` is name -> first cycle of the present row, ``holds`` what this cycle (at ``now``) found. A name that
    does not hold now is forgotten; the same cycle looked at twice counts once.
    """
    remembered = {name: held.get(name, now) for name, true in holds.items() if true}
    return frozenset(name for name, since in remembered.items() if since < now), remembered


@dataclass(frozen=True, slots=True, kw_only=True)
class Extreme:
    """The highest (or lowest) ``price`` that two consecutive cycles agree on, in quote; None: not yet.

    ``next`` is a price beyond it that was seen once, at ``seen_at``: the next cycle confirms the less extreme of the
    two, or forgets it. So one wick never moves an extreme.
    """

    price: Decimal | None = None
    next: Decimal | None = None
    seen_at: datetime | None = None


def highest(extreme: Extreme, price: Decimal | None, now: datetime) -> Extreme:
    """Return ``extreme``, a high, after this cycle saw ``price`` at ``now`` (None: unknown, which confirms nothing)."""
    return _extended(extreme, price, now, ONE)


def lowest(extreme: Extreme, price: Decimal | None, now: datetime) -> Extreme:
    """Return ``extreme``, a low, after this cycle saw ``price`` at ``now`` (None: unknown, which confirms nothing)."""
    return _extended(extreme, price, now, -ONE)


def _extended(extreme: Extreme, price: Decimal | None, now: datetime, up: Decimal) -> Extreme:
    """``up`` is 1 for a high and -1 for a low."""
    if price is None:
        return Extreme(price=extreme.price)
    known, seen, seen_at = extreme.price, extreme.next, extreme.seen_at
    if seen is not None and seen_at is not None:
        if seen_at >= now:
            return extreme  # the same cycle again
        both = min(seen * up, price * up) * up
        if known is None or both * up > known * up:
            known = both
    if known is not None and price * up <= known * up:
        return Extreme(price=known)
    return Extreme(price=known, next=price, seen_at=now)
