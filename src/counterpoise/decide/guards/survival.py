"""Survivability before opening (MEANING 17): how much of an order the reachable collateral carries.

The position an order leads to is taken at its worst: with everything that works or is not proven on its side filled.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_CEILING, Decimal

from counterpoise.decide.guards.collateral import denied, reach
from counterpoise.decide.guards.pool_case import percent
from counterpoise.decide.guards.pools import holding_of, merged, pools_of
from counterpoise.domain.health import Holding, Pool, missing_for, share_that_survives
from counterpoise.domain.instrument import is_spot, settle_of
from counterpoise.domain.numbers import ZERO, dec, quantize, text
from counterpoise.domain.order import Order, Side
from counterpoise.domain.policy import MarginPolicy
from counterpoise.domain.reasons import Reason, reason
from counterpoise.domain.records import Recorded
from counterpoise.domain.snapshot import MarginMode, VenueSnapshot

_CENT = dec("0.01")


@dataclass(frozen=True, slots=True, kw_only=True)
class Carried:
    """``qty`` (base units) of an order may be sent; ``why`` says what keeps the rest, None where it all passes."""

    qty: Decimal
    why: Reason | None = None


def carried(
    order: Order,
    seen: VenueSnapshot,
    recorded: Recorded,
    others: Iterable[Order],
    policy: MarginPolicy,
    now: datetime,
    spent: Decimal = ZERO,
) -> Carried:
    """Return how much of ``order``, which adds to futures, the collateral carries.

    All of it passes where it survives ``policy.survive``; else as much of it as survives ``policy.cut_for``.
    ``others`` may fill beside it; ``spent`` of the collateral's asset is already promised to purchases of coins.
    """
    pool = _pool(order, seen, recorded)
    if isinstance(pool, Reason):
        return Carried(qty=ZERO, why=pool)
    adding = [o for o in others if _adds(o) and o.venue == order.venue and _shares(o, pool, seen)]
    extra = _held(seen, [*adding, order])
    if isinstance(extra, Reason):
        return Carried(qty=ZERO, why=extra)
    pool = merged(pool, extra)
    before = {h.symbol: _worst(h, adding, order) for h in pool.holdings}
    reachable = max(reach(recorded, seen, pool, policy, now) - spent, ZERO)
    if denied(recorded, pool, now):
        reachable = ZERO
    standing = pool.with_sizes(before)
    wished = {order.symbol: before[order.symbol] + order.qty * order.side.sign}
    missing = missing_for(standing.with_sizes(wished), policy.survive) - reachable
    if missing <= 0:
        return Carried(qty=order.qty)
    share = share_that_survives(standing, wished, policy.cut_for, reachable)
    return Carried(
        qty=seen.instruments[order.symbol].shrink_qty(order.qty * share),
        why=reason(
            "not_survivable",
            symbol=order.symbol,
            venue=order.venue,
            asset=pool.asset,
            survive=percent(policy.survive),
            missing=text(quantize(missing, _CENT, ROUND_CEILING)),
        ),
    )


def _pool(order: Order, seen: VenueSnapshot, recorded: Recorded) -> Pool | Reason:
    """The collateral the order would be carried by: the shared one, or the position's own."""
    found = pools_of(seen, recorded.transfers)
    if found.unseen is not None:
        return found.unseen
    asset = settle_of(order.symbol) or ""
    for pool in found.pools:
        if pool.isolated == order.symbol:
            return pool
    account = seen.account
    if account is not None and account.margin_modes.get(order.symbol) is MarginMode.ISOLATED:
        return Pool(venue=order.venue, asset=asset, wallet=ZERO, holdings=(), isolated=order.symbol)
    for pool in found.pools:
        if pool.asset == asset and pool.isolated is None:
            return pool
    return Pool(venue=order.venue, asset=asset, wallet=ZERO, holdings=())


def _adds(order: Order) -> bool:
    return not order.reduce_only and not is_spot(order.symbol) and not order.state.is_final


def _shares(order: Order, pool: Pool, seen: VenueSnapshot) -> bool:
    """Whether what an order adds would be carried by ``pool``."""
    if pool.isolated is not None:
        return order.symbol == pool.isolated
    held = seen.account.positions.get(order.symbol) if seen.account is not None else None
    alone = held is not None and held.isolated_wallet is not None
    return settle_of(order.symbol) == pool.asset and not alone


def _held(seen: VenueSnapshot, orders: list[Order]) -> dict[str, Holding] | Reason:
    """A holding of size zero for every contract that has none yet."""
    found: dict[str, Holding] = {}
    for symbol in dict.fromkeys(o.symbol for o in orders):
        holding = holding_of(symbol, ZERO, None, seen)
        if holding is None:
            return reason("margin_unseen", venue=seen.venue, what=f"mark price of {symbol}")
        found[symbol] = holding
    return found


def _worst(holding: Holding, adding: list[Order], order: Order) -> Decimal:
    """The size with all that works on one side filled: the order's own side, else the larger result."""
    sums = {
        side: sum(
            (
                o.remaining_qty * side.sign
                for o in adding
                if o.symbol == holding.symbol and o.side is side
            ),
            ZERO,
        )
        for side in Side
    }
    if holding.symbol == order.symbol:
        return holding.qty + sums[order.side]
    return max((holding.qty + q for q in (*sums.values(), ZERO)), key=abs)
