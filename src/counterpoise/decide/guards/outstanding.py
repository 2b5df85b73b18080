"""What of ours may be in a balance already although the venue has not told it yet: a bound for flows (MEANING 11).

Venues answer different questions from different books. A balance that moved within this bound is given a moment to
be explained before anybody calls it a deposit; beyond it, nothing of ours can be the reason.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from decimal import Decimal

from counterpoise.domain.flows import NOISE, price_of
from counterpoise.domain.instrument import base_of, is_spot, quote_of, settle_of
from counterpoise.domain.ledger import EntryKind, LedgerEntry
from counterpoise.domain.numbers import ONE, ZERO, dec
from counterpoise.domain.order import Fill, Order
from counterpoise.domain.records import Recorded
from counterpoise.domain.snapshot import Account, Snapshot

#: How long after a futures fill its profit and commission may be missing from the venue's books.
BOOKED_WITHIN = timedelta(seconds=60)
#: How long after an instant of funding (on the hour) its payment may be missing.
PAID_WITHIN = timedelta(minutes=2)
#: How long reading an account takes: what happens meanwhile may be in it. Clocks differ by less.
READ_WITHIN = timedelta(seconds=5)
#: No venue charges more than this part of a position's value at one instant.
MOST_FUNDING = dec("0.04")
#: A market order may fill this much away from the price known here.
_SLIP = dec("1.05")
#: A commission belongs to a fill of the same contract when their instants differ by no more than this.
_SAME = timedelta(seconds=1)
_HOUR = timedelta(hours=1)
_EPOCH = datetime.fromisoformat("1970-01-01T00:00:00+00:00")

Bound = tuple[Decimal, Decimal]


def outstanding(
    venue: str,
    asset: str,
    account: Account,
    snapshot: Snapshot,
    recorded: Recorded,
    recent: Sequence[Fill | LedgerEntry],
    quote: str,
) -> Bound:
    """Return by how much ``asset`` at ``venue`` may be lower (<= 0) and higher (>= 0) than what is booked explains.

    ``recorded`` are the records as this look leaves them, ``recent`` what was booked at ``venue`` lately.
    """
    low, high = ZERO, ZERO
    for change in _unread_coins(venue, asset, snapshot, recorded):
        low, high = low + min(change, ZERO), high + max(change, ZERO)
    money = sum(_unbooked_fills(asset, account.as_of, recent), ZERO)
    money += sum(_unpaid_funding(asset, account, snapshot, recent, quote), ZERO)
    money += sum(_moved_positions(venue, asset, account, snapshot, recorded, quote), ZERO)
    return low - money, high + money


def _unread_coins(
    venue: str, asset: str, snapshot: Snapshot, recorded: Recorded
) -> Iterable[Decimal]:
    """Spot orders of ours whose fills were reported, or may have happened, and were not read."""
    for order in recorded.orders:
        if order.venue != venue or not is_spot(order.symbol):
            continue
        qty = _unread(order) * order.side.sign
        base, quote = base_of(order.symbol), quote_of(order.symbol)
        if asset == base:
            yield qty
        elif asset == quote:
            price = order.price or price_of(base, quote, snapshot) or ZERO
            yield -qty * price * _SLIP


def _unread(order: Order) -> Decimal:
    reported = order.qty if order.state.is_unproven else order.filled_qty
    return max(reported - order.booked_qty, ZERO)


def _unbooked_fills(
    asset: str, now: datetime, recent: Sequence[Fill | LedgerEntry]
) -> Iterable[Decimal]:
    """Values of futures fills settled in ``asset`` whose commission, and so their profit, is not booked yet."""
    paid = [e for e in recent if isinstance(e, LedgerEntry) and e.kind is EntryKind.COMMISSION]
    for fill in recent:
        if isinstance(fill, LedgerEntry) or settle_of(fill.symbol) != asset or fill.fee == 0:
            continue
        own = next((e for e in paid if _is_commission_of(fill, e)), None)
        if own is not None:
            paid.remove(own)  # each pays for one
        elif now - fill.filled_at <= BOOKED_WITHIN:
            yield fill.qty * _unit(fill.symbol, fill.price)


def _is_commission_of(fill: Fill, entry: LedgerEntry) -> bool:
    same = entry.symbol == fill.symbol and abs(entry.at - fill.filled_at) <= _SAME
    return same and abs(entry.qty + fill.fee) <= NOISE


def _unpaid_funding(
    asset: str,
    account: Account,
    snapshot: Snapshot,
    recent: Sequence[Fill | LedgerEntry],
    quote: str,
) -> Iterable[Decimal]:
    """The most that positions settled in ``asset`` may have paid or received at the last full hour."""
    latest = account.as_of + READ_WITHIN
    hour = latest - (latest - _EPOCH) % _HOUR
    if account.as_of - hour > PAID_WITHIN:
        return
    paid = {
        e.symbol
        for e in recent
        if isinstance(e, LedgerEntry) and e.kind is EntryKind.FUNDING and e.at >= hour - _SAME
    }
    for symbol, position in account.positions.items():
        if settle_of(symbol) == asset and symbol not in paid:
            yield abs(position.qty) * _price(symbol, account, snapshot, quote) * MOST_FUNDING


def _moved_positions(
    venue: str,
    asset: str,
    account: Account,
    snapshot: Snapshot,
    recorded: Recorded,
    quote: str,
) -> Iterable[Decimal]:
    """Values of what positions settled in ``asset`` differ from the records: trades or an expiry not booked yet."""
    known = {s for v, s in recorded.positions if v == venue}
    for symbol in known | set(account.positions):
        if settle_of(symbol) != asset:
            continue
        record = recorded.positions.get((venue, symbol))
        shown = account.positions.get(symbol)
        missing = (shown.qty if shown is not None else ZERO) - (
            record.expected_qty if record is not None else ZERO
        )
        if missing != 0:
            yield abs(missing) * _price(symbol, account, snapshot, quote)


def _price(symbol: str, account: Account, snapshot: Snapshot, quote: str) -> Decimal:
    """A price of the contract in its settle asset, as good as any known: it only bounds."""
    position = account.positions.get(symbol)
    if position is not None and position.mark_price is not None:
        return _unit(symbol, position.mark_price)
    return _unit(symbol, price_of(base_of(symbol), quote, snapshot) or ZERO)


def _unit(symbol: str, price: Decimal) -> Decimal:
    """The value of one base unit in the settle asset: inverse contracts are settled in the coin itself."""
    return ONE if settle_of(symbol) == base_of(symbol) else price
