"""Reads what a cycle needs inside one transaction, so that its parts belong together."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import Select, and_, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from counterpoise.domain.operator import CommandState
from counterpoise.domain.order import Fill, Order, OrderState, Side, is_refusal
from counterpoise.domain.records import PortfolioRecord, Recorded, Refusal, Tried
from counterpoise.record.rules import (
    CAPPING,
    LIVE_STATES,
    PLACED,
    RECENT,
    REFUSED,
    TRIED,
    UNPROVEN_STATES,
    never_recorded,
    order_age_key,
)
from counterpoise.record.sql import book_rows, margin_rows, operator_rows, rows, tables
from counterpoise.record.sql.write import chunks

_LIVE = [state.value for state in LIVE_STATES]
_ORDERS, _FILLS = tables.orders, tables.fills


async def read_portfolio(connection: AsyncConnection, name: str) -> PortfolioRecord | None:
    """Return the portfolio's record, None before its first start."""
    portfolios = tables.portfolios
    row = (await connection.execute(select(portfolios).where(portfolios.c.id == name))).first()
    return None if row is None else rows.portfolio_of(row)


async def read_recorded(connection: AsyncConnection, name: str, now: datetime) -> Recorded:
    """Return what a cycle at ``now`` needs. Raises StoreError for a portfolio never recorded."""

    async def parts(table: Any) -> Iterable[Any]:
        return await connection.execute(select(table).where(table.c.portfolio == name))

    record = await read_portfolio(connection, name)
    if record is None:
        raise never_recorded(name)
    strategies = [rows.strategy_of(row) for row in await parts(tables.strategies)]
    targets = [rows.target_of(row) for row in await parts(tables.targets)]
    positions = [rows.position_of(row) for row in await parts(tables.positions)]
    orders = [rows.order_of(row) for row in await connection.execute(cycle_orders(name))]
    fills = [rows.fill_of(row) for row in await connection.execute(own_fills(name, now - RECENT))]
    placed = await connection.execute(
        select(_ORDERS.c.created_at)
        .where(_ORDERS.c.portfolio == name, _ORDERS.c.created_at > now - PLACED)
        .order_by(_ORDERS.c.created_at)
    )
    day = await connection.execute(
        select(func.count()).where(_ORDERS.c.portfolio == name, _ORDERS.c.created_at > now - RECENT)
    )
    return Recorded(
        portfolio=record,
        strategies={strategy.id: strategy for strategy in strategies},
        targets={(target.venue, target.symbol): target for target in targets},
        positions={(position.venue, position.symbol): position for position in positions},
        orders=tuple(sorted(orders, key=order_age_key)),
        recent_fills=tuple(fills),
        placed_at=tuple(row.created_at for row in placed),
        placed_24h=day.scalar_one(),
        tried=await _tried(connection, name, now),
        refusals=await _refusals(connection, name, now),
        raised=frozenset(row.key for row in await parts(tables.alert_state)),
        book={line.key: line for line in map(book_rows.line_of, await parts(tables.book_lines))},
        commands=tuple(
            operator_rows.command_of(row)
            for row in await connection.execute(pending_commands(name))
        ),
        approvals=tuple(
            operator_rows.approval_of(row)
            for row in await connection.execute(capping_approvals(name))
        ),
        wallets={
            (wallet.venue, wallet.asset): wallet
            for wallet in map(book_rows.wallet_of, await parts(tables.wallets))
        },
        ledger_at={
            row.venue: row.newest_at for row in await connection.execute(newest_entries(name))
        },
        guards={guard.id: guard for guard in map(margin_rows.guard_of, await parts(tables.guards))},
        transfers=tuple(
            margin_rows.transfer_of(row)
            for row in await connection.execute(cycle_transfers(name, now - RECENT))
        ),
    )


async def _tried(connection: AsyncConnection, name: str, now: datetime) -> tuple[Tried, ...]:
    """Placements of late and whether each was refused, oldest first."""
    found = await connection.execute(
        select(_ORDERS.c.created_at, _ORDERS.c.state, _ORDERS.c.reason)
        .where(_ORDERS.c.portfolio == name, _ORDERS.c.created_at > now - TRIED)
        .order_by(_ORDERS.c.created_at, _ORDERS.c.client_order_id)
    )
    return tuple(
        Tried(at=row.created_at, rejected=is_refusal(OrderState(row.state), row.reason))
        for row in found
    )


async def _refusals(connection: AsyncConnection, name: str, now: datetime) -> tuple[Refusal, ...]:
    """Orders of the last hour that the venue did not take, oldest first."""
    found = await connection.execute(
        select(
            _ORDERS.c.created_at,
            _ORDERS.c.venue,
            _ORDERS.c.symbol,
            _ORDERS.c.side,
            _ORDERS.c.reduce_only,
            _ORDERS.c.reason,
        )
        .where(
            _ORDERS.c.portfolio == name,
            _ORDERS.c.created_at > now - REFUSED,
            _ORDERS.c.state == OrderState.REJECTED.value,
        )
        .order_by(_ORDERS.c.created_at, _ORDERS.c.client_order_id)
    )
    return tuple(
        Refusal(
            at=row.created_at,
            venue=row.venue,
            symbol=row.symbol,
            side=Side(row.side),
            reduce_only=row.reduce_only,
            why=row.reason or "",
        )
        for row in found
        if is_refusal(OrderState.REJECTED, row.reason)
    )


def cycle_orders(name: str) -> Select[Any]:
    """Return the query for orders in motion, or of a current target's decision."""
    current = select(tables.targets.c.decision_id).where(tables.targets.c.portfolio == name)
    # both sides name the portfolio, so that each can use its own index
    return select(_ORDERS).where(
        or_(
            and_(_ORDERS.c.portfolio == name, _ORDERS.c.state.in_(_LIVE)),
            and_(_ORDERS.c.portfolio == name, _ORDERS.c.awaits_fills),
            and_(_ORDERS.c.portfolio == name, _ORDERS.c.decision_id.in_(current)),
        )
    )


def own_fills(name: str, since: datetime) -> Select[Any]:
    """Return the query for fills of our own orders after ``since``, oldest first."""
    ours = (
        select(_ORDERS.c.client_order_id)
        .where(
            _ORDERS.c.portfolio == name,
            _ORDERS.c.venue == _FILLS.c.venue,
            _ORDERS.c.symbol == _FILLS.c.symbol,
            _ORDERS.c.venue_order_id == _FILLS.c.venue_order_id,
        )
        .exists()
    )
    return (
        select(_FILLS)
        .where(_FILLS.c.portfolio == name, _FILLS.c.filled_at > since, ours)
        .order_by(_FILLS.c.filled_at, _FILLS.c.venue, _FILLS.c.symbol, _FILLS.c.trade_id)
    )


def pending_commands(name: str) -> Select[Any]:
    """Return the query for commands that were not handled, oldest first."""
    c = tables.commands.c
    pending = (c.portfolio == name, c.state == CommandState.PENDING.value)
    return select(tables.commands).where(*pending).order_by(c.asked_at, c.id)


def capping_approvals(name: str) -> Select[Any]:
    """Return the query for approvals that wait or cap an overlay, oldest first."""
    c = tables.approvals.c
    capping = (c.portfolio == name, c.state.in_([state.value for state in CAPPING]))
    return select(tables.approvals).where(*capping).order_by(c.asked_at, c.id)


def cycle_transfers(name: str, since: datetime) -> Select[Any]:
    """Return the query for transfers that are not proven or changed after ``since``, oldest first."""
    c = tables.transfers.c
    unproven = [state.value for state in UNPROVEN_STATES]
    # both sides name the portfolio, so that each can use its own index
    return (
        select(tables.transfers)
        .where(
            or_(
                and_(c.portfolio == name, c.state.in_(unproven)),
                and_(c.portfolio == name, c.updated_at > since),
            )
        )
        .order_by(c.created_at, c.id)
    )


def newest_entries(name: str) -> Select[Any]:
    """Return the query for (venue, instant of its newest ledger entry).

    A plain GROUP BY reads every entry ever booked; this steps from venue to venue through the index.
    """
    c = tables.ledger_entries.c
    venues = (
        select(func.min(c.venue).label("venue"))
        .where(c.portfolio == name)
        .cte("venues", recursive=True)
    )
    following = select(func.min(c.venue)).where(c.portfolio == name, c.venue > venues.c.venue)
    venues = venues.union_all(
        select(following.scalar_subquery()).where(venues.c.venue.is_not(None))
    )
    newest = (
        select(func.max(c.at))
        .where(c.portfolio == name, c.venue == venues.c.venue)
        .scalar_subquery()
    )
    return select(venues.c.venue, newest.label("newest_at")).where(venues.c.venue.is_not(None))


async def read_orders(
    connection: AsyncConnection, name: str, *, live_only: bool, limit: int
) -> tuple[Order, ...]:
    """Return the newest ``limit`` orders, newest first."""
    c = _ORDERS.c
    query = select(_ORDERS).where(c.portfolio == name)
    if live_only:
        query = query.where(c.state.in_(_LIVE))
    age = (c.created_at, c.venue, c.symbol, c.rung, c.attempt, c.client_order_id)
    newest = await connection.execute(query.order_by(*(key.desc() for key in age)).limit(limit))
    return tuple(rows.order_of(row) for row in newest)


async def read_fills_of(
    connection: AsyncConnection, name: str, venue_order_ids: Iterable[str]
) -> tuple[Fill, ...]:
    """Return the stored fills of the portfolio's orders with ``venue_order_ids``, oldest first."""
    found: list[Fill] = []
    c = _FILLS.c
    for ids in chunks(list(dict.fromkeys(venue_order_ids))):
        query = select(_FILLS).where(c.portfolio == name, c.venue_order_id.in_(ids))
        found += [rows.fill_of(row) for row in await connection.execute(query)]
    return tuple(sorted(found, key=lambda f: (f.filled_at, f.trade_id)))


async def read_known_fills(
    connection: AsyncConnection, fills: Iterable[Fill]
) -> set[tuple[str, str, str]]:
    """Return the keys of those of ``fills`` that are stored."""
    asked: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
    for fill in fills:
        asked[fill.venue, fill.symbol].append(fill.trade_id)
    known: set[tuple[str, str, str]] = set()
    for (venue, symbol), trade_ids in asked.items():
        for ids in chunks(trade_ids):
            found = await connection.execute(
                select(_FILLS.c.trade_id).where(
                    _FILLS.c.venue == venue, _FILLS.c.symbol == symbol, _FILLS.c.trade_id.in_(ids)
                )
            )
            known |= {(venue, symbol, row.trade_id) for row in found}
    return known


async def read_owners(
    connection: AsyncConnection, venue: str, venue_order_ids: Iterable[str]
) -> tuple[Order, ...]:
    """Return our orders that carry one of ``venue_order_ids`` at ``venue``, oldest first."""
    owners: list[Order] = []
    for ids in chunks(list(dict.fromkeys(venue_order_ids))):
        found = await connection.execute(
            select(_ORDERS).where(_ORDERS.c.venue == venue, _ORDERS.c.venue_order_id.in_(ids))
        )
        owners += [rows.order_of(row) for row in found]
    return tuple(sorted(owners, key=order_age_key))
