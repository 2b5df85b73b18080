"""Heeding operators: what a cycle makes of the commands that wait, before it looks at anything else.

What a command changes is committed with the cycle's first transaction, together with the command that asked for it:
a crash in between repeats both. What speaks to a strategy is passed on with the scene and ticked off only by a cycle
that decided something. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from counterpoise.decide.agreed import Agreed, agreed_of, agreed_record, with_yes
from counterpoise.decide.approvals import is_asked
from counterpoise.domain.decision import Decisions
from counterpoise.domain.events import Alert
from counterpoise.domain.instants import shown_at
from counterpoise.domain.instrument import is_spot
from counterpoise.domain.numbers import significant, text
from counterpoise.domain.operator import (
    Approval,
    ApprovalState,
    Command,
    CommandKind,
    CommandState,
    short_id,
)
from counterpoise.domain.policy import PortfolioPolicy
from counterpoise.domain.records import GuardRecord, PortfolioRecord, Recorded, TradingState
from counterpoise.domain.standing import standing_of, standing_record
from counterpoise.domain.steering import (
    ASKS,
    CONVERTS,
    ONE_SHOT,
    STEERING,
    is_meant,
    steered,
)
from counterpoise.notify import operator_messages as messages

#: A yes that was said in time counts although the look that reads it comes so much after the deadline.
_READ_LATE = timedelta(minutes=5)


@dataclass(frozen=True, slots=True, kw_only=True)
class Heeded:
    """``recorded`` as the commands leave it (its ``commands`` are the words passed on to strategies now).

    To be committed: ``record`` (None when it stays as it was), ``commands`` that were handled or are new, and
    ``approvals`` that changed, ``guards``: why the state holds now, what people have agreed to. ``later`` are commands
    whose time has not come.
    """

    recorded: Recorded
    record: PortfolioRecord | None = None
    commands: tuple[Command, ...] = ()
    approvals: tuple[Approval, ...] = ()
    alerts: tuple[Alert, ...] = ()
    guards: tuple[GuardRecord, ...] = ()
    later: tuple[Command, ...] = ()


@dataclass(slots=True)
class _Desk:
    """Where commands are worked off, one after the other."""

    policy: PortfolioPolicy
    now: datetime
    record: PortfolioRecord
    approvals: dict[str, Approval]
    agreed: Agreed
    handled: list[Command] = field(default_factory=list)
    passed_on: list[Command] = field(default_factory=list)
    denied: frozenset[str] = frozenset()
    alerts: list[Alert] = field(default_factory=list)
    standing: GuardRecord | None = None

    def tick(self, command: Command, answer: str, *, refused: bool = False) -> None:
        """Note what became of ``command``, and tell."""
        done = replace(
            command,
            state=CommandState.REFUSED if refused else CommandState.DONE,
            handled_at=self.now,
            answer=answer,
        )
        self.handled.append(done)
        self.alerts.append(messages.command_heeded(done, self.now))

    def allow(self, approval: Approval) -> None:
        """Agree to what ``approval`` asked for, where people are asked about plans."""
        if self.policy.approve.plans is not None:
            self.agreed = with_yes(self.agreed, approval)

    def set_by(self, record: PortfolioRecord, why: str, by: str) -> None:
        """Go on with ``record``, and keep why its state holds where that is another than before."""
        before = (self.record.trading_state, self.record.flattening)
        if before != (record.trading_state, record.flattening):
            self.standing = standing_record(record.trading_state, self.now, why, by)
        self.record = record


def heeded(recorded: Recorded, policy: PortfolioPolicy, now: datetime) -> Heeded:
    """Return what the commands due at ``now`` make of ``recorded``; repeated, it comes to the same."""
    desk = _Desk(
        policy=policy,
        now=now,
        record=recorded.portfolio,
        approvals={a.id: a for a in recorded.approvals},
        agreed=(known := agreed_of(recorded)),
        denied=frozenset(
            c.args.get("approval", "") for c in recorded.commands if c.kind is CommandKind.DENY
        ),
    )
    _end_override(desk)
    _end_flattening(desk, recorded)
    later: list[Command] = []
    taken_back = _withdrawn(desk, recorded.commands)
    for command in recorded.commands:
        if command.kind is CommandKind.WITHDRAW or command.id in taken_back:
            continue
        if command.due_at is not None and command.due_at > now:
            later.append(command)
        else:
            _heed(desk, command)
    asked = {a.id: a for a in recorded.approvals}
    agreed = agreed_record(desk.agreed) if desk.agreed != known else None
    guards = tuple(g for g in (desk.standing, agreed) if g is not None)
    return Heeded(
        recorded=replace(
            recorded,
            portfolio=desk.record,
            commands=tuple(desk.passed_on),
            approvals=tuple(a for a in desk.approvals.values() if a.caps),
            guards={**recorded.guards, **{g.id: g for g in guards}},
        ),
        record=desk.record if desk.record != recorded.portfolio else None,
        commands=(*desk.handled, *(c for c in desk.passed_on if c not in recorded.commands)),
        approvals=tuple(a for a in desk.approvals.values() if asked[a.id] != a),
        alerts=tuple(desk.alerts),
        guards=guards,
        later=tuple(later),
    )


def answered(
    commands: Iterable[Command], decisions: Decisions | None, at: datetime
) -> tuple[Command, ...]:
    """Return ``commands``, the words that the cycle at ``at`` passed on, done; none when it decided nothing.

    The answer is what the strategy then said.
    """
    if decisions is None:
        return ()
    said: dict[str, list[str]] = {}
    for decision in decisions.decisions:
        said.setdefault(decision.strategy, []).append(decision.reason.text)
    return tuple(
        replace(
            command,
            state=CommandState.DONE,
            handled_at=at,
            answer="; ".join(dict.fromkeys(said.get(command.args["strategy"], []))) or "noted",
        )
        for command in commands
    )


def words(
    done: Iterable[Command],
    approvals: Iterable[Approval],
    at: datetime,
    outlooks: Mapping[str, str] | None = None,
) -> tuple[Alert, ...]:
    """Return the alerts for commands that :func:`answered` ticked off, and for requests that are new or expired.

    ``outlooks``: request -> what a yes would lead to.
    """
    alerts = [messages.command_heeded(command, at) for command in done]
    for approval in approvals:
        if approval.state is ApprovalState.WAITING and is_asked(approval):
            alerts.append(messages.approval_asked(approval, at, (outlooks or {}).get(approval.id)))
        elif approval.state is ApprovalState.EXPIRED:
            alerts.append(messages.approval_expired(approval, at))
    return tuple(alerts)


def waiting(known: Iterable[Approval], changed: Iterable[Approval]) -> tuple[Approval, ...]:
    """Return the requests that wait or cap after a cycle, oldest first."""
    after = {a.id: a for a in (*known, *changed)}
    return tuple(a for a in after.values() if a.caps)


def _end_override(desk: _Desk) -> None:
    override = desk.record.override
    if override is not None and override.until_at <= desk.now:
        desk.record = replace(desk.record, override=None)
        desk.alerts.append(messages.override_ended(desk.record.id, override.until_at, desk.now))


def _end_flattening(desk: _Desk, recorded: Recorded) -> None:
    """Flat: nothing of ours is held in futures, and no order of ours may still fill."""
    if not desk.record.flattening:
        return
    held = any(p.own_qty != 0 and not is_spot(p.symbol) for p in recorded.positions.values())
    if held or not all(o.is_settled for o in recorded.orders):
        return
    record = replace(desk.record, trading_state=TradingState.CANCEL_ONLY, flattening=False)
    asked = standing_of(recorded)
    desk.set_by(
        record,
        "own futures were closed, as an operator had asked",
        asked.by if asked else "flatten",
    )
    desk.alerts.append(messages.flattened(desk.record.id, desk.now))


def _withdrawn(desk: _Desk, commands: Iterable[Command]) -> set[str]:
    """Take back the words that people no longer mean; return their ids. A later word is not meant by it."""
    waiting: list[Command] = []
    gone: set[str] = set()
    for command in commands:
        if command.kind in ASKS:
            waiting.append(command)
        if command.kind is not CommandKind.WITHDRAW:
            continue
        meant = [w for w in waiting if w.id not in gone and is_meant(command, w)]
        for word in meant:
            desk.tick(word, f"taken back by {command.who} ({command.id})", refused=True)
        gone |= {w.id for w in meant}
        shown = ", ".join(f"{w.kind.value} ({w.id})" for w in meant)
        desk.tick(
            command,
            f"taken back: {shown}" if meant else "no such word waits (any more)",
            refused=not meant,
        )
    return gone


def _heed(desk: _Desk, command: Command) -> None:
    if command.kind in STEERING:
        sleeves = {s.id for s in desk.policy.sleeves}
        step = steered(desk.record, command, desk.now, sleeves)
        if step.record.flattening and not desk.record.flattening:
            desk.passed_on += _endings(desk, command)
        desk.set_by(
            step.record,
            f"{command.who} ({command.origin}) asked for {command.kind.value}",
            command.who,
        )
        desk.tick(command, step.answer, refused=step.refused)
    elif command.kind in ASKS:
        _pass_on(desk, command)
    else:
        _answer_request(desk, command)


def _endings(desk: _Desk, command: Command) -> list[Command]:
    """Flattening ends every strategy that is over once it is closed; as commands, so that none gets lost."""
    return [
        replace(
            command,
            id=short_id(command.id, strategy.id),
            kind=CommandKind.CANCEL,
            args={"strategy": strategy.id},
            due_at=None,
        )
        for strategy in desk.policy.strategies
        if strategy.kind in ONE_SHOT
    ]


def _pass_on(desk: _Desk, command: Command) -> None:
    """Leave a word to a strategy for the scene, unless it is known to come to nothing."""
    name = command.args.get("strategy", "")
    kinds: Mapping[str, str] = {s.id: s.kind for s in desk.policy.strategies}
    kind = kinds.get(name)
    if kind is None:
        desk.tick(command, f"there is no strategy {name} in the config that runs", refused=True)
    elif command.kind is CommandKind.CONVERT and kind not in CONVERTS:
        desk.tick(command, f"a {kind} has no coins to convert into", refused=True)
    elif desk.record.flattening and command.kind in {CommandKind.START, CommandKind.CONVERT}:
        desk.tick(command, "own futures are being closed: resume first", refused=True)
    else:
        desk.passed_on.append(command)
        if command.kind is CommandKind.START:
            _lift_caps(desk, command, name)


def _lift_caps(desk: _Desk, command: Command, strategy: str) -> None:
    """A strategy that a person starts is no longer held to what was once denied or not answered."""
    for approval in list(desk.approvals.values()):
        if approval.strategy == strategy and approval.state is not ApprovalState.WAITING:
            desk.approvals[approval.id] = _closed(approval, ApprovalState.MOOT, command, desk.now)
            desk.allow(approval)


def _answer_request(desk: _Desk, command: Command) -> None:
    id_ = command.args.get("approval", "")
    approval = desk.approvals.get(id_)
    if approval is None:
        desk.tick(command, f"there is no request {id_} to answer (any more)", refused=True)
        return
    if approval.state is not ApprovalState.WAITING:
        desk.tick(command, f"request {id_} is {approval.state.value} already", refused=True)
        return
    yes = command.kind is CommandKind.APPROVE
    if yes and id_ in desk.denied:
        # a yes may be a slip of the thumb, and a no after it comes too late with the next look
        desk.tick(command, f"a no to request {id_} came as well, which counts", refused=True)
        return
    if yes and desk.now > approval.deadline_at + _READ_LATE:
        # nobody was there to read it: it was said to another market
        over = f"request {id_} ended at {shown_at(approval.deadline_at)}, long before this was read"
        desk.tick(command, f"{over}: nothing is done", refused=True)
        return
    state = ApprovalState.APPROVED if yes else ApprovalState.DENIED
    desk.approvals[id_] = _closed(approval, state, command, desk.now)
    if yes:
        desk.allow(approval)
    bound = text(significant(approval.wanted if yes else approval.cap))
    # with plans to be asked about, a yes is said to a size
    free = yes and desk.policy.approve.plans is None
    limit = "as far as it wants" if free else f"{'to' if yes else 'no further than'} {bound}"
    desk.tick(command, f"{approval.strategy} may go {limit} on {approval.asset}")


def _closed(approval: Approval, state: ApprovalState, command: Command, now: datetime) -> Approval:
    return replace(approval, state=state, answered_at=now, answered_by=command.who)
