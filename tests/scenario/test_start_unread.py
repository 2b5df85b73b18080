"""A start that cannot see all it must know is refused: nothing is written or sent, and it says what is missing."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from counterpoise.app.gate import pass_gate
from counterpoise.cli.failures import FAILED, exit_code, lines
from counterpoise.domain.errors import VenueError
from counterpoise.domain.records import Changes, TradingState
from tests.scenario.test_foreign_and_lost import app_of
from tests.scenario.test_lost_and_late import Wrapped
from tests.scenario.test_main_job import HALF, policy_of
from tests.scenario.world import World, make_world


class Silent(Wrapped):
    """One question is not answered."""

    def __init__(self, world: World, question: str) -> None:
        super().__init__(world)
        self.question: str | None = question

    def __getattr__(self, name: str) -> Any:
        if name != self.question:
            return getattr(self.inner, name)

        async def unanswered(*_args: object) -> None:
            raise VenueError("sim: time-out")

        return unanswered


PARTS = {
    "account": "balances and positions: sim: time-out (at sim)",
    "open_orders": "open orders: sim: time-out (at sim)",
    "fills": "fills of BTC/USDT",
}


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("first", [True, False], ids=["first start", "restart in mid-ladder"])
async def test_a_start_that_cannot_read_a_part_is_refused_and_changes_nothing(
    part: str, *, first: bool
) -> None:
    world, policy = make_world([80_000] * 30), policy_of(HALF)
    await world.venue.open()
    if not first:
        await world.run(policy, hours=0)
        record = await world.store.portfolio("p")
        assert record is not None
        lowered = replace(record, trading_state=TradingState.REDUCE_ONLY)
        await world.store.commit(Changes(portfolio="p", record=lowered))
    before = await world.store.portfolio("p")
    sent, venue = len(world.exchange.log.after(0)), Silent(world, part)
    with pytest.raises(VenueError) as refused:
        await pass_gate(app_of(world, policy), world.store, None)
    text = str(refused.value)
    assert text.startswith("portfolio p: not started, because not all could be read")
    assert PARTS[part] in text
    assert exit_code(refused.value) == FAILED
    assert lines(refused.value) == [f"error: {text}"]
    assert await world.store.portfolio("p") == before
    assert len(world.exchange.log.after(0)) == sent
    venue.question = None
    await pass_gate(app_of(world, policy), world.store, None)
    after = await world.store.portfolio("p")
    assert after is not None
    assert first or after.trading_state is TradingState.REDUCE_ONLY


async def test_all_that_is_missing_is_named_at_once() -> None:
    world = make_world([80_000] * 30)
    await world.venue.open()
    Silent(world, "account")
    Silent(world, "open_orders")
    with pytest.raises(VenueError) as refused:
        await pass_gate(app_of(world, policy_of(HALF)), world.store, None)
    assert all(PARTS[part] in str(refused.value) for part in ("account", "open_orders"))
