"""Writes one Changes inside a transaction that is already open. Never commits, never swallows an error.

What is checked against stored rows (does the portfolio exist, may the order move, is the alert new) is
read inside the same writing transaction, so it cannot change in between.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import TypeVar

from sqlalchemy import ColumnElement, Table, delete, select
from sqlalchemy.dialects.sqlite import Insert, insert
from sqlalchemy.ext.asyncio import AsyncConnection

from counterpoise.domain.events import Alert, Severity, ending
from counterpoise.domain.operator import CommandState
from counterpoise.domain.order import Order, OrderState
from counterpoise.domain.records import BarRow, Changes, JournalRow
from counterpoise.domain.transfer import Transfer, TransferState
from counterpoise.record.rules import (
    BARS_KEPT,
    check_moves,
    check_owner,
    check_transfers,
    never_recorded,
    other_portfolios_cycle,
)
from counterpoise.record.sql import book_rows, margin_rows, operator_rows, rows, tables

#: Keys per statement: SQLite limits the parameters of one.
CHUNK = 500

T = TypeVar("T")


def chunks(items: Sequence[T]) -> Iterator[Sequence[T]]:
    """Yield ``items`` in pieces that fit into one statement."""
    for start in range(0, len(items), CHUNK):
        yield items[start : start + CHUNK]


def upsert(
    table: Table, *, key: tuple[str, ...] | None = None, only: ColumnElement[bool] | None = None
) -> Insert:
    """Return "insert, or replace every other column of the row with this ``key``" (the primary key).

    A stored row that ``only`` does not fit stays as it is.
    """
    statement = insert(table)
    keys = key or tuple(column.name for column in table.primary_key)
    kept = {*keys, *(column.name for column in table.primary_key)}
    return statement.on_conflict_do_update(
        index_elements=keys,
        set_={c.name: statement.excluded[c.name] for c in table.columns if c.name not in kept},
        where=only,
    )


_PUT_PORTFOLIO = upsert(tables.portfolios)
_PUT_STRATEGY = upsert(tables.strategies)
_PUT_TARGET = upsert(tables.targets)
_PUT_POSITION = upsert(tables.positions)
_PUT_ORDER = upsert(tables.orders)
_PUT_GUARD = upsert(tables.guards)
_PUT_TRANSFER = upsert(tables.transfers)
_PUT_JOURNAL = upsert(tables.journal, key=("cycle_id",))
_PUT_RAISED = upsert(tables.alert_state)
_ADD_FILL = insert(tables.fills).on_conflict_do_nothing()
_ADD_ALERT = insert(tables.alerts)
_PUT_LINE = upsert(tables.book_lines)
_PUT_WALLET = upsert(tables.wallets)
_PUT_APPROVAL = upsert(tables.approvals)
_PUT_COMMAND = upsert(
    tables.commands,
    # what was handled stays as it was answered, also when the same command is sent once more
    only=tables.commands.c.state == CommandState.PENDING.value,
)
_ADD_CLOSED = insert(tables.closed_hedges).on_conflict_do_nothing()
_ADD_CROSS = insert(tables.crosses).on_conflict_do_nothing()
_ADD_ENTRY = insert(tables.ledger_entries).on_conflict_do_nothing()
_ADD_FLOW = insert(tables.flows).on_conflict_do_nothing()
_ADD_BAR = insert(tables.bars).on_conflict_do_nothing()


async def write(connection: AsyncConnection, changes: Changes) -> None:
    """Write every part of ``changes``. Raises StoreError, IllegalMove; the caller then rolls back."""
    name = changes.portfolio
    if changes.record is not None:
        await connection.execute(_PUT_PORTFOLIO, rows.portfolio_values(changes.record))
    else:
        await _expect_portfolio(connection, name)
    for statement, values in (
        (_PUT_STRATEGY, [rows.strategy_values(name, s) for s in changes.strategies]),
        (_PUT_GUARD, [margin_rows.guard_values(name, g) for g in changes.guards]),
        (_PUT_TARGET, [rows.target_values(name, t) for t in changes.targets]),
        (_PUT_POSITION, [rows.position_values(name, p) for p in changes.positions]),
        (_ADD_FILL, [rows.fill_values(name, f) for f in changes.fills]),
        (_PUT_LINE, [book_rows.line_values(name, x) for x in changes.book]),
        (_ADD_CLOSED, [book_rows.closed_values(name, h) for h in changes.closed]),
        (_ADD_CROSS, [book_rows.cross_values(name, x) for x in changes.crosses]),
        (_ADD_ENTRY, [book_rows.entry_values(name, e) for e in changes.ledger]),
        (_PUT_WALLET, [book_rows.wallet_values(name, w) for w in changes.wallets]),
        (_ADD_FLOW, [book_rows.flow_values(name, f) for f in changes.flows]),
    ):
        if values:
            await connection.execute(statement, values)
    await _write_said(connection, changes)
    await _write_bars(connection, changes.bars)
    await _write_orders(connection, changes.orders)
    await _write_transfers(connection, changes.transfers)
    await _write_alerts(connection, changes.alerts)
    if changes.journal is not None:
        await _write_journal(connection, changes.journal)


async def _expect_portfolio(connection: AsyncConnection, name: str) -> None:
    portfolios = tables.portfolios
    found = await connection.execute(select(portfolios.c.id).where(portfolios.c.id == name))
    if found.first() is None:
        raise never_recorded(name)


async def _write_said(connection: AsyncConnection, changes: Changes) -> None:
    """Write commands and approvals; the ids of another portfolio are not taken over."""
    for what, table, statement, values in (
        (
            "command",
            tables.commands,
            _PUT_COMMAND,
            [operator_rows.command_values(c) for c in changes.commands],
        ),
        (
            "approval",
            tables.approvals,
            _PUT_APPROVAL,
            [operator_rows.approval_values(a) for a in changes.approvals],
        ),
    ):
        stored: dict[str, str] = {}
        for some in chunks(values):
            ids = [row["id"] for row in some]
            found = await connection.execute(
                select(table.c.id, table.c.portfolio).where(table.c.id.in_(ids))
            )
            stored |= {row.id: row.portfolio for row in found}
        check_owner(what, stored, changes.portfolio)
        if values:
            await connection.execute(statement, values)


async def _write_bars(connection: AsyncConnection, bars: tuple[BarRow, ...]) -> None:
    """Add the bars that are new; drop those of the same series that are too old by now."""
    if not bars:
        return
    await connection.execute(_ADD_BAR, [book_rows.bar_values(row) for row in bars])
    newest: dict[tuple[str, str, int], datetime] = {}
    for row in bars:
        key = (row.venue, row.symbol, book_rows.seconds(row.interval))
        newest[key] = max(newest.get(key, row.bar.open_at), row.bar.open_at)
    c = tables.bars.c
    for (venue, symbol, interval_s), at in newest.items():
        # a range at the end of the primary key's index: it costs what it deletes
        await connection.execute(
            delete(tables.bars).where(
                c.venue == venue,
                c.symbol == symbol,
                c.interval_s == interval_s,
                c.open_at < at - BARS_KEPT,
            )
        )


async def _write_orders(connection: AsyncConnection, orders: tuple[Order, ...]) -> None:
    if not orders:
        return
    table = tables.orders
    stored: dict[str, tuple[str, OrderState]] = {}
    for ids in chunks([order.client_order_id for order in orders]):
        found = await connection.execute(
            select(table.c.client_order_id, table.c.portfolio, table.c.state).where(
                table.c.client_order_id.in_(ids)
            )
        )
        stored |= {row.client_order_id: (row.portfolio, OrderState(row.state)) for row in found}
    check_moves(stored, orders)
    await connection.execute(_PUT_ORDER, [rows.order_values(order) for order in orders])


async def _write_transfers(connection: AsyncConnection, transfers: tuple[Transfer, ...]) -> None:
    if not transfers:
        return
    c = tables.transfers.c
    stored: dict[str, tuple[str, TransferState]] = {}
    for ids in chunks([transfer.id for transfer in transfers]):
        found = await connection.execute(select(c.id, c.portfolio, c.state).where(c.id.in_(ids)))
        stored |= {row.id: (row.portfolio, TransferState(row.state)) for row in found}
    check_transfers(stored, transfers)
    await connection.execute(_PUT_TRANSFER, [margin_rows.transfer_values(t) for t in transfers])


async def _write_alerts(connection: AsyncConnection, alerts: tuple[Alert, ...]) -> None:
    """Add the alerts that are new and keep ``alert_state`` in step with them, in their order."""
    if not alerts:
        return
    table, state = tables.alerts, tables.alert_state
    distinct: dict[str, Alert] = {}
    for alert in alerts:
        distinct.setdefault(alert.id, alert)
    known: set[str] = set()
    for ids in chunks(list(distinct)):
        found = await connection.execute(select(table.c.id).where(table.c.id.in_(ids)))
        known |= {row.id for row in found}
    for alert in distinct.values():
        if alert.id in known:
            continue
        was = await _raised_as(connection, alert)
        kept = ending(alert, was) if alert.cleared else alert
        await connection.execute(_ADD_ALERT, rows.alert_values(kept))
        if alert.key is None:
            continue
        if alert.cleared:
            await connection.execute(
                delete(state).where(state.c.portfolio == alert.portfolio, state.c.key == alert.key)
            )
        elif was is None or alert.severity.rank >= was.rank:
            await connection.execute(
                _PUT_RAISED,
                {
                    "portfolio": alert.portfolio,
                    "key": alert.key,
                    "alert_id": alert.id,
                    "raised_at": alert.raised_at,
                },
            )


async def _raised_as(connection: AsyncConnection, alert: Alert) -> Severity | None:
    """How loud the condition of ``alert`` was told at its loudest; None: it is not raised."""
    if alert.key is None:
        return None
    told, state = tables.alerts, tables.alert_state
    found = await connection.execute(
        select(told.c.severity)
        .join(state, state.c.alert_id == told.c.id)
        .where(state.c.portfolio == alert.portfolio, state.c.key == alert.key)
    )
    was = found.scalar_one_or_none()
    return Severity(was) if was is not None else None


async def _write_journal(connection: AsyncConnection, row: JournalRow) -> None:
    table = tables.journal
    found = await connection.execute(
        select(table.c.portfolio).where(table.c.cycle_id == row.cycle_id)
    )
    if found.scalar_one_or_none() not in {None, row.portfolio}:
        raise other_portfolios_cycle(row)
    await connection.execute(_PUT_JOURNAL, rows.journal_values(row))
