"""What a venue took by itself: believed where it explains the position, ours first, none twice."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from counterpoise.domain.numbers import ZERO, dec
from counterpoise.domain.order import Fill, Forced, Side
from counterpoise.domain.records import PositionRecord
from counterpoise.domain.snapshot import Snapshot
from counterpoise.execute.forced import Taken, taken
from tests.build import BTC_PERP, NOW, VENUE, Number, make_fill, make_snapshot, with_venue

KEY = (VENUE, BTC_PERP)


def forced(qty: Number, at: int = 0, side: Side = Side.BUY, **changes: object) -> Fill:
    made = {"trade_id": str(at), "filled_at": NOW + timedelta(seconds=at), **changes}
    return make_fill(side, qty, forced=Forced.LIQUIDATION, **made)


def showing(qty: Number) -> Snapshot:
    return make_snapshot(positions={BTC_PERP: qty} if qty else None)


def took(own: Number, baseline: Number, shown: Number, *fills: Fill) -> Taken:
    known = PositionRecord(
        venue=VENUE, symbol=BTC_PERP, own_qty=dec(own), baseline_qty=dec(baseline)
    )
    return taken({KEY: known}, showing(shown), fills)


@pytest.mark.parametrize(
    ("own", "baseline", "shown", "qty", "mine", "foreign"),
    [
        (-2, 0, -1, 1, 1, None),
        (-2, 0, 0, 2, 2, None),
        (-2, -1, "-1.5", "1.5", "1.5", None),
        (-2, -1, 0, 3, 2, 1),
        (-2, -1, "-0.5", "2.5", 2, "0.5"),
        (0, -1, "-0.6", "0.4", None, "0.4"),
        # ours and theirs against each other: what is left of both is theirs
        (2, -3, 0, 1, None, 1),
    ],
)
def test_ours_goes_first_and_the_rest_was_never_ours(
    own: Number,
    baseline: Number,
    shown: Number,
    qty: Number,
    mine: Number | None,
    foreign: Number | None,
) -> None:
    found = took(own, baseline, shown, forced(qty))
    assert [f.qty for f in found.fills] == ([] if mine is None else [dec(mine)])
    assert found.foreign == ({} if foreign is None else {KEY: dec(foreign)})
    assert f"traded {qty} of it away (a liquidation)" in found.why[KEY].text


@pytest.mark.parametrize(
    ("own", "shown", "fills"),
    [
        pytest.param(
            -2, -2, [forced(1)], id="the position does not show it yet, or showed it before"
        ),
        pytest.param(-2, "-1.5", [forced(1)], id="it is not all that happened"),
        pytest.param(-2, -3, [forced(1, side=Side.SELL)], id="nobody is made to hold more"),
        pytest.param(-2, 1, [forced(3)], id="nor the other way round"),
        pytest.param(-2, -1, [replace(forced(1), forced=None)], id="a stranger's"),
        pytest.param(0, 1, [forced(1)], id="nothing was there"),
    ],
)
def test_what_does_not_explain_the_position_is_not_believed(
    own: Number, shown: Number, fills: list[Fill]
) -> None:
    assert took(own, 0, shown, *fills) == Taken()


def test_the_newest_that_add_up_are_meant() -> None:
    old, newer, newest = forced(1, 1), forced("0.3", 2), forced("0.2", 3)
    found = took(-2, 0, "-1.5", newest, old, newer)
    assert found.fills == (newer, newest)


def test_causes_are_named_together() -> None:
    second = replace(forced(1, 2), forced=Forced.DELEVERAGING)
    found = took(-2, 0, 0, forced(1, 1), second)
    assert "traded 2 of it away (a liquidation and auto-deleveraging)" in found.why[KEY].text


def test_fees_go_with_the_part_that_was_ours() -> None:
    (part,) = took(-2, -1, 0, forced(3, fee=dec("0.1"))).fills
    assert (part.qty, part.fee) == (2, dec("0.06666667"))
    (whole,) = took(-2, 0, 0, forced(2, fee=dec("0.123456789"))).fills
    assert whole.fee == dec("0.123456789")


def test_an_account_that_was_not_read_shows_nothing() -> None:
    known = PositionRecord(venue=VENUE, symbol=BTC_PERP, own_qty=dec(-1), baseline_qty=ZERO)
    unread = with_venue(make_snapshot(), account=None)
    assert taken({KEY: known}, unread, [forced(1)]) == Taken()
