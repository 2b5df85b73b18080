"""Regular reports within the cycle: what is counted at every look, when one is due, and what it looks back to.

What a look books is added up in the transaction that books it; a report, and that it was made, go into the transaction
of the journal row it is made from. So a crash neither loses nor doubles one, and a daemon that was down when one was
due makes it at its first completed look, over the span that it truly covers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal

import structlog

from counterpoise.app.cycle_report import CycleReport, document_of
from counterpoise.app.judge import Judgement
from counterpoise.domain.errors import StoreError
from counterpoise.domain.events import Alert
from counterpoise.domain.guard_documents import kept, remembered
from counterpoise.domain.hedge_book import BookLine, LineKey
from counterpoise.domain.numbers import dec, floor_step
from counterpoise.domain.policy import PortfolioPolicy
from counterpoise.domain.portfolio import PortfolioView
from counterpoise.domain.records import GuardRecord, Recorded
from counterpoise.domain.reporting import REPORTS, Base, Period, ReportPlan, ReportState
from counterpoise.execute.reconcile import Reconciled
from counterpoise.notify.report_messages import report_told
from counterpoise.ports import Store
from counterpoise.report import instants
from counterpoise.report.period import (
    TOLD_LATE,
    Document,
    base_of_look,
    equity_of,
    period_report,
)
from counterpoise.report.tally import Booked, tallied

log = structlog.get_logger(__name__)

#: How long a report waits for a look that can tell what the portfolio is worth.
PATIENCE = timedelta(minutes=15)
#: The lowest distance to liquidation is kept to this.
_STEP = dec("0.001")
_FIRST = "reports began"
_RECOUNTED = "the config changed what counts as equity"


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What goes in with the journal row: reports that were due, and that they were made."""

    alerts: tuple[Alert, ...] = ()
    guards: tuple[GuardRecord, ...] = ()


NOTHING_TOLD = Told()


class Reports:
    """Reports of one portfolio; without a ``plan`` nothing is counted and none is made."""

    def __init__(self, policy: PortfolioPolicy, plan: ReportPlan | None, store: Store) -> None:
        self._policy = policy
        self._plan = plan
        self._store = store
        #: As the look that runs has left it.
        self._state = ReportState()

    @property
    def wanted(self) -> bool:
        """Whether anything is counted at all."""
        return self._plan is not None

    def counted(
        self,
        before: Mapping[LineKey, BookLine],
        seen: Reconciled,
        judged: Judgement,
        known: Recorded,
    ) -> tuple[GuardRecord, ...]:
        """Return what is remembered once the look is booked, where that changed; ``before``: the book before it."""
        if self._plan is None:
            return ()
        stored = _stored(known)
        sound = judged.view if isinstance(judged.view, PortfolioView) and not judged.held else None
        book = seen.booked.then(judged.booked)
        booked = Booked(
            fills=seen.fills,
            entries=seen.entries,
            flows=seen.flows,
            before=before.values(),
            after=book.lines.values(),
            closed=book.closed,
            prices={a.asset: a.spot_price for a in sound.assets.values()} if sound else None,
        )
        state = replace(stored, zone=str(self._plan.zone), quote=self._policy.quote)
        state = tallied(state, booked, self._policy.assets)
        served, plans = instants.adopted(self._plan, state.served, state.plans, judged.view.as_of)
        state = replace(state, served=served, plans=plans)
        self._state = replace(state, bases=_with_low(state.bases, judged))
        return _changed(self._state, stored)

    async def settled(self, report: CycleReport) -> Told:
        """Return the report that is due at this look, if any. Raises StoreError; no other fault reaches the look."""
        try:
            return await self._due(self._plan, report) if self._plan is not None else NOTHING_TOLD
        except StoreError:
            raise
        except Exception:
            # a report that cannot be made must not keep the look from being recorded
            log.exception("report_failed", portfolio=self._policy.id)
            return NOTHING_TOLD

    async def _due(self, plan: ReportPlan, report: CycleReport) -> Told:
        state, now = self._state, report.as_of
        fresh = state.counted != self._policy.counted
        due = None if fresh else instants.due(plan, state.served, now)
        if not fresh and due is None:
            return NOTHING_TOLD
        document = document_of(report, self._policy, alone=False)
        lines = tuple((await self._store.load(self._policy.id, now)).book.values())
        if fresh:
            # nothing from before it can be compared with what comes after
            why = _RECOUNTED if state.bases else _FIRST
            base = base_of_look(state, document, lines, why)
            if base is None:
                return NOTHING_TOLD
            served = instants.served_at(plan, state.served, None, now)
            begun = dict.fromkeys(map(str, Period), base)
            done = replace(state, counted=self._policy.counted, bases=begun, served=served)
            return Told(guards=_changed(done, state))
        alerts: list[Alert] = []
        done = state
        while due is not None:
            period, at = due
            patient = now - at < PATIENCE or period not in plan.told
            if equity_of(document) is None and patient:
                break
            if period in plan.told:
                alerts.append(await self._told(period, at, document, lines))
            done = _after(plan, done, period, document, lines, now)
            due = instants.due(plan, done.served, now)
        return Told(alerts=tuple(alerts), guards=_changed(done, state))

    def wake_at(self, wake_at: datetime | None, now: datetime) -> datetime | None:
        """Return the earlier of ``wake_at`` and the next report's instant."""
        at = instants.following(self._plan, now) if self._plan is not None else None
        return min((each for each in (wake_at, at) if each is not None), default=None)

    async def _told(
        self, period: Period, due_at: datetime, document: Document, lines: tuple[BookLine, ...]
    ) -> Alert:
        base = self._state.bases[period.value]
        closed = await self._store.closed_hedges(self._policy.id, base.at - TOLD_LATE)
        return report_told(
            period_report(period, base, self._state, document, lines, closed), due_at
        )


def _stored(known: Recorded) -> ReportState:
    """What is remembered; a document of another version is given up: reports begin anew."""
    try:
        return remembered(ReportState, known, REPORTS)
    except ValueError:
        log.exception("reports_begin_anew", portfolio=known.portfolio.id)
        return ReportState()


def _after(
    plan: ReportPlan,
    state: ReportState,
    period: Period,
    document: Document,
    lines: tuple[BookLine, ...],
    now: datetime,
) -> ReportState:
    """The state once a report was made; one without equity is looked back over by the next."""
    base = base_of_look(state, document, lines)
    begun = instants.settled(plan, period) if base is not None else frozenset[Period]()
    bases = {**state.bases, **{p.value: base for p in begun if base is not None}}
    return replace(state, bases=bases, served=instants.served_at(plan, state.served, period, now))


def _with_low(bases: Mapping[str, Base], judged: Judgement) -> dict[str, Base]:
    """``bases`` with the distance to liquidation of this look, where it is a new low."""
    found = [d for c in judged.margin.checks if (d := c.distance.adverse) is not None]
    nearest = floor_step(min(found), _STEP) if found else None
    return {name: _lower(base, nearest, judged.view.as_of) for name, base in bases.items()}


def _lower(base: Base, distance: Decimal | None, at: datetime) -> Base:
    if distance is None or (base.low is not None and base.low <= distance):
        return base
    return replace(base, low=distance, low_at=at)


def _changed(state: ReportState, before: ReportState) -> tuple[GuardRecord, ...]:
    return (kept(REPORTS, state),) if state != before else ()
