"""The wallets of isolated positions: what a trade puts into one, and what it gives back.

Opening moves the initial margin of what was opened from the futures wallet, at the price of the fill. Closing returns
the closed share of the wallet with what it realised; a loss beyond that share stays with the rest of the position, and
the last part returns whatever is left. Rounding is against the futures wallet.
"""

from __future__ import annotations

from datetime import datetime
from decimal import ROUND_DOWN, ROUND_UP, Decimal

from counterpoise.domain.numbers import ZERO, quantize
from counterpoise.venue.sim.accounts import Account
from counterpoise.venue.sim.ledger import Ledger
from counterpoise.venue.sim.model import MarginMove, SymbolRules, Wallet
from counterpoise.venue.sim.positions import BOOKED, Position

ROUNDING_IN, ROUNDING_OUT = ROUND_UP, ROUND_DOWN


class IsolatedWallets:
    """Moves margin between an account's futures wallet and its isolated positions."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def balance(self, account: Account, rules: SymbolRules) -> Decimal:
        """Return what the isolated wallet of one position holds."""
        return self._ledger.balance(account.isolated_purse(rules.symbol), rules.quote)

    def move(
        self, account: Account, rules: SymbolRules, qty: Decimal, *, by_hand: bool, at: datetime
    ) -> None:
        """Move ``qty`` into the isolated wallet (below zero: out of it)."""
        if qty == 0:
            return
        purse, isolated = account.purse(Wallet.FUTURES), account.isolated_purse(rules.symbol)
        self._ledger.move(rules.quote, qty, purse, isolated)
        account.margin_moves.append(
            MarginMove(symbol=rules.symbol, asset=rules.quote, qty=qty, by_hand=by_hand, at=at)
        )

    def traded(
        self,
        account: Account,
        rules: SymbolRules,
        before: Position,
        fill: tuple[Decimal, Decimal],
        realized: Decimal,
        at: datetime,
    ) -> None:
        """Follow a ``fill`` (signed quantity, price) of the position ``before``; ``realized`` is booked already."""
        signed_qty, price = fill
        held = abs(before.qty)
        closed = min(abs(signed_qty), held) if before.qty * signed_qty < 0 else ZERO
        opened = abs(signed_qty) - closed
        if closed:
            left = self.balance(account, rules)
            share = quantize((left - realized) * closed / held, BOOKED, ROUNDING_OUT)
            freed = left if closed == held else max(share + realized, ZERO)
            self.move(account, rules, -freed, by_hand=False, at=at)
        if opened:
            leverage = account.leverage_of(rules.symbol, rules.max_leverage)
            margin = quantize(opened * price / leverage, BOOKED, ROUNDING_IN)
            self.move(account, rules, margin, by_hand=False, at=at)
