"""A span by hand: 1 BTC at 80,000 and 20,000 USDT, half of the coin hedged, to a market at 84,000."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from counterpoise.domain.hedge_book import BookLine, ClosedHedge
from counterpoise.domain.numbers import ZERO, dec
from counterpoise.domain.reporting import Base, Period, PeriodReport, ReportState, Tally
from counterpoise.report.period import (
    base_of_look,
    document_of_period,
    equity_of,
    period_report,
)

START = datetime(2026, 1, 6, 7, tzinfo=UTC)
END = START + timedelta(days=1)
PERP = "BTC/USDT:USDT"
HALF = BookLine(
    strategy="half",
    venue="main",
    symbol=PERP,
    wanted=dec("-0.5"),
    qty=dec("-0.5"),
    cost=dec(-40_000),
    opened_at=START - timedelta(days=3),
    peak_qty=dec("-0.5"),
    entry_value=dec(40_000),
    entry_qty=dec("0.5"),
    funding=dec(12),
    fees=dec(20),
)


def look(equity: str | None, price: str | None, at: datetime = END, **more: Any) -> dict[str, Any]:
    return {
        "portfolio": "p",
        "as_of": at.isoformat(),
        "equity": equity,
        "held": [],
        "prices": {PERP: price} if price is not None else {},
        "weights": {
            "BTC": {"spot": "0.8", "effective": "0.4", "target": "0.4", "band": None},
            "USDT": {"spot": "0.2", "effective": "0.6", "target": None, "band": None},
        },
        "margin": {
            "main": {"distance": "0.31", "unseen": None},
            "other": {"distance": None, "unseen": None},
            "third": {"distance": "0.25", "unseen": None},
        },
        "state": "RUN",
        **more,
    }


def begun(state: ReportState) -> Base:
    base = base_of_look(state, look("100000", "80000", START), [HALF])
    assert base is not None
    return base


def report(
    state: ReportState,
    document: dict[str, Any],
    *lines: BookLine,
    closed: tuple[ClosedHedge, ...] = (),
) -> PeriodReport:
    then = ReportState(
        quote="USDT", tally=Tally(funding=dec(100), fees=dec(50), flows=dec(7_000), hedges=dec(-30))
    )
    return period_report(Period.DAILY, begun(then), state, document, lines, closed)


#: In the span: 9 of funding received, 4 of fees paid, 5,000 paid in; 30 realised by hedges.
LATER = ReportState(
    quote="USDT",
    tally=Tally(
        funding=dec(109), fees=dec(54), flows=dec(12_000), hedges=ZERO, outside={"BNB": dec("0.02")}
    ),
)


def test_price_is_what_is_left_once_everything_booked_is_taken_out() -> None:
    # the coin +4,000, the hedge -2,000 unrealised and +30 realised by another, +9 - 4, +5,000 paid in
    made = report(LATER, look("107035", "84000"), HALF)
    assert (made.funding, made.fees, made.flows) == (9, 4, 5_000)
    assert (made.price, made.hedges, made.coins) == (2_030, -1_970, 4_000)
    assert made.gain == 2_035, "what was paid in is no gain"
    assert made.end is not None
    assert made.price is not None
    assert made.start + made.price + made.funding - made.fees + made.flows == made.end
    assert made.outside == {"BNB": dec("0.02")}


def test_the_start_is_what_was_seen_then() -> None:
    """A market that has moved since changes nothing of what it was worth."""
    made = report(LATER, look("107035", "84000"), HALF)
    assert (made.start, made.since, made.until) == (100_000, START, END)


def test_unknown_equity_is_unknown_and_never_zero() -> None:
    document = look(
        None, "84000", held=[{"reason": "not_valued", "text": "account of main is missing"}]
    )
    made = report(LATER, document, HALF)
    assert (made.end, made.gain, made.price, made.hedges, made.coins) == (None,) * 5
    assert made.unknown == ("account of main is missing",)
    assert (made.funding, made.fees) == (9, 4), "what was booked is known all the same"
    told = document_of_period(made)
    assert told["equity"] == {"start": "100000", "end": None}


def test_equity_of_a_look_that_decides_nothing_is_not_relied_on() -> None:
    stale = [{"reason": "stale_quote", "text": "BTC/USDT is 9 min old"}]
    assert equity_of(look("100000", "80000", held=stale)) is None
    broke = [{"reason": "equity_too_low", "text": "equity is 10"}]
    assert equity_of(look("10", "80000", held=broke)) == 10
    assert base_of_look(LATER, look("100000", "80000", held=stale), []) is None


def test_what_is_owed_leaves_equity_unexplained() -> None:
    owing = replace(LATER, owed_flows={"BTC": dec(1)})
    assert report(owing, look("187035", "84000"), HALF).end is None
    assert base_of_look(owing, look("187035", "84000"), [HALF]) is None


def test_without_a_price_of_a_hedge_the_split_is_not_guessed() -> None:
    made = report(LATER, look("107035", None), HALF)
    assert (made.price, made.hedges, made.coins) == (2_030, None, None)
    (line,) = made.open
    assert (line.net, line.price) == (None, None)


def test_hedges_tell_what_they_brought_since_they_were_opened() -> None:
    (line,) = report(LATER, look("107035", "84000"), HALF).open
    assert (line.strategy, line.asset, line.qty, line.entry) == ("half", "BTC", dec("-0.5"), 80_000)
    assert line.net == -2_000 + 12 - 20


def test_hedges_that_ended_in_the_span_are_told_and_no_others() -> None:
    def ended(strategy: str, opened: datetime, closed: datetime) -> ClosedHedge:
        return ClosedHedge(
            strategy=strategy, venue="main", symbol=PERP, opened_at=opened, closed_at=closed,
            qty=dec("-0.5"), entry=dec(80_000), exit=dec(78_000), price_pnl=dec(1_000), funding=dec(9), fees=dec(40),
        )  # fmt: skip

    hour = timedelta(hours=1)
    closed = (
        ended("before", START - 9 * hour, START - hour),
        ended("within", START + hour, START + 2 * hour),
        # ended before the span by the venue's clock, but the look at its start still saw it open
        ended("half", START - timedelta(days=3), START - timedelta(seconds=1)),
    )
    made = report(LATER, look("107035", "84000"), closed=closed)
    assert [h.strategy for h in made.ended] == ["half", "within"]
    assert made.ended[0].net == 969
    assert not made.open


def test_the_nearest_pool_and_the_lowest_since() -> None:
    made = report(LATER, look("107035", "84000"), HALF)
    assert made.distance == dec("0.25")
    assert (made.low, made.low_at) == (dec("0.25"), START)


def test_what_waits_and_what_comes() -> None:
    asked = {"id": "ab12", "strategy": "half", "asset": "BTC", "cap": "-0.5", "wanted": "-0.8",
             "deadline_at": "2026-01-07T12:00:00.000Z"}  # fmt: skip
    document = look(
        "107035",
        "84000",
        approvals=[{**asked, "state": "waiting"}, {**asked, "id": "cd34", "state": "denied"}],
        events=[{"at": "2026-01-07T08:00:00.000Z", "kind": "funding", "text": "funding of BTC", "amount": "4.2"}],
    )  # fmt: skip
    made = report(LATER, document, HALF)
    assert [(r.id, r.text) for r in made.requests] == [
        ("ab12", "half wants -0.8 BTC instead of -0.5")
    ]
    assert [(e.text, e.amount) for e in made.events] == [("funding of BTC", dec("4.2"))]
