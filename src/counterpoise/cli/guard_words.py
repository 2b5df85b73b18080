"""What the guards of a config will do, in a line each: read back by ``check``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal

from counterpoise.cli.figures import quantity
from counterpoise.config.words import duration, percent
from counterpoise.domain.access import VenueAccess
from counterpoise.domain.policy import CarryBudget, PortfolioPolicy, Spent

_THEN = {
    Spent.ALERT: "then you are told",
    Spent.ASK: "then you are asked",
    Spent.REDUCE: "then it is halved",
    Spent.CLOSE: "then it is closed",
}


def guard_lines(policy: PortfolioPolicy, venues: Mapping[str, VenueAccess]) -> Iterator[str]:
    """Give a line on each guard of ``policy``; ``venues`` are those of the file."""
    yield from _margin(policy)
    yield _drawdown(policy)
    yield from _funding(policy)
    yield _basis(policy)
    for name in policy.venues:
        yield from _venue(name, venues[name])


def _margin(policy: PortfolioPolicy) -> Iterator[str]:
    margin = policy.margin
    if margin is None:
        yield "Margin: shown, and nothing is done about it (act: false)"
        return
    yield (
        f"Margin: an opening must survive a move of {percent(margin.survive)}; nearer than {percent(margin.warn)} you"
        f" are told, {percent(margin.top_up)} collateral is moved in, {percent(margin.stop_adding)} nothing is added,"
        f" {percent(margin.reduce)} hedges are reduced, {percent(margin.flatten)} closed"
    )
    sold = f"; coins that may be sold: {', '.join(margin.may_sell)}" if margin.may_sell else ""
    if not margin.transfers:
        yield f"Collateral: never moved between wallets (transfers: false){sold}"
        return
    most = margin.max_top_up_24h
    limit = f"at most {_money(most, policy)} a day" if most is not None else "no limit a day"
    kept = _money(margin.keep_buffer, policy)
    yield f"Collateral: moved from the spot wallet, {kept} stay there, {limit}{sold}"


def _drawdown(policy: PortfolioPolicy) -> str:
    tiers = policy.limits.drawdown
    if tiers is None:
        return "Drawdown: not looked at"
    told = [
        f"{what} at {percent(level)}"
        for what, level in (
            ("adding is halved", tiers.slow),
            ("REDUCE_ONLY", tiers.reduce_only),
            ("CANCEL_ONLY", tiers.cancel_only),
        )
        if level is not None
    ]
    since = f"the high of {duration(tiers.window)}" if tiers.window is not None else "its high"
    return f"Drawdown from {since}: {', '.join(told)}"


def _funding(policy: PortfolioPolicy) -> Iterator[str]:
    funding = policy.funding
    if funding is None:
        yield "Carry: not looked at (act: false)"
        return
    yield f"Carry: {_budget(funding.budget)}"
    for name, own in funding.strategies.items():
        if own != funding.budget:
            yield f"Carry of {name}: {_budget(own)}"


def _budget(budget: CarryBudget) -> str:
    return (
        f"at most {percent(budget.max_carry)} a year and {percent(budget.max_cost)} in all; exceeded for"
        f" {duration(budget.over)}, {_THEN[budget.then]}"
    )


def _basis(policy: PortfolioPolicy) -> str:
    basis = policy.basis
    if basis is None:
        return "Basis: not looked at (act: false); no cross hedges"
    cross = (
        f"cross hedges from a correlation of {percent(basis.min_correlation)}, leaving at most"
        f" {percent(basis.max_residual)} a year"
        if basis.allow_cross
        else "no cross hedges"
    )
    zscore = f" or {quantity(basis.max_zscore)} deviations" if basis.max_zscore is not None else ""
    return (
        f"Basis: {percent(basis.max_basis)}{zscore} off the coin, adding waits up to"
        f" {duration(basis.delay)}; {cross}"
    )


def _venue(name: str, access: VenueAccess) -> Iterator[str]:
    if access.dead_man is not None:
        yield (
            f"If the daemon dies: {name} takes its orders down after {duration(access.dead_man)}"
            " (dead_man)"
        )
    else:
        yield f"If the daemon dies: its orders at {name} stay (no dead_man)"
    if access.allow_withdraw_key:
        yield f"Key of {name}: one that can withdraw is accepted (allow_withdraw_key)"


def _money(amount: Decimal, policy: PortfolioPolicy) -> str:
    return f"{quantity(amount)} {policy.quote}"
