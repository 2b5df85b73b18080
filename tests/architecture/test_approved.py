"""Only the guards may say that an order is approved.

The executor takes ``Approved`` and nothing else; so whoever can construct one can trade. The scan
reads calls, under whatever name the class was imported, also through a module.
"""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ALLOWED = "src/counterpoise/decide/guards/"


def constructions(source: str) -> list[int]:
    """Return the lines of ``source`` that call ``Approved`` or take it for another use than a type.

    ``Approved(...)``, ``plan.Approved(...)``, ``Approved as A; A(...)``, ``make = Approved`` and
    ``partial(Approved, ...)`` are found. Annotations, ``isinstance`` and ``case Approved(...)`` are
    not.
    """
    tree = ast.parse(source)
    names = {"Approved"} | {
        alias.asname
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
        if alias.name == "Approved" and alias.asname
    }

    def is_approved(node: ast.AST | None) -> bool:
        return (isinstance(node, ast.Name) and node.id in names) or (
            isinstance(node, ast.Attribute) and node.attr == "Approved"
        )

    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            checks_type = isinstance(node.func, ast.Name) and node.func.id in {
                "isinstance",
                "issubclass",
                "cast",
            }
            arguments = [*node.args, *(keyword.value for keyword in node.keywords)]
            passed_on = not checks_type and any(is_approved(part) for part in arguments)
            if is_approved(node.func) or passed_on:
                found.append(node.lineno)
        elif isinstance(
            node, ast.Assign | ast.AnnAssign | ast.NamedExpr | ast.Return
        ) and is_approved(node.value):
            found.append(node.lineno)
    return found


def test_only_the_guards_construct_approved(repo: Path) -> None:
    found = {
        name: lines
        for path in sorted((repo / "src").rglob("*.py"))
        if not (name := path.relative_to(repo).as_posix()).startswith(ALLOWED)
        and (lines := constructions(path.read_text()))
    }
    assert found == {}


@pytest.mark.parametrize(
    "source",
    [
        "Approved(order=order)",
        "from counterpoise.domain import plan\nplan.Approved(order=order)",
        "from counterpoise.domain.plan import Approved as Yes\nYes(order=order)",
        "make = Approved",
        "partial(Approved, order=order)",
        "def f():\n    return Approved",
        "items = [Approved(order=o) for o in orders]",
    ],
)
def test_the_scan_finds_a_construction(source: str) -> None:
    assert constructions(source)


@pytest.mark.parametrize(
    "source",
    [
        "def submit(order: Approved) -> None: ...",
        "isinstance(order, Approved)",
        "match verdict:\n    case Approved(order=order):\n        pass",
        "items: list[Approved] = []",
        "Refused(order=order)",
    ],
)
def test_the_scan_lets_uses_of_the_type_pass(source: str) -> None:
    assert constructions(source) == []
