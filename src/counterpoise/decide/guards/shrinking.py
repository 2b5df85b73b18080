"""Shrinking own futures: how large each may be while collateral does not carry it, and the coins sold beside it."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from counterpoise.decide.guards.pool_case import PoolCase
from counterpoise.domain.guarding import SELLER, Step
from counterpoise.domain.health import distance_of, share_to_cut
from counterpoise.domain.instrument import base_of, is_spot
from counterpoise.domain.numbers import ONE, ZERO, shrink_step


def caps_of(case: PoolCase, step: Step) -> tuple[dict[str, Decimal], dict[str, Decimal]]:
    """How large own quantities may be, and the coins to be sold beside them."""
    before, own = case.before, case.own
    if step < Step.REDUCE:
        return {}, _let_go(case)
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
            cut = case.size(symbol) - caps[symbol]
            sold[asset] = sold.get(asset, ZERO) - min(cut, _left(case, asset, sold))
    return caps, sold


def _left(case: PoolCase, asset: str, sold: Mapping[str, Decimal]) -> Decimal:
    """The coins that are there and not about to be sold: others, that come later, are not the guard's to sell."""
    balance = case.account.spot.get(asset)
    done = sum(
        (
            x.qty
            for x in case.recorded.book.values()
            if x.strategy == SELLER and is_spot(x.symbol) and base_of(x.symbol) == asset
        ),
        ZERO,
    )
    going = max(done - sold.get(asset, ZERO), ZERO)
    return max((balance.total if balance is not None else ZERO) - going, ZERO)


def _let_go(case: PoolCase) -> dict[str, Decimal]:
    """The coins to be sold once nothing is cut any more: none for what was not cut."""
    sold = dict(case.before.sold)
    for symbol, cap in case.before.caps.items():
        asset = base_of(symbol)
        if asset in sold and case.own.get(symbol, ZERO) < 0:
            sold[asset] = min(sold[asset] + max(case.size(symbol) - cap, ZERO), ZERO)
    return sold


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
