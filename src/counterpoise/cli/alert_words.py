"""Where alerts go, as ``check`` tells it: which sinks, when, and who may command. No secret is in it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import time

from counterpoise.config import AlertSettings
from counterpoise.config.words import duration
from counterpoise.domain.access import ControlAccess
from counterpoise.domain.reporting import Period, ReportPlan
from counterpoise.domain.routing import QuietHours, SinkPolicy

_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_LOG = "log"


def alert_lines(alerts: AlertSettings) -> Iterator[str]:
    """Give the lines of ``check``: where and when; one more where people may command."""
    when = [*_quiet(alerts), f"reports {_reports(alerts.reports)}"]
    if alerts.heartbeat is not None:
        when.append(f"heartbeat every {duration(alerts.heartbeat.every)}")
    yield f"alerts: to {', '.join(alerts.policies)}; by the clock of {alerts.zone}: {'; '.join(when)}"
    control = _control(alerts)
    if control is not None:
        yield (
            f"control: from Telegram, users {_listed(control.users)} in chats {_listed(control.chats)};"
            f" a yes within {duration(control.confirm_within)}"
        )


def alert_document(alerts: AlertSettings) -> dict[str, object]:
    """Return the same for programs: times of day as ``08:00`` by the clock of ``zone``, null for what is not there."""
    control, reports = _control(alerts), alerts.reports
    weekly = f"{_DAYS[reports.weekday]} {_at(reports.weekly)}"
    return {
        "zone": str(alerts.zone),
        "sinks": {name: _sink(policy) for name, policy in alerts.policies.items()},
        "reports": {
            "daily": _at(reports.daily) if Period.DAILY in reports.told else None,
            "weekly": weekly if Period.WEEKLY in reports.told else None,
        },
        "heartbeat": duration(alerts.heartbeat.every) if alerts.heartbeat is not None else None,
        "control": {
            "chats": sorted(control.chats),
            "users": sorted(control.users),
            "confirm_within": duration(control.confirm_within),
        }
        if control is not None
        else None,
    }


def _sink(policy: SinkPolicy) -> dict[str, object]:
    quiet = policy.quiet
    return {
        "quiet": {"from": _at(quiet.start), "to": _at(quiet.end)} if quiet is not None else None,
        "rate": policy.rate,
    }


def _quiet(alerts: AlertSettings) -> Iterator[str]:
    """Quiet hours, once where all sinks but the log have the same."""
    hours: dict[QuietHours, list[str]] = {}
    for name, policy in alerts.policies.items():
        if policy.quiet is not None:
            hours.setdefault(policy.quiet, []).append(name)
    others = [name for name in alerts.policies if name != _LOG]
    for quiet, names in hours.items():
        whose = "" if names == others else f" for {', '.join(names)}"
        yield f"quiet from {_at(quiet.start)} to {_at(quiet.end)}{whose}"
    if not hours:
        yield "no quiet hours"


def _reports(plan: ReportPlan) -> str:
    told = {
        Period.DAILY: f"daily {_at(plan.daily)}",
        Period.WEEKLY: f"weekly {_DAYS[plan.weekday]} {_at(plan.weekly)}",
    }
    return ", ".join(said for period, said in told.items() if period in plan.told) or "off"


def _control(alerts: AlertSettings) -> ControlAccess | None:
    return alerts.telegram.control if alerts.telegram is not None else None


def _listed(ids: frozenset[int]) -> str:
    return ", ".join(map(str, sorted(ids)))


def _at(clock: time) -> str:
    return f"{clock:%H:%M}"
