"""A gap: the price opens so far away that nobody could act in between. What a short hedge survives of it."""

from __future__ import annotations

import pytest

from counterpoise.domain.numbers import dec
from tests.scenario.gap import GAPS, LEVERAGES, survives


@pytest.mark.parametrize("leverage", LEVERAGES)
async def test_a_gap_is_survived_up_to_the_distance_and_not_beyond(leverage: int) -> None:
    alone = {gap: await survives(leverage, gap, guarded=False) for gap in GAPS}
    guarded = {gap: await survives(leverage, gap, guarded=True) for gap in GAPS}
    # a short with 1/L of collateral dies at (1 + 1/L) / 1.004 - 1
    limit = (1 + dec(1) / leverage) / dec("1.004") - 1
    assert alone == {gap: dec(gap) / 100 < limit for gap in GAPS}
    # below 25 % the guard moves in what makes it 32 %; above it leaves what is there
    kept = limit if limit >= dec("0.25") else dec("0.32")
    assert guarded == {gap: dec(gap) / 100 < kept for gap in GAPS}


async def test_a_60_percent_gap_needs_60_percent_of_room() -> None:
    assert not await survives(3, 60, guarded=True)
    assert await survives(3, 60, guarded=True, room=dec("0.62"))
