"""``counterpoise doctor``: is everything there that a run needs? Reads only; nothing is sent, changed or written.

It goes through what a start and a look go through (:mod:`counterpoise.app.gate`, :mod:`counterpoise.app.preview`), and
goes on after each thing it finds, so that all of it is told at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace

from counterpoise.app.build import App, open_clock, open_exchange, used
from counterpoise.app.diagnosis import (
    Check,
    Result,
    at_venue,
    failed,
    fine,
    of_portfolio,
    refused,
    warned,
)
from counterpoise.app.gate import check_listed
from counterpoise.app.orphans import refuse_orphans
from counterpoise.app.pauses import OnlyRead, Waits
from counterpoise.app.portfolio_checks import look_checks, market_checks
from counterpoise.app.preview import Foreseen, foresee
from counterpoise.app.sink_checks import sink_checks
from counterpoise.app.storage import open_storage_if_any
from counterpoise.app.venue_checks import clock_check, key_checks, opened, unopened
from counterpoise.config.settings import Settings
from counterpoise.domain.errors import (
    ConfigError,
    SafetyRefusal,
    StoreError,
    VenueError,
    WrongSchema,
)
from counterpoise.domain.policy import PortfolioPolicy
from counterpoise.domain.portfolio import Universe, universe_of
from counterpoise.ports import Clock, Exchange, Records, Store
from counterpoise.record.sql.location import sqlite_path
from counterpoise.record.sql.lock import FileLease
from counterpoise.record.sql.tables import SCHEMA


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosis:
    """All checks, in the order they were made."""

    checks: tuple[Check, ...]

    def count(self, result: Result) -> int:
        """Return how many checks ended like that."""
        return sum(c.result is result for c in self.checks)

    @property
    def refused(self) -> bool:
        """Whether ``run`` would be refused by a safety check."""
        return any(c.refuses for c in self.checks)

    @property
    def misconfigured(self) -> bool:
        """Whether ``run`` would call the config bad."""
        return any(c.misconfigured for c in self.checks)


async def examine(
    settings: Settings, warnings: Iterable[str] = (), waits: Waits | None = None
) -> Diagnosis:
    """Return what is found with a config that is good in itself; ``warnings`` are those it was read with.

    ``waits`` hears of every question that waits for some seconds.
    """
    checks = [_config(settings), *(warned("config", line) for line in warnings)]
    async with AsyncExitStack() as stack:
        store, found = await database_checked(settings, stack)
        checks.append(found)
        checks += await sink_checks(settings.alerts, settings.secrets)
        try:
            clock = await open_clock(settings, stack)
        except VenueError as error:
            checks.append(failed("clock", str(error), "start it, or correct venues.<id>.url"))
            return Diagnosis(checks=tuple(checks))
        venues: dict[str, Exchange] = {}
        for name in used(settings):
            venue, found_there = await _venue(settings, name, clock, stack, store, waits)
            checks += at_venue(name, found_there)
            venues |= {name: venue} if venue is not None else {}
        app = App(settings=settings, clock=clock, venues=venues)
        for policy in settings.portfolios:
            checks += of_portfolio(policy.id, await portfolio_checked(app, store, policy))
    return Diagnosis(checks=tuple(checks))


def unloaded(error: ConfigError | SafetyRefusal) -> Diagnosis:
    """Return what is told of a config that could not be taken."""
    if isinstance(error, ConfigError):
        found = [replace(failed("config", line), misconfigured=True) for line in error.problems]
    else:
        found = [refused("config", line) for line in str(error).splitlines()]
    return Diagnosis(checks=tuple(found))


def _config(settings: Settings) -> Check:
    names = ", ".join(p.id for p in settings.portfolios)
    return fine(
        "config", f"{settings.path}: portfolios {names}; venues {', '.join(used(settings))}"
    )


async def database_checked(
    settings: Settings, stack: AsyncExitStack
) -> tuple[Records | None, Check]:
    """Open the database for reading, if there is one, and tell of what state it is."""
    path = sqlite_path(settings.store_url)
    if not path.parent.is_dir():
        return None, failed("database", f"{path}: no folder {path.parent}", "make that folder")
    try:
        store = await open_storage_if_any(settings, stack)
    except WrongSchema as error:
        what, _, advice = str(error).rpartition(": ")
        return None, refused("database", f"{what}. {advice}")
    except StoreError as error:
        return None, failed(
            "database", str(error), "look at the file and its rights, or restore a backup"
        )
    if store is None:
        return None, fine("database", f"{path}: not there yet; the first run makes it")
    holder = FileLease(settings.store_url).holder
    if holder is not None:
        said = f"{path}: schema {SCHEMA}, written by process {holder}: a second run beside it is refused"
        return store, fine("database", said)
    return store, fine("database", f"{path}: schema {SCHEMA}, no daemon is running on it")


async def _venue(
    settings: Settings,
    name: str,
    clock: Clock,
    stack: AsyncExitStack,
    store: Records | None,
    waits: Waits | None,
) -> tuple[Exchange | None, list[Check]]:
    access = settings.venues[name]
    try:
        pauses = OnlyRead(kept=store) if store is not None else None
        venue = await open_exchange(settings, name, clock, stack, pauses, waits=waits)
    except StoreError as error:
        return None, [failed("venue", f"its pauses could not be read: {error}")]
    except VenueError as error:
        return None, [unopened(error)]
    policies = [p for p in settings.portfolios if name in p.venues]
    return venue, [
        opened(access, len(venue.instruments())),
        await clock_check(venue, policies),
        *await key_checks(venue, access, clock.now()),
    ]


async def portfolio_checked(app: App, store: Store | None, policy: PortfolioPolicy) -> list[Check]:
    """Go through what a start and a look of a portfolio go through. ``store``: None before there is a database."""
    unseen = [v for v in policy.venues if v not in app.venues]
    if unseen:
        return [failed("look", f"not looked at: {', '.join(unseen)} could not be opened")]
    universe = universe_of(policy, {v: app.venues[v].instruments() for v in policy.venues})
    checks = list(market_checks(policy, universe))
    try:
        check_listed(app.settings, policy, universe)
    except ConfigError as error:
        checks += [replace(failed("market", line), misconfigured=True) for line in error.problems]
    try:
        foreseen, refusals = await _seen(app, store, policy)
        refusals += await _orphans(app.venues, store, policy, foreseen.universe)
    except (VenueError, StoreError) as error:
        return [*checks, failed("look", str(error), "try again when this is settled")]
    checks += refusals or [_start(foreseen, app.settings.hashes[policy.id])]
    return [*checks, *look_checks(foreseen)]


async def _seen(
    app: App, store: Store | None, policy: PortfolioPolicy
) -> tuple[Foreseen, list[Check]]:
    """One look, and what a start is refused for: that look counts foreign positions as ``existing: keep`` would."""
    try:
        foreseen = await foresee(app, store, policy)
    except SafetyRefusal as refusal:
        kept = replace(policy, existing=dict.fromkeys(policy.venues, "keep"))
        return await foresee(app, store, kept), [refused("start", str(refusal))]
    said = [line for line in (foreseen.unaccepted, foreseen.refusal) if line is not None]
    return foreseen, [refused("start", line) for line in said]


async def _orphans(
    venues: Mapping[str, Exchange], store: Store | None, policy: PortfolioPolicy, universe: Universe
) -> list[Check]:
    try:
        await refuse_orphans(policy, venues, universe, store)
    except SafetyRefusal as refusal:
        return [refused("start", str(refusal))]
    return []


def _start(foreseen: Foreseen, config_hash: str) -> Check:
    if not foreseen.config_changed:
        return fine("start", "`counterpoise run` would start")
    said = "the config is not the one last run; no hedge is on, so `counterpoise run` would take it"
    return fine("start", f"{said} (hash {config_hash[:12]})")
