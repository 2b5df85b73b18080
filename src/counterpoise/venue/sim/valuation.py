"""What accounts are worth and what they may still use: balances, margins, positions at mark.

Computed from the ledger, the positions and the open orders each time it is asked for; nothing is cached, so
nothing can be out of date.
"""

from __future__ import annotations

from decimal import Decimal

from counterpoise.domain.numbers import ZERO
from counterpoise.venue.sim.accounts import Account
from counterpoise.venue.sim.ledger import Ledger
from counterpoise.venue.sim.listing import Listing, Perpetual
from counterpoise.venue.sim.margin import (
    SymbolMargin,
    available_of,
    floored,
    liquidation_price,
    maintenance_margin,
    symbol_margin,
    worst_notional,
)
from counterpoise.venue.sim.model import (
    AccountView,
    Balance,
    FuturesWallet,
    MarketKind,
    PerpPosition,
    Side,
    SimOrder,
    Wallet,
)
from counterpoise.venue.sim.pool import NO_MARKS, Marks, Pool, Standing
from counterpoise.venue.sim.positions import Position


class Valuation:
    """Reads the ledger and the listing; changes nothing."""

    def __init__(self, ledger: Ledger, listing: Listing) -> None:
        self._ledger = ledger
        self._listing = listing
        self._assets = {
            symbol: (market.rules.base, market.rules.quote)
            for symbol, market in listing.spot.items()
        }

    def free(self, account: Account, asset: str) -> Decimal:
        """Return what of ``asset`` in the spot wallet no open order holds."""
        held = account.locked(self._assets).get(asset, ZERO)
        return self._ledger.balance(account.purse(Wallet.SPOT), asset) - held

    def spot(self, account: Account) -> dict[str, Balance]:
        """Return the spot wallet, by asset."""
        held = account.locked(self._assets)
        purse = account.purse(Wallet.SPOT)
        return {
            asset: Balance(
                asset=asset,
                free=self._ledger.balance(purse, asset) - held.get(asset, ZERO),
                locked=held.get(asset, ZERO),
            )
            for asset in self._ledger.assets(purse)
        }

    def margin(
        self,
        account: Account,
        perp: Perpetual,
        *,
        extra: tuple[Side, Decimal] | None = None,
        leverage: int | None = None,
    ) -> SymbolMargin:
        """Return the initial margin of one symbol, with an ``extra`` order (side, notional) or other leverage."""
        rules = perp.market.rules
        buys, sells = _pending(account, rules.symbol, extra)
        return symbol_margin(
            notional=account.position(rules.symbol).qty * perp.mark.value,
            buys=buys,
            sells=sells,
            leverage=leverage or account.leverage_of(rules.symbol, rules.max_leverage),
        )

    def worst_notional(
        self, account: Account, perp: Perpetual, *, extra: tuple[Side, Decimal] | None = None
    ) -> Decimal:
        """Return the largest size (quote, at mark) the position may come to by its open orders and ``extra``."""
        buys, sells = _pending(account, perp.market.symbol, extra)
        held = account.position(perp.market.symbol).qty * perp.mark.value
        return worst_notional(notional=held, buys=buys, sells=sells)

    def reserved(
        self, account: Account, perp: Perpetual, *, leverage: int | None = None
    ) -> Decimal:
        """Return what one symbol takes of the futures wallet; an isolated position has its margin elsewhere."""
        margin = self.margin(account, perp, leverage=leverage)
        return margin.orders if account.isolated(perp.market.symbol) else margin.total

    def available(self, account: Account, asset: str) -> Decimal:
        """Return what new orders may use of collateral ``asset``; below zero when over-committed."""
        pool = self.pool(account, asset)
        return available_of(
            wallet=pool.wallet,
            unrealized_pnl=pool.unrealized_pnl,
            margins=sum(
                (self.reserved(account, perp) for perp in self._perps(account, asset)), ZERO
            ),
        )

    def _perps(self, account: Account, asset: str) -> list[Perpetual]:
        touched = set(account.positions)
        touched.update(o.symbol for o in account.open_orders() if o.kind is MarketKind.PERP)
        return [
            perp
            for symbol, perp in self._listing.perps.items()
            if symbol in touched and perp.market.rules.quote == asset
        ]

    def pool(self, account: Account, asset: str, marks: Marks = NO_MARKS) -> Pool:
        """Return the cross pool of collateral ``asset``, with ``marks`` in place of those that stand now."""
        held = tuple(
            self._standing(perp, position, marks)
            for symbol, position in account.positions.items()
            if position.qty != 0 and not account.isolated(symbol)
            if (perp := self._listing.perps[symbol]).market.rules.quote == asset
        )
        return Pool(
            wallet=self._ledger.balance(account.purse(Wallet.FUTURES), asset), positions=held
        )

    def apart(self, account: Account, perp: Perpetual, marks: Marks = NO_MARKS) -> Pool:
        """Return the pool of an isolated position: its own wallet, and nothing beside it."""
        rules = perp.market.rules
        purse = account.isolated_purse(rules.symbol)
        position = account.position(rules.symbol)
        return Pool(
            wallet=self._ledger.balance(purse, rules.quote),
            positions=(self._standing(perp, position, marks),) if position.qty != 0 else (),
        )

    def _standing(self, perp: Perpetual, position: Position, marks: Marks) -> Standing:
        symbol = perp.market.symbol
        mark = marks.get(symbol, perp.mark.value)
        return Standing(perp=perp, position=position, mark=mark)

    def wallet(self, account: Account, asset: str) -> FuturesWallet:
        """Return the collateral in ``asset``."""
        pool = self.pool(account, asset)
        perps = self._perps(account, asset)
        margins = [self.margin(account, perp) for perp in perps]
        isolated = [
            self.apart(account, perp) for perp in perps if account.isolated(perp.market.symbol)
        ]
        balance = pool.wallet + sum((each.wallet for each in isolated), ZERO)
        unrealized = pool.unrealized_pnl + sum((each.unrealized_pnl for each in isolated), ZERO)
        return FuturesWallet(
            asset=asset,
            wallet_balance=balance,
            unrealized_pnl=unrealized,
            margin_balance=balance + unrealized,
            position_initial_margin=sum((each.position for each in margins), ZERO),
            open_order_initial_margin=sum((each.orders for each in margins), ZERO),
            available=floored(self.available(account, asset)),
            cross_balance=pool.wallet,
            cross_unrealized_pnl=pool.unrealized_pnl,
            maintenance_margin=pool.maintenance,
            margin_ratio=pool.ratio,
        )

    def view(self, account: Account) -> AccountView:
        """Return everything the account holds."""
        purse = account.purse(Wallet.FUTURES)
        assets = sorted({*self._ledger.assets(purse), *self._listing.collateral()})
        return AccountView(
            spot=self.spot(account),
            futures={asset: self.wallet(account, asset) for asset in assets},
            positions=tuple(
                self._position(account, perp)
                for symbol, perp in self._listing.perps.items()
                if account.position(symbol).qty != 0
                or symbol in account.leverage
                or symbol in account.margin_types
            ),
            leverage={
                symbol: account.leverage_of(symbol, perp.market.rules.max_leverage)
                for symbol, perp in self._listing.perps.items()
            },
            margin_types={symbol: account.margin_type(symbol) for symbol in self._listing.perps},
        )

    def _position(self, account: Account, perp: Perpetual) -> PerpPosition:
        rules = perp.market.rules
        position = account.position(rules.symbol)
        isolated = account.isolated(rules.symbol)
        pool = self.apart(account, perp) if isolated else self.pool(account, rules.quote)
        notional = position.qty * perp.mark.value
        return PerpPosition(
            symbol=rules.symbol,
            qty=position.qty,
            entry_price=position.entry_price,
            mark_price=perp.mark.value,
            unrealized_pnl=position.unrealized_pnl(perp.mark.value),
            notional=notional,
            leverage=account.leverage_of(rules.symbol, rules.max_leverage),
            initial_margin=self.margin(account, perp).position,
            updated_at=account.moved_at.get(rules.symbol),
            maintenance_margin=maintenance_margin(rules.margin_tiers, notional),
            margin_ratio=pool.ratio if position.qty else None,
            liquidation_price=liquidation_price(
                rules.margin_tiers, position, pool.without(rules.symbol)
            ),
            margin_type=account.margin_type(rules.symbol),
            isolated_wallet=pool.wallet if isolated else ZERO,
        )


def _pending(
    account: Account, symbol: str, extra: tuple[Side, Decimal] | None
) -> tuple[Decimal, Decimal]:
    """Return what open orders (and ``extra``) may still buy and sell of a contract, in quote at their limits."""
    pending = {Side.BUY: ZERO, Side.SELL: ZERO}
    if extra is not None:
        pending[extra[0]] += extra[1]
    for order in account.open_orders():
        if _needs_margin(order, symbol) and order.price is not None:
            pending[order.side] += order.remaining_qty * order.price
    return pending[Side.BUY], pending[Side.SELL]


def _needs_margin(order: SimOrder, symbol: str) -> bool:
    return order.kind is MarketKind.PERP and order.symbol == symbol and not order.reduce_only
