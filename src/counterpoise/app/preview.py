"""``counterpoise plan``: what the next cycle would decide and send, without sending or writing anything."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from datetime import datetime

from counterpoise.app.aligning import after, align
from counterpoise.app.build import App, open_app
from counterpoise.app.calendar import due_instants
from counterpoise.app.cycle_report import CycleReport, document_of
from counterpoise.app.gate import strays_shown
from counterpoise.app.judge import Judgement, judge
from counterpoise.app.margin_view import foreseen_rows
from counterpoise.app.operator import Heeded, answered, heeded, waiting
from counterpoise.app.operator_view import operator_rows
from counterpoise.app.orphans import unattended
from counterpoise.app.outlook import outlooks, with_outlooks
from counterpoise.app.pauses import OnlyRead, Waits
from counterpoise.app.rights import check_rights
from counterpoise.app.safekeeping import standing_shown
from counterpoise.app.start import first_start, refuse_changed, restart
from counterpoise.app.storage import open_storage_if_any
from counterpoise.app.unproven_view import unproven_rows
from counterpoise.config.settings import Settings
from counterpoise.decide.guards.flows import FlowWatch
from counterpoise.decide.guards.foresight import ForeseenPool, after_orders
from counterpoise.decide.guards.plausibility import PlausibilityWatch
from counterpoise.domain.carried import carried_of
from counterpoise.domain.errors import SafetyRefusal
from counterpoise.domain.instants import iso
from counterpoise.domain.instrument import Instrument
from counterpoise.domain.policy import ExecutionPolicy, LadderKind, PortfolioPolicy
from counterpoise.domain.portfolio import Contract, Universe, universe_of
from counterpoise.domain.reasons import Reason
from counterpoise.domain.records import Changes, Recorded
from counterpoise.domain.snapshot import Snapshot
from counterpoise.execute.absence import Absences
from counterpoise.observe.poller import Observer
from counterpoise.ports import Store


async def preview(settings: Settings, waits: Waits | None = None) -> list[dict[str, object]]:
    """Return one document per portfolio: the contract's ``plan --json`` and ``config_hash``.

    Raises as :func:`counterpoise.app.daemon.run_daemon` does, but writes nothing, neither rows nor orders.
    """
    documents: list[dict[str, object]] = []
    async with AsyncExitStack() as stack:
        store = await open_storage_if_any(settings, stack)
        kept = OnlyRead(kept=store) if store else None
        app = await open_app(settings, stack, kept, waits=waits)
        for policy in settings.portfolios:
            document = await preview_of(app, store, policy)
            documents.append(document)
    return documents


@dataclass(frozen=True, slots=True, kw_only=True)
class Foreseen:
    """What the next look would see and lead to.

    ``shut``: contract -> why nothing may be sent there. ``refusal`` is why a start on this config would be refused,
    ``unaccepted`` why it would be while a person has not accepted it.
    """

    policy: PortfolioPolicy
    universe: Universe
    recorded: Recorded
    shut: Mapping[Contract, Reason]
    judged: Judgement
    report: CycleReport
    config_changed: bool
    refusal: str | None
    unaccepted: str | None


async def preview_of(app: App, store: Store | None, policy: PortfolioPolicy) -> dict[str, object]:
    """Return one portfolio's document; ``store`` is None before there is a database."""
    foreseen = await foresee(app, store, policy)
    keys, unfit = await _keys(app, policy)
    return {
        **document_of(foreseen.report, policy),
        "config_hash": app.settings.hashes[policy.id],
        "config_changed": foreseen.config_changed,
        "start_refused": foreseen.refusal if unfit is None else unfit,
        "keys": keys,
        "ladder": _ladder(policy.execution),
        "margin_after": foreseen_rows(_after(foreseen), policy.margin),
    }


def _ladder(execution: ExecutionPolicy) -> dict[str, object]:
    """How the orders shown would be followed by others: ``every_s`` is a timed part's time, or a chase's pause."""
    every = {LadderKind.TIMED: execution.slot, LadderKind.CHASE: execution.pause}.get(
        execution.ladder
    )
    return {
        "kind": execution.ladder.value,
        "rungs": execution.rungs,
        "patience_s": execution.patience.total_seconds(),
        "every_s": every.total_seconds() if every is not None else None,
    }


async def _keys(app: App, policy: PortfolioPolicy) -> tuple[list[str], str | None]:
    """What a start would tell of the portfolio's keys, and why it would be refused for one."""
    venues = {v: app.venues[v] for v in policy.venues}
    try:
        told = await check_rights(venues, app.settings.venues, app.clock.now())
    except SafetyRefusal as refusal:
        return [], str(refusal)
    return [line for lines in told.values() for line in lines], None


def _after(foreseen: Foreseen) -> tuple[ForeseenPool, ...]:
    """The collateral once what would be sent, and what works already, is filled."""
    judged = foreseen.judged
    orders = [*(a.order for a in judged.approved), *judged.plan.keep]
    snapshot = foreseen.report.snapshot
    return after_orders(snapshot, foreseen.recorded, foreseen.policy, orders)


async def foresee(app: App, store: Store | None, policy: PortfolioPolicy) -> Foreseen:
    """Return what the next look of a portfolio would see and lead to; nothing is sent or written.

    Raises SafetyRefusal where a first start is refused, VenueError, VenueAuthError, StoreError.
    """
    now, venues = app.clock.now(), {v: app.venues[v] for v in policy.venues}
    instruments = {n: v.instruments() for n, v in venues.items()}
    config_hash = app.settings.hashes[policy.id]
    recorded = await _recorded(app, store, policy, universe_of(policy, instruments), now)
    config_changed = recorded.portfolio.config_hash != config_hash
    unaccepted = _unaccepted(policy, config_hash, recorded)
    recorded, refusal = await _as_started(app, policy, recorded, instruments, now)
    recorded = (told := heeded(recorded, policy, now)).recorded
    universe = universe_of(policy, instruments, carried_of(recorded))
    snapshot = await Observer(policy, venues, store, app.clock).look(universe, recorded)
    absences = Absences(policy.freshness.approval)
    strategies = {s.id for s in policy.strategies}
    seen = await align(venues, store, absences, recorded, snapshot, app.clock, strategies)
    recorded = after(recorded, seen)
    alone = await unattended(policy, snapshot, recorded, universe, store)
    shut = {**seen.unexplained, **alone}
    balances = FlowWatch(policy).look(snapshot, recorded, seen.fills, seen.entries)
    judged = judge(
        snapshot,
        recorded,
        policy,
        universe,
        shut,
        balances.doubts,
        due_instants(policy, snapshot.as_of),
        balances.flows,
        PlausibilityWatch(policy).look(snapshot, universe, recorded),
    )
    report = _report(policy, snapshot, recorded, judged, told)
    asked = waiting(recorded.approvals, judged.approvals)
    ahead = outlooks(asked, snapshot, recorded, policy, universe, judged)
    return Foreseen(
        policy=policy,
        universe=universe,
        recorded=recorded,
        shut=shut,
        judged=judged,
        report=replace(report, operator=with_outlooks(report.operator, ahead)),
        config_changed=config_changed,
        refusal=refusal,
        unaccepted=unaccepted,
    )


def _report(
    policy: PortfolioPolicy,
    snapshot: Snapshot,
    recorded: Recorded,
    judged: Judgement,
    told: Heeded,
) -> CycleReport:
    done = answered(recorded.commands, judged.decisions, snapshot.as_of)
    return CycleReport(
        cycle_id=f"preview-{policy.id}-{iso(snapshot.as_of)}",
        portfolio=policy.id,
        as_of=snapshot.as_of,
        state=recorded.portfolio.trading_state,
        view=judged.view,
        snapshot=snapshot,
        decisions=judged.decisions,
        plan=judged.plan,
        approved=judged.approved,
        refused=judged.refused,
        hedges=judged.hedges,
        drawdown=judged.drawdown,
        positions=tuple(recorded.positions.values()),
        held=judged.held,
        margin=judged.margin,
        transfers=judged.margin.transfers,
        within_band=judged.within_band,
        wake_at=judged.plan.wake_at,
        unproven=unproven_rows(recorded.orders, policy.freshness.approval),
        standing=standing_shown(recorded, None, snapshot.as_of),
        operator=operator_rows(
            recorded.portfolio,
            (*told.commands, *done, *told.later),
            waiting(recorded.approvals, judged.approvals),
        ),
    )


def _unaccepted(policy: PortfolioPolicy, config_hash: str, recorded: Recorded) -> str | None:
    try:
        refuse_changed(policy, config_hash, recorded, None)
    except SafetyRefusal as refusal:
        return str(refusal)
    return None


async def _as_started(
    app: App,
    policy: PortfolioPolicy,
    recorded: Recorded,
    instruments: Mapping[str, Mapping[str, Instrument]],
    now: datetime,
) -> tuple[Recorded, str | None]:
    """The records as a start on this config would leave them, or why it would be refused."""
    config_hash = app.settings.hashes[policy.id]
    universe = universe_of(policy, instruments, carried_of(recorded))
    try:
        shown = await strays_shown(app, policy, recorded, universe)
        changes = restart(policy, config_hash, recorded, universe, config_hash, now, shown)
    except SafetyRefusal as refusal:
        return recorded, str(refusal)
    return replace(
        recorded,
        strategies={**recorded.strategies, **{s.id: s for s in changes.strategies}},
        positions={**recorded.positions, **{(p.venue, p.symbol): p for p in changes.positions}},
    ), None


async def _recorded(
    app: App, store: Store | None, policy: PortfolioPolicy, universe: Universe, now: datetime
) -> Recorded:
    """The records as they are, or as a first start would make them."""
    if store is not None and await store.portfolio(policy.id) is not None:
        return await store.load(policy.id, now)
    accounts = {v: await app.venues[v].account() for v in policy.venues}
    config_hash = app.settings.hashes[policy.id]
    changes: Changes = first_start(policy, config_hash, accounts, universe, now)
    if changes.record is None:
        raise ValueError("a first start records its portfolio")
    return Recorded(
        portfolio=changes.record,
        strategies={s.id: s for s in changes.strategies},
        targets={},
        positions={(p.venue, p.symbol): p for p in changes.positions},
        orders=(),
    )
