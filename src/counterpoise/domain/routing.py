"""Who is told what, and when: how one sink is served.

Pure policies over :class:`~counterpoise.domain.events.Alert`; the relay applies them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta, tzinfo
from enum import StrEnum

from counterpoise.domain.categories import Category, category_of
from counterpoise.domain.events import Alert, Severity

#: Messages a minute that a sink gets at most, unless the config says otherwise: what Telegram lets into a group.
DEFAULT_RATE = 20


class Route(StrEnum):
    """What becomes of an alert at one sink."""

    ON = "on"
    SILENT = "silent"  # delivered without a sound, where the sink has one
    OFF = "off"  # not delivered


@dataclass(frozen=True, slots=True, kw_only=True)
class QuietHours:
    """From ``start`` until ``end`` by the clock of ``zone``, over midnight where ``end`` is the earlier of the two."""

    start: time
    end: time
    zone: tzinfo = UTC

    def covers(self, at: datetime) -> bool:
        """Return whether it is quiet at ``at``."""
        local = at.astimezone(self.zone).time()
        if self.start <= self.end:
            return self.start <= local < self.end
        return local >= self.start or local < self.end

    def over(self, at: datetime) -> datetime | None:
        """Return when it is quiet no more, in UTC; None where it is not quiet at ``at``."""
        if not self.covers(at):
            return None
        local = at.astimezone(self.zone)
        tomorrow = self.start > self.end and local.time() >= self.start
        ends = datetime.combine(local.date() + timedelta(days=tomorrow), self.end, tzinfo=self.zone)
        # an end that the clock shows twice may be over once already
        both = (ends.astimezone(UTC), ends.replace(fold=1).astimezone(UTC))
        return next((end for end in both if end > at), both[1])


@dataclass(frozen=True, slots=True, kw_only=True)
class Muted:
    """From ``since`` until ``until`` as in quiet hours, because somebody asked for it; and in ``quiet`` as ever."""

    since: datetime
    until: datetime
    quiet: QuietHours | None = None

    def covers(self, at: datetime) -> bool:
        """Return whether it is quiet at ``at``."""
        return self.since <= at < self.until or (self.quiet is not None and self.quiet.covers(at))


@dataclass(frozen=True, slots=True, kw_only=True)
class SinkPolicy:
    """How one sink is served.

    What ``categories`` says of an alert goes before what ``severities`` says; what neither names is ON. ``rate``:
    messages within any minute, None without limit. ``quiet`` never holds back what is critical or asks
    somebody for an answer.
    """

    severities: Mapping[Severity, Route] = field(default_factory=dict)
    categories: Mapping[Category, Route] = field(default_factory=dict)
    quiet: QuietHours | None = None
    rate: int | None = None

    def route(self, alert: Alert) -> Route:
        """Return what becomes of ``alert`` here; what ends an alarm goes where that went."""
        return self.route_of(alert.urgency, category_of(alert.kind))

    def route_of(self, severity: Severity, category: Category) -> Route:
        """Return what becomes of alerts of a severity and category here."""
        return self.categories.get(category, self.severities.get(severity, Route.ON))
