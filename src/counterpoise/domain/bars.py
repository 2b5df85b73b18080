"""Closed bars and what is read from them: the only past that indicators may use (MEANING 12).

A bar is closed when its whole interval is over; one that is still being traded is never in here. Indicators are
functions of a run of bars without a gap, newest last: a hole, or a newest bar that is too old, means "too few
bars", never a guess.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise

from counterpoise.domain.numbers import ZERO

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """One closed bar of last prices; ``volume`` in base units."""

    open_at: datetime
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal = ZERO


@dataclass(frozen=True, slots=True, kw_only=True)
class Lookback:
    """How many closed bars of ``interval`` a strategy or guard needs of ``asset``; ``coin``: of its spot pair."""

    asset: str
    interval: timedelta
    bars: int
    coin: bool = False


def last_closed_open(at: datetime, interval: timedelta) -> datetime:
    """Return when the newest bar of ``interval`` that is closed at ``at`` opened."""
    since = at - _EPOCH
    return _EPOCH + (since // interval - 1) * interval


def closed_tail(
    bars: Sequence[Bar], interval: timedelta, at: datetime, count: int
) -> tuple[Bar, ...] | None:
    """Return the newest ``count`` closed bars without a gap, oldest first; None when there are fewer.

    The newest may be the one before the last closed (venues publish a bar some seconds late), not older.
    """
    if count < 1 or len(bars) < count:
        return None
    tail = tuple(bars[-count:])
    if tail[-1].open_at < last_closed_open(at, interval) - interval:
        return None
    if tail[-1].open_at - tail[0].open_at != (count - 1) * interval:
        return None
    return tail


def closed_run(bars: Sequence[Bar], interval: timedelta, at: datetime) -> int:
    """Return how many of the newest closed bars :func:`closed_tail` would give: 0 when the newest is too old."""
    if not bars or bars[-1].open_at < last_closed_open(at, interval) - interval:
        return 0
    run = 1
    for newer, older in pairwise(reversed(bars)):
        if newer.open_at - older.open_at != interval:
            break
        run += 1
    return run
