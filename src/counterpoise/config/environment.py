"""``${NAME}`` in any text of the config becomes the environment variable's value.

Keys are left alone, ``$${`` writes a literal ``${``. A variable that is not set, or a text that comes out empty, is
an error: an empty key or a default nobody wrote would trade somewhere else than meant. What a node *shows* in errors
stays ``${NAME}``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace

from counterpoise.config.problems import Path, Problems
from counterpoise.config.reading import Document, Node

_REFERENCE = re.compile(r"\$\$\{|\$\{([^}]*)\}|\$\{")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def expanded(document: Document, env: Mapping[str, str]) -> Document:
    """Return ``document`` with every ``${NAME}`` replaced; unset names are added to its problems."""
    root = expand(document.root, (), env, document.problems)
    return replace(document, root=root)


def expand(node: Node, path: Path, env: Mapping[str, str], problems: Problems) -> Node:
    """Return ``node``, which stands at ``path``, with every ``${NAME}`` below it replaced."""
    value = node.value
    if isinstance(value, dict):
        return replace(
            node, value={k: expand(v, (*path, k), env, problems) for k, v in value.items()}
        )
    if isinstance(value, list):
        return replace(
            node, value=[expand(v, (*path, i), env, problems) for i, v in enumerate(value)]
        )
    if isinstance(value, str) and "${" in value:
        return replace(node, value=_replaced(value, node, path, env, problems))
    return node


def _replaced(text: str, node: Node, path: Path, env: Mapping[str, str], problems: Problems) -> str:
    def one(match: re.Match[str]) -> str:
        if match[0] == "$${":
            return "${"
        name = match[1]
        if name is None or not _NAME.fullmatch(name):
            problems.add(
                path, node.place,
                expected="a reference such as ${BINANCE_KEY}", was=node.was,
                hint="write $${ for a literal ${",
            )  # fmt: skip
            return ""
        if name not in env:
            problems.add(
                path, node.place,
                expected=f"the environment variable {name}", was="not set",
                hint=f"set it before starting: export {name}=...",
            )  # fmt: skip
            return ""
        return env[name]

    made = _REFERENCE.sub(one, text)
    names = [m[1] for m in _REFERENCE.finditer(text) if m[1] and m[1] in env]
    if not made and names:
        problems.add(
            path, node.place,
            expected=f"the environment variable {names[0]} with a value", was="empty",
            hint=f"set it before starting: export {names[0]}=...",
        )  # fmt: skip
    return made
