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
from counterpoise.venue.sim.margin import SymbolMargin, available_of, floored, symbol_margin
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
        pending = {Side.BUY: ZERO, Side.SELL: ZERO}
        if extra is not None:
            pending[extra[0]] += extra[1]
        for order in account.open_orders():
            if _needs_margin(order, rules.symbol) and order.price is not None:
                pending[order.side] += order.remaining_qty * order.price
        return symbol_margin(
            notional=account.position(rules.symbol).qty * perp.mark.value,
            buys=pending[Side.BUY],
            sells=pending[Side.SELL],
            leverage=leverage or account.leverage_of(rules.symbol, rules.max_leverage),
        )

    def available(self, account: Account, asset: str) -> Decimal:
        """Return what new orders may use of collateral ``asset``; below zero when over-committed."""
        margins = sum((each.total for each in self._margins(account, asset)), ZERO)
        return available_of(
            wallet=self._ledger.balance(account.purse(Wallet.FUTURES), asset),
            unrealized_pnl=self._unrealized(account, asset),
            margins=margins,
        )

    def _perps(self, account: Account, asset: str) -> list[Perpetual]:
        touched = set(account.positions)
        touched.update(o.symbol for o in account.open_orders() if o.kind is MarketKind.PERP)
        return [
            perp
            for symbol, perp in self._listing.perps.items()
            if symbol in touched and perp.market.rules.quote == asset
        ]

    def _margins(self, account: Account, asset: str) -> list[SymbolMargin]:
        return [self.margin(account, perp) for perp in self._perps(account, asset)]

    def _unrealized(self, account: Account, asset: str) -> Decimal:
        return sum(
            (
                account.position(perp.market.symbol).unrealized_pnl(perp.mark.value)
                for perp in self._perps(account, asset)
            ),
            ZERO,
        )

    def wallet(self, account: Account, asset: str) -> FuturesWallet:
        """Return the collateral in ``asset``."""
        balance = self._ledger.balance(account.purse(Wallet.FUTURES), asset)
        unrealized = self._unrealized(account, asset)
        margins = self._margins(account, asset)
        return FuturesWallet(
            asset=asset,
            wallet_balance=balance,
            unrealized_pnl=unrealized,
            margin_balance=balance + unrealized,
            position_initial_margin=sum((each.position for each in margins), ZERO),
            open_order_initial_margin=sum((each.orders for each in margins), ZERO),
            available=floored(
                available_of(
                    wallet=balance,
                    unrealized_pnl=unrealized,
                    margins=sum((each.total for each in margins), ZERO),
                )
            ),
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
                if account.position(symbol).qty != 0 or symbol in account.leverage
            ),
            leverage={
                symbol: account.leverage_of(symbol, perp.market.rules.max_leverage)
                for symbol, perp in self._listing.perps.items()
            },
        )

    def _position(self, account: Account, perp: Perpetual) -> PerpPosition:
        rules = perp.market.rules
        position = account.position(rules.symbol)
        return PerpPosition(
            symbol=rules.symbol,
            qty=position.qty,
            entry_price=position.entry_price,
            mark_price=perp.mark.value,
            unrealized_pnl=position.unrealized_pnl(perp.mark.value),
            notional=position.qty * perp.mark.value,
            leverage=account.leverage_of(rules.symbol, rules.max_leverage),
            initial_margin=self.margin(account, perp).position,
            updated_at=account.moved_at.get(rules.symbol),
        )


def _needs_margin(order: SimOrder, symbol: str) -> bool:
    return order.kind is MarketKind.PERP and order.symbol == symbol and not order.reduce_only
