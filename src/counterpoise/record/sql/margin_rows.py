"""Between what guards remember and move (documents, transfers) and its rows."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Row

from counterpoise.domain.records import GuardRecord
from counterpoise.domain.transfer import Purse, Transfer, TransferState
from counterpoise.record.exact import document, document_text

Values = dict[str, Any]


def guard_values(portfolio: str, record: GuardRecord) -> Values:
    """Return the row of ``guards``. Raises StoreError for a document that is no JSON."""
    return {
        "portfolio": portfolio,
        "id": record.id,
        "document": document_text(record.document, f"guard {record.id}"),
    }


def guard_of(row: Row[Any]) -> GuardRecord:
    """Return the record of a row of ``guards``."""
    return GuardRecord(id=row.id, document=document(row.document))


def transfer_values(transfer: Transfer) -> Values:
    """Return the row of ``transfers``."""
    return {
        "id": transfer.id,
        "portfolio": transfer.portfolio,
        "venue": transfer.venue,
        "asset": transfer.asset,
        "qty": transfer.qty,
        "source": transfer.source.value,
        "target": transfer.target.value,
        "symbol": transfer.symbol,
        "state": transfer.state.value,
        "created_at": transfer.created_at,
        "updated_at": transfer.updated_at,
        "source_before": transfer.source_before,
        "target_before": transfer.target_before,
        "why": transfer.why,
        "venue_id": transfer.venue_id,
        "reason": transfer.reason,
    }


def transfer_of(row: Row[Any]) -> Transfer:
    """Return the transfer of a row of ``transfers``."""
    return Transfer(
        id=row.id,
        portfolio=row.portfolio,
        venue=row.venue,
        asset=row.asset,
        qty=row.qty,
        source=Purse(row.source),
        target=Purse(row.target),
        symbol=row.symbol,
        state=TransferState(row.state),
        created_at=row.created_at,
        updated_at=row.updated_at,
        source_before=row.source_before,
        target_before=row.target_before,
        why=row.why,
        venue_id=row.venue_id,
        reason=row.reason,
    )
