from __future__ import annotations

import json
from pathlib import Path

import pytest

from bench.replay import measured
from bench.results import keep, result, show


def test_the_median_decides_in_its_direction() -> None:
    few = result("a", "x", [3.0, 1.0, 2.0], target=2.5, direction="max")
    assert (few.median, few.min, few.max, few.pairs, few.holds) == (2, 1, 3, 3, True)
    assert not result("a", "x", [3.0, 1.0, 2.0], target=2.5, direction="min").holds


def test_figures_of_other_names_stay(tmp_path: Path) -> None:
    file = tmp_path / "results.json"
    keep([result("b", "x", [1.0], target=1, direction="min")], file)
    keep([result("a", "x", [1.0], target=1, direction="min")], file)
    keep([result("b", "x", [7.0], target=1, direction="min")], file)
    document = json.loads(file.read_text())
    assert document["schema"] == 1
    assert [(r["name"], r["median"]) for r in document["results"]] == [("a", 1.0), ("b", 7.0)]
    fields = ["name", "unit", "median", "min", "max", "pairs", "target", "direction", "holds"]
    assert list(document["results"][0]) == fields


def test_the_replay_is_measured_and_shown(capsys: pytest.CaptureFixture[str]) -> None:
    results = measured(pairs=1, hours=10)
    show(results)
    assert len(results) == 3
    assert all(r.median > 0 for r in results)
    assert len(capsys.readouterr().out.splitlines()) == 4
