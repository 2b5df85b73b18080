"""Requests that a person answers: futures that would grow, with a deposit (MEANING 11) or at all (``approve.plans``).

The overlay a strategy had is the cap until someone approves (of plans: what people had agreed to, ``decide/agreed``);
what is denied or not answered in time keeps it. A request is moot once the strategy wants no more than the cap, and
where it wants much more by now than was asked for: then another one takes its place, since a yes is said to a size.
The legs of a drift offset each other: while one waits for its answer no other one grows (``decide/combine``); after a
no each goes as far as it may. What shrinks never asks: a hedge that ends, what a withdrawal leaves uncovered, and all
that guards do. What was not allowed is asked anew when clearly more is wanted. Pure.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal

from counterpoise.decide.agreed import LITTLE, Agreed, Level, beyond, within
from counterpoise.domain.decision import Decision
from counterpoise.domain.numbers import ZERO, text
from counterpoise.domain.operator import Approval, ApprovalState, short_id
from counterpoise.domain.policy import PortfolioPolicy
from counterpoise.domain.records import Flow
from counterpoise.domain.strategy import StrategyState, overlay_of

_Key = tuple[str, str]

#: How long a request stands before another may take its place, so that a wish that creeps floods nobody; one that waits
#: gives way at once where the wish has doubled.
_STANDS = timedelta(hours=1)
_MORE = ", and more is wanted by now"


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What plans are judged by: ``prices``, asset -> price in quote; ``agreed``, what they may grow from.

    Where that is not known they grow from what was wanted before. ``quiet``: (strategy, asset) that may not grow now
    whatever people say.
    """

    prices: Mapping[str, Decimal] = field(default_factory=dict)
    agreed: Agreed = field(default_factory=Agreed)
    quiet: Collection[_Key] = ()


UNKNOWN = Terms()


def reviewed(
    known: Iterable[Approval],
    flows: Sequence[Flow],
    decisions: Sequence[Decision] | None,
    states: Mapping[str, StrategyState],
    policy: PortfolioPolicy,
    now: datetime,
    terms: Terms = UNKNOWN,
) -> tuple[Approval, ...]:
    """Return the requests that are new or have changed.

    ``known`` wait or cap; ``flows`` were booked by this very look; ``decisions`` is None where nothing was decided:
    then what ``states`` want so far becomes the cap, and the request is made (or dropped) by the next cycle that
    decides. ``states`` is strategy id -> state before this look.
    """
    asked = {a.id: a for a in known}
    before = dict(asked)
    wishes = None if decisions is None else {_key(d): d for d in decisions}
    for id_, approval in asked.items():
        asked[id_] = _settled(approval, wishes, policy, now)
    deposits = [f for f in flows if f.qty > 0] if policy.approve.deposits else []
    for asset in dict.fromkeys(f.asset for f in deposits):
        made = [f for f in deposits if f.asset == asset]
        for key, cap, wanted in _growing(asset, wishes, states, policy):
            older = [a for a in asked.values() if (a.strategy, a.asset) == key and a.caps]
            request = _request(key, older[-1].cap if older else cap, wanted, made, policy, now)
            asked |= {a.id: replace(a, state=ApprovalState.MOOT, answered_at=now) for a in older}
            asked[request.id] = request
    for wish in (wishes or {}).values():
        older = [a for a in asked.values() if (a.strategy, a.asset) == _key(wish) and a.caps]
        planned = _planned(wish, older, terms, policy, now)
        if planned is not None:
            asked |= {a.id: replace(a, state=ApprovalState.MOOT, answered_at=now) for a in older}
            asked[planned.id] = planned
    for id_, approval in tuple(asked.items()):
        larger = _larger(approval, wishes, policy, now)
        if larger is not None:
            asked[id_] = replace(approval, state=ApprovalState.MOOT, answered_at=now)
            asked[larger.id] = larger
    return tuple(a for id_, a in asked.items() if before.get(id_) != a)


def is_asked(approval: Approval) -> bool:
    """Whether a person was asked: a request that does not know yet what is wanted waits in silence."""
    return approval.wanted != approval.cap


def _key(wish: Decision) -> _Key:
    return wish.strategy, wish.asset


def _planned(
    wish: Decision,
    older: Sequence[Approval],
    terms: Terms,
    policy: PortfolioPolicy,
    now: datetime,
) -> Approval | None:
    """Return the request for what ``wish`` adds, where people want to be asked about so much; else None.

    ``older`` are requests on the same futures that wait or cap.
    """
    least = policy.approve.plans
    if least is None or any(a.state is ApprovalState.WAITING for a in older):
        return None  # one that waits is asked anew by itself where much more is wanted
    if _key(wish) in terms.quiet:
        return None
    level = terms.agreed.of(wish) or Level(agreed=wish.previous, let=wish.previous)
    if older:
        cap, before = within(older[-1].cap, level.let), older[-1].wanted
        grows = beyond(wish.overlay, before) and now - older[-1].asked_at >= _STANDS
    else:
        cap, before = level.let, level.agreed
        grows = beyond(wish.overlay, level.let)
    added = abs(wish.overlay - within(wish.overlay, before))
    if not grows or (older and added <= abs(before - cap) * LITTLE):
        return None
    price = terms.prices.get(wish.asset)
    if price is not None and added * price <= least:
        return None
    return Approval(
        id=short_id(policy.id, *_key(wish), text(cap), text(wish.overlay), now.isoformat()),
        portfolio=policy.id,
        strategy=wish.strategy,
        asset=wish.asset,
        cap=cap,
        wanted=wish.overlay,
        why=wish.reason.text,
        asked_at=now,
        deadline_at=now + policy.approve.deadline,
    )


def _settled(
    approval: Approval,
    wishes: Mapping[_Key, Decision] | None,
    policy: PortfolioPolicy,
    now: datetime,
) -> Approval:
    waiting = approval.state is ApprovalState.WAITING
    if approval.strategy not in {s.id for s in policy.strategies}:
        return replace(approval, state=ApprovalState.MOOT, answered_at=now)
    # a strategy that says nothing of the asset in this cycle has not given up its wish
    wish = wishes.get((approval.strategy, approval.asset)) if wishes is not None else None
    if wish is not None:
        if not beyond(wish.overlay, approval.cap):
            return replace(approval, state=ApprovalState.MOOT, answered_at=now)
        if waiting and not is_asked(approval):
            return replace(
                approval,
                wanted=wish.overlay,
                asked_at=now,
                deadline_at=now + policy.approve.deadline,
            )
    if waiting and is_asked(approval) and approval.deadline_at <= now:
        return replace(approval, state=ApprovalState.EXPIRED, answered_at=now)
    return approval


def _larger(
    approval: Approval,
    wishes: Mapping[_Key, Decision] | None,
    policy: PortfolioPolicy,
    now: datetime,
) -> Approval | None:
    """Return the request that takes the place of one that waits, where much more is wanted by now; else None."""
    wish = wishes.get((approval.strategy, approval.asset)) if wishes is not None else None
    waits = approval.state is ApprovalState.WAITING and is_asked(approval)
    if wish is None or not waits or not beyond(wish.overlay, approval.wanted):
        return None
    more, whole = abs(wish.overlay - approval.wanted), abs(approval.wanted - approval.cap)
    if more <= whole * LITTLE or (more < whole and now - approval.asked_at < _STANDS):
        return None
    return replace(
        approval,
        id=short_id(approval.id, text(wish.overlay)),
        wanted=wish.overlay,
        why=f"{approval.why.removesuffix(_MORE)}{_MORE}",
        asked_at=now,
        deadline_at=now + policy.approve.deadline,
    )


def _growing(
    asset: str,
    wishes: Mapping[_Key, Decision] | None,
    states: Mapping[str, StrategyState],
    policy: PortfolioPolicy,
) -> list[tuple[_Key, Decimal, Decimal]]:
    """Strategies whose futures grow with ``asset``, with what they had and what they want.

    A cross hedge grows with what it hedges, not with what it holds.
    """
    if wishes is not None:
        return [
            (key, d.previous, d.overlay)
            for key, d in wishes.items()
            if policy.cross_hedges.get(d.strategy, d.asset) == asset
            and beyond(d.overlay, d.previous)
        ]
    # nobody decided: whoever might grow is held to what it has
    growing = [
        (s.id, moved)
        for s in policy.strategies
        for moved in (s.assets or policy.assets)
        if policy.cross_hedges.get(s.id, moved) == asset
    ]
    held = {
        (id_, moved): overlay_of(states[id_], moved) if id_ in states else ZERO
        for id_, moved in growing
    }
    return [(key, overlay, overlay) for key, overlay in held.items()]


def _request(
    key: _Key,
    cap: Decimal,
    wanted: Decimal,
    flows: Sequence[Flow],
    policy: PortfolioPolicy,
    now: datetime,
) -> Approval:
    strategy, asset = key
    total = sum((f.qty for f in flows), ZERO)
    where = " and ".join(dict.fromkeys(f.venue for f in flows))
    return Approval(
        id=short_id(policy.id, strategy, asset, *sorted(f.id for f in flows)),
        portfolio=policy.id,
        strategy=strategy,
        asset=asset,
        cap=cap,
        wanted=wanted,
        why=f"{text(total)} {asset} came in at {where}",
        asked_at=now,
        deadline_at=now + policy.approve.deadline,
    )
