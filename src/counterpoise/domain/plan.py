"""How wants become orders: what to keep, cancel and place, and what passed the guards.

Only ``decide/guards`` may construct :class:`Approved` (an architecture test holds that); the executor takes
nothing else, so an order that no guard has seen cannot be sent.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from counterpoise.domain.order import Order
from counterpoise.domain.reasons import Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """The position an instrument shall have, and in words why.

    ``decision_id``, ``decided_at`` and ``why`` change only when ``qty`` changes.
    """

    venue: str
    symbol: str
    asset: str
    qty: Decimal
    decision_id: str
    decided_at: datetime
    why: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cancel:
    """An order of ours that must go, and why."""

    order: Order
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """An instrument on which nothing is placed although its target is not reached."""

    symbol: str
    reason: Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Orders to place (state PENDING, ids made), to cancel and to keep. ``wake_at`` is when to look again.

    ``wake_unsent_at`` is the same for when no guard lets any of ``place`` pass: what was never sent wants no patience.
    """

    targets: tuple[Target, ...] = ()
    place: tuple[Order, ...] = ()
    cancel: tuple[Cancel, ...] = ()
    keep: tuple[Order, ...] = ()
    holds: tuple[Hold, ...] = ()
    wake_at: datetime | None = None
    wake_unsent_at: datetime | None = None


#: The plan of a cycle that decided nothing.
NOTHING = Plan()


@dataclass(frozen=True, slots=True, kw_only=True)
class Approved:
    """An order every guard let pass; the executor refuses it after ``valid_until``.

    ``together``: how many orders of its kind, itself among them, may go in one request.
    """

    order: Order
    valid_until: datetime
    together: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """An order a guard stopped; it goes to the journal and is never sent."""

    order: Order
    guard: str
    reason: Reason
    margin_missing: Decimal | None = None
