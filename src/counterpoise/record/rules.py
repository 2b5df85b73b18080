"""What every store holds to: who may write what, which order moves are legal, how far back a cycle looks.

Pure functions over domain values. A store calls :func:`check` before it touches anything and
:func:`check_moves` with what it has stored, inside the transaction that writes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import fields
from datetime import datetime, timedelta
from decimal import Decimal

from counterpoise.domain.errors import IllegalMove, StoreError
from counterpoise.domain.order import MOVES, Order, OrderState
from counterpoise.domain.records import Changes, JournalRow
from counterpoise.record.exact import decimal_text, instant_text

#: How far back ``Recorded.recent_fills`` reaches: (now - 24 h, now].
RECENT = timedelta(hours=24)
#: How far back ``Recorded.placed_at`` reaches: (now - 1 min, now].
PLACED = timedelta(minutes=1)

LIVE_STATES = tuple(state for state in OrderState if not state.is_final)


def check(changes: Changes) -> None:
    """Raise StoreError when a part belongs to another portfolio or has a value with no exact form."""
    if changes.record is not None and changes.record.id != changes.portfolio:
        raise _foreign("portfolio record", changes.record.id, changes)
    for order in changes.orders:
        if order.portfolio != changes.portfolio:
            raise _foreign(f"order {order.client_order_id}", order.portfolio, changes)
    for alert in changes.alerts:
        if alert.portfolio != changes.portfolio:
            raise _foreign(f"alert {alert.kind}", alert.portfolio, changes)
    if changes.journal is not None and changes.journal.portfolio != changes.portfolio:
        raise _foreign(
            f"journal row {changes.journal.cycle_id}", changes.journal.portfolio, changes
        )
    singles = (changes.record, changes.journal)
    groups = (changes.targets, changes.positions, changes.orders, changes.fills, changes.alerts)
    for part in (*(p for p in singles if p is not None), *(p for group in groups for p in group)):
        _check_exact(part)


def check_moves(stored: Mapping[str, tuple[str, OrderState]], orders: Iterable[Order]) -> None:
    """Check ``orders`` against what is stored: client order id -> (portfolio, state).

    Raises
    ------
    IllegalMove
        When an order would make a move that ``domain.order.MOVES`` does not contain.
    StoreError
        When the client order id belongs to another portfolio.
    """
    known = dict(stored)
    for order in orders:
        portfolio, state = known.get(order.client_order_id, (order.portfolio, order.state))
        if portfolio != order.portfolio:
            raise StoreError(
                f"order {order.client_order_id}: expected portfolio {portfolio}, was {order.portfolio}"
            )
        if order.state is not state and order.state not in MOVES[state]:
            raise IllegalMove(
                f"order {order.client_order_id}: stored as {state}, may not become {order.state}"
            )
        known[order.client_order_id] = (order.portfolio, order.state)


def order_age_key(order: Order) -> tuple[datetime, str, str, int, int, str]:
    """Return the sort key of orders, oldest first; rungs of one instant keep their ladder's order."""
    return (
        order.created_at,
        order.venue,
        order.symbol,
        order.rung,
        order.attempt,
        order.client_order_id,
    )


def never_recorded(portfolio: str) -> StoreError:
    """Return the error for a portfolio that has no record yet."""
    return StoreError(f"portfolio {portfolio} was never recorded in this store")


def other_portfolios_cycle(row: JournalRow) -> StoreError:
    """Return the error for a cycle id that another portfolio has already used."""
    return StoreError(f"journal row {row.cycle_id}: already written by another portfolio")


def _foreign(what: str, portfolio: str, changes: Changes) -> StoreError:
    return StoreError(f"{what}: expected portfolio {changes.portfolio}, was {portfolio}")


def _check_exact(part: object) -> None:
    for field in fields(part):  # type: ignore[arg-type]  # every part of Changes is a dataclass
        value = getattr(part, field.name)
        try:
            if isinstance(value, Decimal):
                decimal_text(value)
            elif isinstance(value, datetime):
                instant_text(value)
        except (ValueError, OverflowError) as error:
            raise StoreError(f"{type(part).__name__}.{field.name}: {error}") from error
