"""What the venue does not take: too much of it stops what adds, and the same thing again and again stops a contract."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from counterpoise.domain.order import Order, Side
from counterpoise.domain.policy import REJECTS_WITHIN
from counterpoise.domain.reasons import Reason, reason, shown_span
from counterpoise.domain.records import Refusal, Tried

#: So often within so long a contract may be refused for the same reason before it is left alone.
MOST_REFUSED = 3
QUARANTINE = timedelta(hours=1)
FLATTENING = timedelta(minutes=5)
#: Codes of what passes by itself: too many requests, an overloaded venue, a clock; and of orders that got lost.
_PASSING = frozenset({"-1001", "-1003", "-1008", "-1015", "-1021", "absent", "429", "418", "503"})


def reject_refusal(tried: Iterable[Tried], most: int, now: datetime) -> Reason | None:
    """Return why nothing may be added because the venue refuses what is sent, or None.

    It begins with the reject that makes ``most`` of them in ten minutes, at least half of what was placed in that
    time, and lasts until ten minutes have passed without another. ``tried`` is oldest first.
    """
    orders = tuple(tried)
    for last in (t for t in orders if t.rejected and now - t.at < REJECTS_WITHIN):
        near = [t for t in orders if last.at - REJECTS_WITHIN < t.at <= last.at]
        refused = sum(t.rejected for t in near)
        if refused >= most and 2 * refused >= len(near):
            return reason(
                "max_rejects",
                refused=refused,
                placed=len(near),
                window=shown_span(int(REJECTS_WITHIN.total_seconds())),
            )
    return None


def quarantine_refusal(
    order: Order, refusals: Iterable[Refusal], now: datetime, *, flattening: bool = False
) -> Reason | None:
    """Return why no order like this is sent on its contract: the venue has refused such for the same reason too often.

    What it refuses for a reason that does not pass by itself it will refuse again, until somebody changes something.
    What is refused of openings (no margin, too large) says nothing of closes, nor purchases of sales: taking risk off
    never waits for them. ``refusals`` is oldest first. ``flattening``: an operator closes everything, and what
    closes is tried again after :data:`FLATTENING`.
    """
    pause = FLATTENING if flattening and order.reduce_only else QUARANTINE
    by_code: dict[str, list[Refusal]] = {}
    for refusal in refusals:
        here = _kind(refusal) == _kind(order)
        if here and now - refusal.at < pause and refusal.code not in _PASSING:
            by_code.setdefault(refusal.code, []).append(refusal)
    for same in by_code.values():
        if len(same) >= MOST_REFUSED:
            until = same[-MOST_REFUSED].at + pause
            return reason(
                "quarantined",
                symbol=order.symbol,
                times=len(same),
                span=shown_span(int(pause.total_seconds())),
                why=same[-1].why,
                until=f"{until:%H:%M} UTC",
            )
    return None


def _kind(of: Order | Refusal) -> tuple[str, str, Side, bool]:
    """What the venue judges alike."""
    return (of.venue, of.symbol, of.side, of.reduce_only)
