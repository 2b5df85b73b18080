from __future__ import annotations

import json
from datetime import timedelta

import pytest

from counterpoise.domain.untimely import Untimely
from counterpoise.venue.ccxt import endpoints as ask
from counterpoise.venue.ccxt.call import Call, CallFailed
from counterpoise.venue.ccxt.endpoints import Endpoint, Scope
from counterpoise.venue.ccxt.timeliness import Timeliness
from tests.build import NOW

WINDOW = timedelta(seconds=5)
ACCOUNT, PLACE = ask.ACCOUNT[Scope.FUTURES], ask.PLACE[Scope.FUTURES]
ZERO = timedelta(0)


class Line:
    """A line and what it heard."""

    def __init__(self) -> None:
        self.timeliness = Timeliness(WINDOW)
        self.now = NOW - timedelta(minutes=1)

    def hears(self, code: int | None, endpoint: Endpoint = ACCOUNT, *, later_s: float = 2) -> None:
        self.now += timedelta(seconds=later_s)
        failure = None
        if code is not None:
            call = Call(endpoint=endpoint, sent=True)
            call.replied(400, {}, json.dumps({"code": code, "msg": "words"}))
            failure = CallFailed(call, "text", sent=True)
        self.timeliness.answered(endpoint, failure, self.now)

    def measures(self, ahead_s: float = 0, took_s: float = 0.1) -> None:
        self.timeliness.measured(timedelta(seconds=ahead_s), timedelta(seconds=took_s))

    @property
    def untimely(self) -> Untimely | None:
        return self.timeliness.untimely(self.now)


@pytest.fixture
def line() -> Line:
    """A line on which two requests were refused for their time, and the clock was measured after each."""
    made = Line()
    for _ in range(2):
        made.hears(-1021)
        made.measures()
    assert made.untimely is None
    return made


@pytest.mark.parametrize("code", [-1021, 10002])
def test_the_third_in_a_row_is_no_accident(line: Line, code: int) -> None:
    line.hears(code)
    assert line.untimely == Untimely(
        api="futures",
        times=3,
        last=line.now,
        ahead=ZERO,
        moved=ZERO,
        took=timedelta(seconds=0.1),
        window=WINDOW,
    )
    assert line.timeliness.untimely(line.now + timedelta(hours=1)) is None
    line.hears(None)
    assert line.untimely is None


def test_what_was_asked_together_counts_once() -> None:
    line = Line()
    for n in range(9):
        line.hears(-1021, later_s=2 if n % 3 == 0 else 0)
        line.measures()
    assert line.untimely is not None
    assert line.untimely.times == 3


def test_without_a_measurement_in_between_nothing_is_counted() -> None:
    made = Line()
    for _ in range(9):
        made.hears(-1021)
    assert made.untimely is None


@pytest.mark.parametrize("code", [None, -2019, -4164])
def test_an_order_that_was_judged_came_in_time(code: int | None) -> None:
    made = Line()
    for _ in range(3):
        made.hears(-1021, PLACE)
        made.measures()
        made.hears(None)  # questions are taken all along
    assert made.untimely is not None
    made.hears(code, PLACE)
    assert made.untimely is None


@pytest.mark.parametrize("code", [-1003, -1008, -2015, -1000])
def test_what_says_nothing_of_time_ends_nothing(line: Line, code: int) -> None:
    line.hears(-1021)
    line.hears(code)
    assert line.untimely is not None


@pytest.mark.parametrize(
    ("ahead", "took", "said"),
    [
        ((0, 2.5), 0.1, "our clock is off, 2.5 s ahead, and moved by 2.5 s"),
        ((0, -2.5), 0.1, "our clock is off, 2.5 s behind, and moved by 2.5 s"),
        ((7, 7), 3, "the line is slow, its time took 3 s to come and a request is good for 5 s"),
        ((7, 7), 0.2, "our clock, 7 s ahead, is steady, and its time came within 0.2 s"),
    ],
)
def test_it_is_said_what_is_to_blame(ahead: tuple[float, float], took: float, said: str) -> None:
    line = Line()
    for each in ahead:
        line.hears(-1021)
        line.measures(each, took)
    line.hears(-1021)
    assert line.untimely is not None
    told = line.untimely.why("main").text
    assert told.startswith("main (futures) refused 3 requests in a row for their time")
    assert said in told


def test_one_more_order_may_be_tried_after_a_minute(line: Line) -> None:
    line.hears(-1021)
    assert line.untimely is not None
    assert line.untimely.blocks(line.now + timedelta(seconds=59))
    assert not line.untimely.blocks(line.now + timedelta(minutes=1))


def test_an_order_that_is_found_at_the_venue_was_taken_whatever_its_answer_said() -> None:
    line = Line()
    for _ in range(3):
        line.hears(-1021, PLACE)
        line.measures(ahead_s=3)
    assert line.untimely is not None
    refused = line.now - timedelta(seconds=3)  # by the venue's clock
    line.timeliness.found(Scope.FUTURES, refused - timedelta(seconds=1))
    line.timeliness.found(Scope.FUTURES, None)
    line.timeliness.found(Scope.SPOT, refused + timedelta(seconds=1))
    assert line.untimely is not None, "none of these was sent after the last refusal"
    line.timeliness.found(Scope.FUTURES, refused + timedelta(seconds=1))
    assert line.untimely is None
