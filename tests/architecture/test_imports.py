"""The import contracts hold, and each of them does find a trespasser."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import grimp
import pytest

from tests.architecture.one_door import trespassers


def lint_imports(folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(folder / "src"), "COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_contracts_hold(repo: Path) -> None:
    result = lint_imports(repo)
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.parametrize(
    ("module", "source", "contract"),
    [
        ("domain/trespass", "import random", "know no clock, no randomness"),
        ("decide/trespass", "import counterpoise.execute", "which never import each other"),
        ("record/trespass", "import counterpoise.app", "which never import each other"),
        ("venue/sim/trespass", "import counterpoise.venue.ccxt", "never import the ccxt adapter"),
        ("venue/ccxt/trespass", "import counterpoise.venue.sim", "over the wire only"),
        ("venue/sim/trespass", "import aiohttp", "no dialect and no network"),
        ("execute/trespass", "def f():\n    import ccxt.async_support", "ccxt is imported in"),
        ("utils/__init__", "", "which never import each other"),
    ],
)
def test_a_trespasser_is_found(
    repo: Path, tmp_path: Path, module: str, source: str, contract: str
) -> None:
    shutil.copytree(repo / "src", tmp_path / "src", ignore=shutil.ignore_patterns("__pycache__"))
    for name in (".importlinter", "tests/architecture/one_door.py"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(repo / name, tmp_path / name)
    target = tmp_path / "src" / "counterpoise" / f"{module}.py"
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(source + "\n")
    result = lint_imports(tmp_path)
    broken = [line for line in result.stdout.splitlines() if line.endswith(" BROKEN")]
    assert result.returncode == 1, result.stdout + result.stderr
    assert any(contract in line for line in broken), result.stdout


def test_a_door_lets_its_own_package_pass_and_nobody_else() -> None:
    graph = grimp.ImportGraph()
    graph.add_module("lib", is_squashed=True)
    for importer in ("p.door", "p.door.inner", "p.doorway", "p.other"):
        graph.add_import(importer=importer, imported="lib")
    assert trespassers(graph, "lib", ["p.door"]) == ["p.doorway", "p.other"]
    assert trespassers(graph, "absent", ["p.door"]) == []
