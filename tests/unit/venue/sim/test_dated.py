"""Dated futures on the simulated exchange: no funding, an expiry, a settlement, and then nothing more."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from counterpoise.domain.instrument import InstrumentKind
from counterpoise.domain.ledger import EntryKind
from counterpoise.domain.numbers import ZERO, dec
from counterpoise.venue.sim import (
    AccountKeys,
    Candle,
    FundingRate,
    FundingSeries,
    MarketKind,
    OrderKind,
    PlaceRequest,
    RejectCode,
    Series,
    Side,
    SimExchange,
    SimReject,
    Wallet,
    dated_series,
    default_rules,
)
from counterpoise.venue.sim.rules import expiry_of
from counterpoise.venue.sim.venue import SimVenue
from tests.unit.venue.sim.world import NO_FEES

START = datetime(2026, 3, 26, 8, tzinfo=UTC)
EXPIRY = datetime(2026, 3, 27, 8, tzinfo=UTC)
FUTURE, UNIFIED = "BTCUSDT_260327", "BTC/USDT:USDT-260327"
BAR = timedelta(minutes=15)
TICK = dec("0.1")


def coin(hours: int = 48, last_hour: str = "100000") -> Series:
    """A coin at 100,000 that stands at ``last_hour`` in the hour before the expiry."""
    candles = []
    for n in range(hours * 4):
        at = START + n * BAR
        near = EXPIRY - timedelta(hours=1) <= at < EXPIRY
        price = dec(last_hour if near else "100000")
        candles.append(Candle(at, price, price, price, price, dec(1000)))
    return Series(kind="spot", symbol="BTCUSDT", interval=BAR, candles=tuple(candles))


def opened(
    last_hour: str = "100000", basis: str = "0.365", now: datetime = START
) -> tuple[SimExchange, AccountKeys]:
    spot = coin(last_hour=last_hour)
    exchange = SimExchange(
        rules=[
            default_rules("BTCUSDT", MarketKind.SPOT),
            default_rules(FUTURE, MarketKind.PERP),
        ],
        series=[spot, dated_series(spot, FUTURE, EXPIRY, dec(basis), TICK)],
        now=now,
        fees=NO_FEES,
    )
    keys = exchange.open_account({(Wallet.FUTURES, "USDT"): dec(100_000)})
    return exchange, keys


def order(side: Side, qty: str = "1", price: str | None = None) -> PlaceRequest:
    return PlaceRequest(
        kind=MarketKind.PERP,
        symbol=FUTURE,
        side=side,
        order_kind=OrderKind.MARKET if price is None else OrderKind.LIMIT,
        qty=dec(qty),
        price=None if price is None else dec(price),
    )


def test_the_id_tells_the_day_and_eight_is_the_hour() -> None:
    assert expiry_of(FUTURE) == EXPIRY
    assert expiry_of("BTCUSDT") is None
    with pytest.raises(ValueError, match="261399"):
        expiry_of("BTCUSDT_261399")


def test_a_declared_basis_runs_off_to_zero() -> None:
    made = dated_series(coin(), FUTURE, EXPIRY, dec("0.365"), TICK)
    assert made.candles[0].open == 100_100, "36.5 % a year: 0.1 % a day"
    assert made.candles[48].open == 100_050
    assert (made.candles[0].high, made.candles[0].low) == (100_100, dec("100099.0"))
    assert made.candles[0].close == made.candles[1].open == dec("100099.0")
    assert made.candles[-1].open_at == EXPIRY - BAR
    assert made.candles[-1].close == 100_000
    below = dated_series(coin(), FUTURE, EXPIRY, dec("-0.365"), TICK)
    assert (below.candles[0].open, below.candles[0].high) == (99_900, dec("99901.0"))


def test_at_its_expiry_every_position_is_closed_at_the_mean_of_the_last_hour() -> None:
    exchange, keys = opened(last_hour="99000")
    short = exchange.place(keys.api_key, order(Side.SELL))
    entry = short.filled_quote
    resting = exchange.place(keys.api_key, order(Side.SELL, "0.5", "110000"))
    exchange.advance_to(EXPIRY - timedelta(seconds=1))
    assert exchange.delivery(FUTURE) is None
    exchange.advance_to(EXPIRY)
    ended = exchange.delivery(FUTURE)
    assert ended is not None
    assert (ended.price, ended.at) == (99_000, EXPIRY)
    view = exchange.account(keys.api_key)
    assert [p.qty for p in view.positions if p.qty] == []
    assert view.futures["USDT"].wallet_balance == 100_000 + entry - 99_000
    assert exchange.order(
        keys.api_key, MarketKind.PERP, FUTURE, order_id=resting.order_id
    ).status == ("expired")
    (event,) = [e for e in exchange.log.after(0) if e["event"] == "settlement"]
    assert (event["qty"], event["price"], event["symbol"]) == ("-1", "99000", FUTURE)
    assert exchange.house()["USDT"] == -view.futures["USDT"].wallet_balance, "nothing is lost"


def test_what_expired_trades_no_more() -> None:
    exchange, keys = opened()
    exchange.advance_to(EXPIRY)
    with pytest.raises(SimReject) as refused:
        exchange.place(keys.api_key, order(Side.SELL))
    assert refused.value.code is RejectCode.MARKET_CLOSED
    book = exchange.book(MarketKind.PERP, FUTURE)
    assert (book.bid, book.ask, book.halted) == (None, None, True)
    assert exchange.trades_no_more(MarketKind.PERP, FUTURE)


def test_it_charges_no_funding() -> None:
    exchange, keys = opened()
    exchange.place(keys.api_key, order(Side.SELL))
    exchange.advance_to(EXPIRY)
    assert not [e for e in exchange.log.after(0) if e["event"] == "funding"]
    assert exchange.book(MarketKind.PERP, FUTURE).next_funding_at is None


def test_without_the_coins_market_its_own_price_settles_it() -> None:
    future = dated_series(coin(), FUTURE, EXPIRY, ZERO, TICK)
    exchange = SimExchange(
        rules=[default_rules(FUTURE, MarketKind.PERP)], series=[future], now=START
    )
    exchange.advance_to(EXPIRY)
    ended = exchange.delivery(FUTURE)
    assert ended is not None
    assert ended.price == 100_000


async def test_the_venue_tells_its_expiry_and_how_it_ended() -> None:
    exchange, keys = opened(last_hour="99000")
    venue = SimVenue("sim", exchange, keys.api_key)
    await venue.open()
    listed = venue.instruments()[UNIFIED]
    assert (listed.kind, listed.expiry_at, listed.active) == (
        InstrumentKind.FUTURE,
        EXPIRY,
        True,
    )
    exchange.place(keys.api_key, order(Side.SELL))
    assert (await venue.account()).positions[UNIFIED].qty == -1
    quote = (await venue.quotes([UNIFIED]))[UNIFIED]
    assert (quote.mark, quote.funding_rate) == (Decimal(100100), None)
    assert await venue.settlement(UNIFIED) is None
    exchange.advance_to(EXPIRY)
    ended = await venue.settlement(UNIFIED)
    assert ended is not None
    assert (ended.symbol, ended.price) == (UNIFIED, 99_000)
    assert not venue.instruments()[UNIFIED].active
    assert UNIFIED not in (await venue.account()).positions
    (booked,) = await venue.ledger(START)
    assert (booked.kind, booked.symbol, booked.at) == (EntryKind.REALIZED_PNL, UNIFIED, EXPIRY)


async def test_a_venue_without_contracts_has_no_settlements() -> None:
    exchange = SimExchange(
        rules=[default_rules("BTCUSDT", MarketKind.SPOT)], series=[coin()], now=START
    )
    keys = exchange.open_account({})
    venue = SimVenue("sim", exchange, keys.api_key)
    await venue.open()
    for symbol in ("BTC/USDT", UNIFIED):
        assert await venue.settlement(symbol) is None


def test_the_wallet_says_that_it_was_a_settlement() -> None:
    exchange, keys = opened(last_hour="99000")
    exchange.place(keys.api_key, order(Side.BUY))
    exchange.advance_to(EXPIRY)
    (booked,) = [i for i in exchange.income(keys.api_key) if i.kind == "settlement"]
    bought = exchange.trades(keys.api_key, MarketKind.PERP, FUTURE)[0].price
    assert (booked.symbol, booked.qty, booked.trade_id) == (FUTURE, 99_000 - bought, None)


def test_a_halt_over_the_last_hour_settles_at_the_price_before_it() -> None:
    near = EXPIRY - timedelta(hours=2)
    spot = coin()
    down = replace(spot, candles=tuple(c for c in spot.candles if not near <= c.open_at < EXPIRY))
    future = dated_series(spot, FUTURE, EXPIRY, ZERO, TICK)
    exchange = SimExchange(
        rules=[default_rules("BTCUSDT", MarketKind.SPOT), default_rules(FUTURE, MarketKind.PERP)],
        series=[down, future],
        now=START,
    )
    exchange.advance_to(near + BAR)
    exchange.set_price("BTCUSDT", dec(90_000), MarketKind.SPOT)  # nobody traded at it
    exchange.advance_to(EXPIRY)
    ended = exchange.delivery(FUTURE)
    assert ended is not None
    assert ended.price == 100_000


def test_what_ended_before_time_began_is_closed_and_time_does_not_run_back() -> None:
    now = EXPIRY + timedelta(hours=3)
    exchange, keys = opened(last_hour="99000", now=now)
    assert exchange.trades_no_more(MarketKind.PERP, FUTURE)
    ended = exchange.delivery(FUTURE)
    assert ended is not None
    assert (ended.price, ended.at) == (99_000, EXPIRY)
    exchange.advance(dec(60))
    assert exchange.now == now + timedelta(minutes=1)
    assert exchange.log.after(0) == []
    with pytest.raises(SimReject) as refused:
        exchange.place(keys.api_key, order(Side.BUY))
    assert refused.value.code is RejectCode.MARKET_CLOSED


def test_bars_beyond_the_end_are_not_shown() -> None:
    late = replace(coin(), kind="perp", symbol=FUTURE)
    exchange = SimExchange(rules=[default_rules(FUTURE, MarketKind.PERP)], series=[late], now=START)
    exchange.advance_to(EXPIRY + timedelta(hours=2))
    assert exchange.candles("perp", FUTURE, BAR)[-1].open_at == EXPIRY - BAR
    assert exchange.end == EXPIRY


def test_a_shock_moves_the_dated_future_by_the_same_factor() -> None:
    exchange, keys = opened()
    exchange.place(keys.api_key, order(Side.SELL))
    exchange.set_price("BTCUSDT", dec(80_000))
    assert exchange.book(MarketKind.PERP, FUTURE).last == 80_080
    exchange.set_price("BTCUSDT", dec(90_000), MarketKind.SPOT)
    assert exchange.book(MarketKind.PERP, FUTURE).last == 80_080, "told for spot alone"
    exchange.set_price(FUTURE, dec(70_000))
    assert exchange.book(MarketKind.PERP, FUTURE).mark == 70_000
    assert exchange.book(MarketKind.SPOT, "BTCUSDT").last == 90_000
    exchange.advance_to(EXPIRY)
    before = exchange.book(MarketKind.PERP, FUTURE).last
    exchange.set_price("BTCUSDT", dec(50_000))
    assert exchange.book(MarketKind.PERP, FUTURE).last == before, "it has ended"


def test_a_shock_moves_a_recorded_mark_too() -> None:
    spot = coin()
    future = dated_series(spot, FUTURE, EXPIRY, dec("0.365"), TICK)
    exchange = SimExchange(
        rules=[default_rules("BTCUSDT", MarketKind.SPOT), default_rules(FUTURE, MarketKind.PERP)],
        series=[spot, future, replace(future, kind="mark")],
        now=START,
    )
    exchange.set_price("BTCUSDT", dec(50_000))
    assert exchange.book(MarketKind.PERP, FUTURE).mark == 50_050


def test_what_cannot_be_is_refused() -> None:
    rates = FundingSeries(symbol=FUTURE, rates=(FundingRate(START, dec("0.0001")),))
    future = dated_series(coin(), FUTURE, EXPIRY, ZERO, TICK)
    with pytest.raises(ValueError, match=f"funding {FUTURE}: expected none"):
        SimExchange(
            rules=[default_rules(FUTURE, MarketKind.PERP)],
            series=[future],
            funding=[rates],
            now=START,
        )
    ending = replace(default_rules("BTCUSDT", MarketKind.SPOT), expiry_at=EXPIRY)
    with pytest.raises(ValueError, match="expected no expiry of a spot market"):
        SimExchange(rules=[ending], series=[coin()], now=START)
    nameless = replace(default_rules("BTCUSDT", MarketKind.PERP), expiry_at=EXPIRY)
    with pytest.raises(ValueError, match="expected a day in the name"):
        SimExchange(rules=[nameless], series=[replace(coin(), kind="perp")], now=START)


def test_a_coin_that_never_closed_a_bar_settles_at_where_it_opened() -> None:
    day = timedelta(days=2)
    bar = Candle(START, dec(100_000), dec(105_000), dec(99_000), dec(104_000), dec(10))
    spot = Series(kind="spot", symbol="BTCUSDT", interval=day, candles=(bar,))
    future = dated_series(coin(), FUTURE, EXPIRY, ZERO, TICK)
    exchange = SimExchange(
        rules=[default_rules("BTCUSDT", MarketKind.SPOT), default_rules(FUTURE, MarketKind.PERP)],
        series=[spot, future],
        now=START,
    )
    exchange.advance_to(EXPIRY)
    ended = exchange.delivery(FUTURE)
    assert ended is not None
    assert ended.price == 100_000
