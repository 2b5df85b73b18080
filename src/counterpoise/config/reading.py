"""YAML as a tree of scalars, lists and mappings in which everything knows its place.

The tree is made from ruamel.yaml's nodes, not from the objects it would construct: so a number keeps its source
text until it becomes a Decimal, ``yes`` and ``NO`` stay text, every duplicate key is seen, and no tag can make
an object. Reading needs nothing but the file.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path as FilePath
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, ScalarNode, SequenceNode
from ruamel.yaml.reader import ReaderError

from counterpoise.config.problems import Path, Place, Problems
from counterpoise.config.syntax import explained
from counterpoise.config.units import is_number
from counterpoise.domain.errors import ConfigError
from counterpoise.domain.numbers import dec

_NULLS = frozenset({"", "~", "null", "Null", "NULL"})
_TRUE, _FALSE = frozenset({"true", "True", "TRUE"}), frozenset({"false", "False", "FALSE"})
_MAX_NODES = 50_000  # aliases of aliases may unfold without end
_START = Place(line=1, column=1)

Scalar = str | Decimal | bool | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """A value and where it stands; ``key`` is where its key stands (itself for the root and list items)."""

    value: Scalar | list[Node] | dict[str, Node]
    place: Place
    key: Place
    source: str | None = None

    @property
    def was(self) -> str:
        """What stands there, as an error tells it; the value behind ``${...}`` is never shown."""
        if isinstance(self.value, dict):
            return "a mapping" if self.value else "an empty mapping"
        if isinstance(self.value, list):
            return "a list" if self.value else "an empty list"
        if self.value is None:
            return "empty"
        if isinstance(self.value, str):
            return f"{self.source!r}" if len(self.source or "") <= 80 else "a long text"
        return self.source or str(self.value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A whole file. ``problems`` already holds what reading found (duplicate keys)."""

    path: FilePath
    root: Node
    problems: Problems

    def find(self, path: Path) -> Node | None:
        """Return the node at ``path``, None when there is none."""
        node = self.root
        for part in path:
            value = node.value
            below: Node | None = None
            if isinstance(value, dict) and isinstance(part, str):
                below = value.get(part)
            elif isinstance(value, list) and isinstance(part, int) and part < len(value):
                below = value[part]
            if below is None:
                return None
            node = below
        return node

    def complain(
        self, path: Path, expected: str, *, was: str | None = None, hint: str = ""
    ) -> None:
        """Remember that the value at ``path`` is not ``expected``; a missing one is told where its mapping is."""
        node = self.find(path)
        if node is not None:
            said = node.was if was is None else was
            self.problems.add(path, node.place, expected=expected, was=said, hint=hint)
            return
        said = "missing" if was is None else was
        self.problems.add(path, self._nearest(path).key, expected=expected, was=said, hint=hint)

    def complain_of_key(self, path: Path, expected: str, was: str, hint: str = "") -> None:
        """Remember that the key at ``path`` should not be there."""
        self.problems.add(path, self._nearest(path).key, expected=expected, was=was, hint=hint)

    def _nearest(self, path: Path) -> Node:
        while path:
            node = self.find(path)
            if node is not None:
                return node
            path = path[:-1]
        return self.root


def read(path: str | os.PathLike[str]) -> Document:
    """Read the YAML file at ``path``.

    Raises
    ------
    ConfigError
        When there is no such file, it is no YAML, or it holds no mapping.
    """
    return parse(_contents(FilePath(path)), FilePath(path))


def parse(content: str, path: FilePath) -> Document:
    """Return ``content`` as a Document; ``path`` is what its errors name. Raises ConfigError like ``read``."""
    problems = Problems(path)
    try:
        tree = YAML(typ="safe", pure=True).compose(content)
    except MarkedYAMLError as error:
        raise ConfigError([problems.located(*explained(error, content))]) from None
    except ReaderError as error:
        raise ConfigError([f"{path}: expected YAML text, was {error.reason}"]) from None
    except YAMLError as error:
        raise ConfigError([f"{path}: expected YAML, was {error}"]) from None
    expected = "a mapping with the keys store, venues and portfolios"
    if tree is None:
        raise ConfigError([problems.located(_START, f"expected {expected}, was an empty file")])
    root = _Walk(problems).node(tree, (), None)
    document = Document(path=path, root=root, problems=problems)
    if not isinstance(root.value, dict):
        document.complain((), expected)
        problems.raise_any()
    return document


def _contents(path: FilePath) -> str:
    try:
        return path.read_bytes().decode("utf-8-sig")
    except FileNotFoundError:
        was = "missing; write one, or name yours with -c FILE or $COUNTERPOISE_CONFIG"
    except IsADirectoryError:
        was = "a folder; name the file in it"
    except UnicodeDecodeError as error:
        was = f"not UTF-8 at byte {error.start}; save it as UTF-8"
    except OSError as error:
        was = f"unreadable: {error.strerror}"
    raise ConfigError([f"{path}: expected a config file, was {was}"])


class _Walk:
    """Turns ruamel's nodes into ours, once."""

    def __init__(self, problems: Problems) -> None:
        self._problems = problems
        self._open: set[int] = set()
        self._count = 0

    def node(self, node: Any, path: Path, key: Place | None) -> Node:
        place = Place(line=node.start_mark.line + 1, column=node.start_mark.column + 1)
        key = key or place
        self._count += 1
        if id(node) in self._open or self._count > _MAX_NODES:
            self._problems.add(
                path, place, expected="a file without endless aliases", was="an alias of itself"
                if id(node) in self._open else f"more than {_MAX_NODES} values",
            )  # fmt: skip
            self._problems.raise_any()
        self._open.add(id(node))
        try:
            return self._made(node, path, place, key)
        finally:
            self._open.discard(id(node))

    def _made(self, node: Any, path: Path, place: Place, key: Place) -> Node:
        if not node.tag.startswith("tag:yaml.org,2002:") or "/" in node.tag[10:]:
            self._problems.add(path, place, expected="a plain value", was=f"the tag {node.tag}")
        if isinstance(node, MappingNode):
            return Node(value=self._mapping(node, path), place=place, key=key)
        if isinstance(node, SequenceNode):
            items = [self.node(item, (*path, i), None) for i, item in enumerate(node.value)]
            return Node(value=items, place=place, key=key)
        return Node(value=_scalar(node), place=place, key=key, source=node.value)

    def _mapping(self, node: MappingNode, path: Path) -> dict[str, Node]:
        made: dict[str, Node] = {}
        for key, value in node.value:
            place = Place(line=key.start_mark.line + 1, column=key.start_mark.column + 1)
            if not isinstance(key, ScalarNode):
                self._problems.add(
                    path, place, expected="a key that is a plain text", was="a list or mapping"
                )
                continue
            child = (*path, key.value)
            if key.value == "<<":
                self._problems.add(child, place, expected="keys written out", was="a merge (<<)")
            elif key.value in made:
                first = made[key.value].key
                self._problems.add(
                    child, place,
                    expected=f"each key once (first on line {first.line})", was=f"{key.value!r} again",
                )  # fmt: skip
            else:
                made[key.value] = self.node(value, child, place)
        return made


def _scalar(node: ScalarNode) -> Scalar:
    text: str = node.value
    if node.style is not None or node.tag == "tag:yaml.org,2002:str":
        return text
    if text in _NULLS:
        return None
    if text in _TRUE or text in _FALSE:
        return text in _TRUE
    return dec(text) if is_number(text) else text


def plain(node: Node) -> Any:
    """Return ``node`` as plain dicts, lists and scalars, without places."""
    value = node.value
    if isinstance(value, dict):
        return {key: plain(child) for key, child in value.items()}
    if isinstance(value, list):
        return [plain(item) for item in value]
    return value


def child_of(node: Node | None, key: str) -> Node | None:
    """Return the value of ``key`` when ``node`` is a mapping that has it."""
    if node is None or not isinstance(node.value, Mapping):
        return None
    return node.value.get(key)
