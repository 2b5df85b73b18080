"""Results of benchmarks: measured in pairs, reported as medians, kept in ``bench/results.json``.

Times are CPU times of this process, because the machine is shared. Targets are ratios wherever one can be found: both
sides of a pair run one after the other, so that what slows one slows the other.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Literal

FILE = Path(__file__).with_name("results.json")


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """One figure. ``direction``: max: at most ``target`` holds, min: at least."""

    name: str
    unit: str
    median: float
    min: float
    max: float
    pairs: int
    target: float
    direction: Literal["max", "min"]
    holds: bool


def result(
    name: str,
    unit: str,
    values: Sequence[float],
    *,
    target: float,
    direction: Literal["max", "min"],
) -> Result:
    """Return the figure of ``values``, one per pair; the median decides."""
    middle = median(values)
    return Result(
        name=name,
        unit=unit,
        median=round(middle, 3),
        min=round(min(values), 3),
        max=round(max(values), 3),
        pairs=len(values),
        target=target,
        direction=direction,
        holds=middle <= target if direction == "max" else middle >= target,
    )


def keep(results: Sequence[Result], file: Path = FILE) -> None:
    """Write ``results`` into ``file``; figures of other names stay."""
    known = json.loads(file.read_text(encoding="utf-8"))["results"] if file.exists() else []
    merged = {each["name"]: each for each in known} | {r.name: asdict(r) for r in results}
    document = {"schema": 1, "results": [merged[name] for name in sorted(merged)]}
    file.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")


def show(results: Sequence[Result]) -> None:
    """Print a table."""
    width = max(len(r.name) for r in results)
    print(f"{'':{width}}  {'median':>10} {'min':>10} {'max':>10}  target")
    for r in results:
        sign = "<=" if r.direction == "max" else ">="
        verdict = "" if r.holds else "  MISSED"
        print(
            f"{r.name:{width}}  {r.median:>10,.3f} {r.min:>10,.3f} {r.max:>10,.3f}"
            f"  {sign} {r.target:g} {r.unit}{verdict}"
        )
