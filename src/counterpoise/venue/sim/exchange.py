"""The simulated exchange: recorded or synthetic markets that can be traded, with their own time.

This is a product part, not a mock: the demo, the replay, the backtest and the local HTTP faces all trade here.
It knows no dialect and no wall clock. Same rules, series, seed and calls give the same truth log, byte by byte;
for every asset all accounts and the house add up to zero after every call, exactly.

Time moves only by :meth:`SimExchange.advance`. Between the closes of bars the price stands at the last close.
Simulated orders trade against the market, never against each other, and may have at most ``participation`` of a
bar's volume.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Literal

from counterpoise.domain.numbers import ZERO, dec, nearest_step, text
from counterpoise.venue.sim.accounts import Account, Accounts
from counterpoise.venue.sim.clearing import Clearing
from counterpoise.venue.sim.clockwork import Clockwork
from counterpoise.venue.sim.countdown import Countdowns
from counterpoise.venue.sim.deferred import Act, Deferred
from counterpoise.venue.sim.desk import OrderDesk
from counterpoise.venue.sim.isolated import IsolatedWallets
from counterpoise.venue.sim.ledger import Ledger
from counterpoise.venue.sim.liquidation import Liquidator
from counterpoise.venue.sim.listing import Listing
from counterpoise.venue.sim.log import TruthLog
from counterpoise.venue.sim.market import Market
from counterpoise.venue.sim.model import (
    AccountKeys,
    Fees,
    FundingSeries,
    KeyRights,
    MarketKind,
    OrderStatus,
    PlaceRequest,
    RejectCode,
    Series,
    SimOrder,
    SimReject,
    SymbolRules,
    Wallet,
)
from counterpoise.venue.sim.positions import BOOKED
from counterpoise.venue.sim.reads import AccountReads, MarketReads
from counterpoise.venue.sim.settings import ContractSettings
from counterpoise.venue.sim.valuation import Valuation

DEFAULT_FEES = Fees()
NO_RIGHTS = KeyRights()
_US = Decimal(1_000_000)


class SimExchange(MarketReads, AccountReads, ContractSettings):
    """One simulated exchange.

    Parameters
    ----------
    rules
        What is listed. Every rule needs bars of its market in ``series``; bars without a rule are not traded.
    series, funding
        The recorded or synthetic market. A gap between bars of a spot or perpetual series is a halt.
    now
        Where time starts (aware UTC).
    seed
        API keys derive from it.
    fees, participation
        Fee rates as fractions; the share of a bar's volume that simulated orders may have.

    Raises
    ------
    ValueError
        For rules without bars, double rules or series, bars out of order, unaware instants.
    """

    def __init__(
        self,
        *,
        rules: Iterable[SymbolRules],
        series: Iterable[Series],
        funding: Iterable[FundingSeries] = (),
        now: datetime,
        seed: int = 0,
        fees: Fees = DEFAULT_FEES,
        participation: Decimal = dec("0.1"),
    ) -> None:
        if now.tzinfo is None:
            raise ValueError(f"expected an aware instant, was {now.isoformat()}")
        self.log = TruthLog()
        self.fees = fees
        self._listing = Listing(
            rules=rules, series=series, funding=funding, now=now, participation=participation
        )
        self._closed, self._turnovers = {}, {}
        self._accounts = Accounts(seed)
        self._ledger = Ledger()
        self._valuation = Valuation(self._ledger, self._listing)
        self._clearing = Clearing(self._ledger, fees, self.log)
        self._isolated = IsolatedWallets(self._ledger)
        self._desk = OrderDesk(
            listing=self._listing,
            accounts=self._accounts,
            clearing=self._clearing,
            valuation=self._valuation,
            log=self.log,
        )
        self._liquidator = Liquidator(
            listing=self._listing,
            accounts=self._accounts,
            desk=self._desk,
            clearing=self._clearing,
            valuation=self._valuation,
            fees=fees,
        )
        self._countdowns = Countdowns(self._desk)
        self._deferred = Deferred()
        self._acts_after: timedelta | None = None
        self._clockwork = Clockwork(
            listing=self._listing,
            accounts=self._accounts,
            desk=self._desk,
            clearing=self._clearing,
            liquidator=self._liquidator,
            countdowns=self._countdowns,
            deferred=self._deferred,
            now=now,
        )

    # what an exchange may be made to do

    def replica(self) -> SimExchange:
        """Return an exchange in the same state that lives its own life from here on, with an empty truth log."""
        shared: dict[int, object] = {id(self.log): TruthLog()}
        for track in self._listing.tracks():
            # the recording itself never changes, and is by far the largest part
            shared |= {id(part): part for part in track.recording}
        return deepcopy(self, shared)

    @contextmanager
    def acting_after(self, delay: timedelta) -> Iterator[None]:
        """Within: orders and cancels are acknowledged at once and happen ``delay`` later, if they can then."""
        before, self._acts_after = self._acts_after, delay
        try:
            yield
        finally:
            self._acts_after = before

    def keep_client_ids(self, *, for_ever: bool) -> None:
        """Say whether a client id stays taken once its order has ended; at first it does not, as on Binance."""
        self._desk.ids_for_ever = for_ever

    def delist(self, symbol: str, kind: MarketKind | None = None) -> None:
        """Stop trading ``symbol`` for good now: orders expire, contracts are closed at their mark.

        Without ``kind`` its spot market and its perpetual. Raises SimReject(UNKNOWN_SYMBOL).
        """
        kinds = tuple(MarketKind) if kind is None else (kind,)
        listed = [each for each in kinds if self._listing.has(each, symbol)]
        if not listed:
            raise SimReject(RejectCode.UNKNOWN_SYMBOL, f"expected a listed symbol, was {symbol}")
        for each in listed:
            self._clockwork.delist(self._listing.market(each, symbol))

    # time and prices

    def advance(self, seconds: Decimal) -> None:
        """Let ``seconds`` (>= 0, to the microsecond) pass, and everything due in them happen."""
        self.advance_to(self.now + timedelta(microseconds=int(seconds * _US)))

    def advance_to(self, instant: datetime) -> None:
        """Let time pass until ``instant``. Raises ValueError for the past."""
        self._clockwork.advance_to(instant)

    def set_price(
        self, symbol: str, price: Decimal, kind: MarketKind | Literal["mark"] | None = None
    ) -> None:
        """Let a market jump to ``price`` (rounded to its tick) now, filling what rests beyond it.

        Without ``kind`` spot, perpetual and mark of ``symbol`` jump, and its dated futures by the same factor. Later
        bars keep their moves relative to the new price, so that the shock lasts. Raises SimReject(UNKNOWN_SYMBOL,
        BAD_PRICE).
        """
        if price <= 0:
            raise SimReject(RejectCode.BAD_PRICE, f"expected a price above 0, was {text(price)}")
        self._jump(symbol, price, kind)
        self._liquidator.look_everywhere(self.now)

    def _jump(self, symbol: str, price: Decimal, kind: MarketKind | Literal["mark"] | None) -> None:
        if kind == "mark":
            self._jump_mark(symbol, price)
            return
        kinds = (MarketKind.PERP, MarketKind.SPOT) if kind is None else (kind,)
        listed = [each for each in kinds if self._listing.has(each, symbol)]
        if not listed:
            raise SimReject(RejectCode.UNKNOWN_SYMBOL, f"expected a listed symbol, was {symbol}")
        dated = self._listing.dated(symbol) if kind is None else ()
        # spot comes last: what it stood at is what a dated future's premium was measured against
        factor = price / self._listing.market(listed[-1], symbol).last
        for each in listed:
            market = self._listing.market(each, symbol)
            self._clockwork.jump(market, _on_tick(market, price))
        for future in dated:
            last, mark = future.market.last * factor, future.mark.value * factor
            self._clockwork.jump(future.market, _on_tick(future.market, last))
            future.mark.jump(_on_tick(future.market, mark), self.now)
        if kind is None and MarketKind.PERP in listed:
            self._jump_mark(symbol, price)

    def _jump_mark(self, symbol: str, price: Decimal) -> None:
        perp = self._listing.perp(symbol)
        perp.mark.jump(_on_tick(perp.market, price), self.now)

    # accounts

    def open_account(
        self,
        balance: Mapping[tuple[Wallet, str], Decimal],
        *,
        api_key: str | None = None,
        secret: str | None = None,
        rights: KeyRights = NO_RIGHTS,
    ) -> AccountKeys:
        """Open an account holding ``balance`` (>= 0, at most 8 places), with keys derived from the seed.

        Raises ValueError for a key in use or a balance that cannot be booked.
        """
        for (wallet, asset), qty in balance.items():
            if qty < 0 or qty % BOOKED:
                raise ValueError(
                    f"expected {asset}@{wallet} to be >= 0 with at most 8 places, was {qty}"
                )
        account = self._accounts.open(api_key, secret)
        account.rights = rights
        for (wallet, asset), qty in balance.items():
            self._clearing.endow(account, wallet, asset, qty)
        return account.keys

    def transfer(
        self,
        api_key: str,
        asset: str,
        qty: Decimal,
        source: Wallet,
        target: Wallet,
        *,
        signed_at: datetime | None = None,
    ) -> int:
        """Move ``qty`` between wallets; returns the transfer's id.

        Raises SimReject: BAD_TRANSFER for a shape that can never be, INSUFFICIENT_BALANCE when not all of it is
        free (in the futures wallet: neither margin nor unrealised profit).
        """
        account = self._accounts.known(api_key)
        if source is target or qty <= 0 or qty % BOOKED or asset not in self._listing.collateral():
            raise SimReject(
                RejectCode.BAD_TRANSFER,
                f"expected more than 0 of a collateral asset between two wallets, was "
                f"{text(qty)} {asset} {source}>{target}",
            )
        self._check_movable(account, asset, qty, source)
        return self._clearing.transfer(
            account, asset, qty, (source, target), at=self.now, signed_at=signed_at
        )

    def deposit(self, api_key: str, wallet: Wallet, asset: str, qty: Decimal) -> int:
        """Let ``qty`` arrive from outside; returns the flow's id. Raises SimReject(BAD_TRANSFER)."""
        account = self._accounts.known(api_key)
        self._check_flow(wallet, asset, qty)
        return self._clearing.flow(account, wallet, asset, qty, at=self.now)

    def withdraw(self, api_key: str, wallet: Wallet, asset: str, qty: Decimal) -> int:
        """Let ``qty`` leave; returns the flow's id.

        Raises SimReject: BAD_TRANSFER as for a deposit, INSUFFICIENT_BALANCE when not all of it is free.
        """
        account = self._accounts.known(api_key)
        self._check_flow(wallet, asset, qty)
        self._check_movable(account, asset, qty, wallet)
        return self._clearing.flow(account, wallet, asset, -qty, at=self.now)

    def _check_flow(self, wallet: Wallet, asset: str, qty: Decimal) -> None:
        takes = self._listing.collateral() if wallet is Wallet.FUTURES else self._listing.assets()
        if qty <= 0 or qty % BOOKED or asset not in takes:
            raise SimReject(
                RejectCode.BAD_TRANSFER,
                f"expected more than 0 of {', '.join(takes)}, at most 8 places, in the {wallet} wallet,"
                f" was {text(qty)} {asset}",
            )

    def _check_movable(self, account: Account, asset: str, qty: Decimal, source: Wallet) -> None:
        movable = self._movable(account, asset, source)
        if qty > movable:
            raise SimReject(
                RejectCode.INSUFFICIENT_BALANCE,
                f"expected at most {text(movable)} {asset}, was {text(qty)}",
            )

    def _movable(self, account: Account, asset: str, source: Wallet) -> Decimal:
        if source is Wallet.SPOT:
            return max(self._valuation.free(account, asset), ZERO)
        wallet = self._valuation.wallet(account, asset)
        return max(min(wallet.available, wallet.cross_balance), ZERO)

    # orders

    def place(
        self, api_key: str, request: PlaceRequest, *, signed_at: datetime | None = None
    ) -> SimOrder:
        """Place an order; returns it after everything that happened at once. Raises SimReject, logged."""
        if self._acts_after is None:
            return self._desk.place(api_key, request, at=self.now, signed_at=signed_at)
        self._accounts.known(api_key)
        order = self._desk.acknowledge(request, self.now)
        place = partial(self._desk.place, api_key, request)
        self._later(partial(place, signed_at=signed_at, acknowledged=order))
        return order

    def cancel(
        self,
        api_key: str,
        kind: MarketKind,
        symbol: str,
        *,
        order_id: int | None = None,
        client_order_id: str | None = None,
        signed_at: datetime | None = None,
    ) -> SimOrder:
        """Cancel an open order; returns it as it ended. Raises SimReject(UNKNOWN_ORDER) when none is open."""
        account = self._accounts.known(api_key)
        order = account.find(kind, symbol, order_id=order_id, client_order_id=client_order_id)
        if self._acts_after is None:
            return self._desk.cancel(account, order, at=self.now, signed_at=signed_at)
        self._later(partial(self._desk.cancel_later, account, order.order_id, signed_at=signed_at))
        return replace(order, status=OrderStatus.CANCELED, updated_at=self.now)

    def _later(self, act: Act) -> None:
        self._deferred.add(self.now + (self._acts_after or timedelta(0)), act)
        self._clockwork.deferred_changed()


def _on_tick(market: Market, price: Decimal) -> Decimal:
    tick = market.rules.tick_size
    return max(nearest_step(price, tick), tick)
