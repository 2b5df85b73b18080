"""What ``report`` and ``/report`` tell, from the database alone: a portfolio from its last report until its last look.

The words are those of a report that is sent; nothing of it moves when the next one is due or what it looks back to.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from counterpoise.app.inquire import opened
from counterpoise.config.settings import Outline
from counterpoise.domain.guard_documents import remembered
from counterpoise.domain.records import JournalRow, Recorded
from counterpoise.domain.reporting import REPORTS, Period, PeriodReport, ReportState
from counterpoise.notify.report_messages import COMMAND_LINE, report_text
from counterpoise.record.sql import SqlRecord
from counterpoise.report.period import TOLD_LATE, document_of_period, period_report

#: How often a look that ends while it is read may end again.
_TRIES = 5


async def reports(
    outline: Outline,
    portfolios: tuple[str, ...],
    period: Period,
    now: datetime,
    *,
    word: str = COMMAND_LINE,
) -> dict[str, Any]:
    """Return ``{"reports": [...]}``, each with its ``text``; ``since`` is None where nothing is counted yet.

    ``word``: what commands begin with where it is read.

    Raises WrongSchema, StoreError.
    """
    async with opened(outline) as record:
        found = [
            (name, await _report(record, name, period, now) if record is not None else None)
            for name in portfolios
        ]
    return {
        "reports": [
            {**document_of_period(report), "text": report_text(report, word=word)}
            if report is not None
            else _nothing(name, period)
            for name, report in found
        ]
    }


async def _report(
    record: SqlRecord, name: str, period: Period, now: datetime
) -> PeriodReport | None:
    if await record.store.portfolio(name) is None:
        return None
    recorded, row = await _together(record, name, now)
    state = remembered(ReportState, recorded, REPORTS)
    base = state.bases.get(period.value)
    if row is None or base is None:
        return None
    closed = await record.store.closed_hedges(name, base.at - TOLD_LATE)
    return period_report(period, base, state, row.document, recorded.book.values(), closed)


async def _together(
    record: SqlRecord, name: str, now: datetime
) -> tuple[Recorded, JournalRow | None]:
    """The records and the newest look, of one moment: a look that ended in between is read anew."""
    row, recorded = await _newest(record, name), await record.store.load(name, now)
    for _ in range(_TRIES):
        after = await _newest(record, name)
        if after == row:
            break
        row, recorded = after, await record.store.load(name, now)
    return recorded, row


async def _newest(record: SqlRecord, name: str) -> JournalRow | None:
    rows = await record.journal.last(name, 1)
    return rows[0] if rows else None


def _nothing(name: str, period: Period) -> dict[str, Any]:
    told = "Nothing to report yet: the daemon has not completed a look that tells equity"
    return {"portfolio": name, "period": period.value, "since": None, "text": told}
