"""The demo as people start it: both of its forms as processes, and its screen at two widths."""

from __future__ import annotations

import asyncio
import io
import json
import os
import re
import signal
import subprocess
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from rich.cells import cell_len
from rich.console import Console

from counterpoise.app.cycle_report import CycleReport
from counterpoise.cli.demo_view import DemoView
from counterpoise.domain.events import Severity, alert
from counterpoise.domain.numbers import dec
from counterpoise.domain.portfolio import Unvalued
from counterpoise.domain.strategy import DriftPolicy, HedgePolicy
from counterpoise.notify.composing import message_of
from tests.scenario.processes import COUNTERPOISE
from tests.scenario.test_main_job import policy_of
from tests.scenario.world import START, line, make_world

END = START + timedelta(days=1)
#: How a line of a market day begins.
DAY = r"20\d\d-\d\d-\d\d  equity "

#: A whole market in lock-step: under a minute on a machine of its own, minutes on a busy one.
DEMO_S = 270
pytestmark = pytest.mark.timeout(DEMO_S + 30)


def demo(*options: str) -> subprocess.CompletedProcess[str]:
    """Run the demo to its end."""
    return subprocess.run(
        [COUNTERPOISE, "demo", *options],
        capture_output=True,
        text=True,
        timeout=DEMO_S,
        check=False,
    )


# --- as a process


def test_the_json_is_the_contracts_and_the_portfolio_ends_in_shape() -> None:
    done = demo("--once", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    (printed,) = done.stdout.splitlines()
    summary: dict[str, Any] = json.loads(printed)
    assert summary["schema"] == 1
    for key in ("cycles", "orders", "fills", "alerts", "duplicates", "liquidations"):
        assert type(summary[key]) is int
    for key in ("weights_start", "weights_end", "targets"):
        assert set(summary[key]) == {"BTC", "ETH", "USDT"}
        assert all(type(weight) is str for weight in summary[key].values())
        assert sum(Decimal(weight) for weight in summary[key].values()) == 1
    assert Decimal(summary["wall_s"]) > 0

    assert summary["within_band"] is True
    assert (summary["duplicates"], summary["liquidations"]) == (0, 0)
    for asset in ("BTC", "ETH"):
        away = Decimal(summary["weights_end"][asset]) - Decimal(summary["targets"][asset])
        assert abs(away) <= Decimal("0.02"), "the band its config gives each"

    assert summary["orders"] > 10
    assert summary["fills"] > 10
    assert summary["alerts"] > 5
    assert summary["cycles"] >= 9 * 96, "nine days by the quarter of an hour"


@pytest.mark.prove
def test_a_pipe_gets_a_line_per_market_day_and_the_summary() -> None:
    done = demo("--once")
    assert (done.returncode, done.stderr) == (0, "")
    assert "\x1b" not in done.stdout
    days = [shown for shown in done.stdout.splitlines() if re.match(DAY, shown)]
    assert len({shown[:10] for shown in days}) == len(days) >= 9
    assert all(re.search(r"BTC -?\d+\.\d % \(target -?\d+\.\d %\)", shown) for shown in days)
    flowing = " ".join(done.stdout.split())
    assert re.search(r"days of market in [\d.]+ s: \d+ cycles, \d+ orders, \d+ fills", flowing)
    assert "The portfolio ended inside its bands. Duplicate orders: 0." in flowing
    assert "Liquidations: 0." in flowing


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_demo_says_so_and_leaves_nothing_behind(
    tmp_path: Path, how: signal.Signals
) -> None:
    with subprocess.Popen(
        [COUNTERPOISE, "demo"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "TMPDIR": str(tmp_path), "PYTHONUNBUFFERED": "1"},
        text=True,
    ) as running:
        assert running.stdout is not None
        assert re.match(DAY, running.stdout.readline())
        assert list(tmp_path.iterdir())
        running.send_signal(how)
        _, said = running.communicate(timeout=DEMO_S)
    assert running.returncode == 0
    assert said == "demo: stopped before the market's end\n"
    assert list(tmp_path.iterdir()) == []


# --- on a screen


@pytest.fixture(scope="module")
def reports() -> list[CycleReport]:
    """Cycles of a rally and a fall, with ladders working and hedges on."""
    world = make_world(line(80_000, 95_000, 100) + line(95_000, 75_000, 100))
    policy = policy_of(
        HedgePolicy(id="half", asset="BTC", ratio=dec("0.5")), DriftPolicy(id="shape")
    )
    asyncio.run(world.run(policy, hours=12))
    return world.reports


def screen(width: int) -> Console:
    # not this process's TERM, which may be dumb
    environ = {"TERM": "xterm-256color"}
    return Console(
        file=io.StringIO(),
        record=True,
        force_terminal=True,
        width=width,
        height=40,
        _environ=environ,
    )


@pytest.mark.parametrize("width", [120, 80])
def test_every_cycle_of_a_real_run_can_be_shown(width: int, reports: list[CycleReport]) -> None:
    live, still = screen(width), screen(width)
    assert sum(len(report.alerts) for report in reports) > 1
    with DemoView(live) as view:
        for report in reports:
            for one in report.alerts:
                view.alert(message_of([one]))
            view.cycle(report, START, END)
            still.print(view._screen(report, report.view, START, END))  # type: ignore[arg-type]  # valued
    shown = still.export_text()
    assert max(cell_len(row) for row in shown.splitlines()) <= width
    for words in ("market time", "BTC", "USDT", "half", "shape", "Hedge of BTC opened"):
        assert words in shown


@pytest.mark.parametrize("width", [120, 80])
def test_alerts_are_shown_as_they_are_and_never_as_markup(
    width: int, reports: list[CycleReport]
) -> None:
    console = screen(width)
    view = DemoView(console)
    for severity in Severity:
        news = alert("p", "test", severity, f"{severity} [bold]news[/]", START)
        view.alert(message_of([news]))
    console.print(view._screen(reports[0], reports[0].view, START, END))  # type: ignore[arg-type]  # valued
    shown = console.export_text()
    assert all(f"{severity} [bold]news[/]" in shown for severity in Severity)


def test_a_cycle_that_could_not_value_the_portfolio_shows_nothing(
    reports: list[CycleReport],
) -> None:
    told = io.StringIO()
    unvalued = Unvalued(portfolio="p", as_of=START, missing=("account",))
    with DemoView(Console(file=told)) as view:
        view.cycle(replace(reports[0], view=unvalued), START, END)
    assert told.getvalue() == ""
