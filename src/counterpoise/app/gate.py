"""Passing the start-up gate: every portfolio is known, its config accepted, its foreign positions settled."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from counterpoise.app.build import App
from counterpoise.app.orphans import refuse_orphans
from counterpoise.app.process import run_of_this
from counterpoise.app.readable import check_readable
from counterpoise.app.rights import check_rights
from counterpoise.app.start import first_start, restart
from counterpoise.config.settings import Settings
from counterpoise.domain.carried import carried_of, strays_of
from counterpoise.domain.errors import ConfigError
from counterpoise.domain.numbers import ZERO
from counterpoise.domain.policy import PortfolioPolicy
from counterpoise.domain.portfolio import Contract, Universe, universe_of
from counterpoise.domain.records import Recorded
from counterpoise.notify.lifecycle_messages import key_noticed
from counterpoise.ports import Store


async def pass_gate(app: App, store: Store, accept_config: str | None) -> None:
    """Check and record the start of every portfolio.

    Raises SafetyRefusal (also for a key that may withdraw), ConfigError (an asset no venue lists), VenueError
    (balances, positions, open orders or fills cannot be read), StoreError.
    """
    now = app.clock.now()
    run = run_of_this(now)
    told = await check_rights(app.venues, app.settings.venues, now)
    for policy in app.settings.portfolios:
        instruments = {v: app.venues[v].instruments() for v in policy.venues}
        universe = universe_of(policy, instruments)
        check_listed(app.settings, policy, universe)
        config_hash = app.settings.hashes[policy.id]
        if await store.portfolio(policy.id) is None:
            await check_readable(policy, app.venues, universe, None, app.clock)
            accounts = {v: await app.venues[v].account() for v in policy.venues}
            changes = first_start(policy, config_hash, accounts, universe, now, run)
        else:
            recorded = await store.load(policy.id, now)
            universe = universe_of(policy, instruments, carried_of(recorded))
            await check_readable(policy, app.venues, universe, recorded, app.clock)
            shown = await strays_shown(app, policy, recorded, universe)
            changes = restart(
                policy, config_hash, recorded, universe, accept_config, now, shown, run
            )
        await refuse_orphans(policy, app.venues, universe, store)
        notices = [
            key_noticed(policy.id, line, now)
            for venue in policy.venues
            for line in told.get(venue, ())
        ]
        await store.commit(replace(changes, alerts=(*changes.alerts, *notices)))


async def strays_shown(
    app: App, policy: PortfolioPolicy, recorded: Recorded, universe: Universe
) -> dict[Contract, Decimal]:
    """The venues' word on what we carry outside the universe; asked only when there is such a thing."""
    shown: dict[Contract, Decimal] = {}
    for venue, symbol in strays_of(recorded, universe):
        if venue in policy.venues:
            position = (await app.venues[venue].account()).positions.get(symbol)
            shown[venue, symbol] = position.qty if position is not None else ZERO
    return shown


def check_listed(settings: Settings, policy: PortfolioPolicy, universe: Universe) -> None:
    """Raise ConfigError for an asset that no venue lists in any form: it cannot be valued."""
    unknown = [
        (f"portfolios.{policy.id}.sleeves.{sleeve.id}.assets.{asset}", asset)
        for sleeve in policy.sleeves
        for asset in sleeve.assets
        if asset != policy.quote and asset not in universe.spot and asset not in universe.futures
    ]
    if unknown:
        expected = f"an asset listed against {policy.quote} at {', '.join(policy.venues)}"
        raise ConfigError(
            [
                settings.located(path, f"expected {expected}, was {asset!r}")
                for path, asset in unknown
            ]
        )
