from __future__ import annotations

from dataclasses import fields
from datetime import timedelta
from typing import Any

import pytest

from counterpoise.domain.bars import Bar
from counterpoise.domain.events import Severity, alert
from counterpoise.domain.hedge_book import BookLine, ClosedHedge, Cross
from counterpoise.domain.ledger import EntryKind, LedgerEntry
from counterpoise.domain.numbers import dec
from counterpoise.domain.operator import Approval, Command, CommandKind
from counterpoise.domain.plan import Target
from counterpoise.domain.records import (
    BarRow,
    Changes,
    Flow,
    GuardRecord,
    JournalRow,
    PositionRecord,
    StrategyRecord,
    WalletRecord,
)
from tests.build import BTC_PERP, NOW, make_fill, make_order, make_recorded, make_transfer


def test_a_position_is_explained_by_what_was_found_and_what_we_filled() -> None:
    record = PositionRecord(
        venue="main", symbol=BTC_PERP, baseline_qty=dec("0.3"), own_qty=dec("-0.5")
    )
    assert record.expected_qty == dec("-0.2")


PARTS: dict[str, Any] = {
    "record": make_recorded().portfolio,
    "strategies": (StrategyRecord(id="h", kind="hedge", document={}),),
    "targets": (
        Target(
            venue="main",
            symbol=BTC_PERP,
            asset="BTC",
            qty=dec(0),
            decision_id="d",
            decided_at=NOW,
        ),
    ),
    "positions": (PositionRecord(venue="main", symbol=BTC_PERP),),
    "orders": (make_order(),),
    "fills": (make_fill(),),
    "alerts": (alert("treasury", "kind", Severity.INFO, "text", NOW),),
    "book": (BookLine(strategy="h", venue="main", symbol=BTC_PERP),),
    "closed": (
        ClosedHedge(
            strategy="h",
            venue="main",
            symbol=BTC_PERP,
            opened_at=NOW,
            closed_at=NOW,
            qty=dec(-1),
            entry=dec(1),
            exit=dec(1),
            price_pnl=dec(0),
            funding=dec(0),
            fees=dec(0),
        ),
    ),
    "crosses": (
        Cross(
            venue="main", symbol=BTC_PERP, buyer="a", seller="b", qty=dec(1), price=dec(1), at=NOW
        ),
    ),
    "ledger": (
        LedgerEntry(venue="main", id="1", kind=EntryKind.FUNDING, asset="USDT", qty=dec(1), at=NOW),
    ),
    "guards": (GuardRecord(id="margin", document={"step": "warn"}),),
    "transfers": (make_transfer(),),
    "wallets": (WalletRecord(venue="main", asset="BTC", qty=dec(1), as_of=NOW),),
    "flows": (Flow(id="1", venue="main", asset="BTC", qty=dec(1), at=NOW, source="looks"),),
    "commands": (
        Command(
            id="1",
            portfolio="treasury",
            kind=CommandKind.PAUSE,
            who="ann",
            origin="cli",
            asked_at=NOW,
        ),
    ),
    "approvals": (
        Approval(
            id="1",
            portfolio="treasury",
            strategy="h",
            asset="BTC",
            cap=dec(0),
            wanted=dec(-1),
            why="",
            asked_at=NOW,
            deadline_at=NOW,
        ),
    ),
    "bars": (
        BarRow(
            venue="main",
            symbol=BTC_PERP,
            interval=timedelta(hours=1),
            bar=Bar(open_at=NOW, open=dec(1), high=dec(1), low=dec(1), close=dec(1)),
        ),
    ),
    "journal": JournalRow(portfolio="treasury", cycle_id="1", at=NOW, summary="", document={}),
}


def test_nothing_to_write_is_seen() -> None:
    assert Changes(portfolio="treasury").empty
    assert set(PARTS) == {f.name for f in fields(Changes)} - {"portfolio"}


@pytest.mark.parametrize("part", PARTS)
def test_any_one_part_makes_a_change(part: str) -> None:
    assert not Changes(portfolio="treasury", **{part: PARTS[part]}).empty
