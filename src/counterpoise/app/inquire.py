"""What ``status``, ``orders`` and ``journal`` tell, from the database alone, beside whoever writes to it.

Nothing here asks an exchange or the daemon, and nothing is written or created: a database that is not there
means that nothing was ever run.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from counterpoise import __version__
from counterpoise.app.operator_view import operator_rows, strategy_row
from counterpoise.app.pauses import pause_rows
from counterpoise.app.sink_view import sink_row
from counterpoise.config.settings import Outline
from counterpoise.domain.errors import ConfigError
from counterpoise.domain.instants import iso
from counterpoise.domain.numbers import ZERO, dec, significant, text
from counterpoise.domain.order import Fill, Order
from counterpoise.domain.records import JournalRow
from counterpoise.domain.standing import standing_of, standing_rows
from counterpoise.record.sql import SqlRecord, connect
from counterpoise.record.sql.location import sqlite_path
from counterpoise.record.sql.lock import FileLease
from counterpoise.report.hedges import hedge_document, hedge_rows

_EVER = datetime(1970, 1, 1, tzinfo=UTC)
_MANY = 10_000  # more working orders than any limit allows


async def status(outline: Outline, portfolios: tuple[str, ...], now: datetime) -> dict[str, Any]:
    """Return the contract's ``status --json``; a portfolio that was never run has ``state`` None.

    Raises WrongSchema, StoreError.
    """
    market_time = {p.id for p in outline.portfolios if p.market_time}
    async with opened(outline) as record:
        if record is None:
            found = [_never_run(name) for name in portfolios]
            none = {"pending": 0, "dead": 0, "sinks": []}
            return {"portfolios": found, "pauses": [], "alerts": none, **_version()}
        owner = owner_of(outline)
        found = [
            await _portfolio(record, name, owner, None if name in market_time else now)
            for name in portfolios
        ]
        # a venue's own time is known from its looks alone
        looked = [datetime.fromisoformat(p["as_of"]) for p in found if p["as_of"] is not None]
        at = max(looked, default=None) if market_time else now
        paused = pause_rows(await record.store.all_pauses(), at)
        counts, sinks = await record.outbox.counts(), await record.outbox.sinks()
        rows = [sink_row(s, outline.quiet, at, running=owner is not None) for s in sinks]
        alerts = {**counts, "sinks": rows}
        return {"portfolios": found, "pauses": paused, "alerts": alerts, **_version()}


async def orders(
    outline: Outline, portfolios: tuple[str, ...], *, live_only: bool, limit: int
) -> dict[str, Any]:
    """Return ``{"orders": [...]}``, newest first per portfolio. Raises WrongSchema, StoreError."""
    async with opened(outline) as record:
        if record is None:
            return {"orders": []}
        found: list[dict[str, Any]] = []
        for name in portfolios:
            known = await record.store.orders(name, live_only=live_only, limit=limit)
            averages = _averages(await record.store.fills_of(name, known))
            found += [
                _order(order, averages.get((order.venue, order.symbol, order.venue_order_id)))
                for order in known
            ]
        return {"orders": found}


async def journal(outline: Outline, portfolios: tuple[str, ...], *, limit: int) -> dict[str, Any]:
    """Return ``{"cycles": [...]}``, newest first per portfolio. Raises WrongSchema, StoreError."""
    async with opened(outline) as record:
        if record is None:
            return {"cycles": []}
        cycles: list[dict[str, Any]] = []
        for name in portfolios:
            cycles += [_cycle(row) for row in await record.journal.last(name, limit)]
        return {"cycles": cycles}


async def explain(
    outline: Outline, portfolios: tuple[str, ...], cycle_id: str | None
) -> dict[str, Any]:
    """Return ``{"cycles": [...]}``: the cycle ``cycle_id``, or the newest of each portfolio.

    The id of a decision (in an alert's data) or of an alert stands for the cycle behind it. Raises ConfigError for
    what nobody recorded, WrongSchema, StoreError.
    """
    async with opened(outline) as record:
        if record is not None and cycle_id is None:
            rows = [r for name in portfolios for r in await record.journal.last(name, 1)]
            return {"cycles": [_cycle(row) for row in rows]}
        row = None
        if record is not None and cycle_id:
            row = await record.journal.row(cycle_id) or await record.journal.behind(cycle_id)
        if cycle_id is not None and row is None:
            expected = "the id of a cycle (journal --json lists them), of a decision or of an alert"
            raise ConfigError([f"explain: expected {expected}, was {cycle_id!r}"])
        return {"cycles": [_cycle(row)] if row is not None else []}


async def strategies(
    outline: Outline, portfolios: tuple[str, ...], now: datetime
) -> dict[str, Any]:
    """Return ``{"strategies": [...]}``: each configured one, what it wants and why, and what it was told to do.

    ``phase`` is None for one that no cycle has asked yet; ``overlays`` is asset -> signed base units. Raises
    WrongSchema, StoreError.
    """
    configured = {p.id: p.strategies for p in outline.portfolios}
    async with opened(outline) as record:
        found: list[dict[str, Any]] = []
        for name in portfolios:
            known = await record.store.portfolio(name) if record is not None else None
            recorded = await record.store.load(name, now) if record is not None and known else None
            newest = await record.journal.last(name, 1) if record is not None else ()
            document = newest[0].document if newest else {}
            found += [
                strategy_row(name, id_, kind, recorded, document)
                for id_, kind in configured[name].items()
            ]
        return {"strategies": found}


async def hedges(
    outline: Outline, portfolios: tuple[str, ...], now: datetime, *, limit: int
) -> dict[str, Any]:
    """Return ``{"hedges": [...]}``: open positions first, then those that ended, newest first.

    An open one is valued at the newest journaled mark; ``unrealized`` is None where that is unknown. Raises
    WrongSchema, StoreError.
    """
    async with opened(outline) as record:
        found: list[dict[str, Any]] = []
        for name in portfolios if record is not None else ():
            if record is None or await record.store.portfolio(name) is None:
                continue
            recorded = await record.store.load(name, now)
            newest = await record.journal.last(name, 1)
            prices = newest[0].document.get("prices") if newest else None
            known = prices if isinstance(prices, dict) else {}
            lines = recorded.book.values()
            marks = {(x.venue, x.symbol): dec(known[x.symbol]) for x in lines if x.symbol in known}
            rows = hedge_rows(await record.store.closed_hedges(name, _EVER), lines, marks)
            ended = [r for r in rows if r.closed_at is not None][-limit:]
            shown = [*(r for r in rows if r.closed_at is None), *reversed(ended)]
            found += [{"portfolio": name, **hedge_document(row)} for row in shown]
        return {"hedges": found}


@asynccontextmanager
async def opened(outline: Outline) -> AsyncIterator[SqlRecord | None]:
    """Give the open database, None when there is none yet."""
    if not sqlite_path(outline.store_url).exists():
        yield None
        return
    record = connect(outline.store_url)
    try:
        await record.store.open()
        yield record
    finally:
        await record.store.close()


async def _portfolio(
    record: SqlRecord, name: str, owner: str | None, now: datetime | None
) -> dict[str, Any]:
    """``now`` is None where the portfolio lives in market time, which the database does not know."""
    known = await record.store.portfolio(name)
    if known is None:
        return _never_run(name)
    # only what waits is read: nothing of it depends on the time
    waiting = await record.store.load(name, now or known.started_at)
    live = await record.store.orders(name, live_only=True, limit=_MANY)
    newest = await record.journal.last(name, 1)
    row = newest[0] if newest else None
    document: dict[str, Any] = dict(row.document) if row is not None else {}
    return {
        "id": name,
        "state": known.trading_state.value,
        **standing_rows(standing_of(waiting)),
        "as_of": iso(row.at) if row is not None else None,
        "age_s": _seconds(now - row.at) if row is not None and now is not None else None,
        "equity": document.get("equity"),
        "weights": document.get("weights", {}),
        "margin": document.get("margin", {}),
        "carry": document.get("carry", []),
        "basis": document.get("basis", []),
        "cross": document.get("cross", []),
        "drawdown": document.get("drawdown"),
        "hedges": document.get("hedges", []),
        "positions": document.get("positions", []),
        "open_orders": sum(1 for order in live if not order.state.is_unproven),
        "unknown_orders": sum(1 for order in live if order.state.is_unproven),
        "owner": owner,
        "summary": _told(row) if row is not None else None,
        "config_hash": known.config_hash,
        **operator_rows(known, waiting.commands, waiting.approvals),
    }


def _never_run(name: str) -> dict[str, Any]:
    return {
        "id": name,
        "state": None,
        **standing_rows(None),
        "as_of": None,
        "age_s": None,
        "equity": None,
        "weights": {},
        "margin": {},
        "carry": [],
        "basis": [],
        "cross": [],
        "drawdown": None,
        "hedges": [],
        "positions": [],
        "open_orders": 0,
        "unknown_orders": 0,
        "owner": None,
        "summary": "never run",
        "config_hash": None,
        "flattening": False,
        "override": None,
        "commands": [],
        "approvals": [],
    }


def _when(at: datetime | None) -> str | None:
    return iso(at) if at is not None else None


def owner_of(outline: Outline) -> str | None:
    """Return who writes to the database now, None when nobody does."""
    holder = FileLease(outline.store_url).holder
    return f"process {holder}" if holder is not None else None


def _version() -> dict[str, str]:
    return {"version": __version__}


def _seconds(span: timedelta) -> str:
    milliseconds: Decimal = dec(span // timedelta(milliseconds=1))
    return text(milliseconds / 1000)


def _averages(fills: Iterable[Fill]) -> dict[tuple[str, str, str | None], Decimal]:
    """The average price of what was filled, by venue, instrument and the venue's id of the order."""
    sums: dict[tuple[str, str, str | None], tuple[Decimal, Decimal]] = {}
    for fill in fills:
        key = (fill.venue, fill.symbol, fill.venue_order_id)
        qty, value = sums.get(key, (ZERO, ZERO))
        sums[key] = (qty + fill.qty, value + fill.qty * fill.price)
    return {key: significant(value / qty, 12) for key, (qty, value) in sums.items() if qty}


def _order(order: Order, average: Decimal | None) -> dict[str, Any]:
    return {
        "portfolio": order.portfolio,
        "venue": order.venue,
        "instrument": order.symbol,
        "client_order_id": order.client_order_id,
        "venue_order_id": order.venue_order_id,
        "side": order.side.value,
        "type": order.type.value,
        "time_in_force": order.time_in_force.value,
        "qty": text(order.qty),
        "filled_qty": text(order.filled_qty),
        "price": text(order.price) if order.price is not None else None,
        "average": text(average) if average is not None else None,
        "reduce_only": order.reduce_only,
        "post_only": order.post_only,
        "state": order.state.value,
        "reason": order.reason,
        "decision_id": order.decision_id,
        "rung": order.rung,
        "attempt": order.attempt,
        "created_at": iso(order.created_at),
        "updated_at": iso(order.updated_at),
    }


def _cycle(row: JournalRow) -> dict[str, Any]:
    return {
        **row.document,
        "portfolio": row.portfolio,
        "cycle_id": row.cycle_id,
        "at": iso(row.at),
        "summary": _told(row),
    }


def _told(row: JournalRow) -> str:
    """The cycle's one line; a cycle that left orders working had something to do: to wait for them."""
    keeps = row.document.get("keeps")
    if row.summary != "nothing to do" or not isinstance(keeps, list) or not keeps:
        return row.summary
    return f"waiting on {len(keeps)} order{'' if len(keeps) == 1 else 's'}"
