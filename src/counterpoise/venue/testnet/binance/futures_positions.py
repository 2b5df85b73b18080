"""USD-M positions: what an account holds per symbol, with the margin it takes.

The account is one-way. What is cross has "0" for its isolated margin and wallet, to the letter: that is how clients
tell the two apart where v3 gives no margin type. A liquidation price "0" is Binance's "none".
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from counterpoise.domain.numbers import ZERO
from counterpoise.venue.sim import (
    AccountView,
    MarginType,
    MarketKind,
    PerpPosition,
    Side,
    SimOrder,
    SymbolRules,
)
from counterpoise.venue.sim.margin import DEFAULT_LEVERAGE, max_notional, symbol_margin
from counterpoise.venue.testnet.binance.call import Call, Routes, signed
from counterpoise.venue.testnet.binance.formatting import (
    average,
    fixed,
    ms,
    qty_text,
    rounded,
)
from counterpoise.venue.testnet.binance.weights import flat


def most_notional(rule: SymbolRules, leverage: int) -> str:
    """Return the largest position ``leverage`` allows, as printed."""
    return fixed(max_notional(rule.margin_tiers, leverage), 0)


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
        return self.position.maintenance_margin

    @property
    def isolated(self) -> bool:
        """Whether the margin type of the symbol is isolated, with a position or without."""
        return self.position.margin_type is MarginType.ISOLATED

    @property
    def isolated_margin(self) -> str:
        """The isolated wallet with what the position has gained, as printed; "0" for cross and for flat."""
        if not self.isolated or not self.position.qty:
            return "0"
        return rounded(self.position.isolated_wallet + self.position.unrealized_pnl, 8)

    @property
    def isolated_wallet(self) -> str:
        """The isolated wallet as printed; "0" for cross and for flat."""
        if not self.isolated or not self.position.qty:
            return "0"
        return fixed(self.position.isolated_wallet)

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
        margin_type=view.margin_types.get(rule.symbol, MarginType.CROSS),
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
            "marginType": one.position.margin_type.value,
            "isAutoAddMargin": "false",
            "maxNotionalValue": most_notional(one.rule, one.position.leverage),
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
        "liquidationPrice": liquidation_text(position),
        "isolatedMargin": one.isolated_margin,
        "notional": rounded(one.notional, 8),
        "marginAsset": one.rule.quote,
        "isolatedWallet": one.isolated_wallet,
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


def liquidation_text(position: PerpPosition) -> str:
    """Return the liquidation price as printed; "0" where no price would do it."""
    price = position.liquidation_price
    return "0" if price is None else rounded(price, 8)


ROUTES: Routes = {
    ("GET", "/fapi/v2/positionRisk"): signed(position_risk_v2, flat(5)),
    ("GET", "/fapi/v3/positionRisk"): signed(position_risk_v3, flat(5)),
}
