from __future__ import annotations

from dataclasses import replace

from counterpoise.app.rows import ChangedLooks, EveryLook
from counterpoise.domain.records import TradingState
from tests.scenario.test_main_job import HALF, policy_of
from tests.scenario.world import make_world


async def test_a_replay_writes_what_changed_and_counts_the_rest() -> None:
    world = make_world([80_000] * 200)
    looks = await world.run(policy_of(HALF), hours=10)
    rows = await world.store.last("p", 1000)
    assert len(rows) < looks / 2
    rested = [r.document["looks_before"] for r in rows]
    written = {r.cycle_id for r in rows}
    for report in world.reports:
        if report.results or report.fills:
            assert report.cycle_id in written, "what was sent or filled has its row"
    (closing,) = (n for n, r in enumerate(world.reports) if r.cycle_id == rows[0].cycle_id)
    assert sum(int(str(n)) for n in rested) + len(rows) == closing + 1


async def test_a_change_of_state_alone_is_a_row_and_the_next_is_none() -> None:
    world = make_world([80_000] * 50)
    await world.run(policy_of(HALF), hours=3)
    rows, same = ChangedLooks(), world.last
    assert rows.row(same, policy_of(HALF)) is not None
    assert rows.row(same, policy_of(HALF)) is None
    row = rows.row(replace(same, state=TradingState.HALT), policy_of(HALF))
    assert row is not None
    assert (row.document["state"], row.document["looks_before"]) == ("HALT", 1)


async def test_a_daemon_writes_every_look() -> None:
    world = make_world([80_000] * 50)
    await world.run(policy_of(HALF), hours=3)
    rows = EveryLook()
    first, again = (rows.row(world.last, policy_of(HALF)) for _ in range(2))
    assert first == again
    assert first is not None
    assert "looks_before" not in first.document
