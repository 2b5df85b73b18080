"""Time on the simulated exchange: it moves only when told, and everything due happens on the way.

At one instant the order is: marks, contracts, spot markets (each by symbol), then funding, which is charged on
the positions and the mark after all bars that close at that instant, then expiries, then countdowns, then what was
acknowledged before and is due.

Whenever a mark moves, margins are looked at: of a bar first the extreme that hurts (the high for shorts, the low for
longs), before anything in it fills, then the close. A mark that is recorded more coarsely than its contract moves with
the contract's bars, so theirs are the extremes, at the distance that stands; its own bars tell the close only, for
their extremes are over.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import partial

from counterpoise.domain.numbers import ZERO
from counterpoise.venue.sim.accounts import Accounts
from counterpoise.venue.sim.clearing import Clearing
from counterpoise.venue.sim.countdown import Countdowns
from counterpoise.venue.sim.deferred import Deferred
from counterpoise.venue.sim.desk import OrderDesk
from counterpoise.venue.sim.expiry import Expiry
from counterpoise.venue.sim.liquidation import Liquidator
from counterpoise.venue.sim.listing import Listing, Perpetual
from counterpoise.venue.sim.market import Market
from counterpoise.venue.sim.model import Candle, MarketKind
from counterpoise.venue.sim.timeline import Stream, Timeline

MARK_TURN, PERP_TURN, SPOT_TURN, FUNDING_TURN, EXPIRY_TURN, COUNTDOWN_TURN, DEFERRED_TURN = range(7)
COUNTDOWN = (COUNTDOWN_TURN, "")
DEFERRED = (DEFERRED_TURN, "")


@dataclass(frozen=True, slots=True)
class _Steps:
    """A stream made of two functions."""

    turn: tuple[int, str]
    next_at: Callable[[], datetime | None]
    step: Callable[[datetime], None]


class Clockwork:
    """The exchange's clock and what it drives."""

    def __init__(
        self,
        *,
        listing: Listing,
        accounts: Accounts,
        desk: OrderDesk,
        clearing: Clearing,
        liquidator: Liquidator,
        countdowns: Countdowns,
        deferred: Deferred,
        now: datetime,
    ) -> None:
        self.now = now
        self._listing = listing
        self._accounts = accounts
        self._desk = desk
        self._clearing = clearing
        self._liquidator = liquidator
        self._countdowns = countdowns
        self._deferred = deferred
        self._timeline = Timeline(self._streams())

    def _streams(self) -> Iterator[Stream]:
        for symbol, perp in self._listing.perps.items():
            track = perp.mark.track
            if track is not None:
                yield _Steps((MARK_TURN, symbol), track.next_at, partial(self._mark, perp))
            yield _Steps((PERP_TURN, symbol), perp.market.track.next_at, partial(self._perp, perp))
            yield _Steps((FUNDING_TURN, symbol), perp.funding.next_at, partial(self._funding, perp))
            if perp.expiry is not None:
                expire = partial(self._expire, perp.market, perp.expiry)
                yield _Steps((EXPIRY_TURN, symbol), perp.expiry.next_at, expire)
        for symbol, market in self._listing.spot.items():
            yield _Steps((SPOT_TURN, symbol), market.track.next_at, partial(self._trade, market))
        yield _Steps(COUNTDOWN, self._countdowns.next_at, self._countdowns.step)
        yield _Steps(DEFERRED, self._deferred.next_at, self._deferred.step)

    def deferred_changed(self) -> None:
        """Look anew when the next deferred act is due."""
        self._timeline.look_again(DEFERRED)

    def delist(self, market: Market) -> None:
        """End a market now: its orders expire, every position in a contract is closed at the mark."""
        self._desk.close(market, self.now)
        if market.kind is MarketKind.PERP:
            price = self._listing.perp(market.symbol).mark.value
            for account in self._accounts:
                self._clearing.deliver(account, market.rules, price, self.now)

    def countdowns_changed(self) -> None:
        """Look anew when the next countdown ends."""
        self._timeline.look_again(COUNTDOWN)

    def advance_to(self, instant: datetime) -> None:
        """Let everything due at or before ``instant`` happen. Raises ValueError for the past."""
        if instant < self.now:
            raise ValueError(f"expected an instant at or after {self.now}, was {instant}")
        for at, stream in self._timeline.run(instant):
            self.now = at
            stream.step(at)
        self.now = instant

    def _mark(self, perp: Perpetual, at: datetime) -> None:
        bar = perp.mark.track.step() if perp.mark.track is not None else None
        perp.mark.stepped(at)
        if bar is not None and not perp.mark.follows:
            self._liquidator.look(perp, at, (bar.high, bar.low))
        self._liquidator.look(perp, at)

    def _perp(self, perp: Perpetual, at: datetime) -> None:
        follows = perp.mark.follows
        bar = None if perp.market.halted else perp.market.track.coming
        if follows and bar is not None:
            away = perp.mark.value - perp.market.last
            self._liquidator.look(perp, at, (bar.high + away, max(bar.low + away, ZERO)))
        self._trade(perp.market, at)
        perp.mark.perp_stepped(at)
        if follows:
            self._liquidator.look(perp, at)

    def _trade(self, market: Market, at: datetime) -> None:
        bar = market.track.step()
        if bar is not None:
            self._desk.match(market, bar, at)
            market.refill(bar)

    def _funding(self, perp: Perpetual, at: datetime) -> None:
        rate = perp.funding.step()
        mark = perp.mark.at_funding(at)
        for account in self._accounts:
            self._clearing.funding(account, perp.market.rules, rate, mark, at)
        self._liquidator.look(perp, at)

    def _expire(self, market: Market, expiry: Expiry, at: datetime) -> None:
        """End a dated future: its orders expire, every position is closed at the settlement price."""
        price = expiry.settle(at)
        self._desk.close(market, at)
        for account in self._accounts:
            self._clearing.deliver(account, market.rules, price, at)

    def jump(self, market: Market, price: Decimal) -> None:
        """Move a market to ``price`` now; what rests beyond it fills as in a bar of the last volume."""
        before = market.last
        market.track.jump(price, self.now)
        if not market.halted:
            volume = market.track.last_bar.volume
            bar = Candle(self.now, before, max(before, price), min(before, price), price, volume)
            self._desk.match(market, bar, self.now)
            market.refill(bar)
        if market.kind is MarketKind.PERP:
            self._listing.perp(market.symbol).mark.perp_jumped(price - before)
