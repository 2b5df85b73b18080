"""Values that are sound but hardly meant: told as warnings by every command that loads the config."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal

from counterpoise.config.settings import Settings
from counterpoise.config.words import duration, percent
from counterpoise.domain.access import BrokerAccess
from counterpoise.domain.categories import Category
from counterpoise.domain.events import Severity
from counterpoise.domain.numbers import dec, quantize
from counterpoise.domain.policy import (
    CarryBudget,
    ExecutionPolicy,
    LadderKind,
    MarginPolicy,
    PortfolioPolicy,
    Spent,
)
from counterpoise.domain.routing import Route

_YEAR = timedelta(days=365)
_LONG_SILENCE = timedelta(days=1)
_FAR = dec("0.10")
_SMALL_JUMP = dec("0.01")
#: Looks within which a price may well stand still.
_LOOKS = 3
_SHOWN = dec("0.0001")
#: A part of a timed ladder that has less time than this hardly rests.
_SHORT_SLOT = timedelta(seconds=5)

#: What may be critical.
_GRAVE = (
    Category.MARGIN,
    Category.COLLATERAL,
    Category.STATE,
    Category.ORDERS,
    Category.FOREIGN,
    Category.DATA,
    Category.LIFECYCLE,
)


def oddities(settings: Settings) -> tuple[str, ...]:
    """Return a warning with its place for each odd value."""
    found = [*_of_venues(settings), *_of_alerts(settings)]
    for policy in settings.portfolios:
        found += _of_portfolio(settings, policy)
    return tuple(settings.located(path, text) for path, text in found)


#: The path of a value as people write it, and what is odd about it.
_Odd = tuple[str, str]


def _of_alerts(settings: Settings) -> Iterator[_Odd]:
    """What is critical and told nowhere."""
    policies = settings.alerts.policies.values()
    untold = [
        category.value
        for category in _GRAVE
        if all(p.route_of(Severity.CRITICAL, category) is Route.OFF for p in policies)
    ]
    if untold:
        what = ", ".join(untold)
        yield "alerts", f"nothing of {what} is told anywhere, not even what is critical"
    broker = settings.alerts.mqtt
    if broker is not None and broker.password is not None and not (broker.tls or _is_here(broker)):
        yield "alerts.mqtt", "without tls the password goes over the network for everyone to read"
    if broker is not None and broker.user is not None and broker.password is None:
        yield "alerts.mqtt.user", "a user without a password: brokers take none; add password_file"
    bot = settings.alerts.telegram
    if bot is not None and bot.control is not None:
        for chat in sorted(bot.control.chats - {int(c) for c in bot.chats.values() if c[0] != "@"}):
            told = f"{chat} is not in alerts.telegram.chats: answers come there, alerts do not"
            yield "alerts.telegram.control.chats", told


def _is_here(broker: BrokerAccess) -> bool:
    """Whether the broker is on this machine."""
    try:
        return ipaddress.ip_address(broker.host).is_loopback
    except ValueError:
        return broker.host == "localhost"


def _of_venues(settings: Settings) -> Iterator[_Odd]:
    for name, access in settings.venues.items():
        if access.dead_man is not None and access.dead_man > _LONG_SILENCE:
            yield (
                f"venues.{name}.dead_man",
                f"orders would work for {duration(access.dead_man)} after the daemon died; usual is 2m",
            )


def _of_portfolio(settings: Settings, policy: PortfolioPolicy) -> Iterator[_Odd]:
    path = f"portfolios.{policy.id}"
    yield from _of_slippage(policy.execution.max_slippage, f"{path}.execution")
    yield from _of_ladder(policy.execution, f"{path}.execution")
    if policy.margin is not None:
        yield from _of_slippage(policy.margin.max_slippage, f"{path}.guards.margin")
        yield from _of_margin(policy.margin, f"{path}.guards.margin")
    if policy.funding is not None:
        yield from _of_budget(policy.funding.budget, policy.execution, f"{path}.guards.funding")
        for name, own in policy.funding.strategies.items():
            if own != policy.funding.budget:
                where = f"{path}.guards.funding.strategies.{name}"
                yield from _of_budget(own, policy.execution, where)
    yield from _of_plausibility(settings, policy, f"{path}.guards.plausibility")


def _of_slippage(far: Decimal, path: str) -> Iterator[_Odd]:
    if far > _FAR:
        yield (
            f"{path}.max_slippage",
            f"orders may cross up to {percent(far)} away from the mark, which an empty book makes them pay",
        )


def _of_ladder(execution: ExecutionPolicy, path: str) -> Iterator[_Odd]:
    """Keys of another kind of ladder, and parts that come faster than the daemon looks."""
    kind = execution.ladder
    if execution.every is not None and kind is LadderKind.RESTING:
        yield f"{path}.every", "does nothing beside ladder: resting; timed and chase have it"
    if execution.follow != ExecutionPolicy().follow and kind is not LadderKind.CHASE:
        yield f"{path}.follow", f"does nothing beside ladder: {kind.value}; chase has it"
    if kind is LadderKind.TIMED and execution.slot < _SHORT_SLOT:
        yield (
            f"{path}.rungs",
            f"a part has {duration(execution.slot)}, too short to be filled as a maker; most of it would cross",
        )


def _of_margin(margin: MarginPolicy, path: str) -> Iterator[_Odd]:
    if margin.max_top_up_24h is None:
        return
    if not margin.transfers:
        yield f"{path}.max_top_up_24h", "does nothing beside transfers: false"
    elif margin.max_top_up_24h == 0:
        yield (
            f"{path}.max_top_up_24h",
            "no collateral is ever moved in; if that is meant, say transfers: false",
        )


def _of_budget(budget: CarryBudget, execution: ExecutionPolicy, path: str) -> Iterator[_Odd]:
    """A budget below what opening and closing cost is spent by every hedge, closed, given back and opened again."""
    if budget.then not in {Spent.REDUCE, Spent.CLOSE}:
        return
    share = dec(_YEAR // timedelta(seconds=1)) / dec(execution.horizon // timedelta(seconds=1))
    least = 2 * execution.fee * share
    if budget.max_carry < least:
        yield (
            f"{path}.max_carry",
            (
                f"{percent(budget.max_carry)} a year is less than opening and closing alone come to (fee twice over"
                f" horizon: {percent(quantize(least, _SHOWN))} a year); then: {budget.then.value} would come and go"
                " without end"
            ),
        )


def _of_plausibility(settings: Settings, policy: PortfolioPolicy, path: str) -> Iterator[_Odd]:
    seen = policy.plausibility
    poll = min(settings.venues[v].poll for v in policy.venues)
    if seen.stuck_after < _LOOKS * poll:
        yield (
            f"{path}.stuck_after",
            (
                f"{duration(seen.stuck_after)} is less than {_LOOKS} looks (poll {duration(poll)}): a quiet price"
                " would be doubted"
            ),
        )
    if seen.max_jump < _SMALL_JUMP:
        yield (
            f"{path}.max_jump",
            f"moves of {percent(seen.max_jump)} in 10 minutes are usual: each would hold decisions for two looks",
        )
