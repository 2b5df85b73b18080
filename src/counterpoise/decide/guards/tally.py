"""What is open, unproven and already let through, at its worst case: what the limits are held against."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal

from counterpoise.domain.instrument import is_spot
from counterpoise.domain.numbers import ONE, ZERO, quantize, text
from counterpoise.domain.order import Order, Side
from counterpoise.domain.portfolio import PortfolioView
from counterpoise.domain.records import Recorded
from counterpoise.domain.snapshot import Snapshot

_SHOWN = Decimal("0.01")


@dataclass(slots=True)
class Tally:
    """Sums in quote; ``unvalued`` names what ``gross`` lacks.

    ``gross``: futures, every position and order counted as positive. ``coins``: coins held (outside ones included)
    and what may still be bought. ``net``: the signed exposure as it is; ``buys`` and ``sells``: by how much orders may
    still move it either way. ``margin`` and ``spent``: (venue, asset) -> what approved orders take out of a wallet.
    """

    turnover: Decimal
    gross: Decimal
    unvalued: str | None
    open_orders: int
    recent: int
    day: int
    coins: Decimal = ZERO
    net: Decimal = ZERO
    buys: Decimal = ZERO
    sells: Decimal = ZERO
    margin: dict[tuple[str, str], Decimal] = field(default_factory=dict)
    spent: dict[tuple[str, str], Decimal] = field(default_factory=dict)
    approved: list[Order] = field(default_factory=list)

    def count(self, order: Order, snapshot: Snapshot) -> None:
        """Let ``order`` through."""
        self.approved.append(order)
        self.recent += 1
        self.day += 1
        self.open_orders += 1
        notional = notional_of(order, order.qty, snapshot)
        self.lean(order, notional)
        if order.reduce_only:
            return
        self.turnover += notional
        if is_spot(order.symbol):
            asset, qty = spent_by(order, snapshot)
            self.spent[order.venue, asset] = self.spent.get((order.venue, asset), ZERO) + qty
            return
        self.gross += notional
        settle = snapshot.venues[order.venue].instruments[order.symbol].settle
        if settle is not None:
            purse = (order.venue, settle)
            needed = notional / leverage_of(snapshot, order.venue, order.symbol)
            self.margin[purse] = self.margin.get(purse, ZERO) + needed

    def lean(self, order: Order, notional: Decimal) -> None:
        """Note by how much ``order`` may still move exposure."""
        if order.side is Side.BUY:
            self.buys += notional
        else:
            self.sells += notional
        if is_spot(order.symbol) and order.side is Side.BUY:
            self.coins += notional


def tally_of(snapshot: Snapshot, recorded: Recorded, view: PortfolioView | None) -> Tally:
    """Return the sums before anything is let through."""
    live = [o for o in recorded.orders if not o.state.is_final]
    turnover = sum((f.qty * f.price for f in recorded.recent_fills), ZERO)
    turnover += sum(
        (notional_of(o, o.remaining_qty, snapshot) for o in live if not o.reduce_only), ZERO
    )
    gross, unvalued = ZERO, None
    for venue, seen in snapshot.venues.items():
        if seen.account is None:
            unvalued = f"account of {venue}"
            continue
        for symbol, position in seen.account.positions.items():
            mark = mark_of(snapshot, venue, symbol) or position.mark_price
            if mark is None and position.qty != 0:
                unvalued = f"mark price of {symbol}"
            gross += abs(position.qty) * (mark or ZERO)
    adding = [o for o in live if not o.reduce_only and not is_spot(o.symbol)]
    gross += sum((notional_of(o, o.remaining_qty, snapshot) for o in adding), ZERO)
    tally = Tally(
        turnover=turnover,
        gross=gross,
        unvalued=unvalued,
        open_orders=len(live),
        recent=len(recorded.placed_at),
        day=recorded.placed_24h,
    )
    for asset in view.assets.values() if view is not None else ():
        tally.coins += abs(asset.held_qty) * asset.price
        tally.net += asset.exposure_qty * asset.price
    for order in live:
        tally.lean(order, notional_of(order, order.remaining_qty, snapshot))
    return tally


def spent_by(order: Order, snapshot: Snapshot) -> tuple[str, Decimal]:
    """Return what a spot order takes out of the wallet."""
    pair = snapshot.venues[order.venue].instruments[order.symbol]
    if order.side is Side.SELL:
        return pair.base, order.qty
    return pair.quote, order.qty * (order.price or ZERO)


def leverage_of(snapshot: Snapshot, venue: str, symbol: str) -> Decimal:
    """Return a contract's leverage; one that nobody told counts as 1."""
    account = snapshot.venues[venue].account
    if account is None:
        return ONE
    held = account.positions.get(symbol)
    known = held.leverage if held is not None else None
    leverage = known if known is not None else account.leverage.get(symbol)
    return leverage if leverage is not None and leverage > 0 else ONE


def mark_of(snapshot: Snapshot, venue: str, symbol: str) -> Decimal | None:
    """Return what an instrument is valued at, None where nobody tells."""
    quote = snapshot.venues[venue].quotes.get(symbol)
    return quote.fair if quote is not None else None


def notional_of(order: Order, qty: Decimal, snapshot: Snapshot) -> Decimal:
    """Return the quote value of ``qty`` at the worse of the order's price and the mark."""
    mark = mark_of(snapshot, order.venue, order.symbol) or ZERO
    return qty * max(order.price or ZERO, mark)


def shown(value: Decimal) -> str:
    """Return a figure as refusals tell it."""
    return text(quantize(value, _SHOWN))
