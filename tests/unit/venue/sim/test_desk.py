"""What each kind of order does at once, and what the order desk does with it later."""

from __future__ import annotations

import pytest

from counterpoise.domain.numbers import dec
from counterpoise.venue.sim import OrderStatus, RejectCode, Side, SimReject, TimeInForce
from tests.unit.venue.sim.world import (
    BUY,
    FOK,
    GTC,
    IOC,
    PERP,
    POST_ONLY,
    RICH,
    SELL,
    SPOT,
    SYMBOL,
    bar,
    flat,
    world,
)

# At 100 with a volume of 10 the bid is 99, the ask 101, and each level holds 1.
AT_ONCE = [
    # an order, then: its state, what filled, for how much quote
    (
        "a market buy within the touch fills at the ask",
        BUY,
        "0.4",
        None,
        GTC,
        "filled",
        "0.4",
        "40.4",
    ),
    (
        "a market sell within the touch fills at the bid",
        SELL,
        "0.4",
        None,
        GTC,
        "filled",
        "0.4",
        "39.6",
    ),
    (
        "a market buy walks the levels one tick apart",
        BUY,
        "2.5",
        None,
        GTC,
        "filled",
        "2.5",
        "254.5",
    ),
    ("a market sell walks the levels downwards", SELL, "2.5", None, GTC, "filled", "2.5", "245.5"),
    (
        "a market order beyond twenty levels expires partly filled",
        BUY,
        "30",
        None,
        GTC,
        "expired",
        "21",
        "2331",
    ),
    ("a limit buy below the ask rests", BUY, "1", 100, GTC, "open", "0", "0"),
    ("a limit sell above the bid rests", SELL, "1", 100, GTC, "open", "0", "0"),
    ("a limit buy at the ask takes", BUY, "0.5", 101, GTC, "filled", "0.5", "50.5"),
    ("a limit buy above the ask pays the ask", BUY, "0.5", 110, GTC, "filled", "0.5", "50.5"),
    (
        "a crossing limit rests with what is left at its price",
        BUY,
        "1.5",
        101,
        GTC,
        "partially_filled",
        "1",
        "101",
    ),
    ("an IOC takes up to its limit and expires", BUY, "2.5", 102, IOC, "expired", "2", "203"),
    ("an IOC that does not cross expires empty", BUY, "1", 100, IOC, "expired", "0", "0"),
    ("an IOC that fills is filled", SELL, "1", 99, IOC, "filled", "1", "99"),
    ("a FOK that can fill is filled", BUY, "2", 102, FOK, "filled", "2", "203"),
    ("a post-only order inside the spread rests", SELL, "1", 100, POST_ONLY, "open", "0", "0"),
]


@pytest.mark.parametrize("kind", [SPOT, PERP])
@pytest.mark.parametrize(
    ("side", "qty", "price", "time", "status", "filled", "quote"),
    [row[1:] for row in AT_ONCE],
    ids=[row[0] for row in AT_ONCE],
)
def test_at_once(
    kind: object,
    side: Side,
    qty: str,
    price: int | None,
    time: TimeInForce,
    status: str,
    filled: str,
    quote: str,
) -> None:
    here = world(balance={key: dec(100_000) for key in RICH})
    order = here.place(side, qty, price, kind=SPOT if kind is SPOT else PERP, time=time)
    assert (order.status, order.filled_qty, order.filled_quote) == (status, dec(filled), dec(quote))
    assert here.now_of(order) == order


REFUSED = [
    ("a post-only buy at the ask would take", BUY, "1", 101, {"time": POST_ONLY}, "would_take"),
    ("a post-only sell below the bid would take", SELL, "1", 98, {"time": POST_ONLY}, "would_take"),
    ("a post-only market order would take", BUY, "1", None, {"time": POST_ONLY}, "would_take"),
    ("a FOK beyond what is there is not filled at all", BUY, "1.5", 101, {"time": FOK}, "fok_not_filled"),
    ("nothing is held, so nothing can be reduced", SELL, "1", 100, {"reduce_only": True}, "reduce_only"),
    ("spot knows no reduce-only", SELL, "1", 100, {"kind": SPOT, "reduce_only": True}, "reduce_only"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("side", "qty", "price", "more", "code"),
    [row[1:] for row in REFUSED],
    ids=[row[0] for row in REFUSED],
)
def test_refused(
    side: Side, qty: str, price: int | None, more: dict[str, object], code: str
) -> None:
    here = world()
    assert here.refusal(side, qty, price, **more) == code
    assert [event["event"] for event in here.exchange.log.after(0)] == ["reject"]
    assert here.exchange.orders(here.key, PERP) == []


class TestTouch:
    def test_what_a_taker_took_is_gone_until_the_next_bar(self) -> None:
        here = world()
        here.place(BUY, "0.7")
        assert (here.book().ask, here.book().ask_qty) == (dec(101), dec("0.3"))
        here.place(BUY, "0.5")
        assert (here.book().ask, here.book().ask_qty) == (dec(102), dec("0.8"))
        here.pass_hours()
        assert (here.book().ask, here.book().ask_qty) == (dec(101), dec(1))

    def test_each_side_has_its_own_depth(self) -> None:
        here = world()
        here.place(BUY, "1")
        assert (here.book().bid, here.book().bid_qty) == (dec(99), dec(1))

    def test_twenty_levels_behind_the_touch_are_all_there_is_before_the_next_bar(self) -> None:
        here = world(balance={key: dec(100_000) for key in RICH})
        assert here.place(BUY, "21").filled_qty == dec(21)
        assert here.place(BUY, "1").filled_qty == 0
        assert here.book().ask_qty == 0

    def test_without_volume_nothing_fills(self) -> None:
        here = world([flat(volume=0)] * 2)
        assert here.place(BUY, "1").status is OrderStatus.EXPIRED


class TestResting:
    def test_a_bar_strictly_beyond_the_limit_fills_at_the_limit_as_maker(self) -> None:
        here = world([flat(), bar(100, 100, 94, 97)])
        order = here.place(BUY, "0.5", 95)
        here.pass_hours()
        assert here.now_of(order).status is OrderStatus.FILLED
        (trade,) = here.exchange.trades(here.key, PERP, SYMBOL)
        assert (trade.price, trade.maker, trade.at) == (dec(95), True, here.exchange.now)

    @pytest.mark.parametrize(("side", "price"), [(BUY, 94), (SELL, 106)])
    def test_a_bar_that_only_touches_the_limit_does_not_fill(self, side: Side, price: int) -> None:
        here = world([flat(), bar(100, 106, 94, 97)])
        order = here.place(side, "0.5", price)
        here.pass_hours()
        assert here.now_of(order).status is OrderStatus.OPEN

    def test_fills_of_a_bar_never_exceed_its_share_of_the_volume_in_total(self) -> None:
        here = world([flat(), bar(100, 110, 90, 100), flat()])
        other = here.exchange.open_account(RICH).api_key
        first = here.place(BUY, "0.6", 95)
        second = here.place(BUY, "0.6", 95, key=other)
        third = here.place(SELL, "0.6", 105)
        here.pass_hours()
        assert here.now_of(first).filled_qty == dec("0.6")
        assert here.now_of(second, other).filled_qty == dec("0.4")
        assert here.now_of(third).filled_qty == 0

    def test_the_better_price_comes_first_then_the_older_order(self) -> None:
        here = world([flat(), bar(100, 100, 90, 95)])
        late = here.place(BUY, "0.5", 94)
        best = here.place(BUY, "0.5", 96)
        middle = here.place(BUY, "0.5", 95)
        younger = here.place(BUY, "0.5", 95)
        here.pass_hours()
        states = [here.now_of(order).filled_qty for order in (best, middle, younger, late)]
        assert states == [dec("0.5"), dec("0.5"), 0, 0]

    def test_a_rising_bar_saw_its_low_first_and_a_falling_bar_its_high(self) -> None:
        for close, filled in ((101, BUY), (99, SELL)):
            here = world([flat(), bar(100, 110, 90, close, 5)])
            orders = {BUY: here.place(BUY, "0.5", 95), SELL: here.place(SELL, "0.5", 105)}
            here.pass_hours()
            assert {side: here.now_of(o).filled_qty > 0 for side, o in orders.items()} == {
                BUY: filled is BUY,
                SELL: filled is SELL,
            }

    def test_a_partial_fill_goes_on_in_the_next_bar(self) -> None:
        here = world([flat(), bar(100, 100, 90, 100), bar(100, 100, 90, 100)])
        order = here.place(BUY, "1.5", 95)
        here.pass_hours()
        assert here.now_of(order).status is OrderStatus.PARTIALLY_FILLED
        here.pass_hours()
        assert here.now_of(order).status is OrderStatus.FILLED

    def test_an_order_that_just_rests_is_not_filled_by_the_bar_that_closed_before(self) -> None:
        here = world([bar(100, 120, 80, 100), flat()])
        order = here.place(BUY, "0.5", 90)
        here.pass_hours()
        assert here.now_of(order).status is OrderStatus.OPEN


class TestReduceOnly:
    def test_a_long_can_be_reduced_by_up_to_all_of_it(self) -> None:
        here = world()
        here.place(BUY, "1")
        assert here.refusal(SELL, "1.001", 100, reduce_only=True) is RejectCode.REDUCE_ONLY
        assert here.refusal(BUY, "0.5", 100, reduce_only=True) is RejectCode.REDUCE_ONLY
        assert here.place(SELL, "1", 99, reduce_only=True).status is OrderStatus.FILLED
        assert here.held() == 0

    def test_resting_ones_count_together(self) -> None:
        here = world()
        here.place(SELL, "1")
        here.place(BUY, "0.6", 95, reduce_only=True)
        assert here.refusal(BUY, "0.5", 95, reduce_only=True) is RejectCode.REDUCE_ONLY
        assert here.place(BUY, "0.4", 95, reduce_only=True).status is OrderStatus.OPEN

    def test_it_expires_when_the_position_is_gone(self) -> None:
        here = world()
        here.place(BUY, "1")
        order = here.place(SELL, "1", 110, reduce_only=True)
        here.place(SELL, "1")
        assert here.now_of(order).status is OrderStatus.EXPIRED
        assert here.events("cancel")[-1]["status"] == "expired"

    def test_it_fills_only_what_is_left_of_a_position_that_shrank(self) -> None:
        here = world([flat(), bar(100, 112, 100, 105)])
        here.place(BUY, "1")
        order = here.place(SELL, "1", 110, reduce_only=True)
        here.place(SELL, "0.7")
        here.pass_hours()
        assert here.held() == 0
        after = here.now_of(order)
        assert (after.filled_qty, after.status) == (dec("0.3"), OrderStatus.EXPIRED)

    def test_it_expires_rather_than_add_to_a_position_that_flipped(self) -> None:
        here = world([flat(), bar(100, 112, 100, 105)])
        here.place(BUY, "1")
        order = here.place(SELL, "1", 110, reduce_only=True)
        here.place(SELL, "1.5")
        here.pass_hours()
        assert here.held() == dec("-0.5")
        assert here.now_of(order).filled_qty == 0

    def test_of_two_in_one_bar_only_the_position_is_closed(self) -> None:
        here = world([flat(volume=100), bar(100, 112, 100, 105, 100)])
        here.place(BUY, "1")
        here.place(SELL, "0.5", 110, reduce_only=True)
        here.place(SELL, "0.5", 111, reduce_only=True)
        here.place(SELL, "0.8")
        here.pass_hours()
        assert here.held() == 0


class TestClientIds:
    def test_an_open_order_keeps_its_id_to_itself(self) -> None:
        here = world()
        here.place(BUY, "1", 90, client_id="cp1")
        assert here.refusal(BUY, "1", 91, client_id="cp1") is RejectCode.DUPLICATE_CLIENT_ID

    def test_spot_and_perpetual_have_ids_of_their_own(self) -> None:
        here = world()
        here.place(BUY, "1", 90, client_id="cp1")
        assert here.place(BUY, "1", 90, client_id="cp1", kind=SPOT).status is OrderStatus.OPEN

    def test_the_id_of_an_order_that_ended_may_come_again_and_means_the_newest(self) -> None:
        here = world()
        here.place(BUY, "0.1", client_id="cp1")
        again = here.place(SELL, "0.1", 110, client_id="cp1")
        found = here.exchange.order(here.key, PERP, SYMBOL, client_order_id="cp1")
        assert found.order_id == again.order_id

    def test_an_order_without_one_is_given_one(self) -> None:
        assert world().place(BUY, "1", 90).client_order_id


class TestCancel:
    def test_an_open_order_ends_and_no_longer_fills(self) -> None:
        here = world([flat(), bar(100, 100, 80, 100)])
        order = here.place(BUY, "1", 90, client_id="cp1")
        ended = here.exchange.cancel(here.key, PERP, SYMBOL, client_order_id="cp1")
        assert (ended.order_id, ended.status) == (order.order_id, OrderStatus.CANCELED)
        here.pass_hours()
        assert here.now_of(order).filled_qty == 0
        assert here.events("cancel")[0]["qty"] == "1"

    @pytest.mark.parametrize("client_id", ["filled", "gone", "never"])
    def test_what_is_not_open_cannot_be_cancelled(self, client_id: str) -> None:
        here = world()
        here.place(BUY, "1", 101, client_id="filled")
        here.place(BUY, "1", 90, client_id="gone")
        here.exchange.cancel(here.key, PERP, SYMBOL, client_order_id="gone")
        with pytest.raises(SimReject) as caught:
            here.exchange.cancel(here.key, PERP, SYMBOL, client_order_id=client_id)
        assert caught.value.code is RejectCode.UNKNOWN_ORDER

    def test_another_accounts_order_is_unknown(self) -> None:
        here = world()
        order = here.place(BUY, "1", 90)
        other = here.exchange.open_account(RICH).api_key
        with pytest.raises(SimReject) as caught:
            here.exchange.cancel(other, PERP, SYMBOL, order_id=order.order_id)
        assert caught.value.code is RejectCode.UNKNOWN_ORDER

    def test_of_two_orders_at_one_price_the_right_one_goes(self) -> None:
        here = world([flat(), bar(100, 100, 80, 100)])
        first, second = here.place(BUY, "0.5", 90), here.place(BUY, "0.5", 90)
        here.exchange.cancel(here.key, PERP, SYMBOL, order_id=first.order_id)
        here.pass_hours()
        assert here.now_of(second).status is OrderStatus.FILLED


class TestReads:
    def test_open_orders_leave_out_what_ended(self) -> None:
        here = world()
        here.place(BUY, "0.1")
        order = here.place(BUY, "1", 90)
        assert here.exchange.orders(here.key, PERP, SYMBOL, open_only=True) == [order]
        assert len(here.exchange.orders(here.key, PERP)) == 2
        assert here.exchange.orders(here.key, SPOT) == []

    def test_trades_can_be_asked_by_order_and_by_time(self) -> None:
        here = world()
        early = here.place(BUY, "1.5")
        here.pass_hours()
        late = here.place(SELL, "0.5")
        ask = here.exchange.trades
        assert [t.qty for t in ask(here.key, PERP, SYMBOL, order_id=early.order_id)] == [
            dec(1),
            dec("0.5"),
        ]
        assert [t.order_id for t in ask(here.key, PERP, SYMBOL, since=here.exchange.now)] == [
            late.order_id
        ]
        assert len({t.trade_id for t in ask(here.key, PERP, SYMBOL)}) == 3
