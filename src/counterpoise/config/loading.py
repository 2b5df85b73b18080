"""From a config file to Settings, before anything is sent anywhere.

Order: read, replace ``${...}``, check the shape, cross-check, read secrets, build. Every step adds to the same
list of problems; the file is refused once, with all of them.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path as FilePath

from counterpoise.config import build, fields
from counterpoise.config.access_checks import check_accounts, check_clock, check_users, check_venue
from counterpoise.config.alerts import alert_secrets, alerts, check_alerts
from counterpoise.config.checks import check_portfolio
from counterpoise.config.draft import portfolios
from counterpoise.config.environment import expand, expanded
from counterpoise.config.fingerprint import fingerprint
from counterpoise.config.misspelt import mended
from counterpoise.config.models import RootModel
from counterpoise.config.oddities import oddities
from counterpoise.config.problems import Path, Place, Problems, spelled
from counterpoise.config.quiet import quiet_hours
from counterpoise.config.reading import Document, Node, child_of, read
from counterpoise.config.secrets import secret
from counterpoise.config.section import Section, soft
from counterpoise.config.settings import Outline, PortfolioOutline, Settings
from counterpoise.config.store import store_url
from counterpoise.config.validation import validated
from counterpoise.domain.access import Environment, Secret, VenueAccess
from counterpoise.domain.errors import SafetyRefusal
from counterpoise.domain.routing import QuietHours

_Credentials = dict[str, tuple[Secret | None, Secret | None, Secret | None]]


def load(path: str | os.PathLike[str], env: Mapping[str, str] | None = None) -> Settings:
    """Return the settings in the file at ``path``; ``env`` stands for the environment.

    Raises
    ------
    ConfigError
        With every problem of the file, each at its place.
    SafetyRefusal
        For an environment that needs a consent the file does not give.
    """
    document = mended(expanded(read(path), os.environ if env is None else env))
    warnings: list[str] = []
    root = validated(RootModel, document)
    store = store_url(document, warnings)
    drafts = portfolios(document)
    names = _names(document, "venues")
    for name in names:
        check_venue(document, name)
    check_users(document, drafts)
    check_clock(document, drafts)
    for draft in drafts:
        check_portfolio(document, draft, warnings)
    check_alerts(Section(document=document, path=("alerts",)))
    credentials: _Credentials = {
        name: (
            secret(document, ("venues", name), "api_key", needed=True, warnings=warnings),
            secret(document, ("venues", name), "secret", needed=True, warnings=warnings),
            secret(document, ("venues", name), "password", needed=False, warnings=warnings),
        )
        for name in names
    }
    alert_keys = alert_secrets(document, warnings)
    venues = _venues(root, credentials)
    check_accounts(document, venues, drafts)
    _refuse_unwanted_live(document, names)
    document.problems.raise_any()
    if root is None or store is None:
        raise AssertionError("a file without a shape or a store must have told a problem")
    existing = {name: model.existing for name, model in root.venues.items()}
    policies = tuple(build.portfolio(n, m, existing) for n, m in root.portfolios.items())
    made = Settings(
        path=FilePath(path),
        store_url=store,
        venues=venues,
        existing=existing,
        portfolios=policies,
        alerts=alerts(root.alerts, alert_keys, FilePath(path)),
        hashes={policy.id: fingerprint(policy, venues) for policy in policies},
        warnings=tuple(warnings),
        places=dict(_places(document.root, ())),
    )
    return replace(made, warnings=(*made.warnings, *oddities(made)))


def outline(path: str | os.PathLike[str], env: Mapping[str, str] | None = None) -> Outline:
    """Return where the database is and whose it is, reading no secret and checking nothing else.

    Raises
    ------
    ConfigError
        When there is no such file, or no usable ``store`` in it.
    """
    document = read(path)
    store = child_of(document.root, "store")
    known = os.environ if env is None else env
    if store is not None:
        replaced = expand(store, ("store",), known, document.problems)
        document = _with(document, "store", replaced)
    warnings: list[str] = []
    url = store_url(document, warnings)
    document.problems.raise_any()
    if url is None:
        raise AssertionError("a file without a store must have told a problem")
    found = tuple(
        PortfolioOutline(
            id=draft.id,
            market_time=_market_time(document, draft.venues.values()),
            strategies={s.id: s.kind for s in draft.strategies if s.id and s.kind},
            sleeves={k: s.weight for k, s in draft.sleeves.items() if s.weight is not None},
        )
        for draft in portfolios(document)
    )
    return Outline(
        path=FilePath(path), store_url=url, portfolios=found, quiet=_quiet(document, known)
    )


def _quiet(document: Document, env: Mapping[str, str]) -> Mapping[str, QuietHours]:
    """Quiet hours, also where what else stands beside them is not there."""
    node = child_of(document.root, "alerts")
    if node is None:
        return {}
    unheeded = Problems(document.path)
    known = _with(document, "alerts", expand(node, ("alerts",), env, unheeded))
    return quiet_hours(Section(document=known, path=("alerts",)))


def _venues(root: RootModel | None, credentials: _Credentials) -> dict[str, VenueAccess]:
    """Return how each venue is reached, leaving out those without credentials (a problem tells of them)."""
    made: dict[str, VenueAccess] = {}
    for name, model in root.venues.items() if root is not None else ():
        api_key, private, password = credentials[name]
        if api_key is not None and private is not None:
            made[name] = build.access(name, model, api_key, private, password)
    return made


def _refuse_unwanted_live(document: Document, names: list[str]) -> None:
    """A missing consent is a refusal when it is all there is, else one problem among the others."""
    asking: dict[str, Place] = {}
    for name in names:
        node = document.find(("venues", name, "environment"))
        consent = document.find(("venues", name, "i_understand"))
        if soft(fields.environment, node) is Environment.LIVE and consent is None and node:
            asking[name] = node.place
    if document.problems:
        for name, place in asking.items():
            document.problems.add(
                ("venues", name, "i_understand"), place,
                expected="i_understand: live beside environment: live, which trades real money",
                was="missing",
            )  # fmt: skip
    elif asking:
        told = "live trades real money; to agree, add i_understand: live to"
        raise SafetyRefusal(
            "\n".join(
                document.problems.located(place, f"venues.{name}.environment: {told} venues.{name}")
                for name, place in asking.items()
            )
        )


def _places(node: Node, path: Path) -> Iterator[tuple[str, tuple[int, int]]]:
    """Yield where each key (of a list: each item) stands, by its path."""
    if path:
        yield spelled(path), (node.key.line, node.key.column)
    below = node.value
    if isinstance(below, dict):
        for key, child in below.items():
            yield from _places(child, (*path, key))
    elif isinstance(below, list):
        for i, child in enumerate(below):
            yield from _places(child, (*path, i))


def _names(document: Document, key: str) -> list[str]:
    node = child_of(document.root, key)
    return list(node.value) if node is not None and isinstance(node.value, dict) else []


def _market_time(document: Document, names: Iterable[str]) -> bool:
    clocks = [document.find(("venues", name, "clock")) for name in names]
    return any(clock is not None and clock.value == "venue" for clock in clocks)


def _with(document: Document, key: str, node: Node) -> Document:
    value = document.root.value
    if not isinstance(value, dict):
        return document
    return replace(document, root=replace(document.root, value={**value, key: node}))
