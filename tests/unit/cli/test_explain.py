"""explain and hedges: why a cycle acted or held, and what every hedge earned and cost."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from counterpoise.domain.events import Severity, alert
from counterpoise.domain.hedge_book import BookLine, ClosedHedge
from counterpoise.domain.numbers import dec
from counterpoise.domain.plan import Target
from counterpoise.domain.records import Changes, JournalRow
from counterpoise.record.sql import connect
from tests.build import BTC_PERP, make_order
from tests.unit.cli.conftest import AT, DOCUMENT, Cli, Config

DECISION: dict[str, Any] = {
    "strategy": "half",
    "kind": "hedge",
    "reason": "hedge_ratio",
    "text": "hedge 50 % of 1 BTC: hold -0.5 in futures",
    "overlay": {"asset": "BTC", "qty": "-0.5"},
    "given": "-0.4",
    "coins": None,
    "previous": "0",
    "changed": True,
    "waits_for": [{"reason": "x", "text": "when BTC falls below 80,000"}],
}


def commit(tmp_path: Path, changes: Changes) -> None:
    async def write() -> None:
        record = connect(f"sqlite:///{tmp_path}/here.db")
        await record.store.open()
        await record.store.commit(changes)
        await record.store.close()

    asyncio.run(write())


@pytest.fixture
def explained(ran: Path, tmp_path: Path) -> Path:
    document = {
        **DOCUMENT,
        "decisions": [DECISION],
        "targets": [
            {"venue": "main", "symbol": BTC_PERP, "position": "0", "target": "-0.4", "why": ""}
        ],
        "holds": [{"symbol": BTC_PERP, "reason": "y", "text": "an order has no proven outcome"}],
        "orders": [{}, {}],
        "unproven": [
            {
                "id": "cplost",
                "venue": "main",
                "instrument": BTC_PERP,
                "side": "sell",
                "qty": "0.1",
                "since": "2025-06-02T12:00:10.000Z",
                "why": "HTTP 502",
                "absent_from": "2025-06-02T12:01:30.000Z",
                "called_at": "2025-06-02T12:02:10.000Z",
            }
        ],
        "prices": {BTC_PERP: "90000"},
    }
    row = JournalRow(
        portfolio="treasury",
        cycle_id="c3",
        at=AT + timedelta(minutes=1),
        summary="2 orders sent",
        document=document,
    )
    line = BookLine(
        strategy="half",
        venue="main",
        symbol=BTC_PERP,
        wanted=dec("-0.5"),
        qty=dec("-0.4"),
        cost=dec("-40000"),
        peak_qty=dec("-0.4"),
        entry_value=dec(40000),
        entry_qty=dec("0.4"),
        opened_at=AT,
        funding=dec(3),
        fees=dec("1.5"),
    )
    ended = ClosedHedge(
        strategy="out",
        venue="main",
        symbol=BTC_PERP,
        opened_at=AT - timedelta(days=3),
        closed_at=AT - timedelta(days=1),
        qty=dec("-0.2"),
        entry=dec(100_000),
        exit=dec(101_000),
        price_pnl=dec(-200),
        funding=dec(12),
        fees=dec(8),
    )
    commit(tmp_path, Changes(portfolio="treasury", journal=row, book=(line,), closed=(ended,)))
    return ran


def test_the_newest_cycle_is_told_in_words(cli: Cli, explained: Path) -> None:
    told = cli("explain", "-c", explained).out
    for line in (
        "Cycle c3 of 2025-06-02 12:01:00Z: 2 orders sent",
        "half (hedge)",
        "hedge 50 % of 1 BTC: hold -0.5 in futures",
        "BTC: wanted 0 in futures before, wants -0.5 now",
        "BTC: -0.4 of it is granted",
        "next: when BTC falls below 80,000",
        "BTC/USDT:USDT: position 0 on its way to -0.4",
        "2 orders in this cycle",
        "unproven: sell 0.1 BTC/USDT:USDT at main, cplost, since 2025-06-02 12:00:10Z (HTTP 502)",
        "or until 2025-06-02 12:01:30Z at the earliest: three look-ups",
        "a person is called at 2025-06-02 12:02:10Z to look for it",
        "waiting on BTC/USDT:USDT: an order has no proven outcome",
    ):
        assert line in told


def test_an_older_cycle_by_its_id_and_one_that_never_was(cli: Cli, explained: Path) -> None:
    assert "Cycle c1 of" in cli("explain", "c1", "-c", explained).out
    assert cli("explain", "c1", "-c", explained, "--json").json["cycles"][0]["cycle_id"] == "c1"
    missed = cli("explain", "c9", "-c", explained)
    assert missed.code == 2
    assert "expected the id of a cycle" in missed.err
    assert "'c9'" in missed.err


def test_the_ids_in_an_alert_lead_to_the_cycle_behind_it(
    cli: Cli, explained: Path, tmp_path: Path
) -> None:
    """The decision of an earlier look whose target has been replaced since, the present one, and the alert itself."""
    opened = alert("treasury", "hedge_opened", Severity.INFO, "opened", AT + timedelta(seconds=90))
    order = make_order(decision_id="before", created_at=AT - timedelta(seconds=30), updated_at=AT)
    target = Target(
        venue="main",
        symbol=BTC_PERP,
        asset="BTC",
        qty=dec("-0.4"),
        decision_id="now",
        decided_at=AT + timedelta(minutes=1),
    )
    changes = Changes(portfolio="treasury", orders=(order,), targets=(target,), alerts=(opened,))
    commit(tmp_path, changes)
    found = {
        id_: cli("explain", id_, "-c", explained, "--json").json["cycles"][0]["cycle_id"]
        for id_ in ("before", "now", opened.id)
    }
    assert found == {"before": "c1", "now": "c3", opened.id: "c3"}


def test_before_the_first_cycle_there_is_nothing_to_explain(cli: Cli, config: Config) -> None:
    config()
    assert cli("explain").out == "No cycle is recorded yet.\n"
    assert cli("hedges").out == "No strategy has held futures yet.\n"


def test_the_hedge_book_tells_open_and_closed_ones(
    cli: Cli, explained: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "160")
    rows = cli("hedges", explained, "--json").json["hedges"]
    assert [r["strategy"] for r in rows] == ["half", "out"]
    held, ended = rows
    assert (held["closed_at"], held["exit"]) == (None, None)
    assert (held["unrealized"], held["price_pnl"], held["net"]) == ("4000", "4000", "4001.5")
    assert (held["qty"], held["held"], ended["held"]) == ("-0.4", "-0.4", "0")
    assert (ended["price_pnl"], ended["net"]) == ("-200", "-196")
    told = cli("hedges", explained).out
    (line,) = [x for x in told.splitlines() if x.startswith("half")]
    assert "open" in line
    assert "4,001.50" in line
    assert "Net of all of them: 3,805.50" in told


def test_an_open_hedge_without_a_price_has_no_net(cli: Cli, ran: Path, tmp_path: Path) -> None:
    line = BookLine(
        strategy="half",
        venue="main",
        symbol=BTC_PERP,
        qty=dec(-1),
        cost=dec(-1),
        peak_qty=dec(-1),
        entry_value=dec(1),
        entry_qty=dec(1),
        opened_at=AT,
    )
    commit(tmp_path, Changes(portfolio="treasury", book=(line,)))
    (row,) = cli("hedges", ran, "--json").json["hedges"]
    assert row["unrealized"] is None
    assert "(1 of unknown price left out): 0.00" in cli("hedges", ran).out
