"""What people are told of a start and a stop: who watches now, how the last run ended, what stays."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from counterpoise.domain.events import Alert, Severity, alert
from counterpoise.domain.instants import shown_at
from counterpoise.domain.numbers import counted
from counterpoise.domain.order import Order
from counterpoise.domain.reasons import shown_span
from counterpoise.domain.running import Run


def first_watched(portfolio: str, run: Run | None, at: datetime) -> Alert:
    """Return the alert for a portfolio that was never watched before."""
    said = f"Watching {portfolio} for the first time"
    return alert(portfolio, "started", Severity.INFO, said, at, data=_who(run))


def watched_again(
    portfolio: str,
    run: Run | None,
    last: Run | None,
    sign: datetime | None,
    orders: Sequence[Order],
    at: datetime,
) -> Alert:
    """Return the alert for a start; a warning where the ``last`` run left something open.

    ``sign``: when that was last seen at work. ``orders``: those that have not ended as far as is recorded.
    """
    crashed = last is not None and last.stopped_at is None
    lost = [o for o in orders if o.state.is_unproven]
    if not crashed and not lost:
        again = _after(last.stopped_at, at) if last is not None else ""
        said = f"Watching {portfolio} again{again}"
        return alert(portfolio, "started", Severity.INFO, said, at, data=_who(run))
    if crashed:
        how = "ended without a stop (a crash, a kill or the machine)"
        parts = [f"The last run of {portfolio} {how}{_unwatched(sign, at)}"]
    else:
        parts = [f"Recovering {portfolio}"]
    parts.append(_looked_up(lost))
    working = len(orders) - len(lost)
    if crashed and working:
        parts.append(
            f"{counted(working, 'order')} may have gone on working, and what filled meanwhile is read now"
        )
    said = ". ".join(part for part in parts if part)
    return alert(portfolio, "recovered", Severity.WARNING, said, at, data=_who(run))


def owner_moved(portfolio: str, run: Run, last: Run, at: datetime) -> Alert:
    """Return the alert for a start on another host than the ``last`` run's; loud where that was not stopped."""
    said = f"{portfolio} is watched and traded by another machine (or container) than before"
    severity = Severity.INFO
    if last.stopped_at is None:
        severity = Severity.WARNING
        said += (
            ", and the one before was not stopped. Only one may trade an account: make sure that it is off and stays"
            " off"
        )
    data = {**run.data, "host_before": last.host}
    return alert(portfolio, "owner_moved", severity, said, at, data=data)


def stopped(portfolio: str, run: Run | None, rest: str, at: datetime) -> Alert:
    """Return the alert for a stop; ``rest`` says what became of orders, and which hedges stay on."""
    began = run.started_at if run is not None else None
    long = f" after {shown_span(int((at - began).total_seconds()))}" if began is not None else ""
    said = f"Stopped watching {portfolio}{long}; {rest}"
    return alert(portfolio, "stopped", Severity.INFO, said, at, data=_who(run))


def key_noticed(portfolio: str, said: str, at: datetime) -> Alert:
    """Return the alert for what was found of a key at the start."""
    return alert(portfolio, "key", Severity.INFO, f"{said[:1].upper()}{said[1:]}", at)


def _who(run: Run | None) -> dict[str, str]:
    return run.data if run is not None else {}


def _after(stopped_at: datetime | None, at: datetime) -> str:
    if stopped_at is None:
        return ""
    return f", stopped since {shown_at(stopped_at)} ({_span(stopped_at, at)})"


def _unwatched(sign: datetime | None, at: datetime) -> str:
    return "" if sign is None else f": nobody has looked since {shown_at(sign)} ({_span(sign, at)})"


def _span(since: datetime, at: datetime) -> str:
    return shown_span(max(int((at - since).total_seconds()), 0))


def _looked_up(lost: Sequence[Order]) -> str:
    if not lost:
        return ""
    one = len(lost) == 1
    return (
        f"{counted(len(lost), 'order')} {'was' if one else 'were'} on {'its' if one else 'their'} way when it ended;"
        " each is looked up before anything new is sent"
    )
