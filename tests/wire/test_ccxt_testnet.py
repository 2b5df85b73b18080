"""The adapter against the simulated exchange behind Binance's dialect, judged by the exchange's truth log."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import pytest

from counterpoise.domain.access import Secret
from counterpoise.domain.errors import VenueAuthError
from counterpoise.domain.instrument import InstrumentKind
from counterpoise.domain.numbers import dec
from counterpoise.domain.order import (
    Accepted,
    Gone,
    NotPlaced,
    Order,
    OrderState,
    OrderType,
    Side,
    TimeInForce,
)
from counterpoise.venue.ccxt.adapter import CcxtVenue
from tests.build import NOW, make_order
from tests.wire.world import WAYS, Way, World, world

BTC, BTC_PERP, ETH_PERP = "BTC/USDT", "BTC/USDT:USDT", "ETH/USDT:USDT"


@pytest.fixture(params=WAYS)
async def here(request: pytest.FixtureRequest) -> AsyncIterator[World]:
    way: Way = request.param
    async with world(way) as made:
        yield made


@pytest.fixture
async def venue(here: World) -> AsyncIterator[CcxtVenue]:
    made = here.venue()
    await made.open()
    yield made
    await made.close()


def market(side: Side, qty: str, cid: str, symbol: str = BTC_PERP) -> Order:
    order = make_order(
        side,
        qty,
        type=OrderType.MARKET,
        time_in_force=TimeInForce.GTC,
        client_order_id=cid,
        symbol=symbol,
    )
    return replace(order, price=None)


async def test_what_is_listed_and_held(here: World, venue: CcxtVenue) -> None:
    listed = venue.instruments()
    assert set(listed) == {BTC, BTC_PERP, "ETH/USDT", ETH_PERP}
    assert listed[BTC].kind is InstrumentKind.SPOT
    assert (listed[BTC_PERP].tick_size, listed[BTC_PERP].lot_size) == (dec("0.1"), dec("0.001"))
    assert venue.refused_instruments() == {}
    account = await venue.account()
    assert {asset: held.total for asset, held in account.spot.items()} == {"BTC": 1, "USDT": 50_000}
    assert account.futures["USDT"].available == 50_000
    assert account.positions == {}
    assert account.as_of == here.clock.now()
    assert account.leverage[BTC_PERP] > 0


async def test_quotes_of_one_and_of_many(here: World, venue: CcxtVenue) -> None:
    alone = await venue.quotes([BTC_PERP])
    many = await venue.quotes([BTC, "ETH/USDT", BTC_PERP, ETH_PERP, "NO/SUCH"])
    assert many[BTC_PERP] == alone[BTC_PERP]
    quote = many[ETH_PERP]
    assert quote.bid is not None
    assert quote.ask is not None
    assert quote.bid < 4000 < quote.ask
    assert quote.mark == 4000
    assert quote.as_of == here.clock.now()
    assert quote.next_funding_at == NOW + timedelta(hours=4)
    assert many[BTC].mid == 100_000
    assert many["NO/SUCH"].bid is None


async def test_an_orders_whole_life(here: World, venue: CcxtVenue) -> None:
    order = make_order(Side.SELL, "0.1", "100500")
    placed = await venue.place(order)
    assert isinstance(placed, Accepted)
    assert placed.order.state is OrderState.OPEN
    (resting,) = await venue.open_orders([BTC, BTC_PERP, ETH_PERP])
    assert resting.client_order_id == order.client_order_id
    assert await venue.order(BTC_PERP, "cp-no-such") is None
    # sent again (it never is): the venue knows the id, so it is looked up and no second order exists
    assert await venue.place(order) == placed
    assert len(here.log("place")) == 1

    cancelled = await venue.cancel(order)
    assert isinstance(cancelled, Accepted)
    assert cancelled.order.state is OrderState.CANCELED
    assert isinstance(await venue.cancel(order), Gone)
    found = await venue.order(BTC_PERP, order.client_order_id)
    assert found is not None
    assert (found.state, found.filled_qty) == (OrderState.CANCELED, 0)
    assert await venue.open_orders([BTC_PERP]) == ()


async def test_a_resting_order_fills_and_the_position_is_the_venues(
    here: World, venue: CcxtVenue
) -> None:
    order = make_order(Side.SELL, "0.1", "100500")
    assert isinstance(await venue.place(order), Accepted)
    await here.clock.sleep(dec(7200))
    found = await venue.order(BTC_PERP, order.client_order_id)
    assert found is not None
    assert found.state is OrderState.FILLED
    fills = await venue.fills(BTC_PERP, NOW)
    assert sum(fill.qty for fill in fills) == dec("0.1")
    assert {(fill.side, fill.maker, fill.fee_asset) for fill in fills} == {
        (Side.SELL, True, "USDT")
    }
    account = await venue.account()
    position = account.positions[BTC_PERP]
    assert (position.qty, position.entry_price) == (dec("-0.1"), 100_500)
    assert position.unrealized_pnl == 50
    assert position.leverage == account.leverage[BTC_PERP]
    fees = sum(fill.fee for fill in fills)
    assert account.futures["USDT"].wallet_balance == 50_000 - fees


async def test_spot_buys_pay_their_fee_in_the_coin(venue: CcxtVenue) -> None:
    placed = await venue.place(market(Side.BUY, "0.1", "cp-spot", BTC))
    assert isinstance(placed, Accepted)
    assert placed.order.state is OrderState.FILLED
    fills = await venue.fills(BTC, NOW)
    assert {fill.fee_asset for fill in fills} == {"BTC"}
    held = (await venue.account()).spot["BTC"].total
    assert held == 1 + sum(fill.qty - fill.fee for fill in fills)


async def test_all_fills_of_two_weeks_are_read(here: World, venue: CcxtVenue) -> None:
    for n in range(15):
        side = Side.SELL if n % 2 else Side.BUY
        assert isinstance(await venue.place(market(side, "0.01", f"cp-{n}")), Accepted)
        await here.clock.sleep(dec(86_400))
    logged = [entry["trade_id"] for entry in here.log("fill")]
    assert [fill.trade_id for fill in await venue.fills(BTC_PERP, NOW)] == logged
    late = await venue.fills(BTC_PERP, NOW + timedelta(days=14))
    assert [fill.trade_id for fill in late] == logged[-1:]


@pytest.mark.parametrize(
    ("order", "code"),
    [
        (make_order(qty="100"), "-2019"),
        (make_order(qty="0.0001"), "-1111"),
        (make_order(Side.BUY, price="100500"), "-5022"),
        (make_order(Side.BUY, symbol=BTC, price="100500"), "-2010"),
        (make_order(Side.SELL, qty="5", symbol=BTC, price="100500"), "-2010"),
        (make_order(reduce_only=True), "-2022"),
    ],
    ids=["margin", "step", "would take", "spot would take", "spot balance", "reduce only"],
)
async def test_refusals_are_proven(here: World, venue: CcxtVenue, order: Order, code: str) -> None:
    outcome = await venue.place(order)
    assert isinstance(outcome, NotPlaced), outcome
    assert outcome.code == code
    assert here.log("place") == []


async def test_a_wrong_key_costs_at_most_three_requests(here: World) -> None:
    for wrong in (
        {"api_key": Secret("k" * 64)},
        {"secret": Secret("s" * 64)},
        {"api_key": Secret("k" * 64), "venue_clock": False},
    ):
        before = len(here.log("request"))
        made = replace(here, access=replace(here.access, **wrong)).venue()
        with pytest.raises(VenueAuthError, match="does not accept the key"):
            await made.open()
        assert len(here.log("request")) - before <= 3


async def test_every_signature_carries_the_markets_time(here: World, venue: CcxtVenue) -> None:
    await here.clock.sleep(dec("3600.5"))
    await venue.account()
    asked = [entry for entry in here.log("request") if entry["signed_at"] is not None]
    assert asked[-1]["signed_at"] == asked[-1]["at"]


async def test_old_listings_are_read_again(here: World, venue: CcxtVenue) -> None:
    def loads() -> int:
        return sum(e["status"] == "GET /api/v3/exchangeInfo" for e in here.log("request"))

    await here.clock.sleep(dec(3600))
    await venue.account()
    assert loads() == 1
    await here.clock.sleep(dec(6 * 3600))
    await venue.account()
    assert loads() == 2
