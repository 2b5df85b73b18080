"""USD-M positions: what an account holds per symbol, with the margin it takes.

The account is one-way and cross margined. Maintenance margin is shown by the one bracket this exchange
publishes per symbol (:func:`maintenance_ratio`). A liquidation price is "0", Binance's "none": nothing is
liquidated here.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from counterpoise.domain.numbers import ONE, ZERO, dec, quantize
from counterpoise.venue.sim import (
    AccountView,
    MarketKind,
    PerpPosition,
    Side,
    SimOrder,
    SymbolRules,
)
from counterpoise.venue.sim.margin import DEFAULT_LEVERAGE, symbol_margin
from counterpoise.venue.testnet.binance.call import Call, Routes, signed
from counterpoise.venue.testnet.binance.formatting import (
    average,
    fixed,
    ms,
    qty_text,
    rounded,
)
from counterpoise.venue.testnet.binance.weights import flat

#: Largest position a symbol takes, in quote; one bracket covers it all.
MAX_NOTIONAL = dec("1000000000")


def maintenance_ratio(rule: SymbolRules) -> Decimal:
    """Return the maintenance margin of a symbol as a fraction of notional: half of 1 / highest leverage."""
    return quantize(ONE / (2 * rule.max_leverage), dec("0.0001"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Holding:
    """A position with what the account's open orders add to it."""

    rule: SymbolRules
    position: PerpPosition
    orders: tuple[SimOrder, ...]

    @property
    def notional(self) -> Decimal:
        """Signed value at mark."""
        return self.position.qty * self.position.mark_price

    @property
    def maintenance(self) -> Decimal:
        """Maintenance margin in quote."""
        return abs(self.notional) * maintenance_ratio(self.rule)

    @property
    def order_margin(self) -> Decimal:
        """What the open orders add to the initial margin, by the exchange's own rule."""
        return symbol_margin(
            notional=self.notional,
            buys=self.resting(Side.BUY),
            sells=self.resting(Side.SELL),
            leverage=self.position.leverage,
        ).orders

    def resting(self, side: Side) -> Decimal:
        """Return the notional of the open orders on ``side``."""
        return sum(
            ((o.price or ZERO) * o.remaining_qty for o in self.orders if o.side is side), ZERO
        )


def holdings(call: Call, view: AccountView, *, everything: bool) -> list[Holding]:
    """Return the positions of the account: all symbols, or only those with a position or open order."""
    known = {position.symbol: position for position in view.positions}
    resting: dict[str, list[SimOrder]] = {}
    for order in call.exchange.orders(call.account, MarketKind.PERP, open_only=True):
        resting.setdefault(order.symbol, []).append(order)
    found = []
    for rule in call.rules():
        position = known.get(rule.symbol)
        orders = tuple(resting.get(rule.symbol, ()))
        if not everything and not orders and (position is None or not position.qty):
            continue
        found.append(
            Holding(
                rule=rule,
                position=position or _flat(call, view, rule),
                orders=tuple(order for order in orders if not order.reduce_only),
            )
        )
    return found


def _flat(call: Call, view: AccountView, rule: SymbolRules) -> PerpPosition:
    book = call.exchange.book(rule.kind, rule.symbol)
    return PerpPosition(
        symbol=rule.symbol,
        qty=ZERO,
        entry_price=None,
        mark_price=book.mark if book.mark is not None else book.last,
        unrealized_pnl=ZERO,
        notional=ZERO,
        leverage=view.leverage.get(rule.symbol, DEFAULT_LEVERAGE),
        initial_margin=ZERO,
        updated_at=None,
    )


def position_risk_v3(call: Call) -> object:
    """GET /fapi/v3/positionRisk: symbols with a position or an open order; no leverage in it."""
    return [_risk(one) for one in _chosen(call, everything=False)]


def position_risk_v2(call: Call) -> object:
    """GET /fapi/v2/positionRisk: every symbol, with leverage."""
    return [
        {
            **_risk(one),
            "leverage": str(one.position.leverage),
            "marginType": "cross",
            "isAutoAddMargin": "false",
            "maxNotionalValue": fixed(MAX_NOTIONAL, 0),
        }
        for one in _chosen(call, everything=True)
    ]


def _chosen(call: Call, *, everything: bool) -> list[Holding]:
    rule = call.opt_rule()
    found = holdings(call, call.exchange.account(call.account), everything=everything)
    return [one for one in found if rule is None or one.rule == rule]


def _risk(one: Holding) -> dict[str, object]:
    position = one.position
    entry = entry_text(position)
    margin = position.initial_margin + one.order_margin
    return {
        "symbol": position.symbol,
        "positionSide": "BOTH",
        "positionAmt": qty_text(one.rule, position.qty),
        "entryPrice": entry,
        "breakEvenPrice": entry,
        "markPrice": fixed(position.mark_price),
        "unRealizedProfit": rounded(position.unrealized_pnl, 8),
        "liquidationPrice": "0",
        "isolatedMargin": "0",
        "notional": rounded(one.notional, 8),
        "marginAsset": one.rule.quote,
        "isolatedWallet": "0",
        "initialMargin": rounded(margin, 8),
        "maintMargin": rounded(one.maintenance, 8),
        "positionInitialMargin": rounded(position.initial_margin, 8),
        "openOrderInitialMargin": rounded(one.order_margin, 8),
        "adl": 0,
        "bidNotional": rounded(one.resting(Side.BUY), 8),
        "askNotional": rounded(one.resting(Side.SELL), 8),
        "updateTime": 0 if position.updated_at is None else ms(position.updated_at),
    }


def entry_text(position: PerpPosition) -> str:
    """Return the entry price as printed; "0.0" when flat."""
    return "0.0" if position.entry_price is None else average(position.entry_price, 1)


ROUTES: Routes = {
    ("GET", "/fapi/v2/positionRisk"): signed(position_risk_v2, flat(5)),
    ("GET", "/fapi/v3/positionRisk"): signed(position_risk_v3, flat(5)),
}
