"""The Venue port over the simulated exchange: what only this venue can show. The rest is the contract suite's."""

from __future__ import annotations

from datetime import timedelta

import pytest

from counterpoise.domain.errors import VenueAuthError, VenueError
from counterpoise.domain.instrument import InstrumentKind
from counterpoise.domain.numbers import dec
from counterpoise.domain.order import Gone, Order, OrderState, OrderType, Side, TimeInForce, Unknown
from counterpoise.venue.sim.venue import SimVenue
from tests.unit.venue.sim.world import HOUR, SPOT, START, SYMBOL, World, flat, rates, world

BTC, BTC_PERP = "BTC/USDT", "BTC/USDT:USDT"


async def opened(here: World) -> SimVenue:
    venue = SimVenue("sim", here.exchange, here.key)
    await venue.open()
    return venue


def order(symbol: str = BTC_PERP, client_id: str = "cp1", qty: str = "1") -> Order:
    return Order(
        client_order_id=client_id,
        portfolio="p",
        venue="sim",
        symbol=symbol,
        side=Side.SELL,
        type=OrderType.LIMIT,
        time_in_force=TimeInForce.GTC,
        qty=dec(qty),
        price=dec(110),
        reduce_only=False,
        decision_id="d",
        rung=0,
        attempt=0,
        state=OrderState.SUBMITTED,
        created_at=START,
        updated_at=START,
    )


async def test_unified_symbols_stand_for_the_venues_markets() -> None:
    venue = await opened(world())
    found = venue.instruments()
    assert {symbol: i.kind for symbol, i in found.items()} == {
        BTC: InstrumentKind.SPOT,
        BTC_PERP: InstrumentKind.PERPETUAL,
    }
    assert (found[BTC].settle, found[BTC_PERP].settle) == (None, "USDT")
    assert found[BTC_PERP].tick_size == 1


async def test_a_key_nobody_has_does_not_open() -> None:
    with pytest.raises(VenueAuthError, match="expected a known API key"):
        await SimVenue("sim", world().exchange, "nobody").open()


async def test_before_it_is_open_nothing_can_be_traded() -> None:
    here = world()
    venue = SimVenue("sim", here.exchange, here.key)
    assert venue.instruments() == {}
    with pytest.raises(VenueError, match="not listed"):
        await venue.fills(BTC, START)


async def test_reads_carry_the_exchanges_time() -> None:
    here = world()
    venue = await opened(here)
    here.pass_hours()
    assert (await venue.account()).as_of == START + 2 * HOUR
    assert (await venue.quotes([BTC]))[BTC].as_of == START + 2 * HOUR


async def test_a_halted_market_has_a_quote_without_prices_to_trade_at() -> None:
    here = world([flat(100)] * 5, spot_rows=[flat(100), None, None, flat(90), flat(90)])
    venue = await opened(here)
    quote = (await venue.quotes([BTC]))[BTC]
    assert (quote.bid, quote.ask, quote.mid) == (None, None, None)


async def test_funding_is_told_with_the_perpetual_only() -> None:
    here = world(funding=[rates(["0.0001", "0.0002"])])
    venue = await opened(here)
    quotes = await venue.quotes([BTC, BTC_PERP])
    assert quotes[BTC_PERP].funding_rate == dec("0.0001")
    assert quotes[BTC_PERP].next_funding_at == START + timedelta(hours=8)
    assert (quotes[BTC].funding_rate, quotes[BTC].mark) == (None, None)


async def test_leverage_is_told_for_every_perpetual() -> None:
    venue = await opened(world())
    assert (await venue.account()).leverage == {BTC_PERP: 20}


async def test_an_id_that_was_used_for_another_order_proves_nothing() -> None:
    venue = await opened(world())
    await venue.place(order())
    assert isinstance(await venue.place(order(qty="2")), Unknown)


async def test_a_key_that_vanished_is_an_error_and_not_an_absent_order() -> None:
    venue = await opened(world())
    other = SimVenue("other", world(seed=5).exchange, venue._api_key)
    other._listed = venue._listed
    with pytest.raises(VenueError, match="expected a known API key"):
        await other.order(BTC, "cp1")


async def test_cancelling_at_the_wrong_market_finds_nothing() -> None:
    here = world()
    venue = await opened(here)
    await venue.place(order())
    assert isinstance(await venue.cancel(order(symbol=BTC)), Gone)
    assert isinstance(await venue.cancel(order(symbol="NOPE/USDT")), Unknown)
    assert here.exchange.orders(here.key, SPOT, SYMBOL) == []


async def test_closing_twice_is_fine() -> None:
    venue = await opened(world())
    await venue.close()
    await venue.close()
    assert venue.id == "sim"


async def test_a_market_that_has_not_begun_is_not_listed() -> None:
    late = world([None, None, flat(), flat()], spot_rows=[flat()] * 4)
    venue = await opened(late)
    assert set(venue.instruments()) == {BTC}
    late.pass_hours()
    assert set(venue.instruments()) == {BTC, BTC_PERP}
