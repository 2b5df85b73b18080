"""Instants of a config that are over: allowed, for a config may outlive them, but seldom what was meant."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from counterpoise.config import Settings
from counterpoise.domain.strategy import (
    DeriskPolicy,
    DipBuyPolicy,
    HedgePolicy,
    ProfitLadderPolicy,
    StrategyPolicy,
)
from counterpoise.domain.strategy.conditions import At, During
from counterpoise.domain.strategy.conversion import ConvertPolicy


def past_times(settings: Settings, now: datetime) -> tuple[str, ...]:
    """Return a warning for each instant that lies before ``now``; none where a portfolio has its own time."""
    found: list[str] = []
    for policy in settings.portfolios:
        if any(settings.venues[v].venue_clock for v in policy.venues):
            continue
        for strategy in policy.strategies:
            found += [
                f"portfolio {policy.id}, strategy {strategy.id}: {what} {_shown(at)} is over: {so}"
                for what, at, so in _instants(strategy)
                if at <= now
            ]
    return tuple(found)


def _instants(strategy: StrategyPolicy) -> Iterator[tuple[str, datetime, str]]:
    """Every instant after which something is different, and what follows once it has passed."""
    match strategy:
        case HedgePolicy():
            if isinstance(strategy.when, During):
                yield "the end of its window", strategy.when.end_at, "it never opens any more"
            if isinstance(strategy.release, At):
                yield "its release", strategy.release.at, "it never opens any more"
        case ProfitLadderPolicy():
            if strategy.end.at is not None:
                yield "its end", strategy.end.at, "it never opens any more"
        case DeriskPolicy():
            yield from _conversion(strategy.convert)
        case DipBuyPolicy():
            if isinstance(strategy.exit, ConvertPolicy):
                yield from _conversion(strategy.exit)
        case _:
            return


def _conversion(convert: ConvertPolicy) -> Iterator[tuple[str, datetime, str]]:
    if convert.at is not None:
        yield "its conversion at", convert.at, "it converts as soon as its futures are on"


def _shown(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
