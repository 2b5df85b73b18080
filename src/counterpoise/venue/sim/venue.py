"""The Exchange port over one account of the simulated exchange, in process.

Replay, backtest and scenarios trade through this; so does the contract suite that every venue passes. There is no
wire, so nothing is ever lost: an order is accepted or proven refused, and Unknown is only said where a real
adapter would not have sent anything. Unified symbols are ``BTC/USDT`` and ``BTC/USDT:USDT``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from counterpoise.domain.bars import Bar
from counterpoise.domain.errors import VenueAuthError, VenueError
from counterpoise.domain.instrument import Instrument
from counterpoise.domain.ledger import LedgerEntry, Settlement
from counterpoise.domain.numbers import dec
from counterpoise.domain.order import (
    ALONE,
    Accepted,
    BatchLimit,
    CancelOutcome,
    Fill,
    Gone,
    NotPlaced,
    Order,
    PlaceOutcome,
    Unknown,
    VenueOrder,
)
from counterpoise.domain.snapshot import Account, MarginMode, Quote
from counterpoise.venue.sim import translate
from counterpoise.venue.sim.exchange import SimExchange
from counterpoise.venue.sim.model import MarketKind, RejectCode, SimOrder, SimReject
from counterpoise.venue.sim.treasury import SimTreasury

#: Binance's numbers for USD-M.
BATCH = BatchLimit(place=5, cancel=10)


@dataclass(frozen=True, slots=True)
class _Listed:
    """A market by both of its names."""

    kind: MarketKind
    id: str
    instrument: Instrument


class SimVenue(SimTreasury):
    """One account at the simulated exchange; ``api_key`` must be open there before :meth:`open`."""

    def __init__(self, venue_id: str, exchange: SimExchange, api_key: str) -> None:
        self._id = venue_id
        self._exchange = exchange
        self._api_key = api_key
        self._listed: dict[str, _Listed] = {}
        self._symbols: dict[tuple[MarketKind, str], str] = {}
        self._instruments: dict[str, Instrument] = {}
        self._coming: list[_Listed] = []
        #: Dated futures that have not ended yet.
        self._dated: list[str] = []

    @property
    def id(self) -> str:
        """The venue's id in the config."""
        return self._id

    async def open(self) -> None:
        """Load what can be traded. Raises VenueAuthError for a key nobody has."""
        if self._exchange.secret_of(self._api_key) is None:
            raise VenueAuthError(f"{self._id}: expected a known API key, was another")
        for rules in self._exchange.rules():
            instrument = translate.instrument_of(rules)
            self._listed[instrument.symbol] = _Listed(rules.kind, rules.symbol, instrument)
            self._symbols[rules.kind, rules.symbol] = instrument.symbol
        self._instruments.clear()
        self._coming = list(self._listed.values())
        self._dated = [s for s, x in self._listed.items() if x.instrument.expiry_at is not None]

    async def close(self) -> None:
        """There is nothing to let go."""

    def instruments(self) -> Mapping[str, Instrument]:
        """Return what can be traded, by unified symbol; empty before :meth:`open`.

        A market whose recording has not begun yet is not listed: nobody knew of it, nor of its price.
        """
        if self._coming:
            begun = [each for each in self._coming if self._exchange.begun(each.kind, each.id)]
            if begun:
                self._coming = [each for each in self._coming if each not in begun]
                known = {symbol: each.instrument for symbol, each in self._listed.items()}
                hidden = {each.instrument.symbol for each in self._coming}
                self._instruments = {s: i for s, i in known.items() if s not in hidden}
        for symbol in [s for s in self._dated if self._ended(s)]:
            self._dated.remove(symbol)
            ended = replace(self._listed[symbol].instrument, active=False)
            self._listed[symbol] = replace(self._listed[symbol], instrument=ended)
            if symbol in self._instruments:
                self._instruments = {**self._instruments, symbol: ended}
        return self._instruments

    def _ended(self, symbol: str) -> bool:
        listed = self._listed[symbol]
        return self._exchange.trades_no_more(listed.kind, listed.id)

    async def account(self) -> Account:
        """Read both wallets and all positions."""
        view = self._exchange.account(self._api_key)
        perps = self._perpetuals()
        quoted: dict[str, list[str]] = {}
        for id_, symbol in perps.items():
            quoted.setdefault(self._listed[symbol].instrument.quote, []).append(id_)
        return Account(
            spot=translate.balances(view),
            futures=translate.wallets(view, quoted),
            positions=translate.positions(view, perps),
            as_of=self._exchange.now,
            leverage={perps[id_]: dec(figure) for id_, figure in view.leverage.items()},
            margin_modes={
                perps[id_]: MarginMode(mode.value) for id_, mode in view.margin_types.items()
            },
            hedged=self._exchange.two_sided(self._api_key),
        )

    def _perpetuals(self) -> dict[str, str]:
        """Unified symbols of contracts by their venue id."""
        return {
            id_: symbol for (kind, id_), symbol in self._symbols.items() if kind is MarketKind.PERP
        }

    async def quotes(self, symbols: Iterable[str]) -> Mapping[str, Quote]:
        """Read prices; an unknown or halted symbol has None where there is no price."""
        return {symbol: self._quote(symbol) for symbol in symbols}

    def _quote(self, symbol: str) -> Quote:
        listed = self._listed.get(symbol)
        if listed is None:
            return Quote(
                symbol=symbol, bid=None, ask=None, last=None, mark=None, as_of=self._exchange.now
            )
        book = self._exchange.book(listed.kind, listed.id)
        return Quote(
            symbol=symbol,
            bid=book.bid,
            ask=book.ask,
            last=book.last,
            mark=book.mark,
            as_of=book.at,
            funding_rate=book.funding_rate,
            next_funding_at=book.next_funding_at,
            funding_interval=book.funding_interval,
            volume_24h=self._exchange.volume_24h(listed.kind, listed.id),
            index=book.index,
        )

    async def open_orders(self, symbols: Iterable[str]) -> tuple[VenueOrder, ...]:
        """Read all open orders of ``symbols``, oldest first; unknown symbols have none."""
        wanted = set(symbols)
        return tuple(
            self._venue_order(order)
            for kind in MarketKind
            for order in self._exchange.orders(self._api_key, kind, open_only=True)
            if self._symbols.get((kind, order.symbol)) in wanted
        )

    async def order(self, symbol: str, client_order_id: str) -> VenueOrder | None:
        """Look an order up by our id. Raises VenueError for an unknown symbol."""
        found = self._find(self._known(symbol), client_order_id)
        return None if found is None else self._venue_order(found)

    async def fills(self, symbol: str, since: datetime) -> tuple[Fill, ...]:
        """Read executions at or after ``since``, oldest first. Raises VenueError for an unknown symbol."""
        listed = self._known(symbol)
        trades = self._exchange.trades(self._api_key, listed.kind, listed.id, since=since)
        return tuple(translate.fill(self._id, symbol, trade) for trade in trades)

    async def bars(
        self, symbol: str, interval: timedelta, since: datetime, until: datetime
    ) -> tuple[Bar, ...]:
        """Read closed bars that open in [``since``, ``until``), oldest first; a halt leaves a gap.

        Raises VenueError for an unknown symbol and an interval that what is recorded does not divide.
        """
        listed = self._known(symbol)
        try:
            return self._exchange.closed_bars(listed.kind.value, listed.id, interval, since, until)
        except ValueError as error:
            raise VenueError(f"{self._id}: {symbol}: {error}", retryable=False) from None

    async def ledger(self, since: datetime) -> tuple[LedgerEntry, ...]:
        """Read what was booked at or after ``since``, oldest first: the futures wallet's income, and flows.

        Spot fills and their fees are not in it: the fills tell them.
        """
        income = self._exchange.income(self._api_key, since)
        flows = self._exchange.flows(self._api_key, since)
        entries = [
            *(translate.income_entry(self._id, row, self._contract(row.symbol)) for row in income),
            *(translate.flow_entry(self._id, row) for row in flows),
        ]
        return tuple(sorted(entries, key=lambda entry: entry.at) if flows else entries)

    def _contract(self, venue_id: str | None) -> str | None:
        return None if venue_id is None else self._symbols[MarketKind.PERP, venue_id]

    async def settlement(self, symbol: str) -> Settlement | None:
        """Return how a dated future ended; None before, and for what is not listed."""
        listed = self._listed.get(symbol)
        if listed is None or listed.instrument.expiry_at is None:
            return None
        ended = self._exchange.delivery(listed.id)
        return None if ended is None else Settlement(symbol=symbol, price=ended.price, at=ended.at)

    async def place(self, order: Order) -> PlaceOutcome:
        """Send one order. A client id that an open order has is looked up, as for a venue that says duplicate."""
        listed = self._listed.get(order.symbol)
        if listed is None:
            return NotPlaced(
                code=RejectCode.UNKNOWN_SYMBOL.value, text=f"{order.symbol} is not listed"
            )
        try:
            placed = self._exchange.place(
                self._api_key, translate.place_request(order, listed.kind, listed.id)
            )
        except SimReject as refusal:
            if refusal.code is RejectCode.DUPLICATE_CLIENT_ID:
                return self._placed_before(order, listed, refusal.text)
            return NotPlaced(code=refusal.code.value, text=refusal.text)
        return Accepted(order=self._venue_order(placed))

    def _placed_before(self, order: Order, listed: _Listed, words: str) -> PlaceOutcome:
        found = self._find(listed, order.client_order_id)
        if found is None or (found.side.value, found.qty) != (order.side.value, order.qty):
            return Unknown(text=f"{words}; it was not found by its id as it was sent")
        return Accepted(order=self._venue_order(found))

    async def cancel(self, order: Order) -> CancelOutcome:
        """Cancel one order by our id."""
        listed = self._listed.get(order.symbol)
        if listed is None:
            return Unknown(text=f"not sent: {order.symbol} is not listed")
        try:
            ended = self._exchange.cancel(
                self._api_key, listed.kind, listed.id, client_order_id=order.client_order_id
            )
        except SimReject as refusal:
            return Gone(text=refusal.text)
        return Accepted(order=self._venue_order(ended))

    def batch_limit(self, symbol: str) -> BatchLimit:
        """Return how many orders may go in one request: several of a contract, as on Binance; coins one by one."""
        listed = self._listed.get(symbol)
        return BATCH if listed is not None and listed.kind is MarketKind.PERP else ALONE

    async def place_batch(self, orders: Sequence[Order]) -> tuple[PlaceOutcome, ...]:
        """Send orders of one symbol together; each is taken or refused by itself, one after the other."""
        return tuple([await self.place(order) for order in orders])

    async def cancel_batch(self, orders: Sequence[Order]) -> tuple[CancelOutcome, ...]:
        """Cancel orders of one symbol together, each by itself."""
        return tuple([await self.cancel(order) for order in orders])

    def _known(self, symbol: str) -> _Listed:
        listed = self._listed.get(symbol)
        if listed is None:
            raise VenueError(f"{self._id}: {symbol} is not listed", retryable=False)
        return listed

    def _find(self, listed: _Listed, client_order_id: str) -> SimOrder | None:
        try:
            return self._exchange.order(
                self._api_key, listed.kind, listed.id, client_order_id=client_order_id
            )
        except SimReject as refusal:
            if refusal.code is RejectCode.UNKNOWN_ORDER:
                return None
            raise VenueError(f"{self._id}: {refusal.text}", retryable=False) from None

    def _venue_order(self, order: SimOrder) -> VenueOrder:
        return translate.venue_order(order, self._symbols[order.kind, order.symbol])
