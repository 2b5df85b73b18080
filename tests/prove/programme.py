"""All stages, in the order in which they are run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, MutableMapping
from dataclasses import dataclass
from typing import Any

import structlog

from tests.prove import chaos, crash, killing, machine, suite, wire, wired
from tests.prove.bugs import BUGS, caught
from tests.prove.scenarios import SCENARIOS
from tests.prove.stages import Judged, Stage

_NAMES = tuple(SCENARIOS)


def quiet() -> None:
    """Let the daemon's log be silent: thousands of lives would fill a disk with it."""
    structlog.configure(processors=[_unsaid])


def _unsaid(_logger: Any, _name: str, _event: MutableMapping[str, Any]) -> Any:
    raise structlog.DropEvent


def _crashed(case: crash.Case) -> Judged:
    outcome = crash.run(case)
    facts = (("lives", outcome.lives), ("deaths", outcome.lives - 1))
    return Judged(complaints=outcome.complaints, facts=facts)


def _swept(sweep: crash.Sweep) -> Judged:
    outcomes = crash.swept(sweep)
    lives = sum(o.lives for o in outcomes)
    return Judged(
        complaints=tuple(f"{o.case.command}: {c}" for o in outcomes for c in o.complaints),
        runs=len(outcomes),
        facts=(("lives", lives), ("deaths", lives - len(outcomes))),
    )


def _every_point(_seed: int, part: float) -> Iterable[crash.Sweep]:
    return crash.single(_NAMES, part)


def _pairs(seed: int, part: float) -> Iterable[crash.Sweep]:
    return crash.double(_NAMES, max(1, int(2000 * part)), seed)


def _disk(seed: int, part: float) -> Iterable[crash.Case]:
    return crash.on_disk(_NAMES, max(1, int(500 * part)), seed)


@dataclass(frozen=True, slots=True, kw_only=True)
class Hunt:
    """The case of one bug, by its name: what a worker process can be told."""

    bug: str

    @property
    def command(self) -> str:
        """What shows it again."""
        return BUGS[self.bug].command


def _hunted(hunt: Hunt) -> Judged:
    bug = BUGS[hunt.bug]
    found = caught(bug)
    away = () if found else (f"the bug got away: {bug.name}",)
    return Judged(complaints=away, facts=(("caught", int(bool(found))),))


def _killed(trial: killing.Trial) -> Judged:
    ends = "stops" if trial.asked else "kills"
    return Judged(complaints=tuple(killing.tried(trial)), facts=((ends, len(trial.kills)),))


def _trials(seed: int, part: float) -> Iterable[killing.Trial]:
    return killing.trials(seed, max(1, round(20 * part)))


def _wired(trial: wire.Trial) -> Judged:
    return Judged(complaints=wire.tried(trial.name), facts=((trial.kind, 1),))


def _faults(_seed: int, part: float) -> Iterable[wire.Trial]:
    return wire.trials(part)


def _bugs(_seed: int, part: float) -> Iterable[Hunt]:
    return [Hunt(bug=name) for name in BUGS][:: max(1, round(1 / part))]


def _swarm(seed: int, part: float) -> Iterable[chaos.Case]:
    return chaos.seeds(seed, max(1, int(1000 * part)))


def _on_the_wire(seed: int, part: float) -> Iterable[wired.Case]:
    return wired.seeds(seed, max(1, int(60 * part)))


def _machines(seed: int, part: float) -> Iterable[machine.Case]:
    return machine.cases(seed, part)


def _marked(_seed: int, part: float) -> Iterable[suite.Case]:
    return suite.cases(part)


STAGES: Mapping[str, Stage] = {
    stage.name: stage
    for stage in (
        Stage(
            name="wire",
            title="every documented wire fault with every operation, before and after its effect",
            least=3000,
            cases=_faults,
            judge=_wired,
        ),
        Stage(
            name="crash",
            title="death at every await, request and commit of every scenario",
            least=7500,
            cases=_every_point,
            judge=_swept,
        ),
        Stage(
            name="disk",
            title="the same on SQLite files, points by chance",
            least=500,
            cases=_disk,
            judge=_crashed,
        ),
        Stage(
            name="double",
            title="a second death inside the recovery from the first",
            least=2000,
            cases=_pairs,
            judge=_swept,
        ),
        Stage(
            name="chaos",
            title="swarms of faults for up to five minutes, then 60 s to come to rest",
            least=1000,
            cases=_swarm,
            judge=chaos.judged,
        ),
        Stage(
            name="wired",
            title="such swarms through stock ccxt: lost, torn and late replies, codes, pauses, lag",
            least=60,
            cases=_on_the_wire,
            judge=wired.judged,
        ),
        Stage(
            name="machine",
            title="200 examples of 50 steps in any order, drawn and shrunk by hypothesis",
            least=10,
            cases=_machines,
            judge=machine.judged,
        ),
        Stage(
            name="kill",
            title="SIGKILL and SIGTERM of the real process over HTTP, at moments by chance",
            least=28,
            cases=_trials,
            judge=_killed,
        ),
        Stage(
            name="suite",
            title="bursts of alerts, planted secrets, Home Assistant itself: the slow tests of the suite",
            least=25,
            cases=_marked,
            judge=suite.judged,
        ),
        Stage(
            name="bugs",
            title="bugs put into the product, each of which must be caught",
            least=25,
            cases=_bugs,
            judge=_hunted,
        ),
    )
}
