"""What the venue does not take: too much of it stops what adds, and the same thing again and again stops a contract.

Some refusals tell at once that the next order of the kind will be refused as well, until a person or the venue changes
something: those are not tried three times.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from types import MappingProxyType

from counterpoise.domain.instants import shown_at
from counterpoise.domain.instrument import is_spot
from counterpoise.domain.order import Order, Side
from counterpoise.domain.policy import REJECTS_WITHIN
from counterpoise.domain.reasons import Reason, reason, shown_span
from counterpoise.domain.records import Refusal, Tried

#: So often within so long a contract may be refused for the same reason before it is left alone.
MOST_REFUSED = 3
QUARANTINE = timedelta(hours=1)
FLATTENING = timedelta(minutes=5)
#: Codes of what passes by itself: too many requests, an overloaded venue, a clock; and of orders that got lost, or
#: never left for want of a connection.
_PASSING = frozenset(
    {"-1001", "-1003", "-1008", "-1015", "-1021", "absent", "unreachable", "429", "418", "503"}
)
_MODE = (
    "the account keeps longs and shorts apart: set it back to one-way position mode at the venue"
)
_CLOSES_ONLY = "the venue lets this account only close: it tells there why, and until when"
_KEY = "the key may not trade: check at the venue its allowed addresses, its permissions and whether it has ended"
#: Binance's codes of refusals that are no use to repeat, and what a person can do. A number means the same in both
#: markets, or is given in one of them alone.
AT_ONCE: Mapping[str, str] = MappingProxyType(
    {
        "-2014": _KEY,
        "-2015": _KEY,
        "-2023": "the account is being liquidated: look at it at the venue now",
        "-4061": _MODE,
        "-4067": _MODE,
        "-4068": _MODE,
        "-4087": _CLOSES_ONLY,
        "-4088": "the venue takes no orders of this account: it tells there why, and until when",
        "-4089": _CLOSES_ONLY,
        "-4090": "the venue takes no orders of this account: it tells there why, and until when",
        "-4120": "the venue wants such orders at an address that this version does not know: look for a newer one",
        "-4192": "the account is in a cooling-off period: it ends at the time the venue tells there",
        "-4400": "the account broke the venue's quantitative rules and may only close until the venue lifts that",
    }
)
#: Those that say it of a contract alone; the rest say it of all that adds in the same market of the account.
_OF_A_CONTRACT = frozenset({"-4120"})


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

    What it refuses for a reason that does not pass by itself it will refuse again, until somebody changes something;
    one refusal of :data:`AT_ONCE` is enough, for closes no longer than :data:`FLATTENING`.
    What is refused of openings (no margin, too large) says nothing of closes, nor purchases of sales: taking risk off
    never waits for them. ``refusals`` is oldest first. ``flattening``: an operator closes everything, and what
    closes is tried again after :data:`FLATTENING`.
    """
    told = tuple(refusals)
    final = _final(order, told, now)
    if final is not None:
        return final
    pause = FLATTENING if flattening and order.reduce_only else QUARANTINE
    by_code: dict[str, list[Refusal]] = {}
    for refusal in told:
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
                until=shown_at(until),
            )
    return None


def _final(order: Order, refusals: Iterable[Refusal], now: datetime) -> Reason | None:
    """Why the newest refusal that needs no second one keeps ``order`` back."""
    pause = FLATTENING if order.reduce_only else QUARANTINE
    final = [r for r in refusals if r.code in AT_ONCE and now - r.at < pause and _bars(r, order)]
    if not final:
        return None
    last = final[-1]
    return reason(
        "quarantined_at_once",
        symbol=order.symbol,
        why=last.why,
        advice=AT_ONCE[last.code],
        until=shown_at(last.at + pause),
    )


def _bars(refusal: Refusal, order: Order) -> bool:
    if _kind(refusal) == _kind(order):
        return True
    same = (refusal.venue, is_spot(refusal.symbol)) == (order.venue, is_spot(order.symbol))
    return same and not order.reduce_only and refusal.code not in _OF_A_CONTRACT


def together(order: Order, refusals: Iterable[Refusal], now: datetime) -> int:
    """Return how many orders of the kind of ``order`` may go in one request.

    All of them may be refused at once, so it is as many as may be refused before the contract is left alone, and one
    by one on a contract of which anything was refused within :data:`QUARANTINE`.
    """
    refused = any(
        (r.venue, r.symbol) == (order.venue, order.symbol) and now - r.at < QUARANTINE
        for r in refusals
    )
    return 1 if refused else MOST_REFUSED


def _kind(of: Order | Refusal) -> tuple[str, str, Side, bool]:
    """What the venue judges alike."""
    return (of.venue, of.symbol, of.side, of.reduce_only)
