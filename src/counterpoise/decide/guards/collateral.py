"""Collateral of the margin guard: what can be reached, what is moved in, what is brought back (MEANING 18).

Money on another venue is out of reach, and so is what may already be on its way. Nothing is moved while an earlier move
is not proven.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

from counterpoise.decide.guards.pool_case import PoolCase, percent
from counterpoise.decide.guards.pools import pools_of
from counterpoise.domain.guarding import pool_key
from counterpoise.domain.health import Distance, Pool, distance_of, spare_above
from counterpoise.domain.numbers import ZERO, dec, quantize, text
from counterpoise.domain.operator import short_id
from counterpoise.domain.policy import MarginPolicy
from counterpoise.domain.reasons import reason
from counterpoise.domain.records import Recorded, TradingState
from counterpoise.domain.snapshot import VenueSnapshot
from counterpoise.domain.transfer import Purse, Transfer, TransferState

#: Collateral is moved in steps of this; less is not worth a request.
CENT = dec("0.01")
_DAY = timedelta(hours=24)
#: What the venue refused is not asked for again at once.
_PAUSE = timedelta(minutes=1)
#: What it refused twice in a row is a matter for people, who are told each time.
_LONG_PAUSE = timedelta(minutes=10)
#: How long a wallet may show what it held before a transfer that was done.
_SHOWN_WITHIN = timedelta(seconds=10)
#: For how long hedges are not opened on money that the venue would not move.
_DENIED = timedelta(hours=1)


def reach(
    recorded: Recorded, seen: VenueSnapshot, pool: Pool, policy: MarginPolicy, now: datetime
) -> Decimal:
    """Return what of the pool's asset could be moved into it now, in whole cents (>= 0)."""
    if not policy.transfers or seen.account is None:
        return ZERO
    balance = seen.account.spot.get(pool.asset)
    free = balance.free if balance is not None else ZERO
    free -= policy.keep_buffer + _coming(recorded.transfers, pool)
    if pool.isolated is not None:
        free = max(free, ZERO) + _shared(recorded, seen, pool, policy)
    if policy.max_top_up_24h is not None:
        free = min(free, policy.max_top_up_24h - _lately(recorded.transfers, pool, now))
    return quantize(max(free, ZERO), CENT, ROUND_FLOOR)


def _shared(recorded: Recorded, seen: VenueSnapshot, pool: Pool, policy: MarginPolicy) -> Decimal:
    """What the cross wallet can give to an isolated position without coming near to liquidation itself."""
    wallet = seen.account.futures.get(pool.asset) if seen.account is not None else None
    pools = pools_of(seen, recorded.transfers).pools
    cross = next((p for p in pools if p.asset == pool.asset and p.isolated is None), None)
    if wallet is None or cross is None:
        return ZERO
    return max(min(wallet.available, spare_above(cross, policy.warn)), ZERO)


def _coming(transfers: Iterable[Transfer], pool: Pool) -> Decimal:
    """What may have left the spot wallet already."""
    return sum(
        (t.qty for t in _mine(transfers, pool) if not t.state.is_final and t.source is Purse.SPOT),
        ZERO,
    )


def _lately(transfers: Iterable[Transfer], pool: Pool, now: datetime) -> Decimal:
    """What was moved from the spot wallet in the last 24 h, or may have been."""
    return sum(
        (
            t.qty
            for t in _mine(transfers, pool)
            if t.source is Purse.SPOT
            and t.state is not TransferState.REJECTED
            and now - t.created_at < _DAY
        ),
        ZERO,
    )


def _mine(transfers: Iterable[Transfer], pool: Pool) -> list[Transfer]:
    return [t for t in transfers if (t.venue, t.asset) == (pool.venue, pool.asset)]


def top_up(case: PoolCase, wanted: Decimal, reachable: Decimal) -> Transfer | None:
    """The least that restores the distance, as far as it can be reached; nothing while one is on its way."""
    qty = min(quantize(wanted, CENT, ROUND_CEILING), reachable)
    if qty < CENT or any(not t.state.is_final for t in _mine(case.recorded.transfers, case.pool)):
        return None
    if (
        _arriving(case)
        or _refused_lately(case)
        or case.recorded.portfolio.trading_state is TradingState.HALT
    ):
        return None
    source, target = Purse.SPOT, Purse.FUTURES
    if case.pool.isolated is not None:
        shared = _shared(case.recorded, case.seen, case.pool, case.policy)
        here = quantize(shared, CENT, ROUND_FLOOR)
        if here >= CENT:
            # the position's own wallet is filled from the shared one; that one first where it is empty
            source, target, qty = Purse.FUTURES, Purse.POSITION, min(qty, here)
    return _transfer(case, qty, source, target)


def on_its_way(case: PoolCase) -> bool:
    """Return whether collateral that was sent into the pool may still arrive."""
    sent = [t for t in _mine(case.recorded.transfers, case.pool) if t.is_top_up]
    return _arriving(case) or any(not t.state.is_final for t in sent)


def _arriving(case: PoolCase) -> bool:
    """Whether what was just moved is not shown yet: wallets may be read from where it has not arrived."""
    pool = case.pool
    for moved in _mine(case.recorded.transfers, pool):
        if moved.state is TransferState.DONE and case.now - moved.updated_at < _SHOWN_WITHIN:
            held = case.account.purse(moved.target, pool.asset, moved.symbol)
            if held is None or held < moved.target_before + moved.qty / 2:
                return True
    return False


def _refused_lately(case: PoolCase) -> bool:
    """Whether the venue refused the like a moment ago, or over and over: it is not asked the same in every look."""
    tried = sorted(_mine(case.recorded.transfers, case.pool), key=lambda t: t.created_at)[-2:]
    if not tried or tried[-1].state is not TransferState.REJECTED:
        return False
    again = len(tried) > 1 and all(t.is_refused for t in tried)
    return case.now - tried[-1].updated_at < (_LONG_PAUSE if again else _PAUSE)


def doubtful(case: PoolCase) -> bool:
    """Whether the last that was moved in did not arrive: the next is tried, but nothing is put off for it."""
    newest = _newest(case.recorded.transfers, case.pool)
    return newest is not None and newest.state is TransferState.REJECTED


def denied(recorded: Recorded, pool: Pool, now: datetime) -> bool:
    """Whether the venue itself refused what was moved in last, a short while ago: then it cannot be counted on."""
    newest = _newest(recorded.transfers, pool)
    return newest is not None and newest.is_refused and now - newest.updated_at < _DENIED


def _newest(transfers: Iterable[Transfer], pool: Pool) -> Transfer | None:
    """The last top-up of the pool's collateral, as far back as transfers are remembered."""
    tops = [t for t in _mine(transfers, pool) if t.is_top_up]
    return max(tops, key=lambda t: t.created_at, default=None)


def sweep(
    case: PoolCase, distance: Distance, lent: Decimal
) -> tuple[Transfer | None, datetime | None]:
    """Bring back what was moved in, once far more than needed has been there for long enough."""
    policy, pool = case.policy, case.pool
    enough = policy.warn + policy.sweep_margin
    adverse = distance.adverse
    if lent < CENT or not policy.transfers or pool.isolated is not None:
        return None, None
    if case.recorded.portfolio.trading_state in {TradingState.CANCEL_ONLY, TradingState.HALT}:
        # what may be moved there is top-ups alone
        return None, None
    if adverse is not None and adverse <= enough:
        return None, None
    since = case.before.spare_since or case.now
    if case.now - since < policy.sweep_after:
        return None, since
    busy = any(not t.state.is_final for t in _mine(case.recorded.transfers, pool))
    wallet = case.account.futures.get(pool.asset)
    free = min(spare_above(pool, enough), wallet.available if wallet is not None else ZERO)
    qty = quantize(min(free, lent), CENT, ROUND_FLOOR)
    if busy or qty < CENT or _refused_lately(case):
        return None, since
    return _transfer(case, qty, Purse.FUTURES, Purse.SPOT), None


def lent_by(case: PoolCase) -> tuple[Decimal, datetime | None]:
    """Return what the guard has put into the pool and not brought back, and up to which proof that counts."""
    lent, at = case.before.lent, case.before.lent_at
    if case.pool.isolated is not None:
        return lent, at
    done = [
        t
        for t in _mine(case.recorded.transfers, case.pool)
        if t.state is TransferState.DONE
        and Purse.POSITION not in {t.source, t.target}
        and (at is None or t.updated_at > at)
    ]
    lent += sum((t.qty if t.source is Purse.SPOT else -t.qty for t in done), ZERO)
    newest = max((t.updated_at for t in done), default=at)
    return max(lent, ZERO), newest


def _transfer(case: PoolCase, qty: Decimal, source: Purse, target: Purse) -> Transfer:
    pool = case.pool
    held = {p: case.account.purse(p, pool.asset, pool.isolated) or ZERO for p in (source, target)}
    said = (case.portfolio, pool_key(pool), text(qty), source, target, case.now.isoformat())
    why = "margin_tops_up" if source is Purse.SPOT or target is Purse.POSITION else "margin_sweeps"
    return Transfer(
        id=short_id("transfer", *said),
        portfolio=case.portfolio,
        venue=pool.venue,
        asset=pool.asset,
        qty=qty,
        source=source,
        target=target,
        symbol=pool.isolated if Purse.POSITION in {source, target} else None,
        state=TransferState.PENDING,
        created_at=case.now,
        updated_at=case.now,
        source_before=held[source],
        target_before=held[target],
        why=reason(
            why,
            distance=percent(distance_of(pool).adverse),
            wanted=percent(case.policy.warn + case.policy.hysteresis),
        ).text,
    )
