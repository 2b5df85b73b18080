"""The rules of tests/conftest.py, tried on a small suite of their own."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

SUITE = """
import pytest

def test_service(): pytest.skip("needs mosquitto: apt-get install mosquitto")
def test_choice(): pytest.skip("only on the full moon")
def test_shared(shared): pass
"""


def outcome(repo: Path, folder: Path, *, ci: str, shared: str) -> str:
    (folder / "conftest.py").write_text((repo / "tests" / "conftest.py").read_text())
    (folder / "test_suite.py").write_text(SUITE)
    result = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-p",
            "no:cacheprovider",
            folder,
            "--rootdir",
            folder,
        ],
        cwd=folder,
        env={**os.environ, "CI": ci, "COUNTERPOISE_SHARED": shared},
        capture_output=True,
        text=True,
        check=False,
    )
    return result.stdout.splitlines()[-1]


def test_a_skip_for_a_missing_service_is_a_failure_under_ci(repo: Path, tmp_path: Path) -> None:
    line = outcome(repo, tmp_path, ci="true", shared="absent")
    # the skip of a fixture is told as an error
    assert line.startswith("1 failed, 1 skipped, 1 error")


def test_a_skip_for_a_missing_service_is_a_skip_elsewhere(repo: Path, tmp_path: Path) -> None:
    assert outcome(repo, tmp_path, ci="", shared="absent").startswith("3 skipped")


def test_the_reference_folder_is_found_by_the_environment(repo: Path, tmp_path: Path) -> None:
    line = outcome(repo, tmp_path, ci="", shared=str(tmp_path))
    assert line.startswith("1 passed, 2 skipped")


def test_no_test_leaves_the_machine() -> None:
    with pytest.raises(PermissionError, match="expected a loopback address"):
        socket.create_connection(("203.0.113.1", 9), timeout=1)
    with pytest.raises(PermissionError, match=r"was exchange\.invalid"):
        socket.getaddrinfo("exchange.invalid", 443)
