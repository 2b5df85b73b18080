"""The demo's screen and lines, drawn from real cycle reports at the sizes terminals have."""

from __future__ import annotations

import io
from collections import deque
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal

import pytest
from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from counterpoise.app.cycle_report import CycleReport
from counterpoise.app.demo import DemoSummary
from counterpoise.cli.demo_summary import is_sound, sentences, show_summary
from counterpoise.cli.demo_view import DemoView, gauge, spark
from counterpoise.domain.decision import Decision, Decisions
from counterpoise.domain.events import Severity, alert
from counterpoise.domain.order import OrderState
from counterpoise.domain.plan import Plan
from counterpoise.domain.reasons import reason
from counterpoise.notify.composing import message_of
from tests.build import NOW, make_order
from tests.unit.app.reports import make_report

END = NOW + timedelta(days=10)
SUMMARY = DemoSummary(
    cycles=879,
    orders=1,
    fills=2,
    alerts=1,
    weights_start={"BTC": Decimal("0.601"), "USDT": Decimal("0.399")},
    weights_end={"BTC": Decimal("0.294"), "USDT": Decimal("0.706")},
    targets={"BTC": Decimal("0.289"), "USDT": Decimal("0.711")},
    within_band=True,
    duplicates=0,
    liquidations=0,
    wall_s=Decimal("9.5"),
    market_from=NOW,
    market_to=END,
    equity_start=Decimal("100611.2"),
    equity_end=Decimal("108068.57"),
)


def a_report(step: int = 0, orders: int = 8) -> CycleReport:
    hedge = Decision(
        strategy="half-btc",
        kind="hedge",
        asset="BTC",
        overlay=Decimal("-0.5"),
        previous=Decimal(0),
        reason=reason("hedge_ratio", ratio="0.5", held="1", asset="BTC", overlay="-0.5"),
    )
    rungs = tuple(
        make_order(client_order_id=f"cp{n}", state=OrderState.OPEN) for n in range(orders)
    )
    decisions = Decisions(
        decisions=(hedge,),
        states={},
        effective_targets={"BTC": Decimal("0.3"), "SOL": Decimal("0.2")},
    )
    report = make_report(decisions=decisions, plan=Plan(keep=rungs))
    return replace(report, as_of=NOW + timedelta(hours=step))


def drawn(view: DemoView, console: Console, report: CycleReport) -> list[str]:
    """Return the frame as the terminal would show it, line by line."""
    assert report.view is not None
    frame = view._screen(report, report.view, NOW, END)  # type: ignore[arg-type]  # valued in these tests
    with console.capture() as captured:
        console.print(frame)
    return Text.from_ansi(captured.get()).plain.splitlines()


def terminal(width: int, height: int) -> Console:
    # not this process's TERM, which may be dumb
    return Console(
        file=io.StringIO(),
        force_terminal=True,
        width=width,
        height=height,
        _environ={"TERM": "xterm-256color"},
    )


def with_history(view: DemoView, cycles: int) -> None:
    for step in range(cycles):
        view.cycle(a_report(step), NOW, END)


@pytest.mark.parametrize(("width", "height"), [(80, 24), (80, 40), (60, 24), (120, 50), (200, 60)])
def test_a_frame_fits_its_terminal_and_does_not_leap(width: int, height: int) -> None:
    console = terminal(width, height)
    view = DemoView(console)
    sizes = set()
    for step in range(12):
        with_history(view, 60)
        long = f"Hedge of BTC opened: sold 0.5 BTC with BTC/USDT:USDT, {step}\n" + "and so on " * 30
        view.alert(message_of([alert("demo", "hedge_opened", Severity.INFO, long, NOW)]))
        for orders in (0, 1, 12):
            lines = drawn(view, console, a_report(step, orders))
            assert max(map(cell_len, lines)) <= width
            sizes.add(len(lines))
    assert len(sizes) == 1
    assert max(sizes) <= height


def test_what_matters_stands_on_the_smallest_screen() -> None:
    console = terminal(80, 24)
    view = DemoView(console)
    with_history(view, 300)
    for step in range(6):
        view.alert(message_of([alert("demo", "test", Severity.WARNING, f"news {step}", NOW)]))
    told = "\n".join(drawn(view, console, a_report()))
    for piece in (
        "effective target",
        "effective target = shape (BTC 60 %) minus the hedge (50 % of the BTC held)",
        "100,000.00",
        "66.7 %",
        "30.0 %",
        "half-btc    short 0.5 BTC",
        "equity 150,000.00 USDT",
        "●",
    ):
        assert piece in told
    assert "news 1" not in told
    assert [f"news {n}" in told for n in (2, 3, 4, 5)] == [True] * 4


def test_a_narrow_screen_shows_the_newest_alert_whole() -> None:
    console = terminal(60, 24)
    view = DemoView(console)
    for text in (
        "old news",
        "Hedge of BTC opened: sold 0.5 BTC with BTC/USDT:USDT at 89,610.13 on average",
    ):
        view.alert(message_of([alert("demo", "test", Severity.WARNING, text, NOW)]))
    told = "\n".join(drawn(view, console, a_report()))
    assert "on average" in told
    assert "effective" in told
    assert "effect…" not in told


def test_the_price_line_is_as_wide_as_its_room() -> None:
    prices = deque(Decimal(p) for p in (1, 5, 9, 3, 8, 2, 7))
    assert spark(prices, 7) == "▁▄█▂▇▁▆"
    assert len(spark(deque(map(Decimal, range(400))), 73)) == 73
    assert spark(deque(map(Decimal, range(400))), 73)[-1] == "█"
    assert spark(deque([Decimal(1)]), 10) == spark(prices, 0) == ""
    assert spark(deque([Decimal(5)] * 3), 10) == "▁▁▁"


@pytest.mark.parametrize(
    ("away", "shown"),
    [
        ("0", "····●····"),
        ("0.02", "····│●···"),
        ("-0.05", "●···│····"),
        ("0.5", "····│···●"),
    ],
)
def test_a_gauge_shows_how_far_from_the_target(away: str, shown: str) -> None:
    assert gauge(Decimal(away), 9).plain == shown


def test_a_pipe_gets_a_line_per_market_day() -> None:
    out = io.StringIO()
    with DemoView(Console(file=out, width=40)) as view:
        for step in (0, 1, 30, 31):
            view.cycle(a_report(step), NOW, END)
    day = (NOW + timedelta(hours=30)).date()
    assert out.getvalue().splitlines() == [
        f"{NOW.date()}  equity 150,000.00  BTC 66.7 % (target 30.0 %)  SOL 20.0 % (target 20.0 %)",
        f"{day}  equity 150,000.00  BTC 66.7 % (target 30.0 %)  SOL 20.0 % (target 20.0 %)",
    ]


def test_the_screen_is_one_of_its_own_and_goes_with_the_demo() -> None:
    console = terminal(80, 24)
    with DemoView(console) as view:
        view.cycle(a_report(), NOW, END)
        view._live.refresh()  # instead of waiting for its next tick
    assert isinstance(console.file, io.StringIO)
    told = console.file.getvalue()
    # the alternate screen is entered and left; afterwards nothing more is drawn
    assert told.index("\x1b[?1049h") < told.index("market time") < told.index("\x1b[?1049l")
    assert "market time" not in told.partition("\x1b[?1049l")[2]


def test_lines_may_be_asked_for_on_a_terminal() -> None:
    console = terminal(80, 24)
    with DemoView(console, redraws=False) as view:
        view.cycle(a_report(), NOW, END)
    assert isinstance(console.file, io.StringIO)
    assert console.file.getvalue().count("\n") == 1
    assert "\x1b[?1049h" not in console.file.getvalue()


def test_the_summary_says_what_the_log_says(capsys: pytest.CaptureFixture[str]) -> None:
    show_summary(SUMMARY)
    told = capsys.readouterr().out.splitlines()
    (row,) = [line for line in told if line.startswith("BTC")]
    assert " ".join(row.split()) == "BTC 60.1 % 29.4 % 28.9 %"
    assert tuple(told[-3:]) == (
        "10.0 days of market in 9.5 s: 879 cycles, 1 order, 2 fills, 1 alert.",
        ("The portfolio ended inside its bands. Duplicate orders: 0. Liquidations: 0."),
        "Equity 100,611.20 -> 108,068.57.",
    )


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"within_band": False}, "OUTSIDE its bands"),
        ({"duplicates": 2}, "Duplicate orders: 2."),
        ({"liquidations": 1}, "Liquidations: 1."),
    ],
)
def test_a_run_that_went_wrong_says_so(change: dict[str, int], told: str) -> None:
    bad = replace(SUMMARY, **change)  # type: ignore[arg-type]  # each value fits its field
    assert is_sound(SUMMARY)
    assert not is_sound(bad)
    assert told in sentences(bad)[1]


def test_times_of_the_summary_are_those_of_the_market() -> None:
    later: datetime = NOW + timedelta(hours=36)
    assert sentences(replace(SUMMARY, market_to=later))[0].startswith("1.5 days of market")
