"""Hedges are kept alive through recorded rises and rebounds; the same hedges left alone are liquidated."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from counterpoise.domain.numbers import dec
from tests.replay.cases import Window
from tests.replay.margin_cases import MARGIN_WINDOWS, at, kept

pytestmark = pytest.mark.replay

CRASHES = MARGIN_WINDOWS[:-1]
#: The steepest part of the rally; scripts/margin_replays.py takes the whole of it.
RALLY = replace(MARGIN_WINDOWS[-1], start=at(2020, 12, 10), end=at(2021, 1, 12))
#: All leverages are in scripts/margin_replays.py; the shortest and the longest wallet tell enough here.
LEVERAGES = (3, 10)
#: Where a hedge that nobody guards dies: (window, venue leverage).
DIES = {
    ("2020-03-13", 3),
    ("2020-03-13", 10),
    ("2021-02", 3),
    ("2021-02", 10),
    ("2021-05", 10),
    ("2024-08", 10),
}

EACH = pytest.mark.parametrize("window", CRASHES, ids=lambda w: w.name)
EVERY = pytest.mark.parametrize("leverage", LEVERAGES)


@EACH
@EVERY
def test_a_guarded_hedge_is_never_liquidated(shared: Path, window: Window, leverage: int) -> None:
    found = kept(shared / "market", window, leverage, guarded=True)
    assert found.liquidations == 0
    assert found.nearest is not None
    assert found.nearest > dec("0.05"), "never as near as the last step"
    if window.name != "2021-02":
        assert found.gap < dec("0.02"), "collateral alone kept it whole"
    if (window.name, leverage) in DIES:
        assert found.top_ups > 0


@EACH
@EVERY
def test_the_same_hedge_left_alone_dies_where_it_is_said_to(
    shared: Path, window: Window, leverage: int
) -> None:
    found = kept(shared / "market", window, leverage, guarded=False)
    assert (found.liquidations > 0) is ((window.name, leverage) in DIES)
    assert (found.top_ups, found.refused) == (0, 0)


def test_a_steep_rise_takes_the_hedge_down_in_order(shared: Path) -> None:
    found = kept(shared / "market", RALLY, 5, guarded=True)
    assert found.liquidations == 0
    assert found.gap > dec("0.5"), "without coins to sell the short had to go"


def test_coins_that_may_be_sold_keep_the_hedge_whole_all_the_way(shared: Path) -> None:
    found = kept(shared / "market", RALLY, 5, guarded=True, may_sell=("BTC", "ETH"))
    assert found.liquidations == 0
    assert found.gap < dec("0.02")
    assert found.equity[1] > found.equity[0], "funding was received, and nothing was lost"
