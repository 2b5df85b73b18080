"""What people are told about carry and basis: what a hedge costs, what waits, what only they can do."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime

from counterpoise.domain.carrying import BasisVerdict, CarryCheck, CarryVerdict
from counterpoise.domain.decision import Decisions
from counterpoise.domain.events import Severity
from counterpoise.domain.policy import Spent
from counterpoise.domain.records import PositionRecord

_DONE = {
    Spent.ALERT: "nothing is done about it",
    Spent.REDUCE: "it holds half of what it wants until that has passed",
    Spent.CLOSE: "it holds nothing until that has passed",
}


def carry_conditions(carry: CarryVerdict) -> Iterator[tuple[str, tuple[Severity, str]]]:
    """Yield a lasting condition, by key, for every line whose budget is spent."""
    for check in carry.checks:
        if not check.spent or check.why is None:
            continue
        kind = "carry_ask" if check.then is Spent.ASK else "carry"
        yield f"{kind}:{check.key}", (Severity.WARNING, _carry_text(check))


def _carry_text(check: CarryCheck) -> str:
    why = check.why.text if check.why is not None else ""
    done = _DONE.get(check.then) or (
        f"to close it, say `counterpoise strategy release {check.strategy}`; nothing is done before you do"
    )
    return f"{check.strategy} in {check.symbol} at {check.venue}: {why}: {done}"


def basis_conditions(
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
        until = f"{check.until:%Y-%m-%d %H:%M} UTC"
        said = f"{check.why.text}: nothing is added to it before {until}; letting go does not wait"
        yield f"basis:{check.key}", (Severity.WARNING, said)
        if now >= check.until:
            said = f"{check.why.text}, and has been for too long to wait: adding to it goes on"
            yield f"basis_late:{check.key}", (Severity.WARNING, said)
