"""What must fit together around venues: environments, who uses which account, what is adopted by whom."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from counterpoise.config import fields, units
from counterpoise.config.draft import PortfolioDraft
from counterpoise.config.nearby import EXPECTED, WHY, is_near
from counterpoise.config.problems import Path, nearest
from counterpoise.config.reading import Document, Node, child_of
from counterpoise.config.section import soft
from counterpoise.domain.access import DEFAULT_POLL, Environment, VenueAccess

#: Kinds that hold a size at all times; another would not know at what price a position was opened, and why.
_ADOPTERS = ("hedge", "drift")


def check_venue(document: Document, name: str) -> None:
    """Add the problems of one venue's environment to the file's problems."""
    path: Path = ("venues", name)
    node = document.find(path)
    environment = soft(fields.environment, child_of(node, "environment"))
    if environment is None:
        return
    if environment is Environment.LOCAL:
        _check_url(document, path, child_of(node, "url"))
    else:
        for key in ("url", "clock"):
            if child_of(node, key) is not None:
                _not_here(document, (*path, key), environment, "local")
    _check_dead_man(document, path, node)
    if environment is not Environment.LIVE and child_of(node, "i_understand") is not None:
        _not_here(document, (*path, "i_understand"), environment, "live")


def _check_dead_man(document: Document, path: Path, node: Node | None) -> None:
    """A countdown that is armed at every look has to outlast a few of them."""
    span = soft(units.duration, child_of(node, "dead_man"))
    poll = soft(units.duration, child_of(node, "poll")) or DEFAULT_POLL
    if span is not None and span < 3 * poll:
        least = f"{3 * poll // timedelta(seconds=1)}s"
        document.complain((*path, "dead_man"), f"at least three times poll, {least}")


def _check_url(document: Document, path: Path, node: Node | None) -> None:
    if node is None:
        expected = "the address of the testnet server, such as http://127.0.0.1:9000"
        document.complain((*path, "url"), expected)
        return
    url = soft(fields.url, node)
    if url is not None and not is_near(url):
        document.complain((*path, "url"), EXPECTED, hint=WHY)


def _not_here(document: Document, path: Path, environment: Environment, only: str) -> None:
    key = path[-1]
    expected = f"no {key} with environment: {environment} (it is for {only} only)"
    document.complain_of_key(path, expected, was=repr(key))


def check_users(document: Document, portfolios: tuple[PortfolioDraft, ...]) -> None:
    """Add the problems of who uses which venue: unknown, used twice, adopting strategies."""
    venues = child_of(document.root, "venues")
    known = list(venues.value) if venues is not None and isinstance(venues.value, dict) else []
    user: dict[str, str] = {}
    for portfolio in portfolios:
        for path, name in portfolio.venues.items():
            if name not in known:
                near = nearest(name, known)
                hint = f"did you mean {near!r}?" if near else ""
                document.complain(path, f"a venue of this file ({', '.join(known)})", hint=hint)
            elif name in user:
                where = "this list" if user[name] == portfolio.id else f"portfolio {user[name]!r}"
                document.complain(
                    path, f"each venue in one portfolio (this one is in {where} already)"
                )
            user.setdefault(name, portfolio.id)
    for name in known:
        _check_adopter(document, name, [p for p in portfolios if p.id == user.get(name)])


def check_clock(document: Document, portfolios: tuple[PortfolioDraft, ...]) -> None:
    """Refuse two kinds of time: the market time of one testnet server is the app's time, or none is."""
    servers: dict[str, object] = {}
    for name in sorted({name for portfolio in portfolios for name in portfolio.venues.values()}):
        node = document.find(("venues", name))
        environment = soft(fields.environment, child_of(node, "environment"))
        if environment is None:
            continue
        clock, url = child_of(node, "clock"), child_of(node, "url")
        on_market = (
            environment is Environment.LOCAL and clock is not None and clock.value == "venue"
        )
        servers[name] = url.value if on_market and url is not None else None
    market = [name for name, server in servers.items() if server is not None]
    for name, server in servers.items():
        if market and server != servers[market[0]]:
            document.complain_of_key(
                ("venues", name),
                f"every venue on the clock of {market[0]!r} (clock: venue, same url)",
                was=f"{name!r} with another clock",
            )


def _check_adopter(document: Document, venue: str, users: list[PortfolioDraft]) -> None:
    path: Path = ("venues", venue, "existing")
    existing = soft(fields.existing, document.find(path))
    if existing is None or not existing.startswith("adopt:") or not users:
        return
    ids = [s.id for s in users[0].strategies if s.id is not None and s.kind in _ADOPTERS]
    if existing.removeprefix("adopt:") not in ids:
        expected = f"adopt:<id of a hedge or drift of portfolio {users[0].id!r}> ({', '.join(ids) or 'none'})"
        document.complain(path, expected)


def check_accounts(
    document: Document, venues: Mapping[str, VenueAccess], portfolios: tuple[PortfolioDraft, ...]
) -> None:
    """Refuse one account under two names: each would take the other's fills for foreign ones."""
    used = {name for portfolio in portfolios for name in portfolio.venues.values()}
    first: dict[object, str] = {}
    for name in sorted(used & set(venues), key=list(venues).index):
        access = venues[name]
        account = (access.exchange, access.environment, access.url, access.api_key)
        if account in first:
            document.complain_of_key(
                ("venues", name),
                "an account of its own",
                was=f"the account of venue {first[account]!r} again (same API key)",
            )
        first.setdefault(account, name)
