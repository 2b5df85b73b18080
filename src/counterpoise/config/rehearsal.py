"""A config read for a rehearsal (backtest): the portfolios, and nothing of where orders would go.

What a rehearsal does not use is set aside before anything is read from it, so that a config for a live venue works
on a machine that has none of its secrets: credentials, environments, addresses, the database, alerts. The rest is
checked exactly as :func:`~counterpoise.config.loading.load` checks it.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path as FilePath

from counterpoise.config import build
from counterpoise.config.access_checks import check_users
from counterpoise.config.checks import check_portfolio
from counterpoise.config.draft import portfolios
from counterpoise.config.environment import expanded
from counterpoise.config.misspelt import mended
from counterpoise.config.models import RootModel
from counterpoise.config.reading import Document, Node, child_of, read
from counterpoise.config.settings import Rehearsal
from counterpoise.config.validation import validated
from counterpoise.domain.access import Environment
from counterpoise.domain.policy import PortfolioPolicy

_ROOT_UNUSED = frozenset({"store", "store_file", "alerts", "web"})
_VENUE_UNUSED = frozenset(
    {
        "api_key", "api_key_file", "secret", "secret_file", "password", "password_file",
        "url", "clock", "i_understand",
    }
)  # fmt: skip


def rehearsal(path: str | os.PathLike[str], env: Mapping[str, str] | None = None) -> Rehearsal:
    """Return the portfolios of the file at ``path``; ``env`` stands for the environment.

    Raises
    ------
    ConfigError
        With every problem of what a rehearsal uses, each at its place.
    """
    document = mended(expanded(_without_access(read(path)), os.environ if env is None else env))
    warnings: list[str] = []
    root = validated(RootModel, document)
    drafts = portfolios(document)
    check_users(document, drafts)
    for draft in drafts:
        check_portfolio(document, draft, warnings)
    document.problems.raise_any()
    if root is None:
        raise AssertionError("a file without a shape must have told a problem")
    policies: list[PortfolioPolicy] = []
    for name, model in root.portfolios.items():
        existing = dict.fromkeys(
            root.venues, "refuse"
        )  # a simulated account starts without positions
        policies.append(build.portfolio(name, model, existing))
    return Rehearsal(
        path=FilePath(path),
        portfolios=tuple(policies),
        polls={n: m.poll for n, m in root.venues.items() if m.poll is not None},
        warnings=tuple(warnings),
    )


def _without_access(document: Document) -> Document:
    root = document.root
    if not isinstance(root.value, dict):
        return document
    kept = {key: node for key, node in root.value.items() if key not in _ROOT_UNUSED}
    venues = child_of(root, "venues")
    if venues is not None and isinstance(venues.value, dict):
        named = {name: _bare(node) for name, node in venues.value.items()}
        kept["venues"] = replace(venues, value=named)
    return replace(document, root=replace(root, value=kept))


def _bare(venue: Node) -> Node:
    """A venue without its access; where it is does not matter, so it is told to be the local one."""
    if not isinstance(venue.value, dict):
        return venue
    kept = {key: node for key, node in venue.value.items() if key not in _VENUE_UNUSED}
    kept["environment"] = Node(
        value=Environment.LOCAL.value, place=venue.place, key=venue.key, source=Environment.LOCAL
    )
    return replace(venue, value=kept)
