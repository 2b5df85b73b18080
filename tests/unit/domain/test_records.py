from __future__ import annotations

from dataclasses import fields
from typing import Any

import pytest

from counterpoise.domain.events import Severity, alert
from counterpoise.domain.numbers import dec
from counterpoise.domain.plan import Target
from counterpoise.domain.records import Changes, JournalRow, PositionRecord, StrategyRecord
from tests.build import BTC_PERP, NOW, make_fill, make_order, make_recorded


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
    "journal": JournalRow(portfolio="treasury", cycle_id="1", at=NOW, summary="", document={}),
}


def test_nothing_to_write_is_seen() -> None:
    assert Changes(portfolio="treasury").empty
    assert set(PARTS) == {f.name for f in fields(Changes)} - {"portfolio"}


@pytest.mark.parametrize("part", PARTS)
def test_any_one_part_makes_a_change(part: str) -> None:
    assert not Changes(portfolio="treasury", **{part: PARTS[part]}).empty
