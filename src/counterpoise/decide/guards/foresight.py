"""What the margin guard would make of a look once the orders of a plan are filled: shown before anything is sent."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from decimal import Decimal

from counterpoise.decide.guards.margin import guard_margin
from counterpoise.decide.guards.pools import holding_of
from counterpoise.domain.guarding import PoolCheck
from counterpoise.domain.health import Distance, distance_of
from counterpoise.domain.instrument import is_spot, settle_of
from counterpoise.domain.numbers import ZERO
from counterpoise.domain.order import Order
from counterpoise.domain.policy import PortfolioPolicy
from counterpoise.domain.records import Recorded
from counterpoise.domain.snapshot import Account, MarginMode, Position, Snapshot, VenueSnapshot
from counterpoise.domain.transfer import Purse, Transfer


@dataclass(frozen=True, slots=True, kw_only=True)
class ForeseenPool:
    """A pool after the orders; ``moved``: what would then be brought in, ``then``: how far it is after that."""

    check: PoolCheck
    moved: Transfer | None = None
    then: Distance | None = None


def after_orders(
    snapshot: Snapshot, recorded: Recorded, policy: PortfolioPolicy, orders: Iterable[Order]
) -> tuple[ForeseenPool, ...]:
    """Return the pools that ``orders`` change, with what is left of them filled at the mark and without fees.

    Empty where nothing of them is a future, where a price or an account is not known, and for contracts on margin of
    their own: what a venue sets aside for those depends on how it fills.
    """
    futures = [o for o in orders if not is_spot(o.symbol) and o.remaining_qty > 0]
    venues = dict(snapshot.venues)
    for order in futures:
        filled = _filled(venues[order.venue], order) if order.venue in venues else None
        if filled is None:
            return ()
        venues[order.venue] = filled
    touched = {(o.venue, settle_of(o.symbol)) for o in futures}
    verdict = guard_margin(replace(snapshot, venues=venues), recorded, policy)
    found: list[ForeseenPool] = []
    for check in verdict.checks:
        pool = check.pool
        if (pool.venue, pool.asset) not in touched or pool.isolated is not None:
            continue
        moved = next(
            (
                t
                for t in verdict.transfers
                if (t.venue, t.asset, t.source, t.target)
                == (pool.venue, pool.asset, Purse.SPOT, Purse.FUTURES)
            ),
            None,
        )
        then = distance_of(pool.with_more(moved.qty)) if moved is not None else None
        found.append(ForeseenPool(check=check, moved=moved, then=then))
    return tuple(found)


def _filled(seen: VenueSnapshot, order: Order) -> VenueSnapshot | None:
    """The venue with the rest of ``order`` filled at the mark; None where that cannot be said."""
    account = seen.account
    if account is None or _alone(order.symbol, account):
        return None
    before = account.positions.get(order.symbol)
    held = before.qty if before is not None else ZERO
    holding = holding_of(order.symbol, held, before, seen)
    if holding is None:
        return None
    qty = held + order.remaining_qty * order.side.sign
    pnl = holding.unrealized_pnl
    positions = {s: p for s, p in account.positions.items() if s != order.symbol}
    if qty == 0:
        return replace(
            seen, account=replace(_paid(account, order.symbol, pnl), positions=positions)
        )
    # an entry price that leaves profit and loss as they are
    positions[order.symbol] = Position(
        symbol=order.symbol,
        qty=qty,
        entry_price=holding.mark - pnl / qty,
        mark_price=holding.mark,
        unrealized_pnl=pnl,
        leverage=before.leverage if before is not None else None,
    )
    return replace(seen, account=replace(account, positions=positions))


def _alone(symbol: str, account: Account) -> bool:
    held = account.positions.get(symbol)
    isolated = account.margin_modes.get(symbol) is MarginMode.ISOLATED
    return isolated or (held is not None and held.isolated_wallet is not None)


def _paid(account: Account, symbol: str, pnl: Decimal) -> Account:
    """The account once the profit or loss of a closed position is in its wallet."""
    asset = settle_of(symbol) or ""
    wallet = account.futures.get(asset)
    if wallet is None:
        return account
    paid = replace(wallet, wallet_balance=wallet.wallet_balance + pnl)
    return replace(account, futures={**account.futures, asset: paid})
