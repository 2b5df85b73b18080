"""A good config as a person checks it: where orders go, the shape, what each strategy is asked for."""

from __future__ import annotations

from counterpoise.cli.alert_words import alert_lines
from counterpoise.cli.figures import quantity
from counterpoise.cli.guard_words import guard_lines
from counterpoise.cli.output import print_table, say
from counterpoise.cli.strategy_words import told
from counterpoise.config import Settings
from counterpoise.config.words import duration, percent
from counterpoise.domain.numbers import ONE
from counterpoise.domain.policy import ExecutionPolicy, LadderKind, PortfolioPolicy, Sleeve


def print_check(settings: Settings) -> None:
    """Print what is known of a good config, without secrets."""
    print(f"{settings.path}: good")
    print(f"store: {settings.store_url}")
    for name, access in settings.venues.items():
        print(f"venue {name}: {access.exchange}, environment {access.environment}")
    for line in alert_lines(settings.alerts):
        say(line)
    for policy in settings.portfolios:
        print()
        _print_portfolio(policy, settings)


def _print_portfolio(policy: PortfolioPolicy, settings: Settings) -> None:
    held = ", ".join(f"{quantity(qty)} {asset}" for asset, qty in policy.holdings.items())
    outside = f"; held elsewhere: {held}" if held else ""
    print(f"portfolio {policy.id}: in {policy.quote}, at {', '.join(policy.venues)}{outside}")
    rows = [(s.id, percent(s.weight), _band(s), _assets(s)) for s in policy.sleeves]
    print_table("Sleeves", ("!sleeve", ">weight", ">band", "assets"), rows)
    if policy.strategies:
        asked = [(s.id, s.kind, told(s)) for s in policy.strategies]
        print_table("Strategies", ("!id", "!kind", "asked for"), asked)
    else:
        print("No strategies: nothing is traded")
    for line in (*_rules(policy), *guard_lines(policy, settings.venues)):
        say(line)
    print(f"Hash {settings.hashes[policy.id]}")


def _band(sleeve: Sleeve) -> str:
    if sleeve.band.relative:
        return percent(sleeve.band.size)
    if sleeve.band.size == ONE:
        return "-"
    return percent(sleeve.band.size).replace("%", "pp")


def _assets(sleeve: Sleeve) -> str:
    return ", ".join(f"{asset} {percent(share)}" for asset, share in sleeve.assets.items())


def ladder_line(execution: ExecutionPolicy) -> str:
    """Return in a sentence how a position is moved."""
    cap = f"under {percent(execution.max_slippage)} from the mark"
    patience = duration(execution.patience)
    if execution.ladder is LadderKind.TIMED:
        part = duration(execution.slot)
        how = f"{execution.rungs} equal parts, one each {part}; what a part leaves crosses, {cap}"
    elif execution.ladder is LadderKind.CHASE:
        how = (
            f"one order at the best price, anew when that left by {percent(execution.follow)} (each"
            f" {duration(execution.pause)} at most); crosses after {patience}, {cap}"
        )
    else:
        how = f"{execution.rungs} orders {percent(execution.spacing)} apart; crosses after {patience}, {cap}"
    return f"Orders: {execution.ladder.value}: {how}"


def _rules(policy: PortfolioPolicy) -> list[str]:
    execution, limits = policy.execution, policy.limits
    lines = [
        ladder_line(execution),
        (
            f"Contracts: {execution.contract.value}, rolled {duration(execution.roll_before)} before"
            f" they expire; futures at most {quantity(limits.max_leverage)} x equity"
        ),
    ]
    asked = []
    if policy.approve.plans is not None:
        least = f" by more than {quantity(policy.approve.plans)} {policy.quote}"
        asked.append(f"futures that open or grow{least if policy.approve.plans else ''}")
    if policy.approve.deposits:
        asked.append("a hedge that grows with a deposit")
    if asked:
        deadline = duration(policy.approve.deadline)
        lines.append(f"Asked first: {'; '.join(asked)} (within {deadline})")
    return lines
