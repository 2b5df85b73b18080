"""What an account may set, what may be done to it on demand, and the countdown."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from counterpoise.domain.numbers import dec
from counterpoise.venue.sim import (
    KeyRights,
    MarginType,
    RejectCode,
    SimExchange,
    SimReject,
    Wallet,
)
from counterpoise.venue.sim.model import MarginTier, tiers_of
from tests.unit.venue.sim.world import (
    BUY,
    HOUR,
    NO_FEES,
    PERP,
    SELL,
    SPOT,
    START,
    SYMBOL,
    World,
    bar,
    flat,
    rules,
    series,
    world,
)

DEEP = flat(volume=10_000)
STEPS = tiers_of(((dec(1000), dec("0.01"), 50), (dec(5000), dec("0.05"), 10)))


def tiered(tiers: tuple[MarginTier, ...] = STEPS) -> World:
    exchange = SimExchange(
        rules=[replace(rules(PERP), tiers=tiers, max_leverage=tiers[0].max_leverage)],
        series=[series("perp", [DEEP] * 3)],
        now=START + HOUR,
        fees=NO_FEES,
    )
    return World(exchange, exchange.open_account({(Wallet.FUTURES, "USDT"): dec(10_000)}).api_key)


class TestPositionLimit:
    def test_leverage_bounds_what_orders_may_make_of_a_position(self) -> None:
        here = tiered()  # 20 x: 1,000 at most
        here.place(BUY, "6", 99)
        assert here.refusal(BUY, "4.2", 99) is RejectCode.ABOVE_MAX_POSITION
        here.place(BUY, "4.1", 99)
        here.place(SELL, "6", 102)
        here.exchange.set_leverage(here.key, SYMBOL, 10)
        here.place(BUY, "6", 99)

    def test_what_shrinks_a_position_that_grew_too_large_passes(self) -> None:
        here = tiered()
        here.place(BUY, "9")
        here.exchange.set_price(SYMBOL, dec(150))
        assert here.refusal(BUY, "1") is RejectCode.ABOVE_MAX_POSITION
        here.place(SELL, "1")
        assert here.held() == 8

    def test_leverage_cannot_be_raised_beyond_the_position(self) -> None:
        here = tiered()
        here.exchange.set_leverage(here.key, SYMBOL, 10)
        here.place(BUY, "20")
        with pytest.raises(SimReject) as caught:
            here.exchange.set_leverage(here.key, SYMBOL, 11)
        assert caught.value.code is RejectCode.ABOVE_MAX_POSITION

    @pytest.mark.parametrize(
        "tiers",
        [
            STEPS[1:],
            (STEPS[0], replace(STEPS[1], floor=dec(2000))),
            (STEPS[0], replace(STEPS[1], rate=dec("0.01"))),
            (STEPS[0], replace(STEPS[1], max_leverage=51)),
            (replace(STEPS[0], rate=dec(0)),),
        ],
    )
    def test_tables_that_make_no_sense(self, tiers: tuple[MarginTier, ...]) -> None:
        with pytest.raises(ValueError, match="perp BTCUSDT"):
            tiered(tiers)


class TestCountdown:
    def test_it_cancels_the_contracts_orders_when_it_ends(self) -> None:
        here = world([DEEP] * 3)
        mine, spot = here.place(BUY, "1", 50), here.place(BUY, "1", 50, kind=SPOT)
        ends_at = here.exchange.countdown_cancel(here.key, SYMBOL, timedelta(seconds=90))
        assert ends_at == START + HOUR + timedelta(seconds=90)
        here.exchange.advance(dec(89))
        assert here.now_of(mine).status.is_open
        here.exchange.advance(dec(1))
        ended = here.now_of(mine)
        assert (ended.status.value, ended.updated_at) == ("canceled", ends_at)
        assert here.now_of(spot).status.is_open

    def test_it_is_put_off_brought_forward_and_called_off(self) -> None:
        here = world([DEEP] * 3)
        mine = here.place(BUY, "1", 50)
        for seconds in (60, 120):
            here.exchange.countdown_cancel(here.key, SYMBOL, timedelta(seconds=seconds))
        here.exchange.advance(dec(100))
        assert here.now_of(mine).status.is_open
        assert here.exchange.countdown_cancel(here.key, SYMBOL, timedelta()) is None
        here.exchange.advance(dec(100))
        assert here.now_of(mine).status.is_open
        for seconds in (500, 10):
            here.exchange.countdown_cancel(here.key, SYMBOL, timedelta(seconds=seconds))
        here.exchange.advance(dec(10))
        assert not here.now_of(mine).status.is_open
        again = here.place(BUY, "1", 50)
        here.exchange.advance(dec(1000))  # the one that was brought forward does not end twice
        assert here.now_of(again).status.is_open

    def test_it_ends_once_and_for_one_account(self) -> None:
        here = world([DEEP] * 3)
        other = here.exchange.open_account({(Wallet.FUTURES, "USDT"): dec(1000)}).api_key
        theirs = here.place(BUY, "1", 50, key=other)
        here.exchange.countdown_cancel(here.key, SYMBOL, timedelta(seconds=5))
        here.exchange.advance(dec(5))
        later = here.place(BUY, "1", 50)
        here.pass_hours()
        assert here.now_of(later).status.is_open
        assert here.now_of(theirs, other).status.is_open

    def test_what_filled_before_it_ended_stays_filled(self) -> None:
        here = world([DEEP, bar(100, 100, 80, 100, 1000), DEEP])
        mine = here.place(BUY, "1", 90)
        here.exchange.countdown_cancel(here.key, SYMBOL, HOUR)
        here.pass_hours()
        assert here.now_of(mine).status.value == "filled"

    def test_only_for_contracts(self) -> None:
        here = world([DEEP] * 3)
        with pytest.raises(SimReject):
            here.exchange.countdown_cancel(here.key, "NOPE", HOUR)


class TestDeleveraging:
    def test_a_part_is_closed_at_mark_without_a_fee_or_an_order_of_ones_own(self) -> None:
        here = world([DEEP] * 3, fees=replace(NO_FEES, perp_taker=dec("0.01")))
        here.place(SELL, "10")
        here.exchange.set_price(SYMBOL, dec(90))
        before = here.wallet()
        trade = here.exchange.deleverage(here.key, SYMBOL, dec(4))
        assert (trade.client_order_id, trade.side, trade.qty) == ("adl_autoclose", BUY, 4)
        assert (trade.price, trade.fee, trade.realized_pnl) == (90, 0, 36)
        assert (here.held(), here.wallet()) == (-6, before + 36)
        (event,) = here.events("deleverage")
        assert (event["qty"], event["fee"], event["account"]) == ("4", "0", here.key)
        assert len(here.events("place")) == 1
        assert here.exchange.trades(here.key, PERP, SYMBOL)[-1] == trade

    def test_an_isolated_position_frees_its_share(self) -> None:
        here = world([DEEP] * 3)
        here.exchange.set_margin_type(here.key, SYMBOL, MarginType.ISOLATED)
        here.place(BUY, "10")
        here.exchange.deleverage(here.key, SYMBOL, dec(10))
        assert here.account().futures["USDT"].cross_balance == 9_990

    def test_reduce_only_orders_with_nothing_left_to_reduce_expire(self) -> None:
        here = world([DEEP] * 3)
        here.place(BUY, "10")
        closing = here.place(SELL, "10", 120, reduce_only=True)
        here.exchange.deleverage(here.key, SYMBOL, dec(10))
        assert here.now_of(closing).status.value == "expired"

    @pytest.mark.parametrize(
        ("qty", "code"),
        [
            ("0", RejectCode.BAD_QTY_STEP),
            ("-1", RejectCode.BAD_QTY_STEP),
            ("0.0001", RejectCode.BAD_QTY_STEP),
            ("10.001", RejectCode.ABOVE_MAX_QTY),
        ],
    )
    def test_refusals(self, qty: str, code: RejectCode) -> None:
        here = world([DEEP] * 3)
        here.place(BUY, "10")
        with pytest.raises(SimReject) as caught:
            here.exchange.deleverage(here.key, SYMBOL, dec(qty))
        assert caught.value.code is code
        assert here.held() == 10

    def test_without_a_position(self) -> None:
        here = world([DEEP] * 3)
        with pytest.raises(SimReject) as caught:
            here.exchange.deleverage(here.key, SYMBOL, dec(1))
        assert caught.value.code is RejectCode.NO_POSITION


class TestModeAndRights:
    def test_the_mode_changes_only_while_nothing_is_open_unless_forced(self) -> None:
        here = world([DEEP] * 3)
        here.place(BUY, "1")
        with pytest.raises(SimReject) as caught:
            here.exchange.set_position_mode(here.key, two_sided=True)
        assert caught.value.code is RejectCode.POSITION_OPEN
        here.exchange.set_position_mode(here.key, two_sided=False)  # it is so already
        here.exchange.set_position_mode(here.key, two_sided=True, by_force=True)
        assert here.exchange.two_sided(here.key)

    def test_rights(self) -> None:
        here = world([DEEP] * 3)
        assert here.exchange.rights(here.key) == KeyRights()
        here.exchange.set_rights(here.key, KeyRights(withdraw=True, expires_at=START))
        assert here.exchange.rights(here.key).withdraw
        opened = here.exchange.open_account({}, rights=KeyRights(ip_restrict=True))
        assert here.exchange.rights(opened.api_key).ip_restrict
