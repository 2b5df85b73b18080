"""The margin guard: keeps every hedge alive, or takes it down in order (MEANING 16-19).

It goes by the adverse move to liquidation, all assets together, in steps with hysteresis: it warns, moves collateral
by the least that restores the distance, lets nothing be added, shrinks own futures that lose in the adverse
direction, and closes own futures. It needs the futures account alone: stale coins never stop it. Pure; what it
remembers is a document that is saved with what it causes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from decimal import Decimal

from counterpoise.decide.guards.collateral import (
    CENT,
    doubtful,
    lent_by,
    on_its_way,
    reach,
    sweep,
    top_up,
)
from counterpoise.decide.guards.pool_case import PoolCase, percent
from counterpoise.decide.guards.pools import Pools, pools_of
from counterpoise.decide.guards.shrinking import caps_of, differs_by
from counterpoise.decide.guards.wallets import futures_wallet
from counterpoise.domain.guard_documents import kept, remembered
from counterpoise.domain.guarding import (
    MARGIN,
    Lowering,
    MarginState,
    MarginVerdict,
    PoolCheck,
    PoolState,
    Step,
    pool_key,
)
from counterpoise.domain.health import Distance, Pool, distance_of, missing_for
from counterpoise.domain.numbers import ZERO, dec, text
from counterpoise.domain.policy import MarginPolicy, PortfolioPolicy
from counterpoise.domain.portfolio import Contract
from counterpoise.domain.reasons import Reason, reason
from counterpoise.domain.records import GuardRecord, Recorded, TradingState
from counterpoise.domain.snapshot import Account, Snapshot
from counterpoise.domain.transfer import Transfer

#: People are told again once this many times as much collateral is missing as they were last told.
_TOLD_AGAIN = dec("1.25")


def margin_state(recorded: Recorded) -> MarginState:
    """Return what the guard remembers. Raises ValueError for a document of another shape."""
    return remembered(MarginState, recorded, MARGIN)


def margin_record(state: MarginState) -> GuardRecord:
    """Return ``state`` as it is kept."""
    return kept(MARGIN, state)


def guard_margin(
    snapshot: Snapshot,
    recorded: Recorded,
    policy: PortfolioPolicy,
    doubts: tuple[Reason, ...] = (),
) -> MarginVerdict:
    """Return what the margin of every venue asks for now.

    ``doubts`` say which wallets are not believed yet: futures are not closed because a wallet reads as empty once.
    """
    if policy.margin is None:
        return _shown(snapshot, recorded)
    standing = margin_state(recorded)
    verdict = MarginVerdict(state=MarginState(settings=standing.settings))
    states: dict[str, PoolState] = {}
    for venue, seen in snapshot.venues.items():
        found, account = pools_of(seen, recorded.transfers), seen.account
        if found.unseen is not None or account is None:
            why = found.unseen or reason("margin_unseen", venue=venue, what="its account")
            verdict = replace(verdict, unseen={**verdict.unseen, venue: why})
            # what was remembered of it still holds: nothing was seen that could change it
            states |= {k: s for k, s in standing.pools.items() if k.startswith(f"{venue}/")}
            verdict = _still(verdict, venue, states)
            continue
        # what can be reached goes to the pool that needs it most
        for pool in sorted(found.pools, key=_nearness):
            key = pool_key(pool)
            case = _case(pool, account, found, standing.pools.get(key), snapshot, recorded, policy)
            verdict, states[key] = _judged(case, verdict, believed=not _doubted(pool, doubts))
    states = _owed(standing.pools) | states
    state = replace(verdict.state, pools=_worth_keeping(states))
    verdict = replace(verdict, state=state, coins=_coins(states.values()))
    if recorded.portfolio.trading_state is TradingState.HALT:
        # nothing is sent, not even to stay alive: people are told how far it is instead
        return replace(verdict, transfers=(), caps={}, why={}, urgent=frozenset(), lower=None)
    return verdict


def _shown(snapshot: Snapshot, recorded: Recorded) -> MarginVerdict:
    """Where margin is not guarded it is still shown."""
    checks: list[PoolCheck] = []
    for seen in snapshot.venues.values():
        found = pools_of(seen, recorded.transfers)
        checks += [
            PoolCheck(
                pool=pool,
                step=Step.SAFE,
                distance=distance_of(pool),
                assumed=tuple(h.symbol for h in pool.holdings if h.symbol in found.assumed),
            )
            for pool in found.pools
        ]
    standing = margin_state(recorded)
    return MarginVerdict(state=replace(standing, pools=_owed(standing.pools)), checks=tuple(checks))


def _case(
    pool: Pool,
    account: Account,
    found: Pools,
    before: PoolState | None,
    snapshot: Snapshot,
    recorded: Recorded,
    policy: PortfolioPolicy,
) -> PoolCase:
    return PoolCase(
        pool=pool,
        before=before or PoolState(),
        policy=policy.margin or MarginPolicy(),
        seen=snapshot.venues[pool.venue],
        account=account,
        recorded=recorded,
        portfolio=policy.id,
        now=snapshot.as_of,
        assumed=found.assumed,
        crossed=frozenset(policy.cross_hedges),
    )


def _worth_keeping(states: Mapping[str, PoolState]) -> dict[str, PoolState]:
    return {key: state for key, state in states.items() if state != PoolState()}


def _owed(states: Mapping[str, PoolState]) -> dict[str, PoolState]:
    """What outlives a pool that is not there: it may come back, and what it sold stays sold."""
    return {
        key: PoolState(sold=state.sold, lent=state.lent, lent_at=state.lent_at)
        for key, state in states.items()
        if state.sold or state.lent
    }


def _coins(states: Iterable[PoolState]) -> dict[str, Decimal]:
    """Asset -> coins to have been sold in all, for whichever pool."""
    coins: dict[str, Decimal] = {}
    for state in states:
        for asset, qty in state.sold.items():
            coins[asset] = coins.get(asset, ZERO) + qty
    return coins


def _still(verdict: MarginVerdict, venue: str, states: Mapping[str, PoolState]) -> MarginVerdict:
    """A venue that does not show its collateral gets nothing more; what was being closed goes on being closed."""
    stops = dict(verdict.stops)
    for key in states:
        name, asset = key.split("/")[:2]
        if name == venue:
            stops[venue, asset] = verdict.unseen[venue]
    return replace(verdict, stops=stops)


def _nearness(pool: Pool) -> tuple[bool, Decimal]:
    adverse = distance_of(pool).adverse
    return (adverse is None, adverse or ZERO)


def _doubted(pool: Pool, doubts: tuple[Reason, ...]) -> bool:
    gone = f"{futures_wallet(pool.asset)} at {pool.venue}"
    return any(
        (d.numbers.get("venue"), d.numbers.get("asset")) == (pool.venue, pool.asset)
        or d.numbers.get("wallet") == gone
        for d in doubts
    )


def _judged(
    case: PoolCase, verdict: MarginVerdict, *, believed: bool
) -> tuple[MarginVerdict, PoolState]:
    pool, policy = case.pool, case.policy
    distance = distance_of(pool)
    reachable = reach(case.recorded, case.seen, pool, policy, case.now)
    before = Step(case.before.step)
    step = _step(distance, before, policy)
    if not believed:
        step = min(step, max(before, Step.STOP_ADDING))
    wanted = missing_for(pool, policy.warn + policy.hysteresis) if step >= Step.TOP_UP else ZERO
    spoken_for = any((t.venue, t.asset) == (pool.venue, pool.asset) for t in verdict.transfers)
    added = None if spoken_for else top_up(case, wanted, reachable)
    hoped = added.qty if added is not None and not doubtful(case) else ZERO
    if hoped:
        # collateral is sent before orders and may make them unnecessary; it is looked at again at once
        helped = distance_of(pool.with_more(hoped))
        step = min(step, max(_step(helped, Step.SAFE, policy), Step.TOP_UP))
    caps, coins = caps_of(case, step)
    lent, lent_at = lent_by(case)
    back, spare_since = (
        sweep(case, distance, lent) if step is Step.SAFE and not spoken_for else (None, None)
    )
    moved = [t for t in (added, back) if t is not None]
    missing = max(wanted - hoped, ZERO)
    asked, grown = _asked(case.before.asked if step > Step.SAFE else ZERO, missing)
    after = PoolState(
        step=int(step),
        caps=caps,
        sold=coins,
        lent=lent,
        lent_at=lent_at,
        spare_since=spare_since,
        asked=asked,
    )
    check = PoolCheck(
        pool=pool,
        step=step,
        distance=distance,
        reachable=reachable,
        missing=missing,
        assumed=tuple(h.symbol for h in pool.holdings if h.symbol in case.assumed),
        differs=differs_by(case),
        deepened=step > before,
        moving=added is not None or on_its_way(case),
        grown=grown,
    )
    return _with(verdict, check, after, moved), after


def _asked(before: Decimal, missing: Decimal) -> tuple[Decimal, bool]:
    """How much people know to be missing after this look, and whether that is news to those who were told before."""
    if missing < CENT or missing < before * _TOLD_AGAIN:
        return before, False
    return missing, before > 0


def _with(
    verdict: MarginVerdict, check: PoolCheck, after: PoolState, moved: Iterable[Transfer]
) -> MarginVerdict:
    pool, step = check.pool, check.step
    capped: dict[Contract, Decimal] = {(pool.venue, s): q for s, q in after.caps.items()}
    stops = dict(verdict.stops)
    if step >= Step.STOP_ADDING:
        stops[pool.venue, pool.asset] = stop_reason(check)
    return replace(
        verdict,
        checks=(*verdict.checks, check),
        transfers=(*verdict.transfers, *moved),
        caps={**verdict.caps, **capped},
        why={**verdict.why, **{c: _cut_reason(check, c[1], q) for c, q in capped.items()}},
        urgent=verdict.urgent | (frozenset(capped) if step is Step.FLATTEN else frozenset()),
        stops=stops,
        # where nothing is ours there is nothing to close, and no reason to stop the rest of the portfolio
        lower=Lowering(state=TradingState.CANCEL_ONLY, why=_reason("margin_lowers", check))
        if step is Step.FLATTEN and capped
        else verdict.lower,
    )


def _cut_reason(check: PoolCheck, symbol: str, cap: Decimal) -> Reason:
    numbers = {
        "symbol": symbol,
        "venue": check.pool.venue,
        "asset": check.pool.asset,
        "distance": percent(check.distance.adverse),
    }
    if check.step is Step.FLATTEN:
        return reason("margin_closes", **numbers)
    return reason("margin_reduces", cap=text(cap), **numbers)


def stop_reason(check: PoolCheck) -> Reason:
    """Return why nothing may be added to a pool."""
    return _reason("margin_stops_adding", check)


def _reason(code: str, check: PoolCheck) -> Reason:
    return reason(
        code,
        venue=check.pool.venue,
        asset=check.pool.asset,
        distance=percent(check.distance.adverse),
        step=check.step.word,
    )


def _step(distance: Distance, before: Step, policy: MarginPolicy) -> Step:
    """The deepest step that holds. One already taken is left only beyond its level, and reducing only half-way up."""
    adverse = distance.adverse
    if adverse is None:
        return Step.SAFE
    levels = {
        Step.WARN: (policy.warn, policy.warn + policy.hysteresis),
        Step.TOP_UP: (policy.top_up, policy.top_up + policy.hysteresis),
        Step.STOP_ADDING: (policy.stop_adding, policy.stop_adding + policy.hysteresis),
        Step.REDUCE: (policy.reduce, (policy.reduce + policy.stop_adding) / 2),
        Step.FLATTEN: (policy.flatten, policy.reduce),
    }
    held = Step.SAFE
    for step, (level, leave) in levels.items():
        if adverse < (leave if before >= step else level):
            held = step
    return held
