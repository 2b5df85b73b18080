"""Which looks get a journal row: live every one, in a replay those that decided, sent or saw something new.

A replay of years would else write the same sentence fifty thousand times. What is left out is counted: a row says
how many looks before it changed nothing.
"""

from __future__ import annotations

from typing import Protocol

from counterpoise.app.cycle_report import CycleReport, document_of
from counterpoise.domain.policy import PortfolioPolicy
from counterpoise.domain.records import JournalRow


class Rows(Protocol):
    """Turns looks into journal rows."""

    def row(self, report: CycleReport, policy: PortfolioPolicy) -> JournalRow | None:
        """Return the row of one look, None when it gets none."""
        ...


class EveryLook:
    """A row for every look: what a daemon writes."""

    def row(self, report: CycleReport, policy: PortfolioPolicy) -> JournalRow | None:
        """Return the row of one look."""
        return _row(report, document_of(report, policy, alone=False))


class ChangedLooks:
    """A row when a decision, an order or a state changed; ``looks_before`` counts those in between."""

    def __init__(self) -> None:
        self._known: object = None
        self._between = 0

    def row(self, report: CycleReport, policy: PortfolioPolicy) -> JournalRow | None:
        """Return the row of one look, None when it is like the one before and nothing moved."""
        seen = _outcome(report)
        if seen == self._known and not (report.results or report.fills or report.alerts):
            self._between += 1
            return None
        document = {**document_of(report, policy, alone=False), "looks_before": self._between}
        self._known, self._between = seen, 0
        return _row(report, document)


def _row(report: CycleReport, document: dict[str, object]) -> JournalRow:
    return JournalRow(
        portfolio=report.portfolio,
        cycle_id=report.cycle_id,
        at=report.as_of,
        summary=report.summary,
        document=document,
    )


def _outcome(report: CycleReport) -> tuple[object, ...]:
    """What a reader would call the same again: states, wishes, targets and reasons, without their numbers."""
    decided = report.decisions.decisions if report.decisions is not None else ()
    return (
        report.state,
        report.within_band,
        tuple(r.code for r in report.held),
        tuple((d.strategy, d.asset, d.overlay, d.granted, d.coins, d.reason.code) for d in decided),
        tuple(t.decision_id for t in report.plan.targets),
        tuple((r.order.symbol, r.reason.code) for r in report.refused),
        tuple((h.symbol, h.reason.code) for h in report.plan.holds),
    )
