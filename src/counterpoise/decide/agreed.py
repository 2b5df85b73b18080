"""What people have agreed to, per strategy and asset, where plans wait for a yes (``approve.plans``). Pure.

A wish is no measure of it: it is saved while nothing may be sent, and outlives a flattening. What was held when people
began to be asked, and what they said yes to, is agreed to; it goes down with the wish and with what is held (a guard
cut it, it was closed), and only a yes raises it. So small steps add up until somebody is asked.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal

from counterpoise.domain.decision import Decision
from counterpoise.domain.guard_documents import kept, remembered
from counterpoise.domain.numbers import ZERO, dec
from counterpoise.domain.operator import Approval
from counterpoise.domain.policy import PortfolioPolicy
from counterpoise.domain.records import GuardRecord, Recorded
from counterpoise.domain.scene import Scene

#: The id of the document.
AGREED = "agreed"

#: What a wish may grow by, as a part of what was asked for, before it is asked anew.
LITTLE = dec("0.1")


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """Futures of one strategy on one asset, signed base units.

    ``agreed``: what somebody said yes to, or what was there before people were asked; ``let``: what may be held by now,
    with the small steps since; ``held``: what was held at the last look. ``slack``: by how much the wish may be beyond
    ``agreed`` at the look after a yes.
    """

    agreed: Decimal = ZERO
    let: Decimal = ZERO
    held: Decimal = ZERO
    slack: Decimal = ZERO


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreed:
    """The document. ``levels``: ``strategy|asset`` -> its level."""

    levels: Mapping[str, Level] = field(default_factory=dict)

    def of(self, wish: Decision | Approval) -> Level | None:
        """The level of a strategy's futures; None where people are not asked."""
        return self.levels.get(_name(wish))


def beyond(wanted: Decimal, cap: Decimal) -> bool:
    """Whether an overlay is larger than ``cap``, or on its other side."""
    return not min(cap, ZERO) <= wanted <= max(cap, ZERO)


def within(qty: Decimal, cap: Decimal) -> Decimal:
    """Return ``qty`` cut to what is not beyond ``cap``."""
    return min(max(qty, min(cap, ZERO)), max(cap, ZERO))


def agreed_of(recorded: Recorded) -> Agreed:
    """Return what is agreed to. Raises ValueError for a document of another shape."""
    return remembered(Agreed, recorded, AGREED)


def agreed_record(agreed: Agreed) -> GuardRecord:
    """Return it as it is kept."""
    return kept(AGREED, agreed)


def with_yes(agreed: Agreed, approval: Approval) -> Agreed:
    """Return ``agreed`` once somebody allowed what ``approval`` asked for."""
    level = replace(
        agreed.of(approval) or Level(),
        agreed=approval.wanted,
        let=approval.wanted,
        slack=abs(approval.wanted - approval.cap) * LITTLE,
    )
    return Agreed(levels={**agreed.levels, _name(approval): level})


def followed(
    agreed: Agreed, wishes: Iterable[Decision], scene: Scene, policy: PortfolioPolicy
) -> Agreed:
    """Return ``agreed`` as this look leaves it, before anybody is asked; nothing where nobody is to be."""
    if policy.approve.plans is None:
        return Agreed()
    known = {s.id for s in policy.strategies}
    levels = {n: x for n, x in agreed.levels.items() if n.rpartition("|")[0] in known}
    for wish in wishes:
        held = scene.holding(wish.strategy, wish.asset).futures
        fresh = Level(agreed=held, let=held, held=held)
        level = levels.get(_name(wish), fresh)
        # of a roll, the legs are on their way from one contract to the other: nothing was let go
        rolls = wish.asset in scene.universe.leaving
        if scene.flattening or (not rolls and beyond(level.held, held)):
            level = _cut(level, held)
        level = _cut(level, wish.overlay)
        if abs(wish.overlay - level.agreed) <= level.slack:
            level = replace(level, agreed=wish.overlay, let=wish.overlay)
        elif not beyond(wish.overlay, held):
            level = replace(level, let=wish.overlay)  # it has as much: nothing grows
        levels[_name(wish)] = replace(level, held=level.held if rolls else held, slack=ZERO)
    return Agreed(levels=levels)


def let_through(agreed: Agreed, wishes: Iterable[Decision], caps: Iterable[Approval]) -> Agreed:
    """Return ``agreed`` with ``wishes`` that nobody had to be asked about; ``caps`` hold the others."""
    capped = {_name(a) for a in caps if a.caps}
    levels = dict(agreed.levels)
    for wish in wishes:
        level = levels.get(_name(wish))
        if level is not None and _name(wish) not in capped:
            levels[_name(wish)] = replace(level, let=wish.overlay)
    return Agreed(levels=levels)


def held_to(caps: Iterable[Approval], agreed: Agreed) -> tuple[Approval, ...]:
    """Return ``caps``, none of which allows more than what is let: a request knows the cap of when it was made."""
    found = []
    for cap in caps:
        level = agreed.of(cap)
        allowed = cap.cap if level is None else within(cap.cap, level.let)
        found.append(cap if allowed == cap.cap else replace(cap, cap=allowed))
    return tuple(found)


def _cut(level: Level, most: Decimal) -> Level:
    return replace(level, agreed=within(level.agreed, most), let=within(level.let, most))


def _name(wish: Decision | Approval) -> str:
    return f"{wish.strategy}|{wish.asset}"
