"""What a config file comes to: the values the rest of the program is wired from. Plain dataclasses, cheap to import."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, timedelta, tzinfo
from decimal import Decimal
from pathlib import Path

from counterpoise.domain.access import (
    BrokerAccess,
    HeartbeatAccess,
    NotifyAccess,
    Secret,
    TelegramAccess,
    VenueAccess,
    WebhookAccess,
)
from counterpoise.domain.policy import PortfolioPolicy
from counterpoise.domain.reporting import ReportPlan
from counterpoise.domain.routing import QuietHours, SinkPolicy
from counterpoise.domain.templates import AlertTemplate


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertSettings:
    """Where alerts go: how each sink is served, by its name. ``zone`` is the one people live in.

    ``mqtt``, ``heartbeat``, ``telegram``, ``webhook``, ``notify`` (by sink): how they are reached, None (nothing)
    where there is none. ``templates``: people's own words, by kind of alert. ``reports``: when regular ones are due.
    ``secrets``: the sinks' credentials, of addresses also their parts.
    """

    zone: tzinfo = UTC
    policies: Mapping[str, SinkPolicy] = field(default_factory=lambda: {"log": SinkPolicy()})
    mqtt: BrokerAccess | None = None
    heartbeat: HeartbeatAccess | None = None
    telegram: TelegramAccess | None = None
    webhook: WebhookAccess | None = None
    notify: Mapping[str, NotifyAccess] = field(default_factory=dict)
    templates: Mapping[str, AlertTemplate] = field(default_factory=dict)
    reports: ReportPlan = field(default_factory=ReportPlan)
    secrets: tuple[Secret, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """A whole, checked config.

    ``path`` is the file as it was named. ``store_url`` is absolute (``sqlite:////...``). ``existing`` says per
    venue what to do with positions found at the first start: ``refuse``, ``keep`` or ``adopt:<strategy id>``.
    ``hashes`` holds per portfolio the SHA-256 of its settled policy. ``warnings`` are lines for people. ``places``
    holds where each key stands (line and column from 1), by its path as people write it.
    """

    path: Path
    store_url: str
    venues: Mapping[str, VenueAccess]
    existing: Mapping[str, str]
    portfolios: tuple[PortfolioPolicy, ...]
    hashes: Mapping[str, str]
    alerts: AlertSettings = field(default_factory=AlertSettings)
    warnings: tuple[str, ...] = ()
    places: Mapping[str, tuple[int, int]] = field(default_factory=dict)

    def located(self, path: str, text: str) -> str:
        """Return ``text`` on what stands at ``path``, as every problem of a config is told: file, place, path."""
        place = self.places.get(path)
        where = f"{self.path}:{place[0]}:{place[1]}" if place is not None else f"{self.path}:"
        return f"{where} {path}: {text}"

    @property
    def secrets(self) -> tuple[Secret, ...]:
        """Every credential of every venue and sink, for redaction."""
        found = list(self.alerts.secrets)
        for access in self.venues.values():
            found += [s for s in (access.api_key, access.secret, access.password) if s is not None]
        return tuple(found)


@dataclass(frozen=True, slots=True, kw_only=True)
class PortfolioOutline:
    """A portfolio's name, and whether its time is a testnet server's market time.

    ``strategies``: id -> kind, and ``sleeves``: id -> weight, as far as they can be read without the environment.
    """

    id: str
    market_time: bool = False
    strategies: Mapping[str, str] = field(default_factory=dict)
    sleeves: Mapping[str, Decimal] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outline:
    """What commands that only read the database need; no secret is read for it.

    ``quiet``: quiet hours by sink, ``notify`` standing for all of its kind, as far as they are known without one.
    """

    path: Path
    store_url: str
    portfolios: tuple[PortfolioOutline, ...]
    quiet: Mapping[str, QuietHours] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rehearsal:
    """What a backtest takes from a config: its portfolios and how often each venue would be looked at.

    ``polls`` holds what the file says, without defaults. Nothing in here needed a secret, an address or a database.
    """

    path: Path
    portfolios: tuple[PortfolioPolicy, ...]
    polls: Mapping[str, timedelta] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
