"""Words with ``{name}`` in them that are filled in: nothing but names, ``{{`` and ``}}`` for braces. Pure.

No formats, no attributes, no indexes: a template can neither reach into anything nor grow beyond what it names.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

_PART = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|[{}]|[^{}]+")
_NAME = re.compile(r"[a-z][a-z0-9_]*", re.ASCII)
#: What a template of any kind may name, beside the values of that kind: (name, what it is).
COMMON: Mapping[str, str] = {
    "text": "the standard text",
    "title": "the standard title",
    "portfolio": "the portfolio's id",
    "severity": "info, warning or critical",
    "category": "what it is about, as in routing",
    "at": "when it was raised, by the clock of the zone",
    "since": "when the oldest of the message was raised",
    "count": "how many alerts the message has",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """``parts`` are (words, name) in order: the words, then the value of that name, None for none."""

    parts: tuple[tuple[str, str | None], ...]

    @property
    def names(self) -> tuple[str, ...]:
        """The names in it, each once, in order."""
        return tuple(dict.fromkeys(name for _, name in self.parts if name is not None))

    def fill(self, values: Mapping[str, str]) -> str | None:
        """Return the words with ``values`` in them; None where one is missing. What is filled in is not read again."""
        if any(name not in values for name in self.names):
            return None
        return "".join(
            words + (values[name] if name is not None else "") for words, name in self.parts
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertTemplate:
    """The words of people's own for one kind of alert; None: the standard ones."""

    title: Template | None = None
    text: Template | None = None


def template(written: str) -> Template:
    """Return ``written`` as a template. Raises ValueError, in the words of an expectation, for anything else."""
    parts: list[tuple[str, str | None]] = []
    for found in _PART.finditer(written):
        said, name = found[0], found[1]
        if said in {"{{", "}}"}:
            parts.append((said[0], None))
        elif name is not None and _NAME.fullmatch(name):
            parts.append(("", name))
        elif said[0] in "{}":
            raise ValueError("{name} with a plain name in it, and {{ or }} for a brace")
        else:
            parts.append((said, None))
    return Template(parts=tuple(parts))
