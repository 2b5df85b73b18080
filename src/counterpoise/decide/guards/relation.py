"""The relation guard: a cross hedge stands only while the two assets go on moving together.

Before it is opened the relation is measured; what is not good enough opens nothing. A relation that breaks while a
hedge stands on it halves the hedge at once, and ends it when it has stayed broken for :data:`LINGER` bars; it heals
only clearly above its limits. What cannot be measured neither breaks nor heals it, and nothing is added meanwhile
(the strategy holds). Pure; what it remembers is a document.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from decimal import Decimal

from counterpoise.domain.bars import Bar, closed_tail
from counterpoise.domain.carrying import Cut
from counterpoise.domain.guard_documents import kept, remembered
from counterpoise.domain.instrument import base_of, is_spot
from counterpoise.domain.numbers import ONE, ZERO, dec, quantize, text
from counterpoise.domain.policy import BasisPolicy, PortfolioPolicy
from counterpoise.domain.portfolio import Universe
from counterpoise.domain.reasons import Reason, reason, shown_percent
from counterpoise.domain.records import GuardRecord, Recorded
from counterpoise.domain.relation import (
    RELATION,
    Broken,
    Relation,
    RelationCheck,
    RelationState,
    RelationVerdict,
    relation_of,
)
from counterpoise.domain.snapshot import Snapshot
from counterpoise.domain.strategy import HedgePolicy
from counterpoise.domain.strategy.hedge import Cross

#: Bars of its interval that a broken relation keeps half of its hedge.
LINGER = 3
#: What is broken heals this part of the way from its least correlation to 1, and at this part of its most residual.
HEAL_CORRELATION, HEAL_RESIDUAL = dec("0.2"), dec("0.9")
#: A slope that is not surely above 0 is none: so many standard errors.
SURE = 2
_HALF = dec("0.5")
_HUNDREDTH = dec("0.01")


def relation_state(recorded: Recorded) -> RelationState:
    """Return what the guard remembers. Raises ValueError for a document of another shape."""
    return remembered(RelationState, recorded, RELATION)


def relation_record(state: RelationState) -> GuardRecord:
    """Return ``state`` as it is kept."""
    return kept(RELATION, state)


def guard_relation(
    snapshot: Snapshot, recorded: Recorded, policy: PortfolioPolicy, universe: Universe
) -> RelationVerdict:
    """Return what every cross hedge is sized by now, and how much of it may stand."""
    standing = relation_state(recorded).hedges
    rules = policy.basis or BasisPolicy()
    checks: list[RelationCheck] = []
    states: dict[str, Broken] = {}
    cuts: dict[tuple[str, str], Cut] = {}
    for strategy in policy.strategies:
        if not isinstance(strategy, HedgePolicy) or strategy.cross is None:
            continue
        cross = strategy.cross
        check, broken = _checked(
            RelationCheck(
                strategy=strategy.id,
                asset=strategy.asset,
                by=cross.by,
                held=_held(recorded, strategy.id, cross.by),
                relation=_measured(strategy.asset, cross, snapshot, universe),
            ),
            standing.get(strategy.id),
            cross,
            rules,
            snapshot.as_of,
        )
        checks.append(check)
        if broken is not None:
            states[strategy.id] = broken
        if check.share != ONE:
            cuts[strategy.id, cross.by] = Cut(share=check.share, why=check.why)
    return RelationVerdict(
        state=RelationState(hedges=states),
        checks=tuple(checks),
        cuts=cuts,
        wake_at=min((c.until for c in checks if c.until is not None), default=None),
    )


def _held(recorded: Recorded, strategy: str, by: str) -> Decimal:
    return sum(
        (
            line.qty
            for line in recorded.book.values()
            if line.strategy == strategy and base_of(line.symbol) == by and not is_spot(line.symbol)
        ),
        ZERO,
    )


def _measured(asset: str, cross: Cross, snapshot: Snapshot, universe: Universe) -> Relation | None:
    own, its = (_tail(a, cross, snapshot, universe) for a in (asset, cross.by))
    if own is None or its is None:
        return None
    # one market may publish its newest bar a little later than the other
    common = {b.open_at for b in own} & {b.open_at for b in its}
    if len(common) < cross.bars - 1:
        return None
    own, its = (tuple(b for b in bars if b.open_at in common) for bars in (own, its))
    if any(b.close <= 0 for b in (*own, *its)):
        return None
    return relation_of(own, its, cross.interval, cross.beta)


def _tail(
    asset: str, cross: Cross, snapshot: Snapshot, universe: Universe
) -> tuple[Bar, ...] | None:
    listing = universe.barred(asset)
    if listing is None:
        return None
    bars = snapshot.venues[listing.venue].bars.get((listing.instrument.symbol, cross.interval), ())
    return closed_tail(bars, cross.interval, snapshot.as_of, cross.bars)


def _checked(
    check: RelationCheck, before: Broken | None, cross: Cross, rules: BasisPolicy, now: datetime
) -> tuple[RelationCheck, Broken | None]:
    """The check with what may stand, and what is remembered of it."""
    why = _fault(check, rules, healing=before is not None)
    if check.relation is None and before is not None:
        why = reason("relation_unknown", asset=check.asset, by=check.by)
    if why is None:
        return check, None
    state = before or Broken(since=now)
    # half stays of what stood on it; what has been closed since is not opened on a broken relation
    state = replace(state, held=state.held and check.held != 0)
    ends = state.since + LINGER * cross.interval
    halved = state.held and now < ends
    share = _HALF if halved else ZERO
    until = ends if halved else None
    return replace(check, share=share, since=state.since, until=until, why=why), state


def _fault(check: RelationCheck, rules: BasisPolicy, *, healing: bool) -> Reason | None:
    """Why the relation is not good enough; None also where it is not known."""
    relation = check.relation
    if relation is None:
        return None
    least, most = rules.min_correlation, rules.max_residual
    if healing:
        least += (ONE - least) * HEAL_CORRELATION
        most *= HEAL_RESIDUAL
    names = {"asset": check.asset, "by": check.by}
    back = " to stand again" if healing else ""
    if relation.correlation < least:
        shown = shown_percent(relation.correlation)
        return reason(
            "relation_loose", **names, correlation=shown, least=shown_percent(least), back=back
        )
    if relation.measured <= SURE * relation.error:
        beta = text(quantize(relation.measured, _HUNDREDTH))
        error = text(quantize(relation.error, _HUNDREDTH))
        return reason("relation_unsure", **names, beta=beta, error=error)
    if relation.residual > most:
        left = shown_percent(relation.residual)
        return reason(
            "relation_leaves", **names, residual=left, most=shown_percent(most), back=back
        )
    return None
