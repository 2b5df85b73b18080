"""One cycle: observe -> decide -> plan -> execute -> record -> notify, and a report of what it did.

The cycle is level-based: it knows nothing of why it was asked to look. Everything it decides follows from the
snapshot and the records, so recovery after a crash is the next cycle and nothing more.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta

from counterpoise.app.aligning import after, align, with_accepted
from counterpoise.app.announce import Announcer
from counterpoise.app.calendar import due_instants
from counterpoise.app.cycle_report import CycleReport, Hedge
from counterpoise.app.judge import Judgement, judge
from counterpoise.app.operator import Heeded, answered, heeded, waiting, words
from counterpoise.app.operator_view import operator_rows
from counterpoise.app.orphans import unattended
from counterpoise.app.outlook import outlooks, with_outlooks
from counterpoise.app.reports import Reports
from counterpoise.app.rows import EveryLook, Rows
from counterpoise.app.safekeeping import lowered_standing, standing_shown
from counterpoise.app.unproven_view import unproven_rows
from counterpoise.app.upcoming import event_rows
from counterpoise.app.waking import wake_at
from counterpoise.decide.agreed import agreed_record
from counterpoise.decide.guards.drawdown import drawdown_record
from counterpoise.decide.guards.flows import FlowWatch
from counterpoise.decide.guards.foreign import ForeignWatch
from counterpoise.decide.guards.hedges import hedge_records
from counterpoise.decide.guards.margin import margin_record
from counterpoise.decide.guards.plausibility import (
    Plausibility,
    PlausibilityWatch,
    plausibility_record,
)
from counterpoise.decide.guards.trading_state import forbidden
from counterpoise.domain.carried import carried_of
from counterpoise.domain.errors import StoreError
from counterpoise.domain.events import Alert
from counterpoise.domain.instants import iso
from counterpoise.domain.operator import Command
from counterpoise.domain.order import Order, OrderState
from counterpoise.domain.policy import PortfolioPolicy
from counterpoise.domain.portfolio import Universe, universe_of
from counterpoise.domain.reasons import Reason
from counterpoise.domain.records import (
    Changes,
    GuardRecord,
    PortfolioRecord,
    Recorded,
    TradingState,
)
from counterpoise.domain.reporting import ReportPlan
from counterpoise.domain.snapshot import Snapshot
from counterpoise.domain.strategy import from_document
from counterpoise.execute.absence import Absences
from counterpoise.execute.executor import Execution, Executor
from counterpoise.execute.reconcile import Reconciled
from counterpoise.execute.restoring import restore
from counterpoise.execute.settling import proven
from counterpoise.notify.margin_messages import transfers_told
from counterpoise.observe.poller import Observer
from counterpoise.ports import Clock, Exchange, Store


@dataclass(frozen=True, slots=True, kw_only=True)
class _Look:
    """What was read: the records ``before`` it was merged in and after, and what it says of orders and wallets."""

    before: Recorded
    recorded: Recorded
    universe: Universe
    snapshot: Snapshot
    seen: Reconciled
    doubts: tuple[Reason, ...]
    doubted: Plausibility


class Cycle:
    """Runs cycles of one portfolio. What it remembers itself only makes it more careful."""

    def __init__(
        self,
        policy: PortfolioPolicy,
        venues: Mapping[str, Exchange],
        store: Store,
        clock: Clock,
        may_send: Callable[[], bool] = lambda: True,
        rows: Rows | None = None,
        countdowns: Mapping[str, timedelta] | None = None,
        reports: ReportPlan | None = None,
    ) -> None:
        self._policy = policy
        self._venues = {name: venues[name] for name in policy.venues}
        self._store = store
        self._clock = clock
        self._executor = Executor(self._venues, store, clock, may_send)
        self._absences = Absences(policy.freshness.approval)
        self._announcer = Announcer(policy, countdowns)
        self._flows = FlowWatch(policy)
        self._plausibility = PlausibilityWatch(policy)
        self._foreign = ForeignWatch(policy)
        self._may_send = may_send
        self._observer = Observer(policy, self._venues, store, clock)
        self._rows = rows or EveryLook()
        self._reports = Reports(policy, reports, store)

    async def run(self) -> CycleReport:
        """Look once and act once.

        Raises StoreError when the database cannot be used (nothing was sent then), VenueAuthError when a key is
        not accepted.
        """
        store, now = self._store, self._clock.now()
        told = heeded(await store.load(self._policy.id, now), self._policy, now)
        try:
            look = await self._look(told)
            judged = self._judged(look)
        except StoreError:
            raise
        except Exception:
            # whatever broke the look, what people said holds; the daemon tells of the error
            await self._heed_only(told)
            raise
        policy, recorded, seen, snapshot = self._policy, look.recorded, look.seen, look.snapshot
        done = answered(recorded.commands, judged.decisions, snapshot.as_of)
        moved = self._announcer.moved(
            seen, recorded, judged, look.universe, snapshot.as_of, look.before.book, snapshot.marks
        )
        ahead = self._ahead(look, judged)
        news = (*told.alerts, *words(done, judged.approvals, snapshot.as_of, ahead), *moved.alerts)
        outcomes = proven(look.before.transfers, seen.moved)
        news += self._announcer.guarded(judged, recorded, outcomes, snapshot.as_of)
        changed = judged.margin.changes
        changes = _intents(look.before, recorded, seen, judged, told, done, news, policy)
        guards = _guards(told, recorded, judged, look.doubted)
        guards += (*moved.guards, *self._reports.counted(look.before.book, seen, judged, recorded))
        changes = replace(changes, bars=self._observer.new_bars, guards=guards)
        execution = await self._executor.execute(
            changes, judged.plan.cancel, judged.approved, judged.margin.transfers
        )
        self._observer.stored()
        unrestored = await restore(
            self._venues, changed if _may_restore(recorded) else (), self._may_send
        )
        commands = (*told.commands, *done, *told.later)
        report = self._report(snapshot, recorded, seen, judged, execution, commands)
        rows = {o.client_order_id: o for o in (*seen.orders, *execution.orders)}
        report = replace(
            report,
            doubted=look.doubted,
            unrestored=unrestored,
            operator=with_outlooks(report.operator, ahead),
            unproven=unproven_rows(rows.values(), policy.freshness.approval),
        )
        return await self._concluded(report, seen, recorded, news)

    async def _concluded(
        self, report: CycleReport, seen: Reconciled, recorded: Recorded, news: tuple[Alert, ...]
    ) -> CycleReport:
        """Commit what became of what was sent, the conditions raised or cleared, reports that are due, and the row."""
        policy = self._policy
        raised = recorded.raised | {a.key for a in news if a.key is not None}
        conditions = self._announcer.conditions(report, seen, raised)
        conditions += transfers_told(policy.id, report.transfers, report.as_of)
        due = await self._reports.settled(report)
        report = replace(report, alerts=(*news, *conditions, *due.alerts))
        await self._store.commit(
            Changes(
                portfolio=policy.id,
                orders=report.results,
                transfers=report.transfers,
                alerts=(*conditions, *due.alerts),
                guards=due.guards,
                journal=self._rows.row(report, policy),
            )
        )
        return report

    async def _look(self, told: Heeded) -> _Look:
        """Read the venues and bring the records in line with what they show; nothing is written yet."""
        policy, store, before = self._policy, self._store, told.recorded
        carried = carried_of(before)
        instruments = {n: v.instruments() for n, v in self._venues.items()}
        universe = universe_of(policy, instruments, carried)
        snapshot = await self._observer.look(universe, before)
        # what is listed may have changed while reading: from here on only what this look saw counts
        universe = universe_of(
            policy, {n: s.instruments for n, s in snapshot.venues.items()}, carried
        )
        seen = await align(
            self._venues,
            store,
            self._absences,
            before,
            snapshot,
            self._clock,
            {s.id for s in policy.strategies},
        )
        recorded = after(before, seen)
        accepted = self._foreign.look(snapshot, recorded, seen.unexplained)
        if accepted.positions:
            # nothing is sent on these in this look: the hedge book follows with the next one
            seen = with_accepted(seen, accepted.positions, accepted.why)
            recorded = after(before, seen)
        alone = await unattended(policy, snapshot, recorded, universe, store)
        balances = self._flows.look(snapshot, recorded, seen.fills, seen.entries)
        shut = {**seen.unexplained, **alone}
        seen = replace(seen, unexplained=shut, flows=balances.flows, wallets=balances.wallets)
        return _Look(
            before=before,
            recorded=recorded,
            universe=universe,
            snapshot=snapshot,
            seen=seen,
            doubts=balances.doubts,
            doubted=self._plausibility.look(snapshot, universe, recorded),
        )

    def _judged(self, look: _Look) -> Judgement:
        return judge(
            look.snapshot,
            look.recorded,
            self._policy,
            look.universe,
            look.seen.unexplained,
            look.doubts,
            due_instants(self._policy, look.snapshot.as_of),
            look.seen.flows,
            look.doubted,
        )

    def _ahead(self, look: _Look, judged: Judgement) -> Mapping[str, str]:
        """What a yes to each request that waits would lead to."""
        asked = waiting(look.recorded.approvals, judged.approvals)
        return outlooks(asked, look.snapshot, look.recorded, self._policy, look.universe, judged)

    async def _heed_only(self, told: Heeded) -> None:
        """Keep what operators said although the look broke, and take down what it no longer allows.

        What was read is left to the next look. The rows say what works, as at a stop.
        """
        portfolio = self._policy.id
        changes = Changes(
            portfolio=portfolio,
            record=told.record,
            commands=told.commands,
            approvals=told.approvals,
            alerts=told.alerts,
            guards=told.guards,
        )
        cancels = forbidden(told.recorded)
        execution = await self._executor.execute(changes, cancels, ())
        await self._store.commit(Changes(portfolio=portfolio, orders=execution.orders))

    def _report(
        self,
        snapshot: Snapshot,
        recorded: Recorded,
        seen: Reconciled,
        judged: Judgement,
        execution: Execution,
        commands: tuple[Command, ...],
    ) -> CycleReport:
        asked, reports = waiting(recorded.approvals, judged.approvals), self._reports
        return CycleReport(
            cycle_id=f"{self._policy.id}-{iso(snapshot.as_of)}",
            portfolio=self._policy.id,
            as_of=snapshot.as_of,
            state=judged.lowered.state
            if judged.lowered is not None
            else recorded.portfolio.trading_state,
            view=judged.view,
            snapshot=snapshot,
            decisions=judged.decisions,
            plan=judged.plan,
            approved=judged.approved,
            refused=judged.refused,
            results=execution.orders,
            fills=seen.fills,
            positions=tuple(recorded.positions.values()),
            remembered=_remembered(recorded),
            held=judged.held,
            margin=judged.margin,
            hedges=judged.hedges,
            drawdown=judged.drawdown,
            transfers=execution.transfers,
            within_band=judged.within_band,
            wake_at=reports.wake_at(
                wake_at(self._policy, judged, execution, snapshot.as_of), snapshot.as_of
            ),
            standing=standing_shown(recorded, judged.lowered, snapshot.as_of),
            operator=operator_rows(recorded.portfolio, commands, asked),
            events=event_rows(self._policy, snapshot, recorded, asked) if reports.wanted else (),
        )


def _intents(
    before: Recorded,
    recorded: Recorded,
    seen: Reconciled,
    judged: Judgement,
    told: Heeded,
    done: tuple[Command, ...],
    news: tuple[Alert, ...],
    policy: PortfolioPolicy,
) -> Changes:
    """What must be durable before anything is sent. ``before``: the records before the look was merged in."""
    book = seen.booked.then(judged.booked)
    return Changes(
        portfolio=policy.id,
        record=_record(told, recorded, judged),
        commands=(*told.commands, *done),
        approvals=(*told.approvals, *judged.approvals),
        strategies=judged.strategy_records(policy),
        targets=tuple(
            t for t in judged.plan.targets if recorded.targets.get((t.venue, t.symbol)) != t
        ),
        positions=seen.positions,
        orders=(*seen.changed, *_staying(judged.plan.keep)),
        fills=seen.fills,
        alerts=news,
        ledger=seen.entries,
        flows=seen.flows,
        wallets=seen.wallets,
        book=book.changed(before.book),
        closed=book.closed,
        crosses=book.crosses,
        transfers=seen.moved,
    )


def _staying(kept: Iterable[Order]) -> tuple[Order, ...]:
    """Orders whose cancel had no effect and is wanted no more."""
    return tuple(
        o.wanted_again
        for o in kept
        if o.leaving_since is not None and o.state is not OrderState.PENDING_CANCEL
    )


def _record(told: Heeded, recorded: Recorded, judged: Judgement) -> PortfolioRecord | None:
    """The portfolio's row where people or a guard changed it."""
    if judged.lowered is None:
        return told.record
    return replace(recorded.portfolio, trading_state=judged.lowered.state)


def _guards(
    told: Heeded, recorded: Recorded, judged: Judgement, doubted: Plausibility
) -> tuple[GuardRecord, ...]:
    """What the guards remember, where it changed."""
    found = [
        margin_record(judged.margin.state),
        *hedge_records(judged.hedges),
        plausibility_record(doubted),
    ]
    if judged.drawdown.state is not None:
        found.append(drawdown_record(judged.drawdown.state))
    if judged.agreed is not None:
        found.append(agreed_record(judged.agreed))
    known = {id_: record.document for id_, record in recorded.guards.items()}
    changed = [record for record in found if record.document != known.get(record.id, {})]
    # what guards lower goes over what people said in the same look
    lower = judged.lowered
    standing = [] if lower is None else [lowered_standing(lower, judged.view.as_of)]
    return tuple({g.id: g for g in (*told.guards, *standing, *changed)}.values())


def _may_restore(recorded: Recorded) -> bool:
    """Whether settings may be set back: in HALT nothing is sent at all."""
    return recorded.portfolio.trading_state is not TradingState.HALT


def _remembered(recorded: Recorded) -> tuple[Hedge, ...]:
    """The overlays as the store has them."""
    return tuple(
        (r.id, asset, qty)
        for r in recorded.strategies.values()
        for asset, qty in from_document(r.kind, r.document).overlays.items()
    )
