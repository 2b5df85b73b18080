"""What every Venue must show, whatever stands behind it: one suite, one small market, any adapter."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from counterpoise.domain.errors import VenueError
from counterpoise.domain.instrument import InstrumentKind
from counterpoise.domain.numbers import ZERO, dec
from counterpoise.domain.order import (
    Accepted,
    Gone,
    NotPlaced,
    OrderState,
    Side,
    TimeInForce,
    Unknown,
)
from counterpoise.venue.sim import MarketKind, OrderKind, PlaceRequest
from counterpoise.venue.sim import Side as SimSide
from tests.contract.trial import NOWHERE, PERP, SPOT, Trial, trials
from tests.contract.venues import FACTORIES, HOUR, START

BUY, SELL = Side.BUY, Side.SELL
GTC, IOC, GTX = TimeInForce.GTC, TimeInForce.IOC, TimeInForce.GTX


@pytest.fixture(params=list(FACTORIES))
async def trial(request: pytest.FixtureRequest) -> AsyncIterator[Trial]:
    async with trials(request.param) as made:
        yield made


class TestReading:
    async def test_it_has_the_id_of_the_config(self, trial: Trial) -> None:
        assert trial.venue.id == "main"

    async def test_instruments_carry_the_venues_filters_by_unified_symbol(
        self, trial: Trial
    ) -> None:
        spot, perp = (trial.venue.instruments()[symbol] for symbol in (SPOT, PERP))
        assert (spot.kind, spot.base, spot.quote, spot.settle) == (
            InstrumentKind.SPOT,
            "BTC",
            "USDT",
            None,
        )
        assert (spot.tick_size, spot.lot_size, spot.min_notional) == (
            dec("0.01"),
            dec("0.00001"),
            dec(5),
        )
        assert (perp.kind, perp.settle, perp.contract_size) == (InstrumentKind.PERPETUAL, "USDT", 1)
        assert (perp.tick_size, perp.lot_size, perp.min_qty) == (
            dec("0.1"),
            dec("0.001"),
            dec("0.001"),
        )
        assert perp.min_notional == 100
        assert not perp.inverse
        assert spot.active
        assert perp.active

    async def test_the_account_shows_both_wallets_and_no_position(self, trial: Trial) -> None:
        account = await trial.venue.account()
        assert {asset: b.total for asset, b in account.spot.items()} == {"BTC": 2, "USDT": 400_000}
        wallet = account.futures["USDT"]
        assert (wallet.wallet_balance, wallet.unrealized_pnl, wallet.available) == (
            100_000,
            0,
            100_000,
        )
        assert account.positions == {}
        assert account.as_of == START + HOUR
        assert account.leverage[PERP] == 20

    async def test_a_quote_has_what_there_is_and_none_for_the_rest(self, trial: Trial) -> None:
        quotes = await trial.venue.quotes([SPOT, PERP, NOWHERE])
        spot, perp, nowhere = quotes[SPOT], quotes[PERP], quotes[NOWHERE]
        assert (spot.bid, spot.ask) == (dec("99999.99"), dec("100000.01"))
        assert (spot.last, perp.last) == (100_000, 100_000)
        assert (spot.mark, spot.funding_rate, spot.next_funding_at) == (None, None, None)
        assert (perp.bid, perp.ask, perp.mark) == (dec("99999.9"), dec("100000.1"), dec(100_000))
        assert (perp.funding_rate, perp.next_funding_at) == (dec("0.0001"), START + 8 * HOUR)
        assert (spot.funding_interval, perp.funding_interval) == (None, 8 * HOUR)
        # one bar of ten coins in the last day
        assert (spot.volume_24h, perp.volume_24h) == (1_000_000, 1_000_000)
        assert (nowhere.funding_interval, nowhere.volume_24h) == (None, None)
        assert (nowhere.bid, nowhere.ask, nowhere.last, nowhere.mark) == (None, None, None, None)
        assert spot.as_of == perp.as_of == START + HOUR

    async def test_a_halted_market_is_quoted_without_prices_and_refuses_orders(
        self, trial: Trial
    ) -> None:
        trial.pass_hours(5)
        quotes = await trial.venue.quotes([SPOT, PERP])
        assert (quotes[SPOT].bid, quotes[SPOT].ask, quotes[SPOT].mid) == (None, None, None)
        assert quotes[PERP].mid == 100_000
        await trial.refused(trial.order(SPOT, BUY, "0.01", 99_000))

    async def test_an_id_nobody_used_is_not_found(self, trial: Trial) -> None:
        for symbol in (SPOT, PERP):
            assert await trial.venue.order(symbol, "cpnever") is None
            assert await trial.venue.fills(symbol, START) == ()
        assert await trial.venue.open_orders([SPOT, PERP]) == ()


@pytest.mark.parametrize("symbol", [SPOT, PERP])
class TestPlacing:
    async def test_a_limit_order_rests_and_is_found_by_its_id(
        self, trial: Trial, symbol: str
    ) -> None:
        order = trial.order(symbol, BUY, "0.5", 99_000)
        placed = await trial.accepted(order)
        assert (placed.client_order_id, placed.symbol) == (order.client_order_id, symbol)
        assert placed.state is OrderState.OPEN
        found = await trial.found(order)
        (listed,) = await trial.venue.open_orders([symbol])
        for each in (found, listed):
            assert each.venue_order_id == placed.venue_order_id
            assert (each.side, each.qty, each.filled_qty, each.price) == (
                BUY,
                dec("0.5"),
                0,
                99_000,
            )
            assert (each.state, each.reduce_only) == (OrderState.OPEN, False)
            assert each.created_at == START + HOUR
            assert each.avg_fill_price is None

    async def test_a_limit_order_across_the_book_fills(self, trial: Trial, symbol: str) -> None:
        order = trial.order(symbol, SELL, "0.5", 99_990)
        await trial.accepted(order)
        found = await trial.found(order)
        assert (found.state, found.filled_qty) == (OrderState.FILLED, dec("0.5"))
        assert found.avg_fill_price is not None
        assert 99_990 <= found.avg_fill_price < 100_000
        assert await trial.venue.open_orders([symbol]) == ()

    async def test_a_market_order_fills(self, trial: Trial, symbol: str) -> None:
        order = trial.order(symbol, BUY, "0.25")
        await trial.accepted(order)
        found = await trial.found(order)
        assert (found.state, found.filled_qty, found.price) == (
            OrderState.FILLED,
            dec("0.25"),
            None,
        )

    async def test_an_ioc_takes_what_is_there_and_the_rest_is_gone(
        self, trial: Trial, symbol: str
    ) -> None:
        order = trial.order(
            symbol, BUY, "1.2", "100000.1" if symbol == PERP else "100000.01", time=IOC
        )
        await trial.accepted(order)
        found = await trial.found(order)
        assert (found.state, found.filled_qty) == (OrderState.EXPIRED, 1)
        assert await trial.venue.open_orders([symbol]) == ()

    async def test_an_ioc_that_does_not_cross_is_accepted_and_expires(
        self, trial: Trial, symbol: str
    ) -> None:
        order = trial.order(symbol, BUY, "0.1", 99_000, time=IOC)
        await trial.accepted(order)
        found = await trial.found(order)
        assert (found.state, found.filled_qty) == (OrderState.EXPIRED, 0)

    async def test_post_only_rests(self, trial: Trial, symbol: str) -> None:
        order = trial.order(symbol, SELL, "0.1", 100_500, time=GTX)
        await trial.accepted(order)
        assert (await trial.found(order)).state is OrderState.OPEN
        trial.pass_hours()
        (fill,) = await trial.fills(symbol)
        assert (fill.maker, fill.price) == (True, 100_500)

    async def test_post_only_never_takes(self, trial: Trial, symbol: str) -> None:
        await trial.refused(trial.order(symbol, SELL, "0.1", 99_000, time=GTX))
        assert await trial.fills(symbol) == ()

    async def test_a_partial_fill_is_told_as_one_and_can_be_cancelled(
        self, trial: Trial, symbol: str
    ) -> None:
        order = trial.order(symbol, BUY, "1.5", 99_500)
        await trial.accepted(order)
        trial.pass_hours()  # this bar gives 1
        found = await trial.found(order)
        assert (found.state, found.filled_qty) == (OrderState.PARTIALLY_FILLED, 1)
        outcome = await trial.venue.cancel(order)
        assert isinstance(outcome, Accepted)
        assert (outcome.order.state, outcome.order.filled_qty) == (OrderState.CANCELED, 1)
        assert (await trial.found(order)).filled_qty == 1

    async def test_a_cancelled_order_is_gone_the_second_time(
        self, trial: Trial, symbol: str
    ) -> None:
        order = trial.order(symbol, BUY, "0.5", 99_000)
        await trial.accepted(order)
        outcome = await trial.venue.cancel(order)
        assert isinstance(outcome, Accepted)
        assert outcome.order.client_order_id == order.client_order_id
        assert await trial.venue.open_orders([symbol]) == ()
        assert (await trial.found(order)).state is OrderState.CANCELED
        assert isinstance(await trial.venue.cancel(order), Gone)

    async def test_what_filled_or_never_was_cannot_be_cancelled(
        self, trial: Trial, symbol: str
    ) -> None:
        filled = trial.order(symbol, BUY, "0.1")
        await trial.accepted(filled)
        assert isinstance(await trial.venue.cancel(filled), Gone)
        assert isinstance(await trial.venue.cancel(trial.order(symbol, BUY, "0.1", 99_000)), Gone)

    async def test_an_id_that_is_open_never_makes_a_second_order(
        self, trial: Trial, symbol: str
    ) -> None:
        order = trial.order(symbol, BUY, "0.1", 99_000)
        first = await trial.accepted(order)
        again = await trial.accepted(order)
        assert again.venue_order_id == first.venue_order_id
        assert len(await trial.venue.open_orders([symbol])) == 1

    async def test_what_breaks_a_filter_is_refused(self, trial: Trial, symbol: str) -> None:
        for qty, price in (
            ("0.00004", 100_000),  # notional
            ("0.0000001", 100_000),  # lot
            ("0.10", "99000.001"),  # tick
            ("9999999", 99_000),  # largest quantity
        ):
            await trial.refused(trial.order(symbol, BUY, qty, price))

    async def test_what_cannot_be_paid_is_refused(self, trial: Trial, symbol: str) -> None:
        await trial.refused(trial.order(symbol, BUY, "30", 99_000))

    async def test_orders_of_others_on_the_account_are_shown(
        self, trial: Trial, symbol: str
    ) -> None:
        trial.market.place(
            trial.keys.api_key,
            PlaceRequest(
                kind=MarketKind.SPOT if symbol == SPOT else MarketKind.PERP,
                symbol="BTCUSDT",
                side=SimSide.SELL,
                order_kind=OrderKind.LIMIT,
                qty=dec("0.1"),
                price=dec(110_000),
                client_order_id="web_manual",
            ),
        )
        (foreign,) = await trial.venue.open_orders([symbol])
        assert (foreign.client_order_id, foreign.side) == ("web_manual", SELL)


@pytest.mark.parametrize("symbol", [SPOT, PERP])
class TestFills:
    async def test_fills_add_up_to_the_order_and_have_ids_of_their_own(
        self, trial: Trial, symbol: str
    ) -> None:
        order = trial.order(symbol, BUY, "1.5", 99_500)
        placed = await trial.accepted(order)
        trial.pass_hours()
        taker = trial.order(symbol, BUY, "1.5", 100_010)
        await trial.accepted(taker)
        fills = await trial.fills(symbol)
        assert len({fill.key for fill in fills}) == len(fills) >= 3
        of_first = [fill for fill in fills if fill.venue_order_id == placed.venue_order_id]
        assert sum((fill.qty for fill in of_first), ZERO) == (await trial.found(order)).filled_qty
        assert [fill.filled_at for fill in fills] == sorted(fill.filled_at for fill in fills)
        assert {(fill.venue, fill.symbol, fill.side) for fill in fills} == {("main", symbol, BUY)}
        assert {fill.maker for fill in fills} == {True, False}

    async def test_since_leaves_out_what_was_before_and_keeps_the_instant_itself(
        self, trial: Trial, symbol: str
    ) -> None:
        await trial.accepted(trial.order(symbol, BUY, "0.1"))
        trial.pass_hours()
        await trial.accepted(trial.order(symbol, BUY, "0.2"))
        late = await trial.venue.fills(symbol, START + 2 * HOUR)
        assert [fill.qty for fill in late] == [dec("0.2")]
        assert len(await trial.venue.fills(symbol, START + HOUR)) == 2

    async def test_fees_are_what_was_paid_in_the_asset_it_was_paid_in(
        self, trial: Trial, symbol: str
    ) -> None:
        await trial.accepted(trial.order(symbol, BUY, "0.1"))
        (fill,) = await trial.fills(symbol)
        expected = (
            (dec("0.0001"), "BTC") if symbol == SPOT else (fill.price * dec("0.00005"), "USDT")
        )
        assert (fill.fee, fill.fee_asset) == expected

    async def test_a_sale_pays_in_quote(self, trial: Trial, symbol: str) -> None:
        await trial.accepted(trial.order(symbol, SELL, "0.1"))
        (fill,) = await trial.fills(symbol)
        rate = dec("0.001") if symbol == SPOT else dec("0.0005")
        assert (fill.fee, fill.fee_asset) == (fill.price * fill.qty * rate, "USDT")


class TestHoldings:
    async def test_a_resting_spot_order_locks_what_it_needs(self, trial: Trial) -> None:
        await trial.accepted(trial.order(SPOT, BUY, "1", 99_000))
        await trial.accepted(trial.order(SPOT, SELL, "0.5", 101_500))
        spot = (await trial.venue.account()).spot
        assert (spot["USDT"].free, spot["USDT"].locked) == (301_000, 99_000)
        assert (spot["BTC"].free, spot["BTC"].locked) == (dec("1.5"), dec("0.5"))

    async def test_a_spot_buy_brings_the_coin_net_of_its_fee(self, trial: Trial) -> None:
        await trial.accepted(trial.order(SPOT, BUY, "1"))
        spot = (await trial.venue.account()).spot
        assert spot["BTC"].total == dec("2.999")
        assert spot["USDT"].total == 400_000 - dec("100000.01")

    async def test_a_short_is_negative_and_marked(self, trial: Trial) -> None:
        await trial.accepted(trial.order(PERP, SELL, "0.5"))
        trial.market.set_price("BTCUSDT", dec(99_000))
        account = await trial.venue.account()
        held = account.positions[PERP]
        assert (held.qty, held.entry_price, held.mark_price) == (
            dec("-0.5"),
            dec("99999.9"),
            99_000,
        )
        assert held.unrealized_pnl == dec("499.95")
        assert account.futures["USDT"].unrealized_pnl == dec("499.95")
        assert account.futures["USDT"].available < 100_000

    async def test_a_closed_position_is_no_position(self, trial: Trial) -> None:
        await trial.accepted(trial.order(PERP, SELL, "0.5"))
        await trial.accepted(trial.order(PERP, BUY, "0.5"))
        assert (await trial.venue.account()).positions == {}

    async def test_funding_reaches_the_wallet(self, trial: Trial) -> None:
        await trial.accepted(trial.order(PERP, SELL, "1", 99_000))
        before = (await trial.venue.account()).futures["USDT"].wallet_balance
        trial.pass_hours(7)
        after = (await trial.venue.account()).futures["USDT"].wallet_balance
        assert after - before == 10

    async def test_what_coins_fetch_less_its_fee_is_in_the_wallet(self, trial: Trial) -> None:
        await trial.accepted(trial.order(SPOT, SELL, "1.5", 99_900, time=IOC))
        fills = await trial.fills(SPOT)
        spot = (await trial.venue.account()).spot
        assert spot["BTC"].total == 2 - sum(fill.qty for fill in fills)
        got = sum((fill.qty * fill.price - (fill.fee or 0) for fill in fills), ZERO)
        assert spot["USDT"].total == 400_000 + got

    async def test_a_cancelled_spot_order_gives_back_what_it_held(self, trial: Trial) -> None:
        order = trial.order(SPOT, BUY, "1", 99_000, time=GTX)
        await trial.accepted(order)
        assert (await trial.venue.account()).spot["USDT"].locked == 99_000
        await trial.venue.cancel(order)
        held = (await trial.venue.account()).spot["USDT"]
        assert (held.free, held.locked) == (400_000, 0)

    async def test_orders_of_both_markets_are_listed_together(self, trial: Trial) -> None:
        made = [
            trial.order(SPOT, BUY, "0.1", 99_000, time=GTX),
            trial.order(PERP, BUY, "0.2", 99_000, time=GTX),
        ]
        for order in made:
            await trial.accepted(order)
        found = await trial.venue.open_orders([SPOT, PERP])
        assert {(o.symbol, o.client_order_id, o.qty) for o in found} == {
            (o.symbol, o.client_order_id, o.qty) for o in made
        }
        (alone,) = await trial.venue.open_orders([SPOT])
        assert alone.symbol == SPOT


class TestReduceOnly:
    async def test_it_is_refused_when_there_is_nothing_to_reduce(self, trial: Trial) -> None:
        await trial.refused(trial.order(PERP, BUY, "0.1", 99_000, reduce_only=True))

    async def test_it_is_refused_in_the_direction_that_adds(self, trial: Trial) -> None:
        await trial.accepted(trial.order(PERP, SELL, "0.5"))
        await trial.refused(trial.order(PERP, SELL, "0.1", reduce_only=True))
        assert await trial.position() == dec("-0.5")

    async def test_it_closes_and_never_flips(self, trial: Trial) -> None:
        await trial.accepted(trial.order(PERP, SELL, "0.5"))
        order = trial.order(PERP, BUY, "0.5", reduce_only=True)
        await trial.accepted(order)
        assert (await trial.found(order)).reduce_only
        assert await trial.position() == 0

    async def test_a_resting_one_never_adds_after_the_position_shrank(self, trial: Trial) -> None:
        await trial.accepted(trial.order(PERP, SELL, "0.5"))
        await trial.accepted(trial.order(PERP, BUY, "0.5", 99_500, reduce_only=True))
        await trial.accepted(trial.order(PERP, BUY, "0.4"))
        trial.pass_hours()
        assert await trial.position() == 0


class TestUnknownSymbol:
    async def test_it_is_told_apart_from_nothing_found(self, trial: Trial) -> None:
        order = trial.order(NOWHERE, BUY, "1", 1)
        assert NOWHERE not in trial.venue.instruments()
        assert isinstance(await trial.venue.place(order), NotPlaced)
        assert isinstance(await trial.venue.cancel(order), Unknown)
        assert await trial.venue.open_orders([NOWHERE]) == ()
        with pytest.raises(VenueError) as caught:
            await trial.venue.order(NOWHERE, "cp1")
        assert not caught.value.retryable
        with pytest.raises(VenueError):
            await trial.venue.fills(NOWHERE, START)
        assert trial.market.log.after(0) == [] or all(
            entry["event"] == "request" for entry in trial.market.log.after(0)
        )
