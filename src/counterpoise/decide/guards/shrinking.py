"""Shrinking own futures: how large each may be while collateral does not carry it, and the coins sold beside it."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from counterpoise.decide.guards.collateral import denied, reach
from counterpoise.decide.guards.pool_case import PoolCase
from counterpoise.domain.guard_documents import remembered
from counterpoise.domain.guarding import (
    MARGIN,
    SELLER,
    MarginState,
    Step,
    pool_key,
)
from counterpoise.domain.health import distance_of, share_that_survives, share_to_cut
from counterpoise.domain.instrument import base_of, is_spot
from counterpoise.domain.numbers import ONE, ZERO, shrink_step


def caps_of(case: PoolCase, step: Step) -> tuple[dict[str, Decimal], dict[str, Decimal]]:
    """How large own quantities may be, and the coins to be sold beside them."""
    before, own = case.before, case.own
    if step < Step.REDUCE:
        return {}, _let_go(case, step)
    if step is Step.FLATTEN:
        # what is within a foreign position of the other side cannot be closed without touching that
        within = {s: case.size(s) - abs(own.get(s, ZERO)) for s in (*own, *before.caps)}
        return within, dict(before.sold)
    if before.caps and Step(before.step) is Step.REDUCE and not _worse(case):
        return dict(before.caps), dict(before.sold)
    hurting = _hurting(case, own)
    sizes = {h.symbol: h.qty - hurting[h.symbol] for h in case.pool.holdings if h.symbol in hurting}
    share = share_to_cut(case.pool, sizes, case.policy.stop_adding)
    caps, sold = dict(before.caps), dict(before.sold)
    for symbol, qty in hurting.items():
        instrument = case.seen.instruments.get(symbol)
        lot = instrument.lot_size if instrument is not None else None
        rest = abs(qty) * (ONE - share)
        rest = shrink_step(rest, lot) if lot is not None else rest
        # cut by as much as the position: a foreign one of the other side stays covered
        rest += case.size(symbol) - abs(qty)
        caps[symbol] = min(rest, caps.get(symbol, rest))
        asset = base_of(symbol)
        if asset in case.policy.may_sell and qty < 0:
            # coins that no short of ours stood against are not uncovered by cutting it
            cut = (case.size(symbol) - caps[symbol]) * case.covering(symbol)
            cut = shrink_step(cut, lot) if lot is not None else cut
            if cut > 0 or asset in sold:
                sold[asset] = _meant(case, asset, sold) - min(cut, _left(case, asset, sold))
    return caps, sold


def _left(case: PoolCase, asset: str, sold: Mapping[str, Decimal]) -> Decimal:
    """The coins that are there and not about to be sold: others, that come later, are not the guard's to sell."""
    balance = case.account.spot.get(asset)
    going = max(_done(case, asset) - sold.get(asset, ZERO), ZERO)
    return max((balance.total if balance is not None else ZERO) - going, ZERO)


def _done(case: PoolCase, asset: str) -> Decimal:
    """The coins that were sold so far (< 0), over all pairs and for whichever pool."""
    return sum(
        (
            x.qty
            for x in case.recorded.book.values()
            if x.strategy == SELLER and is_spot(x.symbol) and base_of(x.symbol) == asset
        ),
        ZERO,
    )


def _meant(case: PoolCase, asset: str, sold: Mapping[str, Decimal]) -> Decimal:
    """The coins to have been sold before a further cut: what filled after a sale was given up does not count for it."""
    meant = sold.get(asset, ZERO)
    return meant if _sells_elsewhere(case, asset) else min(meant, _done(case, asset))


def _let_go(case: PoolCase, step: Step) -> dict[str, Decimal]:
    """The coins to be sold once nothing is cut any more: none for what was not cut, nor for what is hedged again."""
    sold = dict(case.before.sold)
    for symbol, cap in case.before.caps.items():
        asset = base_of(symbol)
        if asset in sold and case.own.get(symbol, ZERO) < 0:
            sold[asset] = min(sold[asset] + max(case.size(symbol) - cap, ZERO), ZERO)
    # once, where adding begins again: what is given back is then hedged again, and must not be counted twice
    if step < Step.STOP_ADDING <= case.before.step:
        sold = {asset: qty + _hedged_again(case, asset, qty) for asset, qty in sold.items()}
    return {asset: qty for asset, qty in sold.items() if qty}


def _hedged_again(case: PoolCase, asset: str, sold: Decimal) -> Decimal:
    """The part of a sale under way (>= 0) whose short may be opened again and would survive.

    A price that falls back before the coins are sold would else cost a round trip: the short is opened again for coins
    that are then sold. What could not be hedged again goes on being sold, as it was cut. Who sold what is not known
    where another pool sells too: then the sale goes on.
    """
    pool = case.pool
    short = next((h for h in pool.holdings if h.asset == asset and h.qty < 0), None)
    going = _done(case, asset) - sold
    if _sells_elsewhere(case, asset) or short is None or going <= 0:
        return ZERO
    policy = case.policy
    reachable = reach(case.recorded, case.seen, pool, policy, case.now)
    if denied(case.recorded, pool, case.now):
        reachable = ZERO
    grown = {short.symbol: short.qty - going}
    back = going * share_that_survives(pool, grown, policy.survive, reachable)
    instrument = case.seen.instruments.get(short.symbol)
    return shrink_step(back, instrument.lot_size) if instrument is not None else back


def _sells_elsewhere(case: PoolCase, asset: str) -> bool:
    """Whether coins of the asset are sold for another pool too."""
    standing, key = remembered(MarginState, case.recorded, MARGIN).pools, pool_key(case.pool)
    return any(state.sold.get(asset) for name, state in standing.items() if name != key)


def _worse(case: PoolCase) -> bool:
    """Whether everything is as small as it was to become, and it is not enough: the market went on."""
    return all(case.size(s) <= cap for s, cap in case.before.caps.items())


def _hurting(case: PoolCase, own: Mapping[str, Decimal]) -> dict[str, Decimal]:
    """Own quantities that lose in the direction the pool is nearest to liquidation in."""
    found = distance_of(case.pool)
    up = found.down is None or (found.up is not None and found.up <= -found.down)
    return {s: q for s, q in own.items() if (q < 0) == up}


def differs_by(case: PoolCase) -> Decimal | None:
    """By how much the venue's own maintenance figure is off ours, as a fraction of ours."""
    account, pool = case.account, case.pool
    if any(h.symbol in case.assumed for h in pool.holdings):
        return None
    told = [account.positions[h.symbol].maintenance_margin for h in pool.holdings]
    if not told or any(t is None for t in told):
        return None
    ours = pool.maintenance
    theirs = sum((t for t in told if t is not None), ZERO)
    return abs(theirs - ours) / ours if ours > 0 else None
