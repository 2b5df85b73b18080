"""Misspelt keys whose right name is certain: told, and then read under the right name.

So ``stratgies`` is one problem, and what stands wrong inside of it is told in the same run. The file is still
refused: the misspelling itself is a problem.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from difflib import SequenceMatcher
from functools import cache

from counterpoise.config.fields import NOT_YET
from counterpoise.config.models import RootModel
from counterpoise.config.problems import Path, nearest
from counterpoise.config.reading import Document, Node, plain
from counterpoise.config.schema import known_keys

_CERTAIN = 0.75


def mended(document: Document) -> Document:
    """Return ``document`` with certain misspellings put right; each is added to its problems."""
    root = _mended(document, document.root, (), plain(document.root))
    return replace(document, root=root)


def _mended(document: Document, node: Node, path: Path, data: object) -> Node:
    """``data`` is the whole file in plain values, so far as it is mended: it chooses between kinds."""
    value = node.value
    if isinstance(value, list):
        items = [_mended(document, item, (*path, i), data) for i, item in enumerate(value)]
        return replace(node, value=items)
    if not isinstance(value, dict):
        return node
    names = {key: _right_name(path, key, value, data) for key in value}
    wrong = [key for key, name in names.items() if name != key]
    here = _at(data, path)
    for key in wrong:
        document.problems.add(
            (*path, key), value[key].key,
            expected=f"a known key (did you mean {names[key]!r}?)", was=repr(key),
        )  # fmt: skip
        if isinstance(here, dict):
            here[names[key]] = here.pop(key)
    return replace(
        node,
        value={
            names[key]: _mended(document, child, (*path, names[key]), data)
            for key, child in value.items()
        },
    )


def _right_name(path: Path, key: str, value: Mapping[str, Node], data: object) -> str:
    known = known_keys(path, data)
    if not known or key in known or key in _not_yet():
        return key
    near = nearest(key, known)
    if near is None or near in value:
        return key
    alike = [k for k in value if k not in known and nearest(k, known) == near]
    sure = SequenceMatcher(None, key.casefold(), near.casefold()).ratio() >= _CERTAIN
    return near if sure and alike == [key] else key


def _at(data: object, path: Path) -> object:
    for part in path:
        if isinstance(data, dict):
            data = data.get(part)
        elif isinstance(data, list) and isinstance(part, int):
            data = data[part]
    return data


@cache
def _not_yet() -> frozenset[str]:
    """Keys of later versions: they have a message of their own."""
    found: set[str] = set()

    def walk(part: object) -> None:
        if isinstance(part, dict):
            found.update(k for k, v in part.items() if isinstance(v, dict) and NOT_YET in v)
            for child in part.values():
                walk(child)

    walk(RootModel.model_json_schema())
    return frozenset(found)
