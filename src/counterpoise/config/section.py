"""A part of the file as the cross checks see it: what can be read of it, and where a problem of it is told.

Cross checks run on what is written, not on what has passed the shape check, so that a file with a misspelt key
*and* a window that ends before it begins tells both at once. What cannot be read is None; the shape check has
told why.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from counterpoise.config.problems import Path
from counterpoise.config.reading import Document, Node, plain
from counterpoise.config.units import Expected

T = TypeVar("T")


def soft(read: Callable[[object], T], node: Node | None) -> T | None:
    """Return what ``read`` makes of the node's value, None when there is none or it does not fit."""
    if node is None:
        return None
    try:
        return read(plain(node))
    except Expected:
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """The part of ``document`` at ``path``; every ``keys`` below goes on from there."""

    document: Document
    path: Path

    def at(self, *keys: str | int) -> Section:
        """Return a part of this part; it need not be there."""
        return Section(document=self.document, path=(*self.path, *keys))

    def has(self, *keys: str | int) -> bool:
        """Return whether something is written there, be it wrong."""
        return self._node(*keys) is not None

    def is_mapping(self, *keys: str | int) -> bool:
        """Return whether a mapping is written there."""
        node = self._node(*keys)
        return node is not None and isinstance(node.value, dict)

    def read(self, reader: Callable[[object], T], *keys: str | int) -> T | None:
        """Return the value there, None when there is none or it does not fit."""
        return soft(reader, self._node(*keys))

    def is_true(self, *keys: str | int) -> bool:
        """Return whether ``true`` is written there."""
        node = self._node(*keys)
        return node is not None and node.value is True

    def is_false(self, *keys: str | int) -> bool:
        """Return whether ``false`` is written there."""
        node = self._node(*keys)
        return node is not None and node.value is False

    def word(self, *keys: str | int) -> str | None:
        """Return the text there."""
        node = self._node(*keys)
        return node.value if node is not None and isinstance(node.value, str) else None

    def written(self, *names: str) -> list[str]:
        """Return those of ``names`` that are keys here, in the order of the file."""
        node = self._node()
        keys = node.value if node is not None and isinstance(node.value, dict) else {}
        return [key for key in keys if key in names]

    def items(self, *keys: str | int) -> tuple[Section, ...]:
        """Return the items of the list there."""
        node = self._node(*keys)
        count = len(node.value) if node is not None and isinstance(node.value, list) else 0
        return tuple(self.at(*keys, i) for i in range(count))

    def complain(
        self, keys: Path, expected: str, *, was: str | None = None, hint: str = ""
    ) -> None:
        """Remember that the value there is not ``expected``."""
        self.document.complain((*self.path, *keys), expected, was=was, hint=hint)

    def complain_of_key(self, key: str, expected: str, hint: str = "") -> None:
        """Remember that ``key`` should not be here."""
        self.document.complain_of_key((*self.path, key), expected, was=repr(key), hint=hint)

    def one_of(self, names: tuple[str, ...], missing: str, *, needed: bool = True) -> str | None:
        """Return the one of ``names`` that is here; two, or none where one is ``needed``, are a problem."""
        found = self.written(*names)
        if len(found) > 1:
            either = " or ".join(names) if len(names) == 2 else f"one of {', '.join(names)}"
            both = "both" if len(names) == 2 else " and ".join(found)
            self.complain(
                (found[1],), either, was=both, hint="remove one" if both == "both" else ""
            )
        elif not found and needed:
            self.complain((names[0],), missing)
        return found[0] if len(found) == 1 else None

    def _node(self, *keys: str | int) -> Node | None:
        return self.document.find((*self.path, *keys))
