"""Liquidation: what happens to an account whose margin does not reach any more.

A cross pool first loses its open orders, then its positions, the worst loss first, until what is left is enough. An
isolated position loses its own orders and is closed. A position is closed at the mark, or where the pool is worth
nothing before the mark is reached, at the price at which it was (bankruptcy), on the tick against the account. The fee
takes what is there and no more; what is lacking in the end is borne by the insurance fund, the house.
"""

from __future__ import annotations

from datetime import datetime
from decimal import ROUND_DOWN, ROUND_HALF_EVEN, Decimal

from counterpoise.domain.numbers import ZERO, ceil_step, floor_step, quantize
from counterpoise.venue.sim.accounts import Account, Accounts
from counterpoise.venue.sim.clearing import Clearing, Forced
from counterpoise.venue.sim.desk import OrderDesk
from counterpoise.venue.sim.listing import Listing, Perpetual
from counterpoise.venue.sim.market import Level
from counterpoise.venue.sim.model import Fees, MarginType, Side, Wallet
from counterpoise.venue.sim.pool import NO_MARKS, Marks, Pool, Standing
from counterpoise.venue.sim.positions import BOOKED
from counterpoise.venue.sim.valuation import Valuation

FEE_ROUNDING = ROUND_HALF_EVEN
#: A balance between two booked steps is taken down to the lower.
LEFT_ROUNDING = ROUND_DOWN


class Liquidator:
    """Looks after the margin of every account whenever a mark or a wallet moved by itself."""

    def __init__(
        self,
        *,
        listing: Listing,
        accounts: Accounts,
        desk: OrderDesk,
        clearing: Clearing,
        valuation: Valuation,
        fees: Fees,
    ) -> None:
        self._listing = listing
        self._accounts = accounts
        self._desk = desk
        self._clearing = clearing
        self._valuation = valuation
        self._fees = fees
        self._count = 0

    def look(
        self, perp: Perpetual, at: datetime, extremes: tuple[Decimal, Decimal] | None = None
    ) -> None:
        """Liquidate who cannot bear the mark of ``perp``; ``extremes`` (high, low) stand for it where given."""
        symbol = perp.market.symbol
        for account in self._accounts:
            qty = account.position(symbol).qty
            if qty == 0:
                continue
            marks = NO_MARKS if extremes is None else {symbol: extremes[qty > 0]}
            if account.isolated(symbol):
                self._look_apart(account, perp, marks, at)
            else:
                self._look_together(account, perp.market.rules.quote, marks, at)

    def look_everywhere(self, at: datetime) -> None:
        """Liquidate whoever cannot bear the marks that stand now."""
        for perp in self._listing.perps.values():
            self.look(perp, at)

    def _look_apart(self, account: Account, perp: Perpetual, marks: Marks, at: datetime) -> None:
        pool = self._valuation.apart(account, perp, marks)
        if not pool.lost:
            return
        self._desk.cancel_contracts(account, {perp.market.symbol}, at)
        self._close(account, pool.positions[0], pool, MarginType.ISOLATED, at)

    def _look_together(self, account: Account, asset: str, marks: Marks, at: datetime) -> None:
        pool = self._valuation.pool(account, asset, marks)
        if not pool.lost:
            return
        contracts = {s for s, p in self._listing.perps.items() if p.market.rules.quote == asset}
        self._desk.cancel_contracts(account, contracts, at)
        while pool.lost:
            worst = min(pool.positions, key=lambda each: (each.unrealized_pnl, each.symbol))
            self._close(account, worst, pool, MarginType.CROSS, at)
            pool = self._valuation.pool(account, asset, marks)
            if not pool.positions:
                purse = account.purse(Wallet.FUTURES)
                self._clearing.insure(account, purse, worst.perp.market.rules, at)

    def _close(
        self, account: Account, held: Standing, pool: Pool, status: MarginType, at: datetime
    ) -> None:
        qty = abs(held.position.qty)
        side = Side.SELL if held.position.qty > 0 else Side.BUY
        price = self._price(held, pool.balance)
        left = pool.balance + held.position.qty * (price - held.mark)
        fee = quantize(qty * price * self._fees.liquidation, BOOKED, FEE_ROUNDING)
        fee = min(fee, max(quantize(left, BOOKED, LEFT_ROUNDING), ZERO))
        self._count += 1
        self._desk.force(
            account,
            held.perp.market,
            side,
            Level(price, qty),
            client_order_id=f"autoclose-{self._count}",
            forced=Forced(event="liquidation", fee=fee, status=status),
            at=at,
        )

    @staticmethod
    def _price(held: Standing, balance: Decimal) -> Decimal:
        """Return the mark, or the price before it at which the pool was worth nothing."""
        price = held.mark - min(balance, ZERO) / held.position.qty
        tick = held.perp.market.rules.tick_size
        on_tick = floor_step(price, tick) if held.position.qty > 0 else ceil_step(price, tick)
        return max(on_tick, tick)
