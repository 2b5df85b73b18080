"""The two reading sides of the simulated exchange: what everybody may see, and what an account may see.

Reading never changes anything and never shows the future. :class:`~counterpoise.venue.sim.exchange.SimExchange`
is both, and adds what changes something.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal

from counterpoise.domain.bars import Bar
from counterpoise.domain.numbers import ZERO
from counterpoise.venue.sim import history
from counterpoise.venue.sim.accounts import Accounts
from counterpoise.venue.sim.clockwork import Clockwork
from counterpoise.venue.sim.closed_bars import ClosedBars
from counterpoise.venue.sim.ledger import HOUSE, Ledger
from counterpoise.venue.sim.listing import Listing
from counterpoise.venue.sim.model import (
    AccountView,
    Book,
    Candle,
    Delivery,
    Flow,
    FundingRate,
    Income,
    KeyRights,
    MarginMove,
    MarketKind,
    SeriesKind,
    Side,
    SimOrder,
    SimTrade,
    SymbolRules,
    Ticker24h,
    Transfer,
)
from counterpoise.venue.sim.valuation import Valuation


class MarketReads:
    """What everybody may see."""

    _listing: Listing
    _clockwork: Clockwork
    _closed: dict[tuple[SeriesKind, str, timedelta], ClosedBars]
    _turnovers: dict[tuple[MarketKind, str], history.DayTurnover]

    @property
    def now(self) -> datetime:
        """The exchange's time."""
        return self._clockwork.now

    @property
    def end(self) -> datetime | None:
        """The last instant any market's bars cover, None when nothing is listed."""
        return self._listing.end()

    def rules(self) -> tuple[SymbolRules, ...]:
        """Return the rules of every market, perpetuals first, then spot, by symbol."""
        return tuple(market.rules for market in self._listing.markets())

    def rule(self, kind: MarketKind, symbol: str) -> SymbolRules:
        """Return the rules of one market. Raises SimReject(UNKNOWN_SYMBOL)."""
        return self._listing.market(kind, symbol).rules

    def begun(self, kind: MarketKind, symbol: str) -> bool:
        """Whether a market has ever traded. Raises SimReject(UNKNOWN_SYMBOL)."""
        return self._listing.market(kind, symbol).begun

    def delivery(self, symbol: str) -> Delivery | None:
        """Return how a dated future ended; None before, and for what never ends. Raises SimReject."""
        expiry = self._listing.perp(symbol).expiry
        return expiry.delivery if expiry is not None else None

    def trades_no_more(self, kind: MarketKind, symbol: str) -> bool:
        """Whether a market has ended for good. Raises SimReject(UNKNOWN_SYMBOL)."""
        return self._listing.market(kind, symbol).closed

    def last(self, kind: MarketKind, symbol: str) -> Decimal:
        """Return the last price of one market. Raises SimReject(UNKNOWN_SYMBOL)."""
        return self._listing.market(kind, symbol).last

    def fair(self, kind: MarketKind, symbol: str) -> Decimal | None:
        """Return the middle of a spot book, or the mark of a perpetual; None while it cannot be traded.

        What :meth:`book` says, for whoever wants nothing else. Raises SimReject(UNKNOWN_SYMBOL).
        """
        market = self._listing.market(kind, symbol)
        bid, ask = market.touch(Side.SELL), market.touch(Side.BUY)
        if bid is None or ask is None:
            return None
        return self._listing.perp(symbol).mark.value if kind is MarketKind.PERP else (bid + ask) / 2

    def book(self, kind: MarketKind, symbol: str) -> Book:
        """Return the best prices, and for a perpetual mark, index and funding. Raises SimReject."""
        market = self._listing.market(kind, symbol)
        perp = self._listing.perps.get(symbol) if kind is MarketKind.PERP else None
        spot = self._listing.spot.get(market.rules.pair)
        ask, bid = market.best(Side.BUY), market.best(Side.SELL)
        return Book(
            symbol=symbol,
            kind=kind,
            bid=bid.price if bid else None,
            bid_qty=bid.qty if bid else ZERO,
            ask=ask.price if ask else None,
            ask_qty=ask.qty if ask else ZERO,
            last=market.last,
            mark=perp.mark.value if perp else None,
            index=(spot.last if spot else perp.mark.value) if perp else None,
            funding_rate=perp.funding.last_rate() if perp else None,
            next_funding_at=perp.funding.next_at() if perp else None,
            halted=market.halted,
            at=self.now,
            funding_interval=perp.funding.interval() if perp else None,
        )

    def ticker(self, kind: MarketKind, symbol: str) -> Ticker24h:
        """Return the last 24 hours of one market. Raises SimReject(UNKNOWN_SYMBOL)."""
        return history.ticker(self._listing.market(kind, symbol).track, self.now)

    def volume_24h(self, kind: MarketKind, symbol: str) -> Decimal:
        """Return the ticker's turnover of one market, in quote. Raises SimReject(UNKNOWN_SYMBOL)."""
        track = self._listing.market(kind, symbol).track
        if (kind, symbol) not in self._turnovers:
            self._turnovers[kind, symbol] = history.DayTurnover(track)
        return self._turnovers[kind, symbol].at(self.now)

    def candles(
        self,
        kind: SeriesKind,
        symbol: str,
        interval: timedelta,
        *,
        start: datetime | None = None,
        end: datetime | None = None,
        limit: int = 500,
    ) -> list[Candle]:
        """Return bars that open from ``start`` to ``end``: closed ones and the forming one, oldest first.

        With ``start`` the first ``limit``, else the last. Aggregates up; finer than recorded is empty. A
        perpetual without a mark series shows its own bars as ``mark``. Raises SimReject(UNKNOWN_SYMBOL).
        """
        track = self._listing.track(kind, symbol)
        return history.candles(track, interval, now=self.now, start=start, end=end, limit=limit)

    def closed_bars(
        self,
        kind: SeriesKind,
        symbol: str,
        interval: timedelta,
        since: datetime,
        until: datetime,
    ) -> tuple[Bar, ...]:
        """Return the closed bars that open in [``since``, ``until``), oldest first, from complete sets only.

        Raises SimReject(UNKNOWN_SYMBOL), and ValueError for an interval that the recorded one does not divide.
        """
        key = (kind, symbol, interval)
        if key not in self._closed:
            self._closed[key] = ClosedBars(self._listing.track(kind, symbol), interval)
        return self._closed[key].between(since, until)

    def funding_history(
        self,
        symbol: str,
        start: datetime | None = None,
        end: datetime | None = None,
        limit: int = 100,
    ) -> list[FundingRate]:
        """Return past rates from ``start`` to ``end``, oldest first.

        With ``start`` the first ``limit``, else the last. Raises SimReject(UNKNOWN_SYMBOL).
        """
        return self._listing.perp(symbol).funding.history(start, end, limit)


class AccountReads:
    """What an account may see of itself, and what the control door may see of all."""

    _accounts: Accounts
    _ledger: Ledger
    _valuation: Valuation

    def secret_of(self, api_key: str) -> str | None:
        """Return the secret a request of ``api_key`` must be signed with, None for an unknown key."""
        account = self._accounts.get(api_key)
        return None if account is None else account.keys.secret

    def accounts(self) -> tuple[str, ...]:
        """Return every API key, in order of opening."""
        return tuple(account.id for account in self._accounts)

    def account(self, api_key: str) -> AccountView:
        """Return everything an account holds. Raises SimReject(UNKNOWN_ACCOUNT)."""
        return self._valuation.view(self._accounts.known(api_key))

    def order(
        self,
        api_key: str,
        kind: MarketKind,
        symbol: str,
        *,
        order_id: int | None = None,
        client_order_id: str | None = None,
    ) -> SimOrder:
        """Return an order by id, or the newest with that client id. Raises SimReject(UNKNOWN_ORDER)."""
        return self._accounts.known(api_key).find(
            kind, symbol, order_id=order_id, client_order_id=client_order_id
        )

    def orders(
        self, api_key: str, kind: MarketKind, symbol: str | None = None, *, open_only: bool = False
    ) -> list[SimOrder]:
        """Return orders of ``kind`` (of one symbol), oldest first."""
        return self._accounts.known(api_key).orders(kind, symbol, open_only=open_only)

    def trades(
        self,
        api_key: str,
        kind: MarketKind,
        symbol: str,
        *,
        order_id: int | None = None,
        since: datetime | None = None,
    ) -> list[SimTrade]:
        """Return trades of one market (of one order, at or after ``since``), oldest first."""
        return self._accounts.known(api_key).trades(kind, symbol, order_id=order_id, since=since)

    def income(self, api_key: str, since: datetime | None = None) -> list[Income]:
        """Return the bookings in the futures wallet (at or after ``since``), oldest first."""
        income = self._accounts.known(api_key).income
        return income[_first(income, since) :]

    def flows(self, api_key: str, since: datetime | None = None) -> list[Flow]:
        """Return deposits and withdrawals of any wallet (at or after ``since``), oldest first."""
        flows = self._accounts.known(api_key).flows
        return flows[_first(flows, since) :]

    def margin_moves(self, api_key: str) -> list[MarginMove]:
        """Return what went into and out of isolated wallets, oldest first."""
        return list(self._accounts.known(api_key).margin_moves)

    def rights(self, api_key: str) -> KeyRights:
        """Return what the account's key claims it may do."""
        return self._accounts.known(api_key).rights

    def two_sided(self, api_key: str) -> bool:
        """Whether the account has longs and shorts apart."""
        return self._accounts.known(api_key).two_sided

    def transfers(self, api_key: str) -> list[Transfer]:
        """Return every move between the account's wallets, oldest first."""
        return list(self._accounts.known(api_key).transfers)

    def house(self) -> Mapping[str, Decimal]:
        """Return the other side of everything: for each asset, all accounts and the house add up to zero."""
        return {asset: self._ledger.balance(HOUSE, asset) for asset in self._ledger.assets(HOUSE)}


def _first(rows: Sequence[Income] | Sequence[Flow], since: datetime | None) -> int:
    return 0 if since is None else bisect_left(rows, since, key=lambda row: row.at)
