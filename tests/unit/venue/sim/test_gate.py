"""What an order must meet before it is accepted."""

from __future__ import annotations

import pytest

from counterpoise.domain.numbers import dec
from counterpoise.venue.sim import MarketKind, PlaceRequest, RejectCode, Side, SimReject, Wallet
from counterpoise.venue.sim.model import OrderKind
from tests.unit.venue.sim.world import BUY, PERP, RICH, SELL, SPOT, bar, flat, world

FILTERS = [
    ("no quantity", BUY, "0", 100, "below_min_qty"),
    ("a negative quantity", BUY, "-1", 100, "below_min_qty"),
    ("below the smallest quantity", BUY, "0.0005", 100, "below_min_qty"),
    ("above the largest quantity", BUY, "1000.001", 100, "above_max_qty"),
    ("off the lot", BUY, "1.0005", 100, "bad_qty_step"),
    ("off the tick", BUY, "1", "100.5", "bad_price_tick"),
    ("a price of zero", BUY, "1", 0, "bad_price"),
    ("a negative price", SELL, "1", -100, "bad_price"),
    ("too little quote at the limit", BUY, "0.05", 99, "below_min_notional"),
    ("too little quote at the market", BUY, "0.049", None, "below_min_notional"),
    ("a buy far above the price", BUY, "1", 501, "percent_price"),
    ("a sell far below the price", SELL, "1", 19, "percent_price"),
]


@pytest.mark.parametrize("kind", [SPOT, PERP])
@pytest.mark.parametrize(
    ("side", "qty", "price", "code"), [row[1:] for row in FILTERS], ids=[row[0] for row in FILTERS]
)
def test_refused(
    kind: MarketKind, side: Side, qty: str, price: int | str | None, code: str
) -> None:
    assert world().refusal(side, qty, price, kind=kind) == code


def test_exactly_the_smallest_notional_passes() -> None:
    assert world().place(BUY, "0.05", 100).qty == dec("0.05")


def test_spot_bounds_both_sides_and_a_perpetual_only_what_would_cross() -> None:
    here = world()
    assert here.refusal(SELL, "1", 501, kind=SPOT) is RejectCode.PERCENT_PRICE
    assert here.refusal(BUY, "1", 19, kind=SPOT) is RejectCode.PERCENT_PRICE
    assert here.place(SELL, "1", 501).price == 501
    assert here.place(BUY, "1", 19).price == 19


def test_reduce_only_may_be_smaller_than_the_smallest_notional() -> None:
    here = world()
    here.place(BUY, "0.051")
    here.place(SELL, "0.05", reduce_only=True)
    assert here.place(SELL, "0.001", reduce_only=True).filled_qty == dec("0.001")


@pytest.mark.parametrize(
    ("order_kind", "price"), [(OrderKind.LIMIT, None), (OrderKind.MARKET, dec(100))]
)
def test_a_price_belongs_to_limit_orders_only(order_kind: OrderKind, price: object) -> None:
    here = world()
    request = PlaceRequest(
        kind=PERP,
        symbol="BTCUSDT",
        side=BUY,
        order_kind=order_kind,
        qty=dec(1),
        price=None if price is None else dec(100),
    )
    with pytest.raises(SimReject) as caught:
        here.exchange.place(here.key, request)
    assert caught.value.code is RejectCode.BAD_PRICE


def test_an_unknown_symbol_and_an_unknown_account_are_refused_and_logged() -> None:
    here = world()
    request = PlaceRequest(
        kind=PERP, symbol="NOPEUSDT", side=BUY, order_kind=OrderKind.MARKET, qty=dec(1)
    )
    for key, code in ((here.key, "unknown_symbol"), ("nobody", "unknown_account")):
        with pytest.raises(SimReject) as caught:
            here.exchange.place(key, request)
        assert caught.value.code == code
    assert [(e["account"], e["code"]) for e in here.events("reject")] == [
        (here.key, "unknown_symbol"),
        ("nobody", "unknown_account"),
    ]


class TestSpotFunds:
    def test_a_buy_needs_its_limit_times_its_quantity_free(self) -> None:
        here = world(balance={(Wallet.SPOT, "USDT"): dec(1000)})
        assert here.refusal(BUY, "10.001", 100, kind=SPOT) is RejectCode.INSUFFICIENT_BALANCE
        here.place(BUY, "6", 100, kind=SPOT)
        usdt = here.account().spot["USDT"]
        assert (usdt.free, usdt.locked) == (dec(400), dec(600))
        assert here.refusal(BUY, "4.001", 100, kind=SPOT) is RejectCode.INSUFFICIENT_BALANCE
        assert here.place(BUY, "4", 100, kind=SPOT).qty == 4

    def test_a_sell_needs_the_coin_free(self) -> None:
        here = world(balance={(Wallet.SPOT, "BTC"): dec(1)})
        here.place(SELL, "0.7", 110, kind=SPOT)
        assert here.refusal(SELL, "0.301", 110, kind=SPOT) is RejectCode.INSUFFICIENT_BALANCE
        assert here.account().spot["BTC"].free == dec("0.3")

    def test_a_market_buy_needs_what_it_would_cost(self) -> None:
        here = world(balance={(Wallet.SPOT, "USDT"): dec("202.9")})
        assert here.refusal(BUY, "2", kind=SPOT) is RejectCode.INSUFFICIENT_BALANCE  # 101 + 102
        assert here.place(BUY, "1.999", kind=SPOT).filled_quote == dec("202.898")

    def test_a_cancel_gives_back_what_was_held(self) -> None:
        here = world(balance={(Wallet.SPOT, "USDT"): dec(1000)})
        order = here.place(BUY, "6", 100, kind=SPOT)
        here.exchange.cancel(here.key, SPOT, "BTCUSDT", order_id=order.order_id)
        assert here.account().spot["USDT"].free == 1000

    def test_money_in_the_futures_wallet_buys_no_coins(self) -> None:
        here = world(balance={(Wallet.FUTURES, "USDT"): dec(1000)})
        assert here.refusal(BUY, "1", 100, kind=SPOT) is RejectCode.INSUFFICIENT_BALANCE


class TestMargin:
    def test_an_order_needs_its_notional_by_leverage_available(self) -> None:
        here = world(balance={(Wallet.FUTURES, "USDT"): dec(100)})
        assert here.refusal(BUY, "20.001", 100) is RejectCode.INSUFFICIENT_MARGIN  # 20 x: 2000
        here.place(BUY, "20", 100)
        wallet = here.account().futures["USDT"]
        assert (wallet.open_order_initial_margin, wallet.available) == (dec(100), 0)

    def test_the_other_side_of_resting_orders_is_free_up_to_the_larger(self) -> None:
        here = world(balance={(Wallet.FUTURES, "USDT"): dec(100)})
        here.place(BUY, "20", 100)
        assert here.place(SELL, "20", 100).qty == 20
        assert here.refusal(SELL, "0.1", 100) is RejectCode.INSUFFICIENT_MARGIN

    def test_closing_needs_no_margin_even_when_none_is_left(self) -> None:
        here = world([flat(volume=1000)] * 2, balance={(Wallet.FUTURES, "USDT"): dec(105)})
        here.place(SELL, "20")
        here.exchange.set_price("BTCUSDT", dec(103))
        assert here.account().futures["USDT"].available == 0
        assert here.refusal(SELL, "1", 105) is RejectCode.INSUFFICIENT_MARGIN
        assert here.place(BUY, "20").filled_qty == 20

    def test_a_flip_needs_margin_for_what_is_opened(self) -> None:
        here = world([flat(volume=1000)] * 2, balance={(Wallet.FUTURES, "USDT"): dec(130)})
        here.place(SELL, "20")
        assert here.refusal(BUY, "43") is RejectCode.INSUFFICIENT_MARGIN
        assert here.place(BUY, "40").filled_qty == 40

    def test_a_loss_at_mark_is_not_available(self) -> None:
        here = world([flat(volume=1000), bar(100, 110, 100, 110, 1000)])
        here.place(SELL, "10", 99)
        here.pass_hours()
        wallet = here.account().futures["USDT"]
        assert (wallet.unrealized_pnl, wallet.margin_balance) == (dec(-110), dec(9890))
        assert wallet.position_initial_margin == 55
        assert wallet.available == 9890 - 55

    def test_margin_and_pnl_are_taken_at_the_mark_not_at_the_last_price(self) -> None:
        here = world([flat(100)] * 3, mark_rows=[flat(120)] * 3)
        here.place(SELL, "1")
        wallet = here.account().futures["USDT"]
        assert (wallet.position_initial_margin, wallet.unrealized_pnl) == (dec(6), dec(-21))


class TestHalts:
    ROWS = (flat(100), None, None, bar(90, 95, 85, 92), flat(92))

    def test_a_market_without_bars_is_closed_and_what_rests_stays(self) -> None:
        here = world([flat(100)] * 5, spot_rows=self.ROWS, balance=RICH)
        book = here.book(SPOT)
        assert (book.halted, book.bid, book.ask, book.last) == (True, None, None, dec(100))
        assert here.refusal(BUY, "1", 90, kind=SPOT) is RejectCode.MARKET_CLOSED
        assert here.refusal(BUY, "1", kind=SPOT) is RejectCode.MARKET_CLOSED
        assert here.place(BUY, "1", 90).status == "open"  # the perpetual goes on

    def test_it_opens_with_its_next_bar_at_that_bars_open(self) -> None:
        here = world([flat(100)] * 5, spot_rows=self.ROWS)
        here.pass_hours("1.99")
        assert here.book(SPOT).halted
        here.pass_hours("0.01")
        book = here.book(SPOT)
        assert (book.halted, book.last, book.bid, book.ask) == (False, dec(90), dec(89), dec(91))

    def test_an_order_that_rested_through_the_halt_fills_after_it(self) -> None:
        here = world(
            [flat(100)] * 5, spot_rows=(flat(100), flat(100), None, bar(90, 95, 85, 92), flat(92))
        )
        order = here.place(BUY, "1", 95, kind=SPOT)
        here.pass_hours()
        assert here.book(SPOT).halted
        assert here.now_of(order).status == "open"
        here.pass_hours(2)
        assert here.now_of(order).status == "filled"

    def test_an_order_can_be_cancelled_during_a_halt(self) -> None:
        here = world([flat(100)] * 5, spot_rows=(flat(100), flat(100), None, None, flat(92)))
        order = here.place(BUY, "1", 95, kind=SPOT)
        here.pass_hours()
        ended = here.exchange.cancel(here.key, SPOT, "BTCUSDT", order_id=order.order_id)
        assert ended.status == "canceled"

    def test_after_the_last_bar_the_price_stands_and_the_market_is_open(self) -> None:
        here = world([flat(100), flat(105)])
        here.pass_hours(10)
        assert (here.book().halted, here.book().last) == (False, dec(105))
