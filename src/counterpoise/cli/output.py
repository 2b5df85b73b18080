"""What goes to stdout: one JSON object, or tables for people. Everything else goes to stderr."""

from __future__ import annotations

import io
import json
import os
import shutil
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal

from counterpoise.domain.numbers import text

#: Version of every JSON object the commands print; fields are only added.
SCHEMA = 1
_PIPE_WIDTH = 160


def print_json(document: Mapping[str, object]) -> None:
    """Print one JSON object, with its schema number first."""
    print(json_text(document))


def json_text(document: Mapping[str, object]) -> str:
    """Return one JSON object in a line, with its schema number first."""
    return json.dumps({"schema": SCHEMA, **document}, default=_plain, ensure_ascii=False)


def print_table(
    title: str, columns: Sequence[str], rows: Iterable[Sequence[str]], *, at_least: int = 0
) -> None:
    """Print an aligned table; columns whose name starts with ``>`` are set right (numbers) and never wrap.

    Nor do those that start with ``!``. Into a pipe it goes without trailing blanks. ``at_least`` columns are used
    even where there are fewer.
    """
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(
        title=title,
        title_justify="left",
        box=SIMPLE_HEAD,
        show_edge=False,
        pad_edge=False,
        padding=(0, 1, 0, 0),
    )
    for column in columns:
        right, whole = column.startswith(">"), column.startswith((">", "!"))
        name = column.lstrip(">!")
        # folded: a name that is cut names nothing
        table.add_column(name, justify="right" if right else "left", no_wrap=whole, overflow="fold")
    for row in rows:
        # Text: what comes from an exchange or a config is shown as it is, never as markup
        table.add_row(*(Text(cell) for cell in row))
    if sys.stdout.isatty():
        Console(file=sys.stdout, width=max(width(), at_least), highlight=False).print(table)
        return
    drawn = io.StringIO()
    Console(file=drawn, width=max(width(), at_least), highlight=False).print(table)
    print("\n".join(line.rstrip() for line in drawn.getvalue().splitlines()))


def width() -> int:
    """Return how wide stdout is: ``$COLUMNS``, else the terminal's width, else (a pipe) 160."""
    written = os.environ.get("COLUMNS", "")
    if written.isdecimal() and int(written) > 0:
        return int(written)
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else _PIPE_WIDTH


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
