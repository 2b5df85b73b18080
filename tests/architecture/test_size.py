"""Size budgets on src, kept so that every module can be read in one sitting."""

from __future__ import annotations

import ast
from pathlib import Path

MODULE_LINES = 400
FUNCTION_LINES = 60
PORT_METHODS = 15
EMPTY_NAMES = {"utils", "util", "helpers", "helper", "manager", "common", "misc"}


def modules(repo: Path) -> list[Path]:
    found = sorted((repo / "src").rglob("*.py"))
    assert found
    return found


def long_functions(source: str) -> list[str]:
    """Return ``name (lines)`` of each function over the budget, docstring included."""
    return [
        f"{node.name} ({node.end_lineno - node.lineno + 1})"
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.end_lineno is not None
        and node.end_lineno - node.lineno + 1 > FUNCTION_LINES
    ]


def wide_classes(source: str) -> list[str]:
    """Return ``name (methods)`` of each class with more public methods than a port may have."""
    counted = {
        node.name: sum(
            isinstance(part, ast.FunctionDef | ast.AsyncFunctionDef)
            and not part.name.startswith("_")
            for part in node.body
        )
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.ClassDef)
    }
    return [f"{name} ({count})" for name, count in counted.items() if count > PORT_METHODS]


def test_no_module_is_over_its_budget(repo: Path) -> None:
    sizes = {path: len(path.read_text().splitlines()) for path in modules(repo)}
    assert {str(path): lines for path, lines in sizes.items() if lines > MODULE_LINES} == {}


def test_no_function_is_over_its_budget(repo: Path) -> None:
    found = {str(path): long_functions(path.read_text()) for path in modules(repo)}
    assert {path: names for path, names in found.items() if names} == {}


def test_no_port_is_wide(repo: Path) -> None:
    assert wide_classes((repo / "src/counterpoise/ports.py").read_text()) == []


def test_no_module_has_a_name_that_says_nothing(repo: Path) -> None:
    assert [path for path in modules(repo) if EMPTY_NAMES & {path.stem, path.parent.name}] == []


def test_the_scans_find_what_they_look_for() -> None:
    body = "    x = 1\n" * FUNCTION_LINES
    assert long_functions(f"async def f():\n{body}") == [f"f ({FUNCTION_LINES + 1})"]
    assert long_functions("def f():\n" + "    x = 1\n" * (FUNCTION_LINES - 1)) == []
    methods = "".join(f"    def m{i}(self): ...\n" for i in range(PORT_METHODS + 1))
    assert wide_classes(f"class Wide:\n{methods}    def _own(self): ...\n") == ["Wide (16)"]
    assert wide_classes("class Slim:\n    def m(self): ...\n") == []
