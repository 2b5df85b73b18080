"""Death at every point of every scenario, and again at a point of what follows. Deterministic: a point is a number."""

from __future__ import annotations

import asyncio
import gc
import json
import os
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random  # noqa: TID251 - seeded: the same points for the same seed

from tests.prove.boundaries import Boundaries
from tests.prove.life import Play, SqliteDisk, play
from tests.prove.scenarios import SCENARIOS
from tests.prove.verdict import complaints

#: In so many parts a scenario is swept, so that the workers end together.
SHARDS = 3


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

    with tempfile.TemporaryDirectory(prefix="prove") as folder:
        if case.sqlite:
            scene.disk = SqliteDisk(Path(folder) / "prove.db")
        try:
            found = asyncio.run(_whole(scene, boundaries))
        except Exception as error:  # noqa: BLE001 - whatever breaks is a finding, with its case
            found = [f"{type(error).__name__}: {error}"]
    return Outcome(
        case=case, complaints=tuple(found), points=tuple(boundaries.names), lives=scene.lives
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Sweep:
    """Many deaths of one scenario in one run of it.

    The run goes on undisturbed; at each chosen point a copy of the process dies instead, and lives on to its end. What
    comes before a point is so played once and not once for each. Chosen are the points ``first``, ``first + step``
    and so on; with ``pairs`` that many by chance (``seed``), each with a second one within what follows.
    """

    scenario: str
    first: int = 0
    step: int = 1
    pairs: int = 0
    seed: int = 0

    @property
    def command(self) -> str:
        """What repeats the stage; each finding names a case of its own."""
        return "python -m tests.prove double" if self.pairs else "python -m tests.prove crash"

    def deaths(self, points: int) -> list[tuple[int, ...]]:
        """Return the deaths of a run that passes so many points, first ones ascending."""
        if not self.pairs:
            return [(point,) for point in range(self.first, points, self.step)]
        random = Random(f"double {self.scenario} {self.first} {self.seed}")  # noqa: S311 - no secret, points
        firsts = sorted(random.randrange(points) for _ in range(self.pairs))
        return [(point, point + 1 + random.randrange(60)) for point in firsts]


class Forking(Boundaries):
    """Boundaries at whose chosen points a copy of the process dies while this one goes on."""

    def __init__(self, wanted: Mapping[int, Sequence[tuple[int, ...]]]) -> None:
        super().__init__()
        self._wanted = wanted
        #: In a copy: its case, and where its outcome is written.
        self.copy: tuple[tuple[int, ...], int] | None = None
        self.outcomes: list[tuple[tuple[int, ...], list[str], int]] = []

    def point(self, name: str) -> None:
        """Pass it; before that let copies die here."""
        number = len(self.names)
        if self.copy is None and not self.dead:
            for deaths in self._wanted.get(number, ()):
                self._copied(deaths)
                if self.copy is not None:
                    break
        super().point(name)

    def _copied(self, deaths: tuple[int, ...]) -> None:
        reads, writes = os.pipe()
        loop = asyncio.get_running_loop()
        if os.fork() == 0:
            os.close(reads)
            # a loop knows the process it runs in, and would deny that it runs in this one
            asyncio._set_running_loop(loop)
            self.copy, self._deaths = (deaths, writes), set(deaths)
            return
        os.close(writes)
        with os.fdopen(reads, "rb") as pipe:
            written = pipe.read()
        os.wait()
        found, lives = json.loads(written) if written else (["the copy ended without a word"], 0)
        self.outcomes.append((deaths, found, lives))


def swept(sweep: Sweep) -> list[Outcome]:
    """Run a sweep; the undisturbed run comes first, the others follow in order."""
    wanted: dict[int, list[tuple[int, ...]]] = {}
    for deaths in sweep.deaths(points_of(sweep.scenario)):
        wanted.setdefault(deaths[0], []).append(deaths)
    scene, boundaries = SCENARIOS[sweep.scenario](), Forking(wanted)
    gc.freeze()
    try:
        found = asyncio.run(_whole(scene, boundaries))
    except Exception as error:  # noqa: BLE001 - whatever breaks is a finding, with its case
        found = [f"{type(error).__name__}: {error}"]
    if boundaries.copy is not None:
        _, writes = boundaries.copy
        os.write(writes, json.dumps([found, scene.lives]).encode()[:60_000])
        os._exit(0)
    outcomes = [
        Outcome(case=Case(scenario=sweep.scenario), complaints=tuple(found), lives=scene.lives)
    ]
    for deaths, complained, lives in boundaries.outcomes:
        case = Case(scenario=sweep.scenario, deaths=deaths)
        outcomes.append(Outcome(case=case, complaints=tuple(complained), lives=lives))
    return outcomes


async def _whole(scene: Play, boundaries: Boundaries) -> list[str]:
    await play(scene, boundaries)
    return await complaints(scene)


def points_of(scenario: str) -> int:
    """Return how many points an undisturbed run passes."""
    return len(run(Case(scenario=scenario)).points)


def single(scenarios: Sequence[str], part: float = 1) -> Iterator[Sweep]:
    """Every point of every scenario (or an even part of them), each scenario in :data:`SHARDS` sweeps."""
    step = max(1, round(1 / part))
    for first in range(SHARDS):
        for name in scenarios:
            yield Sweep(scenario=name, first=first * step, step=SHARDS * step)


def double(scenarios: Sequence[str], count: int, seed: int) -> Iterator[Sweep]:
    """``count`` pairs (or a few more): a first death anywhere, the second in what the next process does to recover."""
    each = -(-count // (len(scenarios) * SHARDS))
    for first in range(SHARDS):
        for name in scenarios:
            yield Sweep(scenario=name, first=first, pairs=each, seed=seed)


def on_disk(scenarios: Sequence[str], count: int, seed: int) -> Iterator[Case]:
    """``count`` single deaths on SQLite files, spread evenly over the scenarios."""
    random = Random(f"disk {seed}")  # noqa: S311 - no secret, a choice of points
    points = {name: points_of(name) for name in scenarios}
    for number in range(count):
        name = scenarios[number % len(scenarios)]
        yield Case(scenario=name, deaths=(random.randrange(points[name]),), sqlite=True)
