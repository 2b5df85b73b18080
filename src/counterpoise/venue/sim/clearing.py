"""Bookings: what a fill, a funding payment or a transfer does to money, positions, records and the truth log.

Every quantity that is booked is quantised here with a named rounding, and every booking has the house on its
other side. Nothing here decides whether something may happen; it makes it happen completely.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Literal

from counterpoise.domain.numbers import ZERO, quantize
from counterpoise.venue.sim.accounts import Account
from counterpoise.venue.sim.isolated import IsolatedWallets
from counterpoise.venue.sim.ledger import HOUSE, Ledger, Purse
from counterpoise.venue.sim.log import TruthLog
from counterpoise.venue.sim.market import Level, Market
from counterpoise.venue.sim.model import (
    Fees,
    Flow,
    Income,
    IncomeKind,
    MarketKind,
    OrderStatus,
    Side,
    SimOrder,
    SimTrade,
    SymbolRules,
    Transfer,
    Wallet,
)
from counterpoise.venue.sim.positions import BOOKED, Position

FEE_ROUNDING = ROUND_HALF_EVEN
FUNDING_ROUNDING = ROUND_HALF_EVEN


@dataclass(frozen=True, slots=True, kw_only=True)
class Forced:
    """A trade the exchange makes itself: how the truth log names it, and what the insurance fund takes (>= 0)."""

    event: Literal["liquidation", "deleverage"]
    fee: Decimal = ZERO
    status: str | None = None


class Clearing:
    """Books everything that happened."""

    def __init__(self, ledger: Ledger, fees: Fees, log: TruthLog) -> None:
        self._ledger = ledger
        self._fees = fees
        self._log = log
        self._isolated = IsolatedWallets(ledger)
        self._ids = {"trade": 0, "income": 0, "transfer": 0, "flow": 0}

    def _next_id(self, kind: str) -> int:
        self._ids[kind] += 1
        return self._ids[kind]

    def fill(
        self,
        account: Account,
        market: Market,
        order: SimOrder,
        fill: Level,
        *,
        maker: bool,
        at: datetime,
        forced: Forced | None = None,
    ) -> SimOrder:
        """Book one execution of ``order``, or what the exchange does by force. Returns the order after it."""
        rules = market.rules
        quote_qty = fill.price * fill.qty
        before = account.position(order.symbol)
        if order.kind is MarketKind.SPOT:
            realized = ZERO
            fee, fee_asset = self._spot(account, rules, order.side, fill, maker=maker)
        else:
            fee = ZERO if forced else self._fee(rules, quote_qty, maker=maker)
            fee_asset = rules.quote
            realized = self._perp(account, rules, order.side, fill, at)
        trade = SimTrade(
            trade_id=self._next_id("trade"),
            order_id=order.order_id,
            client_order_id=order.client_order_id,
            kind=order.kind,
            symbol=order.symbol,
            side=order.side,
            qty=fill.qty,
            price=fill.price,
            quote_qty=quote_qty,
            fee=fee,
            fee_asset=fee_asset,
            maker=maker,
            at=at,
            realized_pnl=realized,
        )
        account.record(trade)
        if order.kind is MarketKind.PERP:
            self._earn(account, "realized_pnl", rules, realized, trade)
            self._earn(account, "commission", rules, -fee, trade)
            if forced is not None:
                self._earn(account, "insurance_clear", rules, -forced.fee, trade)
            if account.isolated(order.symbol):
                self._follow_isolated(account, rules, before, trade, at, forced=forced is not None)
        filled = order.filled_qty + fill.qty
        after = replace(
            order,
            filled_qty=filled,
            filled_quote=order.filled_quote + quote_qty,
            status=OrderStatus.FILLED if filled == order.qty else OrderStatus.PARTIALLY_FILLED,
            updated_at=at,
        )
        account.save(after)
        self._log_fill(account, after, trade, forced)
        return after

    def _follow_isolated(
        self,
        account: Account,
        rules: SymbolRules,
        before: Position,
        trade: SimTrade,
        at: datetime,
        *,
        forced: bool,
    ) -> None:
        """Let the isolated wallet follow a trade; what a forced close lacks is paid by the insurance fund."""
        if forced and account.position(rules.symbol).qty == 0:
            self.insure(account, account.isolated_purse(rules.symbol), rules, at)
        fill = (trade.qty * trade.side.sign, trade.price)
        self._isolated.traded(account, rules, before, fill, trade.realized_pnl, at)

    def insure(self, account: Account, purse: Purse, rules: SymbolRules, at: datetime) -> None:
        """Let the insurance fund bring ``purse`` back to zero, where it is below."""
        lacking = -self._ledger.balance(purse, rules.quote)
        if lacking <= 0:
            return
        self._book_income(account, "insurance_clear", rules, lacking, at, None, purse=purse)
        self._log.append(
            "insurance",
            at,
            account=account.id,
            market=rules.kind,
            symbol=rules.symbol,
            qty=lacking,
            asset=rules.quote,
        )

    def _fee(self, rules: SymbolRules, paid: Decimal, *, maker: bool) -> Decimal:
        rate = self._fees.rate(rules.kind, maker=maker)
        return quantize(paid * rate, BOOKED, FEE_ROUNDING)

    def _spot(
        self, account: Account, rules: SymbolRules, side: Side, fill: Level, *, maker: bool
    ) -> tuple[Decimal, str]:
        """Swap base and quote; the fee is paid in what was received."""
        purse = account.purse(Wallet.SPOT)
        quote_qty = fill.price * fill.qty
        self._ledger.move(rules.base, fill.qty * side.sign, HOUSE, purse)
        self._ledger.move(rules.quote, quote_qty * side.sign, purse, HOUSE)
        received, asset = (fill.qty, rules.base) if side is Side.BUY else (quote_qty, rules.quote)
        fee = self._fee(rules, received, maker=maker)
        self._ledger.move(asset, fee, purse, HOUSE)
        return fee, asset

    def _perp(
        self, account: Account, rules: SymbolRules, side: Side, fill: Level, at: datetime
    ) -> Decimal:
        """Change the position. Returns the realised PnL."""
        before = account.position(rules.symbol)
        position, realized = before.traded(fill.qty * side.sign, fill.price)
        account.positions[rules.symbol] = position
        account.moved_at[rules.symbol] = at
        return realized

    def _earn(
        self,
        account: Account,
        kind: IncomeKind,
        rules: SymbolRules,
        qty: Decimal,
        trade: SimTrade,
    ) -> None:
        if qty == 0:
            return
        purse = account.purse(Wallet.FUTURES) if kind == "commission" else None
        self._book_income(account, kind, rules, qty, trade.at, trade.trade_id, purse=purse)

    def _book_income(
        self,
        account: Account,
        kind: IncomeKind,
        rules: SymbolRules,
        qty: Decimal,
        at: datetime,
        trade_id: int | None,
        *,
        purse: Purse | None = None,
    ) -> None:
        """Book into ``purse``: without one into what stands behind the position."""
        target = purse or account.margin_purse(rules.symbol)
        self._ledger.move(rules.quote, qty, HOUSE, target)
        account.income.append(
            Income(
                income_id=self._next_id("income"),
                kind=kind,
                symbol=rules.symbol,
                asset=rules.quote,
                qty=qty,
                at=at,
                trade_id=trade_id,
            )
        )

    def _log_fill(
        self, account: Account, order: SimOrder, trade: SimTrade, forced: Forced | None
    ) -> None:
        self._log.append(
            "fill" if forced is None else forced.event,
            trade.at,
            account=account.id,
            market=order.kind,
            symbol=order.symbol,
            client_id=order.client_order_id,
            order_id=order.order_id,
            trade_id=trade.trade_id,
            side=order.side,
            qty=trade.qty,
            price=trade.price,
            reduce_only=order.reduce_only,
            fee=trade.fee if forced is None else forced.fee,
            fee_asset=trade.fee_asset,
            status=order.status if forced is None else forced.status,
        )

    def funding(
        self, account: Account, rules: SymbolRules, rate: Decimal, mark: Decimal, at: datetime
    ) -> None:
        """Charge ``rate`` on the account's position at ``mark``: payment = -qty x mark x rate, received > 0.

        An account without a position neither pays nor receives, and nothing is written down.
        """
        qty = account.position(rules.symbol).qty
        if qty == 0:
            return
        payment = quantize(-qty * mark * rate, BOOKED, FUNDING_ROUNDING)
        self._book_income(account, "funding", rules, payment, at, None)
        self._log.append(
            "funding",
            at,
            account=account.id,
            market=rules.kind,
            symbol=rules.symbol,
            qty=payment,
            price=mark,
            asset=rules.quote,
        )

    def deliver(self, account: Account, rules: SymbolRules, price: Decimal, at: datetime) -> None:
        """Close the account's position in an expired future at ``price``; without one nothing is written down."""
        qty = account.position(rules.symbol).qty
        if qty == 0:
            return
        before = account.position(rules.symbol)
        position, realized = before.traded(-qty, price)
        account.positions[rules.symbol] = position
        account.moved_at[rules.symbol] = at
        self._book_income(account, "settlement", rules, realized, at, None)
        if account.isolated(rules.symbol):
            self.insure(account, account.isolated_purse(rules.symbol), rules, at)
            self._isolated.traded(account, rules, before, (-qty, price), realized, at)
        self._log.append(
            "settlement",
            at,
            account=account.id,
            market=rules.kind,
            symbol=rules.symbol,
            qty=qty,
            price=price,
            asset=rules.quote,
        )

    def endow(self, account: Account, wallet: Wallet, asset: str, qty: Decimal) -> None:
        """Give a new account what it opens with: no flow, for nothing was there before."""
        self._ledger.move(asset, qty, HOUSE, account.purse(wallet))

    def flow(
        self, account: Account, wallet: Wallet, asset: str, qty: Decimal, *, at: datetime
    ) -> int:
        """Bring ``qty`` in from outside, or (below zero) take it out. Returns the flow's id."""
        self._ledger.move(asset, qty, HOUSE, account.purse(wallet))
        flow_id = self._next_id("flow")
        account.flows.append(Flow(flow_id=flow_id, wallet=wallet, asset=asset, qty=qty, at=at))
        self._log.append(
            "deposit" if qty > 0 else "withdrawal",
            at,
            account=account.id,
            qty=abs(qty),
            asset=asset,
            status=wallet,
        )
        return flow_id

    def transfer(
        self,
        account: Account,
        asset: str,
        qty: Decimal,
        route: tuple[Wallet, Wallet],
        *,
        at: datetime,
        signed_at: datetime | None,
    ) -> int:
        """Move ``qty`` between the account's wallets. Returns the transfer's id."""
        source, target = route
        self._ledger.move(asset, qty, account.purse(source), account.purse(target))
        transfer_id = self._next_id("transfer")
        account.transfers.append(
            Transfer(
                transfer_id=transfer_id, asset=asset, qty=qty, source=source, target=target, at=at
            )
        )
        account.income.append(
            Income(
                income_id=self._next_id("income"),
                kind="transfer",
                symbol=None,
                asset=asset,
                qty=qty if target is Wallet.FUTURES else -qty,
                at=at,
            )
        )
        self._log.append(
            "transfer",
            at,
            account=account.id,
            qty=qty,
            asset=asset,
            signed_at=signed_at,
            status=f"{source}>{target}",
        )
        return transfer_id
