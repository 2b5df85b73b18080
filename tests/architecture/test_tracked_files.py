"""What the repository carries names no package registry, no machine and no lock with addresses.

An address in a lock would tie every user to one mirror; a path of somebody's machine works nowhere
else.
"""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

# written in pieces, so that this file does not find itself
REGISTRIES = [
    "pypi" + ".org",
    "python" + "hosted.org",
    "registry.npm" + "js",
    "registry.yarn" + "pkg",
    "crates" + ".io",
    "proxy.golang" + ".org",
    "conda.ana" + "conda.org",
    "index" + "-url",
    "find" + "-links",
]
REGISTRY = re.compile("|".join(map(re.escape, REGISTRIES)))
MACHINE_PATH = re.compile(r"(?<![\w.$}/-])/(?:work|root|home/\w+|Users/\w+)" + "/")


def carried(repo: Path) -> dict[str, str]:
    """Return the text of every file that is tracked or about to be."""
    if not (repo / ".git").exists():
        pytest.skip("not a git checkout")
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=repo,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split("\0")
    texts = {}
    for name in filter(None, listed):
        path = repo / name
        if path.is_file():  # deleted, but not yet from the index
            texts[name] = path.read_bytes().decode("utf-8", errors="replace")
    assert "pyproject.toml" in texts
    return texts


def lines_with(pattern: re.Pattern[str], texts: dict[str, str]) -> list[str]:
    return [
        f"{name}:{number}: {line.strip()[:120]}"
        for name, text in texts.items()
        if pattern.search(text)
        for number, line in enumerate(text.splitlines(), 1)
        if pattern.search(line)
    ]


def test_no_file_names_a_package_registry(repo: Path) -> None:
    assert lines_with(REGISTRY, carried(repo)) == []


def test_no_file_names_a_path_of_a_machine(repo: Path) -> None:
    assert lines_with(MACHINE_PATH, carried(repo)) == []


def test_no_resolver_lock_is_tracked(repo: Path) -> None:
    assert [name for name in carried(repo) if Path(name).name in {"uv.lock", "poetry.lock"}] == []


def test_every_locked_package_has_hashes(repo: Path) -> None:
    locks = sorted(repo.glob("requirements*.lock"))
    assert len(locks) == 3
    for lock in locks:
        entries = re.split(r"\n(?=\S)", lock.read_text().strip())
        assert entries
        assert [entry.splitlines()[0] for entry in entries if "--hash=sha256:" not in entry] == []


def test_the_scan_finds_what_it_looks_for() -> None:
    registry = "https://files.python" + "hosted.org/packages/x"
    machine = "/ho" + "me/someone/x"
    assert lines_with(REGISTRY, {"a": f"x\n{registry}"}) == [f"a:2: {registry}"]
    assert lines_with(MACHINE_PATH, {"a": f"see {machine}"}) == [f"a:1: see {machine}"]
    assert lines_with(MACHINE_PATH, {"a": f"..{'/'}work/x framework/root/x $ROOT/root/x"}) == []
