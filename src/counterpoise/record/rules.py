"""What every store holds to: who may write what, which order moves are legal, how far back a cycle looks.

Pure functions over domain values. A store calls :func:`check` before it touches anything and
:func:`check_moves` with what it has stored, inside the transaction that writes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import fields
from datetime import datetime, timedelta
from decimal import Decimal

from counterpoise.domain.errors import IllegalMove, StoreError
from counterpoise.domain.operator import ApprovalState
from counterpoise.domain.order import MOVES, Order, OrderState
from counterpoise.domain.policy import REJECTS_WITHIN
from counterpoise.domain.records import Changes, JournalRow
from counterpoise.domain.transfer import TRANSFER_MOVES, Transfer, TransferState
from counterpoise.record.exact import decimal_text, document_text, instant_text

#: How far back ``Recorded.recent_fills`` reaches: (now - 24 h, now].
RECENT = timedelta(hours=24)
#: How far back ``Recorded.placed_at`` reaches: (now - 1 min, now].
PLACED = timedelta(minutes=1)

#: How far back ``Recorded.tried`` reaches: a reject of the last ten minutes, and what was placed in the ten before it.
TRIED = 2 * REJECTS_WITHIN

#: How far back ``Recorded.refusals`` reaches.
REFUSED = timedelta(hours=1)

#: Bars older than this, seen from the newest of their series, are dropped when new ones come.
BARS_KEPT = timedelta(days=400)

#: Approvals a cycle needs: those that wait for an answer or cap an overlay.
CAPPING = tuple(
    state for state in ApprovalState if state not in {ApprovalState.APPROVED, ApprovalState.MOOT}
)
LIVE_STATES = tuple(state for state in OrderState if not state.is_final)
UNPROVEN_STATES = tuple(state for state in TransferState if not state.is_final)


def check(changes: Changes) -> None:
    """Raise StoreError when a part belongs to another portfolio or has a value with no exact form."""
    for what, owner in _owned(changes):
        if owner != changes.portfolio:
            raise StoreError(f"{what}: expected portfolio {changes.portfolio}, was {owner}")
    for command in changes.commands:
        document_text(command.args, f"command {command.id}")
    for row in changes.bars:
        if row.interval <= timedelta(0) or row.interval % timedelta(seconds=1):
            raise StoreError(
                f"bar of {row.symbol}: expected an interval of whole seconds, was {row.interval}"
            )
    for part in _parts(changes):
        _check_exact(part)


def _owned(changes: Changes) -> Iterator[tuple[str, str]]:
    """Yield what names a portfolio of its own, and that portfolio."""
    if changes.record is not None:
        yield "portfolio record", changes.record.id
    yield from ((f"order {o.client_order_id}", o.portfolio) for o in changes.orders)
    yield from ((f"alert {a.kind}", a.portfolio) for a in changes.alerts)
    yield from ((f"command {c.id}", c.portfolio) for c in changes.commands)
    yield from ((f"approval {a.id}", a.portfolio) for a in changes.approvals)
    yield from ((f"transfer {t.id}", t.portfolio) for t in changes.transfers)
    if changes.journal is not None:
        yield f"journal row {changes.journal.cycle_id}", changes.journal.portfolio


def _parts(changes: Changes) -> Iterator[object]:
    """Yield every dataclass in ``changes`` whose fields are money or instants."""
    if changes.record is not None:
        yield changes.record
        if changes.record.override is not None:
            yield changes.record.override
    if changes.journal is not None:
        yield changes.journal
    for group in (
        changes.targets, changes.positions, changes.orders, changes.fills, changes.alerts,
        changes.book, changes.closed, changes.crosses, changes.ledger, changes.wallets,
        changes.flows, changes.commands, changes.approvals, changes.transfers,
    ):  # fmt: skip
        yield from group
    for row in changes.bars:
        yield row.bar


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


def check_transfers(
    stored: Mapping[str, tuple[str, TransferState]], transfers: Iterable[Transfer]
) -> None:
    """Check ``transfers`` against what is stored (id -> portfolio, state) as ``check_moves`` does for orders."""
    known = dict(stored)
    for transfer in transfers:
        portfolio, state = known.get(transfer.id, (transfer.portfolio, transfer.state))
        check_owner("transfer", {transfer.id: portfolio}, transfer.portfolio)
        if transfer.state is not state and transfer.state not in TRANSFER_MOVES[state]:
            raise IllegalMove(
                f"transfer {transfer.id}: stored as {state}, may not become {transfer.state}"
            )
        known[transfer.id] = (transfer.portfolio, transfer.state)


def check_owner(what: str, stored: Mapping[str, str], portfolio: str) -> None:
    """Raise StoreError when an id of ``stored`` (id -> portfolio) belongs to another portfolio."""
    for id_, owner in stored.items():
        if owner != portfolio:
            raise StoreError(f"{what} {id_}: expected portfolio {owner}, was {portfolio}")


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


def transfer_age_key(transfer: Transfer) -> tuple[datetime, str]:
    """Return the sort key of transfers, oldest first."""
    return (transfer.created_at, transfer.id)


def never_recorded(portfolio: str) -> StoreError:
    """Return the error for a portfolio that has no record yet."""
    return StoreError(f"portfolio {portfolio} was never recorded in this store")


def other_portfolios_cycle(row: JournalRow) -> StoreError:
    """Return the error for a cycle id that another portfolio has already used."""
    return StoreError(f"journal row {row.cycle_id}: already written by another portfolio")


def _check_exact(part: object) -> None:
    for field in fields(part):  # type: ignore[arg-type]  # every part of Changes is a dataclass
        value = getattr(part, field.name)
        try:
            for single in value.values() if isinstance(value, Mapping) else (value,):
                if isinstance(single, Decimal):
                    decimal_text(single)
                elif isinstance(single, datetime):
                    instant_text(single)
        except (ValueError, OverflowError) as error:
            raise StoreError(f"{type(part).__name__}.{field.name}: {error}") from error
