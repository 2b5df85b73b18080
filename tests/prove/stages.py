"""The stages of the programme: what each of them does, how often, and what it found.

A stage is a list of independent cases that worker processes take in turns; the same seed gives the same cases.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Protocol


class Case(Protocol):
    """One run of a stage; ``command`` repeats it alone."""

    @property
    def command(self) -> str:
        """What to type to see it again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """A case that went wrong, and how."""

    command: str
    complaints: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """``cases(seed, part)`` gives what to run (``part``: the fraction of it), ``judge`` runs one and complains.

    ``wanted``: what the findings of a whole run must be, in words. ``facts`` of all cases are added up and told.
    """

    name: str
    title: str
    least: int
    cases: Callable[[int, float], Iterable[Any]]
    judge: Callable[[Any], Judged]
    workers: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """What one case came to: complaints, how many runs it was, and figures that are added up (lives, deaths, ...)."""

    complaints: tuple[str, ...] = ()
    runs: int = 1
    facts: tuple[tuple[str, int], ...] = ()


@dataclass(slots=True)
class Tally:
    """What a stage came to."""

    stage: Stage
    cases: int = 0
    wall_s: float = 0.0
    findings: list[Finding] = field(default_factory=list)
    facts: dict[str, int] = field(default_factory=dict)


def run_stage(
    stage: Stage, seed: int, part: float, say: Callable[[str], None] = lambda _line: None
) -> Tally:
    """Run all cases of ``stage``, side by side where it may; ``say`` is told how far it is."""
    tally = Tally(stage=stage)
    began = time.monotonic()  # noqa: TID251 - how long it took on the wall
    cases = list(stage.cases(seed, part))
    workers = stage.workers or os.cpu_count() or 1
    done = 0
    with ProcessPoolExecutor(workers) as pool:
        size = max(1, min(20, len(cases) // (workers * 8) or 1))
        parts = [cases[n : n + size] for n in range(0, len(cases), size)]
        for judged in pool.map(_judge, [(stage.name, p) for p in parts]):
            for case, one in judged:
                done += 1
                tally.cases += one.runs
                for name, number in one.facts:
                    tally.facts[name] = tally.facts.get(name, 0) + number
                if one.complaints:
                    found = Finding(command=case, complaints=one.complaints)
                    tally.findings.append(found)
            say(f"{stage.name}: {done * 100 // len(cases)} %, {len(tally.findings)} findings")
    tally.wall_s = time.monotonic() - began  # noqa: TID251 - as above
    return tally


def _judge(work: tuple[str, Sequence[Any]]) -> list[tuple[str, Judged]]:
    """Run a batch in a worker process."""
    from tests.prove.programme import STAGES, quiet

    quiet()
    name, cases = work
    stage = STAGES[name]
    return [(case.command, stage.judge(case)) for case in cases]
