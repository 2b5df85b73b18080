"""What goes to stdout: one JSON object, or tables for people. Everything else goes to stderr."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal

from counterpoise.domain.numbers import text

#: Version of every JSON object the commands print; fields are only added.
SCHEMA = 1


def print_json(document: Mapping[str, object]) -> None:
    """Print one JSON object, with its schema number first."""
    print(json.dumps({"schema": SCHEMA, **document}, default=_plain, ensure_ascii=False))


def print_table(title: str, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print an aligned table; columns whose name starts with ``>`` are set right (numbers)."""
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD, pad_edge=False)
    for column in columns:
        name = column.removeprefix(">")
        right = column.startswith(">")
        table.add_column(name, justify="right" if right else "left", no_wrap=right)
    for row in rows:
        # Text: what comes from an exchange or a config is shown as it is, never as markup
        table.add_row(*(Text(cell) for cell in row))
    width = None if sys.stdout.isatty() else 160
    Console(file=sys.stdout, width=width, highlight=False).print(table)


def warn(line: str) -> None:
    """Print a warning on stderr."""
    print(f"warning: {line}", file=sys.stderr)


def _plain(value: object) -> object:
    if isinstance(value, Decimal):
        return text(value)
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"expected a JSON value, was {type(value).__name__}")
