"""Death at every point of every scenario, and again at a point of what follows. Deterministic: a point is a number."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random  # noqa: TID251 - seeded: the same points for the same seed

from tests.prove.boundaries import Boundaries
from tests.prove.life import Play, SqliteDisk, play
from tests.prove.scenarios import SCENARIOS
from tests.prove.verdict import complaints


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One run: a scenario, where the process dies (none, once, twice), and on which disk."""

    scenario: str
    deaths: tuple[int, ...] = ()
    sqlite: bool = False

    @property
    def command(self) -> str:
        """What repeats it."""
        deaths = ",".join(map(str, self.deaths))
        disk = " --sqlite" if self.sqlite else ""
        return f"python -m tests.prove crash --scenario '{self.scenario}' --deaths {deaths}{disk}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What came of a case: ``complaints`` (none is wanted), the points it passed, how often it died."""

    case: Case
    complaints: tuple[str, ...]
    points: tuple[str, ...] = ()
    lives: int = 1


def run(case: Case, make: Callable[[], Play] | None = None) -> Outcome:
    """Run one case in this process."""
    scene, boundaries = (make or SCENARIOS[case.scenario])(), Boundaries(case.deaths)

    async def whole() -> list[str]:
        await play(scene, boundaries)
        return await complaints(scene)

    with tempfile.TemporaryDirectory(prefix="prove") as folder:
        if case.sqlite:
            scene.disk = SqliteDisk(Path(folder) / "prove.db")
        try:
            found = asyncio.run(whole())
        except Exception as error:  # noqa: BLE001 - whatever breaks is a finding, with its case
            found = [f"{type(error).__name__}: {error}"]
    return Outcome(
        case=case, complaints=tuple(found), points=tuple(boundaries.names), lives=scene.lives
    )


def points_of(scenario: str) -> int:
    """Return how many points an undisturbed run passes."""
    return len(run(Case(scenario=scenario)).points)


def single(scenarios: Sequence[str]) -> Iterator[Case]:
    """Every point of every scenario, and the undisturbed run."""
    for name in scenarios:
        yield Case(scenario=name)
        for point in range(points_of(name)):
            yield Case(scenario=name, deaths=(point,))


def double(scenarios: Sequence[str], count: int, seed: int) -> Iterator[Case]:
    """``count`` pairs: a first death anywhere, the second within what the next process does to recover."""
    random = Random(f"double {seed}")  # noqa: S311 - no secret, a choice of points
    points = {name: points_of(name) for name in scenarios}
    for number in range(count):
        name = scenarios[number % len(scenarios)]
        first = random.randrange(points[name])
        yield Case(scenario=name, deaths=(first, first + 1 + random.randrange(60)))


def on_disk(scenarios: Sequence[str], count: int, seed: int) -> Iterator[Case]:
    """``count`` single deaths on SQLite files, spread evenly over the scenarios."""
    random = Random(f"disk {seed}")  # noqa: S311 - no secret, a choice of points
    points = {name: points_of(name) for name in scenarios}
    for number in range(count):
        name = scenarios[number % len(scenarios)]
        yield Case(scenario=name, deaths=(random.randrange(points[name]),), sqlite=True)
