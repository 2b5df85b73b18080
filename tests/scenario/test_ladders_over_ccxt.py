"""Every kind of ladder through stock ccxt on Binance's dialect: opened, followed, crossed, closed; no order lost."""

from __future__ import annotations

from datetime import timedelta

import pytest

from counterpoise.domain.policy import LadderKind
from counterpoise.venue.sim import MarketKind
from tests.scenario.test_dated_over_ccxt import through_ccxt, trouble
from tests.scenario.test_ladders import MINUTE, half, stage_of


@pytest.mark.parametrize("kind", LadderKind)
async def test_a_ladder_is_the_same_over_the_wire(kind: LadderKind) -> None:
    stage = stage_of()
    policy = half(ladder=kind, rungs=3, patience=timedelta(minutes=1))
    async with through_ccxt(stage) as asked:
        for _ in range(4):
            await stage.run(policy, hours=MINUTE / 4)
            stage.fall("SOL", "-0.1")
        await stage.run(policy, hours=0.2)
    assert stage.position("SOL") == -50
    assert (stage.duplicates(), stage.events("reject"), trouble(stage)) == (0, [], [])
    book = stage.exchange.orders(stage.api_key, MarketKind.PERP, open_only=True)
    assert list(book) == []
    assert len(stage.events("place")) >= 4
    # each order was sent once, two or three of a ladder's rungs in one request
    alone, together = (asked.count(f"POST /fapi/v1/{name}") for name in ("order", "batchOrders"))
    assert 2 * together <= len(stage.events("place")) - alone <= 3 * together
    assert (together > 0) is (kind is not LadderKind.CHASE)
