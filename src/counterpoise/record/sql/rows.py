"""Between what a cycle trades by and its rows; ``book_rows`` and ``operator_rows`` do the same for the rest."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Row

from counterpoise.domain.events import Alert, Severity
from counterpoise.domain.order import Fill, Order, OrderState, OrderType, Side, TimeInForce
from counterpoise.domain.plan import Target
from counterpoise.domain.records import (
    JournalRow,
    OutboxRow,
    PortfolioRecord,
    PositionRecord,
    StrategyRecord,
    TradingState,
)
from counterpoise.record.exact import document, document_text
from counterpoise.record.sql.operator_rows import override_of, override_text

Values = dict[str, Any]


def portfolio_values(record: PortfolioRecord) -> Values:
    """Return the row of ``portfolios``."""
    return {
        "id": record.id,
        "trading_state": record.trading_state.value,
        "config_hash": record.config_hash,
        "started_at": record.started_at,
        "flattening": record.flattening,
        "override": override_text(record.override),
    }


def portfolio_of(row: Row[Any]) -> PortfolioRecord:
    """Return the record of a row of ``portfolios``."""
    return PortfolioRecord(
        id=row.id,
        trading_state=TradingState(row.trading_state),
        config_hash=row.config_hash,
        started_at=row.started_at,
        flattening=row.flattening,
        override=override_of(row.override),
    )


def strategy_values(portfolio: str, record: StrategyRecord) -> Values:
    """Return the row of ``strategies``. Raises StoreError for a document that is no JSON."""
    return {
        "portfolio": portfolio,
        "id": record.id,
        "kind": record.kind,
        "document": document_text(record.document, f"strategy {record.id}"),
    }


def strategy_of(row: Row[Any]) -> StrategyRecord:
    """Return the record of a row of ``strategies``."""
    return StrategyRecord(id=row.id, kind=row.kind, document=document(row.document))


def target_values(portfolio: str, target: Target) -> Values:
    """Return the row of ``targets``."""
    return {
        "portfolio": portfolio,
        "venue": target.venue,
        "symbol": target.symbol,
        "asset": target.asset,
        "qty": target.qty,
        "decision_id": target.decision_id,
        "decided_at": target.decided_at,
        "why": target.why,
    }


def target_of(row: Row[Any]) -> Target:
    """Return the target of a row of ``targets``."""
    return Target(
        venue=row.venue,
        symbol=row.symbol,
        asset=row.asset,
        qty=row.qty,
        decision_id=row.decision_id,
        decided_at=row.decided_at,
        why=row.why,
    )


def position_values(portfolio: str, record: PositionRecord) -> Values:
    """Return the row of ``positions``."""
    return {
        "portfolio": portfolio,
        "venue": record.venue,
        "symbol": record.symbol,
        "baseline_qty": record.baseline_qty,
        "own_qty": record.own_qty,
        "last_fill_at": record.last_fill_at,
    }


def position_of(row: Row[Any]) -> PositionRecord:
    """Return the record of a row of ``positions``."""
    return PositionRecord(
        venue=row.venue,
        symbol=row.symbol,
        baseline_qty=row.baseline_qty,
        own_qty=row.own_qty,
        last_fill_at=row.last_fill_at,
    )


def order_values(order: Order) -> Values:
    """Return the row of ``orders``."""
    return {
        "client_order_id": order.client_order_id,
        "portfolio": order.portfolio,
        "venue": order.venue,
        "symbol": order.symbol,
        "side": order.side.value,
        "type": order.type.value,
        "time_in_force": order.time_in_force.value,
        "qty": order.qty,
        "price": order.price,
        "reduce_only": order.reduce_only,
        "decision_id": order.decision_id,
        "rung": order.rung,
        "attempt": order.attempt,
        "state": order.state.value,
        "created_at": order.created_at,
        "updated_at": order.updated_at,
        "venue_order_id": order.venue_order_id,
        "filled_qty": order.filled_qty,
        "booked_qty": order.booked_qty,
        "awaits_fills": order.awaits_fills,
        "reason": order.reason,
        "guard": order.guard,
        "leaving_since": order.leaving_since,
    }


def order_of(row: Row[Any]) -> Order:
    """Return the order of a row of ``orders``."""
    return Order(
        client_order_id=row.client_order_id,
        portfolio=row.portfolio,
        venue=row.venue,
        symbol=row.symbol,
        side=Side(row.side),
        type=OrderType(row.type),
        time_in_force=TimeInForce(row.time_in_force),
        qty=row.qty,
        price=row.price,
        reduce_only=row.reduce_only,
        decision_id=row.decision_id,
        rung=row.rung,
        attempt=row.attempt,
        state=OrderState(row.state),
        created_at=row.created_at,
        updated_at=row.updated_at,
        venue_order_id=row.venue_order_id,
        filled_qty=row.filled_qty,
        booked_qty=row.booked_qty,
        reason=row.reason,
        guard=row.guard,
        leaving_since=row.leaving_since,
    )


def fill_values(portfolio: str, fill: Fill) -> Values:
    """Return the row of ``fills``."""
    return {
        "venue": fill.venue,
        "symbol": fill.symbol,
        "trade_id": fill.trade_id,
        "portfolio": portfolio,
        "venue_order_id": fill.venue_order_id,
        "side": fill.side.value,
        "qty": fill.qty,
        "price": fill.price,
        "fee": fill.fee,
        "fee_asset": fill.fee_asset,
        "maker": fill.maker,
        "filled_at": fill.filled_at,
    }


def fill_of(row: Row[Any]) -> Fill:
    """Return the fill of a row of ``fills``."""
    return Fill(
        venue=row.venue,
        symbol=row.symbol,
        trade_id=row.trade_id,
        venue_order_id=row.venue_order_id,
        side=Side(row.side),
        qty=row.qty,
        price=row.price,
        fee=row.fee,
        fee_asset=row.fee_asset,
        maker=row.maker,
        filled_at=row.filled_at,
    )


def alert_values(alert: Alert) -> Values:
    """Return the row of ``alerts``, undelivered. Raises StoreError for data that is no JSON."""
    return {
        "id": alert.id,
        "portfolio": alert.portfolio,
        "kind": alert.kind,
        "severity": alert.severity.value,
        "text": alert.text,
        "raised_at": alert.raised_at,
        "key": alert.key,
        "cleared": alert.cleared,
        "data": document_text(alert.data, f"alert {alert.kind}"),
    }


def outbox_row_of(row: Row[Any]) -> OutboxRow:
    """Return the outbox row of a row of ``alerts``."""
    alert = Alert(
        id=row.id,
        portfolio=row.portfolio,
        kind=row.kind,
        severity=Severity(row.severity),
        text=row.text,
        raised_at=row.raised_at,
        key=row.key,
        cleared=row.cleared,
        data={key: str(value) for key, value in document(row.data).items()},
    )
    return OutboxRow(seq=row.seq, alert=alert)


def journal_values(row: JournalRow) -> Values:
    """Return the row of ``journal``. Raises StoreError for a document that is no JSON."""
    return {
        "cycle_id": row.cycle_id,
        "portfolio": row.portfolio,
        "at": row.at,
        "summary": row.summary,
        "document": document_text(row.document, f"journal row {row.cycle_id}"),
    }


def journal_row_of(row: Row[Any]) -> JournalRow:
    """Return the journal row of a row of ``journal``."""
    return JournalRow(
        portfolio=row.portfolio,
        cycle_id=row.cycle_id,
        at=row.at,
        summary=row.summary,
        document=document(row.document),
    )
