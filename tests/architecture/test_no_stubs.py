"""What is there works: no stub, no note to a later self, no silenced check without its reason."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable
from pathlib import Path

import pytest

# in pieces, so that this file does not find itself
NOTE = re.compile("#.*(?:TO" + "DO|FIX" + "ME|XX" + "X)")
SILENCED = re.compile(
    r"#\s*(?:noqa|type:\s*ignore|pragma:)(?:\[[^\]]*\]|:[A-Z0-9, ]+| no cover)?(.*)$"
)


def stubs(source: str) -> list[int]:
    """Return the lines that name ``NotImplementedError``: ports are Protocols and need none."""
    return [
        node.lineno
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Name) and node.id == "NotImplementedError"
    ]


def notes(source: str) -> list[int]:
    return [i for i, line in enumerate(source.splitlines(), 1) if NOTE.search(line)]


def unexplained(source: str) -> list[int]:
    """Return the lines that silence a check with a reason neither beside them nor right above."""
    lines = source.splitlines()
    return [
        i + 1
        for i, line in enumerate(lines)
        if (found := SILENCED.search(line))
        and not re.search(r"[A-Za-z]{3}", found[1])
        and not (i and lines[i - 1].lstrip().startswith("#"))
    ]


def per_file(
    repo: Path, folders: tuple[str, ...], scan: Callable[[str], list[int]]
) -> dict[str, list[int]]:
    return {
        path.relative_to(repo).as_posix(): lines
        for folder in folders
        for path in sorted((repo / folder).rglob("*.py"))
        if (lines := scan(path.read_text()))
    }


def test_no_stub(repo: Path) -> None:
    assert per_file(repo, ("src",), stubs) == {}


def test_no_note_to_a_later_self(repo: Path) -> None:
    assert per_file(repo, ("src", "tests", "migrations"), notes) == {}


def test_every_silenced_check_has_a_reason(repo: Path) -> None:
    assert per_file(repo, ("src", "migrations"), unexplained) == {}


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("x = 1  # no" + "qa: E501", [1]),
        ("x = 1  # no" + "qa: E501 - the line is a URL", []),
        ("x = f()  # type: ig" + "nore[misc]", [1]),
        ("x = f()  # type: ig" + "nore[misc]  # the stub lies", []),
        ("# the stub lies\nx = f()  # type: ig" + "nore[misc]", []),
        ("x = f()  # prag" + "ma: no cover", [1]),
    ],
)
def test_a_silenced_check_without_a_reason_is_found(source: str, found: list[int]) -> None:
    assert unexplained(source) == found


def test_stubs_and_notes_are_found() -> None:
    assert stubs("def f():\n    raise NotImplementedError('x')") == [2]
    assert notes("x = 1  # TO" + "DO: y") == [1]
