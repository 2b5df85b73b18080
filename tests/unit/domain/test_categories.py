"""Every kind of alert that is raised anywhere has a category: found in the source, not in a list beside it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from counterpoise.config.alerts import RoutingModel
from counterpoise.domain.categories import CATEGORIES, Category, category_of
from counterpoise.domain.events import Severity
from counterpoise.notify import clearing

SOURCE = Path(__file__).parents[3] / "src" / "counterpoise"
#: Rooms in which alerts are made, and keys of lasting conditions.
ROOMS = ("app", "notify", "domain")
#: ``word:...`` that is no key of a condition, by who writes it.
NO_KEYS = {"https", "http", "sqlite", "adopt", "convert"}
#: What makes an alert, and where the kind stands in its arguments.
MAKERS = {"alert": 1, "_told": 1, "condition_raised": 2, "condition_cleared": 2}


def trees() -> Iterator[tuple[Path, ast.Module]]:
    for room in ROOMS:
        for file in sorted((SOURCE / room).rglob("*.py")):
            yield file, ast.parse(file.read_text())


def start_of(node: ast.AST) -> str | None:
    """The text that a string, or an f-string, begins with."""
    if isinstance(node, ast.JoinedStr) and node.values:
        return start_of(node.values[0])
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def kinds_of_events() -> dict[str, str]:
    """Kinds given as text to what makes alerts -> where."""
    found: dict[str, str] = {}
    for file, tree in trees():
        for node in ast.walk(tree):
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
                continue
            place = MAKERS.get(node.func.id)
            if place is None or len(node.args) <= place:
                continue
            kind = node.args[place]
            if isinstance(kind, ast.Constant) and isinstance(kind.value, str):
                found[kind.value] = f"{file.name}:{node.lineno}"
    return found


def kinds_of_conditions() -> dict[str, str]:
    """The first words of every key that is yielded, returned, assigned or passed on -> where."""
    found: dict[str, str] = {}
    for file, tree in trees():
        if not {"alert", "Severity"} & set(re.findall(r"\w+", file.read_text())):
            continue
        for node in ast.walk(tree):
            word, colon, rest = (start_of(node) or "").partition(":")
            if not colon or not word.replace("_", "").isalpha() or not word.islower():
                continue
            # a sentence has a space after its colon
            if word not in NO_KEYS and not rest.startswith((" ", "/")):
                found[word] = f"{file.name}:{getattr(node, 'lineno', 0)}"
    return found


def test_every_kind_that_is_raised_has_a_category() -> None:
    events, conditions = kinds_of_events(), kinds_of_conditions()
    # the search itself finds what is known to be there
    assert {"coins_traded", "operator", "approval", "position"} <= events.keys()
    assert {"venue", "margin", "refused", "look", "dead_man", "carry_ask"} <= (
        conditions.keys() | clearing._CLEARED.keys()
    )
    found = events | conditions
    assert {kind: where for kind, where in found.items() if kind not in CATEGORIES} == {}
    for kind in (*clearing._CLEARED, "hedge_opened", "hedge_closed"):
        assert kind in CATEGORIES


def test_a_kind_of_another_version_is_told_all_the_same() -> None:
    assert category_of("no_such_kind") is Category.OTHER


def test_people_can_route_every_severity_and_category() -> None:
    words = {*(s.value for s in Severity), *(c.value for c in Category)}
    assert set(RoutingModel.model_fields) == words
    assert len(words) == len(Severity) + len(Category)
