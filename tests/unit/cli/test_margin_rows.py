"""Margin as people see it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from counterpoise.app.margin_view import margin_rows
from counterpoise.cli.margin_rows import print_margin
from counterpoise.decide.guards.margin import guard_margin
from counterpoise.domain.policy import MarginPolicy
from tests.build import VENUE, make_policy, make_snapshot, with_venue
from tests.unit.decide.guards.test_margin import book, world


@pytest.fixture(autouse=True)
def wide(monkeypatch: pytest.MonkeyPatch) -> None:
    """As into a pipe, whatever runs the tests."""
    monkeypatch.setenv("COLUMNS", "160")


def shown(capsys: pytest.CaptureFixture[str], futures: int, **changes: object) -> str:
    snapshot = world(futures, spot=1000)
    policy = make_policy(margin=MarginPolicy(**changes))  # type: ignore[arg-type]  # keyword table
    rows = margin_rows(snapshot, guard_margin(snapshot, book(), policy), None, policy.margin)
    print_margin(rows)  # type: ignore[arg-type]  # JSON
    return capsys.readouterr().out


def test_a_pool_its_liquidation_price_and_its_stress(capsys: pytest.CaptureFixture[str]) -> None:
    out = shown(capsys, 25_000)
    assert "USDT at main  25,000.00       400.00  1.6 %  24.5 %     -   1,000.00  top_up:" in out
    assert "collateral is moved in" in out
    assert "BTC/USDT:USDT would be liquidated at 124,50" in out
    assert "6,528.00 USDT are missing for a distance of 32.0 % and out of reach" in out
    assert "+30 %  liquidated" in out
    assert "its hedges are gone: the coins then stand unhedged" in out


def test_far_away_there_is_little_to_say(capsys: pytest.CaptureFixture[str]) -> None:
    out = shown(capsys, 80_000)
    assert "missing" not in out
    assert "hedges are gone" not in out


@pytest.mark.parametrize("columns", [100, 80, 60])
def test_no_figure_is_cut_and_no_line_too_long(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, columns: int
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    out = shown(capsys, 25_000)
    assert max(map(len, out.splitlines())) <= columns
    assert "…" not in out
    for figure in ("25,000.00", "400.00", "1.6 %", "24.5 %", "6,528.00", "124,501.99"):
        assert figure in out


def test_what_could_not_be_judged_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    snapshot = with_venue(world(1), account=None)
    verdict = guard_margin(snapshot, book(), make_policy())
    print_margin(margin_rows(snapshot, verdict))  # type: ignore[arg-type]  # JSON
    assert (
        "the margin at main cannot be judged: its account was not read" in capsys.readouterr().out
    )


@pytest.mark.parametrize(
    ("state", "said"),
    [("HALT", "flatten: would be closed, but HALT"), ("CANCEL_ONLY", "flatten: being closed")],
)
def test_what_is_not_sent_is_not_said_to_be_done(
    state: str, said: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    snapshot = world(2_500)
    rows = margin_rows(snapshot, guard_margin(snapshot, book(), make_policy()))
    print_margin(rows, state)  # type: ignore[arg-type]  # JSON
    assert said in capsys.readouterr().out


def test_without_futures_nothing_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    snapshot = world(1000, qty=0)
    print_margin(margin_rows(snapshot, guard_margin(snapshot, book(0), make_policy())))  # type: ignore[arg-type]  # JSON
    assert capsys.readouterr().out == ""


def test_the_journal_keeps_all_that_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    """It goes without distances that take most of the time and that nobody is shown."""
    made = make_snapshot(
        spot={"BTC": 1}, futures={"USDT": 60_000}, positions={"BTC": -1, "SOL": -100}
    )
    positions = {
        s: replace(p, entry_price=made.venues[VENUE].quotes[s].mark)
        for s, p in made.venues[VENUE].account.positions.items()  # type: ignore[union-attr]  # it was read
    }
    account = replace(made.venues[VENUE].account, positions=positions)  # type: ignore[type-var]  # it was read
    snapshot = with_venue(made, account=account)
    verdict = guard_margin(snapshot, book(), make_policy())
    shown = []
    for alone in (True, False):
        print_margin(margin_rows(snapshot, verdict, alone=alone))  # type: ignore[arg-type]  # JSON
        shown.append(capsys.readouterr().out)
    assert "SOL" in shown[0]
    assert shown[0] == shown[1]
