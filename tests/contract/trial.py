"""A venue under test, a hand on its market, and short verbs for both."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from decimal import Decimal

from counterpoise.domain.numbers import ZERO, dec
from counterpoise.domain.order import (
    Accepted,
    Fill,
    NotPlaced,
    Order,
    OrderState,
    OrderType,
    Side,
    TimeInForce,
    VenueOrder,
)
from counterpoise.ports import Exchange
from counterpoise.venue.sim import AccountKeys, SimExchange
from tests.contract.venues import BALANCE, FACTORIES, START, exchange

SPOT, PERP, NOWHERE = "BTC/USDT", "BTC/USDT:USDT", "NOPE/USDT"


@dataclass
class Trial:
    """A venue under test and a hand on its market."""

    venue: Exchange
    market: SimExchange
    keys: AccountKeys
    sent: list[Order] = field(default_factory=list)

    def order(
        self,
        symbol: str,
        side: Side,
        qty: str,
        price: int | str | None = None,
        *,
        time: TimeInForce = TimeInForce.GTC,
        reduce_only: bool = False,
        client_id: str | None = None,
    ) -> Order:
        """An order as the executor sends it; at market without ``price``."""
        made = Order(
            client_order_id=client_id or f"cptrial{len(self.sent):04d}",
            portfolio="treasury",
            venue="main",
            symbol=symbol,
            side=side,
            type=OrderType.MARKET if price is None else OrderType.LIMIT,
            time_in_force=time,
            qty=dec(qty),
            price=None if price is None else dec(price),
            reduce_only=reduce_only,
            decision_id="d1",
            rung=len(self.sent),
            attempt=0,
            state=OrderState.SUBMITTED,
            created_at=self.market.now,
            updated_at=self.market.now,
        )
        self.sent.append(made)
        return made

    async def accepted(self, order: Order) -> VenueOrder:
        """Place what must be accepted; returns what the reply says."""
        outcome = await self.venue.place(order)
        assert isinstance(outcome, Accepted), outcome
        return outcome.order

    async def refused(self, order: Order) -> NotPlaced:
        """Place what must be proven refused, and see that it left nothing behind."""
        outcome = await self.venue.place(order)
        assert isinstance(outcome, NotPlaced), outcome
        assert outcome.code
        assert outcome.text
        assert await self.venue.open_orders([SPOT, PERP]) == ()
        assert await self.venue.order(order.symbol, order.client_order_id) is None
        return outcome

    async def found(self, order: Order) -> VenueOrder:
        """Look up what must be there."""
        found = await self.venue.order(order.symbol, order.client_order_id)
        assert found is not None
        return found

    async def position(self) -> Decimal:
        """The perpetual position as the venue reports it."""
        held = (await self.venue.account()).positions.get(PERP)
        return ZERO if held is None else held.qty

    async def fills(self, symbol: str) -> tuple[Fill, ...]:
        return await self.venue.fills(symbol, START)

    def pass_hours(self, hours: int = 1) -> None:
        self.market.advance(dec(3600 * hours))


@asynccontextmanager
async def trials(factory: str, made: Callable[[], SimExchange] = exchange) -> AsyncIterator[Trial]:
    """One account on a new exchange, through the venue of that name."""
    market = made()
    keys = market.open_account(BALANCE)
    async with FACTORIES[factory](market, keys) as venue:
        yield Trial(venue=venue, market=market, keys=keys)
