"""Deposits and withdrawals: what an account must hold, and what its balance says beyond that (MEANING 11).

All figures are of one asset of one account: spot wallet and futures wallet together, without unrealised profit, so
that a move between the two cancels out. What must be there is what was there, plus our own spot fills net of their
fees, plus what the venue booked into the futures wallet. The rest came in or went out. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from itertools import accumulate

from counterpoise.domain.instrument import base_of, is_spot, quote_of
from counterpoise.domain.ledger import EntryKind, LedgerEntry
from counterpoise.domain.numbers import ONE, ZERO, dec
from counterpoise.domain.order import Fill
from counterpoise.domain.snapshot import Account, Snapshot

#: Smaller differences are the rounding of a venue (units of the asset).
NOISE = dec("1e-8")
#: Differences worth no more than this, in the portfolio's quote, are not worth a pause or a message.
DUST = ONE
#: A withdrawal may cost a network fee of up to this part of it, which the venue's entry leaves out.
NETWORK_FEE = dec("0.02")

_MONEY = frozenset(
    {EntryKind.FUNDING, EntryKind.REALIZED_PNL, EntryKind.COMMISSION, EntryKind.OTHER}
)
_BORDER = frozenset({EntryKind.DEPOSIT, EntryKind.WITHDRAWAL})


@dataclass(frozen=True, slots=True, kw_only=True)
class Movement:
    """A change of ``asset`` that is explained: ``qty`` > 0 came in.

    ``between``: ``qty`` went from the spot to the futures wallet; both together did not change.
    """

    asset: str
    qty: Decimal
    at: datetime
    futures: bool
    between: bool = False


def total_of(account: Account, asset: str) -> Decimal:
    """Return what ``account`` shows of ``asset`` in all wallets, without unrealised profit."""
    balance, wallet = account.spot.get(asset), account.futures.get(asset)
    total = balance.total if balance is not None else ZERO
    return total + wallet.wallet_balance if wallet is not None else total


def movements_of(events: Iterable[Fill | LedgerEntry]) -> Iterator[Movement]:
    """Yield what ``events`` changed: own spot fills and the venue's entries for the futures wallet.

    A futures fill changes nothing itself (its profit and commission are entries), nor does a deposit or withdrawal:
    it only confirms a change that is seen.
    """
    for event in events:
        if isinstance(event, LedgerEntry):
            if event.kind in _MONEY or event.kind is EntryKind.TRANSFER:
                yield Movement(
                    asset=event.asset,
                    qty=event.qty,
                    at=event.at,
                    futures=True,
                    between=event.kind is EntryKind.TRANSFER,
                )
        elif is_spot(event.symbol):
            parts = (
                (base_of(event.symbol), event.signed_qty),
                (quote_of(event.symbol), -event.signed_qty * event.price),
                (event.fee_asset, -event.fee),
            )
            for asset, qty in parts:
                if asset is not None and qty != 0:
                    yield Movement(asset=asset, qty=qty, at=event.filled_at, futures=False)


def moved(movements: Iterable[Movement], asset: str) -> Decimal:
    """Return by how much ``movements`` changed the total of ``asset``."""
    return sum((m.qty for m in movements if m.asset == asset and not m.between), ZERO)


def unseen_yet(movements: Iterable[Movement], asset: str, since: datetime) -> frozenset[Decimal]:
    """Return every sum that a read may differ by because it was taken while ``movements`` happened.

    Of those at or after ``since`` each wallet shows the older ones and lacks the newer ones; a move between wallets
    may be seen in one of them only. Always contains zero.
    """
    late = sorted(
        (m for m in movements if m.asset == asset and m.at >= since),
        key=lambda m: m.at,
        reverse=True,
    )
    lacking = [
        (ZERO, *accumulate(m.qty for m in late if m.futures is futures and not m.between))
        for futures in (False, True)
    ]
    crossing = [m.qty for m in late if m.between]
    halves = {ZERO, *crossing, *accumulate(crossing)}
    return frozenset(
        half * sign - spot - futures
        for half in halves
        for sign in (1, -1)
        for spot in lacking[0]
        for futures in lacking[1]
    )


def is_border(entry: LedgerEntry) -> bool:
    """Whether ``entry`` tells of a deposit or withdrawal."""
    return entry.kind in _BORDER


def confirming(change: Decimal, entries: Sequence[LedgerEntry]) -> tuple[LedgerEntry, ...]:
    """Return the entries (deposits and withdrawals of one asset, oldest first) that account for ``change``.

    They are neighbours, and may lack the network fee of a withdrawal. Empty when none account for it.
    """
    runs = [
        tuple(entries[first:last])
        for first in range(len(entries))
        for last in range(first + 1, len(entries) + 1)
    ]
    exact = (r for r in runs if abs(change - _sum(r)) <= NOISE)
    near = (r for r in runs if _sum(r) < 0 and _sum(r) * (ONE + NETWORK_FEE) <= change < _sum(r))
    return next(exact, next(near, ()))


def _sum(entries: Iterable[LedgerEntry]) -> Decimal:
    return sum((e.qty for e in entries), ZERO)


def is_dust(change: Decimal, price: Decimal | None) -> bool:
    """Whether ``change`` is rounding, or worth no more than one unit of the quote that ``price`` is in."""
    return abs(change) <= NOISE or (price is not None and abs(change) * price <= DUST)


def price_of(asset: str, quote: str, snapshot: Snapshot) -> Decimal | None:
    """Return what one ``asset`` is worth in ``quote``: 1 for the quote itself, None where it is not priced here."""
    if asset == quote:
        return ONE
    pair = f"{asset}/{quote}"
    for symbol in (pair, f"{pair}:{quote}"):
        for seen in snapshot.venues.values():
            found = seen.quotes.get(symbol)
            if found is not None and found.fair is not None and found.fair > 0:
                return found.fair
    return None
