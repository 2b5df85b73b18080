"""The countdown at the venue: armed by looks alone, and it takes orders down when they stop coming."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
import structlog

from counterpoise.app.cycle_report import CycleReport
from counterpoise.domain.errors import VenueError
from counterpoise.domain.numbers import dec
from counterpoise.domain.policy import ExecutionPolicy
from tests.scenario.world import EVERY, make_world
from tests.unit.app.desk import DaemonDesk, MoodyVenue, NewDesk, make_policy

SPAN = 6 * EVERY
FALLING = [dec(80_000) - 20 * n for n in range(300)]
RESTING = make_policy(execution=ExecutionPolicy(patience=timedelta(days=1), cancel_on_stop=False))


@pytest.fixture(autouse=True)
def logged() -> Iterator[list[dict[str, object]]]:
    """What is logged, kept instead of printed."""
    with structlog.testing.capture_logs() as lines:
        yield lines


async def after_a_hang(new_desk: NewDesk, span: timedelta | None) -> tuple[int, int]:
    """Orders working before and after the process stood still for two hours."""
    counted: list[tuple[int, int]] = []

    def hang(desk: DaemonDesk, _: CycleReport) -> None:
        before = desk.working()
        if before and not counted and len(desk.reports) > 3:
            desk.world.exchange.advance(dec(2 * 3600))
            counted.append((before, desk.working()))
            desk.daemon.stop()

    desk = await new_desk(RESTING, world=make_world(FALLING), dead_man=span, on_cycle=hang)
    await desk.run(hours=3)
    return counted[0]


async def test_orders_of_a_loop_that_fell_silent_are_taken_down(new_desk: NewDesk) -> None:
    before, after = await after_a_hang(new_desk, SPAN)
    assert before > 0
    assert after == 0


async def test_without_it_they_stay(new_desk: NewDesk) -> None:
    before, after = await after_a_hang(new_desk, None)
    assert before == after > 0


async def test_while_it_looks_they_stay(new_desk: NewDesk) -> None:
    desk = await new_desk(RESTING, world=make_world(FALLING), dead_man=SPAN)
    await desk.run(hours=3)
    assert desk.working() > 0, "for many times the span"
    desk.world.exchange.advance(dec(2 * 3600))
    assert desk.working() > 0, "left on purpose by a clean stop"


async def test_a_venue_that_does_not_arm_it_is_told_of_once(new_desk: NewDesk) -> None:
    class Unarmed(MoodyVenue):
        refuses = True

        async def countdown(self, symbols: object, after: object) -> None:
            if self.refuses:
                raise VenueError("not offered", retryable=False)

    world = make_world(FALLING)
    venue = Unarmed(world)

    def relent(desk: DaemonDesk, _: CycleReport) -> None:
        venue.refuses = len(desk.reports) < 6

    desk = await new_desk(RESTING, world=world, venue=venue, dead_man=SPAN, on_cycle=relent)
    await desk.run(hours=3)
    assert [k for k in desk.ear.kinds if "dead_man" in k] == ["dead_man", "-dead_man"]
