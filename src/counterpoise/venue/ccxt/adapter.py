"""The Exchange port over one Binance account: spot and USD-M futures through stock ccxt.

Reads are whole or VenueError. An order is sent once and its outcome is a value: ``outcome`` judges what is
proven. Nothing is ever changed at the venue except by ``place``, ``cancel``, ``transfer``, ``restore`` and
``countdown``; the position mode is read with every account, never set. It holds no state of orders; whoever
calls records before and after.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal

from counterpoise.domain.access import Environment, KeyRights, VenueAccess
from counterpoise.domain.bars import Bar
from counterpoise.domain.errors import VenueError, VenueRefusal
from counterpoise.domain.instrument import Instrument
from counterpoise.domain.leaks import Leaks
from counterpoise.domain.ledger import LedgerEntry, Settlement
from counterpoise.domain.margin import Tiers
from counterpoise.domain.order import (
    BatchLimit,
    CancelOutcome,
    Fill,
    NotPlaced,
    Order,
    PlaceOutcome,
    Unknown,
    VenueOrder,
)
from counterpoise.domain.snapshot import Account, MarginMode, Quote
from counterpoise.domain.transfer import Transfer, TransferOutcome, VenueTransfer
from counterpoise.domain.untimely import Untimely
from counterpoise.ports import Clock, Pauses
from counterpoise.venue.ccxt import books, mapping, outcome, reads, treasury
from counterpoise.venue.ccxt import endpoints as ask
from counterpoise.venue.ccxt.call import Call, CallFailed
from counterpoise.venue.ccxt.endpoints import Scope
from counterpoise.venue.ccxt.facts import Facts
from counterpoise.venue.ccxt.faults import Deed, is_not_found
from counterpoise.venue.ccxt.instruments import Catalogue, Listing
from counterpoise.venue.ccxt.klines import bars_between
from counterpoise.venue.ccxt.limiter import Limiter, Waits
from counterpoise.venue.ccxt.mapping import understood
from counterpoise.venue.ccxt.order_desk import (
    OrderDesk,
    batch_limit_of,
    cancel_at_next_await,
    is_cancelled,
    limited,
)
from counterpoise.venue.ccxt.origins import Origins
from counterpoise.venue.ccxt.pausing import KeptPauses
from counterpoise.venue.ccxt.scrub import Scrubber
from counterpoise.venue.ccxt.settlements import read_settlement
from counterpoise.venue.ccxt.stock import stock_binance
from counterpoise.venue.ccxt.trades import trades_since
from counterpoise.venue.ccxt.wire import Wire

#: How our ids begin.
_OURS = "cp"
#: Listings, steps and minima change without notice; they are read again this often.
_CATALOGUE_AGE = timedelta(hours=6)


class CcxtVenue:
    """One account at Binance. ``open`` before anything else; ``close`` always."""

    def __init__(
        self,
        access: VenueAccess,
        clock: Clock,
        session: object | None = None,
        pauses: Pauses | None = None,
        waits: Waits | None = None,
        leaks: Leaks | None = None,
    ) -> None:
        self._access = access
        self._leaks = leaks
        self._clock = clock
        self._session = session
        self._limiter = Limiter(clock, waits)
        self._pauses = KeptPauses(access, self._limiter, pauses)
        self._catalogue = Catalogue({})
        self._facts = Facts(clock)
        self._origins = Origins()
        self._loaded_at: datetime | None = None
        self._wallet: books.WalletHistory | None = None
        self._line: Wire | None = None

    @property
    def id(self) -> str:
        """The venue's id in the config."""
        return self._access.id

    async def open(self) -> None:
        """Connect, check the key and the position mode, load what can be traded.

        The key is tried first: a wrong one costs two requests and is told at once. Raises VenueAuthError,
        and VenueError for hedge mode, for an environment that does not exist and for a failed read; then
        nothing stays open. Nothing is asked while a pause lasts that an earlier process was told of.
        """
        if self._line is not None:
            return
        await self.paused()
        exchange = stock_binance(self._access, self._clock, self._session)
        self._line = Wire(
            exchange,
            self._clock,
            self._limiter,
            Scrubber.of(self._access, self._leaks),
            name=self.id,
            paused=self._pauses.keep,
            # with the venue's clock as ours there is nothing to measure
            sync=not self._access.venue_clock,
            local_url=self._access.url,
        )
        try:
            await self._check_position_mode()
            await self._load()
        except BaseException:
            await self.close()
            raise

    async def paused(self) -> Mapping[str, datetime]:
        """Return which APIs may not be asked, and until when, earlier processes' pauses included. Raises StoreError."""
        return await self._pauses.known()

    async def close(self) -> None:
        """Let every connection go; safe to call twice. A session that was passed in stays open."""
        line, self._line = self._line, None
        if line is not None:
            await line.close()

    def instruments(self) -> Mapping[str, Instrument]:
        """Return what can be traded, by unified symbol, as of the last load; what has ended since is not active."""
        if self._catalogue.expire(self._clock.now()):
            self._loaded_at = None  # what follows it may be listed by now
        return self._catalogue.instruments

    def refused_instruments(self) -> Mapping[str, str]:
        """Return ``{"scope:ID": why}`` of what the venue lists but we cannot trade safely."""
        return self._catalogue.refused

    async def account(self) -> Account:
        """Read spot wallet, futures wallet and positions. Raises VenueError when one was not answered."""
        if self._loaded_at is None or self._clock.now() - self._loaded_at >= _CATALOGUE_AGE:
            await self._load()
        return await reads.read_account(self._wire, self._clock, self._catalogue)

    async def quotes(self, symbols: Iterable[str]) -> Mapping[str, Quote]:
        """Read prices of ``symbols``; one without a price is present with None fields."""
        return await reads.read_quotes(
            self._wire, self._clock, self._catalogue, symbols, self._facts
        )

    async def open_orders(self, symbols: Iterable[str]) -> tuple[VenueOrder, ...]:
        """Read all open orders, ours and foreign, of ``symbols``."""
        shown = await reads.read_open_orders(self._wire, self._catalogue, symbols)
        for order in shown:
            listing = self._listed(order.symbol)
            self._origins.learn(listing, order)
            if (order.client_order_id or "").startswith(_OURS):
                self._wire.timeliness.found(listing.scope, order.created_at)
        return shown

    async def order(self, symbol: str, client_order_id: str) -> VenueOrder | None:
        """Look an order up by our id; None is no proof of absence. Raises VenueError."""
        listing = self._listed(symbol)
        params = {"symbol": listing.id, "origClientOrderId": client_order_id}
        try:
            reply = await self._wire.ask(ask.ORDER[listing.scope], params)
        except CallFailed as failure:
            if is_not_found(listing.scope, failure.raw):
                return None
            raise self._wire.failed(failure) from None
        with understood("order"):
            found = mapping.venue_order(symbol, reply)
        if found.client_order_id != client_order_id:
            raise VenueError(
                f"{symbol}: expected order {client_order_id}, was {found.client_order_id}"
            )
        self._origins.learn(listing, found)
        self._wire.timeliness.found(listing.scope, found.created_at)
        return found

    async def fills(self, symbol: str, since: datetime) -> tuple[Fill, ...]:
        """Read this account's executions of ``symbol`` at or after ``since``, oldest first, all pages.

        What the venue itself made (liquidation, deleveraging) is marked; see ``origins`` for what that takes.
        """
        listing = self._listed(symbol)
        now = self._clock.now()
        with understood("fills"):
            rows = await trades_since(self._wire, listing.scope, listing.id, since, now)
            made = tuple(mapping.fill(self.id, symbol, row) for row in rows)
        if listing.scope is not Scope.FUTURES:
            return made
        return await self._origins.marked(self._wire, listing, made, now)

    async def bars(
        self, symbol: str, interval: timedelta, since: datetime, until: datetime
    ) -> tuple[Bar, ...]:
        """Read closed bars of last prices that open in [``since``, ``until``), oldest first. Raises VenueError."""
        return await bars_between(self._wire, self._listed(symbol), interval, since, until)

    async def ledger(self, since: datetime) -> tuple[LedgerEntry, ...]:
        """Read what was booked at or after ``since``, oldest first, 89 days back at most. Raises VenueError.

        Demo accounts, and keys that may not read the wallet history, tell the futures wallet only.
        """
        entries = await books.read_income(self._wire, self.id, self._catalogue, since)
        if self._wallet is not None:
            entries += await self._wallet.read(self._wire, self.id, since)
        return tuple(sorted(entries, key=lambda entry: entry.at))

    async def settlement(self, symbol: str) -> Settlement | None:
        """Return how a dated future ended; a demo account never knows. Raises VenueError."""
        if self._access.environment is Environment.DEMO:
            return None
        return await read_settlement(self._wire, symbol)

    async def place(self, order: Order) -> PlaceOutcome:
        """Send one order once and return what is proven about it; see ``order_desk``."""
        return await self._desk.place(order)

    async def cancel(self, order: Order) -> CancelOutcome:
        """Cancel one order by our id, once."""
        return await self._desk.cancel(order)

    def batch_limit(self, symbol: str) -> BatchLimit:
        """Return how many orders of ``symbol`` go in one request: several of a contract, one of a pair."""
        return batch_limit_of(self._catalogue.get(symbol))

    async def place_batch(self, orders: Sequence[Order]) -> tuple[PlaceOutcome, ...]:
        """Send ``orders`` of one contract once, in one request; one outcome each, in their order."""
        return await self._desk.place_batch(orders)

    async def cancel_batch(self, orders: Sequence[Order]) -> tuple[CancelOutcome, ...]:
        """Cancel ``orders`` of one contract by our ids, once, in one request; one outcome each, in their order."""
        return await self._desk.cancel_batch(orders)

    async def margin_tiers(self, symbols: Iterable[str]) -> Mapping[str, Tiers]:
        """Return the margin tables of ``symbols``; one that is not known is absent. Raises VenueError."""
        return await treasury.read_tiers(self._wire, self._catalogue, symbols)

    async def transfer(self, transfer: Transfer) -> TransferOutcome:
        """Send one transfer between spot and futures wallet once; waits for nothing, as for ``place``."""
        if is_cancelled():
            return NotPlaced(code=outcome.NOT_SENT, text="the task was cancelled")
        if not self._has_wallet_api:
            return NotPlaced(code=outcome.NOT_SENT, text="demo accounts cannot transfer")
        try:
            params = treasury.transfer_params(transfer)
        except ValueError as error:
            return NotPlaced(code=outcome.NOT_SENT, text=str(error))
        wire = self._wire
        delay_s = self._limiter.order_delay_s(Scope.WALLET, ask.TRANSFER.weight)
        if delay_s > 0:
            return limited(Scope.WALLET, delay_s)
        call = Call(endpoint=ask.TRANSFER, params=params)
        try:
            return treasury.judge_transfer_reply(await wire.send(call))
        except CallFailed as failure:
            verdict = outcome.judge_failure(failure, Deed.TRANSFER)
            return Unknown(text=verdict.text) if isinstance(verdict, outcome.Duplicate) else verdict
        except asyncio.CancelledError:
            cancel_at_next_await()
            return outcome.judge_cancelled_task(call)

    async def transfers(self, since: datetime) -> tuple[VenueTransfer, ...]:
        """Read moves between spot and futures wallet at or after ``since``, oldest first. Raises VenueError."""
        if not self._has_wallet_api:
            raise VenueError(f"{self.id}: demo accounts tell no transfers", retryable=False)
        return await treasury.read_transfers(self._wire, since)

    async def restore(self, symbol: str, leverage: Decimal | None, mode: MarginMode | None) -> None:
        """Set leverage and margin mode of a contract (None: leave it). Raises VenueError when it is not done."""
        await treasury.restore(self._wire, self._contract(symbol), leverage, mode)

    async def countdown(self, symbols: Iterable[str], after: timedelta | None) -> None:
        """Let the venue cancel all orders of contracts ``after`` a while; None disarms. Raises VenueError.

        A pair has no countdown here: VenueError before anything is asked.
        """
        for listing in [self._contract(symbol) for symbol in symbols]:
            await treasury.countdown(self._wire, listing, after)

    async def clock_ahead(self) -> timedelta | None:
        """Measure how far our clock is ahead of the venue's; None where the venue's clock is ours."""
        if self._access.venue_clock:
            return None
        await self._wire.sync_clock()
        return self._wire.ahead

    def untimely(self) -> Untimely | None:
        """Return the requests that are refused for their time although the clock is measured; asks nothing."""
        return self._wire.timeliness.untimely(self._clock.now())

    async def rights(self) -> KeyRights | None:
        """Return what the key may do; None where the venue does not tell. Raises VenueError."""
        return await treasury.read_rights(self._wire) if self._has_wallet_api else None

    @property
    def _has_wallet_api(self) -> bool:
        return self._access.environment is not Environment.DEMO

    def _contract(self, symbol: str) -> Listing:
        listing = self._listed(symbol)
        if listing.scope is not Scope.FUTURES:
            raise VenueError(f"{self.id}: expected a contract, was {symbol}", retryable=False)
        return listing

    async def _check_position_mode(self) -> None:
        reply = await self._wire.read(ask.ACCOUNT_CONFIG)
        with understood("position mode"):
            hedged = mapping.hedged(reply, ())
        if hedged:
            raise VenueRefusal(
                f"{self.id}: expected the futures account in one-way position mode, was hedge mode:"
                " close its positions and switch the mode at the exchange"
            )

    async def _load(self) -> None:
        infos = {scope: await self._wire.read(asked) for scope, asked in ask.EXCHANGE_INFO.items()}
        with understood("exchangeInfo"):
            catalogue = Catalogue(infos)
            for scope, info in infos.items():
                self._limiter.adopt(scope, info.get("rateLimits", ()))
        if not catalogue.instruments:
            raise VenueError(f"{self.id}: expected instruments, was an empty list")
        catalogue.keep(self._catalogue)
        self._catalogue, self._loaded_at = catalogue, self._clock.now()
        # a new one with every load, so that a key that may read it by now is tried again
        if self._has_wallet_api:
            self._wallet = books.WalletHistory()

    def _listed(self, symbol: str) -> Listing:
        listing = self._catalogue.get(symbol)
        if listing is None:
            raise VenueError(f"{self.id}: {symbol} is not listed", retryable=False)
        return listing

    @property
    def _desk(self) -> OrderDesk:
        return OrderDesk(
            wire=self._wire,
            limiter=self._limiter,
            listing=self._catalogue.get,
            origins=self._origins,
            look_up=self.order,
        )

    @property
    def _wire(self) -> Wire:
        if self._line is None:
            raise VenueError(f"{self.id}: expected an open venue, was closed", retryable=False)
        return self._line
