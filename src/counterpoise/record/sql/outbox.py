"""The Outbox port on SQL. Alerts come in with the store's commits; here they are read and ticked off, per sink.

A sink is done with everything up to its ``done_seq`` and with what ``deliveries`` holds beyond. The mark moves up
over what is done, and rows below it go, so that a healthy sink has none. Seqs are handed out inside writing
transactions, which follow one another: none below a seq that was seen appears later.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from sqlalchemy import ColumnElement, and_, delete, exists, func, insert, literal, select, update
from sqlalchemy.dialects.sqlite import insert as insert_or
from sqlalchemy.ext.asyncio import AsyncConnection

from counterpoise.domain.errors import StoreError
from counterpoise.domain.records import Handed, OutboxRow, SinkRecord
from counterpoise.record.sql import tables
from counterpoise.record.sql.database import Database
from counterpoise.record.sql.rows import outbox_row_of
from counterpoise.record.sql.write import chunks

_ALERTS, _SINKS, _DONE = tables.alerts, tables.sinks, tables.deliveries
_UNDELIVERED = _ALERTS.c.delivered_at.is_(None)


class SqlOutbox:
    """Alerts committed, and which sink has had which; a delivered row stays, with the instant."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def enrol(self, sinks: Iterable[str], at: datetime) -> None:
        """Make ``sinks`` those that are told from now on. Raises ValueError for none, StoreError."""
        names = set(sinks)
        if not names:
            raise ValueError("expected at least one sink, was none")
        await self._database.write(lambda c: _enrol(c, names, at))

    async def pending(self, sink: str, after: int, limit: int) -> tuple[OutboxRow, ...]:
        """Return what ``sink`` was not done with, oldest first. Raises StoreError for one that is not enrolled."""

        async def read(connection: AsyncConnection) -> tuple[OutboxRow, ...]:
            mark = await _mark(connection, sink)
            query = select(_ALERTS).where(_waited_for(sink), _ALERTS.c.seq > max(after, mark))
            found = await connection.execute(query.order_by(_ALERTS.c.seq).limit(limit))
            return tuple(outbox_row_of(row) for row in found)

        return await self._database.read(read)

    async def settled(
        self, sink: str, seqs: Iterable[int], how: Handed, at: datetime, error: str | None = None
    ) -> None:
        """Record that ``sink`` is done with these alerts. Raises StoreError for one that is not enrolled."""
        wanted = sorted(seqs)
        if not wanted:
            return

        async def settle(connection: AsyncConnection) -> None:
            await _settle(connection, sink, wanted, how, at)
            if error is not None:
                why = update(_SINKS).where(_SINKS.c.name == sink)
                await connection.execute(why.values(last_error=error, last_error_at=at))

        await self._database.write(settle)

    async def failed(self, sink: str, error: str, at: datetime) -> None:
        """Count a failed attempt. Raises StoreError for a sink that is not enrolled."""
        counted = (
            update(_SINKS)
            .where(_SINKS.c.name == sink)
            .values(
                failures=_SINKS.c.failures + 1,
                failing_since=func.coalesce(
                    _SINKS.c.failing_since, at, type_=_SINKS.c.joined_at.type
                ),
                last_error=error,
                last_error_at=at,
            )
        )

        async def count(connection: AsyncConnection) -> None:
            await _mark(connection, sink)
            await connection.execute(counted)

        await self._database.write(count)

    async def counts(self) -> Mapping[str, int]:
        """Return ``{"pending": n, "dead": n}``."""

        async def read(connection: AsyncConnection) -> Mapping[str, int]:
            waiting = select(func.count()).select_from(_ALERTS).where(_UNDELIVERED)
            dead = select(func.count(_DONE.c.seq.distinct())).where(_DONE.c.how == Handed.DEAD)
            return {
                "pending": int((await connection.execute(waiting)).scalar_one()),
                "dead": int((await connection.execute(dead)).scalar_one()),
            }

        return await self._database.read(read)

    async def sinks(self) -> tuple[SinkRecord, ...]:
        """Return how every enrolled sink stands, by name."""

        async def read(connection: AsyncConnection) -> tuple[SinkRecord, ...]:
            enrolled = (await connection.execute(select(_SINKS).order_by(_SINKS.c.name))).all()
            dead = select(_DONE.c.sink, func.count().label("rows")).where(
                _DONE.c.how == Handed.DEAD
            )
            given_up = {
                row.sink: int(row.rows)
                for row in await connection.execute(dead.group_by(_DONE.c.sink))
            }
            found: list[SinkRecord] = []
            for row in enrolled:
                waiting = select(func.count()).where(
                    _waited_for(row.name), _ALERTS.c.seq > row.done_seq
                )
                pending = int((await connection.execute(waiting)).scalar_one())
                found.append(
                    SinkRecord(
                        name=row.name,
                        joined_at=row.joined_at,
                        pending=pending,
                        dead=given_up.get(row.name, 0),
                        failures=row.failures,
                        failing_since=row.failing_since,
                        last_error=row.last_error,
                        last_error_at=row.last_error_at,
                    )
                )
            return tuple(found)

        return await self._database.read(read)


def _waited_for(sink: ColumnElement[str] | str) -> ColumnElement[bool]:
    """That an alert has no row of ``sink``; whether it is above the mark is for the caller."""
    had = exists().where(_DONE.c.sink == sink, _DONE.c.seq == _ALERTS.c.seq)
    return and_(_UNDELIVERED, ~had.correlate_except(_DONE))


def _all_done() -> ColumnElement[bool]:
    """That no sink waits for an alert."""
    waits = exists().where(_SINKS.c.done_seq < _ALERTS.c.seq, _waited_for(_SINKS.c.name))
    return and_(_UNDELIVERED, ~waits.correlate_except(_SINKS))


async def _mark(connection: AsyncConnection, sink: str) -> int:
    found = await connection.execute(select(_SINKS.c.done_seq).where(_SINKS.c.name == sink))
    mark = found.scalar_one_or_none()
    if mark is None:
        raise StoreError(f"sink {sink} was never enrolled")
    return int(mark)


async def _highest(connection: AsyncConnection) -> int:
    return int((await connection.execute(select(func.max(_ALERTS.c.seq)))).scalar_one() or 0)


async def _enrol(connection: AsyncConnection, names: set[str], at: datetime) -> None:
    known = {row.name for row in await connection.execute(select(_SINKS.c.name))}
    gone = known - names
    if known:
        mark = await _highest(connection)
    else:
        oldest = select(func.min(_ALERTS.c.seq)).where(_UNDELIVERED)
        first = (await connection.execute(oldest)).scalar_one()
        mark = first - 1 if first is not None else await _highest(connection)
    for name in sorted(names - known):
        joins = insert(_SINKS).values(name=name, joined_at=at, done_seq=mark)
        await connection.execute(joins)
    if gone:
        await connection.execute(delete(_DONE).where(_DONE.c.sink.in_(gone)))
        await connection.execute(delete(_SINKS).where(_SINKS.c.name.in_(gone)))
        await connection.execute(update(_ALERTS).where(_all_done()).values(delivered_at=at))


async def _settle(
    connection: AsyncConnection, sink: str, seqs: list[int], how: Handed, at: datetime
) -> None:
    mark = await _mark(connection, sink)
    for some in chunks([seq for seq in seqs if seq > mark]):
        row = select(literal(sink), _ALERTS.c.seq, literal(how.value), literal(at, _DONE.c.at.type))
        add = insert_or(_DONE).from_select(
            ["sink", "seq", "how", "at"], row.where(_ALERTS.c.seq.in_(some))
        )
        await connection.execute(add.on_conflict_do_nothing())
    gap = select(func.min(_ALERTS.c.seq)).where(_waited_for(sink), _ALERTS.c.seq > mark)
    waiting = (await connection.execute(gap)).scalar_one()
    mark = waiting - 1 if waiting is not None else await _highest(connection)
    moved = update(_SINKS).where(_SINKS.c.name == sink)
    if how is Handed.TAKEN:
        moved = moved.values(failures=0, failing_since=None)
    await connection.execute(moved.values(done_seq=mark))
    below = and_(_DONE.c.sink == sink, _DONE.c.seq <= mark, _DONE.c.how != Handed.DEAD)
    await connection.execute(delete(_DONE).where(below))
    for some in chunks(seqs):
        ended = update(_ALERTS).where(_ALERTS.c.seq.in_(some), _all_done())
        await connection.execute(ended.values(delivered_at=at))
