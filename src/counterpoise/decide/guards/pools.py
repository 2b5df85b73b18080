"""Collateral pools as one look shows them: which wallet can be lost by which positions.

A position that the venue keeps isolated is a pool of its own; all others of one collateral share its cross wallet.
Where a figure is missing the pool is not guessed: it is unseen, and people are told. Only the margin table has a
fallback, :data:`ASSUMED`, because a hedge without a table is still a hedge that must be kept alive.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from counterpoise.domain.health import Holding, Pool
from counterpoise.domain.instrument import base_of, settle_of
from counterpoise.domain.margin import Tiers, at_least, flat_tier
from counterpoise.domain.numbers import ZERO, dec
from counterpoise.domain.reasons import Reason, reason
from counterpoise.domain.snapshot import Position, VenueSnapshot
from counterpoise.domain.transfer import Purse, Transfer

#: Maintenance rate of a contract whose table the venue does not tell: above the first tiers of all large contracts.
ASSUMED_RATE = dec("0.025")
ASSUMED: Tiers = flat_tier(ASSUMED_RATE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pools:
    """The pools of one venue; ``assumed`` names symbols without a table, or with an old one.

    ``unseen`` says why there are none.
    """

    pools: tuple[Pool, ...] = ()
    assumed: frozenset[str] = frozenset()
    unseen: Reason | None = None


def pools_of(seen: VenueSnapshot, transfers: tuple[Transfer, ...] = ()) -> Pools:
    """Return the pools of a venue, one per collateral and isolated position.

    ``transfers`` that are not proven count against us: what may have left a futures wallet is gone.
    """
    account = seen.account
    if account is None:
        return Pools(unseen=reason("margin_unseen", venue=seen.venue, what="its account"))
    holdings: dict[str, Holding] = {}
    for symbol, position in account.positions.items():
        if position.qty == 0:
            continue
        holding = holding_of(symbol, position.qty, position, seen)
        if holding is None:
            return Pools(
                unseen=reason(
                    "margin_unseen", venue=seen.venue, what=f"mark or entry price of {symbol}"
                )
            )
        holdings[symbol] = holding
    pools: list[Pool] = []
    for asset in dict.fromkeys([*account.futures, *(settle_of(s) or "" for s in holdings)]):
        wallet = account.futures.get(asset)
        mine = {s: h for s, h in holdings.items() if settle_of(s) == asset}
        if wallet is None and mine:
            return Pools(
                unseen=reason("margin_unseen", venue=seen.venue, what=f"its {asset} collateral")
            )
        balance = account.purse(Purse.FUTURES, asset)
        if balance is None:
            what = f"the wallets of isolated positions in {asset}"
            return Pools(unseen=reason("margin_unseen", venue=seen.venue, what=what))
        alone = {s: q for s in mine if (q := account.purse(Purse.POSITION, asset, s)) is not None}
        balance -= _leaving(seen.venue, asset, transfers)
        shared = tuple(h for s, h in mine.items() if s not in alone)
        pools.append(Pool(venue=seen.venue, asset=asset, wallet=balance, holdings=shared))
        pools += [
            Pool(
                venue=seen.venue,
                asset=asset,
                wallet=alone[s],
                holdings=(mine[s],),
                isolated=s,
            )
            for s in alone
        ]
    return Pools(
        pools=tuple(pools),
        assumed=frozenset(s for s in holdings if seen.tiers_are_old or not seen.tiers.get(s)),
    )


def holding_of(
    symbol: str, qty: Decimal, position: Position | None, seen: VenueSnapshot
) -> Holding | None:
    """Return ``qty`` of a contract as a pool's holding; None while no price of it is known."""
    quote = seen.quotes.get(symbol)
    mark = quote.mark if quote is not None else None
    if mark is None and position is not None:
        mark = position.mark_price
    if mark is None and quote is not None:
        mark = quote.fair
    if mark is None or mark <= 0:
        return None
    entry = _entry(position, mark) if position is not None and position.qty != 0 else mark
    if entry is None:
        return None
    return Holding(
        symbol=symbol,
        asset=base_of(symbol),
        qty=qty,
        entry=entry,
        mark=mark,
        tiers=_tiers_of(symbol, seen),
    )


def _tiers_of(symbol: str, seen: VenueSnapshot) -> Tiers:
    """The table of a contract; an old one may have changed, and counts where it asks for more than is assumed."""
    told = seen.tiers.get(symbol)
    if not told:
        return ASSUMED
    return at_least(told, ASSUMED_RATE) if seen.tiers_are_old else told


def _entry(position: Position, mark: Decimal) -> Decimal | None:
    if position.entry_price is not None:
        return position.entry_price
    if position.unrealized_pnl is not None:
        return (position.mark_price or mark) - position.unrealized_pnl / position.qty
    return None


def _leaving(venue: str, asset: str, transfers: tuple[Transfer, ...]) -> Decimal:
    """What may be on its way out of the cross wallet: not proven, so counted as gone."""
    return sum(
        (
            t.qty
            for t in transfers
            if not t.state.is_final
            and (t.venue, t.asset, t.source) == (venue, asset, Purse.FUTURES)
        ),
        ZERO,
    )


def merged(pool: Pool, extra: Mapping[str, Holding]) -> Pool:
    """Return the pool with holdings of size zero for the symbols of ``extra`` that it lacks."""
    known = {h.symbol for h in pool.holdings}
    more = tuple(h for s, h in extra.items() if s not in known)
    return Pool(
        venue=pool.venue,
        asset=pool.asset,
        wallet=pool.wallet,
        holdings=(*pool.holdings, *more),
        isolated=pool.isolated,
    )
