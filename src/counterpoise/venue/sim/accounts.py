"""What the exchange knows about each account beside its money: keys, positions, orders, trades, income.

Orders are stored as frozen values and replaced whole; the open ones are indexed, so that nothing ever scans an
account's history.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from hashlib import sha256

from counterpoise.domain.numbers import ZERO
from counterpoise.venue.sim.ledger import Purse
from counterpoise.venue.sim.margin import DEFAULT_LEVERAGE
from counterpoise.venue.sim.model import (
    AccountKeys,
    Flow,
    Income,
    KeyRights,
    MarginMove,
    MarginType,
    MarketKind,
    RejectCode,
    Side,
    SimOrder,
    SimReject,
    SimTrade,
    Transfer,
    Wallet,
)
from counterpoise.venue.sim.positions import Position


@dataclass(slots=True)
class Account:
    """The mutable state of one account."""

    keys: AccountKeys
    positions: dict[str, Position] = field(default_factory=dict)
    moved_at: dict[str, datetime] = field(default_factory=dict)
    leverage: dict[str, int] = field(default_factory=dict)
    margin_types: dict[str, MarginType] = field(default_factory=dict)
    margin_moves: list[MarginMove] = field(default_factory=list)
    rights: KeyRights = field(default_factory=KeyRights)
    #: Whether longs and shorts of one contract are apart. Nothing here trades so: it is a setting that can be wrong.
    two_sided: bool = False
    income: list[Income] = field(default_factory=list)
    transfers: list[Transfer] = field(default_factory=list)
    flows: list[Flow] = field(default_factory=list)
    _orders: dict[int, SimOrder] = field(default_factory=dict)
    _open: dict[int, None] = field(default_factory=dict)
    _by_client: dict[tuple[MarketKind, str, str], int] = field(default_factory=dict)
    _trades: dict[tuple[MarketKind, str], list[SimTrade]] = field(
        default_factory=lambda: defaultdict(list)
    )

    @property
    def id(self) -> str:
        """The account's name everywhere: its key."""
        return self.keys.api_key

    def purse(self, wallet: Wallet) -> Purse:
        """Return where the ledger keeps this account's ``wallet``."""
        return Purse(self.id, wallet)

    def isolated_purse(self, symbol: str) -> Purse:
        """Return where the ledger keeps the margin of an isolated position."""
        return Purse(self.id, Wallet.FUTURES, symbol)

    def margin_type(self, symbol: str) -> MarginType:
        """Return what stands behind a position in ``symbol``: cross unless set otherwise."""
        return self.margin_types.get(symbol, MarginType.CROSS)

    def isolated(self, symbol: str) -> bool:
        """Whether ``symbol`` has its margin to itself."""
        return self.margin_type(symbol) is MarginType.ISOLATED

    def margin_purse(self, symbol: str) -> Purse:
        """Return what a position in ``symbol`` earns into and pays from: an isolated one from its own wallet."""
        if self.isolated(symbol):
            return self.isolated_purse(symbol)
        return self.purse(Wallet.FUTURES)

    def position(self, symbol: str) -> Position:
        """Return the position in ``symbol``, flat when never traded."""
        return self.positions.get(symbol, Position())

    def leverage_of(self, symbol: str, max_leverage: int) -> int:
        """Return the leverage that applies to ``symbol``."""
        return self.leverage.get(symbol, min(DEFAULT_LEVERAGE, max_leverage))

    def save(self, order: SimOrder) -> None:
        """Store ``order`` in its newest state."""
        self._orders[order.order_id] = order
        self._by_client[order.kind, order.symbol, order.client_order_id] = order.order_id
        if order.status.is_open:
            self._open[order.order_id] = None
        else:
            self._open.pop(order.order_id, None)

    def order(self, order_id: int) -> SimOrder:
        """Return an order that exists."""
        return self._orders[order_id]

    def find(
        self,
        kind: MarketKind,
        symbol: str,
        *,
        order_id: int | None,
        client_order_id: str | None,
    ) -> SimOrder:
        """Return an order by id, or else the newest with a client id. Raises SimReject(UNKNOWN_ORDER)."""
        if order_id is None and client_order_id is not None:
            order_id = self._by_client.get((kind, symbol, client_order_id))
        order = None if order_id is None else self._orders.get(order_id)
        if order is None or (order.kind, order.symbol) != (kind, symbol):
            raise SimReject(
                RejectCode.UNKNOWN_ORDER,
                f"expected an order of {kind} {symbol}, was {client_order_id or order_id}",
            )
        return order

    def orders(self, kind: MarketKind, symbol: str | None, *, open_only: bool) -> list[SimOrder]:
        """Return orders, oldest first."""
        ids = self._open if open_only else self._orders
        return [
            order
            for order_id in ids
            if (order := self._orders[order_id]).kind is kind and symbol in {None, order.symbol}
        ]

    def open_orders(self) -> Iterator[SimOrder]:
        """Yield every open order, oldest first."""
        return (self._orders[order_id] for order_id in self._open)

    def reduce_only_open(self, symbol: str, side: Side | None = None) -> list[SimOrder]:
        """Return the open reduce-only orders of a perpetual (of one side)."""
        return [
            order
            for order in self.open_orders()
            if order.reduce_only and order.symbol == symbol and side in {None, order.side}
        ]

    def record(self, trade: SimTrade) -> None:
        """Store a trade."""
        self._trades[trade.kind, trade.symbol].append(trade)

    def trades(
        self, kind: MarketKind, symbol: str, *, order_id: int | None, since: datetime | None
    ) -> list[SimTrade]:
        """Return trades (of one order, at or after ``since``), oldest first."""
        trades = self._trades.get((kind, symbol), [])
        first = 0 if since is None else bisect_left(trades, since, key=lambda trade: trade.at)
        return [trade for trade in trades[first:] if order_id in {None, trade.order_id}]

    def locked(self, quotes: Mapping[str, tuple[str, str]]) -> dict[str, Decimal]:
        """Return what open spot orders hold, by asset; ``quotes`` gives (base, quote) by symbol."""
        held: dict[str, Decimal] = {}
        for order in self.open_orders():
            if order.kind is not MarketKind.SPOT or order.price is None:
                continue
            base, quote = quotes[order.symbol]
            buys = order.side is Side.BUY
            asset = quote if buys else base
            qty = order.remaining_qty * (order.price if buys else 1)
            held[asset] = held.get(asset, ZERO) + qty
        return held


class Accounts:
    """All accounts, by API key; keys are derived from the seed, never drawn."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._accounts: dict[str, Account] = {}

    def open(self, api_key: str | None, secret: str | None) -> Account:
        """Open an account. Raises ValueError when the key is taken."""
        derived = self._derived(len(self._accounts) + 1)
        keys = replace(derived, api_key=api_key or derived.api_key, secret=secret or derived.secret)
        if keys.api_key in self._accounts:
            raise ValueError("expected an API key that is not in use yet, was one that is")
        account = Account(keys=keys)
        self._accounts[keys.api_key] = account
        return account

    def _derived(self, number: int) -> AccountKeys:
        def digest(what: str) -> str:
            return sha256(f"simulated exchange {self._seed} {what} {number}".encode()).hexdigest()

        return AccountKeys(api_key=digest("key"), secret=digest("secret"))

    def get(self, api_key: str) -> Account | None:
        """Return an account, None for a key nobody has."""
        return self._accounts.get(api_key)

    def known(self, api_key: str) -> Account:
        """Return an account. Raises SimReject(UNKNOWN_ACCOUNT)."""
        account = self._accounts.get(api_key)
        if account is None:
            raise SimReject(RejectCode.UNKNOWN_ACCOUNT, "expected a known API key, was another")
        return account

    def __iter__(self) -> Iterator[Account]:
        return iter(self._accounts.values())
