"""Reports in words: what a tired person reads at eight in the morning."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from counterpoise.domain.categories import Category, category_of
from counterpoise.domain.events import Severity
from counterpoise.domain.numbers import dec
from counterpoise.domain.reporting import Request
from counterpoise.notify.composing import message_of
from counterpoise.notify.report_messages import BOT, report_text, report_told
from tests.unit.notify.reported import ENDED, OPEN, REPORT, UNTIL


def test_a_report_reads_like_this() -> None:
    assert (
        report_text(REPORT)
        == """\
Up 2,012.91 USDT (+1.55 %) in 23 h.
What was paid in or taken out is left out of that.

From Sat 28 Mar 08:00  129,972.45
Price of coins          +3,500.00
Price of hedges         -1,500.00
Funding                    +16.66
Fees                        -3.75
Paid in                 +5,000.00
To Sun 29 Mar 08:00    136,985.36
Fees beside that, not part of equity: 0.0123 BNB

Weights, hedges included:
BTC    31.8 %  target  30.0 %
USDT   68.2 %

1 hedge open:
btc-half: short 0.5 BTC from 79,999.99, net -1,992.00
1 ended:
eth-dip: long 2 ETH 3,000 to 3,050.5 Sat 28 Mar 21:00, net +96.25 (price +101.00, funding -1.25, fees -3.50)

Liquidation is 49.8 % away; at the nearest it was 31.2 %, Sun 29 Mar 01:00.
Trading is on (RUN).
Nothing waits for your answer.

Next:
Sun 29 Mar 10:00  funding of BTC, about +4.20
Fri 03 Apr 08:00  BTC/USDT:USDT-260403 ends"""
    )


def shown(told: str) -> list[Decimal]:
    """The amounts of the table, from the start to the end."""
    table = told.split("\n\n")[1].split("\n")
    rows = [line for line in table if not line.startswith("Fees beside")]
    return [dec(row.rsplit(" ", 1)[1].replace(",", "")) for row in rows]


@pytest.mark.parametrize("split", [True, False])
def test_the_lines_add_up_to_the_cent_as_they_are_shown(split: bool) -> None:
    coins, hedges = dec("30026.695"), dec("-19964.484")
    parts = {"funding": dec("0.004"), "fees": dec("35.524"), "flows": dec("75030.195")}
    price, start = coins + hedges, dec("103757.934")
    end = start + price + parts["funding"] - parts["fees"] + parts["flows"]
    uneven = replace(
        REPORT, start=start, end=end, price=price, coins=coins if split else None,
        hedges=hedges if split else None, **parts,
    )  # fmt: skip
    *lines, last = shown(report_text(uneven))
    assert sum(lines) == last == dec("188814.82")
    data = report_told(uneven, UNTIL).data
    assert (data["price"], data["flows"]) == ("10062.211", "75030.195"), "exact"


def test_the_alert_is_quiet_exact_and_of_its_category() -> None:
    told = report_told(REPORT, UNTIL)
    assert (told.kind, told.severity, told.key) == ("report_daily", Severity.INFO, None)
    assert category_of(told.kind) is category_of("report_weekly") is Category.REPORT
    assert told.data["equity_end"] == "136985.355"
    assert told.data["fees"] == "3.75"
    assert told.data["weights"] == "BTC=0.318,USDT=0.682"
    assert told.data["targets"] == "BTC=0.3", "unknown is left out"
    assert message_of([told]).title == "Daily report: up 2,012.91 USDT (+1.55 %)"
    blind = report_told(replace(REPORT, end=None, price=None), UNTIL)
    assert message_of([blind]).title == "Daily report: equity is not known"
    assert "Late" not in told.text
    assert told == report_told(REPORT, UNTIL)


def test_what_an_ended_hedge_came_to_is_unknown_without_its_price_and_not_nothing() -> None:
    blind = replace(REPORT, ended=(replace(ENDED, net=None, price=None),))
    assert "net unknown (price unknown," in report_text(blind)


def test_a_late_report_says_when_it_was_due() -> None:
    told = report_told(REPORT, UNTIL - timedelta(hours=2))
    assert "Late: it was due Sun 29 Mar 06:00." in told.text


def test_unknown_equity_is_said_to_be_unknown() -> None:
    blind = replace(
        REPORT, end=None, price=None, coins=None, hedges=None, unknown=("no answer of main",)
    )
    told = report_text(blind)
    assert told.startswith(
        "Equity is not known now: no answer of main. Figures since the last known one, 23 h ago:"
    )
    assert "Price                   not known" in told
    assert "To Sun 29 Mar 08:00     not known" in told
    assert " 0.00" not in told


def test_what_needs_a_person_is_said_with_the_words_to_say() -> None:
    request = Request(
        id="ab12",
        text="half wants -0.8 BTC instead of -0.5",
        deadline_at=UNTIL + timedelta(hours=4),
    )
    stopped = replace(
        REPORT,
        state="REDUCE_ONLY",
        state_since=UNTIL - timedelta(hours=3),
        state_why="equity is 12 % below its high",
        requests=(request,),
        distance=None,
        low=None,
        unseen=("the account of main is old",),
    )
    told = report_text(stopped)
    assert (
        "REDUCE_ONLY since Sun 29 Mar 05:00: equity is 12 % below its high. `counterpoise resume` lets it trade"
        in told
    )
    assert (
        "until Sun 29 Mar 12:00: half wants -0.8 BTC instead of -0.5, `counterpoise approve ab12` or"
        " `counterpoise deny ab12`" in told
    )
    to_the_bot = report_text(stopped, word=BOT)
    assert "12 % below its high. /resume lets it trade again." in to_the_bot
    assert "instead of -0.5, /approve ab12 or /deny ab12" in to_the_bot
    assert "Margin cannot be judged: the account of main is old" in told
    assert "can be liquidated" not in told
    assert "Nothing waits" not in told


def test_a_quiet_portfolio_says_little() -> None:
    quiet = replace(
        REPORT, end=REPORT.start, flows=dec(0), funding=dec(0), fees=dec(0), price=dec(0), hedges=None, coins=None,
        outside={}, weights=(), open=(), ended=(), distance=None, low=None, low_at=None, events=(),
    )  # fmt: skip
    told = report_text(quiet)
    assert told.startswith("Unchanged in 23 h.\n\nFrom Sat")
    assert "Paid in" not in told
    assert "left out" not in told
    assert "No hedge is open." in told
    assert "Nothing can be liquidated now." in told


def test_a_large_portfolio_still_fits_on_a_phone() -> None:
    many = replace(
        REPORT,
        weights=REPORT.weights * 10,
        open=(OPEN,) * 20,
        ended=(ENDED,) * 20,
        events=REPORT.events * 10,
    )
    told = report_text(many)
    assert "... and 14 more" in told
    assert len(told) < 2_500


def test_a_usual_one_is_short() -> None:
    usual = replace(REPORT, open=(OPEN,) * 3, ended=(ENDED,) * 2, weights=REPORT.weights * 3)
    assert len(report_text(usual)) < 1_500
