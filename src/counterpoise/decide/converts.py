"""When a conversion begins: an instant, price levels that held in two cycles, or an operator's word."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from counterpoise.domain.decision import Wakeups
from counterpoise.domain.numbers import ONE, dec, quantize, text
from counterpoise.domain.reasons import Reason, reason
from counterpoise.domain.scene import Scene
from counterpoise.domain.strategy.conditions import confirmed
from counterpoise.domain.strategy.conversion import ConvertPolicy, Level

_SHOWN = dec("1e-8")


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """What the levels are held against: ``price`` now (None: not known), ``entry`` price, and what to call it."""

    what: str
    price: Decimal | None
    entry: Decimal


def level_price(level: Level, entry: Decimal, *, above: bool) -> Decimal:
    """Return the price of ``level``: its own, or so far above (below) ``entry``."""
    if not level.relative:
        return level.value
    return entry * (ONE + level.value if above else ONE - level.value)


def fired(
    policy: ConvertPolicy, watch: Watch, held: Mapping[str, datetime], now: datetime
) -> tuple[bool, dict[str, datetime]]:
    """Return whether a conversion is due by time or price, and which levels hold since when.

    A price that is not known breaks the row of what held before.
    """
    due = policy.at is not None and now >= policy.at
    if watch.price is None:
        return due, {}
    holds: dict[str, bool] = {}
    if policy.above is not None:
        holds["above"] = watch.price >= level_price(policy.above, watch.entry, above=True)
    if policy.below is not None:
        holds["below"] = watch.price <= level_price(policy.below, watch.entry, above=False)
    names, remembered = confirmed(held, holds, now)
    return due or bool(names), remembered


def convert_waits(policy: ConvertPolicy, watch: Watch, strategy: str) -> tuple[Reason, ...]:
    """Return in words what would start the conversion."""
    waits: list[Reason] = []
    if policy.at is not None:
        waits.append(reason("convert_waits_at", at=policy.at.isoformat()))
    price = "not known" if watch.price is None else text(quantize(watch.price, _SHOWN))
    for code, level, above in (
        ("convert_waits_above", policy.above, True),
        ("convert_waits_below", policy.below, False),
    ):
        if level is not None:
            at = text(quantize(level_price(level, watch.entry, above=above), _SHOWN))
            waits.append(reason(code, what=watch.what, level=at, price=price))
    return (*waits, reason("convert_waits_command", strategy=strategy))


def convert_wakeups(
    policy: ConvertPolicy,
    watch: Watch,
    scene: Scene,
    assets: tuple[str, ...],
    held: Mapping[str, datetime],
) -> Wakeups:
    """Return when a trigger may fire: an index passes a level only when one of its assets goes as far."""
    above: dict[str, Decimal] = {}
    below: dict[str, Decimal] = {}
    for asset in assets:
        price = scene.view.assets[asset].price
        now = watch.price if watch.price is not None else watch.entry
        if policy.above is not None:
            above[asset] = price * level_price(policy.above, watch.entry, above=True) / now
        if policy.below is not None:
            below[asset] = price * level_price(policy.below, watch.entry, above=False) / now
    return Wakeups(soon=bool(held) or watch.price is None, at=policy.at, above=above, below=below)
