"""The sentences of what moves: a hedge in one go, a ladder begun, going on, done, left or crossing, and coins."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from counterpoise.domain.codec import decoded, document_of
from counterpoise.domain.course import Course, Courses, contract_of, written
from counterpoise.domain.events import Alert, Severity
from counterpoise.domain.numbers import dec, significant, text
from counterpoise.domain.order import Fill, Side
from counterpoise.notify.costs import Cost, cost_words
from counterpoise.notify.move_messages import (
    Place,
    Rungs,
    average_price,
    coins_traded,
    hedge_moved,
    ladder_begun,
    ladder_crosses,
    ladder_done,
    ladder_goes_on,
    ladder_left,
)
from counterpoise.notify.titles import title_of
from tests.build import make_order

AT = datetime(2025, 4, 7, 6, 30, tzinfo=UTC)
PERP = "BTC/USDT:USDT"
BTC = Place(portfolio="treasury", asset="BTC", venue="main", symbol=PERP, decision="d1")


def a_fill(qty: str, price: str, side: Side = Side.SELL) -> Fill:
    return Fill(
        venue="main",
        symbol=PERP,
        trade_id=f"t{qty}",
        venue_order_id="v1",
        side=side,
        qty=Decimal(qty),
        price=Decimal(price),
        fee=Decimal(0),
        fee_asset="USDT",
        maker=True,
        filled_at=AT,
    )


def moved(
    before: str,
    after: str,
    fills: tuple[Fill, ...] = (),
    weights: tuple[str | None, str | None] = (None, None),
    reason: str = "",
) -> Alert:
    first, last = (None if weight is None else Decimal(weight) for weight in weights)
    place = replace(BTC, weight_before=first, weight_after=last, why=reason)
    return hedge_moved(place, Decimal(before), Decimal(after), fills, AT)


def test_an_opened_hedge_says_what_how_much_at_what_price_to_what_effect_and_why() -> None:
    told = moved(
        "0",
        "-0.6",
        (a_fill("0.2", "83000"), a_fill("0.4", "83001")),
        ("0.6012345", "0.5"),
        "hedge 50 % of 1.2 BTC",
    )
    assert told.text == (
        "Hedge of BTC opened: sold 0.6 BTC with BTC/USDT:USDT at 83,000.67 on average;"
        " futures position 0 -> -0.6 BTC, effective weight 60.12 % -> 50 %."
        " Why: hedge 50 % of 1.2 BTC"
    )
    assert (told.kind, told.severity, told.key) == ("hedge_opened", Severity.INFO, None)
    # finer where the sentence is rounded
    assert told.data["weight_before"] == "0.6012345"
    assert told.data["avg_price"] == "83000.6666667"
    assert told.data["trade_ids"] == "t0.2,t0.4"


@pytest.mark.parametrize(
    ("before", "after", "kind", "begins"),
    [
        ("-0.6", "-0.9", "hedge_adjusted", "Hedge of BTC adjusted: sold 0.3 BTC"),
        ("-0.6", "-0.1", "hedge_adjusted", "Hedge of BTC adjusted: bought 0.5 BTC"),
        ("-0.6", "0", "hedge_closed", "Hedge of BTC closed: bought 0.6 BTC"),
        ("0", "0.6", "hedge_opened", "Long of BTC opened: bought 0.6 BTC"),
        ("0.6", "0", "hedge_closed", "Long of BTC closed: sold 0.6 BTC"),
        ("-0.6", "0.1", "hedge_adjusted", "Long of BTC adjusted: bought 0.7 BTC"),
        ("-0.6", "-0.6", "hedge_adjusted", "Hedge of BTC adjusted: no net move"),
        (
            "-0.123456789012345678",
            "-1E+3",
            "hedge_adjusted",
            "Hedge of BTC adjusted: sold 999.87654 BTC",
        ),
    ],
)
def test_every_way_a_position_can_move(before: str, after: str, kind: str, begins: str) -> None:
    told = moved(before, after)
    assert told.kind == kind
    assert told.text.startswith(f"{begins} with BTC/USDT:USDT")


def test_what_is_not_known_is_left_out_or_called_unknown_and_never_zero() -> None:
    bare = moved("0", "-1")
    assert bare.text == (
        "Hedge of BTC opened: sold 1 BTC with BTC/USDT:USDT; futures position 0 -> -1 BTC"
    )
    assert bare.data["avg_price"] == bare.data["weight_after"] == "unknown"
    half = moved("0", "-1", weights=(None, "0.5"))
    assert half.text.endswith("effective weight unknown -> 50 %")


def test_the_average_is_of_the_fills_in_the_direction_of_the_move() -> None:
    told = moved("0", "-1", (a_fill("2", "100"), a_fill("1", "50", Side.BUY)))
    assert "at 100 on average" in told.text


@pytest.mark.parametrize(
    ("exact", "shown"),
    [
        ("83000.666666666666", "83,000.67"),
        ("1000.005", "1,000"),
        ("123.456789012", "123.45679"),
        ("0.000012345678912", "0.000012345679"),
        ("123456789.5", "123,456,790"),
        ("100", "100"),
    ],
)
def test_a_price_is_rounded_for_reading_and_not_in_the_data(exact: str, shown: str) -> None:
    told = moved("0", "-1", (a_fill("1", exact),))
    assert f"at {shown} on average;" in told.text
    # to programs it is given to 12 digits, or as many as are whole
    assert told.data["avg_price"] == text(significant(dec(exact), 12))


def test_what_is_divided_has_as_many_digits_as_people_and_programs_can_use() -> None:
    third = dec(1) / 3
    place = replace(BTC, weight_before=third, weight_after=2 * third)
    told = hedge_moved(
        place, dec(0), dec("-1"), (a_fill("1", str(third)), a_fill("2", "80000")), AT
    )
    assert (told.data["weight_before"], told.data["weight_after"]) == ("0.33333333", "0.66666667")
    assert told.data["avg_price"] == "53333.4444444"


def test_average_price_weighs_by_quantity() -> None:
    assert average_price([a_fill("1", "100"), a_fill("3", "104")]) == 103
    assert average_price([]) is None


def test_the_same_news_is_the_same_alert_and_other_news_another() -> None:
    assert moved("0", "-1").id == moved("0", "-1").id
    assert moved("0", "-1").id != moved("0", "-2").id


# --- what it costs


@pytest.mark.parametrize(
    ("cost", "words"),
    [
        (Cost(), "So far it cost nothing, the open price gain left out"),
        (
            Cost(fees=dec("12.345")),
            "So far it cost 12.34 USDT (fees), the open price gain left out",
        ),
        (
            Cost(funding=dec(3), open_price=dec(0)),
            "So far it earned 3.00 USDT (funding received)",
        ),
        (
            Cost(fees=dec("20.23"), open_price=dec(6830)),
            "So far it is up 6,809.77 USDT: open price gain 6,830.00, fees 20.23",
        ),
        (
            # 2.371001 in all: what is shown adds up
            Cost(fees=dec("1.106"), open_price=dec("-1.265001")),
            "So far it is down 2.38 USDT: open price loss 1.27, fees 1.11",
        ),
        (
            Cost(price=dec(5), fees=dec("0.5"), open_price=dec(-10)),
            "So far it is down 5.50 USDT: open price loss 10.00, realised price gain 5.00, fees 0.50",
        ),
        (
            Cost(price=dec(130), funding=dec("4.5"), fees=dec(14), over=True),
            "In all it earned 120.50 USDT: realised price gain 130.00, funding received 4.50, fees 14.00",
        ),
        (
            Cost(price=dec(-80), funding=dec("-1.5"), fees=dec(-2), over=True),
            "In all it cost 79.50 USDT: realised price loss 80.00, funding paid 1.50, fees returned 2.00",
        ),
        (
            Cost(fees=dec("1234567.891"), open_price=dec(0)),
            "So far it cost 1,234,567.89 USDT (fees)",
        ),
        (Cost(fees=dec("0.00123456"), open_price=dec(0)), "So far it cost 0.0012 USDT (fees)"),
        (
            Cost(price=dec(2), fees=dec(2), over=True),
            "In all it earned and cost the same: realised price gain 2.00, fees 2.00",
        ),
    ],
)
def test_what_it_earned_or_cost_is_said_in_words_and_not_by_a_sign(cost: Cost, words: str) -> None:
    assert cost_words(cost, "USDT") == words


def test_a_closed_hedge_says_what_it_came_to_and_by_which_decision_it_is_explained() -> None:
    cost = Cost(price=dec(130), funding=dec("4.5"), fees=dec(14), over=True)
    place = replace(BTC, cost=cost, why="nothing is held")
    told = hedge_moved(place, dec("-0.6"), dec(0), (a_fill("0.6", "83000", Side.BUY),), AT)
    assert told.text == (
        "Hedge of BTC closed: bought 0.6 BTC with BTC/USDT:USDT at 83,000 on average; futures position -0.6 -> 0 BTC."
        " In all it earned 120.50 USDT: realised price gain 130.00, funding received 4.50, fees 14.00. Why: nothing is"
        " held"
    )
    assert told.data["decision"] == "d1"
    assert (told.data["earned"], told.data["fees"]) == ("120.5", "14")


# --- ladders


def a_course(*fills: Fill, goal: str = "-0.5", before: str = "0") -> Course:
    return Course(
        of="d1",
        asset="BTC",
        side=Side.SELL,
        began_at=AT,
        told_at=AT,
        goal=dec(goal),
        before=dec(before),
    ).plus(fills)


WEIGHED = replace(BTC, weight_before=dec("0.6"), weight_after=dec("0.5"), why="hedge it")


def test_a_ladder_that_begins_says_where_it_leads_and_how_far_it_is() -> None:
    told = ladder_begun(WEIGHED, a_course(a_fill("0.2", "83000")), Rungs(filled=2, placed=10), AT)
    assert (told.kind, told.severity) == ("hedge_opened", Severity.INFO)
    assert told.text == (
        "Hedge of BTC opened: sold 0.2 BTC with BTC/USDT:USDT at 83,000 on average; futures position 0 -> -0.2 BTC on"
        " the way to -0.5 BTC (2 of 10 rungs filled), effective weight 60 % -> 50 %. Why: hedge it"
    )
    assert told.data["goal_qty"] == "-0.5"
    assert (told.data["rungs"], told.data["rungs_filled"]) == ("10", "2")


def test_rungs_are_left_out_once_the_ladder_crosses_and_stay_in_the_data() -> None:
    hurried = replace(WEIGHED, hurried=True)
    rungs = Rungs(filled=1, placed=4, crossed=True)
    told = ladder_begun(hurried, a_course(a_fill("0.2", "83000")), rungs, AT)
    assert told.text == (
        "Hedge of BTC opened: sold 0.2 BTC with BTC/USDT:USDT at 83,000 on average, after patience ran out; futures"
        " position 0 -> -0.2 BTC on the way to -0.5 BTC, effective weight 60 % -> 50 %. Why: hedge it"
    )
    assert (told.data["rungs"], told.data["rungs_filled"]) == ("4", "1")


def test_a_chase_has_no_rungs_to_speak_of() -> None:
    told = ladder_begun(BTC, a_course(a_fill("0.2", "83000")), Rungs(), AT)
    assert told.text.endswith("futures position 0 -> -0.2 BTC on the way to -0.5 BTC")
    assert "rungs" not in told.data


def test_a_ladder_on_its_way_tells_what_came_since_it_was_spoken_of() -> None:
    course = a_course(a_fill("0.1", "83000")).told(AT).plus((a_fill("0.2", "83030"),))
    told = ladder_goes_on(WEIGHED, course, Rungs(filled=3, placed=5), AT)
    assert told.kind == "ladder"
    assert told.text == (
        "Hedge of BTC at -0.3 of -0.5 BTC, 3 of 5 rungs filled: sold 0.2 BTC with BTC/USDT:USDT at 83,030 on average"
        " since the last word, effective weight 60 % -> 50 %"
    )
    assert told.data["trade_ids"] == "t0.2", "what was told before is told"
    assert told.data["qty"] == "0.2"


def test_a_ladder_that_is_done_tells_its_sum() -> None:
    course = a_course(a_fill("0.1", "83000")).told(AT).plus((a_fill("0.4", "83010"),))
    place = replace(BTC, why="hedge it")
    told = ladder_done(place, course, Rungs(filled=5, placed=5), dec("-0.4"), AT)
    assert (told.data["reason"], told.data["decision"]) == ("hedge it", "d1"), "not said twice"
    assert told.kind == "hedge_adjusted"
    assert told.text == (
        "Hedge of BTC complete: in all sold 0.5 BTC with BTC/USDT:USDT at 83,008 on average; futures position 0 ->"
        " -0.5 BTC"
    )
    assert (told.data["qty"], told.data["trade_ids"]) == ("0.5", "t0.4")


def test_a_ladder_that_closes_is_closed_by_its_last_fill() -> None:
    buys = [a_fill("0.1", "83000", Side.BUY), a_fill("0.4", "83010", Side.BUY)]
    course = replace(a_course(goal="0", before="-0.5"), side=Side.BUY).plus(buys)
    told = ladder_done(BTC, course, Rungs(), dec("0.4"), AT)
    assert told.kind == "hedge_closed"
    assert told.text.startswith("Hedge of BTC closed: in all bought 0.5 BTC")


def test_a_ladder_that_is_left_says_where_it_stopped_and_what_is_wanted_instead() -> None:
    told = ladder_left(
        WEIGHED,
        a_course(a_fill("0.3", "83000")),
        Rungs(),
        "as -0.2 BTC is wanted now: less is held",
        AT,
    )
    assert told.kind == "ladder"
    assert told.text == (
        "Hedge of BTC: the way to -0.5 BTC ends at -0.3, as -0.2 BTC is wanted now: less is held. In all sold 0.3 BTC"
        " with BTC/USDT:USDT at 83,000 on average; futures position 0 -> -0.3 BTC, effective weight 60 % -> 50 %"
    )


@pytest.mark.parametrize(
    ("got", "held", "rest", "words"),
    [
        ("0.05", "-0.35", "0.15", "0.05 of 0.2 BTC sold"),
        ("0", "-0.3", "0.2", "none of 0.2 BTC sold"),
    ],
)
def test_a_book_that_offers_too_little_says_what_was_got_and_what_is_missing(
    got: str, held: str, rest: str, words: str
) -> None:
    tried = make_order(Side.SELL, "0.2", filled_qty=dec(got))
    told = ladder_crosses(BTC, dec(held), dec("-0.5"), dec(rest), tried, dec("0.002"), AT)
    assert told.kind == "ladder"
    assert title_of(told) == "BTC hedge: the book offers too little"
    assert told.text == (
        "Hedge of BTC: patience ran out, and the book of BTC/USDT:USDT offers too little within 0.2 % of the mark:"
        f" {words}. {held} of -0.5 BTC is held; {rest} BTC is missing and tried again"
    )
    assert (told.data["tried_qty"], told.data["got_qty"]) == ("0.2", got)


def test_a_course_survives_being_written_down() -> None:
    course = (
        a_course(a_fill("0.1", "83000"))
        .told(AT + timedelta(seconds=1))
        .plus((a_fill("0.4", "83010"),))
    )
    before = Courses(ways={written(("main", PERP)): course})
    assert decoded(Courses, document_of(before), "courses") == before
    assert contract_of(written(("main", PERP))) == ("main", PERP)
    assert course.now_qty == dec("-0.5")
    assert course.trades == ("t0.4",)


def test_coins_say_what_the_fee_in_the_coin_left_of_them() -> None:
    pair = replace(BTC, symbol="BTC/USDT", why="converted")
    fill = replace(
        a_fill("1", "83000", Side.BUY), symbol="BTC/USDT", fee=dec("0.001"), fee_asset="BTC"
    )
    told = coins_traded(pair, (fill,), AT)
    assert told.text == (
        "Bought 1 BTC in coins with BTC/USDT at 83,000 on average, 0.999 after the fee. Why: converted"
    )
    assert told.data["net_qty"] == "0.999"
