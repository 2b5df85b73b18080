"""What people are told about carry, basis and cross hedges: what costs, what waits, what only they can do."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime

from counterpoise.domain.carrying import BasisVerdict, CarryCheck, CarryVerdict
from counterpoise.domain.decision import Decisions
from counterpoise.domain.events import Severity
from counterpoise.domain.hedge_guards import HedgeVerdicts
from counterpoise.domain.instants import shown_at
from counterpoise.domain.policy import Spent
from counterpoise.domain.records import PositionRecord
from counterpoise.domain.relation import RelationVerdict

#: What a cross hedge says of itself while nothing but its relation keeps it out.
_CROSS = frozenset({"cross_sized", "cross_kept", "cross_unmeasured"})
_DONE = {
    Spent.ALERT: "The config only tells of it and nothing is done about it: to close it, {release}",
    Spent.REDUCE: "So it holds half of what it wants until that has passed",
    Spent.CLOSE: "So it holds nothing until that has passed",
    Spent.ASK: "To close it, {release}; nothing is done before you do",
}


def hedge_conditions(
    found: HedgeVerdicts,
    decisions: Decisions | None,
    positions: Iterable[PositionRecord],
    now: datetime,
) -> Iterator[tuple[str, tuple[Severity, str]]]:
    """Yield a lasting condition, by key, for everything that keeps a hedge small, or that only people can mend."""
    yield from _carry(found.carry)
    yield from _basis(found.basis, decisions, positions, now)
    yield from _relation(found.relation, decisions)


def _carry(carry: CarryVerdict) -> Iterator[tuple[str, tuple[Severity, str]]]:
    """Yield a lasting condition, by key, for every line whose budget is spent."""
    for check in carry.checks:
        if not check.spent or check.why is None:
            continue
        kind = "carry_ask" if check.then is Spent.ASK else "carry"
        yield f"{kind}:{check.key}", (Severity.WARNING, _carry_text(check))


def _carry_text(check: CarryCheck) -> str:
    why = check.why.text if check.why is not None else ""
    done = _DONE[check.then].format(release=f"say `counterpoise strategy release {check.strategy}`")
    return f"{check.strategy} in {check.symbol} at {check.venue}: {why}. {done}"


def _basis(
    basis: BasisVerdict,
    decisions: Decisions | None,
    positions: Iterable[PositionRecord],
    now: datetime,
) -> Iterator[tuple[str, tuple[Severity, str]]]:
    """Yield a lasting condition, by key, for every absurd contract that holds something of ours or keeps it out."""
    held = {(p.venue, p.symbol) for p in positions if p.own_qty != 0}
    found = decisions.decisions if decisions is not None else ()
    wanted = {d.asset for d in found if d.overlay != 0}
    for check in basis.checks:
        if check.until is None or check.why is None or not check.traded:
            continue
        if (check.venue, check.symbol) not in held and check.asset not in wanted:
            continue
        until = shown_at(check.until)
        said = f"{check.why.text}: nothing is added to it before {until}; letting go does not wait"
        yield f"basis:{check.key}", (Severity.WARNING, said)
        if now >= check.until:
            said = f"{check.why.text}, and has been for too long to wait: adding to it goes on"
            yield f"basis_late:{check.key}", (Severity.WARNING, said)


def _relation(
    verdict: RelationVerdict, decisions: Decisions | None
) -> Iterator[tuple[str, tuple[Severity, str]]]:
    """Yield a lasting condition, by key, for every cross hedge that is cut or kept out, or stands unmeasured."""
    found = decisions.decisions if decisions is not None else ()
    open_now = {d.strategy for d in found if d.reason.code in _CROSS}
    for check in verdict.checks:
        if check.held == 0 and check.strategy not in open_now:
            continue
        if check.why is not None:
            done = "it is not opened"
            if check.until is not None:
                until = shown_at(check.until)
                done = f"half of it stays until {until}, then nothing, unless that has passed"
            elif check.held != 0:
                done = "it is closed"
            said = f"The cross hedge {check.strategy}: {check.why.text}: {done}"
            yield f"cross:{check.strategy}", (Severity.WARNING, said)
        elif check.relation is None and check.held != 0:
            said = (
                f"The cross hedge {check.strategy} stands unwatched: how {check.asset} moves with {check.by}"
                " cannot be measured, as closed bars are missing; nothing is added to it"
            )
            yield f"cross_unmeasured:{check.strategy}", (Severity.WARNING, said)
