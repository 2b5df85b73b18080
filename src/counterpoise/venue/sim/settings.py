"""What an account may set about its contracts, and what the exchange may do to them on demand.

:class:`~counterpoise.venue.sim.exchange.SimExchange` has these beside placing orders and moving money.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal

from counterpoise.domain.numbers import ZERO, ceil_step, floor_step, text
from counterpoise.venue.sim.accounts import Account, Accounts
from counterpoise.venue.sim.clearing import Forced
from counterpoise.venue.sim.clockwork import Clockwork
from counterpoise.venue.sim.countdown import Countdowns
from counterpoise.venue.sim.desk import OrderDesk
from counterpoise.venue.sim.isolated import IsolatedWallets
from counterpoise.venue.sim.liquidation import Liquidator
from counterpoise.venue.sim.listing import Listing, Perpetual
from counterpoise.venue.sim.margin import max_notional
from counterpoise.venue.sim.market import Level
from counterpoise.venue.sim.model import (
    KeyRights,
    MarginType,
    MarketKind,
    RejectCode,
    Side,
    SimReject,
    SimTrade,
    SymbolRules,
)
from counterpoise.venue.sim.positions import BOOKED
from counterpoise.venue.sim.valuation import Valuation

#: The client id of a trade that took a position from its owner to close somebody else's.
DELEVERAGED = "adl_autoclose"


class ContractSettings:
    """Leverage, margin type, isolated margin, position mode, countdowns, rights, and deleveraging."""

    _listing: Listing
    _accounts: Accounts
    _valuation: Valuation
    _isolated: IsolatedWallets
    _desk: OrderDesk
    _clockwork: Clockwork
    _countdowns: Countdowns
    _liquidator: Liquidator

    def set_leverage(self, api_key: str, symbol: str, leverage: int) -> None:
        """Set the leverage of a contract.

        Raises SimReject: BAD_LEVERAGE outside 1 to the contract's highest, ABOVE_MAX_POSITION when it allows less than
        the position and its orders, LEVERAGE_REDUCTION below what an isolated position has, INSUFFICIENT_MARGIN.
        """
        account = self._accounts.known(api_key)
        perp = self._listing.perp(symbol)
        rules = perp.market.rules
        if not 1 <= leverage <= rules.max_leverage:
            raise SimReject(
                RejectCode.BAD_LEVERAGE,
                f"expected a leverage from 1 to {rules.max_leverage}, was {leverage}",
            )
        most, held = (
            max_notional(rules.margin_tiers, leverage),
            self._valuation.worst_notional(account, perp),
        )
        if held > most:
            raise SimReject(
                RejectCode.ABOVE_MAX_POSITION,
                f"expected at most {text(most)} at leverage {leverage}, was {text(held)}",
            )
        standing = account.leverage_of(symbol, rules.max_leverage)
        if account.isolated(symbol) and account.position(symbol).qty and leverage < standing:
            raise SimReject(
                RejectCode.LEVERAGE_REDUCTION,
                f"expected at least {standing} for an isolated position, was {leverage}",
            )
        before = self._valuation.reserved(account, perp)
        needed = self._valuation.reserved(account, perp, leverage=leverage) - before
        if needed > 0 and needed > self._valuation.available(account, rules.quote):
            raise SimReject(
                RejectCode.INSUFFICIENT_MARGIN, f"expected {text(needed)} more margin available"
            )
        account.leverage[symbol] = leverage

    def set_margin_type(self, api_key: str, symbol: str, margin_type: MarginType) -> None:
        """Set what stands behind a contract's position; what it already is changes nothing.

        Raises SimReject: POSITION_OPEN and ORDERS_OPEN while there is a position or an order of it.
        """
        account = self._accounts.known(api_key)
        self._listing.perp(symbol)
        if account.margin_type(symbol) is margin_type:
            return
        self._check_untouched(account, symbol)
        account.margin_types[symbol] = margin_type

    def _check_untouched(self, account: Account, symbol: str | None) -> None:
        orders = account.orders(MarketKind.PERP, symbol, open_only=True)
        if orders:
            raise SimReject(RejectCode.ORDERS_OPEN, f"expected no open order, was {len(orders)}")
        held = [s for s, each in account.positions.items() if each.qty and symbol in {None, s}]
        if held:
            raise SimReject(
                RejectCode.POSITION_OPEN, f"expected no position, was one in {', '.join(held)}"
            )

    def change_margin(self, api_key: str, symbol: str, qty: Decimal) -> None:
        """Add ``qty`` of margin to an isolated position, or (below zero) take it out.

        Raises SimReject: NOT_ISOLATED, NO_POSITION, BAD_TRANSFER for nothing or more than 8 places,
        INSUFFICIENT_BALANCE to add more than the futures wallet has free, INSUFFICIENT_MARGIN to take what the
        position needs (its initial margin, and its loss).
        """
        account = self._accounts.known(api_key)
        perp = self._listing.perp(symbol)
        rules = perp.market.rules
        if not account.isolated(symbol):
            raise SimReject(RejectCode.NOT_ISOLATED, f"expected {symbol} isolated, was cross")
        if account.position(symbol).qty == 0:
            raise SimReject(RejectCode.NO_POSITION, f"expected a position in {symbol}, was none")
        if qty == 0 or qty % BOOKED:
            raise SimReject(
                RejectCode.BAD_TRANSFER, f"expected an amount of at most 8 places, was {text(qty)}"
            )
        wallet = self._valuation.wallet(account, rules.quote)
        free = max(min(wallet.available, wallet.cross_balance), ZERO)
        if qty > free:
            raise SimReject(
                RejectCode.INSUFFICIENT_BALANCE,
                f"expected at most {text(free)} {rules.quote}, was {text(qty)}",
            )
        spare = self._spare(account, perp)
        if -qty > spare:
            raise SimReject(
                RejectCode.INSUFFICIENT_MARGIN,
                f"expected at most {text(spare)} {rules.quote} taken out, was {text(-qty)}",
            )
        self._isolated.move(account, rules, qty, by_hand=True, at=self._clockwork.now)

    def _spare(self, account: Account, perp: Perpetual) -> Decimal:
        """Return what an isolated position could do without: a profit of its own cannot be taken out."""
        pool = self._valuation.apart(account, perp)
        initial = self._valuation.margin(account, perp).position
        spare = pool.wallet + min(pool.unrealized_pnl, ZERO) - initial
        return max(floor_step(spare, BOOKED), ZERO)

    def set_position_mode(self, api_key: str, *, two_sided: bool, by_force: bool = False) -> None:
        """Set whether longs and shorts are apart; an account so set cannot trade contracts here, but be seen to be so.

        Raises SimReject: POSITION_OPEN and ORDERS_OPEN while there is any, unless ``by_force``.
        """
        account = self._accounts.known(api_key)
        if account.two_sided is not two_sided and not by_force:
            self._check_untouched(account, None)
        account.two_sided = two_sided

    def set_rights(self, api_key: str, rights: KeyRights) -> None:
        """Set what the account's key claims it may do."""
        self._accounts.known(api_key).rights = rights

    def countdown_cancel(self, api_key: str, symbol: str, after: timedelta) -> datetime | None:
        """Cancel every open order of a contract once ``after`` has passed; ZERO calls it off.

        Replaces a countdown that runs. Returns when it ends, None for none.
        """
        account = self._accounts.known(api_key)
        self._listing.perp(symbol)
        if after <= timedelta():
            self._countdowns.disarm(account, symbol)
            return None
        ends_at = self._clockwork.now + after
        self._countdowns.arm(account, symbol, ends_at)
        self._clockwork.countdowns_changed()
        return ends_at

    def deleverage(self, api_key: str, symbol: str, qty: Decimal) -> SimTrade:
        """Take ``qty`` (> 0) of a position from its owner at the mark, without a fee and without an order of theirs.

        Raises SimReject: NO_POSITION, BAD_QTY_STEP, ABOVE_MAX_QTY for more than is held.
        """
        account = self._accounts.known(api_key)
        perp = self._listing.perp(symbol)
        held = account.position(symbol).qty
        _check_deleveraged(perp.market.rules, held, qty)
        side = Side.SELL if held > 0 else Side.BUY
        tick = perp.market.rules.tick_size
        mark = perp.mark.value
        price = max(floor_step(mark, tick) if held > 0 else ceil_step(mark, tick), tick)
        order = self._desk.force(
            account,
            perp.market,
            side,
            Level(price, qty),
            client_order_id=DELEVERAGED,
            forced=Forced(event="deleverage"),
            at=self._clockwork.now,
        )
        self._liquidator.look(perp, self._clockwork.now)
        (trade,) = account.trades(
            MarketKind.PERP, symbol, order_id=order.order_id, since=order.created_at
        )
        return trade


def _check_deleveraged(rules: SymbolRules, held: Decimal, qty: Decimal) -> None:
    if held == 0:
        raise SimReject(RejectCode.NO_POSITION, f"expected a position in {rules.symbol}, was none")
    if qty <= 0 or qty % rules.lot_size:
        raise SimReject(
            RejectCode.BAD_QTY_STEP,
            f"expected a multiple of {text(rules.lot_size)} above 0, was {text(qty)}",
        )
    if qty > abs(held):
        raise SimReject(
            RejectCode.ABOVE_MAX_QTY, f"expected at most {text(abs(held))}, was {text(qty)}"
        )
