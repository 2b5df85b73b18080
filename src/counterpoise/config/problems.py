"""Every problem of a config file at once: each with its place, what was expected and what was there.

A problem is ``file:line:col path: expected X, was Y``, with a last part that says what to do where that is not
plain. One value tells one problem only: the first, because the others follow from it.
"""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterable
from dataclasses import dataclass

from counterpoise.domain.errors import ConfigError

#: Where a value is in a file: keys of mappings and indexes of lists, from the root.
Path = tuple[str | int, ...]


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Place:
    """A line and a column, both counted from 1."""

    line: int
    column: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One line of an error message."""

    place: Place
    path: Path
    text: str


def spelled(path: Path) -> str:
    """Return ``path`` as people write it: ``portfolios.main.strategies[0].id``."""
    made = ""
    for part in path:
        made += f"[{part}]" if isinstance(part, int) else f".{part}" if made else part
    return made


def nearest(word: str, known: Iterable[str]) -> str | None:
    """Return the member of ``known`` that ``word`` is most likely a misspelling of, None when none is near."""
    by_folded = {k.casefold(): k for k in known}
    found = difflib.get_close_matches(word.casefold(), by_folded, n=1, cutoff=0.6)
    return by_folded[found[0]] if found else None


def one_of(known: Iterable[str]) -> str:
    """Return ``a, b or c``."""
    *head, last = known
    return f"{', '.join(head)} or {last}" if head else last


class Problems:
    """Collects problems and raises them together, in the order of the file."""

    def __init__(self, file: os.PathLike[str] | str) -> None:
        self._file = os.fspath(file)
        self._found: dict[tuple[Path, Place], Problem] = {}

    def add(self, path: Path, place: Place, *, expected: str, was: str, hint: str = "") -> None:
        """Remember one problem, unless the value at this place already has one."""
        text = f"expected {expected}, was {was}" + (f"; {hint}" if hint else "")
        self._found.setdefault((path, place), Problem(place=place, path=path, text=text))

    def __bool__(self) -> bool:
        return bool(self._found)

    @property
    def lines(self) -> list[str]:
        """Every problem as one line, in the order of the file."""
        return [
            self.located(p.place, f"{spelled(p.path)}: {p.text}" if p.path else p.text)
            for p in sorted(self._found.values(), key=lambda p: p.place)
        ]

    def located(self, place: Place, text: str) -> str:
        """Return ``text`` behind the place it speaks of."""
        return f"{self._file}:{place.line}:{place.column} {text}"

    def raise_any(self) -> None:
        """Raise ConfigError with every problem, if there is any."""
        if self._found:
            raise ConfigError(self.lines)
