"""Closed bars: exact sums of complete sets, gaps where the market was halted, nothing of the present."""

from __future__ import annotations

from datetime import timedelta

import pytest

from counterpoise.domain.bars import Bar
from counterpoise.domain.numbers import dec
from counterpoise.venue.sim import RejectCode, SimReject
from counterpoise.venue.sim.closed_bars import ClosedBars
from counterpoise.venue.sim.track import PriceTrack
from tests.unit.venue.sim.world import HOUR, START, SYMBOL, Row, bar, flat, series, world

FAR = START + timedelta(days=400)
ROWS: list[Row] = [
    bar(100, 112, 99, 105, 1),
    bar(105, 106, 90, 95, 2),
    bar(95, 97, 94, 96, 3),
    bar(96, 99, 96, 98, 4),
    None,
    bar(120, 121, 119, 120, 5),
    bar(120, 120, 118, 118, 6),
    bar(118, 119, 117, 119, 7),
    bar(119, 130, 119, 125, 8),
]


def opens(found: tuple[Bar, ...]) -> list[int]:
    return [(each.open_at - START) // HOUR for each in found]


def test_bars_are_those_that_closed_and_never_the_forming_one() -> None:
    here = world(ROWS, now=START + 3 * HOUR)
    found = here.exchange.closed_bars("perp", SYMBOL, HOUR, START, FAR)
    assert opens(found) == [0, 1, 2]
    assert (found[0].open, found[0].high, found[0].low, found[0].close, found[0].volume) == (
        100,
        112,
        99,
        105,
        1,
    )
    here.exchange.advance(dec(3599))
    assert opens(here.exchange.closed_bars("perp", SYMBOL, HOUR, START, FAR)) == [0, 1, 2]
    here.exchange.advance(dec(1))
    assert opens(here.exchange.closed_bars("perp", SYMBOL, HOUR, START, FAR)) == [0, 1, 2, 3]


def test_since_is_included_and_until_is_not() -> None:
    here = world(ROWS, now=START + 9 * HOUR)
    ask = here.exchange.closed_bars
    assert opens(ask("perp", SYMBOL, HOUR, START + HOUR, START + 3 * HOUR)) == [1, 2]
    assert opens(ask("perp", SYMBOL, HOUR, START + HOUR / 2, START + 3 * HOUR / 2)) == [1]
    assert ask("perp", SYMBOL, HOUR, FAR, START) == ()


def test_a_coarser_bar_is_the_sum_of_its_set_and_waits_for_the_last() -> None:
    here = world(ROWS, now=START + HOUR)
    ask = here.exchange.closed_bars
    assert ask("perp", SYMBOL, 2 * HOUR, START, FAR) == ()
    here.pass_hours()
    (first,) = ask("perp", SYMBOL, 2 * HOUR, START, FAR)
    assert first == Bar(
        open_at=START, open=dec(100), high=dec(112), low=dec(90), close=dec(95), volume=dec(3)
    )


def test_a_halt_leaves_a_gap_in_every_bar_it_touches() -> None:
    here = world(ROWS, now=START + 9 * HOUR)
    ask = here.exchange.closed_bars
    assert opens(ask("perp", SYMBOL, HOUR, START, FAR)) == [0, 1, 2, 3, 5, 6, 7, 8]
    assert opens(ask("perp", SYMBOL, 2 * HOUR, START, FAR)) == [0, 2, 6]
    assert opens(ask("perp", SYMBOL, 4 * HOUR, START, FAR)) == [0]
    assert opens(ask("perp", SYMBOL, 3 * HOUR, START, FAR)) == [0, 6]


def test_asking_step_by_step_gives_what_asking_once_at_the_end_gives() -> None:
    step = world(ROWS, now=START)
    for _ in range(9):
        step.pass_hours()
        step.exchange.closed_bars("perp", SYMBOL, 2 * HOUR, START, FAR)
    once = world(ROWS, now=START + 9 * HOUR)
    for interval in (HOUR, 2 * HOUR, 3 * HOUR):
        found = step.exchange.closed_bars("perp", SYMBOL, interval, START, FAR)
        assert found == once.exchange.closed_bars("perp", SYMBOL, interval, START, FAR)


def test_a_series_that_begins_inside_a_set_begins_with_the_next() -> None:
    late = series("perp", [flat()] * 5, start=START + HOUR)
    bars = ClosedBars(PriceTrack(late, dec(1), START + 6 * HOUR), 2 * HOUR)
    assert opens(bars.between(START, FAR)) == [2, 4]


def test_a_shock_given_by_hand_is_in_the_bars_after_it_only() -> None:
    here = world([flat()] * 6, now=START + 2 * HOUR)
    here.exchange.set_price(SYMBOL, dec(200))
    here.pass_hours(2)
    found = here.exchange.closed_bars("perp", SYMBOL, HOUR, START, FAR)
    assert [each.close for each in found] == [100, 100, 200, 200]


@pytest.mark.parametrize("interval", [HOUR / 2, 3 * HOUR / 2, timedelta(0)])
def test_an_interval_that_is_not_recorded_is_refused(interval: timedelta) -> None:
    with pytest.raises(ValueError, match="expected bars of a multiple of 1:00:00"):
        world().exchange.closed_bars("perp", SYMBOL, interval, START, FAR)


def test_an_unknown_market_is_refused() -> None:
    with pytest.raises(SimReject) as caught:
        world().exchange.closed_bars("spot", "NOPE", HOUR, START, FAR)
    assert caught.value.code is RejectCode.UNKNOWN_SYMBOL


def test_only_what_is_new_is_looked_at_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """What makes five years of hourly questions possible: each recorded bar is read once."""
    read: list[int] = []
    stock = PriceTrack.candle

    def counted(self: PriceTrack, index: int) -> object:
        read.append(index)
        return stock(self, index)

    monkeypatch.setattr(PriceTrack, "candle", counted)
    track = PriceTrack(series("perp", [flat()] * 300), dec(1), START + 200 * HOUR)
    bars = ClosedBars(track, 4 * HOUR)
    for hour in range(200):
        bars.between(START + hour * HOUR, FAR)
    assert read == list(range(200))
