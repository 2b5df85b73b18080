"""Time: what steps when, in which order, and what a jump does."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from counterpoise.domain.numbers import dec
from counterpoise.venue.sim import RejectCode, SimExchange, SimReject
from tests.unit.venue.sim.world import (
    BUY,
    HOUR,
    PERP,
    SELL,
    SPOT,
    START,
    SYMBOL,
    bar,
    flat,
    rates,
    rules,
    series,
    world,
)

FIVE = timedelta(minutes=5)


class TestStepping:
    def test_the_price_is_the_last_close_until_the_next_bar_closes(self) -> None:
        here = world([flat(100), bar(100, 120, 90, 110), flat(111)])
        assert here.book().last == 100
        here.exchange.advance(dec("3599.999999"))
        assert here.book().last == 100
        here.exchange.advance(dec("0.000001"))
        assert (here.book().last, here.exchange.now) == (dec(110), START + 2 * HOUR)

    def test_before_the_first_close_the_price_is_the_first_open(self) -> None:
        here = world([bar(95, 120, 90, 110), flat(110)], now=START)
        assert (here.book().last, here.book().halted) == (dec(95), False)
        assert here.place(BUY, "0.5").filled_quote == dec("48")

    def test_starting_in_the_middle_takes_the_last_close(self) -> None:
        here = world([flat(100), flat(105), flat(110)], now=START + timedelta(minutes=150))
        assert here.book().last == 105

    def test_a_market_whose_bars_begin_later_is_closed_until_then(self) -> None:
        here = world([flat(100)] * 3, now=START - HOUR)
        assert here.book().halted
        here.pass_hours()
        assert not here.book().halted

    def test_many_small_steps_are_the_same_as_a_large_one(self) -> None:
        rows = [flat(100), bar(100, 130, 70, 110), bar(110, 120, 100, 105), flat(105)]
        logs = []
        for steps in (1, 180):
            here = world(rows, funding=[rates(["0.0001"] * 2)])
            here.place(BUY, "1.5", 90)
            here.place(SELL, "0.5", 115, kind=SPOT)
            for _ in range(steps):
                here.exchange.advance(dec(3 * 3600) / steps)
            logs.append(here.exchange.log.after(0))
        assert logs[0] == logs[1]

    def test_time_never_goes_back(self) -> None:
        here = world()
        with pytest.raises(ValueError, match="at or after"):
            here.exchange.advance_to(START)
        with pytest.raises(ValueError, match="at or after"):
            here.exchange.advance(dec(-1))
        with pytest.raises(ValueError, match="aware"):
            world(now=datetime(2025, 1, 1, 1))  # noqa: DTZ001 - the error is about this

    def test_the_end_is_the_last_close_of_any_market(self) -> None:
        here = world([flat()] * 3, spot_rows=[flat()] * 5)
        assert here.exchange.end == START + 5 * HOUR


def mixed(hours: int = 3) -> SimExchange:
    """BTC every five minutes, ETH every hour; each bar closes at its number."""
    fine = [bar(n, n + 1, n, n + 1) for n in range(100, 100 + 12 * hours)]
    coarse = [bar(n, n + 1, n, n + 1) for n in range(50, 50 + hours)]
    data = [
        series("spot", fine, interval=FIVE),
        series("perp", fine, interval=FIVE),
        series("spot", coarse, symbol="ETHUSDT"),
        series("mark", [bar(2 * n, 2 * n, 2 * n, 2 * n) for n in range(50, 50 + hours)]),
    ]
    listed = [rules(SPOT), rules(PERP), rules(SPOT, "ETHUSDT")]
    return SimExchange(rules=listed, series=data, now=START)


class TestMixedIntervals:
    def test_each_series_steps_at_its_own_closes(self) -> None:
        exchange = mixed()
        exchange.advance(dec(55 * 60))
        assert exchange.book(SPOT, SYMBOL).last == 111
        assert exchange.book(SPOT, "ETHUSDT").last == 50
        exchange.advance(dec(5 * 60))
        assert exchange.book(SPOT, SYMBOL).last == 112
        assert exchange.book(SPOT, "ETHUSDT").last == 51

    def test_a_coarser_mark_meets_its_closes_and_follows_the_perpetual_between_them(self) -> None:
        exchange = mixed()
        exchange.advance_to(START + HOUR)
        assert exchange.book(PERP, SYMBOL).mark == 100  # the mark's own close
        exchange.advance_to(START + HOUR + 3 * FIVE)
        assert exchange.book(PERP, SYMBOL).mark == 103  # as far as the perpetual went since
        exchange.advance_to(START + 2 * HOUR)
        assert exchange.book(PERP, SYMBOL).mark == 102

    def test_a_start_in_the_middle_of_a_coarse_mark_bar_gives_the_same_mark(self) -> None:
        walked = mixed()
        walked.advance_to(START + HOUR + 3 * FIVE)
        data = walked.book(PERP, SYMBOL)
        fine = [bar(n, n + 1, n, n + 1) for n in range(100, 136)]
        begun = SimExchange(
            rules=[rules(PERP)],
            series=[
                series("perp", fine, interval=FIVE),
                series("mark", [bar(2 * n, 2 * n, 2 * n, 2 * n) for n in range(50, 53)]),
            ],
            now=START + HOUR + 3 * FIVE,
        )
        assert begun.book(PERP, SYMBOL).mark == data.mark

    def test_a_perpetual_that_begins_inside_a_coarse_mark_bar_is_its_own_mark_until_it_closes(
        self,
    ) -> None:
        later = START + HOUR + 6 * FIVE
        exchange = SimExchange(
            rules=[rules(PERP)],
            series=[
                series(
                    "perp", [flat(200), flat(210), *[flat(220)] * 10], interval=FIVE, start=later
                ),
                series("mark", [flat(100), flat(230), flat(230)]),
            ],
            now=later,
        )
        assert exchange.book(PERP, SYMBOL).mark == 200
        exchange.advance_to(later + 2 * FIVE)
        assert exchange.book(PERP, SYMBOL).mark == 210
        exchange.advance_to(START + 2 * HOUR)
        assert exchange.book(PERP, SYMBOL).mark == 230

    def test_before_the_mark_series_begins_the_mark_is_the_last_price(self) -> None:
        here = world(
            [flat(100), flat(104), flat(104), flat(104)], mark_rows=[None, None, None, flat(300)]
        )
        assert here.book().mark == 100
        here.pass_hours()
        assert here.book().mark == 104
        here.pass_hours()
        assert here.book().mark == 300

    def test_without_a_mark_series_the_mark_is_the_last_price(self) -> None:
        here = world([flat(100), flat(104)])
        here.pass_hours()
        assert here.book().mark == 104
        assert here.book(SPOT).mark is None

    def test_the_index_is_the_spot_price(self) -> None:
        here = world([flat(100)] * 3, spot_rows=[flat(97)] * 3)
        assert (here.book().index, here.book(SPOT).index) == (dec(97), None)


class TestSetPrice:
    def test_spot_perpetual_and_mark_jump_together(self) -> None:
        here = world(mark_rows=[flat(101)] * 48)
        here.exchange.set_price(SYMBOL, dec(80))
        book = here.book()
        assert (book.last, book.mark, book.index, book.bid) == (dec(80), dec(80), dec(80), dec(79))
        assert here.book(SPOT).last == 80

    def test_one_market_can_jump_alone(self) -> None:
        here = world(mark_rows=[flat(101)] * 48)
        here.exchange.set_price(SYMBOL, dec(80), SPOT)
        here.exchange.set_price(SYMBOL, dec(90), PERP)
        assert (here.book(SPOT).last, here.book().last, here.book().mark) == (80, 90, 101)
        here.exchange.set_price(SYMBOL, dec(95), "mark")
        assert (here.book().last, here.book().mark) == (90, 95)

    @pytest.mark.parametrize(("price", "bought", "sold"), [(80, "1", "0"), (120, "0", "1")])
    def test_what_rests_beyond_fills_at_its_limit(self, price: int, bought: str, sold: str) -> None:
        here = world()
        buy, sell = here.place(BUY, "1", 90), here.place(SELL, "1", 110)
        here.exchange.set_price(SYMBOL, dec(price))
        assert here.now_of(buy).filled_qty == dec(bought)
        assert here.now_of(sell).filled_qty == dec(sold)

    def test_in_a_halt_the_price_jumps_and_nothing_fills(self) -> None:
        spot = [flat(100), flat(100), None, flat(100), flat(100)]
        here = world([flat(100)] * 5, spot_rows=spot)
        order = here.place(BUY, "1", 90, kind=SPOT)
        here.pass_hours()
        here.exchange.set_price(SYMBOL, dec(80), SPOT)
        assert (here.book(SPOT).halted, here.book(SPOT).last) == (True, dec(80))
        assert here.now_of(order).filled_qty == 0
        here.pass_hours(2)
        assert here.now_of(order).filled_qty == 1

    def test_the_shock_lasts_and_later_bars_keep_their_moves(self) -> None:
        here = world([flat(100), bar(100, 110, 100, 110), bar(110, 121, 110, 121)])
        here.exchange.set_price(SYMBOL, dec(50))
        here.pass_hours()
        assert here.book().last == 55
        here.pass_hours()
        assert here.book().last in {dec(60), dec(61)}  # 60.5 on a tick of 1

    def test_candles_before_the_jump_stay_as_they_were(self) -> None:
        here = world([flat(100), flat(100), flat(100)])
        here.exchange.set_price(SYMBOL, dec(50))
        here.pass_hours(2)
        closes = [c.close for c in here.exchange.candles("perp", SYMBOL, HOUR)]
        assert closes == [dec(100), dec(50), dec(50)]

    def test_a_second_jump_builds_on_the_first(self) -> None:
        here = world([flat(100), flat(100), flat(200)])
        here.exchange.set_price(SYMBOL, dec(50))
        here.pass_hours()
        here.exchange.set_price(SYMBOL, dec(10))
        here.pass_hours()
        assert here.book().last == 20

    def test_the_price_is_put_on_the_tick(self) -> None:
        here = world()
        here.exchange.set_price(SYMBOL, dec("80.4"))
        assert here.book().last == 80

    @pytest.mark.parametrize(
        ("symbol", "price", "code"),
        [("NOPEUSDT", 1, "unknown_symbol"), (SYMBOL, 0, "bad_price"), (SYMBOL, -1, "bad_price")],
    )
    def test_what_cannot_be_is_refused(self, symbol: str, price: int, code: RejectCode) -> None:
        with pytest.raises(SimReject) as caught:
            world().exchange.set_price(symbol, dec(price))
        assert caught.value.code == code

    def test_a_coarse_mark_stays_while_the_perpetual_jumps_alone(self) -> None:
        exchange = mixed()
        exchange.advance_to(START + HOUR + FIVE)
        before = exchange.book(PERP, SYMBOL).mark
        exchange.set_price(SYMBOL, dec(500), PERP)
        assert exchange.book(PERP, SYMBOL).mark == before
