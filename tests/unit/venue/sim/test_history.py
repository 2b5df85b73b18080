"""Candles of any coarser interval, and the last day: closed bars and the forming one, never the future."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from counterpoise.domain.numbers import dec
from counterpoise.venue.sim import Candle, MarketKind, SimReject
from tests.unit.venue.sim.world import HOUR, PERP, SPOT, START, SYMBOL, bar, flat, world

ROWS = [bar(100 + n, 103 + n, 99 + n, 101 + n, n + 1) for n in range(30)]
DAY = timedelta(days=1)


def test_closed_bars_come_with_the_forming_one_flat_at_the_last_price() -> None:
    here = world(ROWS)
    here.pass_hours("1.5")
    bars = here.exchange.candles("perp", SYMBOL, HOUR)
    assert [c.open_at for c in bars] == [START, START + HOUR, START + 2 * HOUR]
    assert bars[-1] == Candle(START + 2 * HOUR, *[dec(102)] * 4, dec(0))


def test_nothing_after_now_is_ever_shown() -> None:
    here = world(ROWS)
    for hours in range(28):
        bars = here.exchange.candles("perp", SYMBOL, HOUR, limit=100)
        assert max(c.high for c in bars) <= 103 + hours
        assert bars[-1].open_at <= here.exchange.now
        here.pass_hours()


def test_hours_add_up_to_four_hours() -> None:
    here = world(ROWS)
    here.pass_hours(8)
    bars = here.exchange.candles("perp", SYMBOL, 4 * HOUR)
    first = Candle(START, dec(100), dec(106), dec(99), dec(104), dec(1 + 2 + 3 + 4))
    assert bars[0] == first
    assert [c.open_at for c in bars] == [START, START + 4 * HOUR, START + 8 * HOUR]
    assert (bars[-1].volume, bars[-1].close) == (
        dec(9),
        dec(109),
    )  # one closed hour and the forming one


@pytest.mark.parametrize("interval", [timedelta(minutes=30), timedelta(minutes=90), timedelta(0)])
def test_what_cannot_be_made_of_the_recorded_bars_is_empty(interval: timedelta) -> None:
    assert world(ROWS).exchange.candles("perp", SYMBOL, interval) == []


SELECT = [
    ("the last ones without a start", None, None, 3, [9, 10, 11]),
    ("the first ones with a start", 2, None, 3, [2, 3, 4]),
    ("from start to end, both included", 2, 4, 100, [2, 3, 4]),
    ("the last ones up to an end", None, 4, 2, [3, 4]),
    ("a start between two bars takes the next", 2.5, 4, 100, [3, 4]),
    ("an end in the future stops at the forming bar", 10, 25, 100, [10, 11]),
    ("a start in the future finds nothing", 20, None, 5, []),
    ("no limit, no bars", None, None, 0, []),
]


@pytest.mark.parametrize(
    ("start", "end", "limit", "opens"), [row[1:] for row in SELECT], ids=[row[0] for row in SELECT]
)
def test_selection(start: float | None, end: float | None, limit: int, opens: list[int]) -> None:
    here = world(ROWS)
    here.pass_hours("10.5")
    bars = here.exchange.candles(
        "perp",
        SYMBOL,
        HOUR,
        start=None if start is None else START + HOUR * start,
        end=None if end is None else START + HOUR * end,
        limit=limit,
    )
    assert [c.open_at for c in bars] == [START + HOUR * n for n in opens]


def test_selection_of_aggregated_bars_is_by_their_own_opens() -> None:
    here = world(ROWS)
    here.pass_hours(20)
    ask = here.exchange.candles
    last = ask("perp", SYMBOL, 4 * HOUR, limit=2)
    assert [c.open_at for c in last] == [START + 16 * HOUR, START + 20 * HOUR]
    mid = ask("perp", SYMBOL, 4 * HOUR, start=START + HOUR, end=START + 9 * HOUR)
    assert [c.open_at for c in mid] == [START + 4 * HOUR, START + 8 * HOUR]
    assert mid[0].volume == 5 + 6 + 7 + 8


def test_weeks_begin_on_mondays() -> None:
    here = world([flat()] * 24 * 12, now=START + 11 * DAY)
    weeks = here.exchange.candles("perp", SYMBOL, 7 * DAY)
    assert [c.open_at for c in weeks] == [
        datetime(2024, 12, 30, tzinfo=UTC),
        datetime(2025, 1, 6, tzinfo=UTC),
    ]


def test_a_gap_is_a_gap_and_not_filled() -> None:
    here = world([flat()] * 6, spot_rows=[flat(), flat(), None, None, flat(), flat()])
    here.pass_hours(2)
    opens = [c.open_at for c in here.exchange.candles("spot", SYMBOL, HOUR)]
    assert opens == [START, START + HOUR]  # and no forming bar in a halt
    here.pass_hours(3)
    opens = [c.open_at for c in here.exchange.candles("spot", SYMBOL, HOUR)]
    assert opens == [START, START + HOUR, START + 4 * HOUR, START + 5 * HOUR]


def test_mark_candles_are_the_marks_own() -> None:
    here = world([flat(100)] * 3, mark_rows=[flat(102, 0)] * 3)
    assert here.exchange.candles("mark", SYMBOL, HOUR)[0].close == 102
    assert world([flat(100)] * 3).exchange.candles("mark", SYMBOL, HOUR)[0].close == 100


def test_unknown_symbols_are_refused() -> None:
    here = world()
    for ask in (
        lambda: here.exchange.candles("spot", "NOPE", HOUR),
        lambda: here.exchange.candles("mark", "NOPE", HOUR),
        lambda: here.exchange.ticker(MarketKind.PERP, "NOPE"),
        lambda: here.exchange.book(MarketKind.SPOT, "NOPE"),
        lambda: here.exchange.rule(MarketKind.SPOT, "NOPE"),
        lambda: here.exchange.funding_history("NOPE"),
    ):
        with pytest.raises(SimReject, match="unknown_symbol"):
            ask()


class TestTicker:
    def test_it_covers_the_bars_that_closed_in_the_last_day(self) -> None:
        here = world(ROWS)
        here.pass_hours(27)  # bars 4 to 27 closed within 24 hours
        day = here.exchange.ticker(PERP, SYMBOL)
        assert (day.open, day.high, day.low, day.last) == (dec(104), dec(130), dec(103), dec(128))
        assert day.volume == sum(range(5, 29))
        assert (day.close_at - day.open_at, day.trades) == (DAY, 24)

    def test_turnover_is_taken_at_the_middle_of_each_bar(self) -> None:
        here = world([bar(100, 110, 90, 105, 3), flat()])
        assert here.exchange.ticker(SPOT, SYMBOL).quote_volume == 300

    def test_before_the_first_close_it_is_flat_and_empty(self) -> None:
        here = world(ROWS, now=START)
        day = here.exchange.ticker(SPOT, SYMBOL)
        assert (day.open, day.high, day.low, day.last, day.volume) == (100, 100, 100, 100, 0)


class TestVolume24h:
    @pytest.mark.parametrize("steps", [[1] * 29, [3, 25, 1], [0, 29], [30, 100]])
    def test_it_is_the_tickers_however_time_is_cut(self, steps: list[int]) -> None:
        halted = [row if n not in (5, 6) else None for n, row in enumerate(ROWS)]
        here = world(halted, spot_rows=ROWS)
        for step in steps:
            here.pass_hours(step)
            for kind in (SPOT, PERP):
                turnover = here.exchange.ticker(kind, SYMBOL).quote_volume
                assert here.exchange.volume_24h(kind, SYMBOL) == turnover

    def test_before_the_first_close_there_is_none(self) -> None:
        here = world(ROWS, now=START)
        assert here.exchange.volume_24h(SPOT, SYMBOL) == 0
        here.pass_hours(27)
        assert here.exchange.volume_24h(SPOT, SYMBOL) > 0
