"""Bookings: fees by asset, funding by sign and instant, income, and the truth log beside them."""

from __future__ import annotations

from datetime import timedelta

import pytest

from counterpoise.domain.numbers import ZERO, dec
from counterpoise.venue.sim import Fees, Side, Wallet
from tests.unit.venue.sim.world import (
    BUY,
    HOUR,
    NO_FEES,
    PERP,
    SELL,
    SPOT,
    START,
    SYMBOL,
    bar,
    flat,
    rates,
    world,
)

FEES = Fees(dec("0.001"), dec("0.002"), dec("0.0002"), dec("0.0005"))


class TestFees:
    def test_a_spot_buy_pays_in_the_coin_it_receives(self) -> None:
        here = world(fees=FEES)
        here.place(BUY, "1", kind=SPOT)
        assert here.spot("BTC") == dec(10) + dec("0.998")
        assert here.spot("USDT") == 10_000 - 101
        (trade,) = here.exchange.trades(here.key, SPOT, SYMBOL)
        assert (trade.fee, trade.fee_asset, trade.maker) == (dec("0.002"), "BTC", False)

    def test_a_spot_sell_pays_in_the_quote_it_receives(self) -> None:
        here = world(fees=FEES)
        here.place(SELL, "1", kind=SPOT)
        assert here.spot("BTC") == 9
        assert here.spot("USDT") == 10_000 + dec("99") - dec("0.198")

    def test_a_maker_pays_the_makers_fee(self) -> None:
        here = world([flat(), bar(100, 100, 80, 100)], fees=FEES)
        here.place(BUY, "0.5", 90, kind=SPOT)
        here.place(BUY, "0.5", 90)
        here.pass_hours()
        (spot,) = here.exchange.trades(here.key, SPOT, SYMBOL)
        (perp,) = here.exchange.trades(here.key, PERP, SYMBOL)
        assert (spot.fee, spot.fee_asset) == (dec("0.0005"), "BTC")
        assert (perp.fee, perp.fee_asset) == (dec("0.009"), "USDT")

    def test_a_perpetual_pays_in_its_quote_on_either_side(self) -> None:
        here = world(fees=FEES)
        here.place(SELL, "1")
        assert here.wallet() == 10_000 - dec("0.0495")
        here.place(BUY, "1")
        assert here.wallet() == 10_000 - 2 - dec("0.0495") - dec("0.0505")
        assert [(i.kind, i.qty) for i in here.exchange.income(here.key)] == [
            ("commission", dec("-0.0495")),
            ("realized_pnl", dec(-2)),
            ("commission", dec("-0.0505")),
        ]


class TestFunding:
    def test_a_short_of_100_000_over_30_days_at_one_basis_point_receives_900(self) -> None:
        hours = 30 * 24 + 4
        here = world(
            [flat(1000, 100_000)] * hours,
            funding=[rates(["0.0001"] * 92)],
            now=START + 4 * HOUR,
            balance={(Wallet.FUTURES, "USDT"): dec(100_000)},
        )
        here.exchange.set_leverage(here.key, SYMBOL, 1)
        here.place(SELL, "100", 999)
        here.exchange.advance_to(START + 4 * HOUR + timedelta(days=30))
        income = [i.qty for i in here.exchange.income(here.key) if i.kind == "funding"]
        assert len(income) == 90
        assert sum(income, ZERO) == dec(900)
        assert here.wallet() == 100_000 + 900

    @pytest.mark.parametrize(
        ("side", "rate", "received"),
        [
            (BUY, "0.0001", "-0.01"),
            (SELL, "0.0001", "0.01"),
            (BUY, "-0.0003", "0.03"),
            (SELL, "-0.0003", "-0.03"),
        ],
    )
    def test_a_positive_rate_lets_longs_pay_shorts(
        self, side: Side, rate: str, received: str
    ) -> None:
        here = world(funding=[rates(["0", rate])], fees=NO_FEES)
        here.place(side, "1")
        here.pass_hours(7)
        (paid,) = [i for i in here.exchange.income(here.key) if i.kind == "funding"]
        assert (paid.qty, paid.asset, paid.at) == (dec(received), "USDT", START + 8 * HOUR)
        (event,) = here.events("funding")
        assert (event["qty"], event["price"], event["asset"]) == (received, "100", "USDT")

    def test_the_position_counts_as_of_the_instant(self) -> None:
        here = world(funding=[rates(["0", "0.0001", "0.0001"])])
        here.pass_hours(7)
        here.place(SELL, "1")
        assert here.exchange.income(here.key) == []
        here.pass_hours(8)
        assert [i.kind for i in here.exchange.income(here.key)] == ["funding"]

    def test_an_order_that_fills_in_the_bar_up_to_the_instant_is_charged(self) -> None:
        rows = [*[flat()] * 7, bar(100, 120, 100, 100), flat()]
        here = world(rows, funding=[rates(["0", "0.0001"])])
        here.place(SELL, "1", 110)
        here.pass_hours(7)
        assert [i.qty for i in here.exchange.income(here.key) if i.kind == "funding"] == [
            dec("0.01")
        ]

    def test_the_mark_of_the_instant_is_the_open_of_the_bar_that_begins_there(self) -> None:
        marks = [*[flat(100)] * 8, bar(103, 104, 102, 104), flat(104)]
        here = world([flat()] * 10, mark_rows=marks, funding=[rates(["0", "0.001"])])
        here.place(SELL, "1")
        here.pass_hours(7)
        assert [i.qty for i in here.exchange.income(here.key)] == [dec("0.103")]

    def test_without_a_series_nothing_is_charged(self) -> None:
        here = world()
        here.place(SELL, "1")
        here.pass_hours(24)
        assert here.exchange.income(here.key) == []
        assert here.book().funding_rate is None
        assert here.book().next_funding_at is None

    def test_only_past_rates_are_shown(self) -> None:
        here = world(funding=[rates(["0.0001", "0.0002", "0.0003"])])
        assert here.book().funding_rate == dec("0.0001")
        assert here.book().next_funding_at == START + 8 * HOUR
        history = here.exchange.funding_history(SYMBOL)
        assert [rate.rate for rate in history] == [dec("0.0001")]
        assert here.exchange.funding_history(SYMBOL, START, START + 20 * HOUR) == history
        here.pass_hours(20)
        assert here.book().next_funding_at is None
        ask = here.exchange.funding_history
        assert [r.rate for r in ask(SYMBOL, START + HOUR)] == [dec("0.0002"), dec("0.0003")]
        assert [r.rate for r in ask(SYMBOL, limit=1)] == [dec("0.0003")]
        assert [r.rate for r in ask(SYMBOL, START, limit=1)] == [dec("0.0001")]
        assert [r.rate for r in ask(SYMBOL, None, START + 8 * HOUR)] == [
            dec("0.0001"),
            dec("0.0002"),
        ]
